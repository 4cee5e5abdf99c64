"""All sessions of a baseline in one environment, whichever versions hold them, in force or not.

What there is comes from the names of folders and files, so that a long past is cheap; documents are read for the
sessions that are asked for only. What of them is damaged is told and left out: nothing is judged by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import BaselineError
from . import layout
from .baseline import Baseline, Session, folders, read_times, read_version, versions
from .files import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..model import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSession:
    """One workflow in one session, and the version that held it first; ``profile`` has no more than rounds' totals.

    ``accepted`` marks the first of those that a version was made of; a later version that took the session over
    unchanged accepted nothing.
    """

    version: Baseline
    session: Session
    profile: Profile
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A workflow's sessions, oldest first; ``left_out`` more lie between the first and the second.

    ``versions`` is how many versions were accepted with new sessions of it, ``notes`` what could not be read.
    """

    sessions: tuple[PastSession, ...]
    left_out: int = 0
    versions: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    version: str
    session: str
    file: str
    accepted: bool


class Past:
    """The sessions of baseline ``name`` under an environment's directory, which need not exist."""

    def __init__(self, name: str, directory: Path) -> None:
        self._name, self._directory = name, directory
        self._versions: dict[str, Baseline | str] = {}  # as read, or why it could not be
        self._unlisted: list[str] = []
        self._files = list(self._listed())

    def recall(self, workflow: str, most: int) -> Recalled:
        """The newest ``most`` sessions of a workflow, and the oldest of all where it is not among them."""
        entries = self._entries(layout.storable(workflow))
        notes = list(self._unlisted)
        newest = entries[-max(most, 1) :]
        older = entries[: len(entries) - len(newest)]
        found: list[PastSession] = []
        while older and not found:  # the oldest that can be read
            found += self._read(older.pop(0), workflow, notes)
        for entry in newest:
            found += self._read(entry, workflow, notes)
        return Recalled(
            sessions=tuple(found),
            left_out=len(older),
            versions=sum(entry.accepted for entry in entries),
            notes=tuple(dict.fromkeys(notes)),
        )

    def _listed(self) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Version, session and the session's files, by version and in it by date."""
        try:
            there = versions(self._directory)
        except BaselineError as error:
            self._unlisted.append(f"no stored version is shown: {error}")
            return
        for version in map(str, there):
            try:
                for session in folders(self._directory / version):
                    if layout.is_session(session):
                        place = self._directory / version / session
                        with explained("list", place):
                            yield version, session, frozenset(file.name for file in place.iterdir())
            except BaselineError as error:
                self._unlisted.append(f"version {version} is left out: {error}")

    def _entries(self, workflow: str) -> list[_Entry]:
        file = layout.workflow_file(workflow)
        seen: set[str] = set()
        entries = []
        latest = ""
        for version, session, files in self._files:
            if file not in files:
                continue
            if session not in seen:
                entries.append(_Entry(version, session, file, accepted=version != latest))
            seen.add(session)
            latest = version
        return entries

    def _read(self, entry: _Entry, workflow: str, notes: list[str]) -> Sequence[PastSession]:
        version = self._version(entry.version)
        if isinstance(version, str):
            notes.append(version)
            return ()
        session = next(s for s in version.contents if s.directory.name == entry.session)
        try:
            profile = read_times(session.directory / entry.file, layout.storable(workflow))
        except BaselineError as error:
            notes.append(f"session {entry.session} of version {entry.version} is left out: {error}")
            return ()
        return (PastSession(version=version, session=session, profile=profile, accepted=entry.accepted),)

    def _version(self, version: str) -> Baseline | str:
        if version not in self._versions:
            try:
                self._versions[version] = read_version(self._name, self._directory / version)
            except BaselineError as error:
                self._versions[version] = f"version {version} is left out: {error}"
        return self._versions[version]
