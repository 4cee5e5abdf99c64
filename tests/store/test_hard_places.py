"""A store where a file stands, on a read-only file system, and on a full disk."""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from stored import HERE, profile

from pytest_wfperf.errors import BaselineError
from pytest_wfperf.store.directory import Store

A = profile()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 KiB of its own; skips where mounting is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting is not permitted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def leftovers(root):
    return list(root.rglob(".tmp-*"))


def test_a_file_in_the_store_s_place(tmp_path):
    path = tmp_path / ".wfperf"
    path.write_text("mine")
    store = Store(path)
    for act in (
        store.check,
        store.verify,
        lambda: store.open("main", HERE),
        lambda: store.save("main", [A], environment=HERE),
    ):
        with pytest.raises(BaselineError, match=r"\.wfperf is a file, not a directory.*--wfperf-store"):
            act()
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["runs", "baselines"])
def test_a_file_in_a_folder_s_place(tmp_path, name):
    store = Store(tmp_path / ".wfperf")
    store.root.mkdir()
    (store.root / name).write_text("")
    with pytest.raises(BaselineError, match=name):
        store.save("main", [A], environment=HERE)


def test_a_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BaselineError, match="Not a directory; a file stands where the store needs a directory"):
        Store(tmp_path / "file" / ".wfperf").save("main", [A], environment=HERE)


def test_a_read_only_store_can_be_read_and_says_why_it_cannot_be_written(small_disk):
    store = Store(small_disk / ".wfperf")
    saved = store.save("main", [A], environment=HERE)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert store.open("main", HERE) == saved
    assert store.open("main", HERE).sessions(A.workflow) == (A,)
    assert store.verify() == ()
    for act in (store.save, store.extend):
        with pytest.raises(BaselineError, match=r"cannot .*\.wfperf.*: Read-only file system; .*writable store"):
            act("main", [A], environment=HERE)


def test_a_full_disk_leaves_what_is_in_force_and_no_debris(small_disk):
    store = Store(small_disk / ".wfperf")
    with pytest.raises(BaselineError, match="No space left on device; free some space"):
        for _ in range(1000):
            saved = store.save("main", [A], environment=HERE)
    assert store.open("main", HERE).version == saved.version
    assert store.open("main", HERE).sessions(A.workflow) == (A,)
    assert leftovers(store.root) == []
    subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
    store.extend("main", [A], environment=HERE)
    assert store.save("main", [A], environment=HERE).previous == saved.version
    assert store.verify() == ()


@contextmanager
def unprivileged():
    """As root, permissions do not bind: be nobody for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_missing_permissions_are_named():
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        store = Store(Path(place) / ".wfperf")
        saved = store.save("main", [A], environment=HERE)
        folders = [p for p in store.root.rglob("*") if p.is_dir()]
        for folder in (store.root, *folders):
            folder.chmod(0o555)
        with unprivileged():
            assert store.open("main", HERE) == saved
            for act in (store.save, store.extend):
                with pytest.raises(BaselineError, match="Permission denied; mend the permissions"):
                    act("main", [A], environment=HERE)
        for name in ("tests-*.json", "session.json", "manifest.json", "HEAD", "store.json"):
            path = next(store.root.rglob(name))
            path.chmod(0)
            with unprivileged(), pytest.raises(BaselineError, match=r"cannot read .*: Permission denied") as caught:
                store.open("main", HERE).sessions(A.workflow)
            assert str(path) in str(caught.value)
            path.chmod(0o644)
        Path(place).chmod(0)
        with unprivileged():
            for act in (store.check, store.verify, store.names, lambda: store.open("main", HERE)):
                with pytest.raises(BaselineError, match="Permission denied"):
                    act()
        for folder in (Path(place), store.root, *folders):
            folder.chmod(0o755)


LIMITED = """
import resource, sys
from pathlib import Path
from stored import HERE, profile
from pytest_wfperf.errors import BaselineError
from pytest_wfperf.store.directory import Store
store = Store(Path(sys.argv[1]))
store.save("main", [profile()], environment=HERE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for act in (store.save, store.extend):
    try:
        act("main", [profile(rounds=2000)], environment=HERE)
    except BaselineError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits file sizes with setrlimit")
def test_a_file_cut_short_is_never_put_in_place(tmp_path):
    store = Store(tmp_path / ".wfperf")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, store.root], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.count("File too large; raise the file size limit") == 2, done
    assert store.open("main", HERE).version.startswith("0001-")
    assert len(store.open("main", HERE).contents) == 1
    assert store.verify() == ()
