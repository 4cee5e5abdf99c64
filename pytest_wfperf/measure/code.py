"""Which code a run measures, told so that another run can see whether it is the same."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ..errors import MeasurementError
from .imports import key, owner, sites
from .revision import differing, listed, toplevel

SOURCES = (
    ".py", ".pyx", ".pxd", ".so", ".pyd", ".c", ".cc", ".cpp", ".h", ".hpp", ".rs", ".go", ".js", ".ts", ".sh",
    ".toml", ".ini", ".cfg",
)  # fmt: skip
MOST_FILES = 50_000
"""How many files are looked at where git lists none: it has to be cheaper than to measure."""

_INSTALLED = (".dist-info", ".egg-info", ".egg-link", ".pth")
_FOREIGN = frozenset(["__pycache__", "node_modules"])


def code(root: Path, commit: str, *, also: Iterable[Path], apart: Path) -> dict[str, str]:
    """What the code at ``root`` is, by name: the ``commit`` checked out there, and a digest of every file beyond it.

    Those are the tracked files that differ from the commit and the new source files; where there is no
    commit, all source files below ``root``; and those in folders of ``also`` and ``sys.path`` that lie elsewhere. Of
    what is installed the versions count. Left out are files that git ignores, and those in ``apart``, a real
    path. Raises MeasurementError where it cannot be told.
    """
    head = commit.removesuffix("-dirty")
    top = toplevel(root) if head else Path(os.path.realpath(root))
    files = {top / name for name in _changed(top, head)} if head else set(_sources(top))
    installed = {*sites(sys.path), key(sys.base_prefix)}
    for folder in {*(key(entry or ".") for entry in sys.path), *map(key, also)}:
        if Path(folder).is_dir() and owner(folder, {key(top), *installed}) is None:
            files.update(_sources(Path(folder)))
    found = {"commit": head or "none", "installed packages": _installed()}
    for file in files:
        if not Path(os.path.realpath(file)).is_relative_to(apart):
            name = file.relative_to(top).as_posix() if file.is_relative_to(top) else str(file)
            found[f"file {name}"] = digest(file)
    return found


def digest(file: Path) -> str:
    """A digest of a file's content, ``gone`` where there is none. Raises MeasurementError where it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        return "gone"
    except OSError as error:  # a submodule that is not as committed is a folder
        why = error.strerror or error
        raise MeasurementError(f"{file}, on which the code may hang, cannot be read: {why}") from error


def _changed(top: Path, head: str) -> Iterator[str]:
    new = listed(top, "ls-files", "--others", "--exclude-standard", "-z")
    return (name for name in differing(top, head) if name not in new or name.endswith(SOURCES))


def _sources(top: Path) -> Iterator[Path]:
    """The source files below ``top``, but for those in hidden folders and in environments."""
    installed, seen = sites(sys.path), 0
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if not _is_foreign(Path(folder, name), installed)]
        seen += len(files)
        if seen > MOST_FILES:
            raise MeasurementError(f"{top} has more than {MOST_FILES} files, and no git repository lists them")
        yield from (Path(folder, name) for name in files if name.endswith(SOURCES))


def _is_foreign(folder: Path, installed: set[str]) -> bool:
    hidden = folder.name.startswith(".") or folder.name in _FOREIGN
    return hidden or (folder / "pyvenv.cfg").exists() or key(folder) in installed


def _installed() -> str:
    """A digest of the names and versions of all installed distributions."""
    names: set[str] = set()
    for entry in sys.path:
        with suppress(OSError):  # no folder
            names.update(name for name in os.listdir(entry or ".") if name.endswith(_INSTALLED))  # noqa: PTH208
    return hashlib.sha256("\n".join(sorted(names)).encode("utf-8", "surrogateescape")).hexdigest()[:16]
