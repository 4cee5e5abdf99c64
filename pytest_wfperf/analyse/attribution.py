"""Which steps carry a change, in parts that add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from ..model import Round

OVERLAP = 0.01  # of the whole: steps that sum to more than it by this much ran at the same time


def attribution(current: Sequence[Round], baseline: Sequence[Round]) -> dict[str, float]:
    """By how much of the baseline's total each step's own time changed it; ``""`` is time outside all steps.

    Taken from the fastest quarter of the rounds by their total on each side, all values from
    those same rounds, so that the parts add up to the change of the whole. Where steps overlap (in
    threads or tasks) no such parts exist, and the answer is empty.
    """
    now, then = _fastest(current), _fastest(baseline)
    own_now, own_then = _own(now), _own(then)
    total = fmean(r.total_ns for r in then) or 1.0
    if min(own_now[""], own_then[""]) < -OVERLAP * total:
        return {}
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
