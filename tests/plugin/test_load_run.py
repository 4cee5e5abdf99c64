"""wfperf.load as a user meets it: through pytest's command line."""

from __future__ import annotations

import json
import os

import pytest

FEW = ("--wfperf-launches=3", "--wfperf-rounds=4")  # rounds of other workflows: a load is one
FLOW = """
import threading
lock = threading.Lock()
def replica(wfperf):
    with wfperf.step("locked"), lock:
        time.sleep(0.02)
    with wfperf.step("free"):
        time.sleep(0.002)
"""


def test_a_plain_run_takes_the_load_and_its_result_can_be_asserted(project):
    project.write(
        FLOW
        + """
def test_flow(wfperf):
    load = wfperf.load(replica, 3)
    assert (load.calls, load.failures) == (3, 0)
    assert load.step("locked").inflation > 1.3
    assert load.latency.p95 < 1
    assert load.inflation < 1.0001
"""
    )
    ran = project.run()
    assert ran.ret == 1
    ran.says("x < 1.0001", "<load:3: 3 calls, ", " a second, <latency of load:3: median ", ">, inflation ")


def test_thresholds_met_missed_unknown_and_never_recorded(project):
    project.write(
        FLOW
        + """
@pytest.mark.wfperf("load:3 failures == 0", "load:3 p95 < 30s", "load:3/free inflation < 20")
def test_met(wfperf):
    wfperf.load(replica, 3)
@pytest.mark.wfperf("load:3/locked inflation < 1.2x")
def test_missed(wfperf):
    wfperf.load(replica, 3)
@pytest.mark.wfperf("load:2 inflation < 100")
def test_unknown(wfperf):
    wfperf.load(replica, 2, baseline=False)
@pytest.mark.wfperf("load:5 failures == 0")
def test_never(wfperf):
    wfperf.load(replica, 2)
"""
    )
    ran = project.run("-v")
    assert ran.ret == 1
    ran.says("2 failed, 2 passed", "1 PASS", "2 FAILED", "1 INCONCLUSIVE")
    ran.says("FAILED: load:3/locked inflation < 1.2x: ", "FAILED: load:5 failures == 0 (no load '5' was recorded; ")
    ran.says("recorded: load:2)", "not measured alone")
    assert project.run("-k", "met").ret == 0
    assert project.run("-k", "unknown", "--wfperf-strict").ret == 1


def test_failures_and_failing_checks_of_replicas(project):
    project.write("""
def replica(wfperf, index):
    wfperf.check("small", index < 1, f"{index} is large")
    if index == 2:
        raise ValueError("boom")
@pytest.mark.wfperf("load:3 failures == 0")
def test_flow(wfperf):
    wfperf.load(replica, 3, rounds=2, setup=lambda index: index)
""")
    ran = project.run("-v")
    assert ran.ret == 1
    ran.says("load:3 failures == 0: 2 (2 of 6 calls: replica 2: ValueError: boom)")
    ran.says("check 'small' passed in 0 of 1 rounds", "failed 2 of 3 times: failed 2 of 2 times: 1 is large")


def test_failures_that_no_threshold_asks_about_are_told(project):
    project.write("""
def replica(wfperf, index):
    if index == 2:
        raise ValueError("boom")
@pytest.mark.wfperf("load:3 p95 < 30s")
def test_flow(wfperf):
    wfperf.load(replica, 3, rounds=2, setup=lambda index: index)
""")
    told = "note: load:3: 2 of 6 calls failed (replica 2: ValueError: boom)"
    ran = project.run("-v")
    ran.says(told, "  load:3: 4 calls, ", " a second, 2 of 6 failed, p95 ", "x as long as alone")
    ran = project.run("--wfperf-save", "--wfperf-launches=0")
    assert ran.ret == 0
    ran.says(told)


def test_a_threshold_that_does_not_parse_is_a_usage_error(project):
    project.write("@pytest.mark.wfperf('load:many failures == 0')\ndef test_flow(wfperf): pass\n")
    ran = project.run()
    assert ran.ret == 4
    assert "expected how many replicas at once, as in load:3" in ran.err


def test_coroutine_functions(project):
    project.write("""
import asyncio
async def replica(wfperf):
    async with wfperf.step("wait"):
        await asyncio.sleep(0.002)
def test_sync(wfperf):
    assert wfperf.load(replica).mode == "task"
@pytest.mark.asyncio
async def test_async(wfperf):
    load = await wfperf.load(replica)
    assert load.step("wait").alone_ns >= 1_000_000
""")
    ran = project.run()
    assert ran.ret == 0, ran.out


def test_a_load_that_was_never_awaited_is_not_a_pass(project):
    project.write("""
async def replica(): ...
@pytest.mark.asyncio
@pytest.mark.wfperf("p95 < 1s")
async def test_flow(wfperf):
    wfperf.load(replica).close()
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says("no round of it was measured")


def test_a_second_load_in_one_test_is_refused(project):
    project.write("""
def test_flow(wfperf):
    wfperf.load(lambda: 1)
    wfperf.load(lambda: 2)
""")
    project.run().says("a workflow is one call of wfperf.run, compare or load, and this test makes another")


def test_processes_import_the_tests_own_module(project):
    project.write("""
import os
def replica(wfperf, parent):
    with wfperf.step("work"):
        assert os.getpid() != parent
    wfperf.check("done", True)
def test_flow(wfperf):
    load = wfperf.load(replica, 2, mode="process", setup=parent)
    assert (load.failures, load.step("work").path) == (0, "work")
def parent(index):
    return os.getppid()
""")
    results = project.results("-p", "no:randomly")
    (workflow,) = results["workflows"]
    assert workflow["verdict"] == "PASS"
    assert [rate["name"] for rate in workflow["pass_rates"]] == ["", "done"]
    (stored,) = workflow["profile"]["launches"][0]["rounds"]["loads"][0]
    assert (stored["concurrency"], stored["mode"], stored["calls"]) == (2, "process", 2)


@pytest.mark.skipif(os.name != "posix", reason="launches need POSIX")
@pytest.mark.parametrize("call", ["replica, 3", "replica, 2, mode='process'", "coroutine, 3", "replica, 2, rate=200"])
def test_every_launch_takes_one_round_of_it(launched, call):
    launched.write(
        FLOW
        + f"""
import asyncio
async def coroutine(wfperf):
    with wfperf.step("locked"):
        await asyncio.sleep(0.002)
def test_flow(wfperf):
    wfperf.load({call})
"""
    )
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 0, ran.out + ran.err
    files = launched.root.glob(".wfperf/baselines/main/*/0*/*/*.json")
    (data,) = [data for data in map(json.loads, (path.read_text() for path in files)) if "workflow" in data]
    assert len(data["launches"]) == 3
    for launch in data["launches"]:
        ((load,),) = launch["rounds"]["loads"]
        assert launch["rounds"]["total_ns"] == [load["wall_ns"]]
        assert load["failures"] == 0
        assert load["steps"][0]["path"] == "locked"
        assert f"load:{load['concurrency']}/locked" in {step["path"] for step in launch["rounds"]["steps"]}


@pytest.mark.skipif(os.name != "posix", reason="launches need POSIX")
def test_loads_of_launches_are_gated(launched):
    launched.write(FLOW + "def test_flow(wfperf):\n    wfperf.load(replica, 3)\n")
    assert launched.run("--wfperf-save", *FEW).ret == 0
    gate = ("--wfperf-baseline", *FEW, "--wfperf-threshold=load:3/locked inflation < 1.2")
    ran = launched.run(*gate, "--wfperf-threshold=load:7 failures == 0")
    assert ran.ret == 1
    ran.says("load:7 failures == 0 (no load '7' was recorded; recorded: load:3)")
    ran.says("load:3/locked inflation < 1.2: ", "x (unproved, n = 3 rounds)")


@pytest.mark.skipif(os.name != "posix", reason="launches need POSIX")
def test_a_load_that_fails_in_launches_is_told_with_its_reason(launched):
    launched.write("""
import sys
CHILD = "pytest_wfperf.child" in sys.modules
def replica():
    if CHILD:
        raise RuntimeError("lost its way")
def test_flow(wfperf):
    wfperf.load(replica, 2)
""")
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 1
    ran.says("ERROR in launch 1: ", "no call completed", "RuntimeError: lost its way")
