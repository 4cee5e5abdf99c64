"""What a threshold on a load is about: replicas at once, over all rounds that had so many."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median

from ..estimate import signed_rank_p
from ..loads import Load, LoadStep
from ..model import Profile
from ..samples import quantile
from .proof import ERROR, LEAST_LAUNCHES
from .quantity import Actual, not_recorded
from .threshold import Threshold


def of_load(threshold: Threshold, profile: Profile) -> Actual:
    """The quantity of a ``load:`` threshold: failures of all rounds together, of anything else one figure a round.

    Figures are combined by their median, ``min`` and ``max`` by themselves; times are latencies. A load or step
    that was never recorded is absent.
    """
    number, _, path = threshold.name.partition("/")
    every = [load for taken in profile.rounds for load in taken.loads]
    loads = [load for load in every if load.concurrency == int(number)]
    if not loads:
        return not_recorded("load", number, list(dict.fromkeys(load.name for load in every)))
    if threshold.quantity == "failures":
        return _failures(loads, as_share=threshold.unit == "fraction")
    if threshold.quantity == "inflation":
        return _inflation(threshold, loads, path)
    if threshold.quantity == "throughput":
        return _figure(threshold, [load.throughput for load in loads])
    return _figure(threshold, [_latency(threshold, load) for load in loads])


def _failures(loads: Sequence[Load], *, as_share: bool) -> Actual:
    failures, calls = sum(load.failures for load in loads), sum(load.calls for load in loads)
    examples = "; ".join(dict.fromkeys(example for load in loads for example in load.examples))
    detail = f"{failures} of {calls} calls" + (f": {examples}" if examples else "")
    return Actual(value=failures / calls if as_share else failures, proved=True, detail=detail)


def _inflation(threshold: Threshold, loads: Sequence[Load], path: str) -> Actual:
    held: list[Load | LoadStep] = [*loads]
    if path:
        held = [step for load in loads for step in load.steps if step.path == path]
        if not held:
            known = dict.fromkeys(step.path for load in loads for step in load.steps)
            return not_recorded("step", f"{loads[0].name}/{path}", list(known))
    figures = [each.inflation for each in held if each.alone_ns is not None]
    if not figures:
        return Actual(value=None, detail="not measured alone (baseline=False, or it failed or never ran there)")
    most = None if path else loads[-1].most_inflated
    return _figure(threshold, figures, "" if most is None else f"most of it in step {most.path!r} ({most.inflation!r})")


def _latency(threshold: Threshold, load: Load) -> float:
    if threshold.percentile is not None:
        return quantile(load.latency_ns, threshold.percentile / 100)
    return _REDUCERS[threshold.quantity](load.latency_ns)


_REDUCERS: dict[str, Callable[[Sequence[float]], float]] = {"min": min, "median": median, "max": max}


def _figure(threshold: Threshold, figures: Sequence[float], more: str = "") -> Actual:
    """One figure out of those of all rounds; of those of five rounds or more, proved or not by the signed-rank test."""
    value = float(_REDUCERS.get(threshold.quantity, median)(figures))
    shown = _proved(threshold, figures, value)
    rounds = "1 round" if len(figures) == 1 else f"{len(figures)} rounds"
    detail = f"{'proved' if shown else 'unproved'}, n = {rounds}"
    return Actual(value=value, proved=shown, detail=f"{more}; {detail}" if more else detail)


def _proved(threshold: Threshold, figures: Sequence[float], value: float) -> bool:
    if len(figures) < LEAST_LAUNCHES or min(threshold.value, *figures) <= 0:
        return False
    below = threshold.holds(value) is (threshold.op in ("<", "<="))
    logs = [math.log(figure / threshold.value) for figure in figures]
    return signed_rank_p(logs, alternative="less" if below else "greater") <= ERROR
