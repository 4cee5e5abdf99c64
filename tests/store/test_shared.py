"""Shared set-up: built once, whoever else wants it, dies or prunes meanwhile."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.store import generation, layout
from pytest_wfperf.store.parameters import key_of
from pytest_wfperf.store.shared import VARIABLE, Shared, place

NOW = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
DAY_S = 86400
posix = pytest.mark.skipif(os.name != "posix", reason="forks or kills as POSIX does")


def let_go():
    """As if this process had ended: it uses nothing any longer."""
    while generation._HELD:
        os.close(generation._HELD.popitem()[1])


@pytest.fixture(autouse=True)
def _nothing_held():
    yield
    let_go()


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shared(tmp_path, clock):
    return Shared(tmp_path / "cache", clock=clock)


def write(directory: Path) -> None:
    (directory / "page").write_text("text")


def never(directory: Path) -> None:
    raise AssertionError("it was to be found, not built")


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def kept(root: Path) -> list[str]:
    """All that is in a cache but what is always there."""
    return [name for name in everything(root) if name != ".gitignore" and not name.startswith("locks")]


# --- found or built -------------------------------------------------------------------


def test_it_is_built_once_and_found_from_then_on(shared):
    folder, found = shared.get("corpus", write, {"pages": 1})
    assert (found, (folder / "page").read_text()) == (False, "text")
    assert shared.get("corpus", never, {"pages": 1}) == (folder, True)
    assert Shared(shared.root).get("corpus", never, {"pages": 1}) == (folder, True)
    assert (shared.root / ".gitignore").read_text() == "*\n"


def test_a_path_written_into_it_stays_true(shared):
    folder, _ = shared.get("venv", lambda directory: (directory / "home").write_text(str(directory)))
    assert (folder / "home").read_text() == str(folder)


def test_another_name_or_other_params_are_another_one(shared):
    variations = [
        ("a", None),
        ("b", None),
        ("a", {}),
        ("a", []),
        ("a", 0),
        ("a", 0.0),
        ("a", False),
        ("a", "0"),
        ("a", [0]),
    ]
    folders = {shared.get(name, write, params)[0] for name, params in variations}
    assert len(folders) == len(variations)


def test_the_order_of_keys_and_the_kind_of_sequence_do_not_matter(shared):
    folder, _ = shared.get("a", write, {"x": 1, "y": [2, 3]})
    assert shared.get("a", never, {"y": (2, 3), "x": 1}) == (folder, True)


def test_an_entry_tells_what_it_is(shared):
    folder, _ = shared.get("corpus", write, {"pages": [1, 2]}, ttl=DAY_S)
    (entry,) = shared.entries()
    assert (entry.name, entry.params, entry.files, entry.size_bytes) == ("corpus", {"pages": [1, 2]}, 1, 4)
    assert entry.created == datetime.fromtimestamp(NOW, UTC)
    assert entry.expires == datetime.fromtimestamp(NOW + DAY_S, UTC)
    assert entry.directory == folder.parent
    assert not entry.superseded
    assert entry.build_s >= 0


def test_a_set_up_may_use_another(shared):
    def outer(directory):
        inner, _ = shared.get("inner", write)
        (directory / "copy").write_text((inner / "page").read_text())

    assert (shared.get("outer", outer)[0] / "copy").read_text() == "text"


def test_a_build_that_asks_for_itself_is_told_so_at_once(shared):
    with pytest.raises(MeasurementError, match=r"wfperf.cached\('a'\): its build asks for itself"):
        shared.get("a", lambda _: shared.get("a", write))
    assert shared.get("a", write)[1] is False


# --- what is given --------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
nasty = st.text(min_size=1, max_size=300) | st.sampled_from(
    ["..", "/", "../../x", "a/b", "CON", ".", " ", "\0", "-", "a" * 5000, "\ud800", "é\u202e", "*?<>|", "~"]
)


@settings(deadline=None, max_examples=60)
@given(nasty, plain)
def test_any_name_and_params_find_their_way_back_and_stay_in_the_cache(tmp_path_factory, name, params):
    root = tmp_path_factory.mktemp("cache")
    shared = Shared(root)
    folder, _ = shared.get(name, write, params)
    assert folder.resolve().is_relative_to(root.resolve())
    assert len(folder.parts) == len(root.parts) + 3
    assert re.fullmatch(r"[a-z0-9-]{1,57}", folder.parents[1].name)
    assert shared.get(name, never, params) == (folder, True)
    (entry,) = shared.entries()
    assert entry.key == key_of(name, params) == key_of(entry.name, entry.params)
    let_go()
    shared.clear(name)
    assert kept(root) == []


@given(nasty, plain, nasty, plain)
def test_only_what_json_tells_apart_has_another_key(name, params, other_name, other_params):
    def text(*data):
        return json.dumps(data, sort_keys=True)

    assume((name, text(params)) != (other_name, text(other_params)))
    assert key_of(name, params) != key_of(other_name, other_params)


ENDLESS: list = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({1, 2}, "params is {1, 2}: "),
        ({"model": {"path": [0, Path("x")]}}, "params['model']['path'][1] is "),
        ({"when": {3: 1}}, "params['when'] has the key 3: "),
        (b"raw", "params is b'raw': "),
        ([float("nan")], "params[0] is nan: "),
        (float("inf"), "params is inf: "),
        ({"f": len}, "params['f'] is <built-in function len>: "),
        (ENDLESS, "is nested deeper than 64 levels, or contains itself"),
        (10**5000, "params cannot be written as JSON: "),
    ],
    ids=["set", "Path", "key", "bytes", "nan", "inf", "function", "endless", "digits"],
)
def test_params_that_are_no_plain_data_are_named(shared, params, said):
    with pytest.raises(MeasurementError) as caught:
        shared.get("corpus", never, params)
    assert str(caught.value).startswith("wfperf.cached('corpus'): ")
    assert said in str(caught.value)
    assert not shared.root.exists()


@pytest.mark.parametrize("name", ["", None, 3, b"corpus"])
def test_a_name_is_a_text(shared, name):
    with pytest.raises(MeasurementError, match="the name of a shared set-up has to be a non-empty string"):
        shared.get(name, never)


@pytest.mark.parametrize(
    "ttl", [0, -1, float("nan"), float("inf"), True, "1 day", timedelta(0), timedelta.max, 1e300], ids=repr
)
def test_a_ttl_is_a_length_of_time(shared, ttl):
    with pytest.raises(MeasurementError, match="is no length of time; give seconds above 0 or a timedelta"):
        shared.get("corpus", never, ttl=ttl)


# --- builds that do not work out ------------------------------------------------------


@pytest.mark.parametrize("error", [OSError("no such host"), KeyboardInterrupt(), SystemExit(3), MeasurementError("x")])
def test_what_a_build_raises_passes_through_and_nothing_is_left(shared, error):
    def build(directory):
        write(directory)
        raise error

    with pytest.raises(type(error)) as caught:
        shared.get("corpus", build)
    assert caught.value is error
    assert shared.entries() == ()
    assert [name for name in everything(shared.root) if "page" in name or "0001" in name] == []
    assert shared.get("corpus", write)[1] is False


def test_a_coroutine_function_builds_nothing_and_is_refused(shared):
    async def build(directory):
        write(directory)

    with pytest.raises(MeasurementError, match="returned an awaitable, so nothing was built"):
        shared.get("corpus", build)
    assert shared.entries() == ()


def test_a_build_may_remake_the_folder_but_not_take_it_away(shared):
    def remade(directory):
        directory.rmdir()
        directory.mkdir()
        write(directory)

    assert (shared.get("remade", remade)[0] / "page").exists()
    with pytest.raises(MeasurementError, match=r"was to fill the folder .*, and there is none after it"):
        shared.get("gone", Path.rmdir)


def test_where_it_cannot_be_kept_is_said_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MeasurementError) as caught:
        Shared(tmp_path / "file").get("corpus", never)
    assert str(tmp_path / "file") in str(caught.value)
    assert "Not a directory; mend that, or name another folder with WFPERF_CACHE" in str(caught.value)


DAMAGE = {
    "empty": b"",
    "torn": b'{"key": "[\\"corpus\\",',
    "a list": b"[]",
    "another key": None,
    "no date": b'{"key":"[\\"corpus\\",null]","created":"soon","ttl_s":null,"build_s":0,"files":1,"size_bytes":4}',
    "a far ttl": b'{"key":"[\\"corpus\\",null]","created":"2030-01-01","ttl_s":1e300,"build_s":0,"files":1,"size_bytes":4}',
    "not UTF-8": b"\xff",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_manifest_makes_it_a_leftover_that_is_built_anew(shared, damage):
    folder, _ = shared.get("corpus", write)
    let_go()
    manifest = folder.parent / "manifest.json"
    content = DAMAGE[damage]
    manifest.write_bytes(manifest.read_bytes().replace(b"null", b"7") if content is None else content)
    again, found = shared.get("corpus", write)
    assert not found
    assert again != folder
    assert not folder.exists()
    assert shared.get("corpus", never) == (again, True)


def test_a_leftover_of_a_hand_or_a_sweeper_of_temporary_files_is_not_taken_for_complete(shared):
    folder, _ = shared.get("corpus", write)
    let_go()
    (folder.parent / "used").unlink()
    assert shared.entries() == ()
    assert shared.get("corpus", write)[1] is False
    assert not folder.exists()


# --- age ------------------------------------------------------------------------------


@pytest.mark.parametrize("ttl", [DAY_S, float(DAY_S), timedelta(days=1)])
def test_it_is_good_until_its_ttl_is_over(shared, clock, ttl):
    folder, _ = shared.get("corpus", write, ttl=ttl)
    clock.now += DAY_S - 1
    assert shared.get("corpus", never, ttl=ttl) == (folder, True)
    clock.now += 1
    let_go()
    again, found = shared.get("corpus", write, ttl=ttl)
    assert not found
    assert not folder.exists(), "nobody used it any longer"
    assert shared.get("corpus", never, ttl=ttl) == (again, True)


def test_the_ttl_asked_for_counts_not_the_one_it_was_built_with(shared, clock):
    folder, _ = shared.get("corpus", write, ttl=60)
    clock.now += 3600
    assert shared.get("corpus", never) == (folder, True)
    assert shared.get("corpus", never, ttl=2 * 3600) == (folder, True)
    assert shared.get("corpus", write, ttl=3600)[1] is False


def test_one_dated_by_a_clock_that_was_far_ahead_is_too_old_once(shared, clock):
    clock.now += 400 * DAY_S
    shared.get("corpus", write, ttl=DAY_S)
    clock.now -= 400 * DAY_S
    assert shared.get("corpus", write, ttl=DAY_S)[1] is False
    assert shared.get("corpus", never, ttl=DAY_S)[1] is True


def test_an_old_one_in_use_stays_until_nobody_uses_it(shared, clock):
    old, _ = shared.get("corpus", write, ttl=DAY_S)
    clock.now += DAY_S
    new, found = shared.get("corpus", write, ttl=DAY_S)
    assert not found
    assert (old / "page").exists()
    assert [entry.superseded for entry in shared.entries()] == [True, False]
    let_go()
    removed, left = shared.prune(unused_s=1e9)
    assert ([entry.directory for entry in removed], left) == ([old.parent], [])
    assert (new / "page").exists()


def test_an_age_is_not_bent_by_a_clock_that_a_test_has_frozen(tmp_path):
    freezegun = pytest.importorskip("freezegun")
    folder, _ = Shared(tmp_path).get("corpus", write, ttl=DAY_S)
    with freezegun.freeze_time("2050-01-01"):
        assert Shared(tmp_path).get("corpus", never, ttl=DAY_S) == (folder, True)


# --- prune and clear ------------------------------------------------------------------


def last_used(folder: Path, days_ago: float) -> None:
    os.utime(folder.parent / "used", times=(NOW - days_ago * DAY_S,) * 2)


def test_prune_removes_what_was_not_used_for_long_and_what_has_expired(shared, clock):
    fresh, stale, expired = (shared.get(name, write, ttl=ttl)[0] for name, ttl in [("a", None), ("b", None), ("c", 60)])
    let_go()
    for folder, days in ((fresh, 29.9), (stale, 30), (expired, 0)):
        last_used(folder, days)
    clock.now += 60
    removed, left = shared.prune(unused_s=30 * DAY_S)
    assert ([entry.name for entry in removed], left) == (["b", "c"], [])
    assert fresh.exists()
    assert [entry.name for entry in shared.entries()] == ["a"]
    assert {name[:2] for name in kept(shared.root)} == {"a-"}, "no empty folders"


def test_prune_keeps_what_was_used_last_within_a_size(shared):
    folders = [
        shared.get(name, lambda directory, n=n: (directory / "x").write_bytes(b"." * n))[0]
        for name, n in [("a", 100), ("b", 300), ("c", 200)]
    ]
    let_go()
    for days, folder in enumerate(folders):
        last_used(folder, days)
    removed, _ = shared.prune(unused_s=1e9, keep_bytes=400)
    assert [entry.name for entry in removed] == ["c"]
    removed, _ = shared.prune(unused_s=1e9, keep_bytes=399)
    assert [entry.name for entry in removed] == ["b"]
    assert shared.prune(unused_s=1e9, keep_bytes=100) == ([], [])
    assert [entry.name for entry in shared.prune(unused_s=1e9, keep_bytes=0)[0]] == ["a"]


def test_a_use_is_seen(shared):
    folder, _ = shared.get("a", write)
    last_used(folder, 100)
    shared.get("a", never)
    (entry,) = shared.entries()
    assert abs(entry.used.timestamp() - datetime.now(UTC).timestamp()) < 3600


def test_clear_removes_all_or_one_name(shared):
    for name, params in [("a", 1), ("a", 2), ("b", None)]:
        shared.get(name, write, params)
    let_go()
    assert [entry.name for entry in shared.clear("a")[0]] == ["a", "a"]
    assert [entry.name for entry in shared.clear()[0]] == ["b"]
    assert kept(shared.root) == []
    assert shared.clear() == ([], [])


@posix
def test_one_that_is_removed_just_when_it_is_taken_is_built_anew(shared, monkeypatch):
    folder, _ = shared.get("a", write)
    let_go()
    flock, taken = generation.fcntl.flock, []

    def removed_meanwhile(descriptor, operation):
        if not taken:
            taken.append(descriptor)
            generation.delete(folder.parent)
        return flock(descriptor, operation)

    monkeypatch.setattr(generation.fcntl, "flock", removed_meanwhile)
    again, found = shared.get("a", write)
    assert (found, (again / "page").read_text()) == (False, "text")
    assert taken


def test_what_this_process_uses_is_not_removed(shared):
    folder, _ = shared.get("a", write)
    for removed, left in (shared.clear(), shared.prune(unused_s=0)):
        assert (removed, [entry.directory for entry in left]) == ([], [folder.parent])
    assert (folder / "page").exists()


@posix
def test_folders_nobody_may_write_in_are_removed_too(shared):
    def build(directory):
        (directory / "module").mkdir()
        (directory / "module" / "file").write_text("")
        (directory / "module").chmod(0o555)
        directory.chmod(0o555)

    folder, _ = shared.get("modules", build)
    let_go()
    assert len(shared.clear()[0]) == 1
    assert not folder.parent.exists()


@posix
def test_nothing_outside_is_deleted_changed_or_written_whatever_links_there_are(shared, tmp_path):
    precious = tmp_path / "precious"
    for place_ in (precious, precious / "0001-aaaaaa" / "files", precious / "closed"):
        place_.mkdir(parents=True, exist_ok=True)
        (place_ / "file").write_text("mine")
    (precious / "closed").chmod(0o500)
    precious.chmod(0o550)
    before = [(path, path.stat().st_mode) for path in sorted(tmp_path.glob("precious/**"))]

    def build(directory):
        (directory / "out").symlink_to(precious, target_is_directory=True)
        (directory / "file").symlink_to(precious / "file")

    folder, _ = shared.get("links", build)
    let_go()
    shared.get("own", write)
    let_go()
    own = next(shared.root.glob("own-*"))
    (own / "0007-bbbbbb").symlink_to(precious, target_is_directory=True)
    (shared.root / "evil-0123456789abcdef").symlink_to(precious, target_is_directory=True)
    (shared.root / "other").symlink_to(precious, target_is_directory=True)
    assert sorted(entry.name for entry in shared.entries()) == ["links", "own"]
    assert len(shared.clear()[0]) == 2
    assert not folder.exists()
    assert before == [(path, path.stat().st_mode) for path in sorted(tmp_path.glob("precious/**"))]
    assert all(path.read_text() == "mine" for path in precious.rglob("file"))
    assert (own / "0007-bbbbbb").is_symlink()


@posix
@pytest.mark.parametrize("linked", ["the set-up's folder", "its lock"])
def test_a_link_in_the_place_of_a_set_up_is_refused(shared, tmp_path, linked):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    home = shared.root / layout.set_up_directory("corpus", key_of("corpus", None))
    if linked == "its lock":
        (shared.root / "locks").mkdir(parents=True)
        (shared.root / "locks" / home.name).symlink_to(outside / "file")
    else:
        shared.root.mkdir()
        home.symlink_to(outside, target_is_directory=True)
    with pytest.raises(MeasurementError, match="is a symbolic link, which could lead anywhere: remove it"):
        shared.get("corpus", never)
    assert (everything(outside), (outside / "file").read_text()) == (["file"], "mine")


def test_a_cache_among_other_things_leaves_them_alone(shared):
    shared.root.mkdir()
    for name in ("notes.txt", "data-0123456789abcde"):
        (shared.root / name).write_text("mine")
    (shared.root / "photos").mkdir()
    (shared.root / "photos" / "0001-aaaaaa").mkdir()
    shared.get("corpus", write)
    let_go()
    before = [name for name in kept(shared.root) if not name.startswith("corpus-")]
    assert len(before) == 4
    shared.clear()
    assert kept(shared.root) == before


# --- where ----------------------------------------------------------------------------


def test_its_place_is_the_environments_else_the_stores_local_part(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert place(tmp_path / ".wfperf", tmp_path) == tmp_path / ".wfperf" / "runs" / "cache"
    monkeypatch.setenv(VARIABLE, "kept")
    assert place(tmp_path / ".wfperf", tmp_path) == tmp_path / "kept"
    monkeypatch.setenv(VARIABLE, "~/kept")
    assert place(tmp_path / ".wfperf", tmp_path) == Path.home() / "kept"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "abs"))
    assert place(tmp_path / ".wfperf", tmp_path / "x") == tmp_path / "abs"


# --- several threads and processes ----------------------------------------------------


def test_threads_that_want_it_at_once_build_it_once(shared):
    built, got = [], []
    barrier = threading.Barrier(4)

    def build(directory):
        built.append(directory)
        write(directory)

    def want():
        barrier.wait()
        got.append(shared.get("corpus", build))

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert {folder for folder, _ in got} == set(built)
    assert sorted(found for _, found in got) == [False, True, True, True]


PRELUDE = """
import os, signal, sys, time
from pathlib import Path
from pytest_wfperf.store import generation
from pytest_wfperf.store.shared import Shared
root, log = Path(sys.argv[1]), sys.argv[2]

def logged(text):
    with open(log, "a") as file:
        file.write(text + "\\n")

def build(directory):
    logged("building")
    for part in range(10):
        (directory / f"part-{part}").write_text(str(part))
        time.sleep(0.02)

def let_go():
    while generation._HELD:
        os.close(generation._HELD.popitem()[1])

def sound(folder):
    return sorted(path.read_text() for path in folder.iterdir()) == list("0123456789")
"""


class Processes:
    """Python processes that share a cache; whatever is still running at the end is killed."""

    def __init__(self, tmp_path: Path) -> None:
        self.root, self.log = tmp_path / "cache", tmp_path / "log"
        self.running: list[subprocess.Popen] = []

    def start(self, script: str, *more: object) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-c", PRELUDE + script, str(self.root), str(self.log), *map(str, more)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.running.append(process)
        return process

    def run(self, script: str, *more: object) -> str:
        return self.ended(self.start(script, *more))

    def ended(self, process: subprocess.Popen, code: int = 0) -> str:
        out, err = process.communicate(timeout=100)
        assert process.returncode == code, err
        return out.strip()

    @property
    def built(self) -> int:
        return self.log.read_text().count("building")


@pytest.fixture
def processes(tmp_path):
    processes = Processes(tmp_path)
    yield processes
    for process in processes.running:
        with process:
            process.kill()


GET = """
folder, found = Shared(root).get("corpus", build)
assert sound(folder)
print(found, folder)
"""


def test_eight_processes_that_want_it_at_once_build_it_once(processes):
    told = [processes.ended(process).split() for process in [processes.start(GET) for _ in range(8)]]
    assert processes.built == 1
    assert sorted(found for found, _ in told) == ["False"] + ["True"] * 7
    assert len({folder for _, folder in told}) == 1


EXITS = """
def build(directory):
    (directory / "part-0").write_text("half")
    os._exit(3)
Shared(root).get("corpus", build)
"""


def test_what_a_build_that_crashed_has_left_is_removed_and_built_again(processes):
    processes.ended(processes.start(EXITS), code=3)
    assert Shared(processes.root).entries() == ()
    assert list(processes.root.glob("*/0001-*/files/part-0")), "it does leave something"
    assert processes.run(GET).startswith("False")
    assert len(list(processes.root.glob("*/0*"))) == 1


def test_prune_removes_what_a_build_that_crashed_has_left(processes):
    processes.ended(processes.start(EXITS), code=3)
    assert Shared(processes.root).prune(unused_s=1e9) == ([], [])
    assert kept(processes.root) == []


HANGS = """
def build(directory):
    print("building", flush=True)
    sys.stdin.read()
    (directory / "page").write_text("text")
Shared(root).get("corpus", build)
"""


@pytest.fixture
def hanging(processes):
    process = processes.start(HANGS)
    assert process.stdout.readline() == "building\n"
    return process


def test_who_waits_too_long_is_told_who_holds_the_lock(processes, hanging):
    with pytest.raises(MeasurementError) as caught:
        Shared(processes.root, wait_s=0.1).get("corpus", never)
    said = str(caught.value)
    assert f"waited 0.1 s for process {hanging.pid} on " in said
    assert str(processes.root) in said
    assert "wait until it is done, or end it, and run again" in said


def test_who_waits_says_so_and_gets_it_in_the_end(processes, hanging, caplog, monkeypatch):
    monkeypatch.setattr("pytest_wfperf.store.shared.TELL_AFTER_S", 0.1)
    release = threading.Timer(0.5, hanging.stdin.close)
    release.start()
    folder, found = Shared(processes.root).get("corpus", never)
    release.join()
    assert found
    assert (folder / "page").read_text() == "text"
    assert f"waiting for shared set-up 'corpus', built by process {hanging.pid} on " in caplog.text


def test_one_that_is_about_to_be_superseded_stays_too(processes):
    old, _ = Shared(processes.root, clock=Clock(0)).get("corpus", write)
    let_go()
    building = processes.start(HANGS.replace('"corpus", build', '"corpus", build, ttl=60'))
    assert building.stdout.readline() == "building\n"
    removed, left = Shared(processes.root).clear()
    assert (removed, [entry.directory for entry in left]) == ([], [old.parent])
    building.stdin.close()
    assert building.wait(timeout=60) == 0
    assert not old.exists()


def test_what_is_being_built_is_not_pruned(processes, hanging):
    assert Shared(processes.root).clear() == ([], [])
    hanging.stdin.close()
    assert hanging.wait(timeout=60) == 0
    assert (Shared(processes.root).get("corpus", never)[0] / "page").exists()


@posix
def test_a_builder_that_is_killed_gives_way_to_who_waits(processes, hanging):
    waiting = processes.start(GET)
    hanging.kill()
    assert processes.ended(waiting).startswith("False")
    assert processes.built == 1


USES = """
folder, found = Shared(root).get("corpus", build, ttl=float(sys.argv[3]))
print(folder, flush=True)
sys.stdin.read()
assert sound(folder)
"""


def test_what_another_process_uses_is_not_removed_until_it_ends(processes):
    user = processes.start(USES, DAY_S)
    folder = Path(user.stdout.readline().strip())
    shared = Shared(processes.root)
    for removed, left in (shared.clear(), shared.prune(unused_s=0), shared.prune(unused_s=1e9, keep_bytes=0)):
        assert (removed, [entry.directory for entry in left]) == ([], [folder.parent])
    processes.ended(user)
    assert len(shared.clear()[0]) == 1
    assert not folder.exists()


def test_one_that_expires_while_a_process_uses_it_stays_beside_the_new_one(processes):
    user = processes.start(USES, DAY_S)
    folder = Path(user.stdout.readline().strip())
    later = Shared(processes.root, clock=Clock(datetime.now(UTC).timestamp() + DAY_S))
    new, found = later.get("corpus", write, ttl=DAY_S)
    assert not found
    assert folder.exists()
    processes.ended(user)
    let_go()
    assert [entry.directory for entry in later.prune(unused_s=1e9)[0]] == [folder.parent]
    assert new.exists()


READS = """
for _ in range(40):
    folder, found = Shared(root).get("corpus", lambda directory: [(directory / f"part-{n}").write_text(str(n)) for n in range(10)])
    assert sound(folder), folder
    let_go()
"""
CLEARS = """
removed = 0
while not (root.parent / "done").exists():
    removed += len(Shared(root).clear()[0])
    time.sleep(0.005)
print(removed)
"""


def test_readers_never_miss_a_file_while_others_clear(processes):
    clearing = [processes.start(CLEARS) for _ in range(2)]
    for reader in [processes.start(READS) for _ in range(3)]:
        processes.ended(reader)
    (processes.root.parent / "done").touch()
    assert sum(int(processes.ended(process)) for process in clearing) > 0


KILLED = """
import itertools
last = None

def die(event, arguments):
    global last
    if last is not None and event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.utime"):
        last -= 1
        if last == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def fill(directory):
    for part in range(10):
        (directory / f"part-{part}").write_text(str(part))

def killed(step, do):
    global last
    victim = os.fork()
    if victim == 0:
        last = step
        do()
        last = None
        os._exit(0)
    return os.waitpid(victim, 0)[1] == signal.SIGKILL

sys.addaudithook(die)
Shared(root / "imports").get("corpus", fill)
let_go()
steps = {}
for what in ("build", "clear", "expire"):
    for step in itertools.count(1):
        shared = Shared(root / what / str(step), clock=lambda: 1e9)
        if what != "build":
            shared.get("corpus", fill)
            let_go()
        late = Shared(shared.root, clock=lambda: 1e9 + 60)
        do = {"build": lambda: shared.get("corpus", fill), "clear": shared.clear,
              "expire": lambda: late.get("corpus", fill, ttl=60)}[what]
        died = killed(step, do)
        folder, found = shared.get("corpus", fill)
        assert sound(folder), (what, step)
        let_go()
        assert len(shared.entries()) <= 2
        shared.clear()
        assert sorted(path.name for path in shared.root.iterdir()) == [".gitignore", "locks"], (what, step)
        if not died:
            break
    steps[what] = step
print(*steps.values())
"""


@posix
def test_a_process_killed_at_any_step_of_building_removing_or_replacing_harms_nothing(processes):
    build, clear, expire = map(int, processes.run(KILLED).split())
    assert build > 15
    assert clear > 15
    assert expire > 30
