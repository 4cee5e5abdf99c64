import errno
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfperf.errors import BaselineCorrupt, BaselineError
from pytest_wfperf.store import files

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(plain)
def test_json_comes_back(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "plain.json"
    path.write_bytes(files.dump_json(data))
    assert files.read_json(path) == data
    assert json.loads(path.read_text("utf-8")) == data


def test_json_is_sorted_and_ends_in_a_newline():
    assert files.dump_json({"b": [1, 2], "a": [], "c": [{"é": {}}]}) == (
        '{\n "a": [],\n "b": [1, 2],\n "c": [\n  {\n   "é": {}\n  }\n ]\n}\n'.encode()
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b'{"a": [1, 2', "line 1, column 12"),
        (b'{"a": 1}}', "Extra data"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b"[Infinity]", "Infinity is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"[1e999]", "1e999 is beyond what a float holds"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "'c' is there twice"),
        (b"[9223372036854775808]", "9223372036854775808 is beyond 64 bits"),
        (b"[-9223372036854775809]", "beyond 64 bits"),
        (b"[" + b"9" * 5000 + b"]", "beyond 64 bits"),
        (b"[" * 66 + b"]" * 66, "nested deeper than 64"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 64"),
        (b'{"a":' * 100_000, "nested deeper than 64"),
        (b'"\xff"', "byte 1 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b'"\\ud800"', "half a character"),
        (b'"\x01"', "control character"),
        (b"\x00", "line 1, column 1"),
    ],
)
def test_bad_json_is_refused_with_place_and_fix(tmp_path, content, problem):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(BaselineCorrupt) as caught:
        files.read_json(path)
    text = str(caught.value)
    assert problem in text
    assert text.startswith(f"{path} cannot be used: ")
    assert "`wfperf verify`" in text
    assert "restore it from version control" in text
    assert len(text) < 1000


def test_64_levels_and_64_bits_are_fine(tmp_path):
    path = tmp_path / "edge.json"
    path.write_bytes(b"[" * 64 + b"9223372036854775807, -9223372036854775808" + b"]" * 64)
    files.read_json(path)


def test_a_file_too_large_is_not_read_in(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(files.LARGEST + 1)
    with pytest.raises(BaselineCorrupt, match="larger than 64 MiB"):
        files.read_json(path)


def test_a_missing_file_is_corrupt_and_a_directory_is_explained(tmp_path):
    with pytest.raises(BaselineCorrupt, match="it is missing"):
        files.read_json(tmp_path / "none.json")
    with pytest.raises(BaselineError, match=r"cannot read .*: Is a directory"):
        files.read_json(tmp_path)


def test_a_write_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "HEAD"
    files.write_atomically(path, b"one")
    files.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["HEAD"]


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permissions"),
        (errno.EIO, "check the disk"),
    ],
)
def test_a_failed_write_keeps_the_old_file_and_says_what_to_do(tmp_path, monkeypatch, code, fix):
    path = tmp_path / "HEAD"
    files.write_atomically(path, b"one")

    def fail(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(BaselineError) as caught:
        files.write_atomically(path, b"two")
    assert str(path) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    assert fix in str(caught.value)
    assert path.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["HEAD"]
