"""A folder appears as a whole: whatever fails, whoever is killed, and however many write it at once."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_wfperf.errors import ConfigError
from pytest_wfperf.report.folder import Folder

NAMES = ("a", "b", "c")
STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir")


def put(path, text):
    Folder(path, NAMES).put(lambda: ((name, text.encode()) for name in NAMES))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def found(path):
    """What stands there: the one text of all its files, None for no folder."""
    if not path.exists():
        return None
    assert names(path) == sorted(NAMES)
    (text,) = {(path / name).read_text() for name in NAMES}
    return text


listening = {"left": None}


@pytest.fixture(scope="module")
def hook():
    """Fails the step at which the count comes to nothing; an audit hook cannot be removed, so it is only armed."""

    def heard(event, _):
        if listening["left"] is not None and event in STEPS:
            listening["left"] -= 1
            if listening["left"] == 0:
                raise OSError(errno.EIO, "Input/output error")

    sys.addaudithook(heard)
    return listening


@pytest.mark.parametrize("old", [None, "old"])
def test_whatever_step_fails_the_old_set_stands_or_the_new_one(tmp_path, hook, old):
    outcomes = set()
    for step in range(1, 200):
        out = tmp_path / str(step) / "out"
        out.parent.mkdir()
        if old:
            put(out, old)
        hook["left"] = step
        try:
            put(out, "new")
            failed = False
        except OSError:
            failed = True
        finally:
            left, hook["left"] = hook["left"], None
        outcomes.add((failed, found(out)))
        assert found(out) in (old, "new")
        put(out, "newer")
        assert found(out) == "newer"
        assert names(out.parent) == ["out"]
        if left > 0:
            break
    assert step > 8
    assert {(True, old), (False, "new")} <= outcomes


def test_an_error_while_its_files_are_made_leaves_nothing(tmp_path):
    def half():
        yield "a", b"1"
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "template")

    put(tmp_path / "out", "old")
    for name in ("out", "new"):
        with pytest.raises(FileNotFoundError, match="template"):
            Folder(tmp_path / name, NAMES).put(half)
    assert names(tmp_path) == ["out"]
    assert found(tmp_path / "out") == "old"


def test_a_file_that_comes_into_it_in_the_last_moment_is_kept(tmp_path, monkeypatch):
    out = tmp_path / "out"
    put(out, "old")
    rename = Path.rename

    def late(path, target):
        if path == out:
            (out / "notes.txt").write_text("mine")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(ConfigError, match=r"holds 'notes\.txt'"):
        put(out, "new")
    assert names(out) == [*NAMES, "notes.txt"]
    assert names(tmp_path) == ["out"]


def test_another_writer_may_sweep_or_be_faster_and_the_set_is_written_all_the_same(tmp_path):
    out, swept = tmp_path / "out", []

    def disturbed():
        yield "a", b"mine"
        if len(swept) < 3:
            swept.append(True)
            put(out, "other")  # sweeps what is written here, and takes the place
        yield from (("b", b"mine"), ("c", b"mine"))

    Folder(out, NAMES).put(disturbed)
    assert found(out) == "mine"
    assert len(swept) == 3
    assert names(tmp_path) == ["out"]


def test_who_is_disturbed_for_ever_says_so(tmp_path):
    out = tmp_path / "out"

    def disturbed():
        yield "a", b"mine"
        put(out, "other")
        yield "b", b"mine"

    with pytest.raises(ConfigError, match="give each run a folder of its own"):
        Folder(out, NAMES).put(disturbed)
    assert found(out) == "other"
    assert names(tmp_path) == ["out"]


def test_only_what_an_interrupted_writer_left_of_this_folder_is_swept(tmp_path):
    mine = {".tmp-0a1b2c3d-new-out": ["a"], ".tmp-0a1b2c3d-old-out": [*NAMES], ".tmp-11111111-new-out": []}
    others = {
        ".tmp-0a1b2c3d-new-out2": ["a"],
        ".tmp-0a1b2c3d-out": ["a"],
        ".tmp-xyz-new-out": ["a"],
        ".tmp-22222222-new-out": ["a", "notes.txt"],
        "tmp": ["a"],
    }
    for name, files in (mine | others).items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
    (tmp_path / ".tmp-33333333-new-out").write_text("a file")
    put(tmp_path / "out", "new")
    assert names(tmp_path) == sorted([*others, ".tmp-33333333-new-out", "out"])
    assert found(tmp_path / "out") == "new"


def test_a_set_that_a_killed_writer_had_moved_away_is_put_back_before_anything_else(tmp_path):
    out = tmp_path / "out"
    put(out, "old")
    out.rename(tmp_path / ".tmp-0a1b2c3d-old-out")

    def failing():
        yield "a", b"new"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Folder(out, NAMES).put(failing)
    assert found(out) == "old"
    assert names(tmp_path) == ["out"]


# --- real processes --------------------------------------------------------------------------


def start(script, *args):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", script, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


KILLED = """
import os, signal, sys
from pathlib import Path
from test_folder import STEPS, found, put

root, old, left = Path(sys.argv[1]), sys.argv[2], None

def die(event, arguments):
    global left
    if left is not None and event in STEPS:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
step, status, seen = 0, signal.SIGKILL, {}
while status == signal.SIGKILL:
    step += 1
    out = root / str(step) / "out"
    out.parent.mkdir(parents=True)
    if old:
        put(out, old)
    victim = os.fork()
    if victim == 0:
        left = step
        put(out, "new")
        os._exit(0)
    status = os.waitpid(victim, 0)[1]
    text, debris = found(out), [name for name in os.listdir(out.parent) if name != "out"]
    if text is None and old:  # between the two renames: the old set stands beside its place
        assert any(found(out.with_name(name)) == old for name in debris if "-old-" in name), debris
    else:
        assert text in (old or None, "new"), text
    seen[str(text)] = seen.get(str(text), 0) + 1
    put(out, "newer")
    assert found(out) == "newer"
    assert os.listdir(out.parent) == ["out"], os.listdir(out.parent)
print(status, step, sorted(seen))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.parametrize(("old", "seen"), [("", "['None', 'new']"), ("old", "['None', 'new', 'old']")])
def test_a_writer_killed_before_any_of_its_steps_leaves_the_old_set_or_the_new_one(tmp_path, old, seen):
    killer = start(KILLED, tmp_path, old)
    out, err = killer.communicate()
    assert killer.returncode == 0, err
    status, steps, told = out.split(maxsplit=2)
    assert (status, told.strip()) == ("0", seen)
    assert int(steps) > 8


WRITER = """
import sys
from pathlib import Path
from test_folder import put
from pytest_wfperf.errors import ConfigError
for number in range(int(sys.argv[3])):
    try:
        put(Path(sys.argv[1]), f"{sys.argv[2]}{number}" * 1000)
        print("put")
    except ConfigError as error:
        print(error)
"""


def test_two_processes_that_write_at_once_never_mix_and_never_trip(tmp_path):
    out, times, torn, looks = tmp_path / "out", 150, [], 0
    writers = [start(WRITER, out, name, times) for name in "AB"]
    while any(writer.poll() is None for writer in writers):
        try:
            before = out.stat()
            seen = names(out)
            after = out.stat()
        except FileNotFoundError:
            continue
        if (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns):  # the same folder throughout
            looks += 1
            torn += [] if seen == sorted(NAMES) else [seen]
    for writer in writers:
        said, error = writer.communicate()
        assert (writer.returncode, error) == (0, "")
        lines = said.splitlines()
        assert len(lines) == times
        assert "put" in lines
        assert {line for line in lines if line != "put"} <= {
            f"other runs kept writing {out}: give each run a folder of its own"
        }
    assert looks > 0
    assert torn == []
    assert found(out)
    put(out, "last")
    assert found(out) == "last"
    assert names(tmp_path) == ["out"]
