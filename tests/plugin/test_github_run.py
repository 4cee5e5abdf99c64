"""Runs in a GitHub job: the step's summary, annotations on standard output, and what is said where neither can be."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

FLOWS = """
import pytest
@pytest.mark.wfperf("max < 1ns")
@pytest.mark.parametrize("n", range({slow}))
def test_slow(wfperf, n):
    with wfperf.step("parse | 100%"):
        pass
def test_fine(wfperf):
    pass
"""
QUICK = ("--wfperf-rounds=2", "--wfperf-warmup=0")


@pytest.fixture
def job(project):
    """A checkout with pytest's root directory in a folder of it, as a step of a GitHub job sees it."""
    project.write(FLOWS.format(slow=2), "tests/test_flow.py")
    place = project.root.parent / f"{project.root.name}-runner"
    place.mkdir()
    summary = place / "step_summary"
    env = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(project.root.parent)}
    return project, summary, env


def annotations(ran):
    return [line for line in ran.out.split("\n") if line.startswith("::")]


def test_the_summary_and_the_annotations(job):
    project, summary, env = job
    ran = project.run("--wfperf-github", "--wfperf-report=out.md", *QUICK, env=env)
    assert ran.ret == 1, ran.out + ran.err
    text = summary.read_text(encoding="utf-8")
    assert text == (project.root / "out.md").read_text(encoding="utf-8")
    assert text.startswith("## FAILED: 3 workflows: 2 FAILED, 1 PASS\n")
    folder = project.root.name
    (first, second) = annotations(ran)
    start = f"::error file={folder}/tests/test_flow.py,line=9,title=FAILED tests/test_flow.py%3A%3Atest_slow[0]::FAILED: max < 1ns"
    assert first.startswith(start)
    assert "test_slow[1]" in second
    ran.never_says("nothing was posted")


def test_the_line_is_the_tests_own(job):
    project, _, env = job
    (first, _) = annotations(project.run("--wfperf-github", *QUICK, env=env))
    line = int(re.search(r"line=(\d+)", first)[1])
    source = (project.root / "tests/test_flow.py").read_text().split("\n")
    assert source[line - 1].startswith("@pytest.mark.wfperf")


def test_a_root_outside_the_workspace_keeps_its_own_paths(job):
    project, summary, env = job
    for workspace in (str(summary.parent), ""):
        ran = project.run("--wfperf-github", *QUICK, env={**env, "GITHUB_WORKSPACE": workspace})
        assert annotations(ran)[0].startswith("::error file=tests/test_flow.py,line=9,")


def test_without_the_option_nothing_is_posted(job):
    project, summary, env = job
    ran = project.run(*QUICK, env=env)
    assert not summary.exists()
    assert annotations(ran) == []


def test_outside_of_a_job_a_note_says_so_and_nothing_fails(project):
    project.write("def test_fine(wfperf):\n    pass\n")
    env = {"GITHUB_STEP_SUMMARY": "", "GITHUB_WORKSPACE": ""}
    ran = project.run("--wfperf-github", "--wfperf-report=out.md", *QUICK, env=env)
    assert ran.ret == 0, ran.out
    ran.says("  --wfperf-github: nothing was posted: $GITHUB_STEP_SUMMARY, which GitHub sets in a job, is not set")
    assert "nothing was posted" in (project.root / "out.md").read_text(encoding="utf-8")
    assert annotations(ran) == []


@pytest.mark.parametrize("source", ["environment", "ini"])
def test_the_environment_and_the_configuration_ask_for_it_too(job, source):
    project, summary, env = job
    if source == "ini":
        (project.root / "pytest.ini").write_text("[pytest]\nwfperf_github = true\n")
    ran = project.run(*QUICK, env={**env, **({"WFPERF_GITHUB": "1"} if source == "environment" else {})})
    assert ran.ret == 1
    assert summary.exists() and len(annotations(ran)) == 2


def test_the_option_alone_measures_nothing(job):
    project, summary, env = job
    project.write("def test_fine(wfperf):\n    print('ROUND')\n", "tests/test_flow.py")
    ran = project.run("--wfperf-github", "-s", env=env)
    assert ran.ret == 0
    assert ran.out.count("ROUND") == 1
    assert not summary.exists()


def test_a_bad_value_is_a_usage_error(job):
    project, _, env = job
    ran = project.run(env={**env, "WFPERF_GITHUB": "perhaps"})
    assert ran.ret == 4
    assert "WFPERF_GITHUB: github='perhaps' is not true or false" in ran.err


@pytest.mark.parametrize("how", [(), ("-q",), ("-v",), ("--no-summary",), ("-p", "no:terminal")], ids=str)
def test_annotations_begin_lines_however_pytest_reports(job, how):
    project, _, env = job
    ran = project.run("--wfperf-github", *how, *QUICK, env=env)
    assert len(annotations(ran)) == 2, ran.out


def test_under_xdist_the_controller_alone_posts(job):
    project, summary, env = job
    ran = project.run("-n2", "--wfperf-github", *QUICK, env=env)
    assert ran.ret == 1, ran.out + ran.err
    assert summary.read_text(encoding="utf-8").count("## FAILED: 3 workflows") == 1
    assert ran.out.count("::error ") == len(annotations(ran)) == 2


def test_no_more_than_nine_annotations(job):
    project, _, env = job
    project.write(FLOWS.format(slow=12), "tests/test_flow.py")
    lines = annotations(project.run("--wfperf-github", *QUICK, env=env))
    assert len(lines) == 9
    assert lines[-1].startswith("::error title=wfperf::4 more annotations left out")


def test_a_missing_workflow_has_no_line(job):
    project, _, env = job
    project.write("def test_fine(wfperf):\n    pass\ndef test_gone(wfperf):\n    pass\n", "tests/test_flow.py")
    assert project.run("--wfperf-save", *QUICK).ret == 0
    project.write("def test_fine(wfperf):\n    pass\n", "tests/test_flow.py")
    ran = project.run("--wfperf-baseline", "--wfperf-github", *QUICK, env=env)
    marks = [line for line in annotations(ran) if "MISSING" in line]
    folder = project.root.name
    assert len(marks) == 1, ran.out
    assert marks[0].startswith(
        f"::error file={folder}/tests/test_flow.py,title=MISSING tests/test_flow.py%3A%3Atest_gone::MISSING"
    )


def test_what_other_steps_wrote_stays_and_counts(job):
    project, summary, env = job
    summary.write_text("a table\n| a |\n|---|", encoding="utf-8")
    project.run("--wfperf-github", *QUICK, env=env)
    project.run("--wfperf-github", *QUICK, env=env)
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("a table\n| a |\n|---|\n\n## FAILED: 3 workflows")
    assert text.count("\n\n## FAILED: 3 workflows") == 2


@pytest.mark.parametrize("room", [-1, 200, 2500])
def test_a_step_never_gets_more_than_github_takes(job, room):
    project, summary, env = job
    there = 1024 * 1024 - room
    summary.write_bytes(b"x" * there)
    ran = project.run("--wfperf-github", "-v", *QUICK, env=env)
    size = summary.stat().st_size
    assert there <= size <= max(there, 1024 * 1024)
    if room <= 200:
        assert size == there
        ran.says(f"--wfperf-github: no room in the step's summary: {there} of 1048576 bytes are taken")
    else:
        added = summary.read_text(encoding="utf-8")[there:]
        assert added.startswith("\n\n## FAILED: 3 workflows")
        assert added.count("<details>") == added.count("</details>")
        assert "left out, as there is no room" in added
    assert ran.ret == 1
    assert len(annotations(ran)) == 2


def test_a_summary_that_cannot_be_written_is_an_error_of_the_run(project):
    project.write("def test_fine(wfperf):\n    pass\n")
    for path in (project.root, project.root / "missing" / "summary"):
        ran = project.run("--wfperf-github", *QUICK, env={"GITHUB_STEP_SUMMARY": str(path), "GITHUB_WORKSPACE": ""})
        assert ran.ret == 4, ran.out
        ran.says("FAILED: 1 workflow: 1 PASS", f"--wfperf-github: the step's summary {path} was not written: ")
        (line,) = annotations(ran)
        assert line.startswith("::error title=wfperf::--wfperf-github: the step's summary")
        assert "Traceback" not in ran.out + ran.err


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write everywhere")
def test_a_file_without_write_permission(project):
    path = Path(project.root / "summary")
    path.write_text("")
    path.chmod(0o400)
    ran = project.run("--wfperf-github", *QUICK, env={"GITHUB_STEP_SUMMARY": str(path)})
    assert ran.ret == 4


def test_a_check_that_fails_cannot_command_the_job(job):
    project, _, env = job
    project.write(
        "def test_flow(wfperf):\n    wfperf.check('::add-mask::a', False, 'no\\n::stop-commands::x\\r\\n##[error]y')\n",
        "tests/test_flow.py",
    )
    ran = project.run("--wfperf-github", "-v", *QUICK, env=env)
    assert ran.ret == 1
    assert all(line.startswith("::error ") for line in ran.out.split("\n") if line.lstrip().startswith("::"))
    ran.never_says("##[error]")
