"""Where a setting may come from, which place wins, and what a bad one says."""

from __future__ import annotations

import pytest

COUNTED = """
rounds = []
@pytest.mark.wfperf({marker})
def test_flow(wfperf):
    rounds.append(1)
def test_count():
    print("ROUNDS", len(rounds))
"""


def counted(project, marker, *args, env=None):
    project.write(COUNTED.format(marker=marker))
    ran = project.run("-s", "--wfperf-warmup=0", *args, env=env)
    return int(ran.out.partition("ROUNDS ")[2].split()[0]), ran


def test_precedence_marker_command_line_environment_ini_default(project):
    ini = project.root / "pytest.ini"
    assert counted(project, "")[0] == 12
    ini.write_text("[pytest]\nwfperf_rounds = 2\n")
    assert counted(project, "")[0] == 2
    assert counted(project, "", env={"WFPERF_ROUNDS": "3"})[0] == 3
    assert counted(project, "", "--wfperf-rounds=4", env={"WFPERF_ROUNDS": "3"})[0] == 4
    rounds, ran = counted(project, "rounds=5", "--wfperf-rounds=4", env={"WFPERF_MAX_TIME": "7"})
    assert rounds == 5
    ran.says(", rounds=4 (--wfperf-rounds), warmup=0 (--wfperf-warmup), max_time=7.0 (WFPERF_MAX_TIME)")


def test_an_ini_key_alone_asks_for_no_measurement(project):
    (project.root / "pytest.ini").write_text(
        "[pytest]\nwfperf_rounds = 9\nwfperf_thresholds =\n    p95 < 1ns\n    max < 1s\n"
    )
    project.write(COUNTED.format(marker=""))
    ran = project.run("-s")
    assert ran.ret == 0
    ran.says("ROUNDS 1")
    ran = project.run("--wfperf-rounds=2", "--wfperf-threshold=min < 5s", "-v")
    assert ran.ret == 1
    ran.says("p95 < 1ns", "max < 1s", "min < 5s", "2/3")


def test_native_toml(project):
    (project.root / "pytest.ini").unlink()
    (project.root / "pyproject.toml").write_text(
        "[tool.pytest]\nwfperf_rounds = 3\nwfperf_strict = false\n"
        "wfperf_max_time = 2.5\nwfperf_thresholds = ['max < 1s']\n"
    )
    rounds, ran = counted(project, "")
    assert rounds == 3, ran.out
    ran.says("rounds=3 (ini key wfperf_rounds)", "max_time=2.5 (ini key wfperf_max_time)")


def test_options_from_addopts_and_the_environment(project):
    project.write("def test_flow(wfperf):\n    sleep_step(wfperf, 's', 10)\n", "tests/test_sub.py")
    (project.root / "pytest.ini").write_text("[pytest]\naddopts = --wfperf-save\n")
    ran = project.run("tests/", "--wfperf-rounds=2")
    assert ran.ret == 0, ran.out
    ran.says("stored baseline main")
    (project.root / "pytest.ini").write_text("[pytest]\n")
    ran = project.run("--wfperf-baseline", "tests/", env={"PYTEST_ADDOPTS": "--wfperf-rounds=2"})
    assert ran.ret == 0, ran.out + ran.err
    ran.says("baseline=main (--wfperf-baseline)", "rounds=2", "1 PASS")
    assert project.run("tests/", env={"WFPERF_BASELINE": "main", "WFPERF_ROUNDS": "2"}).ret == 0
    assert project.run("tests/", env={"WFPERF_BASELINE": "other"}).ret == 4


@pytest.mark.parametrize(
    ("args", "env", "told"),
    [
        (("--wfperf-rounds=many",), {}, ["--wfperf-rounds", "'many'", "whole number of at least 1"]),
        (("--wfperf-rounds=0",), {}, ["--wfperf-rounds", "at least 1"]),
        (("--wfperf-launches=-1",), {}, ["--wfperf-launches", "whole number of at least 0"]),
        ((), {"WFPERF_MAX_TIME": "nan"}, ["WFPERF_MAX_TIME", "'nan'", "seconds above 0"]),
        (("--wfperf-min-pass-rate=101",), {}, ["between 0 and 100"]),
        (("--wfperf-baseline=",), {}, ["--wfperf-baseline", "leave the = away"]),
        (("--wfperf-save=../up",), {}, ["--wfperf-save", "../up"]),
        (("--wfperf-accept=why",), {}, ["--wfperf-accept", "it goes with --wfperf-save"]),
        (("--wfperf-save", "--wfperf-extend"), {}, ["exclude each other"]),
        (("--wfperf-isolation=none",), {}, ["neither 'fresh' nor 'shared'"]),
        (("--wfperf-threshold=p95 <! 5ms",), {}, ["--wfperf-threshold: ", "p95 <! 5ms\n", "     ^"]),
        ((), {"WFPERF_THRESHOLDS": "p95 < 5ms; regresion < 5%"}, ["WFPERF_THRESHOLDS", "did you mean 'regression'"]),
        (("-o", "wfperf_rounds=x"), {"WFPERF_WARMUP": "0"}, ["wfperf_rounds"]),
    ],
)
def test_bad_settings_are_usage_errors_that_name_value_and_source(project, args, env, told):
    project.write("def test_flow(wfperf): pass\n")
    ran = project.run(*args, env=env)
    assert ran.ret == 4, ran.out + ran.err
    for part in told:
        assert part in ran.err, ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ("ronds=5", ["test_it.py::test_flow", "unknown keyword ronds=5", "did you mean rounds?"]),
        ("rounds='x'", ["test_it.py::test_flow", "rounds='x'"]),
        ("'p95 > fast'", ["test_it.py::test_flow", "p95 > fast", "^"]),
        ("'p95 < 200'", ["200ms"]),
        ("5", ["a threshold is a string", "5"]),
        ("setup=3", ["setup=3 is not a callable"]),
    ],
)
@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_marker_typo_is_a_usage_error_that_names_the_test(project, marker, told, workers):
    project.write(COUNTED.format(marker=marker))
    ran = project.run(*workers)
    assert ran.ret == 4, ran.out + ran.err
    for part in told:
        assert part in ran.out + ran.err, ran.out + ran.err
    ran.never_says("passed")


def test_help_and_markers(project):
    ran = project.run("--help")
    ran.says(
        "workflow performance gates (wfperf)",
        "--wfperf-baseline=[NAME]",
        "--wfperf-threshold=EXPR",
        "wfperf_thresholds (linelist)",
    )
    project.run("--markers").says("@pytest.mark.wfperf(*thresholds, rounds=, warmup=")
    project.run("--fixtures").says("wfperf -- ", "Profile this test's steps")
