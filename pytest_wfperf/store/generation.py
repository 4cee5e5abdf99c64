"""One generation of a shared set-up: a folder that is complete once its manifest is there, and held by who uses it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import layout
from .files import write_synced

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BUILDER, FILES, USED, MANIFEST = "builder", "files", "used", layout.MANIFEST

_HELD: dict[Path, int] = {}  # generations this process uses, each with its open file


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a complete generation says of itself; ``key`` is its name and parameters as JSON.

    Times are in UTC; ``used`` is that of the latest use, ``expires`` by the ttl it was built with, None without.
    ``superseded`` marks all but the newest of a key.
    """

    directory: Path
    key: str
    name: str
    params: Any
    created: datetime
    used: datetime
    expires: datetime | None
    build_s: float
    files: int
    size_bytes: int
    superseded: bool = False


def generations(home: Path) -> list[Path]:
    """The generations in a set-up's folder, finished or not, oldest first. OSErrors pass through."""
    try:
        with os.scandir(home) as found:
            names = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return [home / str(version) for version in sorted(filter(None, map(layout.parse_version, names)))]


def newer(home: Path, older: Iterable[Path]) -> Path:
    """Where a generation that comes after all these is to be made."""
    return home / str(layout.next_version([v for each in older if (v := layout.parse_version(each.name))]))


def read(generation: Path) -> Entry | None:
    """The entry of a complete generation; None for one that is unfinished, damaged or being removed."""
    try:
        data = json.loads((generation / MANIFEST).read_bytes())
        name, params = json.loads(data["key"])
        created, ttl_s = datetime.fromisoformat(data["created"]).astimezone(UTC), data["ttl_s"]
        return Entry(
            directory=generation,
            key=data["key"],
            name=str(name),
            params=params,
            created=created,
            used=datetime.fromtimestamp((generation / USED).stat().st_mtime, UTC),
            expires=None if ttl_s is None else created + timedelta(seconds=ttl_s),
            build_s=float(data["build_s"]),
            files=int(data["files"]),
            size_bytes=int(data["size_bytes"]),
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def begin(generation: Path, now: datetime) -> Path:
    """Make the folder of a new generation, with a note of who builds it; the folder to fill. OSErrors pass through."""
    generation.mkdir()
    note = f"process {os.getpid()} on {platform.node()}, since {now:%Y-%m-%d %H:%M:%SZ}"
    (generation / BUILDER).write_text(note, "utf-8")
    (generation / FILES).mkdir()
    return generation / FILES


def complete(generation: Path, key: str, now: datetime, ttl_s: float | None, build_s: float) -> None:
    """Make a generation that was filled count. OSErrors pass through."""
    sizes = [Path(folder, name).lstat().st_size for folder, _, names in os.walk(generation / FILES) for name in names]
    manifest = {
        "key": key, "created": now.isoformat(), "ttl_s": ttl_s, "build_s": round(build_s, 3),
        "files": len(sizes), "size_bytes": sum(sizes),
    }  # fmt: skip
    (generation / USED).touch()
    unfinished = generation / layout.temporary(MANIFEST)
    write_synced(unfinished, json.dumps(manifest, indent=1, sort_keys=True).encode())
    unfinished.replace(generation / MANIFEST)


def builder(home: Path) -> str:
    """Who builds in a set-up's folder, as far as is known."""
    for generation in reversed(generations(home)):
        if not (generation / MANIFEST).exists():
            with suppress(OSError):
                return (generation / BUILDER).read_text("utf-8", "replace")
    return "another process"


def hold(generation: Path) -> bool:
    """Keep a generation from being removed while this process lives; False where it is being removed already."""
    used = generation / USED
    if generation not in _HELD:
        try:
            descriptor = os.open(used, os.O_RDONLY)
        except OSError:
            return False
        try:
            if sys.platform != "win32":  # there, a file that is open cannot be removed
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            used.stat()  # it may have been removed between the two
        except OSError:
            os.close(descriptor)
            return False
        _HELD[generation] = descriptor
    with suppress(OSError):  # the folder may be for reading only
        os.utime(used)
    return True


def remove(generation: Path) -> bool:
    """Delete a generation unless a process uses it; whether it is gone. The lock of its set-up has to be held."""
    try:
        with _unused(generation / USED):
            (generation / USED).unlink()  # from here on nobody can hold it
    except FileNotFoundError:
        pass  # a leftover, which nobody was ever given
    except OSError:
        return False
    delete(generation)
    return True


@contextmanager
def _unused(used: Path) -> Iterator[None]:
    """Nobody comes to hold the generation inside the block. Raises OSError where somebody does already."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(used, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def delete(folder: Path) -> None:
    """Delete a folder with all in it, folders nobody may write in too; a link is deleted, not what it leads to."""
    for parent, names, _ in os.walk(folder):
        for inner in (Path(parent, name) for name in names):
            if not inner.is_symlink():
                with suppress(OSError):
                    inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
