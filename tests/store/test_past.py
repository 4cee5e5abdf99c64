"""A baseline's past: what is one session, which are read, what is told of damage."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from stored import HERE, THERE, profile, profiles

from pytest_wfperf.model import Round
from pytest_wfperf.store.directory import Store
from pytest_wfperf.store.schema import decode_profile, decode_times, encode_profile

A, B = "tests/test_a.py::test_a", "tests/test_b.py::test_b"
START = datetime(2026, 1, 3, 9, tzinfo=UTC)


def level(workflow, ms):
    return profile(workflow, rounds=1, base_ns=ms * 1_000_000)


def days(n):
    return START + timedelta(days=n)


def recall(store, workflow=A, most=50, environment=HERE):
    return store.past("main", environment).recall(workflow, most)


def levels(found):
    return [kept.profile.rounds[0].total_ns // 3_000_000 for kept in found.sessions]


def save(store, day, *profiles, **more):
    return store.save("main", profiles, environment=HERE, when=days(day), reason=f"day {day}", **more).version


def place(store):
    (directory,) = (store.root / "baselines" / "main").iterdir()
    return directory


def test_every_session_of_every_version_in_order(tmp_path):
    store = Store(tmp_path)
    one = save(store, 0, level(A, 1), commit="abc")
    store.extend("main", [level(A, 2)], environment=HERE, when=days(1))
    two = save(store, 2, level(A, 3), level(B, 9))
    store.extend("main", [level(B, 8)], environment=HERE, when=days(3))
    found = recall(store)
    assert levels(found) == [1, 2, 3]
    assert [kept.version.version for kept in found.sessions] == [one, one, two]
    assert [kept.accepted for kept in found.sessions] == [True, False, True]
    assert [kept.session.created for kept in found.sessions] == [days(0), days(1), days(2)]
    assert (found.sessions[0].session.commit, found.sessions[0].version.reason) == ("abc", "day 0")
    assert (found.versions, found.left_out, found.notes) == (2, 0, ())
    assert levels(recall(store, B)) == [9, 8]


def test_a_session_taken_over_belongs_to_the_version_that_held_it_first(tmp_path):
    store = Store(tmp_path)
    one = save(store, 0, level(A, 1), level(B, 5))
    save(store, 1, level(B, 6), carry={A})
    three = save(store, 2, level(B, 7), carry={A})
    store.extend("main", [level(A, 2)], environment=HERE, when=days(3))
    found = recall(store)
    assert levels(found) == [1, 2]
    assert [(kept.version.version, kept.accepted) for kept in found.sessions] == [(one, True), (three, False)]
    assert found.versions == 1
    assert recall(store, B).versions == 3


def test_nothing_is_stored(tmp_path):
    store = Store(tmp_path)
    assert recall(store).sessions == ()
    save(store, 0, level(A, 1))
    for empty in (recall(store, B), recall(store, environment=THERE)):
        assert (empty.sessions, empty.versions, empty.notes) == ((), 0, ())


def test_the_newest_are_read_and_the_oldest(tmp_path):
    store = Store(tmp_path)
    for day in range(6):
        save(store, day, level(A, day + 1))
    found = recall(store, most=2)
    assert levels(found) == [1, 5, 6]
    assert (found.left_out, found.versions) == (3, 6)
    assert levels(recall(store, most=5)) == [1, 2, 3, 4, 5, 6]
    assert recall(store, most=5).left_out == 0
    assert levels(recall(store, most=0)) == [1, 6]


def test_what_is_damaged_is_told_and_left_out(tmp_path):
    store = Store(tmp_path)
    versions = [save(store, day, level(A, day + 1)) for day in range(5)]
    (place(store) / versions[0] / "manifest.json").write_text("{")
    (session,) = [entry for entry in (place(store) / versions[3]).iterdir() if entry.is_dir()]
    (file,) = session.glob("tests-*.json")
    file.write_text(file.read_text().replace("9000000", "9000001").replace("12000000", "12000001"))
    found = recall(store, most=2)
    assert levels(found) == [2, 5]
    assert found.left_out == 1
    assert len(found.notes) == 2
    assert found.notes[0].startswith(f"version {versions[0]} is left out: ")
    assert "manifest.json" in found.notes[0]
    assert found.notes[1].startswith(f"session {session.name} of version {versions[3]} is left out: ")
    assert "checksum" in found.notes[1]


def test_a_newer_format_is_told_too(tmp_path):
    store = Store(tmp_path)
    old = save(store, 0, level(A, 1))
    save(store, 1, level(A, 2))
    manifest = place(store) / old / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 99'))
    found = recall(store)
    assert levels(found) == [2]
    assert "newer" in found.notes[0]


def test_a_place_that_cannot_be_listed(tmp_path):
    store = Store(tmp_path)
    save(store, 0, level(A, 1))
    directory = place(store)
    directory.rename(tmp_path / "away")
    directory.write_text("a file")
    found = recall(store)
    assert found.sessions == ()
    assert found.notes[0].startswith("no stored version is shown: cannot list ")


@given(profiles)
def test_times_are_those_of_the_whole_profile(profile):
    data = encode_profile(profile)
    times, whole = decode_times(data, "here"), decode_profile(data, "here")
    assert [[r.total_ns for r in launch.rounds] for launch in times.launches] == [
        [r.total_ns for r in launch.rounds] for launch in whole.launches
    ]
    bare = replace(whole, counts=(), launches=tuple(replace(x, rounds=(), warmup=()) for x in whole.launches))
    assert replace(times, launches=tuple(replace(x, rounds=()) for x in times.launches)) == bare
    assert all(r == Round(total_ns=r.total_ns) for r in times.rounds)
