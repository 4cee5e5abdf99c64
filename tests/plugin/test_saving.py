"""What becomes a baseline, and what never does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

TWO = """
import os
MS = float(os.environ.get("MS", "15"))
def test_one(wfperf):
    sleep_step(wfperf, "s", MS)
def test_two(wfperf):
    sleep_step(wfperf, "s", 15)
    if "FAIL" in os.environ:
        assert False
"""
QUICK = "--wfperf-rounds=3"


@pytest.fixture
def two(project):
    project.write(TWO)
    ran = project.run("--wfperf-save", QUICK)
    assert ran.ret == 0, ran.out
    ran.says("stored baseline main 0001-", "2 workflows")
    return project


def test_a_second_save_is_a_new_version_and_the_first_stays(two):
    assert two.run("--wfperf-save", QUICK).ret == 0
    assert [v[:4] for v in two.versions] == ["0001", "0002"]
    two.run("--wfperf-baseline", QUICK).says("2 PASS")


def test_named_baselines_and_another_store(two):
    assert two.run("--wfperf-save=release", "--wfperf-store=perf/here", QUICK).ret == 0
    assert list(two.root.glob("perf/here/baselines/release/*/HEAD"))
    two.run("--wfperf-baseline=release", "--wfperf-store=perf/here", QUICK, "-v").says("baseline release 0001-")


@pytest.mark.parametrize(
    ("args", "env", "told"),
    [
        ((), {"MS": "150"}, "test_it.py::test_one failed or regressed"),
        ((), {"FAIL": "1"}, "test_it.py::test_two failed or regressed"),
        (("-k", "one"), {}, "this run was partial (-k, tests were deselected)"),
        (("test_it.py::test_one",), {}, "it did not measure test_it.py::test_two"),
        (("--deselect", "test_it.py::test_one"), {}, "partial (--deselect"),
    ],
)
def test_a_run_that_failed_regressed_or_was_partial_replaces_nothing(two, args, env, told):
    ran = two.run("--wfperf-save", QUICK, *args, env=env)
    assert ran.ret == 1
    ran.says("--wfperf-save refused: ", told, "--wfperf-accept=REASON")
    assert len(two.versions) == 1


def test_a_regression_is_accepted_on_purpose_with_a_reason(two):
    ran = two.run("--wfperf-save", "--wfperf-accept=a slower and safer parser", QUICK, env={"MS": "150"})
    assert ran.ret == 0, ran.out
    ran.says("1 WAIVED", "accepted: a slower and safer parser", "stored baseline main 0002-")
    manifest = next(two.root.glob(".wfperf/baselines/main/*/0002-*/manifest.json")).read_text()
    assert "a slower and safer parser" in manifest
    assert two.run("--wfperf-baseline", QUICK, env={"MS": "150"}).ret == 0


def test_an_accepted_partial_run_keeps_what_it_did_not_measure(two):
    ran = two.run("--wfperf-save", "--wfperf-accept=only one changed", QUICK, "-k", "one")
    assert ran.ret == 0, ran.out
    ran.says("1 workflow, 1 more kept from before")
    ran = two.run("--wfperf-baseline", QUICK)
    assert ran.ret == 0
    ran.says("2 PASS")


def test_an_accepted_whole_run_drops_what_is_gone(two):
    two.write(TWO.partition("def test_two")[0])
    assert two.run("--wfperf-save", QUICK).ret == 1
    assert two.run("--wfperf-save", QUICK, "--wfperf-accept=two is gone").ret == 0
    two.run("--wfperf-baseline", QUICK).says("1 PASS")


def test_extend_adds_a_session_to_the_version_in_force(two):
    ran = two.run("--wfperf-extend", QUICK)
    assert ran.ret == 0, ran.out
    ran.says("stored session 2 of baseline main 0001-")
    assert len(two.versions) == 1
    ran = two.run("--wfperf-extend", QUICK, env={"MS": "150"})
    assert ran.ret == 1
    ran.says("--wfperf-extend refused")
    assert two.run("--wfperf-extend=other", QUICK).ret == 4


def test_a_save_with_a_gate_does_both(two):
    assert two.run("--wfperf-baseline", "--wfperf-save", QUICK).ret == 0
    assert two.run("--wfperf-baseline", "--wfperf-save", QUICK, env={"MS": "150"}).ret == 1
    assert len(two.versions) == 2


def test_an_interrupted_run_stores_nothing(two):
    two.write(
        TWO.replace(
            "def test_two(wfperf):\n", "def test_two(wfperf):\n    print('there', flush=True)\n    time.sleep(30)\n"
        )
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", "--wfperf-save", "--wfperf-launches=0", QUICK, "-p", "no:cacheprovider"],
        cwd=two.root, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "140"},
    )  # fmt: skip
    for line in process.stdout:
        if "there" in line:
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out = process.communicate(timeout=30)[0]
    assert process.returncode == 2, out
    assert "--wfperf-save refused: it was interrupted" in out
    assert len(two.versions) == 1
    assert not list(two.root.glob(".wfperf/baselines/**/.tmp-*"))


def test_stopping_at_the_first_failure_stores_nothing(two):
    two.write("def test_zero():\n    assert False\n" + TWO)
    ran = two.run("--wfperf-save", "--wfperf-accept=whatever", "-x", QUICK)
    assert ran.ret == 1
    ran.says("refused: ", "stop")
    ran.never_says("MISSING")


def test_no_baseline_is_a_usage_error_that_says_what_to_do(project):
    project.write(TWO)
    ran = project.run("--wfperf-baseline")
    assert ran.ret == 4
    assert "there is no baseline 'main'" in ran.err and "pytest --wfperf-save" in ran.err
    ran.never_says("passed")


@pytest.mark.parametrize("damage", ["truncate", "empty", "flip", "newer", "foreign"])
@pytest.mark.parametrize("which", ["profile", "manifest", "HEAD"])
def test_a_damaged_baseline_is_exit_4_and_never_a_pass(two, damage, which):
    pattern = {"profile": "*/*/*/*/*/test-it*one*.json", "manifest": "*/*/*/*/manifest.json", "HEAD": "*/*/*/HEAD"}[
        which
    ]
    (path,) = (two.root / ".wfperf").glob(pattern)
    data = path.read_bytes()
    if damage == "flip":
        data = data.replace(b"00", b"10", 1) if b"00" in data else data.replace(b"1", b"2", 1)
    new = {"truncate": data[: len(data) // 2], "empty": b"", "flip": data, "foreign": b'{"a": 1}\n'}.get(damage)
    if damage == "newer":
        new = data.replace(b'"format": 1', b'"format": 99') if which != "HEAD" else b"9999-zzzzzz\n"
    path.write_bytes(new)
    ran = two.run("--wfperf-baseline", QUICK)
    assert ran.ret == 4, ran.out + ran.err
    said = ran.out + ran.err
    assert path.name in said or "HEAD" in said, said
    assert "1 PASS" not in said or "1 FAILED" in said


def test_a_store_that_is_a_file_or_cannot_be_written(project):
    project.write(TWO)
    (project.root / ".wfperf").write_text("not a directory")
    ran = project.run("--wfperf-save", QUICK)
    assert ran.ret == 4
    assert ".wfperf is a file" in ran.err
    ran = project.run("--wfperf-save", QUICK, "--wfperf-store=/proc/nowhere")
    assert ran.ret == 4, ran.out
    ran.says("nothing was stored", "/proc/nowhere")


def test_gating_works_on_a_store_that_cannot_be_written(two):
    store = two.root / ".wfperf"
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", store, store], capture_output=True, check=False)
    remounted = subprocess.run(["mount", "-o", "remount,ro,bind", store], capture_output=True, check=False)
    if mounted.returncode or remounted.returncode:
        for path in [store, *store.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert two.run("--wfperf-baseline", QUICK).ret == 0
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", store], check=True)
        for path in [store, *store.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)


def test_reports_appear_whole_or_say_why_not(two):
    ran = two.run(QUICK, "--wfperf-report=deep/down/results.json")
    assert ran.ret == 0, ran.out
    assert (two.root / "deep/down/results.json").exists()
    ran = two.run(QUICK, "--wfperf-report=/proc/results.json")
    assert ran.ret == 4
    ran.says("--wfperf-report=/proc/results.json was not written")
    ran = two.run(QUICK, "--wfperf-report=results.xlsx")
    assert ran.ret == 4
    assert "the suffix has to be ." in ran.err
