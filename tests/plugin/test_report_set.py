"""Runs that write the artifact set: what appears in the folder, and what is refused before a test runs."""

from __future__ import annotations

import json
import subprocess

import pytest

from pytest_wfperf.report.artifacts import ARTIFACTS
from pytest_wfperf.store.schema import read_document

QUICK = "--wfperf-rounds=3"
TESTS = """
def test_a(wfperf):
    sleep_step(wfperf, "load", 2)
    sleep_step(wfperf, "show", 1, after="load")
    wfperf.check("fine", True)
def test_b(wfperf):
    pass
"""
MARKED = """
from pathlib import Path
def test_ran(wfperf):
    Path("ran").touch()
"""
KINDS = {
    "baseline-metrics.json": "baseline-metrics",
    "benchmark-results.json": "results",
    "performance-comparison.json": "comparison",
    "bottleneck-report.json": "bottlenecks",
}


@pytest.fixture
def project(project):
    project.write(TESTS)
    return project


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def documents(folder):
    """The set's sealed files as a reader takes them, by name."""
    assert names(folder) == sorted(ARTIFACTS)
    assert not list(folder.parent.glob(".tmp-*"))
    return {name: read_document(folder / name, kind) for name, kind in KINDS.items()}


def test_the_seven_files():
    assert list(ARTIFACTS) == [*KINDS, "summary.md", "report.html", "trace.json"]


def test_a_run_held_against_nothing(project):
    ran = project.run(QUICK, "--wfperf-report=out/")
    assert ran.ret == 0, ran.out + ran.err
    found = documents(project.root / "out")
    held = {each["workflow"]: each["held_against"] for each in found["baseline-metrics.json"]["workflows"]}
    assert held == {"test_it.py::test_a": None, "test_it.py::test_b": None}
    a, b = found["bottleneck-report.json"]["workflows"]
    assert [link["path"] for link in a["analysis"]["path"]] == ["load", "show"]
    assert {ceiling["path"] for ceiling in a["ceilings"]} == {"load", "show"}
    assert (b["analysis"], b["ceilings"]) == (None, [])


def test_a_gated_run_replaces_the_set_of_the_run_before(project):
    assert project.run("--wfperf-save", QUICK, "--wfperf-report=out/").ret == 0
    first = (project.root / "out/benchmark-results.json").read_bytes()
    ran = project.run("--wfperf-baseline", QUICK, "--wfperf-report=out", "--wfperf-report=results.json")
    assert ran.ret == 0, ran.out + ran.err
    found = documents(project.root / "out")
    assert (project.root / "out/benchmark-results.json").read_bytes() != first
    assert (project.root / "out/benchmark-results.json").read_bytes() == (project.root / "results.json").read_bytes()
    (version,) = project.versions
    held = found["baseline-metrics.json"]["workflows"][0]["held_against"]
    assert (held["baseline"], held["sessions"], held["launches"], held["rounds"]) == (f"main {version}", 1, 1, 3)
    assert [step["path"] for step in held["steps"]] == ["load", "show"]
    assert held["pass_rates"][0]["passed"] == 3
    assert held["conditions"] == {}
    compared = found["performance-comparison.json"]["workflows"][0]
    told = json.loads((project.root / "results.json").read_text())["workflows"][0]
    assert compared["comparison"].pop("speedup")["value"] > 0
    assert {name: told[name] for name in compared} == compared


def test_a_regressed_run_writes_its_set_too(project):
    assert project.run("--wfperf-save", QUICK).ret == 0
    project.write(TESTS.replace('"load", 2', '"load", 40'))
    assert project.run("--wfperf-baseline", QUICK, "--wfperf-report=out/").ret == 1
    compared = documents(project.root / "out")["performance-comparison.json"]
    assert (compared["holds"], compared["counts"]["REGRESSED"]) == (False, 1)


def test_launches_say_under_which_conditions_the_baseline_was_measured(launched):
    launched.write(TESTS)
    quick = (QUICK, "--wfperf-launches=2", "test_it.py::test_a")
    assert launched.run("--wfperf-save", *quick).ret == 0
    ran = launched.run("--wfperf-baseline", *quick, "--wfperf-report=out/")
    assert ran.ret == 0, ran.out + ran.err
    held = documents(launched.root / "out")["baseline-metrics.json"]["workflows"][0]["held_against"]
    assert held["launches"] == 2
    assert held["conditions"]
    assert all(values for values in held["conditions"].values())


def test_workers_leave_the_set_to_the_controller(project):
    ran = project.run(QUICK, "--wfperf-report=out/", "-n2")
    assert ran.ret == 0, ran.out + ran.err
    assert len(documents(project.root / "out")["benchmark-results.json"]["workflows"]) == 2


def test_the_ini_file_may_name_the_folder(project):
    (project.root / "pytest.ini").write_text("[pytest]\nwfperf_report = out/\n")
    assert project.run(QUICK).ret == 0
    assert documents(project.root / "out")


def test_the_folder_is_relative_to_where_pytest_was_started(project):
    (project.root / "below").mkdir()
    assert project.run("..", QUICK, "--wfperf-report=out/", cwd=project.root / "below").ret == 0
    assert documents(project.root / "below/out")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("full/", "holds 'mine.txt', which is none of its files"),
        (".", "is the root directory"),
        (".wfperf/", "is the store"),
        ("file/", "is a file where a folder has to be"),
        ("file/below/", "is a file where a folder has to be"),
        ("reports", "or a folder's name has to end in / for the whole set"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_test_runs(project, path, problem):
    project.write(MARKED)
    (project.root / "full").mkdir()
    (project.root / "full/mine.txt").write_text("mine")
    (project.root / "file").write_text("mine")
    ran = project.run(QUICK, f"--wfperf-report={path}")
    assert ran.ret == 4
    assert problem in ran.err
    assert "Traceback" not in ran.out + ran.err
    assert not (project.root / "ran").exists()
    assert (project.root / "full/mine.txt").read_text() == "mine"


def test_a_file_that_a_test_puts_there_is_kept_and_the_run_says_so(project):
    project.write("from pathlib import Path\ndef test_w(wfperf):\n    Path('out/notes.txt').write_text('mine')\n")
    (project.root / "out").mkdir()
    ran = project.run(QUICK, "--wfperf-report=out/")
    assert ran.ret == 4
    ran.says("--wfperf-report=out/ was not written: ", "holds 'notes.txt', which is none of its files")
    assert names(project.root / "out") == ["notes.txt"]


def test_a_file_that_cannot_be_made_leaves_the_set_before_and_fails_the_run(project):
    assert project.run(QUICK, "--wfperf-report=out/").ret == 0
    before = documents(project.root / "out")
    project.write(
        "from pytest_wfperf.errors import WfperfError\n"
        "from pytest_wfperf.report import metrics\n"
        "def whole(*_): raise WfperfError('no figures')\n"
        "metrics.whole = whole\n",
        "conftest.py",
    )
    ran = project.run(QUICK, "--wfperf-report=out/", "--wfperf-report=r.json")
    assert ran.ret == 4
    ran.says("--wfperf-report=out/ was not written: baseline-metrics.json: no figures")
    ran.never_says("r.json was not written", "Traceback")
    assert documents(project.root / "out") == before
    assert (project.root / "r.json").exists()


def test_texts_with_half_a_character_do_not_keep_a_report_from_being_written(project):
    project.write(
        "def test_w(wfperf):\n"
        "    with wfperf.step('a\\ud800'): pass\n"
        "    wfperf.check('c\\udfff', False, detail='d\\ud800')\n"
        "    assert False, 'half \\ud800 a character'\n"
    )
    ran = project.run(QUICK, "--wfperf-report=out/")
    assert ran.ret == 1, ran.out + ran.err
    (told,) = documents(project.root / "out")["performance-comparison.json"]["workflows"]
    assert told["reasons"][0] == "its test failed: AssertionError: half \\ud800 a character"


def test_two_runs_that_write_the_same_folder_leave_one_complete_set(project):
    words, environment = project.command(QUICK, "--wfperf-report=out/")
    runs = [
        subprocess.Popen(
            words, cwd=project.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2)
    ]
    for run in runs:
        out, _ = run.communicate(timeout=120)
        assert run.returncode in (0, 4), out
        assert "Traceback" not in out
        assert (run.returncode == 4) == ("was not written" in out)
    found = documents(project.root / "out")
    created = {document["created"] for name, document in found.items() if "created" in document}
    assert len(created) == 1
