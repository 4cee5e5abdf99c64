"""Whatever is done to a store's files: the same data, or an error that says what to do."""

import json

import pytest
from stored import HERE, THERE, profile

from pytest_wfperf.errors import BaselineCorrupt, BaselineError, BaselineMissing, SchemaTooNew
from pytest_wfperf.store import schema
from pytest_wfperf.store.directory import Store

A = profile(rounds=3)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / ".wfperf")
    store.save("main", [A], environment=HERE, reason="because", commit="abc")
    return store


def files(store):
    return sorted(p for p in store.root.rglob("*") if p.is_file() and "runs" not in p.parts)


def read(store):
    baseline = store.open("main", HERE)
    return baseline, baseline.sessions(A.workflow)


def the(store, pattern):
    return next(store.root.rglob(pattern))


NAMES = ["store.json", "HEAD", "manifest.json", "session.json", "tests-*.json"]


def test_the_files_below_are_all_there_are(store):
    assert {the(store, name) for name in NAMES} == set(files(store))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="emptied"),
        pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
        pytest.param(lambda data: b"\0" * len(data), id="zeroed"),
        pytest.param(lambda data: b"[]", id="a list"),
        pytest.param(lambda data: b'{"kind": "recipe", "format": 1}', id="foreign"),
        pytest.param(lambda data: b"\xff\xfe" + data, id="another encoding"),
        pytest.param(
            lambda data: b"<<<<<<< ours\n" + data + b"=======\n" + data + b">>>>>>> theirs\n", id="merge conflict"
        ),
        pytest.param(lambda data: b"[" * 10**6, id="deep"),
    ],
)
def test_a_damaged_file_is_named_and_found_by_verify(store, name, damage):
    path = the(store, name)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BaselineCorrupt) as caught:
        read(store)
    assert str(path) in str(caught.value)
    assert any(str(path) in problem for problem in store.verify())


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(store, name):
    path = the(store, name)
    path.unlink()
    with pytest.raises(BaselineCorrupt, match="missing"):
        read(store)
    assert any(str(path) in problem for problem in store.verify())


@pytest.mark.parametrize("name", NAMES)
def test_a_directory_in_a_file_s_place_is_named(store, name):
    path = the(store, name)
    path.unlink()
    path.mkdir()
    with pytest.raises(BaselineError, match="Is a directory"):
        read(store)


@pytest.mark.parametrize("name", NAMES)
def test_no_flipped_bit_changes_a_value_silently(store, name):
    before = read(store)
    path = the(store, name)
    original = path.read_bytes()
    noticed = 0
    for bit in range(0, len(original) * 8, 1 if name == "HEAD" else 5):
        damaged = bytearray(original)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            assert read(store) == before
        except (BaselineCorrupt, SchemaTooNew):
            noticed += 1
    assert noticed > len(original)


@pytest.mark.parametrize("name", ["store.json", "manifest.json", "session.json", "tests-*.json"])
def test_a_newer_format_is_refused_with_the_way_out(store, name):
    path = the(store, name)
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps({**data, "format": 2, "novelty": True}))
    with pytest.raises(
        SchemaTooNew, match=r"format 2, and this pytest-wfperf reads up to 1.*upgrade pytest-wfperf"
    ) as caught:
        read(store)
    assert str(path) in str(caught.value)
    assert any("upgrade" in problem for problem in store.verify())


def test_a_file_that_breaks_its_schema_is_refused_though_its_checksum_is_right(store, monkeypatch):
    path = the(store, "tests-*.json")
    data = json.loads(path.read_bytes())
    data["launches"][0]["rounds"]["total_ns"][0] = -5
    data["checksum"] = schema._checksum(data)
    path.write_text(json.dumps(data))
    with pytest.raises(
        BaselineCorrupt, match=r"at \$\.launches\[0\]\.rounds\.total_ns\[0\] it does not fit the profile schema"
    ):
        read(store)


def test_files_that_changed_places_are_noticed(store):
    store.save("main", [A, profile("other")], environment=HERE)
    head = the(store, "HEAD").read_text().strip()
    one, other = sorted((the(store, "HEAD").parent / head).rglob("*-*.json"))
    one_bytes, other_bytes = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_bytes)
    other.write_bytes(one_bytes)
    with pytest.raises(BaselineCorrupt, match=r"it is about 'tests/test_shop\.py::test_checkout', not 'other'"):
        store.open("main", HERE).sessions("other")
    assert len(store.verify()) == 2


def test_a_version_in_another_version_s_or_environment_s_place_is_noticed(store):
    place = the(store, "HEAD").parent
    version = place / (place / "HEAD").read_text().strip()
    version.rename(place / "0003-abcdef")
    (place / "HEAD").write_text("0003-abcdef\n")
    with pytest.raises(BaselineCorrupt, match="it is about version 0001-"):
        read(store)
    (place / "0003-abcdef").rename(version)
    (place / "HEAD").write_text(version.name)
    read(store)
    other = Store(store.root)._place("main", THERE)
    place.rename(other)
    with pytest.raises(BaselineCorrupt, match="about another environment"):
        store.open("main", THERE)
    assert any("another environment" in problem for problem in store.verify())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it is empty"),
        ("\n", "it is empty"),
        ("../../../etc", "should hold the name of one version"),
        ("7-abc\n", "should hold the name of one version"),
        ("0001-abcdef\n0002-abcdef\n", "should hold the name of one version"),
        ("0099-abcdef\n", "names version 0099-abcdef, which is not there"),
    ],
)
def test_a_bad_head_is_refused(store, content, problem):
    the(store, "HEAD").write_text(content)
    for act in (
        lambda: read(store),
        lambda: store.save("main", [A], environment=HERE),
        lambda: store.extend("main", [A], environment=HERE),
    ):
        with pytest.raises(BaselineCorrupt, match=problem):
            act()
    assert the(store, "HEAD").read_text() == content


def test_a_head_in_conflict_shows_both_candidates_and_the_decision(store):
    store.save("main", [A], environment=HERE)
    newest, oldest = (b.version for b in store.history("main", HERE))
    head = the(store, "HEAD")
    head.write_text(f"<<<<<<< HEAD\n{newest}\n=======\n{oldest}\n>>>>>>> other\n")
    with pytest.raises(BaselineCorrupt) as caught:
        read(store)
    assert f"{newest} and {oldest}" in str(caught.value)
    assert "keep one line, the level you want in force, and commit" in str(caught.value)
    head.write_text(f"{oldest}\r\n")
    assert store.open("main", HERE).version == oldest


def test_a_missing_head_is_mended_by_the_next_save(store):
    version = the(store, "HEAD").read_text().strip()
    the(store, "HEAD").unlink()
    with pytest.raises(BaselineCorrupt, match=rf"HEAD is missing.*{version}"):
        read(store)
    assert store.save("main", [A], environment=HERE).version.startswith("0002-")
    read(store)


def test_a_damaged_workflow_is_not_carried_on(store):
    path = the(store, "tests-*.json")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BaselineCorrupt):
        store.save("main", [profile("other")], environment=HERE, carry={A.workflow})
    assert len(store.history("main", HERE)) == 1


def test_verify_names_what_does_not_belong(store):
    place = the(store, "HEAD").parent
    strangers = [
        store.root / "notes.txt",
        place / "0001-draft",
        the(store, "manifest.json").parent / "x.json",
        the(store, "session.json").parent / "y.json",
    ]
    for stranger in strangers:
        stranger.write_text("?")
    assert [problem.split(" does not belong here")[0] for problem in store.verify()] == [str(s) for s in strangers]


def test_verify_reads_the_waivers_too(store):
    (store.root / "waivers.toml").write_text("[[waiver]]\n")
    assert ["'workflow' is missing" in problem for problem in store.verify()] == [True]


def test_verify_without_a_store(tmp_path):
    with pytest.raises(BaselineMissing, match="there is no store at"):
        Store(tmp_path / "none").verify()
