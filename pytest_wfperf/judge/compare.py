"""A profile held against stored ones: how much slower, how sure, and what could have been caught.

Here a process is one unit of evidence: rounds inside it share an address-space layout, a hash
seed and a moment, and no number of them shows what another process would have done. What
processes of one and the same code differ by is therefore a stated prior, ``PROCESS_SD``, which
stored sessions correct as they gather: with k of them the between-process variance is

    τ² = (4·PROCESS_SD² + (k − 1)·S²) / (k + 3),   k + 3 degrees of freedom,

S² being the variance of the stored sessions' values, and the difference has the variance
V_s = τ²·(1 + 1/k). V_l is what is left of the rounds' own scatter. A slowdown Δ = ln(1 + limit)
is REGRESSED where the difference reaches both √(t²·V_s + z²·V_l) at the error share of the gate
and 0.6·Δ, PASS where difference + √(t²·V_s + 1.645²·V_l) stays below Δ, else INCONCLUSIVE.

Source: a t test with a scaled-inverse-χ² prior on the variance (Gelman et al. 2013, §2.6); Holm
1979 within a group of gates; the minimum of rounds after Chen & Revels 2016 (arXiv 1608.04295).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance

from ..model import Comparison, Effect, Profile, Round, Verdict
from .estimate import hodges_lehmann, normal_quantile, t_quantile, walsh_interval

ALPHA = 0.01  # a run with nothing slower is flagged at most this often
BETA = 0.05  # a slowdown of the limit is passed at most this often
PROCESS_SD = 0.05  # prior: standard deviation of log times between processes of the same code
PRIOR_WEIGHT = 4  # degrees of freedom that prior is worth
ROUND_SD = 0.10  # prior: standard deviation of log times between rounds, worth two rounds
ESTIMATOR_SD = 0.006  # what a minimum of rounds is off by even where everything else agrees
CUT = 0.6  # of Δ: no verdict against a difference below it, none for one above it
SESSION_GAP_S = 3600.0  # sessions closer than this count as one
FLOOR_NS = 20 * 100  # growth below twenty ticks of a 100 ns clock is nothing ...
RECORDER_COSTS = 2  # ... nor is one below twice what the recorder itself adds
TAKEN_IN_PROCESS = (1.0, 0.5, 5)  # default limit; that from so many sessions on

Stored = Sequence[tuple[float, Profile]]  # (when, in seconds since the epoch; profile), oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """ln(current/baseline) of one statistic, with the variances it is judged by."""

    value: float
    session_variance: float
    round_variance: float
    df: float
    negligible: bool = False

    def reach(self, p: float) -> float:
        """Half-width that holds with one-sided confidence ``p``."""
        return math.sqrt(
            t_quantile(p, self.df) ** 2 * self.session_variance + normal_quantile(p) ** 2 * self.round_variance
        )

    def excludes(self, limit: float) -> bool:
        """Whether a slowdown of ``limit`` (0.1 is 10 %) is ruled out."""
        delta = math.log1p(limit)
        return self.negligible or (self.value + self.reach(1 - BETA) < delta and self.value < CUT * delta)

    def shows(self, limit: float, error: float) -> bool:
        """Whether the slowdown is beyond chance at ``error``, and large enough to be held against ``limit``."""
        return not self.negligible and self.value >= max(self.reach(1 - error), CUT * math.log1p(limit))

    @property
    def speedup(self) -> tuple[float, float, float]:
        """Baseline time over current time: estimate, lower and upper bound, each one-sided at 95 %."""
        reach = self.reach(1 - BETA)
        return math.exp(-self.value), math.exp(-self.value - reach), math.exp(-self.value + reach)

    def could_have_caught(self, limit: float, error: float) -> float:
        """The slowdown that would have been shown 95 times in 100."""
        return math.expm1(max(self.reach(1 - error), CUT * math.log1p(limit)) + self.reach(1 - BETA))


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
    contributions = attribution(current.rounds, [r for _, p in stored for r in p.rounds])
    effects = [
        _effect(gate, shown, share / (2 * len(automatic if gate.automatic else declared)), contributions)
        for gate in gates
    ]
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
        for r in rounds:
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
    floor = max(FLOOR_NS, RECORDER_COSTS * current.recording_ns(path))
    minimum = _difference([min(group) for group in then], min(now), _scatter(now, then), floor)
    means = [_steady_mean(group) for group in then]
    mean = _difference(means, _steady_mean(now), _mean_scatter(now, then), floor)
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


def _difference(before: Sequence[float], now: float, round_variance: float, floor_ns: float) -> Difference:
    """Rule of the module's head; ``before`` holds one value a session."""
    logs = [math.log(value) for value in before]
    k = len(logs)
    spread = variance(logs) if k > 1 else 0.0
    tau2 = (PRIOR_WEIGHT * PROCESS_SD**2 + (k - 1) * spread) / (PRIOR_WEIGHT + k - 1)
    base = fmean(logs)
    return Difference(
        value=math.log(now) - base,
        session_variance=tau2 * (1 + 1 / k),
        round_variance=ESTIMATOR_SD**2 + round_variance,
        df=PRIOR_WEIGHT + k - 1,
        negligible=abs(now - math.exp(base)) <= floor_ns,
    )


def _scatter(now: Sequence[int], then: Sequence[Sequence[int]]) -> float:
    """Variance of the difference that rounds alone would make: σ²·(1/n + 1/N), σ from the median absolute deviation."""
    deviations: list[float] = []
    for sample in (now, *then):
        centre = median(sample)
        deviations += [abs(math.log(value / centre)) for value in sample]
    n = len(deviations)
    sd = 1.4826 * median(deviations)
    sigma2 = (n * sd**2 + 2 * ROUND_SD**2) / (n + 2)
    return sigma2 * (1 / len(now) + 1 / (n - len(now)))


def _steady_mean(sample: Sequence[int]) -> float:
    """The mean without the slowest round, from five rounds on: one interruption is not a slow path."""
    return fmean(sorted(sample)[:-1] if len(sample) >= 5 else sample)


def _mean_scatter(now: Sequence[int], then: Sequence[Sequence[int]]) -> float:
    """Squared relative standard errors of both sides' means, each with the prior's two rounds."""
    total = 0.0
    pooled = [value for group in then for value in group]
    for sample in (now, pooled):
        n, centre = len(sample), fmean(sample)
        relative = sum((value - centre) ** 2 for value in sample) / n / centre**2
        total += (n * relative + 2 * ROUND_SD**2) / (n + 2) / n
    return total


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
    tests.sort(key=lambda test: test[2].value / test[2].reach(1 - first), reverse=True)
    shown = set()
    for rank, (path, i, diff, limit) in enumerate(tests):
        error = share / (len(tests) - rank)
        if diff.value < diff.reach(1 - error):
            break
        if diff.shows(limit, error):
            shown.add((path, i))
    return shown


def _effect(gate: _Gate, shown: set[tuple[str, int]], error: float, contributions: Mapping[str, float]) -> Effect:
    detail = [gate.detail] if gate.detail else []
    if (gate.path, 0) in shown:
        verdict = Verdict.REGRESSED
    elif (gate.path, 1) in shown:
        verdict = Verdict.REGRESSED
        detail.append(f"some rounds are slow: their mean grew by {math.expm1(gate.mean.value):.0%}")
    elif all(diff.excludes(limit) for diff, limit in gate.statistics):
        faster = not gate.minimum.negligible and -gate.minimum.value >= gate.minimum.reach(1 - error)
        verdict = Verdict.IMPROVED if faster else Verdict.PASS
    else:
        verdict = Verdict.INCONCLUSIVE
    half = math.sqrt(
        t_quantile(0.975, gate.minimum.df) ** 2 * gate.minimum.session_variance
        + normal_quantile(0.975) ** 2 * gate.minimum.round_variance
    )
    return Effect(
        path=gate.path,
        baseline_ns=gate.baseline_ns,
        current_ns=gate.current_ns,
        log_ratio=gate.minimum.value,
        low=gate.minimum.value - half,
        high=gate.minimum.value + half,
        could_have_caught=gate.minimum.could_have_caught(gate.limit, error),
        limit=gate.limit,
        automatic=gate.automatic,
        verdict=verdict,
        contribution=contributions.get(gate.path, 0.0),
        detail="; ".join(detail),
    )


def attribution(current: Sequence[Round], baseline: Sequence[Round]) -> dict[str, float]:
    """By how much of the baseline's total each step's own time changed it; ``""`` is time outside all steps.

    Taken from the fastest quarter of the rounds by their total on each side, all values from
    those same rounds, so that the parts add up to the change of the whole.
    """
    now, then = _fastest(current), _fastest(baseline)
    own_now, own_then = _own(now), _own(then)
    total = fmean(r.total_ns for r in then) or 1.0
    paths = dict.fromkeys([*own_now, *own_then])
    return {path: (own_now.get(path, 0.0) - own_then.get(path, 0.0)) / total for path in paths}


def _fastest(rounds: Sequence[Round]) -> list[Round]:
    return sorted(rounds, key=lambda r: r.total_ns)[: max(1, len(rounds) // 4)]


def _own(rounds: Sequence[Round]) -> dict[str, float]:
    """Mean own time per step, ns; what no step covers under ``""``."""
    sums: dict[str, float] = {}
    for r in rounds:
        outside = r.total_ns
        for span in r.spans:
            sums[span.path] = sums.get(span.path, 0.0) + span.own_ns
            outside -= span.own_ns
        sums[""] = sums.get("", 0.0) + outside
    return {path: value / len(rounds) for path, value in sums.items()}


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
