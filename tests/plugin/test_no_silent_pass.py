"""Nothing gets a pass because it was recorded late, measured not at all, or lost on the way."""

from __future__ import annotations

import pytest

QUICK = "--wfperf-rounds=3"


def test_checks_and_metrics_around_run_count(project):
    project.write("""
def test_after(wfperf):
    profile = wfperf.run(lambda: 41)
    wfperf.check("right", profile.result == 42, "41")
    wfperf.metric("answer", profile.result)
@pytest.fixture
def prepared(wfperf):
    wfperf.check("prepared", False)
def test_fixture(wfperf, prepared):
    pass
""")
    for args in ((), (QUICK, "--wfperf-threshold=metric:answer value == 41", "-k", "after")):
        ran = project.run(*args)
        assert ran.ret == 1
        ran.says("check 'right' passed in ")
    project.run().says("check 'prepared' passed in 0 of 1 rounds", "2 failed")


def test_a_check_in_a_tear_down_is_an_error(project):
    project.write("""
@pytest.fixture
def late(wfperf):
    yield
    wfperf.check("late", False)
def test_flow(wfperf, late):
    pass
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says("check 'late' was recorded after the workflow was measured")


def test_a_body_that_was_never_measured_fails(project):
    project.write("""
async def work(): ...
@pytest.mark.asyncio
@pytest.mark.wfperf("p95 < 1s")
async def test_flow(wfperf):
    wfperf.run(work).close()
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says("no round of it was measured")


def test_an_awaitable_is_not_timed_as_its_making(project):
    project.write("""
async def work(n): ...
def test_flow(wfperf):
    wfperf.run(lambda: work(1))
""")
    project.run("-W", "ignore").says("returned an awaitable")


def test_a_second_run_in_one_test_is_refused(project):
    project.write("""
def test_flow(wfperf):
    wfperf.run(lambda: 1)
    wfperf.run(lambda: 2)
""")
    project.run().says("this test makes another")


def test_a_relative_threshold_without_a_baseline(project):
    project.write("def test_flow(wfperf): pass\n")
    ran = project.run("--wfperf-threshold=regression < 10%")
    assert ran.ret == 4
    assert "'regression < 10%' needs a baseline" in ran.err
    project.write("@pytest.mark.wfperf('speedup > 3')\ndef test_flow(wfperf): pass\n")
    assert project.run(QUICK).ret == 0
    assert project.run(QUICK, "--wfperf-strict").ret == 1


def test_what_could_not_be_sampled_is_inconclusive(project):
    project.write("""
rounds = []
@pytest.mark.wfperf("step:x memory < 1KiB", rounds=2)
def test_flow(wfperf):
    rounds.append(1)
    if len(rounds) > 1:
        with wfperf.step("x"):
            bytearray(10_000_000)
""")
    project.run().says("1 INCONCLUSIVE", "memory was not sampled")


TWO = """
import os
def test_one(wfperf):
    sleep_step(wfperf, "s", float(os.environ.get("MS", "10")))
    if "FAIL" in os.environ:
        assert False
def test_two(wfperf):
    sleep_step(wfperf, "s", 10)
"""


@pytest.fixture
def two(project):
    project.write(TWO)
    assert project.run("--wfperf-save", QUICK).ret == 0
    return project


def test_saving_to_another_baseline_than_the_gate_is_refused(two):
    for what in ("save", "extend"):
        ran = two.run("--wfperf-baseline", f"--wfperf-{what}=other", QUICK)
        assert ran.ret == 4
        assert "do one after the other" in ran.err


def test_a_stopped_run_stores_nothing_even_if_accepted(two):
    ran = two.run("-x", "--wfperf-save", "--wfperf-accept=why", QUICK, env={"FAIL": "1"})
    assert ran.ret == 1
    ran.says("--wfperf-save refused: it stopped early")
    assert len(two.versions) == 1


def test_an_accepted_run_keeps_what_a_failed_test_had(two):
    ran = two.run("--wfperf-save", "--wfperf-accept=why", QUICK, env={"FAIL": "1"})
    ran.says("stored baseline main 0002-", "1 workflow, 1 more kept from before")
    two.run("--wfperf-baseline", QUICK).says("2 PASS")


def test_a_waived_regression_is_no_new_baseline(two):
    (two.root / ".wfperf/waivers.toml").write_text(
        '[[waiver]]\nworkflow = "*"\nverdict = "REGRESSED"\nreason = "known"\nexpires = 2999-12-31\n'
    )
    slow = {"MS": "120"}
    assert two.run("--wfperf-baseline", QUICK, env=slow).ret == 0
    for what in ("save", "extend"):
        ran = two.run(f"--wfperf-{what}", QUICK, env=slow)
        assert ran.ret == 1
        ran.says(f"--wfperf-{what} refused: test_it.py::test_one failed or regressed")


def test_a_run_that_fails_for_another_reason_is_not_stored(two):
    ran = two.run("--wfperf-save", "--wfperf-min-pass-rate=90", QUICK)
    assert ran.ret == 1
    ran.says("refused: a pass rate was asked for")
    ran = two.run("--wfperf-save", "--wfperf-strict", "--wfperf-threshold=p95 < 1s", QUICK)
    assert ran.ret == 1
    ran.says("refused: ")
    assert len(two.versions) == 1


def test_a_worker_that_dies_on_a_workflow_does_not_hold(two):
    two.run("--wfperf-save", QUICK, "-n2")
    two.write(TWO.replace("def test_two(wfperf):\n", "def test_two(wfperf):\n    time.sleep(0.3)\n    os._exit(9)\n"))
    ran = two.run("--wfperf-baseline", QUICK, "-n2", "--max-worker-restart=0")
    ran.says("FAILED: ", "test_it.py::test_two: the test failed outside what was judged")


def test_a_failing_tear_down_does_not_hold(two):
    two.write(TWO + "@pytest.fixture(autouse=True)\ndef bad():\n    yield\n    assert 'BAD' not in os.environ\n")
    ran = two.run("--wfperf-save", QUICK, env={"BAD": "1"})
    assert ran.ret == 1
    ran.says("refused")


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_waivers_that_cannot_be_read_are_no_crash_without_options(project, workers):
    project.write("@pytest.mark.wfperf('max < 5s', rounds=2)\ndef test_flow(wfperf): pass\n")
    (project.root / ".wfperf").mkdir()
    (project.root / ".wfperf/waivers.toml").write_text("waiver = 3 [")
    ran = project.run(*workers)
    assert ran.ret == 4, ran.out + ran.err
    assert "INTERNALERROR" not in ran.out + ran.err
    assert "waivers.toml" in ran.out + ran.err


def test_a_baseline_named_in_the_ini_file_gates_every_run(two):
    (two.root / "pytest.ini").write_text("[pytest]\nwfperf_baseline = main\nwfperf_rounds = 3\n")
    two.run().says("baseline=main (ini key wfperf_baseline)", "2 PASS")
    (two.root / "pytest.ini").write_text("[pytest]\nwfperf_baseline = other\n")
    assert two.run().ret == 4
    (two.root / "pytest.ini").write_text("[pytest]\nwfperf_report = x.docx\nwfperf_min_pass_rate = 90\n")
    ran = two.run(QUICK)
    assert ran.ret == 4
    assert "the suffix has to be .html, .json, " in ran.err
    (two.root / "pytest.ini").write_text("[pytest]\nwfperf_min_pass_rate = 90\n")
    assert two.run(QUICK).ret == 0


def test_shared_fixtures_and_run_measure_once(project):
    project.write("""
calls, setups = [], []
@pytest.mark.wfperf("max < 5s", rounds=3, warmup=1, isolation="shared", setup=lambda: setups.append(1))
def test_flow(wfperf):
    wfperf.run(calls.append, 1)
def test_calls():
    assert (len(calls), len(setups)) == (4, 5)  # one set-up for the body, one for each of its rounds
""")
    assert project.run().ret == 0


def test_compare_keeps_to_max_time_and_refuses_no_rounds(project):
    project.write("""
@pytest.mark.wfperf("max < 5s", rounds=500, max_time=0.3)
def test_flow(wfperf):
    wfperf.compare(lambda: time.sleep(0.01), lambda: time.sleep(0.01))
def test_none(wfperf):
    wfperf.compare(lambda: 1, lambda: 2, rounds=0)
""")
    ran = project.run()
    ran.says("1 failed, 1 passed", "takes at least one round")


def test_subtests_are_reported_once_and_strict_xfail_is_not_explained_away(project):
    project.write("""
@pytest.mark.wfperf("max < 5s", rounds=3)
def test_flow(wfperf, subtests):
    for i in range(2):
        with subtests.test(i=i):
            pass
@pytest.mark.xfail(strict=True)
@pytest.mark.wfperf("max < 5s", rounds=3)
def test_xpass(wfperf):
    pass
""")
    ran = project.run()
    ran.never_says("8 subtests", "likely")


@pytest.mark.parametrize(
    "flag", ["--setup-only", "--setup-plan", "--fixtures", "--fixtures-per-test", "--collect-only"]
)
def test_a_run_that_runs_no_test_judges_nothing(two, flag):
    ran = two.run("--wfperf-baseline", flag)
    assert ran.ret == 0, ran.out
    ran.never_says("MISSING", "FAILED")


def test_memory_is_sampled_around_run(project):
    project.write("""
import threading
@pytest.mark.wfperf("memory < 1GiB", rounds=2)
def test_flow(wfperf):
    def work():
        assert sum(t.name == "wfperf-sampler" for t in threading.enumerate()) <= 1
    wfperf.run(work)
""")
    assert project.run().ret == 0
