"""Set-up that is dear to make, kept as files that every launch, worker and run can use.

::

    <root>/
      locks/                     one for each set-up ever made, held by whoever builds or removes it; the system
                                 frees those of the dead. Never removed: two could then hold two locks of one name
      corpus-3fa9c1d2e4b5a697/   one set-up: its name, and a digest of name and parameters
        0002-1a2b3c/             a generation; the newest complete one counts
          builder                who makes it, for those who wait
          files/                 what the caller's function filled
          used                   its time is that of the latest use; whoever uses the generation holds a lock on it
          manifest.json          written last: without it the generation is a leftover, and is removed

A generation is made where it stays, so a path that is written into it stays true. It is never changed
afterwards, and never removed while a process that was given it lives.
"""

from __future__ import annotations

import inspect
import math
import os
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MeasurementError
from . import generation, layout
from .generation import Entry, generations, hold, read, remove
from .parameters import key_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from filelock import BaseFileLock

VARIABLE = "WFPERF_CACHE"
LOCKS = "locks"
WAIT_S = 1800.0  # for whoever builds
TELL_AFTER_S = 2.0  # that this process waits

_BUILDING: dict[Path, int] = {}  # set-ups this process is building, each with the thread that does


def place(store: Path, base: Path) -> Path:
    """Where shared set-up is kept: ``$WFPERF_CACHE``, relative to ``base``, else a folder of the store's local part."""
    given = os.environ.get(VARIABLE)
    return base / Path(given).expanduser() if given else store / layout.RUNS / "cache"


class Shared:
    """The set-ups at ``root``, which need not exist. ``clock`` tells the time of day, s; ``wait_s`` is for others."""

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.time, wait_s: float = WAIT_S) -> None:
        self.root = root
        self._clock = clock
        self._wait_s = wait_s

    def get(
        self,
        name: str,
        build: Callable[[Path], object],
        params: Any = None,
        ttl: float | timedelta | None = None,
    ) -> tuple[Path, bool]:
        """The folder that ``build(folder)`` filled, and whether it was there already; made now where it was not.

        One as old as ``ttl`` (seconds, or a timedelta) is as good as none. What ``build`` raises passes
        through, and nothing of it is left. Raises MeasurementError.
        """
        key, ttl_s = key_of(name, params), seconds_of(name, ttl)
        home = self.root / layout.set_up_directory(name, key)
        found = self._in_force(home, key, ttl_s)
        if found is not None:
            return found, True
        if _BUILDING.get(home) == threading.get_ident():
            raise MeasurementError(f"wfperf.cached({name!r}): its build asks for itself, with the same params")
        with self._locked(home, name):
            found = self._in_force(home, key, ttl_s)  # another process may have built it meanwhile
            if found is not None:
                return found, True
            return self._build(home, key, build, ttl_s), False

    def entries(self) -> tuple[Entry, ...]:
        """Everything complete, by directory, oldest first. Raises MeasurementError."""
        found = []
        for home in self._homes():
            with explained(home):
                complete = [entry for each in generations(home) if (entry := read(each))]
            found += [replace(entry, superseded=entry is not complete[-1]) for entry in complete]
        return tuple(found)

    def prune(self, *, unused_s: float, keep_bytes: float = math.inf) -> tuple[list[Entry], list[Entry]]:
        """Remove what nobody has used for ``unused_s``, what is out of date, and what killed builders have left.

        Of the rest those used last stay, as many as ``keep_bytes`` hold. Returns what was removed, and what
        would have been but is in use. Raises MeasurementError.
        """
        now, total, doomed = self._now(), 0, set()
        for entry in sorted(self.entries(), key=lambda entry: entry.used, reverse=True):
            expired = entry.expires is not None and entry.expires <= now
            if entry.superseded or expired or (now - entry.used).total_seconds() >= unused_s:
                doomed.add(entry.directory)
                continue
            total += entry.size_bytes
            if total > keep_bytes:
                doomed.add(entry.directory)
        return self._sweep(doomed)

    def clear(self, name: str | None = None) -> tuple[list[Entry], list[Entry]]:
        """As :meth:`prune`, for every set-up, or those called ``name``."""
        return self._sweep({entry.directory for entry in self.entries() if name in (None, entry.name)})

    # --- one set-up -----------------------------------------------------------------------

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _in_force(self, home: Path, key: str, ttl_s: float | None) -> Path | None:
        """The files of the newest complete generation, held from here on; None where it is too old, or there is none.

        One dated more than ``ttl_s`` after now, by a clock that was wrong, is too old as well.
        """
        with explained(home):
            entry = next((entry for each in reversed(generations(home)) if (entry := read(each))), None)
        if entry is None or entry.key != key:
            return None
        if ttl_s is not None and abs((self._now() - entry.created).total_seconds()) >= ttl_s:
            return None
        return entry.directory / generation.FILES if hold(entry.directory) else None

    def _build(self, home: Path, key: str, build: Callable[[Path], object], ttl_s: float | None) -> Path:
        """A new generation. The lock is held."""
        with explained(home):
            home.mkdir(exist_ok=True)
            older = [each for each in generations(home) if read(each) or not remove(each)]
            new = generation.newer(home, older)
        _BUILDING[home] = threading.get_ident()
        try:
            with explained(new):
                files = generation.begin(new, self._now())
            began = time.perf_counter()
            _check_built(build, build(files), files)
            with explained(new):
                generation.complete(new, key, self._now(), ttl_s, time.perf_counter() - began)
        except BaseException:
            generation.delete(new)
            raise
        finally:
            del _BUILDING[home]
        hold(new)
        for superseded in older:
            remove(superseded)
        return files

    # --- all of them ----------------------------------------------------------------------

    def _homes(self) -> list[Path]:
        """The folder of every set-up; links, which nothing here makes, are left alone."""
        with explained(self.root):
            try:
                with os.scandir(self.root) as found:
                    names = [e.name for e in found if layout.is_set_up(e.name) and e.is_dir(follow_symlinks=False)]
            except FileNotFoundError:
                return []
        return [self.root / name for name in sorted(names)]

    def _sweep(self, doomed: Collection[Path]) -> tuple[list[Entry], list[Entry]]:
        """Remove these generations and all leftovers, but what is in use or being built."""
        removed: list[Entry] = []
        left: list[Entry] = []
        for home in self._homes():
            lock = self._lock(home)
            with explained(home):
                free = _acquired(lock, 0)
                try:
                    for each in generations(home):
                        entry = read(each)
                        if entry is None and free:
                            remove(each)
                        elif entry is not None and each in doomed:
                            (removed if free and remove(each) else left).append(entry)
                    if free and not generations(home):
                        with suppress(OSError):  # a foreign file is in it
                            home.rmdir()
                finally:
                    lock.release()
        return removed, left

    # --- the lock -------------------------------------------------------------------------

    def _lock(self, home: Path) -> BaseFileLock:
        from filelock import FileLock  # noqa: PLC0415  who finds a set-up needs none

        file = self.root / LOCKS / home.name
        for path in (home, file.parent, file):
            if path.is_symlink():
                raise MeasurementError(f"{path} is a symbolic link, which could lead anywhere: remove it")
        with explained(self.root):
            file.parent.mkdir(parents=True, exist_ok=True)
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", "utf-8")
        return FileLock(file)

    @contextmanager
    def _locked(self, home: Path, name: str) -> Iterator[None]:
        """This process as the only one that builds or removes in ``home``. Raises MeasurementError."""
        lock = self._lock(home)
        with explained(home):
            acquired = _acquired(lock, min(TELL_AFTER_S, self._wait_s))
            if not acquired:
                _tell("wfperf: waiting for shared set-up %r, built by %s", name, generation.builder(home))
                acquired = _acquired(lock, self._wait_s)
            if not acquired:
                raise MeasurementError(
                    f"wfperf.cached({name!r}): waited {self._wait_s:g} s for {generation.builder(home)}, which "
                    f"builds it (and holds {lock.lock_file}); wait until it is done, or end it, and run again"
                )
        try:
            yield
        finally:
            lock.release()


def _acquired(lock: BaseFileLock, timeout_s: float) -> bool:
    """Whether the lock could be had within so many seconds. OSErrors pass through."""
    from filelock import Timeout  # noqa: PLC0415

    try:
        lock.acquire(timeout=timeout_s)
    except Timeout:
        return False
    return True


def _check_built(build: Callable[[Path], object], built: object, files: Path) -> None:
    if inspect.isawaitable(built):
        getattr(built, "close", lambda: None)()
        raise MeasurementError(
            f"{build!r} returned an awaitable, so nothing was built; give wfperf.cached a plain function, "
            "such as one that runs the coroutine with asyncio.run"
        )
    if not files.is_dir():
        raise MeasurementError(f"{build!r} was to fill the folder {files}, and there is none after it")


def _tell(text: str, *arguments: object) -> None:
    import logging  # noqa: PLC0415  few ever wait

    logging.getLogger("pytest_wfperf").warning(text, *arguments)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a MeasurementError that says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else path
        raise MeasurementError(
            f"cannot keep shared set-up in {where}: {error.strerror or error}; mend that, "
            f"or name another folder with {VARIABLE}"
        ) from error
