"""Where a series of levels changes for good: E-divisive with means.

The distance of two stretches X and Y of n and m values is that of their distributions (Székely & Rizzo 2005, with
exponent 1), by unbiased averages of all distances between and within them,

    E = 2·mean|x − y| − mean|x − x'| − mean|y − y'|,    Q = n·m/(n + m)·E.

A stretch Z₁…Z_T is cut at the τ for which Q of Z₁…Z_τ and Z_τ₊₁…Z_κ is largest over all τ and κ: κ < T finds a level
that comes back, which no cut of the whole stretch would show. The largest Q of all stretches is a change where few
orders of the values *within* the stretches do as well; then both sides are searched anew.

Source: Matteson & James 2014, JASA 109, 334–345, equations 5 to 8 and section 3; for performance data Daly et al. 2020,
"The Use of Change Point Detection to Identify Software Performance Regressions in a Continuous Integration System".
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from operator import add

SHORTEST = 2  # values a stretch has at least: one slow session is no change
LEVEL = 0.05  # 0.01 would take ten values at least
FEWEST = 8  # values of which any order can reach that level: four and four have 2 of 70, three and four 2 of 35
ORDERS = 299  # tried at random beside the one there was: 1/300 is the smallest p there is
SEED = 20_140_108  # the same series has the same changes
ROUNDING = 1e-9  # of the largest distance: orders that differ by less do equally well

Distances = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """From value number ``at`` on the series is another; ``p_value`` is how often chance does as well."""

    at: int
    p_value: float


def change_points(values: Sequence[float]) -> tuple[Cut, ...]:
    """The changes of a series, in its order; the same for the same values on every machine, none of too few.

    A permutation test: of unchanged values, however they are distributed, one series in twenty shows a change. The
    values have to be exchangeable for that: sessions minutes apart, which share a machine's mood, are not.
    Takes time with the square of the count, times ``ORDERS`` for each change.
    """
    if len(values) < FEWEST:
        return ()
    distances = [[abs(one - other) for other in values] for one in values]
    unit = max(map(max, distances)) * ROUNDING
    source = random.Random(SEED)  # noqa: S311
    cuts: list[Cut] = []
    while True:
        stretches = [range(*ends) for ends in pairwise([0, *sorted(cut.at for cut in cuts), len(values)])]
        found = max(_best(distances, stretch) for stretch in stretches)
        p_value = _p_value(distances, stretches, found[0] - unit, source)
        if p_value > LEVEL:
            return tuple(sorted(cuts, key=lambda cut: cut.at))
        cuts.append(Cut(at=found[1], p_value=p_value))


def _p_value(distances: Distances, stretches: Sequence[range], reached: float, source: random.Random) -> float:
    """The share of orders within the stretches that reach as much; 1 as soon as it is known to be above ``LEVEL``."""
    orders = [list(stretch) for stretch in stretches if len(stretch) >= 2 * SHORTEST]
    as_good = 1  # the order there was
    for _ in range(ORDERS):
        for order in orders:
            source.shuffle(order)
        as_good += max((_best(distances, order)[0] for order in orders), default=reached) >= reached
        if as_good > LEVEL * (ORDERS + 1):
            return 1.0
    return as_good / (ORDERS + 1)


def _best(distances: Distances, order: Sequence[int]) -> tuple[float, int]:
    """The largest Q over all τ and κ, and the value at which the right side begins; -∞ where it is too short."""
    n = len(order)
    if n < 2 * SHORTEST:
        return -math.inf, order[0]
    within = _within(distances, order)
    whole = within[0]
    best, cut = -math.inf, order[SHORTEST]
    for tau in range(SHORTEST, n - SHORTEST + 1):
        left = whole[tau]
        both, mine, theirs = _weights(tau, n - tau)
        sums = zip(whole[tau + SHORTEST :], within[tau][SHORTEST:], both, mine, theirs, strict=True)
        largest = max([total * b - left * m - right * t for total, right, b, m, t in sums])  # a list is faster here
        if largest > best:
            best, cut = largest, order[tau]
    return best, cut


def _within(distances: Distances, order: Sequence[int]) -> list[list[float]]:
    """``[i][k]``: the sum of all distances among the ``k`` values from number ``i`` on, by those from ``i + 1`` on."""
    rows = []
    sums = [0.0]
    for i in range(len(order) - 1, -1, -1):
        row = distances[order[i]]
        to_later = accumulate(map(row.__getitem__, order[i + 1 :]), initial=0.0)
        sums = [0.0, *map(add, sums, to_later)]
        rows.append(sums)
    rows.reverse()
    return rows


@cache
def _weights(n: int, most: int) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """By m = ``SHORTEST`` … ``most``: Q's factors of the sums of distances in both sides together, in n, in m."""
    sizes = range(SHORTEST, most + 1)
    return (
        tuple(2 / (n + m) for m in sizes),
        tuple(2 / (n + m) * (1 + m / (n - 1)) for m in sizes),
        tuple(2 / (n + m) * (1 + n / (m - 1)) for m in sizes),
    )
