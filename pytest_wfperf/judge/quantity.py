"""What a threshold is about, read off a profile: its actual value in base units."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from ..estimate import walsh_interval
from ..judged import Comparison, Target
from ..model import Metric, Profile, Round
from ..samples import quantile
from .compare import Stored, difference
from .difference import BETA
from .proof import exact_from, proved
from .threshold import Threshold

UNITS = {
    "ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10,
    "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
TIMES = ("ns", "us", "µs", "ms", "s", "min")
_NO_BOUND = 700.0  # e to a larger power does not fit a float


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """A threshold's quantity as measured; ``value`` is None where it could not be, and ``detail`` says why.

    ``absent`` marks a subject that the workflow never recorded: such a target is missed.
    """

    value: float | None
    proved: bool = False
    detail: str = ""
    absent: bool = False


def target(
    threshold: Threshold,
    profile: Profile,
    stored: Stored,
    why_not: str,
    *,
    pairs: Comparison | None = None,
    workflows: int = 1,
) -> Target:
    """The threshold held against the profile.

    ``stored`` are the workflow's comparable sessions; where there are none, ``why_not`` says
    so for thresholds that need a baseline. ``pairs`` is the comparison of launches taken in pairs,
    ``workflows`` how many the run has. ``regression`` of a time is a gate's to judge, not this
    function's. One process proves no limit on a time: the point estimate decides.
    """
    if threshold.relative and not stored:
        actual = Actual(value=None, detail=why_not)
    elif threshold.subject == "metric":
        actual = _metric(threshold, profile, stored, workflows)
    elif threshold.quantity in ("speedup", "reduction"):
        actual = _faster(threshold, profile, stored, pairs)
    elif threshold.quantity in ("memory", "cpu", "share"):
        actual = _READERS[threshold.quantity](threshold, profile)
    else:
        actual = _time(threshold, profile)
    return settled(threshold, actual)


def settled(threshold: Threshold, actual: Actual) -> Target:
    """The target as it stands against what was measured."""
    if actual.value is None:
        status = "missed" if actual.absent else "unknown"
    else:
        status = "met" if threshold.holds(actual.value) else "missed"
    return Target(
        threshold=threshold.text,
        source=threshold.source,
        status=status,
        actual=actual.value if actual.value is None or math.isfinite(actual.value) else None,
        unit=threshold.unit,
        proved=actual.proved,
        detail=actual.detail,
    )


def not_recorded(kind: str, name: str, known: Sequence[str]) -> Actual:
    """A name that the workflow never recorded: a target that is not met, whatever the limit."""
    what = f"{kind} {name!r}" if name else kind
    return Actual(value=None, absent=True, detail=f"no {what} was recorded; recorded: {', '.join(known) or 'none'}")


def reduce(quantity: str, sample: Sequence[float], percentile: float | None = None) -> float:
    """One number out of a sample: min, median, mean, max, total (the sum) or a percentile."""
    reducers: dict[str, Callable[[Sequence[float]], float]] = {
        "min": min, "median": median, "mean": fmean, "max": max, "total": math.fsum, "value": median,
    }  # fmt: skip
    if percentile is not None:
        return quantile(sample, percentile / 100)
    return float(reducers[quantity](sample))


def values(rounds: Sequence[Round], path: str) -> list[int]:
    """One path's samples, ns: its total in every round that entered it; the whole rounds' for an empty path."""
    if not path:
        return [r.total_ns for r in rounds]
    return [span.total_ns for r in rounds for span in r.spans if span.path == path]


def _time(threshold: Threshold, profile: Profile) -> Actual:
    sample = values(profile.rounds, threshold.name)
    if not sample and not threshold.name:
        return Actual(value=None, detail="no round was measured")
    if not sample:
        return not_recorded("step", threshold.name, profile.steps)
    value = reduce(threshold.quantity, sample, threshold.percentile)
    launches = [found for launch in profile.launches if (found := values(launch.rounds, threshold.name))]
    n = len(launches)
    shown = profile.fresh and proved(threshold, launches, value)
    detail = f"{'proved' if shown else 'unproved'}, n = {n} process{'es' if n > 1 else ''}"
    return Actual(value=value, proved=shown, detail=detail)


def _share(threshold: Threshold, profile: Profile) -> Actual:
    if threshold.name not in profile.steps:
        return not_recorded("step", threshold.name, profile.steps)
    shares = [sum(s.total_ns for s in r.spans if s.path == threshold.name) / max(1, r.total_ns) for r in profile.rounds]
    return Actual(value=median(shares), detail=f"median of {len(shares)} rounds")


def _sampled(profile: Profile) -> list[Round]:
    """Rounds in which memory was sampled: the warm-up ones, or all where there are none."""
    return [r for launch in profile.launches for r in (*launch.warmup, *launch.rounds) if r.memory_bytes is not None]


def _memory(threshold: Threshold, profile: Profile) -> Actual:
    rounds = _sampled(profile)
    if threshold.name and threshold.name not in profile.steps:
        return not_recorded("step", threshold.name, profile.steps)
    if threshold.name:
        found = [s.memory_bytes for r in rounds for s in r.spans if s.path == threshold.name]
    else:
        found = [r.memory_bytes for r in rounds]
    peaks = [peak for peak in found if peak is not None]
    if not peaks:
        return Actual(value=None, detail="memory was not sampled in any round")
    return Actual(value=max(peaks), detail=f"peak growth of resident memory, {len(peaks)} sampled rounds")


def _cpu(threshold: Threshold, profile: Profile) -> Actual:
    pairs: list[tuple[int | None, int]]
    if threshold.name:
        if threshold.name not in profile.steps:
            return not_recorded("step", threshold.name, profile.steps)
        pairs = [(s.cpu_ns, s.total_ns) for r in _sampled(profile) for s in r.spans if s.path == threshold.name]
    else:
        pairs = [(r.cpu_ns, r.total_ns) for r in profile.rounds]
    known = [(cpu, wall) for cpu, wall in pairs if cpu is not None]
    if not known:
        return Actual(value=None, detail="CPU time was not sampled in any round")
    figures = [cpu / max(1, wall) if threshold.unit == "fraction" else float(cpu) for cpu, wall in known]
    return Actual(value=median(figures), detail=f"median of {len(figures)} rounds")


_READERS: dict[str, Callable[[Threshold, Profile], Actual]] = {"share": _share, "memory": _memory, "cpu": _cpu}


def _faster(threshold: Threshold, profile: Profile, stored: Stored, pairs: Comparison | None) -> Actual:
    """``speedup`` and ``reduction``: proved and refuted by the bounds, else the point estimate decides."""
    if threshold.name and threshold.name not in profile.steps:
        return not_recorded("step", threshold.name, profile.steps)
    if pairs is not None:
        speedups, by = _speedup_of_pairs(pairs, threshold.name), f"{pairs.launches} pairs"
    elif any(values(p.rounds, threshold.name) for _, p in stored):
        by = f"{len(profile.launches)} processes" if profile.fresh else "one process"
        speedups = difference(threshold.name, profile, stored).speedup
    else:
        speedups = None
    if speedups is None:
        return Actual(value=None, detail=f"the baseline has no step {threshold.name!r}")
    value, low, high = speedups if threshold.quantity == "speedup" else (1 - 1 / speedup for speedup in speedups)
    shown = threshold.holds(low) or not threshold.holds(high)
    return Actual(value=value, proved=shown, detail="" if shown else f"unproved by {by}")


def _speedup_of_pairs(pairs: Comparison, path: str) -> tuple[float, float, float] | None:
    """Baseline time over current time: estimate, lower and upper bound, each one-sided at 95 %."""
    effect = next((e for e in pairs.effects if e.path == path), None)
    if effect is None:
        return None
    low, high = walsh_interval([math.log(ratio) for ratio in effect.ratios], 1 - 2 * BETA)
    return math.exp(-effect.log_ratio), math.exp(-min(high, _NO_BOUND)), math.exp(-max(low, -_NO_BOUND))


def _metric(threshold: Threshold, profile: Profile, stored: Stored, workflows: int) -> Actual:
    """A metric's own figure, or its change against the stored sessions' median; exact where nothing varies."""
    now = metric_values(profile.rounds, threshold.name)
    if not now:
        return not_recorded("metric", threshold.name, metric_names(profile))
    if threshold.quantity == "share":
        return _share_of_metric(threshold.name, profile.rounds)
    sample = [_in_base_unit(metric) if threshold.unit != "plain" else metric.value for metric in now]
    if not threshold.relative:
        exact = len(set(sample)) == 1
        detail = "exact" if exact else f"varied between {min(sample):g} and {max(sample):g}"
        return Actual(value=reduce(threshold.quantity, sample, threshold.percentile), proved=exact, detail=detail)
    then = [metric for _, p in stored for metric in metric_values(p.rounds, threshold.name)]
    if not then:
        return Actual(value=None, detail=f"the baseline has no metric {threshold.name!r}")
    if {metric.unit for metric in then} != {metric.unit for metric in now}:
        return Actual(value=None, detail=f"the baseline has it in {_units(then)}, this run in {_units(now)}")
    before = [metric.value for metric in then]
    old, new = median(before), median(metric.value for metric in now)
    worse = new - old if now[0].better == "lower" else old - new
    growth = worse / abs(old) if old else (0.0 if not worse else math.copysign(math.inf, worse))
    steady = len(set(before)) == len({metric.value for metric in now}) == 1
    seen = min(len(profile.launches), sum(len(p.launches) for _, p in stored))
    fresh = profile.fresh and all(p.fresh for _, p in stored)
    exact = steady and (not fresh or seen >= exact_from(workflows))
    doubt = "" if exact else f", steady in only {seen} processes" if steady else ", medians of varying values"
    return Actual(
        value=growth if threshold.quantity == "regression" else -growth,
        proved=exact,
        detail=f"{old:g} → {new:g}{doubt}",
    )


def _share_of_metric(name: str, rounds: Sequence[Round]) -> Actual:
    """What part of the workflow's time a metric is that is a time itself: an overhead, say."""
    found = [(metric, r.total_ns) for r in rounds for metric in r.metrics if metric.name == name]
    if any(metric.unit not in TIMES for metric, _ in found):
        units = _units([metric for metric, _ in found])
        return Actual(value=None, absent=True, detail=f"it is no time: recorded in {units}, not in {', '.join(TIMES)}")
    shares = [_in_base_unit(metric) / max(1, total_ns) for metric, total_ns in found]
    return Actual(value=median(shares), detail=f"median of {len(shares)} rounds")


def per_pass(threshold: Threshold, profile: Profile, passed: int) -> Actual:
    """A metric's sum over all rounds by the number of those that ``passed``: what failed was paid for too."""
    now = metric_values(profile.rounds, threshold.name)
    if not now:
        return not_recorded("metric", threshold.name, metric_names(profile))
    sample = [_in_base_unit(metric) if threshold.unit != "plain" else metric.value for metric in now]
    spent = f"{math.fsum(sample):g} over {len(profile.rounds)} rounds"
    if not passed:
        return Actual(value=None, absent=True, detail=f"{spent}, and no round passed every check")
    exact = len(set(sample)) == 1 and passed == len(profile.rounds)
    return Actual(value=math.fsum(sample) / passed, proved=exact, detail=f"{spent}, of which {passed} passed")


def _units(metrics: Sequence[Metric]) -> str:
    return ", ".join(dict.fromkeys(metric.unit or "no unit" for metric in metrics))


def _in_base_unit(metric: Metric) -> float:
    return metric.value / 100 if metric.unit == "%" else metric.value * UNITS.get(metric.unit, 1)


def metric_values(rounds: Sequence[Round], name: str) -> list[Metric]:
    """Every round's record of one metric."""
    return [metric for r in rounds for metric in r.metrics if metric.name == name]


def metric_names(profile: Profile) -> list[str]:
    """Names of all recorded metrics, in the order of their first record."""
    return list(dict.fromkeys(metric.name for r in profile.rounds for metric in r.metrics))
