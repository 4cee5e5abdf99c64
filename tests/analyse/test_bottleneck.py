"""Where the time goes, in rounds whose every nanosecond is known."""

from __future__ import annotations

import random

import pytest

from pytest_wfperf.analyse.bottleneck import bottlenecks
from pytest_wfperf.analyse.graph import graphs
from pytest_wfperf.measure.totals import Total
from pytest_wfperf.model import Round, Span


def span(path, start, end, **more):
    ns = end - start
    more = dict.fromkeys(("total_ns", "own_ns", "min_ns", "max_ns"), ns) | {"count": 1} | more
    return Span(path=path, start_ns=start, end_ns=end, **more)


def found_in(*rounds):
    levels = {}
    for one in rounds:
        for graph in graphs(one):
            levels.setdefault(graph.path, []).append(graph)
    return bottlenecks(rounds, levels)


def taken(total, *spans):
    return Round(total_ns=total, spans=spans)


def test_the_slowest_by_own_time_and_by_total():
    found = found_in(
        *[taken(1000, span("outer", 0, ns, own_ns=30), span("outer/in", 0, ns - 30), span("b", ns, ns + 100, count=n))
          for ns, n in ((500, 1), (600, 2), (880, 4))]
    )  # fmt: skip
    assert [(c.path, c.own_ns, c.own_share) for c in found.by_own] == [
        ("outer/in", 570, 0.57), ("b", 100, 0.1), ("outer", 30, 0.03),
    ]  # fmt: skip
    assert [(c.path, c.total_ns, c.share) for c in found.by_total] == [
        ("outer", 600, 0.6), ("outer/in", 570, 0.57), ("b", 100, 0.1),
    ]  # fmt: skip
    assert [c.path for c in found.heavy] == ["outer", "outer/in"]
    (b,) = [c for c in found.by_own if c.path == "b"]
    assert (b.count, b.rounds, found.rounds, found.total_ns) == (2, 3, 3, 1000)


def test_ten_are_told_but_all_that_are_heavy():
    spans = [span(f"s{i}", 0, 500 + i) for i in range(12)]
    found = found_in(taken(1000, *spans))
    assert [c.path for c in found.by_own] == [f"s{i}" for i in range(11, 1, -1)]
    assert len(found.heavy) == 12


def test_a_step_of_some_rounds_is_told_with_their_number():
    found = found_in(taken(100, span("always", 0, 50)), taken(100, span("always", 0, 50), span("rare", 50, 90)))
    assert {c.path: (c.rounds, c.own_ns) for c in found.by_own} == {"always": (2, 50), "rare": (1, 40)}


def test_parallelism_is_all_own_time_over_the_rounds():
    assert found_in(taken(100, span("a", 0, 100), span("b", 0, 80))).parallelism == pytest.approx(1.8)
    assert found_in(taken(100, span("a", 0, 40), span("b", 40, 80))).parallelism == pytest.approx(0.8)


def test_waiting_by_median_then_worst():
    found = found_in(
        *[taken(100, span("q", 20, 50, waited_ns=ns), span("rare", 0, 9, waited_ns=90 * (ns == 30)), span("no", 0, 1))
          for ns in (10, 20, 30)]
    )  # fmt: skip
    assert [(w.path, w.waited_ns, w.worst_ns, w.share) for w in found.waits] == [("q", 20, 30, 0.2), ("rare", 0, 90, 0)]


def test_retries_add_up_over_rounds():
    found = found_in(
        taken(100, span("flaky", 50, 60, retries=2, retry_ns=40)), taken(100, span("flaky", 0, 10)),
        taken(200, span("flaky", 10, 20, retries=1, retry_ns=10), span("sound", 0, 5)),
    )  # fmt: skip
    assert [(r.path, r.retries, r.rounds, r.lost_ns, r.share) for r in found.retries] == [("flaky", 3, 2, 50, 0.125)]


def test_gaps_before_between_and_after_the_steps_of_every_level():
    found = found_in(
        taken(
            200,
            span("a", 10, 60),
            span("b", 75, 180, own_ns=25),
            span("b/x", 80, 120),
            span("b/y", 130, 170),
            span("loop", 185, 195, own_ns=0),
        )
    )
    assert {g.path: (g.first_ns, g.between_ns, g.last_ns, g.total_ns, g.share) for g in found.gaps} == {
        "": (10, 20, 5, 35, 0.175), "b": (5, 10, 10, 25, 0.125),
    }  # fmt: skip


def test_the_gap_inside_a_step_entered_several_times_is_its_own_time():
    looped = span("loop", 0, 100, count=5, total_ns=50, own_ns=12)
    found = found_in(taken(100, looped, span("loop/x", 3, 99, count=5, total_ns=38, own_ns=38)))
    assert [(g.path, g.first_ns, g.between_ns, g.last_ns) for g in found.gaps] == [("", 0, 50, 0), ("loop", 0, 12, 0)]


def test_a_round_without_steps_has_nothing_to_tell():
    found = found_in(taken(100))
    assert (found.by_own, found.gaps, found.parallelism) == ((), (), 0)


def repeated(path, durations):
    total, at = Total(), 0
    for ns in durations:
        total.add(at, at + round(ns), 0)
        at += round(ns)
    return taken(at, total.span(path, 0))


def test_growth_is_told_from_one_round_of_many_entries():
    rng = random.Random(1)
    (growth,) = found_in(repeated("s", [1000 + 20 * i + rng.gauss(0, 60) for i in range(100)])).growth
    assert (growth.path, growth.rounds, growth.count) == ("s", 1, 100)
    assert growth.growth_ns == pytest.approx(2000, rel=0.1)
    assert growth.mean_ns == pytest.approx(2000, rel=0.1)
    assert growth.ratio == pytest.approx(1, rel=0.1)


def test_a_hiccup_in_one_round_does_not_hide_the_growth_of_the_others():
    grown = repeated("s", [1000 + 20 * i for i in range(60)])
    hiccup = repeated("s", [1000 + 20 * i + 50_000 * (i == 3) for i in range(60)])
    assert [g.path for g in found_in(grown, hiccup, grown).growth] == ["s"]
    assert found_in(hiccup).growth == ()


def test_growth_of_few_entries_is_told_once_rounds_agree():
    grown = repeated("s", [1000, 3000, 1000, 2200])
    assert found_in(*[grown] * 13).growth == ()
    assert [g.path for g in found_in(*[grown] * 14).growth] == ["s"]


def test_rounds_that_clearly_shrink_speak_against_those_that_may_have_grown():
    shrunk, maybe = repeated("s", range(5000, 1000, -100)), repeated("s", [1000, 3000, 1000, 2200])
    assert found_in(*[shrunk] * 3, *[maybe] * 4).growth == ()


def test_a_little_growth_is_not_told_and_shrinking_is_none():
    assert found_in(*[repeated("s", [1000 + i for i in range(50)])] * 20).growth == ()
    assert found_in(*[repeated("s", range(5000, 1000, -100))] * 20).growth == ()


@pytest.mark.parametrize(("rounds", "entries"), [(1, 5), (1, 60), (8, 10), (30, 8)])
def test_steps_that_do_not_grow_are_hardly_ever_told(rounds, entries):
    rng = random.Random(rounds * entries)
    told = 0
    for _ in range(400):
        told += bool(
            found_in(
                *[repeated("s", [1000 * rng.lognormvariate(0, 0.8) for _ in range(entries)]) for _ in range(rounds)]
            ).growth
        )
    assert told <= 2
