import json
import os
from datetime import UTC, datetime

import pytest

from pytest_wfperf.cli import main
from pytest_wfperf.store import generation
from pytest_wfperf.store.shared import Shared

EVIL = "\x1b[31mred\u202e\r\n"


def let_go():
    while generation._HELD:
        os.close(generation._HELD.popitem()[1])


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """Three set-ups that nobody uses: a day, two days and 40 days after their last use."""
    monkeypatch.setenv("WFPERF_CACHE", str(tmp_path / "cache"))
    shared = Shared(tmp_path / "cache")
    for name, params, kib, days in [
        ("corpus", {"pages": 5}, 4, 1),
        ("corpus", {"pages": 9}, 8, 2),
        (EVIL, EVIL, 1, 40),
    ]:
        folder, _ = shared.get(
            name, lambda directory, kib=kib: (directory / "x").write_bytes(b"." * 1024 * kib), params, ttl=90 * 86400
        )
        os.utime(folder.parent / "used", times=(datetime.now(UTC).timestamp() - days * 86400,) * 2)
    let_go()
    yield shared
    let_go()


def cache(capsys, *arguments):
    code = main(["cache", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert not any(ord(c) < 32 and c != "\n" for c in out + err)
    assert "\u202e" not in out + err
    return code, out, err


def names(shared) -> list[str]:
    return [entry.name for entry in shared.entries()]


def test_list(shared, capsys):
    code, out, err = cache(capsys, "list")
    assert (code, err) == (0, "")
    heading, _, *rows, _, total = out.splitlines()
    assert heading.split() == ["name", "key", "params", "size", "built", "last", "used", "expires"]
    corpora = [row.split() for row in rows if row.startswith("corpus")]
    assert sorted(row[2:6] for row in corpora) == [['{"pages":', "5}", "4", "KiB"], ['{"pages":', "9}", "8", "KiB"]]
    assert any(row.startswith(r"\x1b[31mred\u202e\r\n") for row in rows)
    assert total == f"3 set-ups (13 KiB) in {shared.root}"


def test_list_as_json(shared, capsys):
    code, out, _ = cache(capsys, "list", "--json")
    entries = {str(entry["params"]): entry for entry in json.loads(out)}
    found = entries["{'pages': 5}"]
    assert code == 0
    assert (found["name"], found["size_bytes"], found["files"], found["superseded"]) == ("corpus", 4096, 1, False)
    created, expires = (datetime.fromisoformat(found[when]) for when in ("created", "expires"))
    assert (expires - created).days == 90
    assert len(found["key"]) == 16
    assert found["path"].startswith(str(shared.root / f"corpus-{found['key']}"))
    assert entries[EVIL]["name"] == EVIL


def test_what_never_expires_and_what_is_superseded_say_so(shared, capsys):
    shared.clear()
    shared.get("old", lambda _: None)
    Shared(shared.root, clock=lambda: datetime.now(UTC).timestamp() + 100).get("old", lambda _: None, ttl=50)
    rows = cache(capsys, "list")[1].splitlines()[2:4]
    assert rows[0].endswith("superseded")
    assert rows[1].endswith("Z")
    let_go()
    cache(capsys, "prune")
    shared.clear("old")
    shared.get("new", lambda _: None)
    assert cache(capsys, "list")[1].splitlines()[2].endswith("never")


def test_nothing_kept_is_no_error(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("WFPERF_CACHE", raising=False)
    place = tmp_path / "runs" / "cache"
    assert cache(capsys, "list", "--store", tmp_path) == (0, f"no shared set-up in {place}\n", "")
    assert cache(capsys, "list", "--json", "--store", tmp_path)[1] == "[]\n"
    for command in ("clear", "prune"):
        assert cache(capsys, "--store", tmp_path, command) == (
            0, f"removed 0 set-ups (0 B), kept 0 set-ups (0 B) in {place}\n", ""
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_prune_removes_what_was_not_used_for_30_days(shared, capsys):
    code, out, err = cache(capsys, "prune")
    assert (code, out, err) == (0, f"removed 1 set-up (1 KiB), kept 2 set-ups (12 KiB) in {shared.root}\n", "")
    assert names(shared) == ["corpus", "corpus"]


def test_prune_by_age(shared, capsys):
    assert cache(capsys, "prune", "--older-than", 1.5)[0] == 0
    (entry,) = shared.entries()
    assert entry.params == {"pages": 5}


@pytest.mark.parametrize(
    ("size", "kept"),
    [("12KiB", 2), ("12 kib", 2), ("12287", 1), ("12.2kB", 1), ("4096 B", 1), ("1GB", 2), ("0", 0), ("0.000001MiB", 0)],
)
def test_prune_by_size(shared, capsys, size, kept):
    assert cache(capsys, "prune", "--keep-size", size)[0] == 0
    assert [entry.params["pages"] for entry in sorted(shared.entries(), key=lambda e: e.used)] == [9, 5][2 - kept :]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["empty"],
        ["prune", "--older-than", "-1"],
        ["prune", "--older-than", "nan"],
        ["prune", "--older-than", "soon"],
        ["prune", "--keep-size", "big"],
        ["prune", "--keep-size", "-1GB"],
        ["prune", "--keep-size", "5 ms"],
        ["prune", "--keep-size", "1e9"],
        ["clear", "a", "b"],
    ],
)
def test_misuse_costs_exit_code_2_and_nothing_else(shared, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        cache(capsys, *arguments)
    assert caught.value.code == 2
    assert "usage: wfperf" in capsys.readouterr().err
    assert len(shared.entries()) == 3


def test_clear_one_name(shared, capsys):
    code, out, _ = cache(capsys, "clear", "corpus")
    assert (code, out) == (0, f"removed 2 set-ups (12 KiB), kept 1 set-up (1 KiB) in {shared.root}\n")
    assert names(shared) == [EVIL]


def test_clear_all(shared, capsys):
    assert cache(capsys, "clear")[0] == 0
    assert sorted(path.name for path in shared.root.iterdir()) == [".gitignore", "locks"]


def test_a_name_that_is_not_there_costs_exit_code_2(shared, capsys):
    code, out, err = cache(capsys, "clear", "corpse")
    assert (code, out) == (2, "")
    assert err.startswith("wfperf: there is no shared set-up called 'corpse' in ")
    assert "corpus" in err
    assert len(shared.entries()) == 3


def test_what_is_in_use_stays_and_is_named(shared, capsys):
    shared.get("corpus", lambda _: None, {"pages": 9})
    code, out, _ = cache(capsys, "clear")
    assert code == 0
    first, last = out.splitlines()
    assert first.startswith("in use, so it stays: corpus (")
    assert last == f"removed 2 set-ups (5 KiB), kept 1 set-up (8 KiB) in {shared.root}"


def test_a_place_that_cannot_be_read_costs_exit_code_2(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WFPERF_CACHE", str(tmp_path / "file"))
    code, out, err = cache(capsys, "list")
    assert (code, out) == (2, "")
    assert "name another folder with WFPERF_CACHE" in err
