"""Critical paths, slack and drag: by hand, and against networkx and plain recomputation."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.analyse.critical_path import declared, observed
from pytest_wfperf.analyse.graph import Graph, Task
from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.model import Environment, Launch, Profile, Round, Span


def graph(*tasks, end=None):
    end = max([t.end_ns for t in tasks], default=0) if end is None else end
    tasks = tuple(sorted(tasks, key=lambda t: (t.start_ns, t.end_ns)))
    return Graph(path="", start_ns=0, end_ns=end, duration_ns=end, own_ns=0, tasks=tasks)


def ran(path, start, end, after=()):
    return Task(path=path, duration_ns=end - start, start_ns=start, end_ns=end, after=after)


def by_path(found, *fields):
    return {t.path: tuple(getattr(t, field) for field in fields) for t in found.timings}


# --- declared ---------------------------------------------------------------------------------


BUILD = graph(
    ran("fetch", 0, 10),
    ran("code", 12, 52, after=("fetch",)),
    ran("docs", 12, 42, after=("fetch",)),
    ran("lint", 12, 17),
    ran("pack", 55, 60, after=("code", "docs")),
    end=64,
)


def test_times_slack_and_drag_by_declared_edges():
    found = declared(BUILD)
    assert (found.basis, found.path) == ("declared", ("fetch", "code", "pack"))
    assert (found.length_ns, found.closing_ns) == (55, 4)
    times = by_path(
        found, "earliest_start_ns", "earliest_finish_ns", "latest_finish_ns", "slack_ns", "drag_ns", "held_by"
    )
    assert times == {
        "fetch": (0, 10, 10, 0, 10, ""),
        "code": (10, 50, 50, 0, 10, "fetch"),
        "docs": (10, 40, 50, 10, 0, "fetch"),
        "lint": (0, 5, 55, 50, 0, ""),
        "pack": (50, 55, 55, 0, 5, "code"),
    }  # fmt: skip
    assert by_path(found, "gap_ns") == {"fetch": (0,), "code": (2,), "docs": (2,), "lint": (12,), "pack": (3,)}


def longest_path(durations, edges, lags):
    """By networkx, which knows weights of edges: every task is one."""
    net = nx.DiGraph()
    for node, duration in durations.items():
        net.add_edge("source", ("in", node), weight=0)
        net.add_edge(("in", node), ("out", node), weight=duration + lags.get(node, 0))
    net.add_edges_from([(("out", a), ("in", b)) for a, b in edges], weight=0)
    return nx.dag_longest_path_length(net)


def check_against_recomputation(found, durations, edges, lags):
    net = nx.DiGraph(edges)
    net.add_nodes_from(durations)
    order = list(nx.topological_sort(net))

    def length(**changed):
        ends = {}
        for node in order:
            ready = max((ends[p] for p in net.predecessors(node)), default=0)
            ends[node] = ready + lags.get(node, 0) + (durations | changed)[node]
        return max(ends.values())

    assert found.length_ns == longest_path(durations, edges, lags) == length()
    assert sum(durations[p] + lags.get(p, 0) for p in found.path) == found.length_ns
    assert set(pairwise(found.path)) <= set(edges)
    far = 10**6
    for timing in found.timings:
        assert timing.slack_ns == length() + far - length(**{timing.path: durations[timing.path] + far})
        assert timing.drag_ns == length() - length(**{timing.path: 0})
        assert timing.latest_finish_ns == timing.earliest_finish_ns + timing.slack_ns


@st.composite
def networks(draw):
    """Durations and acyclic edges of up to 30 tasks whose names tell nothing of their order."""
    names = draw(st.permutations([f"t{i}" for i in range(draw(st.integers(1, 30)))]))
    durations = {name: draw(st.integers(0, 20)) for name in names}
    edges = [
        (before, after)
        for place, after in enumerate(names)
        for before in draw(st.lists(st.sampled_from(names[:place]), max_size=4, unique=True) if place else st.just([]))
    ]
    return durations, edges


@given(networks())
def test_declared_paths_hold_against_networkx(network):
    durations, edges = network
    tasks = [ran(name, 0, durations[name], after=tuple(a for a, b in edges if b == name)) for name in sorted(durations)]
    check_against_recomputation(declared(graph(*tasks)), durations, edges, {})


# --- observed ---------------------------------------------------------------------------------


def test_the_observed_path_goes_back_from_the_end_over_gaps():
    found = observed(BUILD)
    assert (found.basis, found.path) == ("observed", ("fetch", "code", "pack"))
    assert (found.length_ns, found.closing_ns) == (60, 4)
    assert by_path(found, "gap_ns", "slack_ns", "drag_ns") == {
        "fetch": (0, 0, 10),
        "code": (2, 0, 10),
        "docs": (2, 10, 0),
        "lint": (2, 35, 0),
        "pack": (3, 0, 5),
    }  # fmt: skip


def test_one_step_after_another_are_all_on_the_path_with_all_their_time():
    found = observed(graph(ran("a", 1, 5), ran("b", 5, 5), ran("c", 7, 10), ran("d", 10, 10)))
    assert found.path == ("a", "b", "c", "d")
    assert by_path(found, "drag_ns", "gap_ns", "held_by") == {
        "a": (4, 1, ""), "b": (0, 0, "a"), "c": (3, 2, "b"), "d": (0, 0, "c"),
    }  # fmt: skip


def test_what_runs_beside_the_whole_bounds_the_drag():
    found = observed(graph(ran("a", 0, 50), ran("b", 50, 100), ran("beside", 0, 80)))
    assert found.path == ("a", "b")
    assert by_path(found, "drag_ns", "slack_ns") == {"a": (20, 0), "b": (20, 0), "beside": (0, 20)}


def test_no_steps_no_path():
    for found in (observed(graph(end=9)), declared(graph(end=9))):
        assert (found.path, found.timings, found.length_ns, found.closing_ns) == ((), (), 0, 9)


@given(
    st.integers(1, 30).flatmap(
        lambda size: st.lists(st.tuples(st.integers(0, 25), st.integers(0, 12)), min_size=size, max_size=size)
    )
)
def test_observed_paths_hold_against_every_pair_of_steps(intervals):
    run = graph(*[ran(f"t{i}", start, start + length) for i, (start, length) in enumerate(intervals)])
    tasks, ends = run.tasks, {task.path: task.end_ns for task in run.tasks}
    edges = [(u.path, v.path) for i, u in enumerate(tasks) for v in tasks[i + 1 :] if u.end_ns <= v.start_ns]
    last = {v: max(ends[u] for u, w in edges if w == v) for _, v in edges}
    lags = {task.path: task.start_ns - last.get(task.path, 0) for task in tasks}
    found = observed(run)
    check_against_recomputation(found, {task.path: task.duration_ns for task in tasks}, edges, lags)
    assert found.length_ns == max(ends.values())
    for timing, task in zip(found.timings, tasks, strict=True):
        assert (timing.path, timing.earliest_start_ns, timing.gap_ns) == (task.path, task.start_ns, lags[task.path])
        assert ends.get(timing.held_by, 0) == last.get(task.path, 0)
        assert not timing.held_by or (timing.held_by, task.path) in edges


# --- over a profile ---------------------------------------------------------------------------


def span(path, start, end, work=None, **more):
    ns = end - start if work is None else work
    more = {"own_ns": ns, "count": 1, "min_ns": ns, "max_ns": ns} | more
    return Span(path=path, total_ns=ns, start_ns=start, end_ns=end, **more)


def profile(*rounds, workflow="w"):
    return Profile(workflow=workflow, environment=Environment(facts=()), launches=(Launch(rounds=rounds),))


def taken(*spans, total=None, status="passed"):
    return Round(total_ns=total or max([s.end_ns for s in spans], default=1), spans=spans, status=status)


def test_without_declared_edges_the_observed_path_comes_first():
    analysis = analyse(profile(taken(span("a", 0, 10), span("b", 10, 30), total=33)))
    (level,) = analysis.levels
    assert (level.first, level.declared) == ("observed", None)
    assert [(link.path, link.duration_ns, link.gap_ns) for link in analysis.path] == [("a", 10, 0), ("b", 20, 0)]
    assert (analysis.path_ns, level.typical.closing_ns) == (33, 3)


def test_declared_edges_come_first_only_where_they_account_for_the_time():
    in_turn = [span("a", 0, 10), span("b", 10, 30, after=("a",)), span("c", 30, 45, after=("a",))]
    at_once = [span("a", 0, 10), span("b", 10, 30, after=("a",)), span("c", 11, 26, after=("a",))]
    assert analyse(profile(taken(*in_turn))).levels[0].first == "observed"
    (level,) = analyse(profile(taken(*at_once))).levels
    assert level.first == "declared"
    assert level.typical.basis == "declared"


def test_a_step_with_steps_inside_is_expanded_in_the_round_of_median_length():
    def one(ns):
        return taken(
            span("a", 0, 10),
            span("b", 10, 10 + ns, own_ns=2),
            span("b/w", 10, 11),
            span("b/x", 11, 9 + ns),
            span("b/y", 11, 12),
            span("b/x/z", 11, 12),
            span("c", 12 + ns, 14 + ns),
        )

    analysis = analyse(profile(one(20), one(50), one(30)))
    assert [(link.depth, link.path, link.duration_ns, link.gap_ns) for link in analysis.path] == [
        (0, "a", 10, 0), (0, "b", 30, 0), (1, "b/w", 1, 0), (1, "b/x", 28, 0), (2, "b/x/z", 1, 0), (0, "c", 2, 2),
    ]  # fmt: skip
    assert [level.path for level in analysis.levels] == ["", "b", "b/x"]


def test_paths_are_counted_and_slack_and_drag_are_medians():
    def race(a, b):
        return taken(span("a", 0, a), span("b", 0, b), span("end", max(a, b), max(a, b) + 5))

    analysis = analyse(profile(race(10, 8), race(12, 8), race(10, 16)))
    paths = analysis.levels[0].observed
    assert [(route.steps, route.rounds) for route in paths.routes] == [(("a", "end"), 2), (("b", "end"), 1)]
    assert (paths.distinct, paths.length_ns) == (2, 17)
    assert {s.path: (s.critical, s.rounds, s.slack_ns, s.drag_ns) for s in paths.steps} == {
        "a": (2, 3, 0, 2), "b": (1, 3, 2, 0), "end": (3, 3, 0, 5),
    }  # fmt: skip


def test_a_loop_over_steps_has_all_of_them_on_its_path():
    analysis = analyse(
        profile(taken(span("parse", 0, 90, 60, count=9), span("render", 6, 100, 30, count=9), total=100))
    )
    assert [(link.path, link.duration_ns, link.drag_ns) for link in analysis.path] == [
        ("parse", 60, 60), ("render", 30, 30),
    ]  # fmt: skip
    assert analysis.levels[0].typical.closing_ns == 10


def test_steps_without_a_place_are_told():
    analysis = analyse(profile(taken(span("a", 0, 100), span("log", 1, 99, 5, count=5), total=100)))
    assert analysis.levels[0].observed.unplaced == ("log",)
    assert [link.path for link in analysis.path] == ["a"]


def test_failed_rounds_are_left_out_unless_all_failed():
    good, bad = taken(span("a", 0, 10)), taken(span("b", 0, 5), status="failed")
    analysis = analyse(profile(bad, good))
    assert (analysis.rounds, analysis.failed, [link.path for link in analysis.path]) == (1, 1, ["a"])
    analysis = analyse(profile(bad))
    assert (analysis.rounds, analysis.failed, [link.path for link in analysis.path]) == (1, 0, ["b"])


def test_problems_of_declared_edges_are_told_once():
    one = taken(span("a", 0, 10, after=("gone",)))
    assert analyse(profile(one, one)).problems == ("a comes after 'gone', which no step beside it is called",)


numbers = st.integers(-5, 40)
names = st.sampled_from(["a", "b", "c", "a/b", "a/c", "a/b/c", "b/x/y", "", "/"])
odd_spans = st.builds(
    Span, path=names, count=st.integers(0, 9), total_ns=numbers, min_ns=numbers, max_ns=numbers, own_ns=numbers,
    start_ns=numbers, end_ns=numbers, after=st.lists(names, max_size=3).map(tuple), waited_ns=numbers,
    retries=numbers, retry_ns=numbers, growth_ns=numbers,
)  # fmt: skip
odd_rounds = st.builds(
    Round, total_ns=st.integers(0, 60), spans=st.lists(odd_spans, max_size=8).map(tuple),
    status=st.sampled_from(["passed", "failed"]),
)  # fmt: skip


@given(st.lists(odd_rounds, min_size=1, max_size=4))
def test_whatever_was_recorded_is_analysed(rounds):
    for level in analyse(profile(*rounds)).levels:
        for paths in filter(None, (level.observed, level.declared)):
            for step in paths.steps:
                assert 0 <= step.drag_ns <= step.duration_ns
                assert step.slack_ns >= 0
                assert step.critical <= step.rounds <= level.rounds


def test_no_round_is_an_error_that_names_the_workflow():
    with pytest.raises(MeasurementError, match=r"no round of tests/t\.py::test_it was recorded"):
        analyse(profile(workflow="tests/t.py::test_it"))


def test_a_round_without_steps_has_an_empty_path():
    analysis = analyse(profile(taken(total=9)))
    assert (analysis.path, analysis.levels[0].observed.routes[0].steps) == ((), ())
