"""Edges that never mattered, and order that nobody declared."""

from __future__ import annotations

import pytest

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.model import Environment, Launch, Profile, Round, Span


def taken(*rows):
    """A round of steps given as (path, start, end, what it comes after, and its time at work if that is less)."""
    spans = []
    for path, start, end, after, *work in rows:
        ns = dict.fromkeys(("total_ns", "min_ns", "max_ns", "own_ns"), *(work or [end - start]))
        spans.append(Span(path=path, count=1, start_ns=start, end_ns=end, after=after, **ns))
    return Round(total_ns=max(row[2] for row in rows), spans=tuple(spans))


def analysed(*rounds):
    return analyse(Profile(workflow="w", environment=Environment(facts=()), launches=(Launch(rounds=rounds),)))


def unused(*rounds):
    return [(e.after, e.step, e.rounds, e.margin_ns, e.overlap_ns) for e in analysed(*rounds).unused_edges]


def hidden(*rounds):
    return [(o.after, o.step, o.rounds, o.critical, o.overlap_ns) for o in analysed(*rounds).hidden_order]


def joined(small, big, *, extra=0):
    return taken(("small", 0, small, ()), ("big", 0, big, ()), ("end", big + extra, big + extra + 30, ("small", "big")))


def test_an_edge_that_is_always_done_long_before_never_matters():
    assert unused(joined(20, 100), joined(20, 90)) == [("small", "end", 2, 70, 20)]


def test_an_edge_from_a_step_that_takes_no_time_has_nothing_to_gain():
    assert unused(joined(0, 100)) == []


def test_one_round_in_which_it_is_near_is_enough_to_matter():
    assert unused(joined(20, 100), joined(60, 100)) == []


def test_an_edge_that_held_a_step_up_for_want_of_a_worker_matters():
    late = taken(("big", 0, 100, ()), ("small", 100, 120, ()), ("end", 120, 150, ("small", "big")))
    assert unused(late) == []


def test_the_only_edge_of_a_step_always_matters():
    assert unused(taken(("a", 0, 1, ()), ("b", 90, 100, ("a",)))) == []


@pytest.mark.parametrize("between", [["b"], ["b", "c", "d"]])
def test_an_edge_that_a_chain_of_others_implies_is_no_candidate(between):
    rows, before, at = [("a", 0, 10, ())], "a", 10
    for name in between:
        rows.append((name, at, at + 50, (before,)))
        before, at = name, at + 50
    assert unused(taken(*rows, ("end", at, at + 10, ("a", before)))) == []


def test_the_weightiest_ten_unused_edges_are_told():
    rows = [(f"s{i}", 0, i, ()) for i in range(1, 15)]
    found = unused(taken(*rows, ("big", 0, 100, ()), ("end", 100, 120, (*(path for path, *_ in rows), "big"))))
    assert [row[0] for row in found] == [f"s{i}" for i in range(14, 4, -1)]


def chain(*paths, after):
    return taken(*[(path, 10 * i, 10 * i + 10 - len(path), after.get(path, ())) for i, path in enumerate(paths)])


def test_independent_steps_that_always_ran_one_after_another_are_hidden_serialisation():
    after = {"b": ("a",), "cc": ("a",), "d": ("b", "cc")}
    assert hidden(chain("a", "b", "cc", "d", after=after), chain("a", "b", "cc", "d", after=after)) == [
        ("b", "cc", 2, 2, 8)
    ]


def test_an_order_that_a_chain_of_edges_asks_for_is_not_hidden():
    def rows(wanted):
        placeless = ("m", 10, 90, wanted, 5)
        return taken(("a", 0, 10, ()), placeless, ("x", 0, 120, ()), ("c", 95, 125, ("m",)))

    assert hidden(rows(())) == [("a", "c", 1, 1, 10)]
    assert hidden(rows(("a",))) == []


def test_a_step_that_waits_for_one_it_does_not_come_after_is_hidden_serialisation():
    run = taken(("a", 0, 10, ()), ("b", 10, 20, ("a",)), ("x", 0, 25, ()), ("c", 25, 30, ("b",)))
    assert hidden(run) == [("x", "c", 1, 1, 5)]


def test_an_order_that_was_not_kept_in_every_round_is_chance():
    after = {"b": ("a",), "c": ("a",)}
    assert hidden(chain("a", "b", "c", after=after), chain("a", "c", "b", after=after)) == []


def test_where_nothing_is_declared_no_order_is_hidden():
    assert hidden(chain("a", "b", "c", after={})) == []


def test_order_on_the_critical_path_is_told_first():
    def rows(*, x_end):
        return taken(
            ("a", 0, 5, ()), ("p", 5, 60, ("a",)), ("q", 60, 100, ()),
            ("x", 5, x_end, ("a",)), ("y", x_end, x_end + 48, ()),
        )  # fmt: skip

    assert [(o[0], o[1], o[3]) for o in hidden(rows(x_end=50))] == [("p", "q", 1), ("x", "y", 0)]
