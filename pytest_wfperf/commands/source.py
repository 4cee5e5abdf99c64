"""Where a command gets its rounds from: a results file, a run of the store, the latest one, or a baseline."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import BaselineMissing
from ..model import Profile
from ..store.baseline import moment
from ..store.directory import Baseline, Store
from ..store.files import explained
from ..store.runs import Runs
from ..store.schema import decode_profile, read_document

LATEST = "latest"
HELP = f"a results file, a run of the store, {LATEST!r} or a baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What was asked for by ``name``; ``origins`` are when and on which commit each workflow was measured.

    ``created`` is when the run began, the version was stored or the file written. ``results`` is the document where
    it was a results file.
    """

    name: str
    created: datetime
    profiles: Mapping[str, Profile]
    commit: str = ""
    origins: Mapping[str, tuple[datetime, str]] = field(default_factory=dict)
    results: Mapping[str, Any] | None = None


def read_source(name: str, place: Path) -> Source:
    """The source of that name, of the store at ``place``; a file of that name comes first. Raises BaselineError."""
    runs, store = Runs(place), Store(place)
    if Path(name).is_file():
        return _of_results(Path(name))
    if name == LATEST or name in runs.names():
        return _of_run(name, runs)
    if name in store.names():
        (baseline, *_) = store.in_force(name)
        return _of_baseline(name, baseline)
    known = [*runs.names()[::-1], *store.names()]
    near = difflib.get_close_matches(name, known, n=3) or known[:3]
    raise BaselineMissing(
        f"{name!r} is neither a results file nor a run or baseline of {place}: "
        + (f"there is {', '.join(near)}" if near else "measure one, with pytest --wfperf-rounds=5 say")
    )


def unknown(workflow: str, source: str, found: Mapping[str, Any]) -> BaselineMissing:
    """The error that a source does not have a workflow, with those it has."""
    near = difflib.get_close_matches(workflow, found, n=3, cutoff=0.4) or list(found)[:3]
    return BaselineMissing(
        f"workflow {workflow!r} (from --workflow) is not in {source}: it has {', '.join(near) or 'none'}"
    )


def _of_results(path: Path) -> Source:
    data = read_document(path, "results")
    encoded = [workflow["profile"] for workflow in data["workflows"] if workflow["profile"]]
    profiles = {profile["workflow"]: decode_profile(profile, str(path)) for profile in encoded}
    return Source(
        name=str(path), created=_written(path, data), commit=data.get("commit", ""), profiles=profiles, results=data
    )


def _written(path: Path, data: Mapping[str, Any]) -> datetime:
    """When the document says it was made; of one that does not, when its file was written."""
    if "created" in data:
        return moment(data["created"], path)
    with explained("read", path):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _of_run(name: str, runs: Runs) -> Source:
    run = runs.about(runs.latest() if name == LATEST else name)
    profiles = runs.profiles(run.name)
    return Source(
        name=name,
        created=run.created,
        commit=run.commit,
        profiles=profiles,
        origins=dict.fromkeys(profiles, (run.created, run.commit)),
    )


def _of_baseline(name: str, baseline: Baseline) -> Source:
    """The last session of each workflow."""
    last = {workflow: session for session in baseline.contents for workflow in session.workflows}
    workflows = sorted(baseline.workflows())
    return Source(
        name=name,
        created=baseline.created,
        commit=baseline.commit,
        profiles={workflow: baseline.sessions(workflow)[-1] for workflow in workflows},
        origins={workflow: (last[workflow].created, last[workflow].commit) for workflow in workflows},
    )
