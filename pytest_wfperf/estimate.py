"""Estimates, bounds and exact tests, each with its source; nothing here knows what a workflow is.

Values are plain floats. Confidence is 0.95 for 95 %. Arguments outside a function's domain raise ValueError.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, combinations_with_replacement
from typing import Literal

_NORMAL = statistics.NormalDist()
_EXACT_SIGNED_RANK = 100
_NEARLY_NORMAL_DF = 1e7
_FRACTION_TERMS = 20_000  # some √max(a, b) are needed


def _check(name: str, value: float, *, allowed: bool, domain: str) -> None:
    if not allowed:
        raise ValueError(f"{name} must be {domain}, not {value!r}")


# --- distributions --------------------------------------------------------------------


def normal_quantile(p: float) -> float:
    """The standard normal quantile at ``p``, 0 < p < 1. Source: Wichura 1988, algorithm AS 241."""
    _check("p", p, allowed=0 < p < 1, domain="between 0 and 1")
    return _NORMAL.inv_cdf(p)


def t_cdf(x: float, df: float) -> float:
    """P(T ≤ x) for Student's t with ``df`` > 0 degrees of freedom; ``df`` need not be whole.

    Source: Abramowitz & Stegun 1964, 26.7.1 with 26.5.8; above 10⁷ degrees of freedom Fisher's expansion
    about the normal to its first term (Fisher 1925, Metron 5).
    """
    _check("df", df, allowed=df > 0, domain="above 0")
    _check("x", x, allowed=not math.isnan(x), domain="a number")
    size = abs(x)
    if size in (0.0, math.inf):
        tail = 0.0 if size else 0.5
    elif df >= _NEARLY_NORMAL_DF:
        tail = min(0.5, _NORMAL.cdf(-size) + _NORMAL.pdf(size) * (size**3 + size) / (4 * df))
    else:
        tail = 0.5 * math.exp(_log_beta_cdf(math.log(df) - 2 * math.log(size), df / 2, 0.5))
    return tail if x < 0 else 1 - tail


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """The quantile of Student's t at ``p``, 0 < p < 1, ``df`` > 0 (not necessarily whole).

    Infinite where the value does not fit a float (``df`` far below 1).
    Source: as :func:`beta_quantile`; above 10⁷ degrees of freedom Abramowitz & Stegun 1964, 26.7.5.
    """
    _check("p", p, allowed=0 < p < 1, domain="between 0 and 1")
    _check("df", df, allowed=df > 0, domain="above 0")
    centre, tails = 2 * abs(p - 0.5), 2 * min(p, 1 - p)
    if centre == 0:
        return 0.0
    if df >= _NEARLY_NORMAL_DF:
        z = _NORMAL.inv_cdf(p)
        return z + (z**3 + z) / (4 * df) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * df**2)
    # t²/df is the odds of a beta variable; the rarer of its two tails keeps all its digits.
    odds = -_beta_logit(tails, df / 2, 0.5) if tails < centre else _beta_logit(centre, 0.5, df / 2)
    log_size = (math.log(df) + odds) / 2
    return math.copysign(math.exp(log_size) if log_size < 709 else math.inf, p - 0.5)


@lru_cache(maxsize=4096)
def beta_quantile(p: float, a: float, b: float) -> float:
    """The quantile of the beta distribution with shapes ``a``, ``b`` > 0 at ``p``, 0 ≤ p ≤ 1.

    Source: the regularised incomplete beta function by its continued fraction (Abramowitz & Stegun 1964,
    26.5.8), inverted by Newton's method for its logarithm over the log-odds.
    """
    _check("p", p, allowed=0 <= p <= 1, domain="between 0 and 1")
    _check("a", a, allowed=0 < a < math.inf, domain="above 0")
    _check("b", b, allowed=0 < b < math.inf, domain="above 0")
    if p in (0.0, 1.0):
        return float(p)
    logit = _beta_logit(p, a, b) if p <= 0.5 else -_beta_logit(1 - p, b, a)
    return math.exp(_log_share(logit))


def _beta_logit(p: float, a: float, b: float) -> float:
    """The log-odds at which the beta distribution function is ``p``.

    The logarithm of that function is concave over the log-odds, and the start (its bound xᵃ/aB(a,b), odds for x)
    lies left of the root: every step goes right and none goes too far.
    """
    log_beta = _log_beta(a, b)
    log_p = math.log(p)
    logit = (log_p + math.log(a) + log_beta) / a
    step = math.inf
    while step > 1e-9 * (1 + abs(logit)):  # a step back is rounding: the root is reached
        log_cdf = _log_beta_cdf(logit, a, b)
        slope = math.exp(a * _log_share(logit) + b * _log_share(-logit) - log_beta - log_cdf)
        step = (log_p - log_cdf) / slope
        logit += step
    return logit


def _log_share(logit: float) -> float:
    """The logarithm of the x whose log-odds are ``logit``."""
    return -math.log1p(math.exp(-logit)) if logit > 0 else logit - math.log1p(math.exp(logit))


def _log_beta(a: float, b: float) -> float:
    """The logarithm of B(a, b); by Stirling's series where the difference of two large ln Γ would lose its digits."""
    small, large = min(a, b), max(a, b)
    if large < 100:
        return math.lgamma(small) + math.lgamma(large) - math.lgamma(small + large)
    both = small + large
    growth = (large - 0.5) * math.log1p(small / large) + small * (math.log(both) - 1)
    return math.lgamma(small) - growth + _stirling_rest(large) - _stirling_rest(both)


def _stirling_rest(z: float) -> float:
    """What Stirling's formula lacks of ln Γ(z). Source: Abramowitz & Stegun 1964, 6.1.41."""
    return 1 / (12 * z) - 1 / (360 * z**3) + 1 / (1260 * z**5)


def _log_beta_cdf(logit: float, a: float, b: float) -> float:
    """The logarithm of I_x(a, b), the regularised incomplete beta function, for the x whose log-odds are ``logit``."""
    x = math.exp(_log_share(logit))
    log_front = a * _log_share(logit) + b * _log_share(-logit) - _log_beta(a, b)
    if x * (a + b + 2) <= a + 1:
        return log_front + math.log(_beta_fraction(x, a, b) / a)
    rest = math.exp(log_front) * _beta_fraction(math.exp(_log_share(-logit)), b, a) / b
    return math.log1p(-min(rest, 1 - 2**-53))


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of I_x(a, b). Source: Abramowitz & Stegun 1964, 26.5.8; evaluated after Lentz 1976."""
    tiny = 1e-300
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    value = d
    for m in range(1, _FRACTION_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for coefficient in (even, odd) if even else ():
            d = 1 / ((1 + coefficient * d) or tiny)
            c = (1 + coefficient / c) or tiny
            value *= c * d
        if even == 0 or abs(c * d - 1) < 1e-15:
            break
    return value


# --- shares of rounds -----------------------------------------------------------------


def clopper_pearson_lower(passed: float, total: float, confidence: float = 0.95) -> float:
    """The one-sided lower confidence bound of a share of which ``passed`` of ``total`` were seen.

    Counts need not be whole (a design effect may have divided them). 0 where nothing was seen.
    Source: Clopper & Pearson 1934, as a beta quantile.
    """
    _check_share(passed, total, confidence)
    return beta_quantile(1 - confidence, passed, total - passed + 1) if passed > 0 else 0.0


def clopper_pearson_upper(passed: float, total: float, confidence: float = 0.95) -> float:
    """The one-sided upper confidence bound, as :func:`clopper_pearson_lower`; 1 where nothing was seen."""
    _check_share(passed, total, confidence)
    return 1 - beta_quantile(1 - confidence, total - passed, passed + 1) if passed < total else 1.0


def _check_share(passed: float, total: float, confidence: float) -> None:
    _check("passed", passed, allowed=0 <= passed <= total < math.inf, domain=f"between 0 and the total {total!r}")
    _check("confidence", confidence, allowed=0 < confidence < 1, domain="between 0 and 1")


@lru_cache(maxsize=4096)
def rounds_to_prove(failures: int, minimum: float, confidence: float = 0.95) -> int:
    """The fewest rounds, ``failures`` of them failed, whose lower bound reaches ``minimum``.

    0 where no number of rounds can: a minimum of 1 is never proved. Otherwise at least 1.
    Source: Clopper & Pearson 1934; 59, 93, 124, 153 for 0 to 3 failures at 95 %.
    """
    _check("failures", failures, allowed=failures >= 0, domain="0 or more")
    _check("minimum", minimum, allowed=minimum <= 1, domain="at most 1")
    if minimum == 1:
        return 0

    def proves(rounds: int) -> bool:
        return clopper_pearson_lower(rounds - failures, rounds, confidence) >= minimum

    too_few, enough = max(failures, 1) - 1, max(failures, 1)
    while not proves(enough):
        too_few, enough = enough, 2 * enough
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if proves(middle) else (middle, enough)
    return enough


# --- paired differences ---------------------------------------------------------------


def hodges_lehmann(differences: Sequence[float]) -> float:
    """The median of all pairwise means, each value with itself among them. Source: Hodges & Lehmann 1963.

    Time and memory grow with the square of the count. Raises ValueError for no differences.
    """
    if not differences:
        raise ValueError("no differences to estimate from")
    return statistics.median(_walsh_averages(differences))


def signed_rank_p(
    differences: Sequence[float], shift: float = 0.0, alternative: Literal["greater", "less"] = "greater"
) -> float:
    """The one-sided p-value of Wilcoxon's signed-rank test that the differences lie above (or below) ``shift``.

    Exact up to 100 differences; the normal approximation with continuity correction beyond. Differences equal
    to the shift and ties in size are ranked so that p is largest. 1 for no differences.
    Source: Wilcoxon 1945; ties by the least favourable ranking (Pratt & Gibbons 1981, chapter 3.7).
    """
    sign = {"greater": 1, "less": -1}[alternative]
    moved = sorted(((value - shift) * sign for value in differences), key=lambda value: (abs(value), value <= 0))
    n = len(moved)
    against = sum(rank for rank, value in enumerate(moved, 1) if not value > 0)
    return _signed_rank_at_most(against, n)


def walsh_interval(differences: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """The two-sided interval around :func:`hodges_lehmann` whose confidence is at least the one asked for.

    It holds every shift that :func:`signed_rank_p` does not reject on either side at half the error each, so it
    is ``(-inf, inf)`` where too few differences cannot reject any: below 6 at 95 %, below 8 at 99 %.
    Source: Tukey 1949; Hollander & Wolfe 1999, section 3.3.
    """
    _check("confidence", confidence, allowed=0 < confidence < 1, domain="between 0 and 1")
    n = len(differences)
    averages = sorted(_walsh_averages(differences))
    outside = bisect_right(
        range(len(averages)), (1 - confidence) / 2, key=lambda statistic: _signed_rank_at_most(statistic, n)
    )
    if outside == 0:
        return -math.inf, math.inf
    return averages[outside - 1], averages[-outside]


def _walsh_averages(differences: Sequence[float]) -> list[float]:
    return [(one + other) / 2 for one, other in combinations_with_replacement(differences, 2)]


def _signed_rank_at_most(statistic: int, n: int) -> float:
    """P(W ≤ statistic) for the rank sum of either sign among ``n`` differences, under no shift."""
    if n <= _EXACT_SIGNED_RANK:
        return _signed_rank_cdf(n)[statistic]
    mean, variance = n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24
    return _NORMAL.cdf((statistic + 0.5 - mean) / math.sqrt(variance))


@lru_cache(maxsize=_EXACT_SIGNED_RANK + 1)
def _signed_rank_cdf(n: int) -> tuple[float, ...]:
    """P(W ≤ w) for w = 0 … n(n+1)/2: of the 2ⁿ sign patterns those with a rank sum of at most w."""
    patterns = [1]
    for rank in range(1, n + 1):
        with_rank = [0] * rank + patterns
        patterns = [without + with_ for without, with_ in zip(patterns + [0] * rank, with_rank, strict=True)]
    return tuple(sum_ / 2**n for sum_ in accumulate(patterns))


# --- quantiles ------------------------------------------------------------------------


def quantile_bounds(values: Sequence[float], q: float, confidence: float = 0.95) -> tuple[float, float]:
    """Two order statistics between which the ``q``-quantile lies with at least ``confidence``.

    For independent values of one distribution, whatever its shape. A side that so few values cannot bound is infinite.
    Source: Hahn & Meeker 1991, section 5.2 (exact binomial, half the error on each side).
    """
    _check("q", q, allowed=0 < q < 1, domain="between 0 and 1")
    _check("confidence", confidence, allowed=0 < confidence < 1, domain="between 0 and 1")
    ordered = sorted(values)
    error = (1 - confidence) / 2
    below, above = _rejected_ranks(len(ordered), q, error), _rejected_ranks(len(ordered), 1 - q, error)
    return (ordered[below - 1] if below else -math.inf, ordered[-above] if above else math.inf)


def _rejected_ranks(n: int, q: float, error: float) -> int:
    """How many k in 0 … n-1 have P(B ≤ k) ≤ ``error`` for B binomial with ``n`` trials of chance ``q``."""
    logit = math.log1p(-q) - math.log(q)
    return bisect_right(range(n), error, key=lambda k: math.exp(_log_beta_cdf(logit, n - k, k + 1)))
