"""The runs folder: what a run has measured of a workflow is here the moment that ends, whatever ends the run.

``runs/NAME/run.json`` says what ran and whether it came to its end. Beside it is a profile for each workflow,
in ``against/`` that of the other side where there was one. All of it is local. A run is written by the one
process that holds its lock, which the system takes back from a process that was killed.
"""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ..errors import BaselineCorrupt, BaselineError, BaselineMissing
from ..judged import Measured
from ..model import Profile
from . import layout
from .baseline import folders, moment, timestamp
from .files import ATTEMPTS, MEND, corrupt, exists, explained, move_in, sweep, write_atomically
from .schema import decode_environment, decode_profile, encode_environment, encode_profile, read_document, seal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from filelock import BaseFileLock

    from ..model import Environment

KEPT = 20
"""How many runs stay; one that is still going on stays beyond that."""

_SHOWN = 3  # differences, or names


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run says of itself.

    ``same`` is, by name, what another run must have in common with it to take over what it measured; empty
    where that could not be told. ``launches`` is how many a workflow was to have, None before that was
    settled; ``note`` is what code the two sides of its pairs ran.
    """

    name: str
    created: datetime
    finished: bool
    arguments: tuple[str, ...]
    commit: str
    environment: Environment
    same: Mapping[str, str]
    launches: int | None = None
    note: str = ""


class Runs:
    """The runs of the store at ``root``. Nothing is made by looking."""

    def __init__(self, root: Path) -> None:
        self.place = root / layout.RUNS

    def names(self) -> tuple[str, ...]:
        """The names of all runs, the oldest first."""
        return tuple(filter(layout.is_session, folders(self.place)))

    def latest(self) -> str:
        """The name of the run that began last. Raises BaselineMissing where there is none."""
        names = self.names()
        if not names:
            raise BaselineMissing(
                f"there is no run in {self.place} yet: run pytest with an option that measures, such as --wfperf-rounds"
            )
        same_second = [name for name in names if name.partition("-")[0] == names[-1].partition("-")[0]]
        return names[-1] if len(same_second) == 1 else max(same_second, key=lambda name: self.about(name).created)

    def about(self, name: str) -> Run:
        """What a run says of itself. Raises BaselineMissing, which names others, BaselineCorrupt, SchemaTooNew."""
        names = self.names()
        if name in names:
            return _read_run(self.place / name)
        near = [n for n in names[::-1] if name and name in n] or get_close_matches(name, names) or names[::-1]
        known = f"there is {', '.join(near[:_SHOWN])}" if near else "and no other"
        raise BaselineMissing(f"there is no run {name!r} in {self.place}: {known}")

    def profiles(self, name: str) -> dict[str, Profile]:
        """What a run has measured, by workflow; of two sides the current one's.

        Raises as :meth:`about` does.
        """
        self.about(name)
        return {profile.workflow: profile for profile in map(_read_profile, _files(self.place / name))}

    def begin(
        self,
        *,
        arguments: Sequence[str],
        commit: str,
        environment: Environment,
        same: Mapping[str, str],
        now: datetime | None = None,
    ) -> Journal:
        """Make the folder of a run that begins now, and let the oldest beyond ``KEPT`` go. Raises BaselineError."""
        with explained("write to", self.place):
            self.place.mkdir(parents=True, exist_ok=True)
        if not exists(ignore := self.place / ".gitignore"):
            write_atomically(ignore, b"*\n")
        created = now or datetime.now(UTC)
        for _ in range(ATTEMPTS):
            name = layout.new_session(created)
            run = Run(
                name=name, created=created, finished=False, arguments=tuple(arguments), commit=commit,
                environment=environment, same=same,
            )  # fmt: skip
            directory = self.place / name
            if move_in(self.place, {layout.RUN: _document(run)}, directory) and (lock := _locked(directory)):
                self._prune()
                return Journal(run, directory, lock)
        raise BaselineError(f"cannot make a run's folder in {self.place}: other writers keep interfering; run again")

    def resume(self, same: Mapping[str, str]) -> Journal:
        """The newest unfinished run that has all of ``same`` in common, to be gone on with.

        Raises BaselineMissing, which says why it is not the newest one, where there is none.
        """
        reasons = []
        for name in reversed(self.names()):
            try:
                run = self.about(name)
            except BaselineError as error:
                reasons.append(str(error))
                continue
            if run.finished:
                continue
            reason = _differences(run.same, same)
            lock = None if reason else _locked(self.place / name)
            if lock is not None and not (run := self.about(name)).finished:  # as whoever held the lock has left it
                with explained("write to", self.place / name):
                    sweep(self.place / name)
                return Journal(run, self.place / name, lock)
            reasons.append(f"run {name} is unfinished, but {reason or 'still going on'}")
        raise BaselineMissing(reasons[0] if reasons else f"there is no unfinished run in {self.place}")

    def _prune(self) -> None:
        for name in self.names()[:-KEPT]:
            with suppress(BaselineError, OSError):  # another user's
                if lock := _locked(self.place / name):
                    lock.release()  # Windows removes no file that is open
                    doomed = self.place / layout.temporary("pruned")
                    (self.place / name).rename(doomed)
                    shutil.rmtree(doomed, ignore_errors=True)


class Journal:
    """A run on disk while this process goes on with it.

    Raises BaselineError for what cannot be written, MeasurementError for a number that no file holds.
    """

    def __init__(self, run: Run, directory: Path, lock: BaseFileLock) -> None:
        self.run, self._directory = run, directory
        self._lock = lock  # held until this process ends, however that is

    def plan(self, launches: int, note: str) -> None:
        """Write down how many launches a workflow is to have, and what code the sides run."""
        self._write(replace(self.run, launches=launches, note=note))

    def keep(self, profile: Profile, against: Profile | None = None) -> None:
        """Put a workflow's profile on disk, the other side's before it."""
        if against is not None:
            with explained("write to", self._directory):
                (self._directory / layout.AGAINST).mkdir(exist_ok=True)
            _write_profile(self._directory / layout.AGAINST, against)
        _write_profile(self._directory, profile)

    def finish(self) -> None:
        """The run has come to its end: nobody resumes it."""
        self._write(replace(self.run, finished=True))
        self._lock.release()

    def found(self) -> tuple[dict[str, Measured], tuple[str, ...]]:
        """What is here of each workflow, and a sentence for every file that cannot be used.

        Of two sides there are as many launches as both have: a pair is either there or not.
        """
        measured, problems = {}, []
        for path in _files(self._directory):
            try:
                profile, against = _read_profile(path), None
                if exists(other := self._directory / layout.AGAINST / path.name):
                    against = _read_profile(other)
            except BaselineError as error:
                problems.append(str(error))
                continue
            if against is not None:
                pairs = min(len(profile.launches), len(against.launches))
                profile = replace(profile, launches=profile.launches[:pairs])
                against = replace(against, launches=against.launches[:pairs])
            measured[profile.workflow] = Measured(profile=profile, against=against, reused=len(profile.launches))
        return measured, tuple(problems)

    def age_s(self) -> float:
        """For how long the oldest profile has been here, s; 0 without any."""
        with explained("look for", self._directory):
            written = [path.stat().st_mtime for path in _files(self._directory)]
        return max(0.0, time.time() - min(written, default=time.time()))

    def _write(self, run: Run) -> None:
        if run != self.run:
            write_atomically(self._directory / layout.RUN, _document(run))
            self.run = run


def _locked(directory: Path) -> BaseFileLock | None:
    """The run's lock, now this process's; None where another one goes on with the run."""
    lock = FileLock(directory / layout.RUN_LOCK)
    with explained("lock", directory), suppress(NotImplementedError):  # no locks here: then nobody is told apart
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
    return lock


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What is not the same, in words; empty where all is."""
    if not then:
        return "nobody can tell what code it ran"
    differing = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    told = [f"{name} ({then.get(name, 'none')} then, {now.get(name, 'none')} now)" for name in differing[:_SHOWN]]
    more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return f"not the same: {', '.join(told)}{more}" if told else ""


def _document(run: Run) -> bytes:
    body = {
        "run": run.name,
        "created": timestamp(run.created),
        "state": "finished" if run.finished else "unfinished",
        "arguments": [layout.storable(argument) for argument in run.arguments],
        "commit": layout.storable(run.commit),
        "environment": encode_environment(run.environment),
        "same": dict(run.same),
        "launches": run.launches,
        "note": layout.storable(run.note),
    }
    return seal("run", body, f"run {run.name}")


def _read_run(directory: Path) -> Run:
    path = directory / layout.RUN
    with _measured_anew():
        data = read_document(path, "run")
        if data["run"] != directory.name:
            corrupt(path, f"it is about run {data['run']}")
        return Run(
            name=data["run"],
            created=moment(data["created"], path),
            finished=data["state"] == "finished",
            arguments=tuple(data["arguments"]),
            commit=data["commit"],
            environment=decode_environment(data["environment"]),
            same=data["same"],
            launches=data["launches"],
            note=data["note"],
        )


def _files(directory: Path) -> list[Path]:
    """The files of the current side's profiles."""
    with explained("list", directory):
        paths = sorted(directory.glob("*.json"))
    return [path for path in paths if path.name != layout.RUN and not path.name.startswith(layout.TEMPORARY)]


def _write_profile(directory: Path, profile: Profile) -> None:
    data = encode_profile(profile)
    path = directory / layout.workflow_file(data["workflow"])
    write_atomically(path, seal("profile", data, data["workflow"]))


def _read_profile(path: Path) -> Profile:
    with _measured_anew():
        data = read_document(path, "profile")
        if layout.workflow_file(data["workflow"]) != path.name:
            corrupt(path, f"it is about {data['workflow']!r:.200}")
        return decode_profile(data, str(path))


@contextmanager
def _measured_anew() -> Iterator[None]:
    """Say of a damaged file in this folder what mends it: no version control has it."""
    try:
        yield
    except BaselineCorrupt as error:
        raise BaselineCorrupt(f"{str(error).removesuffix(MEND)}measure again; nothing else needs it") from error
