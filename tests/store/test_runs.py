"""Runs on disk: written as they go on, read back whole, gone on with where everything is the same."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from stored import HERE, profile

from pytest_wfperf.errors import BaselineCorrupt, BaselineError, BaselineMissing, SchemaTooNew
from pytest_wfperf.judged import Measured
from pytest_wfperf.store import layout
from pytest_wfperf.store.directory import Store
from pytest_wfperf.store.runs import KEPT, Runs

A, B = profile("tests/test_a.py::test_a[1]"), profile("tests/test_a.py::test_b")
SAME = {"commit": "abc", "arguments": "--wfperf-save", "file shop.py": "1a2b"}
EARLIER = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path / ".wfperf")


def begun(runs, same=SAME, now=None):
    return runs.begin(arguments=["--wfperf-save", "tests"], commit="abc", environment=HERE, same=same, now=now)


def interrupted(runs, *profiles, same=SAME, now=None):
    """A run whose process is gone; its name."""
    journal = begun(runs, same, now)
    for each in profiles:
        journal.keep(each)
    journal._lock.release()
    return journal.run.name


def file_of(runs, name, each):
    return runs.place / name / layout.workflow_file(each.workflow)


# --- written and read ------------------------------------------------------------------


def test_nothing_is_made_by_looking(runs):
    assert runs.names() == ()
    for look in (runs.latest, lambda: runs.profiles("x"), lambda: runs.resume(SAME)):
        with pytest.raises(BaselineMissing):
            look()
    assert not runs.place.parent.exists()


def test_what_is_kept_is_read_back_before_the_run_has_ended(runs):
    journal = begun(runs)
    assert runs.profiles(journal.run.name) == {}
    journal.keep(A)
    assert runs.profiles(runs.latest()) == {A.workflow: A}
    journal.keep(B)
    longer = replace(A, launches=A.launches * 3)
    journal.keep(longer)
    assert Runs(runs.place.parent).profiles(journal.run.name) == {A.workflow: longer, B.workflow: B}


def test_a_run_says_what_it_is(runs):
    journal = begun(runs)
    journal.plan(10, "1 of 2 loaded modules differ")
    about = runs.about(journal.run.name)
    assert about == journal.run
    assert (about.finished, about.arguments, about.commit) == (False, ("--wfperf-save", "tests"), "abc")
    assert (about.environment, about.same, about.launches) == (HERE, SAME, 10)
    journal.finish()
    assert runs.about(journal.run.name) == replace(about, finished=True)


def test_names_come_oldest_first_and_the_latest_last(runs):
    names = [begun(runs, now=EARLIER + timedelta(minutes=n)).run.name for n in (5, 1, 3)]
    assert runs.names() == (names[1], names[2], names[0])
    assert runs.latest() == names[0]


def test_of_runs_that_began_in_one_second_the_later_is_the_latest(runs):
    names = [begun(runs, now=EARLIER + timedelta(milliseconds=n)).run.name for n in (1, 900, 500, 2, 3, 4)]
    assert runs.latest() == names[1]


@pytest.mark.parametrize(
    ("asked", "told"),
    [(lambda name: name[-6:], "there is {}"), (lambda name: "9" + name[1:], "there is {}"), (lambda _: "", "there is")],
)
def test_an_unknown_name_gets_near_ones(runs, asked, told):
    begun(runs, now=EARLIER)
    name = begun(runs).run.name
    with pytest.raises(BaselineMissing) as caught:
        runs.profiles(asked(name))
    assert told.format(name) in str(caught.value)


def test_the_folder_is_local(runs):
    begun(runs).keep(A)
    assert (runs.place / ".gitignore").read_text() == "*\n"
    assert not (runs.place.parent / layout.STORE).exists()


def test_a_folder_of_runs_alone_is_no_store(runs):
    begun(runs).keep(A)
    store = Store(runs.place.parent)
    store.check()
    assert store.names() == ()
    with pytest.raises(BaselineMissing, match="there is no store"):
        store.verify()
    store.save("main", [A], environment=HERE)
    assert store.verify() == ()


def test_a_save_takes_over_the_dates_it_is_given(runs):
    store = Store(runs.place.parent)
    saved = store.save("main", [A, B], environment=HERE, dates={A.workflow: EARLIER})
    assert saved.contents[0].created == EARLIER
    assert [session.workflows for session in saved.contents] == [{A.workflow}, {B.workflow}]
    extended = store.extend("main", [A, B], environment=HERE, dates={B.workflow: EARLIER})
    assert sorted(len(session.workflows) for session in extended.contents) == [1, 1, 1, 1]
    assert store.verify() == ()


# --- many ------------------------------------------------------------------------------


def test_the_newest_runs_stay_and_one_that_is_going_on(runs):
    going_on = begun(runs, now=EARLIER)
    names = [interrupted(runs, A, now=EARLIER + timedelta(minutes=n)) for n in range(1, KEPT + 3)]
    assert runs.names() == (going_on.run.name, *names[-KEPT:])
    going_on.keep(A)
    assert runs.profiles(going_on.run.name) == {A.workflow: A}
    assert sorted(path.name for path in runs.place.iterdir()) == sorted([".gitignore", *runs.names()])


def test_two_runs_at_once_never_share_a_folder(runs, monkeypatch):
    drawn = iter(["20261121T103755Z-111111", "20261121T103755Z-111111", "20261121T103755Z-222222"])
    monkeypatch.setattr(layout, "new_session", lambda _: next(drawn))
    first, second = begun(runs), begun(runs)
    first.keep(A)
    second.keep(B)
    assert runs.profiles(first.run.name) == {A.workflow: A}
    assert runs.profiles(second.run.name) == {B.workflow: B}


# --- gone on with ----------------------------------------------------------------------


def test_the_newest_unfinished_run_that_is_the_same_is_gone_on_with(runs):
    old = interrupted(runs, A, now=EARLIER)
    name = interrupted(runs, A, B, now=EARLIER + timedelta(hours=1))
    interrupted(runs, A, same=SAME | {"commit": "def"})
    journal = runs.resume(SAME)
    assert journal.run.name == name != old
    found, problems = journal.found()
    assert found == {each.workflow: Measured(profile=each, reused=1) for each in (A, B)}
    assert problems == ()
    journal.keep(profile("tests/test_c.py::test_c"))
    journal.finish()
    assert len(runs.profiles(name)) == 3
    assert runs.resume(SAME).run.name == old, "a finished run is nobody's to go on with"


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (SAME | {"file shop.py": "ffff"}, r"not the same: file shop.py \(1a2b then, ffff now\)"),
        (SAME | {"file new.py": "ffff"}, r"file new.py \(none then, ffff now\)"),
        ({"commit": "abc"}, r"arguments \(--wfperf-save then, none now\), file shop.py \(1a2b then, none now\)"),
        (dict.fromkeys("abcde", "1"), "and 5 more"),
    ],
)
def test_what_is_not_the_same_is_not_reused_and_said(runs, now, told):
    name = interrupted(runs, A)
    with pytest.raises(BaselineMissing, match=f"run {name} is unfinished, but .*{told}"):
        runs.resume(now)


def test_a_run_of_code_that_nobody_could_tell_is_not_reused(runs):
    interrupted(runs, A, same={})
    with pytest.raises(BaselineMissing, match="nobody can tell what code it ran"):
        runs.resume(SAME)


def test_a_run_that_is_still_going_on_is_left_alone(runs):
    journal = begun(runs)
    with pytest.raises(BaselineMissing, match="still going on"):
        runs.resume(SAME)
    journal.finish()
    with pytest.raises(BaselineMissing, match="there is no unfinished run"):
        runs.resume(SAME)


def test_of_two_sides_a_pair_is_there_or_not(runs):
    journal = begun(runs)
    three, two = replace(A, launches=A.launches * 3), replace(A, launches=A.launches * 2)
    journal.keep(two, two)
    journal.keep(replace(two, counts=()), three)  # as after a kill between the two
    found, _ = journal.found()
    assert found == {A.workflow: Measured(profile=two, against=two, reused=2)}
    assert runs.profiles(journal.run.name) == {A.workflow: two}


def test_its_age_is_that_of_the_oldest_profile(runs):
    name = interrupted(runs, A, B)
    path = file_of(runs, name, B)
    os.utime(path, (path.stat().st_mtime - 840,) * 2)
    assert 840 <= runs.resume(SAME).age_s() < 900


KILLED = """
import os, signal, sys
from pathlib import Path
from stored import HERE, profile
from pytest_wfperf.store.runs import Runs
journal = Runs(Path(sys.argv[1])).begin(arguments=[], commit="", environment=HERE, same={"a": "b"})
journal.keep(profile())
(journal._directory / ".tmp-00000000-torn.json").write_text("{")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_what_a_killed_process_had_kept_is_whole_and_its_lock_is_free(runs):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(runs.place.parent)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert runs.profiles(runs.latest()) == {profile().workflow: profile()}
    journal = runs.resume({"a": "b"})
    assert journal.found()[0].keys() == {profile().workflow}
    assert not list(journal._directory.glob(".tmp-*"))


# --- damaged ---------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff", b'{"a": 1}', "flip", "other"])
@pytest.mark.parametrize("against", [False, True])
def test_a_damaged_profile_is_named_and_the_others_are_reused(runs, damage, against):
    journal = begun(runs)
    for each in (A, B):
        journal.keep(each, each if against else None)
    path = file_of(runs, journal.run.name, A)
    if against:
        path = path.parent / layout.AGAINST / path.name
    whole = path.read_bytes()
    other = path.with_name(layout.workflow_file(B.workflow)).read_bytes()
    path.write_bytes({"flip": whole.replace(b"00", b"10", 1), "other": other}.get(damage, damage))
    found, (problem,) = journal.found()
    assert found.keys() == {B.workflow}
    assert str(path) in problem
    assert problem.endswith("; measure again; nothing else needs it")
    if not against:
        with pytest.raises(BaselineCorrupt, match="measure again"):
            runs.profiles(journal.run.name)


def test_a_profile_from_a_newer_version_is_not_reused(runs):
    journal = begun(runs)
    journal.keep(A)
    path = file_of(runs, journal.run.name, A)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    found, (problem,) = journal.found()
    assert found == {} and "upgrade pytest-wfperf" in problem
    with pytest.raises(SchemaTooNew):
        runs.profiles(journal.run.name)


@pytest.mark.parametrize("damage", [b"", b"[]", "other"])
def test_a_run_that_cannot_be_read_is_named_and_an_older_one_gone_on_with(runs, damage):
    old = interrupted(runs, A, now=EARLIER)
    name = interrupted(runs, A)
    path = runs.place / name / layout.RUN
    path.write_bytes((runs.place / old / layout.RUN).read_bytes() if damage == "other" else damage)
    with pytest.raises(BaselineCorrupt, match=str(path)):
        runs.about(name)
    journal = runs.resume(SAME)
    assert journal.run.name == old
    journal.finish()
    with pytest.raises(BaselineMissing, match=str(path)):
        runs.resume(SAME)


def test_what_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BaselineError, match="Not a directory"):
        begun(Runs(tmp_path / "file" / ".wfperf"))
