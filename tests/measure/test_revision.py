"""Trees of other revisions, made by real git, and what the user's repository looks like afterwards."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure import overlay, revision

COMPILED = EXTENSION_SUFFIXES[0]


class Repository:
    """A git repository whose every hook fails."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        for hook in ("post-checkout", "post-index-change", "reference-transaction"):
            self.write(f".git/hooks/{hook}.off", "#!/bin/sh\ntouch hook-ran\nexit 1\n")

    def arm_hooks(self):
        for hook in (self.top / ".git/hooks").glob("*.off"):
            hook.chmod(0o755)
            hook.rename(hook.with_suffix(""))

    def git(self, *arguments: str) -> str:
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_AUTHOR_DATE": "2024-01-01T00:00Z"}
        who = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "protocol.file.allow=always"]
        command = ["git", "-C", str(self.top), *who, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | own)
        return done.stdout.strip()

    def write(self, name: str, text: str = "") -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, **files: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "m")
        return self.git("rev-parse", "HEAD")

    def state(self) -> dict[str, str]:
        """Every byte of it, .git included."""
        return {
            str(file.relative_to(self.top)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in self.top.rglob("*")
            if file.is_file() and not file.is_symlink()
        }


@pytest.fixture
def repo(tmp_path):
    repo = Repository(tmp_path / "repo")
    repo.write(".gitignore", "*.so\n*.pyd\n_version.py\ndata.bin\nbuild/\n*.egg-info/\n")
    repo.write("pkg/__init__.py", "VERSION = 'old'\n")
    repo.write("pkg/core.py", "x = 1\n")
    repo.write("tests/test_a.py", "def test_a(): pass\n")
    return repo


def files(tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if not path.is_dir()}


# --- which commit ---------------------------------------------------------------------


def test_a_revision_becomes_the_full_id_of_its_commit(repo):
    head = repo.commit()
    repo.git("tag", "-a", "-m", "t", "v1")
    for rev in ("HEAD", "main", "v1", head[:8], "HEAD^{commit}", "@"):
        assert revision.resolve(repo.top / "tests", rev) == head


@pytest.mark.parametrize("rev", ["", "  ", "--output=x", "-h"])
def test_what_is_no_revision_never_reaches_git(repo, rev):
    repo.commit()
    with pytest.raises(MeasurementError, match=r"--wfperf-against=.*is no revision; name a commit"):
        revision.resolve(repo.top, rev)


def test_an_unknown_revision_is_named_with_what_to_do(repo):
    repo.commit()
    with pytest.raises(MeasurementError) as caught:
        revision.resolve(repo.top, "nowhere")
    assert "--wfperf-against=nowhere: git knows no such commit" in str(caught.value)
    assert "fetch it, or correct the name" in str(caught.value)


def test_in_a_shallow_clone_the_error_says_which_fetch_depth_to_set(repo, tmp_path):
    first = repo.commit()
    repo.write("pkg/core.py", "x = 2\n")
    repo.commit()
    repo.git("clone", "-q", "--depth=1", f"file://{repo.top}", str(tmp_path / "shallow"))
    with pytest.raises(MeasurementError, match="fetch-depth: 0"):
        revision.resolve(tmp_path / "shallow", first)


def test_a_branch_that_only_the_remote_has_is_suggested(repo, tmp_path):
    repo.commit()
    repo.git("branch", "stable")
    repo.git("clone", "-q", str(repo.top), str(tmp_path / "clone"))
    with pytest.raises(MeasurementError, match="pass --wfperf-against=origin/stable"):
        revision.resolve(tmp_path / "clone", "stable")


def test_outside_git_and_without_git_the_error_says_so(repo, tmp_path, monkeypatch):
    (tmp_path / "plain").mkdir()
    with pytest.raises(MeasurementError, match=r"needs a git repository.*not a git repository"):
        revision.resolve(tmp_path / "plain", "HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MeasurementError, match=r"cannot be started.*install git"):
        revision.resolve(repo.top, "HEAD")


def test_what_differs_includes_uncommitted_untracked_and_deleted_files(repo):
    repo.write("gone.py")
    repo.write("ünï code.py")
    base = repo.commit()
    repo.write("pkg/core.py", "x = 2\n")
    repo.commit()
    repo.write("pkg/__init__.py", "VERSION = 'new'\n")
    repo.write("pkg/new.py")
    repo.write("ünï code.py", "y")
    repo.write("pkg/_version.py", "ignored")
    (repo.top / "gone.py").unlink()
    expected = {"pkg/core.py", "pkg/__init__.py", "pkg/new.py", "gone.py", "ünï code.py"}
    before = repo.state()
    assert revision.differing(repo.top / "tests", base) == expected
    assert repo.state() == before


# --- its tree -------------------------------------------------------------------------


def test_the_tree_is_that_of_the_commit_and_the_repository_is_untouched(repo, tmp_path, monkeypatch):
    base = repo.commit()
    repo.write("pkg/core.py", "x = 'changed'\n")
    repo.write("pkg/staged.py")
    repo.git("add", "pkg/staged.py")
    repo.write("untracked.py")
    (repo.top / "pkg/__init__.py").touch()  # what makes git refresh its index
    repo.git("config", "core.splitIndex", "true")
    repo.arm_hooks()
    before = repo.state()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as inside a hook
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    tree = revision.materialise(repo.top / "tests", base, tmp_path / "cache")
    monkeypatch.undo()
    assert repo.state() == before
    assert files(tree) == {".gitignore", "pkg/__init__.py", "pkg/core.py", "tests/test_a.py"}
    assert (tree / "pkg/core.py").read_text() == "x = 1\n"
    assert repo.git("worktree", "list").count("\n") == 0
    assert not (tmp_path / "index").exists()


def test_attributes_are_those_of_the_commit_not_of_the_working_copy(repo, tmp_path):
    repo.write("a.txt", "one\n")
    base = repo.commit()
    repo.write(".gitattributes", "*.txt eol=crlf\n")
    tree = revision.materialise(repo.top, base, tmp_path / "cache")
    assert (tree / "a.txt").read_bytes() == b"one\n"


def test_a_sparse_working_copy_still_gives_a_whole_tree(repo, tmp_path):
    base = repo.commit()
    repo.git("sparse-checkout", "set", "--no-cone", "tests")
    assert not (repo.top / "pkg").exists()
    assert "pkg/core.py" in files(revision.materialise(repo.top, base, tmp_path / "cache"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_repository_will_do(repo, tmp_path):
    base = repo.commit()
    for folder in [repo.top, *filter(Path.is_dir, repo.top.rglob("*"))]:
        folder.chmod(0o555)
    try:
        assert "pkg/core.py" in files(revision.materialise(repo.top, base, tmp_path / "cache"))
    finally:
        for folder in [repo.top, *filter(Path.is_dir, repo.top.rglob("*"))]:
            folder.chmod(0o755)


def test_a_complete_tree_is_used_again_and_a_broken_one_made_anew(repo, tmp_path):
    base, cache = repo.commit(), tmp_path / "cache"
    tree = revision.materialise(repo.top, base, cache)
    inode = tree.stat().st_ino
    assert revision.materialise(repo.top, base, cache) == tree
    assert tree.stat().st_ino == inode
    (tree / "pkg/core.py").unlink()  # as a sweeper of /tmp does
    assert "pkg/core.py" in files(revision.materialise(repo.top, base, cache))
    (cache / base / "complete").unlink()  # as a crash leaves it
    assert "pkg/core.py" in files(revision.materialise(repo.top, base, cache))
    assert not list(cache.glob("building-*"))


def test_processes_at_once_get_one_whole_tree(repo, tmp_path):
    for number in range(60):
        repo.write(f"pkg/m{number}.py", "x\n" * 100)
    base = repo.commit()
    code = (
        "import sys, pathlib; from pytest_wfperf.measure.revision import materialise as m\n"
        "tree = m(pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]))\n"
        "print(sum(1 for p in tree.rglob('*') if p.is_file()))"
    )
    command = [sys.executable, "-c", code, str(repo.top), base, str(tmp_path / "cache")]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: subprocess.check_output(command, text=True).strip(), range(4)))
    assert counts == ["64"] * 4


def test_without_the_lock_two_builders_still_end_with_one_tree(repo, tmp_path, monkeypatch):
    import contextlib

    base = repo.commit()
    monkeypatch.setattr(revision, "_locked", lambda cache: contextlib.nullcontext())
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(lambda _: revision.materialise(repo.top, base, tmp_path / "cache"), range(4)))
    assert {frozenset(files(tree)) for tree in trees} == {frozenset(files(trees[0]))}
    assert "pkg/core.py" in files(trees[0])


def test_the_cache_keeps_the_revisions_used_last(repo, tmp_path):
    commits = []
    for number in range(revision.KEPT + 2):
        repo.write("pkg/core.py", f"x = {number}\n")
        commits.append(repo.commit())
        revision.materialise(repo.top, commits[-1], tmp_path / "cache")
        os.utime(tmp_path / "cache" / commits[-1] / "complete", (number, number))
    kept = {path.parent.name for path in (tmp_path / "cache").glob("*/complete")}
    assert kept == set(commits[-revision.KEPT :])


def test_a_cache_that_cannot_be_written_is_an_error_with_advice(repo, tmp_path):
    base = repo.commit()
    (tmp_path / "file").write_text("")
    with pytest.raises(MeasurementError, match=r"cannot put the tree of .* into .*; free some space"):
        revision.materialise(repo.top, base, tmp_path / "file" / "cache")


def test_a_submodule_is_checked_out_at_its_own_commit(repo, tmp_path):
    other = Repository(tmp_path / "other")
    other.write("lib.py", "old\n")
    other.commit()
    repo.git("submodule", "--quiet", "add", str(other.top), "vendor")
    base = repo.commit()
    (repo.top / "vendor/lib.py").write_text("new\n")
    tree = revision.materialise(repo.top, base, tmp_path / "cache")
    assert (tree / "vendor/lib.py").read_text() == "old\n"
    repo.git("update-index", "--cacheinfo", f"160000,{'1' * 40},vendor")
    repo.git("commit", "-qm", "lost")
    with pytest.raises(MeasurementError, match=r"submodule .*vendor: the commit 111111111111 .* is not here; fetch it"):
        revision.materialise(repo.top, repo.git("rev-parse", "HEAD"), tmp_path / "cache")


def test_a_large_file_whose_content_is_missing_is_refused(repo, tmp_path):
    repo.write(".gitattributes", "*.bin filter=lfs\n")
    repo.write("model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n")
    base = repo.commit()
    revision.materialise(repo.top, base, tmp_path / "both-pointers")
    repo.write("model.bin", "real")
    with pytest.raises(MeasurementError, match=r"model.bin is but a Git LFS pointer.*git lfs fetch"):
        revision.materialise(repo.top, base, tmp_path / "cache")


def test_a_failing_filter_is_reported_in_its_own_words(repo, tmp_path):
    repo.write(".gitattributes", "*.py filter=broken\n")
    base = repo.commit()
    repo.git("config", "filter.broken.smudge", "exit 3")
    repo.git("config", "filter.broken.required", "true")
    with pytest.raises(
        MeasurementError, match=r"git checkout-index cannot write the tree.*smudge filter broken failed"
    ):
        revision.materialise(repo.top, base, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*/complete"))


# --- the tests in it ------------------------------------------------------------------


def overlaid(repo, base, tmp_path, asked=("",), patterns=("test_*.py", "*_test.py"), inis=(), apart=()):
    tree = tmp_path / "run"
    import shutil

    shutil.copytree(revision.materialise(repo.top, base, tmp_path / "cache"), tree, symlinks=True)
    names = overlay.overlay(repo.top, tree, base, asked=asked, patterns=patterns, inis=inis, apart=apart)
    return tree, names


def test_tests_are_the_working_copys_with_their_data_and_without_what_it_deleted(repo, tmp_path):
    repo.write("tests/test_gone.py")
    repo.write("tests/conftest.py", "old")
    base = repo.commit()
    repo.write("pkg/core.py", "x = 'new'\n")
    repo.write("pkg/new.py")
    repo.write("tests/helpers/make.py", "new")
    repo.write("tests/data.bin", "ignored by git")
    repo.write("tests/__pycache__/x.pyc")
    repo.write("tests/conftest.py", "new")
    (repo.top / "tests/test_gone.py").unlink()
    tree, names = overlaid(repo, base, tmp_path, asked=["tests"])
    assert files(tree / "tests") == {"test_a.py", "helpers/make.py", "data.bin", "conftest.py"}
    assert (tree / "tests/conftest.py").read_text() == "new"
    assert (tree / "pkg/core.py").read_text() == "x = 1\n"
    assert "tests/test_gone.py" in names
    assert not any(name.startswith("pkg/") for name in names)


def test_a_store_among_the_tests_stays_behind(repo, tmp_path):
    repo.write("tests/conftest.py")
    repo.write("tests/.wfperf/store.json")
    base = repo.commit()
    repo.write("tests/.wfperf/runs/.gitignore", "*")
    repo.write("tests/.wfperf/runs/cache/big.bin", "what a set-up has built")
    tree, names = overlaid(repo, base, tmp_path, asked=["tests"], apart=["tests/.wfperf"])
    assert "tests/conftest.py" in names
    assert not any(name.startswith("tests/.wfperf/") for name in names)
    assert not (tree / "tests/.wfperf/runs").exists()


@pytest.mark.parametrize(
    ("asked", "given", "expected"),
    [
        (["pkg"], ["pkg/tests/test_b.py", "pkg/tests/util.py", "pkg/util.py"], ["pkg/tests/test_b.py", "pkg/tests/util.py"]),
        (["pkg"], ["pkg/test_core.py", "pkg/conftest.py", "pkg/more.json"], ["pkg/test_core.py", "pkg/conftest.py"]),
        ([""], ["test_app.py", "app.py", "conftest.py", "data/in.json"], ["test_app.py", "conftest.py"]),
        (["lib"], ["lib/x.py", "lib/test_x.py"], ["lib/test_x.py"]),
        (["qa"], ["qa/test_x.py", "qa/common.py", "qa/in.txt"], ["qa/test_x.py", "qa/common.py", "qa/in.txt"]),
        (["benchmarks"], ["benchmarks/__init__.py", "benchmarks/test_x.py", "benchmarks/c.py"],
         ["benchmarks/__init__.py", "benchmarks/test_x.py", "benchmarks/c.py"]),
        (["src"], ["src/ns/core.py", "src/ns/tests/test_x.py"], ["src/ns/tests/test_x.py"]),
        (["tests"], ["pkg/test_utils/helpers.py", "pkg/test_tools.py"], []),
        ([""], ["pkg/testdata/a.json", "test_data/b.json", "latest/c.json"], ["pkg/testdata/a.json", "test_data/b.json"]),
        (["run/check.py"], ["run/check.py", "run/code.py"], ["run/check.py"]),
    ],
)  # fmt: skip
def test_what_counts_as_tests(repo, tmp_path, asked, given, expected):
    base = repo.commit()
    for name in given:
        repo.write(name, "new")
    _, names = overlaid(repo, base, tmp_path, asked=asked)
    assert names - {"tests/test_a.py"} == set(expected)


def test_patterns_are_matched_as_pytest_does(repo, tmp_path):
    base = repo.commit()
    for name in ("checks/check_a.py", "pkg/check_b.py", "pkg/bench/b.py"):
        repo.write(name)
    _, names = overlaid(repo, base, tmp_path, patterns=["check_*.py", "bench/*.py"])
    assert {"checks/check_a.py", "pkg/check_b.py", "pkg/bench/b.py"} <= names


def test_the_current_ini_is_used_and_no_other(repo, tmp_path):
    repo.write("pytest.ini", "[pytest]\n")
    repo.write("pyproject.toml", "old")
    base = repo.commit()
    (repo.top / "pytest.ini").unlink()
    repo.write("pyproject.toml", "new")
    repo.write("setup.cfg", "new")
    tree, _ = overlaid(repo, base, tmp_path, inis=["pyproject.toml"])
    assert not (tree / "pytest.ini").exists()
    assert not (tree / "setup.cfg").exists()
    assert (tree / "pyproject.toml").read_text() == "new"


def test_nothing_is_written_through_a_link_of_the_revision(repo, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (repo.top / "tests/test_a.py").unlink()
    (repo.top / "tests").rmdir()
    (repo.top / "tests").symlink_to(outside)
    base = repo.commit()
    (repo.top / "tests").unlink()
    repo.write("tests/test_b.py", "new")
    tree, _ = overlaid(repo, base, tmp_path)
    assert not list(outside.iterdir())
    assert (tree / "tests/test_b.py").read_text() == "new"


# --- what is made, not kept -----------------------------------------------------------


def generated(repo, base, tmp_path, build=""):
    tree, _ = overlaid(repo, base, tmp_path)
    environment = {"PYTHONPATH": str(tree), "MARK": "arm"}
    return tree, overlay.generate(repo.top, tree, build, environment, tmp_path / "build.log")


def test_generated_python_and_data_in_a_package_is_copied(repo, tmp_path):
    base = repo.commit()
    repo.write("pkg/_version.py", "1.2")
    repo.write("pkg/data.bin", "d")
    repo.write("pkg.egg-info/PKG-INFO", "Name: pkg")
    repo.write("build/lib/pkg/_version.py", "no")
    repo.write("data.bin", "no package's")
    tree, copied = generated(repo, base, tmp_path)
    assert copied == ("pkg.egg-info/PKG-INFO", "pkg/_version.py", "pkg/data.bin")
    assert (tree / "pkg/_version.py").read_text() == "1.2"


def test_a_compiled_module_needs_a_build_command(repo, tmp_path):
    base = repo.commit()
    repo.write(f"pkg/fast{COMPILED}")
    with pytest.raises(MeasurementError, match=rf"pkg/fast{COMPILED}: .*--wfperf-build=CMD \(ini: wfperf_build\)"):
        generated(repo, base, tmp_path)


def test_the_build_runs_in_the_tree_with_the_arms_environment(repo, tmp_path):
    base = repo.commit()
    repo.write(f"pkg/fast{COMPILED}", "working")
    code = f"import os; open('pkg/fast{COMPILED}', 'w').write(os.environ['MARK'] + os.getcwd())"
    tree, copied = generated(repo, base, tmp_path, build=f'python -c "{code}"')
    assert copied == ()
    assert (tree / f"pkg/fast{COMPILED}").read_text() == f"arm{tree}"


@pytest.mark.parametrize(
    ("build", "says"),
    [
        ("python -c 'print(\"the reason\"); raise SystemExit(3)'", r"failed with exit code 3(?s:.*)the reason"),
        ("no-such-command", "cannot be started"),
        ("python -c 'unclosed", "cannot be started: No closing quotation"),
        ("python -c pass", r"even after --wfperf-build='python -c pass' .*build in place"),
    ],
)
def test_a_build_that_fails_says_why(repo, tmp_path, build, says):
    base = repo.commit()
    repo.write(f"pkg/fast{COMPILED}")
    with pytest.raises(MeasurementError, match=says):
        generated(repo, base, tmp_path, build=build)
