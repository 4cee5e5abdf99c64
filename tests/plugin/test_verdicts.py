"""Every verdict of the vocabulary, reached through pytest."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

FLOW = """
import os
MS = dict(parse=10, render=20) | {k: float(v) for k, v in (p.split("=") for p in os.environ.get("MS", "").split())}
GOOD = int(os.environ.get("GOOD", "100"))
TOKENS = int(os.environ.get("TOKENS", "100"))
seen = []
@pytest.mark.wfperf(*filter(None, os.environ.get("MARK", "").split(";")))
def test_flow(wfperf):
    seen.append(1)
    sleep_step(wfperf, "parse", MS["parse"])
    sleep_step(wfperf, "render", MS["render"], after="parse")
    wfperf.check("valid", len(seen) % 100 < GOOD, "not valid")
    wfperf.metric("tokens", TOKENS)
"""
SAVE = ("--wfperf-save", "--wfperf-rounds=5")
GATE = ("--wfperf-baseline", "--wfperf-rounds=5")


def verdict(results: dict, index: int = 0) -> str:
    return results["workflows"][index]["verdict"]


def saved(project, **env):
    project.write(FLOW)
    ran = project.run(*SAVE, env=env)
    assert ran.ret == 0, ran.out
    return project


def test_pass_says_what_it_could_have_caught(project):
    ran = saved(project).run(*GATE, "-v")
    assert ran.ret == 0, ran.out
    ran.says("holds: 1 workflow against baseline main: 1 PASS", "could have caught >= ", "limit 100 %", "PASSED")


def test_regressed_fails_the_test_and_names_the_step(project):
    ran = saved(project).run(*GATE, env={"MS": "render=50"})
    assert ran.ret == 1
    ran.says(
        "FAILED test_it.py::test_flow - REGRESSED: step render ",
        "against baseline main 0001-",
        "FAILED: 1 workflow against baseline main: 1 REGRESSED",
        "the workflow +",
        "of the slowdown: render ",
        "limit 100 %",
    )


def test_a_doubled_step_of_many_is_regressed_though_the_whole_is_not(project):
    ran = saved(project).run(*GATE, env={"MS": "parse=21"})
    assert ran.ret == 1
    ran.says("REGRESSED: step parse ", "→ 21.")
    ran.never_says("the workflow +")


def test_a_small_change_is_inconclusive_under_a_limit_that_one_process_cannot_resolve(project):
    ran = saved(project).run(*GATE, env={"MARK": "regression < 10%", "MS": "render=21"})
    assert ran.ret == 0, ran.out
    ran.says("1 INCONCLUSIVE", "limit 10 %, could have caught >= ")
    ran.never_says("1 PASS")
    assert project.run(*GATE, "--wfperf-strict", env={"MARK": "regression < 10%"}).ret == 1


def test_improved(project):
    ran = saved(project, MS="render=100").run(*GATE, env={"MS": "render=10"})
    assert ran.ret == 0
    ran.says("1 IMPROVED")


def test_failed_by_the_test_itself(project):
    saved(project)
    project.write(FLOW + "    assert 1 == 2, 'broken'\n")
    ran = project.run(*GATE)
    assert ran.ret == 1
    ran.says("1 FAILED", "its test failed: AssertionError: broken")


def test_failed_by_an_absolute_threshold(project):
    project.write(FLOW)
    ran = project.run(env={"MARK": "step:render p95 < 1ms"})
    assert ran.ret == 1
    ran.says("FAILED", "step:render p95 < 1ms", "missed")


def test_failed_by_a_quality_gate(project):
    project.write(FLOW)
    ran = project.run("--wfperf-rounds=20", "--wfperf-threshold=max < 10s", env={"GOOD": "18"})
    assert ran.ret == 1
    ran.says(
        "check 'valid' passed in 16 of 20 rounds, asked for 95 %", "not valid", "0 of 1 workflow passed all checks"
    )
    assert project.run("--wfperf-rounds=20", "--wfperf-min-pass-rate=80", env={"GOOD": "18"}).ret == 0


def test_a_failing_check_fails_a_plain_run_too(project):
    project.write(FLOW)
    ran = project.run(env={"GOOD": "0"})
    assert ran.ret == 1
    ran.says("check 'valid' passed in 0 of 1 rounds")


def test_a_check_that_the_baseline_has_and_the_run_lacks_counts_as_not_passed(project):
    saved(project)
    project.write(FLOW.replace("    wfperf.check(", "    0 and wfperf.check("))
    ran = project.run(*GATE)
    assert ran.ret == 1
    ran.says("check 'valid' passed in 0 of 5 rounds", "in the baseline, but never recorded in this run")


def test_new(project):
    saved(project)
    project.write("def test_other(wfperf):\n    sleep_step(wfperf, 's', 1)\n", "test_new.py")
    ran = project.run(*GATE)
    assert ran.ret == 0
    ran.says("1 NEW", "does not have it; pytest --wfperf-save stores it")
    assert project.run(*GATE, "--wfperf-strict").ret == 1


def test_missing_is_a_failed_test(project):
    saved(project)
    project.write(FLOW.replace("test_flow", "test_renamed"))
    ran = project.run(*GATE)
    assert ran.ret == 1
    ran.says("FAILED test_it.py::test_flow - MISSING", "1 MISSING", "1 NEW", "this run did not meet it")


def test_a_skipped_workflow_is_missing(project):
    saved(project)
    project.write(FLOW.replace("seen.append(1)\n", "pytest.skip('no licence')\n", 1))
    ran = project.run(*GATE)
    assert ran.ret == 1
    ran.says("MISSING", "skipped: ", "no licence")


def test_nothing_is_missing_from_a_partial_selection(project):
    saved(project)
    project.write("def test_other(wfperf):\n    pass\n", "test_new.py")
    assert project.run(*GATE, "-k", "other").ret == 0
    assert project.run(*GATE, "test_new.py").ret == 0
    assert project.run(*GATE, "--deselect=test_it.py::test_flow").ret == 0
    project.write("def test_gone(): pass\n", "test_it.py")
    assert project.run(*GATE, "test_it.py").ret == 1
    assert project.run(*GATE).ret == 1


def other_environment(project):
    """Pretend that what is stored was measured on another machine."""
    for path in project.root.glob(".wfperf/**/*.json"):
        document = json.loads(path.read_text())
        if "environment" in document:
            document["environment"]["facts"]["cpu"] = "Another CPU"
            reseal(path, document)
    (directory,) = project.root.glob(".wfperf/baselines/main/*")
    directory.rename(directory.with_name("linux-other-0badc0de"))


def reseal(path, document):
    from pytest_wfperf.store.schema import seal

    body = {k: v for k, v in document.items() if k not in ("format", "kind", "checksum")}
    path.write_bytes(seal(document["kind"], body, "the test"))


def test_incomparable_judges_no_times_but_pass_rates_and_exact_metrics(project):
    saved(project)
    other_environment(project)
    ran = project.run(*GATE, env={"MS": "render=200"})
    assert ran.ret == 0, ran.out
    ran.says("1 INCOMPARABLE", "another environment", "cpu: ", "Another CPU there")
    assert project.run(*GATE, "--wfperf-strict").ret == 1
    worse = project.run(*GATE, env={"MARK": "metric:tokens regression < 1%", "TOKENS": "150"})
    assert worse.ret == 1
    worse.says("REGRESSED", "metric:tokens regression < 1%: 50 % (100 → 150)")
    assert project.run(*GATE, env={"GOOD": "0"}).ret == 1
    # and a save makes a version for this environment beside the other one
    assert project.run(*SAVE).ret == 0
    project.run(*GATE).says("1 PASS")


def waive(project, verdict="REGRESSED", days=1, workflow="test_it.py::test_flow"):
    (project.root / ".wfperf/waivers.toml").write_text(
        f'[[waiver]]\nworkflow = "{workflow}"\nverdict = "{verdict}"\nreason = "known"\n'
        f"expires = {date.today() + timedelta(days=days)}\n"
    )


def test_waived_until_it_expires(project):
    saved(project)
    waive(project)
    ran = project.run(*GATE, env={"MS": "render=100"})
    assert ran.ret == 0, ran.out
    ran.says("1 WAIVED", "REGRESSED waived: known (until ", "step render")
    waive(project, verdict="MISSING")
    assert project.run(*GATE, env={"MS": "render=100"}).ret == 1
    waive(project, days=-1)
    assert project.run(*GATE, env={"MS": "render=100"}).ret == 1


def test_a_waiver_that_cannot_be_read_stops_the_run(project):
    saved(project)
    waive(project, verdict="REGRESED")
    ran = project.run(*GATE)
    assert ran.ret == 4
    assert "REGRESED" in ran.err and "waivers.toml" in ran.err


def test_every_quantity_of_the_grammar_is_evaluated(project):
    project.write("""
@pytest.mark.wfperf(
    "min < 10s", "median < 10s", "mean < 10s", "p50 < 10s", "p99.9 < 10s", "max < 10s", "total < 100s",
    "memory < 10GiB", "cpu < 90s", "cpu < 10000%", "regression < 900%", "speedup >= 0.01", "reduction > 0%",
    "pass_rate >= 95%", 'step:"a b"/c share < 100%', 'step:"a b" memory > 15MiB', 'step:"a b" cpu > 1ms',
    "metric:tokens value == 7", "metric:size value < 2KiB", "metric:tokens regression < 1%", "metric:tokens reduction >= 0%",
    "gate:ok pass_rate >= 90%", "cache:c hit_rate >= 75%", "step:s count_free p50 < 1s".replace(" count_free", ""),
    rounds=3,
)
def test_flow(wfperf):
    with wfperf.step("a b"):
        held = bytearray(32 * 2**20)
        with wfperf.step("c"):
            sum(i * i for i in range(200_000))
    sleep_step(wfperf, "s", 1)
    wfperf.check("ok", True)
    wfperf.metric("tokens", 7)
    wfperf.metric("size", 1, unit="KiB")
    wfperf.cache("c", hits=3, misses=1)
""")
    project.run(*SAVE)
    results = project.results(*GATE)
    targets = {t["threshold"]: t for t in results["workflows"][0]["targets"]}
    assert len(targets) == 24
    never_met = {"reduction > 0%"}
    assert {name for name, t in targets.items() if t["status"] != "met"} - never_met == set(), [
        t for t in targets.values() if t["status"] != "met"
    ]
    assert targets["cache:c hit_rate >= 75%"]["actual"] == 0.75
    assert targets["metric:size value < 2KiB"]["actual"] == 1024
    assert targets["memory < 10GiB"]["actual"] > 2**24
    assert targets["total < 100s"]["actual"] > targets["max < 10s"]["actual"] > targets["min < 10s"]["actual"] > 1e6


def test_thresholds_on_what_was_never_recorded_are_missed(project):
    project.write(FLOW)
    for threshold, told in {
        "step:rendr p95 < 1s": "no step 'rendr' was recorded; recorded: parse, render",
        "metric:token value < 5": "no metric 'token' was recorded; recorded: tokens",
        "gate:vald pass_rate >= 50%": "never recorded",
        "cache:c hit_rate >= 5%": "no cache 'c' was recorded",
        "step:rendr regression < 5%": "no step 'rendr' was recorded",
    }.items():
        project.run("--wfperf-save", "--wfperf-accept=again", "--wfperf-rounds=2")
        ran = project.run("--wfperf-baseline", "--wfperf-rounds=2", f"--wfperf-threshold={threshold}")
        assert ran.ret == 1, threshold
        ran.says("FAILED", told)


def test_a_slow_path_in_some_rounds_is_seen_by_the_mean(project):
    project.write("""
import os
n = [0]
def test_flow(wfperf):
    n[0] += 1
    sleep_step(wfperf, "s", 150 if n[0] % 3 == 0 and "SLOW" in os.environ else 10)
""")
    assert project.run("--wfperf-save", "--wfperf-rounds=15").ret == 0
    ran = project.run("--wfperf-baseline", "--wfperf-rounds=15", env={"SLOW": "1"})
    assert ran.ret == 1, ran.out
    ran.says("some rounds are slow: their mean grew by")


def test_a_step_entered_more_often_says_so(project):
    project.write("""
import os
def test_flow(wfperf):
    for _ in range(int(os.environ.get("N", "2"))):
        sleep_step(wfperf, "s", 2)
""")
    assert project.run(*SAVE).ret == 0
    ran = project.run(*GATE, env={"N": "8"})
    assert ran.ret == 1
    ran.says("entered 8 times a round, was 2")


def test_steps_only_one_side_has_are_named(project):
    saved(project)
    project.write(FLOW.replace('"render", MS', '"paint", MS'))
    ran = project.run(*GATE, "-v")
    assert ran.ret == 0
    ran.says("new since the baseline: paint", "gone since the baseline: render")


def test_the_results_file_holds_everything(project):
    results = saved(project).results(*GATE)
    (workflow,) = results["workflows"]
    assert results["holds"] is True and results["counts"]["PASS"] == 1
    assert re.fullmatch(r"main 0001-[0-9a-f]{6}", workflow["baseline"])
    assert workflow["comparison"]["total"]["could_have_caught"] > 0.3
    assert [s["path"] for s in workflow["comparison"]["steps"]] == ["parse", "render"]
    assert len(workflow["profile"]["launches"][0]["rounds"]["total_ns"]) == 5
    assert set(workflow["comparison"]["contributions"]) == {"", "parse", "render"}
