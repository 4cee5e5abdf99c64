"""A workflow's rounds as a user sees them."""

from __future__ import annotations

import pytest

ASYNC = """
import asyncio
@pytest.mark.{mark}
async def test_flow(wfperf{extra}):
    async with wfperf.step("outer"):
        async def part(name):
            with wfperf.step(name):
                await {module}.sleep(0.002)
        {body}
"""


def steps(results: dict, index: int = 0) -> dict[str, float]:
    return {s["path"]: s["count"] for s in results["workflows"][index]["summary"]["steps"]}


def test_without_options_and_thresholds_a_workflow_runs_once(project):
    project.write("""
count = 0
@pytest.mark.wfperf(rounds=7)
def test_flow(wfperf):
    global count
    count += 1
    with wfperf.step("a"):
        pass
def test_count():
    assert count == 1
""")
    ran = project.run()
    assert ran.ret == 0
    ran.never_says("wfperf ==", "PASS ")
    assert not (project.root / ".wfperf").exists()


def test_a_threshold_on_the_marker_asks_for_rounds(project):
    project.write("""
count = 0
@pytest.mark.wfperf("max < 10s", rounds=4, warmup=2)
def test_flow(wfperf):
    global count
    count += 1
def test_count():
    assert count == 6
""")
    ran = project.run("-v")
    assert ran.ret == 0, ran.out
    ran.says("4 rounds after 2 to warm up", "max < 10s")


def test_every_round_gets_new_function_scoped_fixtures_and_keeps_wider_ones(project):
    project.write("""
made = {"function": 0, "module": 0, "class": 0}
@pytest.fixture
def function():
    made["function"] += 1
    yield
    made["function"] += 100
@pytest.fixture(scope="module")
def module():
    made["module"] += 1
    yield
    made["module"] += 100
class TestIt:
    @pytest.fixture(scope="class")
    def klass(self):
        made["class"] += 1
        yield
        made["class"] += 100
    @pytest.mark.wfperf(rounds=3, warmup=1)
    @pytest.mark.parametrize("n", [1, 2])
    def test_flow(self, wfperf, function, module, klass, tmp_path, monkeypatch, capsys, n):
        (tmp_path / "new").mkdir()
        monkeypatch.delattr(time, "ctime")
        print("once")
        assert capsys.readouterr().out == "once\\n"
        assert not hasattr(self, "mine")
        self.mine = True
        with wfperf.step("s"):
            pass
def test_made():
    assert made == {"function": 808, "module": 1, "class": 101}
""")
    results = project.results("-q")
    assert [w["summary"]["rounds"] for w in results["workflows"]] == [3, 3]
    assert project.run("--wfperf-rounds=3").ret == 0


def test_isolation_shared_keeps_function_scoped_fixtures(project):
    project.write("""
made = []
@pytest.fixture
def thing():
    made.append(1)
    return []
@pytest.mark.wfperf("max < 10s", rounds=3, warmup=1, isolation="shared")
def test_flow(wfperf, thing):
    thing.append(1)
def test_made():
    assert len(made) == 1
""")
    ran = project.run("-v")
    assert ran.ret == 0, ran.out
    ran.says("3 rounds after 1 to warm up")


def test_fixtures_and_the_markers_setup_are_off_the_clock(project):
    project.write("""
calls = []
@pytest.fixture
def slow():
    time.sleep(0.05)
@pytest.mark.wfperf("max < 40ms", rounds=2, setup=lambda: (calls.append(1), time.sleep(0.05)))
def test_flow(wfperf, slow):
    assert calls
def test_calls():
    assert len(calls) == 3
""")
    assert project.run().ret == 0


@pytest.mark.parametrize("isolation", ["fresh", "shared"])
def test_a_failure_from_a_later_round_on_is_told_with_the_likely_cause(project, isolation):
    project.write(f"""
seen = []
@pytest.mark.wfperf("max < 10s", rounds=5, isolation={isolation!r})
def test_flow(wfperf):
    seen.append(1)
    assert len(seen) < 3, "used up"
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says("passed in rounds 1 to 2 and failed in round 3 of 6", "likely", "used up", "FAILED test_it.py::test_flow")


def test_a_failure_in_the_first_round_is_an_ordinary_failure(project):
    project.write("""
@pytest.mark.wfperf("max < 10s", rounds=5)
def test_flow(wfperf):
    assert 1 == 2
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says("assert 1 == 2", "1 failed")
    ran.never_says("likely")


def test_a_teardown_that_fails_in_a_round_is_reported(project):
    project.write("""
@pytest.fixture
def bad():
    yield
    raise RuntimeError("tear-down broke")
@pytest.mark.wfperf("max < 10s", rounds=3)
def test_flow(wfperf, bad):
    pass
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says("tear-down broke", "1 error")


def test_module_fixtures_are_torn_down_after_a_workflow_that_ended_early(project):
    project.write("""
events = []
@pytest.fixture(scope="module")
def module():
    yield
    events.append("down")
@pytest.mark.wfperf("max < 10s", rounds=3)
def test_flow(wfperf, module):
    assert False
""")
    project.write(
        """
def test_after():
    import test_it
    assert test_it.events == ["down"]
""",
        "test_later.py",
    )
    ran = project.run()
    ran.says("1 failed, 1 passed")


def test_max_time_ends_the_rounds(project):
    project.write("""
@pytest.mark.wfperf("max < 10s", rounds=500, max_time=0.2)
def test_flow(wfperf):
    time.sleep(0.03)
""")
    summary = project.results()["workflows"][0]["summary"]
    assert 1 <= summary["rounds"] <= 7


def test_a_first_round_longer_than_max_time_is_the_one_that_counts(project):
    project.write("""
count = []
@pytest.mark.wfperf("max < 10s", rounds=5, max_time=0.01)
def test_flow(wfperf):
    count.append(1)
    time.sleep(0.03)
def test_count():
    assert len(count) == 1
""")
    summary = project.results()["workflows"][0]["summary"]
    assert (summary["rounds"], summary["warmup"]) == (1, 0)


def test_testcase_items_are_workflows_by_their_marker(project):
    project.write("""
import unittest
calls = []
class TestOld(unittest.TestCase):
    def setUp(self):
        calls.append("up")
    @pytest.mark.wfperf(rounds=3, warmup=0)
    def test_flow(self):
        calls.append("run")
def test_calls():
    assert calls == ["up", "run"] * 3
""")
    assert project.run("--wfperf-rounds=9").ret == 0


@pytest.mark.parametrize(
    ("mark", "extra", "module", "body"),
    [
        ("asyncio", "", "asyncio", "await asyncio.gather(part('a'), part('b'))"),
        ("anyio", ", anyio_backend", "asyncio", "await asyncio.gather(part('a'), part('b'))"),
    ],
)
def test_async_tests_are_repeated_and_tasks_hang_under_their_step(project, mark, extra, module, body):
    project.write(ASYNC.format(mark=mark, extra=extra, module=module, body=body))
    project.write("import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n", "conftest.py")
    results = project.results("--wfperf-rounds=3", "-p", "no:anyio" if mark == "asyncio" else "no:asyncio")
    assert results["workflows"][0]["summary"]["rounds"] == 3
    assert steps(results) == {"outer": 1, "outer/a": 1, "outer/b": 1}


def test_under_trio(project):
    project.write("""
import trio
@pytest.mark.anyio
async def test_flow(wfperf, anyio_backend):
    async with wfperf.step("outer"):
        async def part():
            with wfperf.step("part"):
                await trio.sleep(0.001)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(part)
            nursery.start_soon(part)
    profile = await wfperf.run(trio.sleep, 0.001)
    assert profile.median > 0.001
""")
    project.write("import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'trio'\n", "conftest.py")
    ran = project.run("--wfperf-rounds=3", "-p", "no:asyncio", "-W", "ignore")
    assert ran.ret == 0, ran.out


def test_run_measures_the_callable_alone(project):
    project.write("""
def flow(wfperf, n, *, scale=1):
    with wfperf.step("work"):
        time.sleep(n * scale / 1000)
    return n
def test_flow(wfperf):
    time.sleep(0.05)
    events = []
    profile = wfperf.run(flow, wfperf, 2, scale=2, setup=lambda: events.append("up"), teardown=lambda: events.append("down"))
    assert profile.result == 2
    assert len(profile.rounds) == 4
    assert events == ["up", "down"] * 5
    assert 0.004 <= profile.median < 0.04
    assert profile.step("work").p95 >= 0.004
    assert profile.step("work").min <= profile.p50 <= profile.max
""")
    results = project.results("--wfperf-rounds=4")
    assert results["counts"]["PASS"] == 1
    assert results["workflows"][0]["summary"]["median_ns"] < 40e6


def test_run_takes_coroutine_functions(project):
    project.write("""
import asyncio
async def flow(wfperf):
    async with wfperf.step("wait"):
        await asyncio.sleep(0.001)
    return 7
def test_sync(wfperf):
    profile = wfperf.run(flow, wfperf)
    assert (profile.result, len(profile.rounds)) == (7, 3)
@pytest.mark.asyncio
async def test_async(wfperf):
    profile = await wfperf.run(flow, wfperf)
    assert (profile.result, len(profile.rounds)) == (7, 3)
    assert profile.step("wait").median >= 0.001
""")
    ran = project.run("--wfperf-rounds=3")
    assert ran.ret == 0, ran.out


def test_run_runs_once_where_nothing_asks_for_more(project):
    project.write("""
def test_flow(wfperf):
    calls = []
    profile = wfperf.run(calls.append, 1)
    assert calls == [1] and len(profile.rounds) == 1
def test_setup_supplies_the_arguments(wfperf):
    calls = []
    fresh = iter([((2,), {}), ((3,), {})])
    assert wfperf.run(calls.append, 1, setup=lambda: next(fresh)) and calls == [2]
""")
    assert project.run().ret == 0


def test_profiles_read_well_in_a_failing_assert(project):
    project.write("""
def test_flow(wfperf):
    def flow():
        with wfperf.step("parse"):
            time.sleep(0.004)
    profile = wfperf.run(flow)
    assert profile.step("parse").p95 < 0.001
""")
    ran = project.run("--wfperf-rounds=3")
    assert ran.ret == 1
    ran.says("ms < 0.001", "<step parse: median ", "3 rounds>")


def test_an_unknown_step_is_named_with_those_there_are(project):
    project.write("""
def test_flow(wfperf):
    def flow():
        with wfperf.step("parse"):
            pass
    wfperf.run(flow).step("prase")
""")
    ran = project.run()
    ran.says("no step 'prase' was recorded", "recorded steps: 'parse'")


def test_compare_gives_a_speedup_with_an_interval(project):
    project.write("""
def test_flow(wfperf):
    def fast():
        with wfperf.step("s"):
            time.sleep(0.002)
    def slow():
        with wfperf.step("s"):
            time.sleep(0.006)
    comparison = wfperf.compare(fast, slow, rounds=8)
    assert comparison.speedup >= 1.33
    assert 1.5 < comparison.speedup.low < comparison.speedup < comparison.speedup.high < 6
    comparison.assert_speedup(at_least=1.33)
    assert comparison.steps[0].path == "s"
    with pytest.raises(AssertionError, match=r"speedup over slow is .*x \\(95 % interval .*asked for at least 50x"):
        comparison.assert_speedup(50)
    assert comparison.speedup > 100
""")
    ran = project.run()
    assert ran.ret == 1
    ran.says("x (95 % interval", "> 100", "Comparison with slow")


def test_compare_refuses_coroutine_functions(project):
    project.write("""
async def coroutine(): ...
def test_flow(wfperf):
    wfperf.compare(coroutine, lambda: None)
""")
    project.run().says("wfperf.compare cannot await", "asyncio.run")


def test_a_clock_patched_by_freezegun_or_time_machine_bends_no_duration(project):
    project.write("""
import freezegun, time_machine
import busy
def flow(wfperf):
    with wfperf.step("s"):
        busy.work()
@freezegun.freeze_time("2001-01-01")
def test_frozen(wfperf):
    flow(wfperf)
@time_machine.travel("2001-01-01", tick=False)
def test_travelled(wfperf):
    flow(wfperf)
def test_frozen_inside(wfperf):
    with freezegun.freeze_time("2001-01-01"):
        flow(wfperf)
def test_plain(wfperf):
    flow(wfperf)
""")
    project.write("def work():\n    return sum(i * i for i in range(20_000))\n", "busy.py")
    results = project.results("--wfperf-rounds=3", "-W", "ignore")
    for workflow in results["workflows"]:
        assert 1e5 < workflow["summary"]["min_ns"] < 1e9, workflow["workflow"]
        assert 1e5 < workflow["summary"]["steps"][0]["median_ns"] < 1e9


def test_steps_from_threads_hang_under_the_step_that_waits_for_them(project):
    project.write("""
from concurrent.futures import ThreadPoolExecutor
def test_flow(wfperf):
    def part(n):
        with wfperf.step("part"):
            with wfperf.step("inner"):
                time.sleep(0.001)
    with ThreadPoolExecutor(2) as pool:
        with wfperf.step("first"):
            list(pool.map(part, range(4)))
        with wfperf.step("second"):
            list(pool.map(part, range(2)))
""")
    results = project.results("--wfperf-rounds=2")
    assert steps(results) == {
        "first": 1, "first/part": 4, "first/part/inner": 4, "second": 1, "second/part": 2, "second/part/inner": 2,
    }  # fmt: skip
