"""One version of a baseline, as it stands in its directory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import BaselineCorrupt, BaselineError
from . import layout
from .files import Files, corrupt, exists, explained, read_text
from .schema import decode_environment, decode_profile, decode_times, encode_profile, read_document, seal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from ..model import Environment, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run's contribution to a version."""

    directory: Path
    created: datetime
    commit: str
    workflows: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """One version of a named baseline in one environment; ``contents`` are its sessions, oldest first.

    ``created`` is in UTC; ``commit``, ``reason`` and ``previous`` are empty where unknown.
    """

    name: str
    environment: Environment
    version: str
    created: datetime
    commit: str
    reason: str
    previous: str
    contents: tuple[Session, ...]

    def workflows(self) -> frozenset[str]:
        """The node ids of all workflows in any of its sessions."""
        return frozenset().union(*(session.workflows for session in self.contents))

    def sessions(self, workflow: str) -> tuple[Profile, ...]:
        """The profiles of one workflow, oldest first; empty where it has none.

        Reads that workflow's files only. Raises BaselineCorrupt, SchemaTooNew.
        """
        stored = layout.storable(workflow)
        return tuple(
            read_profile(session.directory / layout.workflow_file(stored), stored)
            for session in self.contents
            if stored in session.workflows
        )


def folders(directory: Path) -> tuple[str, ...]:
    """The visible directories in ``directory``, sorted; none where it does not exist."""
    with explained("list", directory):
        try:
            entries = list(directory.iterdir())
        except FileNotFoundError:
            return ()
        return tuple(sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir()))


def versions(directory: Path) -> list[layout.Version]:
    """Every version in an environment's directory, oldest first."""
    return sorted(version for name in folders(directory) if (version := layout.parse_version(name)))


def read_head(directory: Path) -> str:
    """The name of the version in force in an environment's directory.

    Raises BaselineCorrupt where HEAD is missing, malformed, in conflict, or names no version.
    """
    head = directory / layout.HEAD
    if not exists(head):
        there = ", ".join(str(version) for version in versions(directory)[-3:])
        raise BaselineCorrupt(
            f"{head} is missing, so no version is in force: restore it from version control, save again, "
            f"or write the name of a version into it (the newest are {there or 'none'})"
        )
    lines = read_text(head).split("\n")
    if any(line.startswith(("<<<<<<<", "=======", ">>>>>>>")) for line in lines):
        candidates = [line.strip() for line in lines if layout.parse_version(line.strip())]
        raise BaselineCorrupt(
            f"{head} is in conflict between versions {' and '.join(candidates)}, saved on different branches: "
            "keep one line, the level you want in force, and commit"
        )
    name = "\n".join(lines).strip()
    if not layout.parse_version(name):
        corrupt(head, f"it should hold the name of one version and holds {name[:60]!r}" if name else "it is empty")
    if not (directory / name).is_dir():
        corrupt(head, f"it names version {name}, which is not there")
    return name


def read_version(name: str, directory: Path) -> Baseline:
    """The version of baseline ``name`` in its directory; profiles are read when asked for."""
    path = directory / layout.MANIFEST
    manifest = read_document(path, "manifest")
    if manifest["version"] != directory.name:
        corrupt(path, f"it is about version {manifest['version']}")
    sessions = [read_session(directory / entry) for entry in folders(directory) if layout.is_session(entry)]
    return Baseline(
        name=name,
        environment=decode_environment(manifest["environment"]),
        version=manifest["version"],
        created=moment(manifest["created"], path),
        commit=manifest["commit"],
        reason=manifest["reason"],
        previous=manifest["previous"],
        contents=tuple(sorted(sessions, key=lambda session: (session.created, session.directory.name))),
    )


def read_session(directory: Path) -> Session:
    """What one session's directory says of itself."""
    path = directory / layout.SESSION
    data = read_document(path, "session")
    if data["session"] != directory.name:
        corrupt(path, f"it is about session {data['session']}")
    return Session(
        directory=directory,
        created=moment(data["created"], path),
        commit=data["commit"],
        workflows=frozenset(data["workflows"]),
    )


def read_profile(path: Path, workflow: str) -> Profile:
    """The profile of ``workflow`` in one session's file."""
    return decode_profile(_about(path, workflow), str(path))


def read_times(path: Path, workflow: str) -> Profile:
    """The same with nothing of its rounds but their totals."""
    return decode_times(_about(path, workflow), str(path))


def _about(path: Path, workflow: str) -> dict[str, Any]:
    data = read_document(path, "profile")
    if data["workflow"] != workflow:
        corrupt(path, f"it is about {data['workflow']!r:.200}, not {workflow!r:.200}")
    return data


def moment(text: str, path: Path) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        corrupt(path, f"{text!r} is no date")


# --- what is written ------------------------------------------------------------------


def by_date(
    profiles: Collection[Profile], dates: Mapping[str, datetime], otherwise: datetime
) -> dict[datetime, list[Profile]]:
    """The profiles by when they were measured: one session each. Raises BaselineError without any."""
    if not profiles:
        raise BaselineError("there is nothing to store: no workflow was measured")
    dated: dict[datetime, list[Profile]] = {}
    for profile in profiles:
        dated.setdefault(dates.get(profile.workflow, otherwise), []).append(profile)
    return dated


def session_files(session: str, profiles: Collection[Profile], now: datetime, commit: str) -> Files:
    """The files of one session, by their path in its version's directory (``session/file``)."""
    files: Files = {}
    ids = []
    for profile in profiles:
        data = encode_profile(profile)
        ids.append(data["workflow"])
        path = f"{session}/{layout.workflow_file(data['workflow'])}"
        if path in files:
            raise BaselineError(f"cannot store two profiles of {data['workflow']} in one session: give one of each")
        files[path] = seal("profile", data, data["workflow"])
    return files | _session_file(session, timestamp(now), commit, ids)


def _session_file(session: str, created: str, commit: str, workflows: Iterable[str]) -> Files:
    body = {
        "session": session,
        "created": created,
        "commit": layout.storable(commit),
        "workflows": sorted(workflows),
    }
    return {f"{session}/{layout.SESSION}": seal("session", body, session)}


def carried_files(baseline: Baseline, carry: AbstractSet[str]) -> Files:
    """The files of the workflows in ``carry``, in every session that has any of them."""
    files: Files = {}
    wanted = frozenset(map(layout.storable, carry))
    for session in baseline.contents:
        kept = session.workflows & wanted
        for workflow in kept:
            path = session.directory / layout.workflow_file(workflow)
            read_profile(path, workflow)
            files[f"{session.directory.name}/{path.name}"] = path.read_bytes()
        if kept:
            files |= _session_file(session.directory.name, timestamp(session.created), session.commit, kept)
    return files


def timestamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
