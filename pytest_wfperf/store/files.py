"""Bytes in and out of the store: written whole or not at all, read with suspicion."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Never

from ..errors import BaselineCorrupt, BaselineError
from .layout import TEMPORARY, temporary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST = 64 * 1024 * 1024
DEEPEST = 64
ATTEMPTS = 20
"""How often a writer starts afresh when another one, unlocked, interferes."""

Files = dict[str, bytes]
"""The files of a folder, by their relative path (``file`` or ``folder/file``)."""

_RETRIED = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOENT)
_LONG_NUMBER = re.compile(r"\d{19}")
MEND = "restore it from version control; `wfperf verify` lists every damaged file"
_FIXES = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some space or raise the quota and run again",
    errno.EFBIG: "raise the file size limit and run again",
    errno.EROFS: "the file system is read-only: name a writable store with --wfperf-store",
    errno.EACCES: "mend the permissions, or name another store with --wfperf-store",
    errno.EPERM: "mend the permissions, or name another store with --wfperf-store",
    errno.ENOTDIR: "a file stands where the store needs a directory: move it, or name another --wfperf-store",
    errno.EEXIST: "a file stands where the store needs a directory: move it, or name another --wfperf-store",
}


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a BaselineError that says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else path
        what = error.strerror or str(error)
        fix = _FIXES.get(error.errno or 0, "check the disk and the store's location (--wfperf-store)")
        raise BaselineError(f"cannot {doing} {where}: {what}; {fix}") from error


def exists(path: Path) -> bool:
    """Whether there is anything at ``path``; raises BaselineError where that cannot be told."""
    with explained("look for", path):
        return path.exists()


def write_atomically(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` so that a reader, or a crash, sees the old file or the new one.

    Raises BaselineError.
    """
    with explained("write", path):
        replace_file(path, data)


def replace_file(path: Path, data: bytes) -> None:
    """The same outside the store: OSErrors pass through."""
    for attempt in range(1, ATTEMPTS + 1):
        unfinished = path.with_name(temporary(path.name))
        try:
            write_synced(unfinished, data)
            unfinished.replace(path)
            break
        except BaseException as error:
            with suppress(OSError):
                unfinished.unlink()
            swept = isinstance(error, FileNotFoundError) and path.parent.is_dir()
            if not swept or attempt == ATTEMPTS:
                raise
    sync_directory(path.parent)


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file through to the disk; OSErrors pass through."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable, where the platform can."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot sync a directory
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_in(directory: Path, files: Files, target: Path) -> bool:
    """Write ``files`` out of sight in ``directory``, then make them ``target`` in one step.

    False where the target's name was taken meanwhile, or another writer swept the unfinished files away.
    """
    unfinished = directory / temporary(target.name)
    with explained("write to", directory):
        try:
            _write_tree(unfinished, files)
            unfinished.rename(target)
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            if error.errno in _RETRIED:
                return False
            raise
        sync_directory(target.parent)
    return True


def _write_tree(root: Path, files: Files) -> None:
    root.mkdir()
    for folder in sorted({path.rpartition("/")[0] for path in files} - {""}):
        (root / folder).mkdir()
    for path, data in files.items():
        write_synced(root / path, data)
    for folder in {path.rpartition("/")[0] for path in files}:
        sync_directory(root / folder)


def sweep(directory: Path) -> None:
    """Remove what interrupted writers left behind.

    Each is renamed first: a writer that is still at it, unlocked, then starts afresh and cannot
    move half a tree into place.
    """
    for leftover in directory.glob(f"{TEMPORARY}*"):
        doomed = leftover.with_name(temporary("swept"))
        try:
            leftover.rename(doomed)
        except FileNotFoundError:
            continue
        if doomed.is_dir():
            shutil.rmtree(doomed, ignore_errors=True)
        else:
            doomed.unlink(missing_ok=True)


# --- JSON -----------------------------------------------------------------------------


def dump_json(data: Any) -> bytes:
    """``data`` as JSON that diffs well: sorted, indented, an array of plain values on one line.

    Raises ValueError for NaN and infinity.
    """
    return ("".join(_pretty(data, "\n")) + "\n").encode("utf-8")


def _pretty(value: Any, newline: str) -> Iterator[str]:
    inner = newline + " "
    if isinstance(value, dict) and value:
        opening = "{"
        for key in sorted(value):
            yield f"{opening}{inner}{json.dumps(key, ensure_ascii=False)}: "
            yield from _pretty(value[key], inner)
            opening = ","
        yield newline + "}"
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        opening = "["
        for item in value:
            yield opening + inner
            yield from _pretty(item, inner)
            opening = ","
        yield newline + "]"
    else:
        yield json.dumps(value, ensure_ascii=False, allow_nan=False)


def read_text(path: Path) -> str:
    """The text of a file of the store.

    Raises BaselineCorrupt where it is missing, too large, or not UTF-8, else BaselineError.
    """
    with explained("read", path):
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size > LARGEST:
                    corrupt(path, f"it is larger than {LARGEST // 1024**2} MiB")
                data = file.read()
        except FileNotFoundError:
            corrupt(path, "it is missing")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        corrupt(path, f"byte {error.start} is not UTF-8")


def read_json(path: Path) -> Any:
    """The data of a JSON file, refused unless it is exactly what JSON can say portably.

    Raises BaselineCorrupt for anything torn, ambiguous (a key twice, NaN, 1e999, a lone
    surrogate) or outlandish (integers beyond 64 bits, deep nesting, more than 64 MiB), and
    BaselineError where the file cannot be read at all.
    """
    text = read_text(path)
    if not text.strip():
        corrupt(path, "it is empty")
    try:
        data = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_integer if _LONG_NUMBER.search(text) else None,
        )
        if "\\u" in text:
            json.dumps(data, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        corrupt(path, f"it is nested deeper than {DEEPEST} levels")
    except UnicodeEncodeError:
        corrupt(path, "it escapes half a character (a lone surrogate)")
    except json.JSONDecodeError as error:
        corrupt(path, f"line {error.lineno}, column {error.colno}: {error.msg}")
    except ValueError as error:
        corrupt(path, str(error))
    _check_depth(path, data)
    return data


def corrupt(path: Path, problem: str) -> Never:
    """Raise the BaselineCorrupt that says what is wrong with a file and what to do."""
    raise BaselineCorrupt(f"{path} cannot be used: {problem}; {MEND}")


def _check_depth(path: Path, data: Any) -> None:
    level = [data]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if type(inner) in (dict, list)
        ]
        if not level:
            return
    corrupt(path, f"it is nested deeper than {DEEPEST} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(n for n in names if names.count(n) > 1)[:80]!r} is there twice")
    return data


def _no_constant(text: str) -> Never:
    raise ValueError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number {text[:40]} is beyond what a float holds")
    return value


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
        raise ValueError(f"number {text[:40]} is beyond 64 bits")
    return int(text)
