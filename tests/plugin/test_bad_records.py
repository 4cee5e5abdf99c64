"""What a test may get wrong while recording, and what it is told."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("wfperf.metric('m', float('nan'))", "metric 'm': nan is not a finite number"),
        ("wfperf.metric('m', 'fast')", "metric 'm': 'fast' is not a finite number"),
        ("wfperf.metric('m', True)", "metric 'm': True is not a finite number"),
        ("wfperf.metric('m', 1); wfperf.metric('m', 2)", "metric 'm' was recorded twice in one round (1, then 2)"),
        ("wfperf.metric('m', 1, better='more')", "better='more' is neither 'lower' nor 'higher'"),
        ("wfperf.score('s', 'x', 1)", "score 's': 'x' is not a finite number"),
        ("wfperf.cache('c', hits=-1, misses=0)", "cache 'c': hits=-1 is not a count"),
        ("wfperf.check('', True)", "the name of a check has to be a non-empty string"),
        ("s = wfperf.step('s'); s.__enter__(); s.__exit__(None, None, None); s.__exit__(None, None, None)",
         "step 's' was closed twice"),
        ("s = wfperf.step('s')\n    with s: pass\n    with s: pass", "step 's' was closed twice"),
        ("with wfperf.step(5): pass", "a step's name has to be a non-empty string, not 5"),
    ],
)  # fmt: skip
def test_is_an_error_of_the_test_that_names_it(project, body, told):
    project.write(f"def test_flow(wfperf):\n    {body}\n")
    ran = project.run("--wfperf-rounds=2")
    assert ran.ret == 1, ran.out
    ran.says("MeasurementError", told)
    assert "INTERNALERROR" not in ran.out


def test_a_step_left_open_is_noted_and_runs_to_the_end(project):
    project.write("""
def test_flow(wfperf):
    wfperf.step("open").__enter__()
    time.sleep(0.01)
def test_next(wfperf):
    with wfperf.step("own"):
        pass
""")
    results = project.results("--wfperf-rounds=2")
    first, second = results["workflows"]
    (step,) = first["summary"]["steps"]
    assert step["status"] == "open" and step["median_ns"] >= 10e6
    assert first["summary"]["notes"] == ["step 'open' was left open; its time runs to the end of the round"]
    assert [s["path"] for s in second["summary"]["steps"]] == ["own"]


def test_a_step_closed_from_another_thread_keeps_its_time(project):
    project.write("""
import threading
def test_flow(wfperf):
    step = wfperf.step("handed over")
    step.__enter__()
    def close():
        time.sleep(0.005)
        step.__exit__(None, None, None)
    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    with wfperf.step("after"):
        pass
""")
    results = project.results("--wfperf-rounds=2")
    (workflow,) = results["workflows"]
    steps = {s["path"]: s for s in workflow["summary"]["steps"]}
    assert set(steps) == {"handed over", "after"}
    assert steps["handed over"]["median_ns"] >= 5e6 and steps["handed over"]["status"] == "ok"


def test_a_check_of_one_name_with_different_outcomes_does_not_hold(project):
    project.write("""
def test_flow(wfperf):
    wfperf.check("valid", True)
    wfperf.check("valid", False, "the second page")
    wfperf.check("valid", True)
""")
    ran = project.run("--wfperf-rounds=2")
    assert ran.ret == 1
    ran.says("failed 1 of 3 times: the second page")


def test_an_exception_in_a_step_is_its_status_and_passes_on(project):
    project.write("""
def test_flow(wfperf):
    with pytest.raises(ValueError, match="bad"):
        with wfperf.step("outer"):
            with wfperf.step("inner"):
                raise ValueError("bad input")
""")
    (workflow,) = project.results("--wfperf-rounds=2")["workflows"]
    assert {s["path"]: s["status"] for s in workflow["summary"]["steps"]} == {"outer": "error", "outer/inner": "error"}
    assert workflow["verdict"] == "PASS"


def test_ctrl_c_in_a_round_is_an_interrupt(project):
    project.write("""
n = []
def test_flow(wfperf):
    n.append(1)
    if len(n) == 2:
        raise KeyboardInterrupt
""")
    ran = project.run("--wfperf-save", "--wfperf-rounds=5")
    assert ran.ret == 2
    assert not (project.root / ".wfperf/baselines").exists()
    ran.says("KeyboardInterrupt")


def test_a_score_below_its_minimum_fails(project):
    project.write("def test_flow(wfperf):\n    wfperf.score('accuracy', 0.8, minimum=0.9)\n")
    ran = project.run()
    assert ran.ret == 1
    ran.says("check 'accuracy' passed in 0 of 1 rounds", "0.8 is below 0.9")
