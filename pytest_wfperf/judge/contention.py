"""What other processes had of the time: nobody can tell by how much a step would have been faster without them.

A round of length T in which its thread waited d for a processor would have taken T − d at best, so its time is
wrong by as much as w = −ln(1 − d/T). A launch's w is that of its rounds by the same statistic as its time: the
least of any round for the minimum, their mean for the mean. Processes on other processors share caches, memory and
perhaps a core with it: where they used the share b of all processors, w grows by BESIDE·b. A side's is the mean over
its launches. With w of this run and w_i of k stored sessions the difference has the further variance w² + Σw_i²/k².
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from ..model import Launch, Round

MOST = 0.95  # of a round: more than that is no measurement at all
BESIDE = 0.25  # beside neighbours that used 0.45 of two processors, steps took up to 28 % longer at their quickest
TOLD = 0.05  # of the time: less is not worth a sentence

Reduce = Callable[[Sequence[float]], float]


def variance(now: Sequence[Launch], before: Sequence[Sequence[Launch]], reduce: Reduce) -> float:
    """The further variance of ln(current/baseline); ``before`` are the launches of each stored session."""
    stored = sum(_error(session, reduce) ** 2 for session in before) / max(1, len(before)) ** 2
    return _error(now, reduce) ** 2 + stored


def lost(launches: Iterable[Launch]) -> float:
    """The share of the rounds' time in which other processes had the processor."""
    return fmean([_share(r) for launch in launches for r in launch.rounds] or [0.0])


def _error(launches: Sequence[Launch], reduce: Reduce) -> float:
    """A side's w."""
    return fmean(
        reduce([-math.log1p(-_share(r)) for r in launch.rounds]) + BESIDE * launch.beside
        for launch in launches
        if launch.rounds
    )


def _share(taken: Round) -> float:
    return min(MOST, (taken.run_delay_ns or 0) / max(1, taken.total_ns))
