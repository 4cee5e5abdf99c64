"""A profile held against stored ones: how much slower, how sure, and what could have been caught.

How a difference is judged is told in :mod:`.difference`; here the samples are gathered, the gates
laid out, and the run's error shared among them (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from ..model import Comparison, Effect, Profile, Round, Verdict
from .difference import ALPHA, BETA, Difference, mean_scatter, of_sessions, scatter, steady_mean
from .estimate import hodges_lehmann, walsh_interval

SESSION_GAP_S = 3600.0  # sessions closer than this count as one
FLOOR_NS = 20 * 100  # growth below twenty ticks of a 100 ns clock is nothing ...
RECORDER_COSTS = 2  # ... nor is one below twice what the recorder itself adds
TAKEN_IN_PROCESS = (1.0, 0.5, 5)  # default limit; that from so many sessions on

Stored = Sequence[tuple[float, Profile]]  # (when, in seconds since the epoch; profile), oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gate:
    """One time under its two statistics: the minimum of the rounds, and their mean at three times the limit."""

    path: str
    limit: float
    automatic: bool
    baseline_ns: float
    current_ns: float
    minimum: Difference
    mean: Difference
    detail: str

    @property
    def statistics(self) -> tuple[tuple[Difference, float], ...]:
        return (self.minimum, self.limit), (self.mean, 3 * self.limit)


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
    now, then = _table([current]), [_table(group) for group in groups]
    here, there = now.times, dict.fromkeys(path for table in then for path in table.times)
    default = default_limit(len(groups))
    gates = [
        _gate(path, now, then, limits.get(path, default), automatic=path != "" and path not in limits)
        for path in here
        if path in there
    ]
    declared = [gate for gate in gates if not gate.automatic]
    automatic = [gate for gate in gates if gate.automatic]
    share = ALPHA / max(1, workflows) / (2 if automatic else 1)
    shown = _holm(declared, share) | _holm(automatic, share)
    effects = [_effect(gate, shown, share / (2 * len(automatic if gate.automatic else declared))) for gate in gates]
    return Comparison(
        baseline=baseline,
        sessions=len(groups),
        total=effects[0],
        steps=tuple(effects[1:]),
        appeared=tuple(path for path in here if path not in there),
        vanished=tuple(path for path in there if path not in here),
    )


def difference(path: str, current: Profile, stored: Stored) -> Difference:
    """The difference of one path's minima, for thresholds on ``speedup`` and ``reduction``."""
    then = [_table(group) for group in _sessions(stored)]
    return _gate(path, _table([current]), then, 1.0, automatic=False).minimum


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


class _Table:
    """Samples of one side by path, gathered in one pass over its rounds; the whole workflow's under ``""``."""

    def __init__(self, rounds: Iterable[Round], recorder_ns: int = 0) -> None:
        self.times: dict[str, list[int]] = {"": []}
        self.entries: dict[str, list[int]] = {}
        self.recorder_ns = recorder_ns
        self.iterations = math.inf  # over how many calls at least the clock's ticks are spread
        for r in rounds:
            self.iterations = min(self.iterations, r.iterations)
            self.times[""].append(max(1, r.total_ns))
            for span in r.spans:
                self.times.setdefault(span.path, []).append(max(1, span.total_ns))
                self.entries.setdefault(span.path, []).append(span.count)
        if not self.times[""]:
            raise ValueError("a profile without rounds cannot be compared")
        self._inside: dict[str, float] = {}
        for path, entries in self.entries.items():
            most = max(entries)
            while path:  # an entry is inside every step that encloses it
                path = path.rpartition("/")[0]  # noqa: PLW2901
                self._inside[path] = self._inside.get(path, 0) + most

    def recording_ns(self, path: str) -> float:
        """What recording itself added to one sample: the cost of its own entry and of every entry inside it."""
        return self.recorder_ns * (self._inside.get(path, 0) + 1)


def _table(profiles: Sequence[Profile]) -> _Table:
    cost = max((launch.recorder_ns for profile in profiles for launch in profile.launches), default=0)
    return _Table((r for profile in profiles for r in profile.rounds), cost)


def _gate(path: str, current: _Table, stored: Sequence[_Table], limit: float, *, automatic: bool) -> _Gate:
    now = current.times[path]
    then = [table.times[path] for table in stored if path in table.times]
    ticks = FLOOR_NS / min(table.iterations for table in (current, *stored))
    floor = max(1.0, ticks, RECORDER_COSTS * current.recording_ns(path))
    minimum = of_sessions([min(group) for group in then], min(now), scatter(now, then), floor)
    means = [steady_mean(group) for group in then]
    mean = of_sessions(means, steady_mean(now), mean_scatter(now, then), floor)
    return _Gate(
        path=path,
        limit=limit,
        automatic=automatic,
        baseline_ns=math.exp(fmean(math.log(min(group)) for group in then)),
        current_ns=min(now),
        minimum=minimum,
        mean=mean,
        detail=_entries(path, current, stored),
    )


def _entries(path: str, current: _Table, stored: Sequence[_Table]) -> str:
    """Says so where a step was entered more or less often than before: a change of work, not of speed."""
    if not path:
        return ""
    now = median(current.entries[path])
    then = median([count for table in stored for count in table.entries.get(path, ())])
    return "" if now == then else f"entered {now:g} times a round, was {then:g}"


def _holm(gates: Sequence[_Gate], share: float) -> set[tuple[str, int]]:
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


def _effect(gate: _Gate, shown: set[tuple[str, int]], error: float) -> Effect:
    detail = [gate.detail] if gate.detail else []
    if (gate.path, 0) in shown:
        verdict = Verdict.REGRESSED
    elif (gate.path, 1) in shown:
        verdict = Verdict.REGRESSED
        detail.append(f"some rounds are slow: their mean grew by {math.expm1(gate.mean.value):.0%}")
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
        could_have_caught=math.expm1(shown_from + gate.minimum.reach(1 - BETA)),
        flagged_from=math.expm1(shown_from),
        limit=gate.limit,
        automatic=gate.automatic,
        verdict=verdict,
        detail="; ".join(detail),
    )


def paired(candidate: Sequence[Round], reference: Sequence[Round], *, name: str) -> Comparison:
    """Two callables whose rounds were taken in pairs, in one process.

    The estimate is the median of Walsh averages of ln(candidate/reference) (Hodges & Lehmann
    1963), the interval the exact one of the signed-rank test. It speaks of this process.
    """
    sides = [_Table(rounds) for rounds in (candidate, reference)]
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
