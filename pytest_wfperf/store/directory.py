"""The versioned directory: baselines are opened, saved and extended here.

What is committed is never changed. A version, or a session of one, is written beside its
place under a temporary name and renamed into it; a version is in force once HEAD names it.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ..errors import BaselineError, BaselineMissing, ConfigError
from . import layout
from .baseline import (
    Baseline,
    Session,
    by_date,
    carried_files,
    folders,
    read_head,
    read_version,
    session_files,
    timestamp,
    versions,
)
from .files import ATTEMPTS, Files, corrupt, exists, explained, move_in, sweep, write_atomically
from .past import Past
from .schema import encode_environment, read_document, seal
from .verify import problems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from ..model import Environment, Profile

__all__ = ["Baseline", "Session", "Store"]

LOCK_TIMEOUT = 60.0


class Store:
    """The store at ``root``, which need not exist before something is saved."""

    def __init__(self, root: Path, *, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.root = root
        self._lock_timeout = lock_timeout

    # --- reading ----------------------------------------------------------------------

    def check(self) -> None:
        """Raise BaselineError unless the root is absent or a store of a known format."""
        if not self._exists():
            return
        if exists(self.root / layout.STORE) or (self.root / layout.BASELINES).is_dir():
            read_document(self.root / layout.STORE, "store")

    def names(self) -> tuple[str, ...]:
        """The names of all baselines, in alphabetical order."""
        return tuple(name for name in folders(self.root / layout.BASELINES) if self._saved(name))

    def in_force(self, name: str) -> tuple[Baseline, ...]:
        """The versions in force, one for each environment; raises BaselineMissing where there is none."""
        self.check()
        layout.check_name(name, "the baseline's name")
        saved = self._saved(name)
        if not saved:
            raise self._missing(name)
        return tuple(_in_force(name, directory) for directory in saved)

    def environments(self, name: str) -> tuple[Environment, ...]:
        """The environments in which a baseline has a version in force."""
        return tuple(_in_force(name, directory).environment for directory in self._saved(name))

    def open(self, name: str, environment: Environment) -> Baseline | None:
        """The version in force; None where the baseline has one for other environments only.

        Its cost does not depend on how many versions there were before. Raises BaselineMissing
        where the baseline has none at all, BaselineCorrupt, SchemaTooNew, ConfigError.
        """
        self.check()
        layout.check_name(name, "the baseline's name")
        directory = self._place(name, environment)
        if exists(directory / layout.HEAD):
            baseline = _in_force(name, directory)
            if baseline.environment.differences(environment):
                corrupt(directory / baseline.version / layout.MANIFEST, "it is about another environment")
            return baseline
        saved = self._saved(name)
        if directory in saved:
            read_head(directory)
        if saved:
            return None
        raise self._missing(name)

    def elsewhere(self, name: str, environment: Environment) -> Baseline | None:
        """The version in force that was created last among the *other* environments of a baseline."""
        here = self._place(name, environment)
        others = [_in_force(name, directory) for directory in self._saved(name) if directory != here]
        return max(others, key=lambda baseline: baseline.created, default=None)

    def history(self, name: str, environment: Environment, limit: int = 20) -> tuple[Baseline, ...]:
        """The newest versions of a baseline in one environment, newest first, in force or not."""
        directory = self._place(name, environment)
        newest = versions(directory)[::-1][:limit]
        return tuple(read_version(name, directory / str(version)) for version in newest)

    def past(self, name: str, environment: Environment) -> Past:
        """Every session of a baseline in one environment; nothing is in it where there is none. Reads no document."""
        layout.check_name(name, "the baseline's name")
        return Past(name, self._place(name, environment))

    def verify(self) -> tuple[str, ...]:
        """A sentence for everything in the store that is damaged, foreign or left over; reads every file.

        Raises BaselineMissing where there is no store, BaselineError where a file stands in its place.
        """
        if not self._exists() or (folders(self.root) == (layout.RUNS,) and not exists(self.root / layout.STORE)):
            raise BaselineMissing(f"there is no store at {self.root}: create it with `pytest --wfperf-save`")
        return problems(self.root)

    def _exists(self) -> bool:
        if not exists(self.root):
            return False
        if not self.root.is_dir():
            raise BaselineError(
                f"the store {self.root} is a file, not a directory: move it, or name another store with --wfperf-store"
            )
        return True

    def _missing(self, name: str) -> BaselineMissing:
        known = ", ".join(self.names())
        return BaselineMissing(
            f"there is no baseline {name!r} in {self.root}"
            + (f" (there is {known})" if known else " and no other")
            + f": create it with `pytest --wfperf-save{'' if name == 'main' else '=' + name}`"
        )

    def _place(self, name: str, environment: Environment) -> Path:
        return self.root / layout.BASELINES / name / layout.environment_directory(environment)

    def _saved(self, name: str) -> tuple[Path, ...]:
        """Directories of the environments that have ever been saved to."""
        parent = self.root / layout.BASELINES / name
        directories = [parent / entry for entry in folders(parent)]
        return tuple(d for d in directories if exists(d / layout.HEAD) or versions(d))

    # --- writing ----------------------------------------------------------------------

    def save(
        self,
        name: str,
        profiles: Collection[Profile],
        *,
        environment: Environment,
        reason: str = "",
        commit: str = "",
        carry: AbstractSet[str] = frozenset(),
        when: datetime | None = None,
        dates: Mapping[str, datetime] | None = None,
    ) -> Baseline:
        """Store ``profiles`` as one session of a new version, and put that version in force.

        Workflows in ``carry`` (node ids) keep what the version in force has of them, session by
        session. ``when`` dates the session where its rounds were not taken now, ``dates`` single
        workflows, which get a session of their own for each date. Raises BaselineError, ConfigError.
        """
        layout.check_name(name, "the baseline's name")
        now = datetime.now(UTC)
        files: Files = {}
        for date, measured in by_date(profiles, dates or {}, when or now).items():
            files |= session_files(layout.new_session(date), measured, date, commit)
        with self._locked(name, environment) as directory:
            in_force = read_head(directory) if exists(directory / layout.HEAD) else ""
            if in_force and carry:
                files |= carried_files(read_version(name, directory / in_force), carry)
            manifest = {
                "created": timestamp(now),
                "commit": layout.storable(commit),
                "reason": layout.storable(reason),
                "previous": in_force,
                "environment": encode_environment(environment),
            }
            version = _add_version(directory, files, manifest)
            write_atomically(directory / layout.HEAD, f"{version}\n".encode())
        return read_version(name, directory / version)

    def extend(
        self,
        name: str,
        profiles: Collection[Profile],
        *,
        environment: Environment,
        commit: str = "",
        when: datetime | None = None,
        dates: Mapping[str, datetime] | None = None,
    ) -> Baseline:
        """Add ``profiles`` as one more session to the version in force; ``when`` and ``dates`` as for :meth:`save`.

        Raises BaselineMissing where there is none for ``environment``, BaselineError, ConfigError.
        """
        if self.open(name, environment) is None:
            raise BaselineMissing(
                f"baseline {name!r} in {self.root} has no version for this environment to extend: "
                f"create one with `pytest --wfperf-save={name}`"
            )
        sessions = by_date(profiles, dates or {}, when or datetime.now(UTC))
        with self._locked(name, environment) as directory:
            version = directory / read_head(directory)
            for date, measured in sessions.items():
                _add_session(version, measured, date, commit)
            return read_version(name, version)

    @contextmanager
    def _locked(self, name: str, environment: Environment) -> Iterator[Path]:
        """The environment's directory, made and swept, with this process as its only writer.

        The lock spares two writers each other's retries; nothing is lost where it does not work.
        """
        self.check()
        runs = self.root / layout.RUNS
        with explained("write to", self.root):
            runs.mkdir(parents=True, exist_ok=True)
        lock = FileLock(runs / layout.LOCK, timeout=self._lock_timeout, poll_interval=0.02)
        with explained("lock", runs / layout.LOCK):
            try:
                lock.acquire()
            except Timeout:
                raise BaselineError(
                    f"another process has been writing to {self.root} for over {self._lock_timeout:g} s "
                    f"(it holds {runs / layout.LOCK}): wait for it to end, then run again"
                ) from None
        try:
            yield self._prepared(name, environment)
        finally:
            lock.release()

    def _prepared(self, name: str, environment: Environment) -> Path:
        for twin in folders(self.root / layout.BASELINES):
            if twin != name and twin.lower() == name.lower():
                raise ConfigError(f"baseline {name!r} differs from the existing {twin!r} only in case: use {twin!r}")
        ignore, store = self.root / layout.RUNS / ".gitignore", self.root / layout.STORE
        if not exists(ignore):
            write_atomically(ignore, b"*\n")
        if not exists(store):  # before there are baselines, which must not be without it
            write_atomically(store, seal("store", {}, str(store)))
        directory = self._place(name, environment)
        with explained("write to", directory):
            directory.mkdir(parents=True, exist_ok=True)
            for place in (self.root, self.root / layout.RUNS, directory):
                sweep(place)
        return directory


def _in_force(name: str, directory: Path) -> Baseline:
    return read_version(name, directory / read_head(directory))


# --- what is written ------------------------------------------------------------------


def _add_session(version: Path, profiles: Collection[Profile], date: datetime, commit: str) -> None:
    for _ in range(ATTEMPTS):
        session = layout.new_session(date)
        files = session_files(session, profiles, date, commit)
        inside = {path.removeprefix(f"{session}/"): data for path, data in files.items()}
        if move_in(version.parent, inside, version / session):
            return
    raise BaselineError(f"cannot add a session to {version}: other writers keep interfering; run again")


def _add_version(directory: Path, files: Files, manifest: dict[str, Any]) -> str:
    for _ in range(ATTEMPTS):
        version = str(layout.next_version(versions(directory)))
        sealed = seal("manifest", {**manifest, "version": version}, version)
        if move_in(directory, {**files, layout.MANIFEST: sealed}, directory / version):
            return version
    raise BaselineError(f"cannot add a version to {directory}: other writers keep interfering; run again")
