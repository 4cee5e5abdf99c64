"""Two branches that both saved: git merges everything but the decision which level is in force."""

import shutil
import subprocess

import pytest
from stored import HERE, profile

from pytest_wfperf.errors import BaselineCorrupt
from pytest_wfperf.store.directory import Store

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def git(tmp_path):
    def run(*arguments, check=True):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=check, capture_output=True, text=True
        ).stdout

    run("init", "-q", "-b", "main")
    return run


def commit(git, text):
    git("add", "-A")
    git("commit", "-q", "-m", text)


def test_two_branches_that_saved_conflict_in_head_only(git, tmp_path):
    store = Store(tmp_path / ".wfperf")
    store.save("main", [profile()], environment=HERE)
    commit(git, "first level")
    assert "runs" not in git("ls-files")
    git("checkout", "-q", "-b", "feature")
    theirs = store.save("main", [profile(rounds=5)], environment=HERE)
    commit(git, "feature's level")
    git("checkout", "-q", "main")
    ours = store.save("main", [profile(rounds=6)], environment=HERE)
    commit(git, "main's level")

    git("merge", "feature", check=False)
    conflicts = git("diff", "--name-only", "--diff-filter=U").split()
    assert [path.rpartition("/")[2] for path in conflicts] == ["HEAD"]
    with pytest.raises(BaselineCorrupt) as caught:
        store.open("main", HERE)
    assert f"{ours.version} and {theirs.version}" in str(caught.value)
    with pytest.raises(BaselineCorrupt, match="keep one line"):
        store.save("main", [profile()], environment=HERE)

    (tmp_path / conflicts[0]).write_text(f"{theirs.version}\n")
    commit(git, "merged")
    assert store.open("main", HERE) == theirs
    assert {b.version for b in store.history("main", HERE)} > {ours.version, theirs.version}
    assert store.save("main", [profile()], environment=HERE).version.startswith("0003-")
    assert store.verify() == ()


def test_two_branches_that_extended_merge_without_a_conflict(git, tmp_path):
    store = Store(tmp_path / ".wfperf")
    store.save("main", [profile(rounds=1)], environment=HERE)
    commit(git, "first level")
    git("checkout", "-q", "-b", "feature")
    store.extend("main", [profile(rounds=2)], environment=HERE)
    commit(git, "more")
    git("checkout", "-q", "main")
    store.extend("main", [profile(rounds=3)], environment=HERE)
    commit(git, "more")
    git("merge", "-q", "--no-edit", "feature")
    assert [len(p.rounds) for p in store.open("main", HERE).sessions(profile().workflow)] == [1, 2, 3]
    assert store.verify() == ()


def test_two_branches_that_began_a_store_merge_its_frame(git, tmp_path):
    (tmp_path / "file").write_text("")
    commit(git, "empty")
    store = Store(tmp_path / ".wfperf")
    git("checkout", "-q", "-b", "feature")
    store.save("feature", [profile()], environment=HERE)
    commit(git, "feature")
    git("checkout", "-q", "main")
    shutil.rmtree(store.root, ignore_errors=True)
    store.save("main", [profile()], environment=HERE)
    commit(git, "main")
    git("merge", "-q", "--no-edit", "feature")
    assert store.names() == ("feature", "main")
    assert store.verify() == ()
