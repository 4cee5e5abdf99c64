"""Makes a judged run a baseline, or says why it must not become one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .errors import WfperfError
from .judged import RunResult
from .measure.revision import commit
from .report.text import plural
from .selection import Selection
from .store.schema import decode_profile

if TYPE_CHECKING:
    from .gate import Gate


def store(gate: Gate, result: RunResult, selection: Selection) -> RunResult:
    """The result with what was stored of the run, or why nothing was."""
    refusal = _refusal(gate, result, selection)
    if refusal:
        what = "save" if gate.settings.save else "extend"
        return replace(result, failures=(*result.failures, f"--wfperf-{what} refused: {refusal}"))
    try:
        return replace(result, saved=", ".join(_write(gate, selection)))
    except WfperfError as error:
        return replace(result, errors=(*result.errors, f"nothing was stored: {error}"))


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _refusal(gate: Gate, result: RunResult, selection: Selection) -> str:
    """Why this run must not be stored; empty where it may. Nothing lets an interrupted or unjudged run through."""
    settings, measured = gate.settings, gate.environments.keys()
    if selection.stopped or not measured:
        return selection.stopped or "no workflow was measured"
    if result.errors:
        return "the stored baseline could not be read"
    if settings.accept and settings.save:
        return "" if any(_sound(gate, workflow) for workflow in measured) else "no workflow was measured to its end"
    verdicts = {j.workflow: j.waived or j.verdict for j in result.judgements}
    failing = [w for w, verdict in verdicts.items() if verdict.fails or (result.strict and verdict.fails_strict)]
    lost = sorted(gate.stored() - measured) if settings.save else []
    advice = " (--wfperf-accept=REASON stores it all the same)" if settings.save else ""
    if failing or gate.broken:
        return f"{some(sorted({*failing, *gate.broken}))} failed or regressed{advice}"
    if result.failures:
        return f"{result.failures[0]}{advice}"
    if selection.partial:
        return f"this run was partial ({selection.partial}){advice}"
    if lost:
        return f"it did not measure {some(lost)}, which the version in force has{advice}"
    return ""


def _write(gate: Gate, selection: Selection) -> Iterator[str]:
    """Store the profiles, by environment, and say what was written. The commit is the root directory's.

    What an interrupted run has measured keeps its own date.
    """
    settings, revision = gate.settings, commit(gate.rootpath)
    dates = {w: gate.resumed for w in gate.environments if gate.resumed and gate.measured_of(w).wholly_reused}
    for environment in dict.fromkeys(gate.environments.values()):
        profiles = [
            decode_profile(data, workflow)
            for workflow, data in gate.profile_data()
            if gate.environments[workflow] == environment and _sound(gate, workflow)
        ]
        if settings.save:
            kept = _kept(gate, selection)
            saved = gate.store.save(
                settings.save,
                profiles,
                environment=environment,
                reason=settings.accept or "",
                commit=revision,
                carry=kept,
                dates=dates,
            )
            yield f"baseline {saved.name} {saved.version}, {plural(len(profiles), 'workflow')}" + (
                f", {len(kept)} more kept from before" if kept else ""
            )
        if settings.extend:
            extended = gate.store.extend(
                settings.extend, profiles, environment=environment, commit=revision, dates=dates
            )
            yield f"session {len(extended.contents)} of baseline {extended.name} {extended.version}"


def _kept(gate: Gate, selection: Selection) -> frozenset[str]:
    """Workflows a new version takes over from the one in force: all that this selection was not to measure."""
    measured = gate.environments.keys()
    sound = {workflow for workflow in measured if _sound(gate, workflow)}
    return frozenset(w for w in gate.stored() - sound if w in measured or not selection.expects(w))


def _sound(gate: Gate, workflow: str) -> bool:
    """Whether the workflow's test ran to its end: half a run is no level of performance."""
    return workflow not in gate.broken and not gate.judgements[workflow].failure
