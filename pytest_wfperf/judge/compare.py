"""A profile held against stored ones: how much slower, how sure, and what could have been caught.

How a difference is judged is told in :mod:`.difference`, what is judged by which statistics in
:mod:`.level`; here the gates are laid out and the run's error is shared among them (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from ..estimate import hodges_lehmann, walsh_interval
from ..judged import Comparison, Effect, Verdict
from ..model import Profile, Round
from ..priors import SESSION_GAP_S
from .difference import ALPHA, Difference
from .launches import could_have_caught, processes_needed, sessions_needed
from .level import Gate, InProcess, Launched
from .shift import LIMITS
from .table import Table

TAKEN_IN_PROCESS = (1.0, 0.5, 5)  # default limit; that from so many sessions on
OUTLOOK = (0.05, 0.10, 0.20)  # limits for which it is told how many sessions would make them possible

Stored = Sequence[tuple[float, Profile]]  # (when, in seconds since the epoch; profile), oldest first


def default_limit(sessions: int) -> float:
    """The slowdown a run in one process is held to where nobody named one."""
    first, later, enough = TAKEN_IN_PROCESS
    return later if sessions >= enough else first


def compare(
    current: Profile, stored: Stored, *, limits: Mapping[str, float], workflows: int, baseline: str
) -> Comparison:
    """``current`` against the stored sessions of its workflow.

    ``limits`` are declared slowdowns by step path (``""`` is the whole workflow); what has none
    gets the default, steps as automatic gates. The error α is shared evenly by the run's
    ``workflows``; of each one's share half goes to the workflow and its declared gates, half to
    the automatic ones. Raises ValueError without rounds on either side.
    """
    groups = _sessions(stored)
    reading = _reading(current, groups)
    common = [path for path in reading.here if path in reading.there]
    automatic = [path for path in common if path and path not in limits]
    default = default_limit(len(groups))
    share = ALPHA / max(1, workflows) / (2 if automatic else 1)
    declared = [reading.gate(p, limits.get(p, default), automatic=False) for p in common if p not in automatic]
    error = share / _tests(declared)
    if isinstance(reading, Launched):
        default = resolvable(declared[0], error)
        declared = [gate if gate.path in limits else replace(gate, limit=default) for gate in declared]
    others = [reading.gate(path, default, automatic=True) for path in automatic]
    shown = _holm(declared, share) | _holm(others, share)
    effects = [_effect(gate, shown, error) for gate in declared]
    effects += [_effect(gate, shown, share / _tests(others)) for gate in others]
    effects.sort(key=lambda effect: common.index(effect.path))
    return Comparison(
        baseline=baseline,
        sessions=len(groups),
        total=effects[0],
        steps=tuple(effects[1:]),
        appeared=tuple(path for path in reading.here if path not in reading.there),
        vanished=tuple(path for path in reading.there if path not in reading.here),
        launches=max(1, len(current.launches)),
        fresh=current.fresh,
        outlook=_outlook(declared[0], len(groups), error),
    )


def difference(path: str, current: Profile, stored: Stored) -> Difference:
    """The difference of one path's minima, for thresholds on ``speedup`` and ``reduction``."""
    return _reading(current, _sessions(stored)).gate(path, 1.0, automatic=False).minimum


def resolvable(gate: Gate, error: float) -> float:
    """The smallest of the usual limits at which this gate could have caught a slowdown of the limit."""
    return next((limit for limit in LIMITS if could_have_caught(gate.minimum, limit, error) <= limit), LIMITS[-1])


def _outlook(gate: Gate, sessions: int, error: float) -> tuple[tuple[float, int | None], ...]:
    """For each limit worth a thought how many more stored sessions it takes; None where no number would do."""
    if gate.evidence is None and gate.mean is not None:
        return ()  # short rounds have launches to gather evidence by
    if gate.evidence is None:
        here = sessions
        needed = [(limit, processes_needed(gate.minimum, here, limit, error)) for limit in OUTLOOK]
    else:
        here = len(gate.evidence.sessions)
        needed = [(limit, sessions_needed(gate.evidence, limit, error)) for limit in OUTLOOK]
    return tuple((limit, None if number is None else number - here) for limit, number in needed)


def _reading(current: Profile, groups: Sequence[Sequence[Profile]]) -> InProcess | Launched:
    """Launches are so many units of evidence where all are fresh, and in memory laid out by one rule."""
    profiles = [current, *(profile for group in groups for profile in group)]
    layouts = {dict(launch.conditions).get("addresses") for profile in profiles for launch in profile.launches}
    fresh = all(profile.fresh for profile in profiles) and len(layouts) == 1
    return (Launched if fresh else InProcess)(current, groups)


def _tests(gates: Sequence[Gate]) -> int:
    return max(1, sum(len(gate.statistics) for gate in gates))


def _sessions(stored: Stored) -> list[list[Profile]]:
    """The stored profiles in groups that are far enough apart to tell sessions from one another."""
    groups: list[list[Profile]] = []
    began = -math.inf
    for when, profile in stored:
        if when - began >= SESSION_GAP_S:
            groups.append([])
            began = when
        groups[-1].append(profile)
    return groups


def _holm(gates: Sequence[Gate], share: float) -> set[tuple[str, int]]:
    """The (path, statistic) pairs whose slowdown is shown, by Holm's step-down over all of a group's statistics."""
    tests = [(gate.path, i, diff, limit) for gate in gates for i, (diff, limit) in enumerate(gate.statistics)]
    if not tests:
        return set()
    first = share / len(tests)
    tests.sort(key=lambda test: test[2].value / test[2].reach(1 - ALPHA, 1 - first), reverse=True)
    shown = set()
    for rank, (path, i, diff, limit) in enumerate(tests):
        error = share / (len(tests) - rank)
        if diff.value < diff.reach(1 - ALPHA, 1 - error):
            break
        if diff.shows(limit, error):
            shown.add((path, i))
    return shown


def _effect(gate: Gate, shown: set[tuple[str, int]], error: float) -> Effect:
    detail = [gate.detail] if gate.detail else []
    if (gate.path, 0) in shown:
        verdict = Verdict.REGRESSED
    elif (gate.path, 1) in shown:
        verdict = Verdict.REGRESSED
        detail.append(f"some rounds are slow: their mean grew by {math.expm1(gate.statistics[1][0].value):.0%}")
    elif all(diff.excludes(limit) for diff, limit in gate.statistics):
        faster = not gate.minimum.negligible and -gate.minimum.value >= gate.minimum.reach(1 - ALPHA, 1 - error)
        verdict = Verdict.IMPROVED if faster else Verdict.PASS
    else:
        verdict = Verdict.INCONCLUSIVE
    half, shown_from = gate.minimum.reach(0.975), gate.minimum.shown_from(gate.limit, error)
    return Effect(
        path=gate.path,
        baseline_ns=gate.baseline_ns,
        current_ns=gate.current_ns,
        log_ratio=gate.minimum.value,
        low=gate.minimum.value - half,
        high=gate.minimum.value + half,
        could_have_caught=could_have_caught(gate.minimum, gate.limit, error),
        flagged_from=math.expm1(shown_from),
        limit=gate.limit,
        automatic=gate.automatic,
        verdict=verdict,
        ratios=gate.ratios,
        detail="; ".join(detail),
    )


def paired(candidate: Sequence[Round], reference: Sequence[Round], *, name: str) -> Comparison:
    """Two callables whose rounds were taken in pairs, in one process.

    The estimate is the median of Walsh averages of ln(candidate/reference) (Hodges & Lehmann
    1963), the interval the exact one of the signed-rank test. It speaks of this process.
    """
    sides = [Table(rounds) for rounds in (candidate, reference)]
    effects = []
    for path, now in sides[0].times.items():
        then = sides[1].times.get(path, [])
        if len(now) != len(then):
            continue
        logs = [math.log(a / b) for a, b in zip(now, then, strict=True)]
        low, high = walsh_interval(logs)
        effects.append(
            Effect(
                path=path,
                baseline_ns=median(then),
                current_ns=median(now),
                log_ratio=hodges_lehmann(logs),
                low=low,
                high=high,
                could_have_caught=None,
                limit=default_limit(1),
                automatic=True,
                verdict=Verdict.PASS if low <= 0 <= high else Verdict.IMPROVED if high < 0 else Verdict.REGRESSED,
            )
        )
    return Comparison(baseline=name, sessions=1, total=effects[0], steps=tuple(effects[1:]))
