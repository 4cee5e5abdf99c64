"""Bars on lanes: what a timeline and a trace are drawn from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.model import Round, Span
from pytest_wfperf.report.timeline import timeline


def span(path, start, end, **rest):
    busy = end - start
    data = {"count": 1, "total_ns": busy, "min_ns": busy, "max_ns": busy, "own_ns": busy}
    return Span(path=path, start_ns=start, end_ns=end, **(data | rest))


def bars(*spans, critical=()):
    return {bar.path: bar for bar in timeline(Round(total_ns=100, spans=spans), critical)}


def test_steps_that_follow_each_other_share_the_lane_and_nested_ones_lie_inside():
    found = bars(span("a", 0, 40), span("a/b", 10, 20), span("a/b/c", 12, 20), span("d", 40, 50))
    assert [(bar.lane, bar.depth, bar.name) for bar in found.values()] == [
        (0, 0, "a"),
        (0, 1, "b"),
        (0, 2, "c"),
        (0, 0, "d"),
    ]


def test_steps_at_once_have_lanes_of_their_own_which_are_used_again():
    found = bars(span("a", 0, 40), span("b", 10, 30), span("b/c", 12, 20), span("d", 30, 60), span("e", 40, 50))
    assert {path: bar.lane for path, bar in found.items()} == {"a": 0, "b": 1, "b/c": 1, "d": 1, "e": 0}


def test_a_step_that_outlives_the_one_around_it_leaves_its_lane():
    found = bars(span("a", 0, 20), span("a/b", 10, 30))
    assert (found["a/b"].lane, found["a/b"].depth) == (1, 1)


def test_names_may_hold_slashes_and_edges_are_resolved_beside_the_step():
    found = bars(
        span("a", 0, 90), span("a/x/y", 0, 20), span("a/z", 20, 30, after=("x/y",)), span("b", 90, 95, after=("a",))
    )
    assert (found["a/x/y"].name, found["a/z"].after, found["b"].after) == ("x/y", ("a/x/y",), ("a",))


def test_what_is_critical_is_marked():
    found = bars(span("a", 0, 40), span("b", 10, 30), critical=["a"])
    assert [bar.critical for bar in found.values()] == [True, False]


PATHS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(PATHS, st.tuples(st.integers(0, 30), st.integers(0, 20)), max_size=20))
def test_on_a_lane_bars_nest_or_follow_each_other(times):
    found = timeline(Round(total_ns=60, spans=tuple(span(path, at, at + took) for path, (at, took) in times.items())))
    assert {bar.path for bar in found} == times.keys()
    for one in found:
        for other in found:
            if one is not other and one.lane == other.lane:
                apart = one.end_ns <= other.start_ns or other.end_ns <= one.start_ns
                inside = other.path.startswith(f"{one.path}/") and other.end_ns <= one.end_ns
                around = one.path.startswith(f"{other.path}/") and one.end_ns <= other.end_ns
                assert apart or inside or around
