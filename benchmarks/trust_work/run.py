"""One run of one row: edit, gate, and what came of it as plain data."""

from __future__ import annotations

import json
import os
import platform
import random
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from subprocess import SubprocessError
from typing import TYPE_CHECKING, Any

from trust_work.peer import Peer
from trust_work.project import Project, RunError, committed, tail

import pytest_wfperf
from pytest_wfperf.errors import WfperfError

if TYPE_CHECKING:
    from trust_work.rows import Row
    from trust_work.sessions import Sessions

JUDGED = ("PASS", "IMPROVED", "INCONCLUSIVE", "REGRESSED")
Record = dict[str, Any]


def build() -> str:
    """Which version of the plugin and of the campaign this is: results of different ones are not to be mixed."""
    found = sha256()
    for root in (Path(pytest_wfperf.__file__).parent, Path(__file__).parent):
        for path in sorted(root.rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def run(row: Row, turn: int, *, sessions: Sessions, peer: bool, arguments: tuple[str, ...]) -> Record:
    """A record with ``outcome`` ERROR, and what was printed, where there was no judgement."""
    seed = random.randrange(2**32)
    record: Record = {
        "row": row.name, "turn": turn, "seed": seed, "time": round(time.time()), "load": os.getloadavg()[0],
        "python": platform.python_version(), "cpus": os.cpu_count(), "arguments": list(arguments),
    }  # fmt: skip
    with committed() as project:
        edit, step, files = row.edit(project.files, turn, seed)
        record |= {"edit": edit, "step": step}
        other, failed = _attempt(lambda: Peer(project)) if peer else (None, {})
        before = project.outputs() if row.kind == "null" else ""
        project.edit(files)
        record |= _attempt(lambda: _gate(row, project, step, before, sessions, arguments))[1]
        if other is not None:
            _, failed = _attempt(other.growth)
        if peer:
            record["peer"] = failed
    return record


def _attempt(what: Callable[[], Any]) -> tuple[Any, Record]:
    """What a call returned, also as a record; no result and the error's text where it did not end well."""
    try:
        result = what()
    except (RunError, WfperfError, SubprocessError, OSError, ValueError, KeyError, TypeError) as error:
        return None, {"outcome": "ERROR", "error": f"{type(error).__name__}: {error}"}
    return result, result if isinstance(result, dict) else {}


def _gate(row: Row, project: Project, step: str, before: str, sessions: Sessions, arguments: tuple[str, ...]) -> Record:
    if before and project.outputs() != before:
        raise RunError("this null change changes what the code returns")
    how = ["--wfperf-baseline"] if row.sessions else ["--wfperf-against=HEAD"]
    if not row.sessions and row.kind == "aa":
        how.append("--wfperf-aa")
    ages = sessions.deal(row.sessions, project) if row.sessions else []
    done, seconds = project.pytest(
        "-p", "pytest_wfperf.plugin", *arguments, row.test, *how, "--wfperf-report=r.json", without=row.without
    )
    result = {"exit": done.returncode, "seconds": round(seconds, 2)} | ({"ages_s": ages} if ages else {})
    report = project.directory / "r.json"
    if done.returncode not in (0, 1) or not report.exists():
        return result | {"outcome": "ERROR", "error": f"exit {done.returncode}\n{tail(done)}"}
    judged = result | _judgement(json.loads(report.read_text()), step)
    if judged["outcome"] not in JUDGED or (judged["outcome"] == "REGRESSED") != (done.returncode == 1):
        judged |= {
            "outcome": "ERROR",
            "error": f"exit {done.returncode} with verdict {judged['outcome']}\n{tail(done)}",
        }
    return judged


def _judgement(report: dict[str, Any], step: str) -> Record:
    (workflow,) = report["workflows"]
    comparison = workflow["comparison"]
    if comparison is None:
        return {"outcome": workflow["verdict"]}
    effects = {effect["path"]: effect for effect in (comparison["total"], *comparison["steps"])}
    flagged = [path for path, effect in effects.items() if effect["verdict"] == "REGRESSED"]
    profile = workflow["profile"] or {"launches": []}
    kept = ("verdict", "change", "low", "high", "could_have_caught", "limit", "automatic")
    return {
        "outcome": workflow["verdict"],
        "reasons": workflow["reasons"],
        "flagged": flagged,
        "right": step in flagged if step else None,
        "launches": comparison.get("launches", len(profile["launches"])),
        "effects": {path: {key: effect.get(key) for key in kept} for path, effect in effects.items()},
    }
