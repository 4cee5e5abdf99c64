"""Which steps carry a change, in parts that add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from ..model import Launch, Round

OVERLAP = 0.01  # of the whole: steps that sum to more than it by this much ran at the same time
TRIMMED = 5  # of the pairs, in order of their change, the first and the last fifth are set aside


def attribution(current: Sequence[Round], baseline: Sequence[Round]) -> dict[str, float]:
    """By how much of the baseline's total each step's own time changed it; ``""`` is time outside all steps.

    Taken from the fastest quarter of the rounds by their total on each side, all values from
    those same rounds, so that the parts add up to the change of the whole. Where steps overlap (in
    threads or tasks) no such parts exist, and the answer is empty.
    """
    return _parts(_own(_fastest(current)), _own(_fastest(baseline)))


def attribution_of_pairs(pairs: Sequence[tuple[Launch, Launch]]) -> dict[str, float]:
    """The same over launches taken in pairs, as (current, baseline).

    Each launch speaks by the fastest quarter of its rounds; of the pairs a fifth at each end of
    their own change is set aside, and what is left counts evenly. Empty without a pair.
    """
    both = [(_own(_fastest(now.rounds)), _own(_fastest(then.rounds))) for now, then in pairs]
    both.sort(key=lambda pair: sum(pair[0].values()) / max(1.0, sum(pair[1].values())))
    kept = both[len(both) // TRIMMED : len(both) - len(both) // TRIMMED]
    return _parts(*(_mean([pair[side] for pair in kept]) for side in (0, 1))) if kept else {}


def _parts(now: dict[str, float], then: dict[str, float]) -> dict[str, float]:
    """The change of every path's own time in parts of the baseline's total, that is of the sum of them all."""
    total = sum(then.values()) or 1.0
    if min(now[""], then[""]) < -OVERLAP * total:
        return {}
    return {path: (now.get(path, 0.0) - then.get(path, 0.0)) / total for path in dict.fromkeys([*now, *then])}


def _mean(sides: Sequence[dict[str, float]]) -> dict[str, float]:
    paths = dict.fromkeys(path for side in sides for path in side)
    return {path: fmean(side.get(path, 0.0) for side in sides) for path in paths}


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
