import json
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

import pytest

from pytest_wfperf.cli import main
from pytest_wfperf.errors import BaselineCorrupt, ConfigError
from pytest_wfperf.interop.pytest_benchmark import MOST_ROUNDS, from_summary, read_file, read_saved
from pytest_wfperf.measure.conditions import environment
from pytest_wfperf.store.directory import Store

pytest.importorskip("pytest_benchmark")

OLD = Path(__file__).with_name("pytest-benchmark-2.5.json")
TABLE = "*Name (time in*"
# A clock that only moves when the code under test says so, and by 1 ns when it is read.
CLOCK = """
now = [0]
def ticks():
    now[0] += 1
    return now[0] / 1e9
def spend(ns):
    now[0] += ns
"""
TEST = """
import os, time
import clock
COST = int(os.environ.get("COST", "1"))

def work(ns):
    clock.spend(ns * COST)

def test_parse(benchmark):
    benchmark(work, 100_000)

def test_render(benchmark):
    benchmark.pedantic(work, (2_000_000,), rounds=12, iterations=3)
"""
TICKS = ("-p", "no:cacheprovider", "--benchmark-timer=clock.ticks", "--benchmark-max-time=0.01")


@pytest.fixture(autouse=True)
def _alone(monkeypatch, pytester):
    """Inside one of xdist's workers pytest-benchmark would measure nothing; other plugins only take time to load."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_benchmark.plugin,pytest_wfperf.plugin,xdist.plugin")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-o wfperf_launches=0")  # but for one test; pytester has cleared it


@pytest.fixture
def project(pytester, monkeypatch):
    pytester.makepyfile(clock=CLOCK, test_it=TEST)
    pytester.syspathinsert()

    def run(*arguments, cost=1, timer=TICKS):
        monkeypatch.setenv("COST", str(cost))
        return pytester.runpytest_subprocess(*timer, *arguments)

    return run


def stored(pytester, workflow, name="main"):
    (baseline,) = Store(pytester.path / ".wfperf").in_force(name)
    return baseline.sessions(workflow)


# --- only where it is asked for -------------------------------------------------------


@pytest.mark.parametrize("marker", ["", "@pytest.mark.wfperf\n", "@pytest.mark.wfperf(rounds=3)\n"])
def test_installed_and_unused_it_changes_nothing(pytester, marker):
    pytester.makeconftest(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('loaded:', [m for m in sys.modules if m.startswith('pytest_wfperf.interop')])\n"
    )
    pytester.makepyfile(f"import pytest\n{marker}def test_it(benchmark):\n    benchmark(sum, range(100))\n")
    result = pytester.runpytest_subprocess("--benchmark-max-time=0.01")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([TABLE, "test_it*", "loaded: [[]]"])
    assert "wfperf ==" not in result.stdout.str()


def test_a_benchmark_is_a_workflow_of_one_step(project, pytester):
    result = project("--wfperf-save")
    assert result.ret == 0
    result.stdout.no_fnmatch_line(TABLE)
    result.stdout.fnmatch_lines(["*stored baseline main 0001-*, 2 workflows"])
    (parse,), (render,) = stored(pytester, "test_it.py::test_parse"), stored(pytester, "test_it.py::test_render")
    for profile, rounds, cost in ((parse, 100, 100_000), (render, 12, 2_000_000)):
        assert abs(len(profile.rounds) - rounds) <= 1
        assert {round(r.total_ns / cost, 3) for r in profile.rounds} == {1.0}
        assert profile.steps == ("benchmark",)
        assert profile.step("benchmark").values_ns == profile.times.values_ns
        assert not profile.launches[0].warmup
    assert {r.iterations for r in render.rounds} == {3}


@pytest.mark.parametrize("extra", [(), ("-v",), ("-q",), ("--benchmark-verbose",)])
def test_the_gate_judges_and_the_table_is_silent(project, extra):
    assert project("--wfperf-save").ret == 0
    same = project("--wfperf-baseline", *extra)
    assert same.ret == 0
    same.assert_outcomes(passed=2)
    same.stdout.no_fnmatch_line(TABLE)
    slow = project("--wfperf-baseline", *extra, cost=3)
    assert slow.ret == 1
    slow.assert_outcomes(failed=2)
    slow.stdout.no_fnmatch_line(TABLE)
    slow.stdout.fnmatch_lines(["REGRESSED: step benchmark +*", "  the workflow +*", "  against baseline main 0001-*"])


def test_with_real_times(pytester, monkeypatch):
    pytester.makepyfile("import os, time\ndef test_it(benchmark):\n    benchmark(time.sleep, float(os.environ['S']))\n")
    for seconds, option, status in (
        ("0.004", "--wfperf-save", 0),
        ("0.004", "--wfperf-baseline", 0),
        ("0.012", "--wfperf-baseline", 1),
    ):
        monkeypatch.setenv("S", seconds)
        assert pytester.runpytest_subprocess("--benchmark-max-time=0.1", option).ret == status
    (profile,) = stored(pytester, "test_with_real_times.py::test_it")
    assert 0.004 <= profile.min < 0.012


def test_nanoseconds_are_judged_as_well(pytester, project):
    """The clock's ticks are spread over the iterations, so what is short is not negligible."""
    pytester.makepyfile(test_it="from test_it_work import work\ndef test_it(benchmark):\n    benchmark(work)\n")
    pytester.makepyfile(test_it_work="import os, clock\ndef work():\n    clock.spend(40 * int(os.environ['COST']))\n")
    assert project("--wfperf-save").ret == 0
    (profile,) = stored(pytester, "test_it.py::test_it")
    assert 38 <= min(profile.times.values_ns) <= 42
    assert profile.rounds[0].iterations > 50
    assert len(profile.rounds) == MOST_ROUNDS or len(profile.rounds) < MOST_ROUNDS
    assert project("--wfperf-baseline").ret == 0
    slow = project("--wfperf-baseline", cost=3)
    assert slow.ret == 1
    slow.stdout.fnmatch_lines(["REGRESSED: *40 ns → 120 ns*"])


def test_thresholds_on_the_marker_judge_without_options(pytester):
    pytester.makepyfile(
        """
        import time, pytest

        @pytest.mark.wfperf("median < 1s", "step:benchmark max < 10s")
        def test_holds(benchmark):
            assert benchmark(lambda: 7) == 7

        @pytest.mark.wfperf("step:benchmark median < 1ms")
        def test_misses(benchmark):
            benchmark.pedantic(time.sleep, (0.003,), rounds=3)

        def test_other(benchmark):
            benchmark(lambda: 7)
        """
    )
    result = pytester.runpytest_subprocess("--benchmark-max-time=0.01")
    result.assert_outcomes(passed=2, failed=1)
    text = result.stdout.str()
    assert "step:benchmark median < 1ms" in text
    table = re.search(r"benchmark: 1 tests(.*?)Legend", text, re.DOTALL)
    assert table is not None
    assert "test_other" in table[1]
    assert "test_holds" not in table[1]


def test_its_own_comparison_is_left_out_and_its_files_are_not(project, pytester):
    assert project("--benchmark-save=first").ret == 0
    own = project("--benchmark-compare", "--benchmark-compare-fail=min:5%", cost=3)
    assert own.ret == 1
    assert "Performance has regressed" in own.stderr.str()
    assert project("--wfperf-save").ret == 0
    judged = project(
        "--wfperf-baseline",
        "--benchmark-compare",
        "--benchmark-compare-fail=min:5%",
        "--benchmark-json=out.json",
        cost=1,
    )
    assert judged.ret == 0
    accepted = project("--wfperf-threshold=max < 1s", "--benchmark-compare", "--benchmark-compare-fail=min:5%", cost=3)
    assert accepted.ret == 0
    assert "Performance has regressed" not in accepted.stderr.str()
    assert "--benchmark-compare-fail is not applied to what wfperf judges: 2 tests" in accepted.stderr.str()
    assert len(json.loads((pytester.path / "out.json").read_text())["benchmarks"]) == 2


def test_another_fixture_of_that_name_is_none_of_it(pytester, monkeypatch):
    pytester.makepyfile(
        "import pytest\n@pytest.fixture\ndef benchmark():\n    return 7\n"
        "def test_it(benchmark):\n    assert benchmark == 7\ndef test_w(wfperf):\n    pass\n"
    )
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_wfperf.plugin")
    result = pytester.runpytest_subprocess("--wfperf-save")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*stored baseline main *, 1 workflow"])


def test_only_workflows_are_selected(pytester):
    pytester.makepyfile("def test_a(benchmark):\n    benchmark(int)\ndef test_b():\n    pass\n")
    result = pytester.runpytest_subprocess("--wfperf-only", "--wfperf-save", "--benchmark-max-time=0.01")
    result.assert_outcomes(passed=1, deselected=1)


# --- one pass in its many forms -------------------------------------------------------


def test_beside_a_benchmark(project, pytester):
    """Checks and metrics of the test stand for all of its rounds; set-up and isolation keep their meaning."""
    pytester.makepyfile(
        test_it="""
        import clock, pytest

        @pytest.mark.wfperf(isolation="shared")
        def test_it(benchmark, wfperf):
            with wfperf.step("outside"):
                clock.spend(5_000_000)
            result = benchmark.pedantic(clock.spend, (1_000_000,), rounds=6)
            wfperf.check("valid", True)
            wfperf.metric("tokens", 12)
        """
    )
    assert project("--wfperf-save").ret == 0
    (profile,) = stored(pytester, "test_it.py::test_it")
    assert profile.times.values_ns == (1_000_001,) * 6
    assert profile.steps == ("benchmark",)
    assert [[check.name for check in r.checks] for r in profile.rounds] == [["valid"]] * 6
    assert [[metric.value for metric in r.metrics] for r in profile.rounds] == [[12]] * 6
    assert profile.rounds[0].notes == ("1 step in the test is left out: the rounds are pytest-benchmark's",)


def test_a_failed_check_fails(project, pytester):
    pytester.makepyfile(
        test_it="def test_it(benchmark, wfperf):\n    benchmark.pedantic(int, rounds=3)\n    wfperf.check('valid', False)\n"
    )
    result = project("--wfperf-save")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED*'valid'*"])


def test_a_fixture_that_is_never_called_leaves_an_ordinary_workflow(pytester):
    pytester.makepyfile(test_it="def test_it(benchmark):\n    pass\n")
    result = pytester.runpytest_subprocess("--wfperf-save", "--wfperf-rounds=4")
    result.assert_outcomes(passed=1)
    (profile,) = stored(pytester, "test_it.py::test_it")
    assert (len(profile.rounds), profile.steps) == (4, ())


@pytest.mark.parametrize(
    "body", ["benchmark(lambda: 1 / 0)", "benchmark(int)\n    assert False", "benchmark(int)\n    benchmark(int)"]
)
@pytest.mark.parametrize("extra", [(), ("--benchmark-disable",)])
def test_a_failing_benchmark_fails_once(pytester, body, extra):
    pytester.makepyfile(test_it=f"def test_it(benchmark):\n    {body}\n")
    result = pytester.runpytest_subprocess("--wfperf-save", "--benchmark-max-time=0.01", *extra)
    result.assert_outcomes(failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED*test_it.py::test_it*"])
    result.stdout.fnmatch_lines(["*--wfperf-save refused: test_it.py::test_it failed*"])


def test_a_skipped_benchmark_is_missing(project):
    assert project("--wfperf-save").ret == 0
    result = project("--wfperf-baseline", "--benchmark-skip")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*2 MISSING*"])


def test_disabled_the_calls_alone_are_rounds_of_another_kind(pytester):
    pytester.makepyfile(
        test_it="""
        import time

        def test_it(benchmark):
            time.sleep(0.02)
            benchmark(time.sleep, 0.002)

        def test_pedantic(benchmark):
            benchmark.pedantic(time.sleep, setup=lambda: ((0.002,), {}), rounds=3)
        """
    )
    run = pytester.runpytest_subprocess
    assert run("--wfperf-save", "--benchmark-disable", "--wfperf-rounds=3").ret == 0
    for name in ("test_it", "test_pedantic"):
        (profile,) = stored(pytester, f"test_it.py::{name}")
        assert len(profile.rounds) == 3
        assert 0.002 <= profile.min < 0.02
        assert profile.steps == ("benchmark",)
        assert dict(profile.environment.facts)["measured"] == "one call a round"
    assert run("--wfperf-baseline", "--benchmark-disable", "--wfperf-rounds=3").ret == 0
    enabled = run("--wfperf-baseline", "--benchmark-max-time=0.02")
    assert enabled.ret == 0
    enabled.stdout.fnmatch_lines(["*2 INCOMPARABLE*"])
    enabled.stdout.fnmatch_lines(["*measured: unknown here, one call a round there*"])


def test_beside_others_the_calls_are_rounds(pytester):
    pytest.importorskip("xdist")
    pytester.makepyfile(
        test_it="""
        import os, time, pytest

        @pytest.mark.parametrize("n", range(3))
        def test_it(benchmark, n):
            benchmark(time.sleep, float(os.environ.get("S", "0.02")))

        def test_plain(wfperf):
            time.sleep(0.02)
        """
    )
    arguments = (
        "-n2",
        "--wfperf-rounds=4",
        "--wfperf-threshold=step:benchmark median < 1s",
        "--deselect=test_it.py::test_plain",
    )
    assert pytester.runpytest_subprocess("-n2", "--wfperf-rounds=4", "--wfperf-save").ret == 0
    (profile,) = stored(pytester, "test_it.py::test_it[1]")
    assert profile.steps == ("benchmark",)
    assert len(profile.rounds) >= 4  # up to pytest-benchmark 5.0 xdist's workers measured
    assert pytester.runpytest_subprocess(*arguments, "--wfperf-baseline").ret == 0
    pytester._monkeypatch.setenv("S", "0.2")
    slow = pytester.runpytest_subprocess(*arguments, "--wfperf-baseline")
    assert slow.ret == 1
    slow.assert_outcomes(failed=3)
    slow.stdout.fnmatch_lines(["REGRESSED: step benchmark *"])


def test_in_launches_too_the_calls_are_rounds(pytester):
    pytester.makepyfile(
        test_it="import time\ndef test_it(benchmark):\n    benchmark.pedantic(time.sleep, (0.01,), rounds=4)\n"
    )
    launched = ("--wfperf-launches=2", "-p", "no:cacheprovider")
    assert pytester.runpytest_subprocess("--wfperf-save", *launched).ret == 0
    (profile,) = stored(pytester, "test_it.py::test_it")
    assert [len(launch.rounds) for launch in profile.launches] == [4, 4]
    assert profile.steps == ("benchmark",)
    assert pytester.runpytest_subprocess("--wfperf-baseline", *launched).ret == 0


def test_cpu_time_is_not_elapsed_time(pytester):
    pytester.makepyfile(test_it="def test_it(benchmark):\n    benchmark(sum, range(1000))\n")
    run = pytester.runpytest_subprocess
    assert run("--wfperf-save", "--benchmark-max-time=0.01", "--benchmark-timer=time.process_time").ret == 0
    result = run("--wfperf-baseline", "--benchmark-max-time=0.01")
    result.stdout.fnmatch_lines(["*1 INCOMPARABLE*"])


# --- its files ------------------------------------------------------------------------


@pytest.mark.parametrize("with_data", [True, False])
def test_a_saved_run_becomes_a_baseline_of_this_machine(pytester, monkeypatch, with_data):
    pytester.makepyfile(
        test_it="import os, time\ndef test_it(benchmark):\n    benchmark(time.sleep, float(os.environ.get('S', '0.004')))\n"
    )
    run = pytester.runpytest_subprocess
    assert (
        run("--benchmark-save=x", "--benchmark-max-time=0.1", *(["--benchmark-save-data"] if with_data else [])).ret
        == 0
    )
    (file,) = (pytester.path / ".benchmarks").rglob("*.json")
    (profile,) = read_saved(file)
    assert profile.workflow == "test_it.py::test_it"
    here, there = dict(environment().facts), dict(profile.environment.facts)
    assert here.keys() == there.keys()
    result = pytester.run(sys.executable, "-m", "pytest_wfperf", "import", file)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["baseline main 0001-*: 1 workflow in 1 session"])
    assert ("rebuilt from their summaries" in result.stdout.str()) is not with_data
    for name in ("cpus", "tracing", "cpu"):  # differ from a file's where affinity, coverage or cpuinfo does
        if here[name] != there[name]:
            pytest.skip(f"{name} is told differently here: {here[name]}, {there[name]}")
    assert run("--wfperf-baseline", "--benchmark-max-time=0.1").ret == 0
    monkeypatch.setenv("S", "0.012")
    slow = run("--wfperf-baseline", "--benchmark-max-time=0.1")
    assert slow.ret == 1
    slow.stdout.fnmatch_lines(["REGRESSED: step benchmark *"])


def saved_run(tmp_path, name="0001_x.json", when="2026-10-01T10:00:00+00:00", seconds=(0.01, 0.011, 0.012), **changed):
    data = {
        "machine_info": {
            "node": "builder",
            "machine": "x86_64",
            "python_implementation": "CPython",
            "python_version": "3.12.4",
            "python_compiler": "GCC 13",
            "release": "6.8",
            "system": "Linux",
            "cpu": {"brand_raw": "Some CPU @ 3 GHz", "count": 8},
        },
        "commit_info": {"id": "abc123", "dirty": False},
        "benchmarks": [
            {
                "fullname": "test_x.py::test_x",
                "name": "test_x",
                "options": {"timer": "perf_counter"},
                "stats": {"iterations": 7, "rounds": len(seconds), "data": list(seconds)},
            }
        ],
        "datetime": when,
        "version": "5.3.1",
    }
    data |= changed
    path = tmp_path / name
    path.write_text(json.dumps(data))
    return path


def test_what_a_file_says(tmp_path):
    saved = read_file(saved_run(tmp_path, seconds=[0.010, 1e-10, 0.5]))
    (profile,) = saved.profiles
    assert profile.times.values_ns == (10_000_000, 1, 500_000_000)
    assert profile.step("benchmark").values_ns == profile.times.values_ns
    assert {r.iterations for r in profile.rounds} == {7}
    assert (saved.commit, saved.when) == ("abc123", datetime(2026, 10, 1, 10, tzinfo=UTC))
    assert dict(profile.environment.facts) == {
        "concurrency": "alone",
        "cpu": "Some CPU @ 3 GHz",
        "cpus": "8",
        "gil": "on",
        "machine": "x86_64",
        "python": "cpython3.12",
        "python_options": "none",
        "system": "Linux",
        "tracing": "none",
    }


def test_a_file_of_2015(tmp_path):
    (profile,) = read_saved(OLD)
    assert profile.workflow == "tests/test_parse.py::test_parse[0]"
    facts = dict(profile.environment.facts)
    assert (facts["python"], facts["cpu"], facts["cpus"]) == ("cpython2.7", "unknown", "unknown")
    assert profile.environment.differences(environment())
    times = profile.times.values_ns
    assert min(times) == 10_000_000
    assert max(times) == 30_000_000
    steady = fmean(sorted(times)[:-1])
    assert steady == pytest.approx((101 * 12_000_000 - 30_000_000) / 100)
    assert profile.rounds[0].notes == ("rebuilt from the summary of 101 rounds",)
    assert main(["import", str(OLD), "--store", str(tmp_path), "--name", "old", "--reason", "as it was"]) == 0
    (baseline,) = Store(tmp_path).in_force("old")
    assert (baseline.reason, baseline.workflows()) == ("as it was", {profile.workflow})
    assert [session.created for session in baseline.contents] == [datetime(2015, 8, 15, 0, 1, 46, 250433, tzinfo=UTC)]


@pytest.mark.parametrize(
    "values", [[3.0], [3.0, 5.0], [3.0, 4.0, 9.0], [3.0, 4.0, 5.0, 9.0], [3.0, 4.0, 4.5, 5.0, 9.0]]
)
def test_a_summary_of_few_rounds(values):
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
    rebuilt = from_summary(
        {
            "min": values[0],
            "max": values[-1],
            "median": median,
            "q1": values[0],
            "q3": values[-1],
            "mean": fmean(values),
            "rounds": len(values),
        }
    )
    assert len(rebuilt) <= len(values)
    assert (min(rebuilt), max(rebuilt)) == (values[0], values[-1])
    if len(values) > 3:
        assert fmean(sorted(rebuilt)[:-1]) == pytest.approx(fmean(values[:-1]))


def test_of_very_many_rounds_the_shape_is_kept(tmp_path):
    seconds = [(i * 7919 % 50_000 + 1) * 1e-6 for i in range(50_000)]
    (profile,) = read_saved(saved_run(tmp_path, seconds=seconds))
    assert len(profile.rounds) == MOST_ROUNDS
    assert (profile.min, profile.max) == (1e-6, 0.05)
    assert profile.median == pytest.approx(0.025, rel=0.01)
    assert profile.p95 == pytest.approx(0.0475, rel=0.01)
    assert profile.rounds[0].notes == ("1000 of 50000 rounds are kept, evenly spaced by length",)
    assert profile.times.values_ns != tuple(sorted(profile.times.values_ns))


def test_several_files_are_sessions_in_the_order_of_their_dates(tmp_path, capsys):
    files = [
        saved_run(tmp_path, "b.json", "2026-10-02T12:00:00", [0.02] * 3),
        saved_run(tmp_path, "a.json", "2026-10-03T12:00:00+02:00", [0.03] * 3),
        saved_run(tmp_path, "c.json", "2026-10-01T12:00:00", [0.01] * 3),
    ]
    store = tmp_path / "store"
    assert main(["import", *map(str, files), "--store", str(store)]) == 0
    assert re.fullmatch(r"baseline main 0001-\w+: 1 workflow in 3 sessions\n", capsys.readouterr().out)
    (baseline,) = Store(store).in_force("main")
    assert baseline.reason == "imported from pytest-benchmark: c.json, b.json, a.json"
    assert [f"{s.created:%m-%d %H}" for s in baseline.contents] == ["10-01 12", "10-02 12", "10-03 10"]
    assert [float(p.median) for p in baseline.sessions("test_x.py::test_x")] == [0.01, 0.02, 0.03]
    assert Store(store).verify() == ()


def test_an_import_keeps_what_is_there_of_other_workflows(tmp_path, capsys):
    file = saved_run(tmp_path)
    store = tmp_path / "store"
    (profile,) = read_saved(file)
    other = replace(profile, workflow="test_x.py::test_other")
    Store(store).save("main", [other, profile], environment=profile.environment)
    assert main(["import", str(file), "--store", str(store)]) == 0
    assert capsys.readouterr().out.endswith("1 workflow in 1 session, 1 more kept from before\n")
    (baseline,) = Store(store).in_force("main")
    assert baseline.workflows() == {"test_x.py::test_x", "test_x.py::test_other"}


def stats(**changed):
    whole = {"min": 0.1, "q1": 0.2, "median": 0.3, "q3": 0.4, "max": 0.5, "mean": 0.3, "rounds": 9, "iterations": 1}
    whole |= changed
    return [{"fullname": "t.py::t", "options": {}, "stats": {k: v for k, v in whole.items() if v is not None}}]


NAN, INFINITE = float("nan"), float("inf")
REFUSED = {
    "zero": (stats(data=[0.1, 0]), "data of t.py::t has 0, which is no time in seconds"),
    "negative": (stats(data=[-0.1]), "data of t.py::t has -0.1"),
    "nan": (stats(data=[NAN]), "data of t.py::t has nan"),
    "infinite": (stats(mean=INFINITE), "mean of t.py::t has inf"),
    "bool": (stats(data=[True]), "data of t.py::t has True"),
    "text": (stats(data=["0.1"]), "data of t.py::t has '0.1'"),
    "centuries": (stats(data=[1e10]), "data of t.py::t has 10000000000.0"),
    "whole number of centuries": (stats(data=[10**400]), "data of t.py::t has 1000"),
    "no rounds": (stats(data=[]), "the data of t.py::t hold no round"),
    "no list": (stats(data={}), "the data of t.py::t hold no round"),
    "no minimum": (stats(min=None), "min of t.py::t has None"),
    "odd mean": (stats(mean=0.7), "mean=0.7 of t.py::t is not between its min 0.1 and max 0.5"),
    "count": (stats(rounds=2.0), "rounds=2.0 of t.py::t is no count"),
    "iterations": (stats(data=[0.1], iterations=0), "iterations=0 of t.py::t is no count"),
    "no stats": ([{"fullname": "t.py::t"}], "one of its benchmarks has no stats"),
    "no name": ([{"stats": {}}], "no fullname"),
    "twice": (stats() + stats(), "it holds t.py::t twice"),
    "none": ([], "it holds no benchmark"),
}


@pytest.mark.parametrize(("benchmarks", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_to_be_believed_is_refused_by_name(tmp_path, capsys, benchmarks, problem):
    path = saved_run(tmp_path, benchmarks=benchmarks)
    good = saved_run(tmp_path, "good.json")
    with pytest.raises(BaselineCorrupt) as raised:
        read_saved(path)
    assert str(raised.value).startswith(f"{path} cannot be imported: ")
    assert problem in str(raised.value)
    assert main(["import", str(good), str(path), "--store", str(tmp_path / "store")]) == 2
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "line 1, column 1"),
        (b'{"machine_info": {', "line 1"),
        (b"\xff\xfe{}", ""),
        (b"\x80", "is not UTF-8"),
        (b"[]", "no saved run"),
        (b'{"a": 1}', "no saved run"),
        (b'{"machine_info": [], "benchmarks": []}', "no saved run"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "cannot be imported"),
    ],
)
def test_what_is_no_file_of_it_is_refused_by_name(tmp_path, content, problem):
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    with pytest.raises(BaselineCorrupt, match=re.escape(str(path))) as raised:
        read_saved(path)
    assert problem in str(raised.value)


@pytest.mark.parametrize("when", [None, 7, "yesterday"])
def test_a_file_without_a_date_is_refused(tmp_path, when):
    with pytest.raises(BaselineCorrupt, match="is no date"):
        read_saved(saved_run(tmp_path, when=when))


def test_a_file_that_is_not_there(tmp_path, capsys):
    with pytest.raises(ConfigError, match=r"nothing\.json cannot be imported: No such file"):
        read_saved(tmp_path / "nothing.json")
    assert main(["import", str(tmp_path), "--store", str(tmp_path / "store")]) == 2
    assert "cannot be imported: Is a directory" in capsys.readouterr().err


def test_a_machine_told_oddly_is_unknown(tmp_path):
    (profile,) = read_saved(
        saved_run(tmp_path, machine_info={"cpu": "fast", "system": 7, "machine": "\ud800"}, commit_info=None)
    )
    facts = dict(profile.environment.facts)
    assert (facts["cpu"], facts["system"], facts["machine"]) == ("unknown", "unknown", "\\ud800")
    assert facts["python"] == "unknownunknown"
    assert main(["import", str(tmp_path / "0001_x.json"), "--store", str(tmp_path / "store")]) == 0
