"""Which code it is: what changes the answer, what does not, and when there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure import code as module
from pytest_wfperf.measure.code import code
from pytest_wfperf.measure.imports import sites
from pytest_wfperf.measure.revision import commit


def git(root, *arguments):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def of(root, **more):
    return code(root, commit(root), **{"also": [], "apart": root / ".wfperf", **more})


@pytest.fixture(params=["git", "no git"])
def project(request, tmp_path, monkeypatch):
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "__init__.py").write_text("PRICE = 1\n")
    (root / "shop" / "prices.csv").write_text("1\n")
    (root / "test_it.py").write_text("def test_it(wfperf): pass\n")
    (root / ".gitignore").write_text("*.log\n.venv/\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setattr(sys, "path", sorted(sites(sys.path)))  # this project's own code is not what is looked at
    if request.param == "git":
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "one")
    return root


def test_the_same_code_is_the_same(project):
    before = of(project)
    for name in ("run.log", "results.json", "shop/__pycache__/a.pyc", ".venv/a.py", ".wfperf/a.py"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("x")
    assert of(project) == before
    assert of(project / "shop" / "..", apart=project / ".wfperf") == before


@pytest.mark.parametrize("name", ["shop/__init__.py", "test_it.py", "new.py", "setup.cfg", "deep/er/new.so"])
def test_a_source_file_that_differs_is_named(project, name):
    before = of(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("PRICE = 2\n")
    now = of(project)
    assert {n for n in now.keys() | before.keys() if now.get(n) != before.get(n)} == {f"file {name}"}


def test_a_source_file_that_is_gone_is_another_code(project):
    before = of(project)
    (project / "shop" / "__init__.py").unlink()
    assert of(project) != before


def test_in_git_every_tracked_file_counts_and_another_commit(project):
    if not (project / ".git").exists():
        pytest.skip("only git knows which files belong to it")
    before = of(project)
    (project / "shop" / "prices.csv").write_text("2\n")
    changed = of(project)
    assert changed.keys() - before.keys() == {"file shop/prices.csv"}
    git(project, "commit", "-qam", "two")
    assert of(project).keys() == before.keys()
    assert of(project)["commit"] != before["commit"]


def test_a_submodule_that_is_not_as_committed_cannot_be_told(project, tmp_path):
    if not (project / ".git").exists():
        pytest.skip("only git has submodules")
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.py").write_text("1\n")
    git(other, "init", "-q")
    git(other, "add", "-A")
    git(other, "commit", "-qm", "one")
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    git(project, "commit", "-qm", "two")
    before = of(project)
    (project / "sub" / "a.py").write_text("2\n")
    with pytest.raises(MeasurementError, match="sub, on which the code may hang"):
        of(project)
    (project / "sub" / "a.py").write_text("1\n")
    assert of(project) == before


def test_code_that_lies_elsewhere_counts(project, tmp_path, monkeypatch):
    elsewhere, tests = tmp_path / "elsewhere", tmp_path / "tests"
    for folder in (elsewhere, tests):
        folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(elsewhere), *sys.path])
    before = of(project, also=[tests])
    (elsewhere / "tool.py").write_text("1")
    (tests / "test_more.py").write_text("1")
    assert of(project, also=[tests]).keys() - before.keys() == {
        f"file {elsewhere / 'tool.py'}",
        f"file {tests / 'test_more.py'}",
    }


def test_what_is_installed_counts(project, tmp_path, monkeypatch):
    site = tmp_path / "site"
    (site / "numpy-2.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    before = of(project)
    (site / "numpy-2.0.dist-info").rename(site / "numpy-2.1.dist-info")
    now = of(project)
    assert {n for n in now if now[n] != before[n]} == {"installed packages"}


def test_more_files_than_can_be_read_cannot_be_told(project, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 5)
    before = of(project)
    for n in range(5):
        (project / f"new{n}.py").write_text("1")
    if (project / ".git").exists():
        assert len(of(project)) == len(before) + 5, "git lists them: that is quick"
    else:
        with pytest.raises(MeasurementError, match="more than 5 files"):
            of(project)
