"""``wfperf.graph()`` in a real pytest run: its steps, its failures and its drawings."""

from __future__ import annotations

import json


def test_tasks_are_steps_of_every_round(project):
    project.write("""
def test_flow(wfperf):
    graph = wfperf.graph()
    graph.add("fetch", lambda: time.sleep(0.002) or 20)
    graph.add("lint", lambda: sleep_step(wfperf, "rules", 1), after="fetch", group="checks")
    graph.add("types", lambda: None, after="fetch", group="checks")
    graph.add("pack", lambda fetched: fetched + 1, after="checks", needs="fetch")
    run = graph.run()
    assert run.results["pack"] == 21
    assert run.results == graph.run(parallel=False).results
""")
    steps = project.results("--wfperf-rounds=3")["workflows"][0]["summary"]["steps"]
    assert {step["path"]: step["count"] for step in steps} == {
        "fetch": 2, "lint": 2, "lint/rules": 2, "types": 2, "pack": 2,
    }  # fmt: skip


def test_a_stored_profile_has_the_edges_and_groups(project):
    project.write("""
def test_flow(wfperf):
    graph = wfperf.graph()
    graph.add("a", lambda: time.sleep(0.001), group="g")
    graph.add("b", lambda: None, after="g")
    graph.run(parallel=False)
""")
    assert project.run("--wfperf-save", "--wfperf-rounds=3").ret == 0
    (stored,) = project.root.glob(".wfperf/baselines/*/*/*/*/test-it*.json")
    first, second = json.loads(stored.read_text())["launches"][0]["rounds"]["steps"]
    assert (first["path"], first["group"], "after" in first) == ("a", "g", False)
    assert (second["path"], second["after"]) == ("b", ["a"])
    assert all(waited > 0 for waited in second["waited_ns"])


def test_a_graph_runs_inside_wfperf_run(project):
    project.write("""
def test_flow(wfperf):
    graph = wfperf.graph()
    graph.add("a", lambda: time.sleep(0.001))
    graph.add("b", lambda: None, after="a")
    profile = wfperf.run(graph.run)
    assert profile.step("a").min >= 0.001 and len(profile.step("b")) == 3
    assert profile.result.results == {"a": None, "b": None}
""")
    ran = project.run("--wfperf-rounds=3")
    assert ran.ret == 0, ran.out


def test_a_failing_test_names_the_tasks_that_failed_and_those_skipped(project):
    project.write("""
def broken():
    raise ValueError("no such order")
def test_flow(wfperf):
    graph = wfperf.graph()
    graph.add("parse", broken)
    graph.add("render", lambda: None, after="parse")
    graph.add("other", lambda: None)
    graph.run()
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says(
        "1 of 3 tasks failed: 'parse' (ValueError: no such order); skipped: 'render' (after 'parse')",
        "in task 'parse'",
        'raise ValueError("no such order")',
    )
    assert "INTERNALERROR" not in ran.out


def test_a_cycle_fails_the_test_before_anything_ran(project):
    project.write("""
def test_flow(wfperf):
    graph = wfperf.graph()
    graph.add("a", lambda: print("ran"), after="b")
    graph.add("b", lambda: print("ran"), after="a")
    graph.run()
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says("MeasurementError: tasks come after each other in a circle: a -> b -> a")
    ran.never_says("Captured stdout")


def test_skip_inside_a_task_skips_the_test(project):
    project.write("""
def test_flow(wfperf):
    graph = wfperf.graph()
    graph.add("a", lambda: pytest.skip("no compiler here"))
    graph.run()
""")
    project.run("-rs").says("1 skipped", "no compiler here")


def test_drawings(project):
    project.write("""
def test_flow(wfperf):
    graph = wfperf.graph()
    graph.add("a", lambda: None)
    graph.add("b", lambda: None, after="a")
    print(graph.to_dot(), graph.to_mermaid())
""")
    project.run("-s").says("n0 -> n1;", "n0 --> n1", '[label="b"]', '["b"]')
