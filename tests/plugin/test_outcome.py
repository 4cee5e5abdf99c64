"""A failing gate is a failed test, wherever failures are counted."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

GATED = """
import os
SLOW = float(os.environ.get("SLOW", "1"))
def test_a(wfperf):
    sleep_step(wfperf, "s", 12 * SLOW)
def test_b(wfperf):
    sleep_step(wfperf, "s", 12)
def test_c(wfperf):
    sleep_step(wfperf, "s", 12 * SLOW)
"""
QUICK = ("--wfperf-rounds=3",)
SLOW = {"SLOW": "10"}


@pytest.fixture
def gated(project):
    project.write(GATED)
    ran = project.run("--wfperf-save", *QUICK)
    assert ran.ret == 0, ran.out
    return project


def test_junit(gated):
    ran = gated.run("--wfperf-baseline", *QUICK, "--junitxml=junit.xml", env=SLOW)
    assert ran.ret == 1
    suite = ET.parse(gated.root / "junit.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "0")
    failure = suite.find("testcase[@name='test_a']/failure")
    assert failure.get("message").startswith("REGRESSED: step s ")
    assert "against baseline main 0001-" in failure.text
    assert suite.find(".//property") is None


def test_missing_counts_in_junit(gated):
    gated.write(GATED.replace("def test_b", "def test_renamed"))
    ran = gated.run("--wfperf-baseline", *QUICK, "--junitxml=junit.xml")
    assert ran.ret == 1
    suite = ET.parse(gated.root / "junit.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")


def test_dash_x_stops_at_a_regression(gated):
    ran = gated.run("--wfperf-baseline", *QUICK, "-x", env=SLOW)
    assert ran.ret == 1
    ran.says("1 failed", "stopping after 1 failures")
    ran.never_says("MISSING", "passed")


def test_last_failed_reruns_the_regressed(gated):
    cache = {"CACHE": "1"}
    assert gated.run("--wfperf-baseline", *QUICK, env=SLOW | cache).ret == 1
    ran = gated.run("--wfperf-baseline", *QUICK, "--lf", env=cache)
    assert ran.ret == 0, ran.out
    ran.says("2 passed")
    ran.never_says("MISSING")


@pytest.mark.parametrize("workers", ["-n1", "-n2"])
def test_xdist(gated, workers):
    # xdist's concurrency is part of the environment: two at once are another measurement than one alone
    ran = gated.run("--wfperf-baseline", *QUICK, workers)
    assert ran.ret == 0, ran.out
    ran.says("3 INCOMPARABLE" if workers == "-n2" else "3 PASS")
    assert gated.run("--wfperf-save", *QUICK, workers).ret == 0
    gated.run("--wfperf-baseline", *QUICK, workers, "-v").says("3 PASS", "could have caught")
    ran = gated.run("--wfperf-baseline", *QUICK, workers, "--junitxml=junit.xml", env=SLOW)
    assert ran.ret == 1
    ran.says("2 REGRESSED, 1 PASS")
    suite = ET.parse(gated.root / "junit.xml").getroot().find("testsuite")
    assert suite.get("failures") == "2"


def test_missing_under_xdist(gated):
    gated.run("--wfperf-save", *QUICK, "-n2")
    gated.write(GATED.replace("def test_b", "def test_renamed"))
    ran = gated.run("--wfperf-baseline", *QUICK, "-n2")
    assert ran.ret == 1
    ran.says("1 MISSING, 1 NEW, 2 PASS")
    assert gated.run("--wfperf-baseline", *QUICK, "-n2", "-k", "test_a").ret == 0


def test_results_of_finished_tests_survive_a_worker_that_dies(gated):
    gated.run("--wfperf-save", *QUICK, "-n2", "--dist=loadfile")
    gated.write(GATED.replace("def test_c(wfperf):\n", "def test_c(wfperf):\n    time.sleep(0.3)\n    os._exit(9)\n"))
    ran = gated.run("--wfperf-baseline", *QUICK, "-n2", "--dist=loadfile")
    assert ran.ret == 1
    ran.says("2 PASS", "worker 'gw", "crashed")
    refused = gated.run("--wfperf-save", "--wfperf-accept=x", *QUICK, "-n2", "--dist=loadfile")
    assert refused.ret == 1


def test_verbosity(gated):
    quiet = gated.run("--wfperf-baseline", *QUICK, "-q", "-q")
    assert quiet.ret == 0
    quiet.says("holds: 3 workflows against baseline main: 3 PASS")
    quiet.never_says("could have")
    plain = gated.run("--wfperf-baseline", *QUICK)
    plain.says("could have", "3 passing workflows not explained (-v explains)")
    gated.run("--wfperf-baseline", *QUICK, "-vv").says("PASS test_it.py::test_a", "1 session of baseline main")


def test_a_narrow_terminal_without_colour(gated):
    for width in ("40", "80", "120"):
        ran = gated.run("--wfperf-baseline", *QUICK, env=SLOW | {"COLUMNS": width, "NO_COLOR": "1"})
        table = ran.out.partition(" wfperf ")[2].partition("short test summary")[0]
        rows = [line for line in table.splitlines() if line.startswith(("REGRESSED  ", "PASS  "))]
        assert len(rows) == 3
        assert all(len(row) <= max(int(width), 46) for row in rows), (width, rows)
        assert "\x1b" not in ran.out
    assert "\x1b[31m" in gated.run("--wfperf-baseline", *QUICK, "--color=yes", env=SLOW).out


def test_test_ids_bring_no_control_characters_to_the_terminal(project):
    project.write(
        """
def test_a(wfperf):
    with wfperf.step("evil\\x1b[2J\\u202e"):
        pass
    wfperf.check("evil\\x07", False, "detail\\x1b]0;title\\x07")
""",
        "test_\x1b[31m\u202e.py",
    )
    ran = project.run("--wfperf-rounds=2", "--wfperf-report=r.json", "-v")
    assert ran.ret == 1
    report = ran.out.partition(" wfperf =")[2].partition(" short test")[0]
    assert "evil" in report
    assert not {c for c in report if ord(c) < 32 and c != "\n"} and "\u202e" not in report


def test_a_gate_that_met_no_workflow_fails(project):
    project.write("def test_plain(): pass\n")
    ran = project.run("--wfperf-min-pass-rate=90")
    assert ran.ret == 1
    ran.says("no workflow was met: nothing was judged")
    project.write("")
    assert project.run("--wfperf-min-pass-rate=90").ret == 1
    assert project.run("--wfperf-rounds=3").ret == 5


def test_a_pass_rate_gate_without_checks_fails(project):
    project.write("def test_a(wfperf): pass\n")
    ran = project.run("--wfperf-min-pass-rate=90")
    assert ran.ret == 1
    ran.says("no workflow recorded a check")


def test_missing_workflows_count_as_not_passed(project):
    checked = "".join(f"def test_{n}(wfperf):\n    wfperf.check('c', True)\n" for n in range(4))
    project.write(checked)
    assert project.run("--wfperf-save", *QUICK).ret == 0
    project.write(
        checked.replace("test_3", "test_gone").replace("def test_gone(wfperf):\n    wfperf.check('c', True)\n", "")
    )
    ran = project.run("--wfperf-baseline", *QUICK)
    assert ran.ret == 1
    ran.says("3 of 4 workflows passed all checks, asked for at least 95 %")


def test_reruns_judge_the_last_attempt(gated):
    gated.write(
        GATED.replace(
            "def test_b(wfperf):\n", "tries = []\ndef test_b(wfperf):\n    tries.append(1)\n    assert len(tries) > 1\n"
        )
    )
    ran = gated.run("--wfperf-baseline", *QUICK, "--reruns=2")
    assert "INTERNALERROR" not in ran.out
    assert ran.ret in (0, 1)


def test_collect_only_judges_nothing(gated):
    ran = gated.run("--wfperf-baseline", "--collect-only", "-q")
    assert ran.ret == 0
    ran.never_says("MISSING", "FAILED")


def test_off_and_only(gated):
    gated.write(GATED + "def test_plain(): pass\n")
    ran = gated.run("--wfperf-off", "--wfperf-baseline", env=SLOW)
    assert ran.ret == 0
    ran.never_says("REGRESSED", "holds:")
    ran = gated.run("--wfperf-only", "--wfperf-baseline", *QUICK)
    assert ran.ret == 0, ran.out
    ran.says("3 passed, 1 deselected", "3 PASS")
    assert gated.run("--wfperf-only", "--wfperf-save", *QUICK).ret == 0
