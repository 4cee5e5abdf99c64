"""A round's steps as graphs: levels, declared edges, and when each step was at work."""

from __future__ import annotations

from pytest_wfperf.analyse.graph import graphs, timeline
from pytest_wfperf.model import Round, Span


def span(path, start, end, work=None, *, own=None, **more):
    ns = end - start if work is None else work
    return Span(
        path=path, count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns if own is None else own,
        start_ns=start, end_ns=end, **more,
    )  # fmt: skip


def levels(*spans, total=None):
    return {g.path: g for g in graphs(Round(total_ns=total or max([s.end_ns for s in spans], default=0), spans=spans))}


def placed(graph):
    return {task.path: (task.start_ns, task.end_ns) for task in timeline(graph)}


def test_one_graph_for_every_step_with_steps_inside_in_the_order_of_their_starts():
    found = levels(
        span("b", 50, 90, own=10, group="g", waited_ns=4),
        span("b/y", 70, 90),
        span("a", 0, 40),
        span("b/x", 50, 60),
        span("b/x/deep", 51, 55),
        total=100,
    )
    assert {path: [task.path for task in graph.tasks] for path, graph in found.items()} == {
        "": ["a", "b"], "b": ["b/x", "b/y"], "b/x": ["b/x/deep"],
    }  # fmt: skip
    whole, inner = found[""], found["b"]
    assert (whole.start_ns, whole.end_ns, whole.duration_ns, whole.own_ns) == (0, 100, 100, 20)
    assert (inner.start_ns, inner.end_ns, inner.duration_ns, inner.own_ns) == (50, 90, 40, 10)
    assert (whole.tasks[1].duration_ns, whole.tasks[1].waited_ns, whole.tasks[1].group) == (40, 4, "g")
    assert not whole.declared


def test_a_round_without_steps_is_one_empty_graph():
    (graph,) = graphs(Round(total_ns=7))
    assert (graph.tasks, graph.own_ns, timeline(graph)) == ((), 7, ())


def test_slashes_of_a_name_enclose_nothing():
    found = levels(span("load/index", 0, 5), span("load/index/read", 1, 3))
    assert [task.path for task in found[""].tasks] == ["load/index"]
    assert [task.path for task in found["load/index"].tasks] == ["load/index/read"]


def test_thousands_of_steps_inside_each_other():
    paths = ["/".join("s" * depth) for depth in range(1, 2001)]
    found = levels(*[span(path, 0, 10) for path in paths])
    assert list(found) == ["", *paths[:-1]]


def test_edges_name_siblings_by_name_or_path():
    found = levels(
        span("p", 0, 9),
        span("p/a", 0, 1),
        span("p/b", 1, 2, after=("a", "p/a")),
        span("p/c", 2, 3, after=("b", "z", "q")),
        span("q", 9, 10, after=("p",)),
    )
    inner = found["p"]
    assert [task.after for task in inner.tasks] == [(), ("p/a",), ("p/b",)]
    assert inner.problems == (
        "p/c comes after 'z', which no step beside it is called",
        "p/c comes after 'q', which no step beside it is called",
    )
    assert found[""].declared and found[""].problems == ()


def test_a_circle_is_told_and_edges_against_the_order_of_starts_are_left_out():
    graph = levels(
        span("a", 0, 1, after=("c",)), span("b", 1, 2, after=("a",)), span("c", 2, 3, after=("b", "c")), span("d", 3, 4)
    )[""]
    (problem,) = graph.problems
    assert problem.startswith("steps come after each other in a circle: ")
    assert [task.after for task in graph.tasks] == [(), ("a",), ("b",), ()]


def test_edges_against_the_order_of_starts_stay_where_they_form_no_circle():
    graph = levels(span("a", 0, 1, after=("b",)), span("b", 1, 2))[""]
    assert graph.problems == ()
    assert graph.tasks[0].after == ("b",)


def test_steps_that_ran_once_are_where_they_were():
    graph = levels(span("a", 0, 40), span("b", 10, 30), span("c", 50, 60), span("point", 52, 52))[""]
    assert placed(graph) == {"a": (0, 40), "b": (10, 30), "c": (50, 60), "point": (52, 52)}
    assert graph.own_ns == 10


def test_steps_of_a_loop_are_laid_out_one_after_another():
    graph = levels(
        span("open", 0, 10), span("parse", 10, 95, 50), span("render", 20, 110, 30), span("close", 110, 120)
    )[""]
    assert placed(graph) == {"open": (0, 10), "parse": (10, 60), "render": (60, 90), "close": (110, 120)}
    assert graph.own_ns == 20


def test_of_steps_at_the_same_time_those_with_pauses_have_no_place():
    graph = levels(span("a", 0, 50), span("b", 0, 60), span("log", 5, 95, 8), span("c", 60, 100))[""]
    assert placed(graph) == {"a": (0, 50), "b": (0, 60), "c": (60, 100)}
    assert graph.own_ns == 0


def test_a_step_entered_at_the_same_time_as_itself_takes_no_longer_than_from_start_to_end():
    (task,) = levels(span("work", 0, 12, 30))[""].tasks
    assert (task.duration_ns, task.solid) == (12, True)


def test_inside_a_step_with_pauses_steps_are_laid_out_where_they_took_turns():
    graph = levels(span("loop", 0, 100, 20, own=5), span("loop/x", 0, 95, 9), span("loop/y", 3, 100, 6))["loop"]
    assert graph.paused
    assert placed(graph) == {"loop/x": (0, 9), "loop/y": (9, 15)}


def test_inside_a_step_with_pauses_steps_that_overlapped_have_no_place():
    graph = levels(span("loop", 0, 100, 20, own=5), span("loop/x", 0, 95, 9), span("loop/y", 0, 100, 8))["loop"]
    assert placed(graph) == {}


def test_times_that_cannot_be_do_no_harm():
    graph = levels(span("", 0, 4), span("a", 9, 3, 5), span("b", -4, 2, -1), total=6)[""]
    assert [(task.path, task.duration_ns) for task in graph.tasks] == [("b", 0), ("a", 0)]
    assert all(task.end_ns >= task.start_ns for task in timeline(graph))
