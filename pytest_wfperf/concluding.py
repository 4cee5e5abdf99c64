"""The run's result, of all judgements: its own gates, and what there is to say of all workflows together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .judge import contention
from .judge.leaderboard import leaderboards
from .judge.prices import unpriced
from .judge.quality import run_pass_rate
from .judged import Judgement, PassRate, RunResult, Verdict
from .model import Profile
from .report.text import plural, share
from .selection import Selection
from .storing import some, store

if TYPE_CHECKING:
    from .gate import Gate


def conclude(gate: Gate, selection: Selection) -> RunResult:
    """The whole run's result, after storing it where that was asked for and may be done."""
    settings, pass_rate = gate.settings, _pass_rate(gate)
    result = RunResult(
        judgements=tuple(gate.judgements.values()),
        baseline=settings.baseline or (f"revision {settings.against}" if settings.against else ""),
        strict=settings.strict,
        pass_rate=pass_rate,
        failures=tuple(_failures(gate, selection, pass_rate)),
        errors=tuple(gate.errors),
        notes=tuple(_notes(gate)),
        leaderboards=leaderboards(_variants(gate)),
    )
    return store(gate, result, selection) if settings.save or settings.extend else result


def _pass_rate(gate: Gate) -> PassRate | None:
    judged = [j for j in gate.judgements.values() if j.pass_rates or Verdict.MISSING in (j.verdict, j.waived)]
    if not any(j.pass_rates for j in judged):
        return None
    passed = sum(bool(j.pass_rates) and all(rate.holds for rate in j.pass_rates) for j in judged)
    return run_pass_rate(passed, len(judged), gate.settings.min_pass_rate)


def _failures(gate: Gate, selection: Selection, pass_rate: PassRate | None) -> Iterator[str]:
    """Why the run fails although every single verdict might hold."""
    if gate.settings.gates and not gate.judgements:
        yield "no workflow was met: nothing was judged, and that is no pass"
    if pass_rate is not None and not pass_rate.holds:
        yield (
            f"{pass_rate.passed} of {plural(pass_rate.total, 'workflow')} passed all checks, "
            f"asked for at least {share(pass_rate.minimum)}"
        )
    elif pass_rate is None and gate.judgements and gate.settings.asks_for("min_pass_rate"):
        yield "a pass rate was asked for, but no workflow recorded a check"
    yield from _unnoticed(gate)
    if not selection.stopped:
        yield from _unjudged(gate)


def _unnoticed(gate: Gate) -> Iterator[str]:
    """Workflows that no verdict fails although their test did: a worker died, a tear-down or a subtest failed."""
    known = gate.judgements.keys() | gate.stored()
    lost = [w for w in gate.broken & known if w not in gate.judgements or not gate.judgements[w].verdict.fails]
    if lost:
        yield f"{some(sorted(lost))}: the test failed outside what was judged"


def _unjudged(gate: Gate) -> Iterator[str]:
    """Workflows that launches measured, yet whose own run left nothing to judge: it was skipped, or never came."""
    lost = sorted(gate.measured.keys() - gate.judgements.keys() - gate.broken)
    if lost:
        why = gate.skipped.get(lost[0])
        yield f"{some(lost)}: measured in launches, but not in its own run{f' (skipped: {why})' if why else ''}"


def _notes(gate: Gate) -> Iterator[str]:
    """What is worth one sentence for all workflows together."""
    left_out = unpriced(gate.judgements.values(), gate.settings.prices)
    if left_out:
        yield f"metric cost leaves out {some(left_out)}: wfperf_prices has no price"
    busy = {workflow: lost for workflow, lost in gate.lost.items() if lost >= contention.TOLD}
    if busy and gate.settings.judges_against is not None:
        worst = max(busy, key=busy.__getitem__)
        yield (
            f"other processes had the processor for {share(busy[worst])} of the time of {worst}"
            f"{f' and much of {len(busy) - 1} more' if len(busy) > 1 else ''}; a quiet machine would catch more"
        )


def _variants(gate: Gate) -> Iterator[tuple[Judgement, Profile]]:
    """Every judged workflow that called itself a variant."""
    for workflow, judgement in gate.judgements.items():
        profile = gate.profile(workflow) if judgement.variant else None
        if profile is not None:
            yield judgement, profile
