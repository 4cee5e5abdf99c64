"""How far values scatter, and how much less a sample says where its values come in clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from statistics import fmean, median

from ..estimate import normal_quantile

PAIRWISE = 1.0483  # the median of |x − y| of two standard normal values is 1/1.0483
_STEPS = 64  # of Simpson's rule: ten digits


def scale(groups: Sequence[Sequence[float]]) -> float:
    """The standard deviation within the groups, from the median difference of two values of the same group.

    A quarter of the values may be wild without moving it far. 0 where no group has two values.
    Source: Shamos 1976; Bickel & Lehmann 1979.
    """
    differences = [abs(one - other) for group in groups for one, other in combinations(group, 2)]
    return PAIRWISE * median(differences) if differences else 0.0


def intraclass(groups: Sequence[Sequence[float]]) -> float:
    """The correlation of two values of the same group, 0 … 1, by one-way analysis of variance.

    1 where it cannot be told: fewer than two groups, or none with two values.
    Source: Fisher 1925; unequal sizes after Donner 1986.
    """
    k, total = len(groups), sum(map(len, groups))
    if k < 2 or total <= k:
        return 1.0
    centre = fmean(value for group in groups for value in group)
    means = [fmean(group) for group in groups]
    between = sum(len(g) * (m - centre) ** 2 for g, m in zip(groups, means, strict=True)) / (k - 1)
    within = sum((value - m) ** 2 for g, m in zip(groups, means, strict=True) for value in g) / (total - k)
    size = (total - sum(len(group) ** 2 for group in groups) / total) / (k - 1)
    spread = between + (size - 1) * within
    return min(1.0, max(0.0, (between - within) / spread)) if spread > 0 else 1.0


@lru_cache(maxsize=4096)
def tail_correlation(rho: float, q: float) -> float:
    """How two values correlated by ``rho`` agree on being above the ``q``-quantile: their indicators' correlation.

    Source: the derivative of the bivariate normal distribution function (Plackett 1954), integrated over asin ρ.
    """
    z, top = normal_quantile(q), math.asin(min(1.0, max(0.0, rho)))
    if top == 0.0:
        return 0.0
    weights = [1, *([4, 2] * (_STEPS // 2 - 1)), 4, 1]
    values = (math.exp(-(z**2) / (1 + math.sin(top * i / _STEPS))) for i in range(_STEPS + 1))
    integral = sum(w * v for w, v in zip(weights, values, strict=True)) * top / _STEPS / 3
    return min(1.0, integral / (2 * math.pi) / (q * (1 - q)))


def design_effect(groups: Sequence[Sequence[float]], q: float) -> float:
    """By how much clustering divides the sample's size, where it is to speak of a ``q``-quantile; at least 1.

    Source: Kish 1965, 1 + (r − 1)·ρ, with ρ that of :func:`tail_correlation`.
    """
    total = sum(map(len, groups))
    size = sum(len(group) ** 2 for group in groups) / total
    return max(1.0, 1 + (size - 1) * tail_correlation(intraclass(groups), q))
