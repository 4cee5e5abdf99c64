import os
import threading
from datetime import UTC, datetime

import pytest
from filelock import FileLock
from stored import HERE, THERE, profile

from pytest_wfperf.errors import BaselineError, BaselineMissing, ConfigError
from pytest_wfperf.model import Environment
from pytest_wfperf.store import layout
from pytest_wfperf.store.directory import Store

A, B = profile("tests/test_a.py::test_a[1]"), profile("tests/test_a.py::test_b")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / ".wfperf")


def test_nothing_is_made_by_looking(store):
    store.check()
    assert store.names() == ()
    with pytest.raises(BaselineMissing):
        store.open("main", HERE)
    assert not store.root.exists()


def test_what_was_saved_is_in_force(store):
    before = datetime.now(UTC)
    saved = store.save("main", [A, B], environment=HERE, reason="first", commit="abc123")
    opened = Store(store.root).open("main", HERE)
    assert opened == saved
    assert (opened.name, opened.environment, opened.reason, opened.commit) == ("main", HERE, "first", "abc123")
    assert opened.version.startswith("0001-")
    assert before <= opened.created <= datetime.now(UTC)
    assert opened.workflows() == {A.workflow, B.workflow}
    assert opened.sessions(A.workflow) == (A,)
    assert opened.sessions("tests/test_a.py::test_a[2]") == ()
    assert store.verify() == ()


def test_a_later_save_replaces_what_is_in_force_and_keeps_the_earlier_version(store):
    first = store.save("main", [A, B], environment=HERE)
    second = store.save("main", [A], environment=HERE)
    assert second.version.startswith("0002-")
    assert second.previous == first.version
    assert store.open("main", HERE).workflows() == {A.workflow}
    assert store.history("main", HERE) == (second, first)
    assert store.history("main", HERE, limit=1) == (second,)


def test_carried_workflows_keep_all_their_sessions(store):
    slower = profile(B.workflow, base_ns=2_000_000)
    store.save("main", [A, B], environment=HERE, commit="one")
    store.extend("main", [slower], environment=HERE, commit="two")
    saved = store.save("main", [A], environment=HERE, carry={B.workflow, "no such workflow"})
    assert saved.workflows() == {A.workflow, B.workflow}
    assert saved.sessions(B.workflow) == (B, slower)
    assert saved.sessions(A.workflow) == (A,)
    assert [session.commit for session in saved.contents] == ["one", "two", ""]
    assert store.verify() == ()


def test_extending_adds_a_session_and_changes_no_file(store):
    store.save("main", [A, B], environment=HERE)
    before = snapshot(store.root)
    later = profile(A.workflow, rounds=7)
    extended = store.extend("main", [later], environment=HERE)
    assert extended.version.startswith("0001-")
    assert extended.sessions(A.workflow) == (A, later)
    assert extended.sessions(B.workflow) == (B,)
    after = snapshot(store.root)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2


def snapshot(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_sessions_come_oldest_first(store):
    store.save("main", [A], environment=HERE)
    for rounds in range(5, 12):
        store.extend("main", [profile(A.workflow, rounds=rounds)], environment=HERE)
    assert [len(p.rounds) for p in store.open("main", HERE).sessions(A.workflow)] == [4, *range(5, 12)]


def test_another_environment_is_not_this_one(store):
    store.save("main", [A], environment=HERE)
    assert store.open("main", THERE) is None
    assert store.elsewhere("main", THERE).environment == HERE
    assert store.elsewhere("main", HERE) is None
    with pytest.raises(BaselineMissing, match="no version for this environment to extend"):
        store.extend("main", [A], environment=THERE)
    store.save("main", [B], environment=THERE)
    assert set(store.environments("main")) == {HERE, THERE}
    assert [b.environment for b in store.in_force("main")] in ([HERE, THERE], [THERE, HERE])
    third = Environment(facts=(("cpus", "64"),))
    assert store.elsewhere("main", third).environment == THERE


def test_notes_do_not_separate_environments(store):
    store.save("main", [A], environment=HERE)
    assert store.open("main", Environment(facts=HERE.facts, notes=(("host", "other"),))) is not None


def test_a_missing_baseline_is_named_with_those_there_are(store):
    with pytest.raises(
        BaselineMissing, match=r"no baseline 'main' in .* and no other: create it with `pytest --wfperf-save`"
    ):
        store.open("main", HERE)
    store.save("main", [A], environment=HERE)
    store.save("release-1", [A], environment=HERE)
    assert store.names() == ("main", "release-1")
    with pytest.raises(BaselineMissing, match=r"'mian'.*\(there is main, release-1\).*--wfperf-save=mian"):
        store.open("mian", HERE)


def test_names_are_checked_before_anything_is_made(store):
    for name in ("../evil", "con", "a/b", ""):
        for act in (lambda n: store.save(n, [A], environment=HERE), lambda n: store.open(n, HERE), store.in_force):
            with pytest.raises(ConfigError):
                act(name)
    assert not store.root.exists()


def test_a_name_that_differs_only_in_case_is_refused(store):
    store.save("main", [A], environment=HERE)
    with pytest.raises(ConfigError, match="'Main' differs from the existing 'main' only in case"):
        store.save("Main", [A], environment=HERE)


def test_twins_and_strange_ids_live_side_by_side(store):
    ids = [
        "test_A",
        "test_a",
        "test_é",
        "test_e\u0301",
        "../../x",
        "n" * 400 + "1",
        "n" * 400 + "2",
        "con",
        "a.",
        "a ",
        "",
        "\x1b[2J",
    ]
    profiles = [profile(node_id, rounds=n + 1) for n, node_id in enumerate(ids)]
    saved = store.save("main", profiles, environment=HERE)
    assert saved.workflows() == set(ids)
    assert [saved.sessions(p.workflow) for p in profiles] == [(p,) for p in profiles]
    assert store.verify() == ()


def test_an_id_with_half_a_character_is_found_again(store):
    saved = store.save("main", [profile("test[\ud800]")], environment=HERE)
    assert len(saved.sessions("test[\ud800]")) == 1


def test_nothing_and_two_of_one_are_refused(store):
    with pytest.raises(BaselineError, match="nothing to store"):
        store.save("main", [], environment=HERE)
    with pytest.raises(BaselineError, match="two profiles of"):
        store.save("main", [A, A], environment=HERE)
    assert not store.root.exists()


def test_local_files_ignore_themselves(store):
    store.save("main", [A], environment=HERE)
    assert (store.root / "runs" / ".gitignore").read_text() == "*\n"
    assert not [p for p in store.root.rglob("*") if p.name.endswith(".lock") and p.parent.name != "runs"]


def test_leftovers_are_reported_and_swept_by_the_next_save(store):
    store.save("main", [A], environment=HERE)
    place = next((store.root / "baselines" / "main").iterdir())
    (place / ".tmp-dead" / "deep").mkdir(parents=True)
    (place / ".tmp-dead" / "deep" / "file").write_text("x")
    (store.root / ".tmp-store.json").write_text("{")
    assert [".tmp-" in problem and "left over" in problem for problem in store.verify()] == [True, True]
    store.extend("main", [A], environment=HERE)
    assert store.verify() == ()


def test_a_lock_that_is_held_is_named(tmp_path):
    store = Store(tmp_path, lock_timeout=0.05)
    store.save("main", [A], environment=HERE)
    lock = tmp_path / "runs" / "store.lock"
    with FileLock(lock), pytest.raises(BaselineError, match=r"another process has been writing to .*store\.lock"):
        store.save("main", [A], environment=HERE)


def test_without_a_lock_nothing_is_lost(store, monkeypatch):
    """Every writer believes that version 1 comes next, and none waits for another."""

    class NoLock:
        def __init__(self, *args, **kwargs):
            pass

        def acquire(self):
            pass

        def release(self):
            pass

    monkeypatch.setattr("pytest_wfperf.store.directory.FileLock", NoLock)
    saved, errors = [], []

    def write():
        try:
            saved.extend(store.save("main", [A], environment=HERE).version for _ in range(10))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(saved)) == 40
    assert {b.version for b in store.history("main", HERE, limit=100)} == set(saved)
    assert store.open("main", HERE).version in saved
    assert store.verify() == ()


def test_a_version_s_name_that_is_taken_is_drawn_again(store, monkeypatch):
    first = store.save("main", [A], environment=HERE)
    drawn = iter([layout.parse_version(first.version), layout.Version(2, "222222")])
    monkeypatch.setattr(layout, "next_version", lambda taken: next(drawn))
    assert store.save("main", [B], environment=HERE).version == "0002-222222"
    assert store.history("main", HERE)[1].sessions(A.workflow) == (A,)
    assert not [name for _, names, _ in os.walk(store.root) for name in names if name.startswith(".tmp-")]
