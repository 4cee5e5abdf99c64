"""How much slower one process was than stored ones, and how sure one can be of it.

Here a process is one unit of evidence: rounds inside it share an address-space layout, a hash
seed and a moment, and no number of them shows what another process would have done. What
processes of one and the same code differ by is therefore a stated prior, ``PROCESS_SD``, which
stored sessions correct as they gather: with k of them the between-process variance is

    τ² = (4·PROCESS_SD² + (k − 1)·S²) / (k + 3),   k + 3 degrees of freedom,

S² being the variance of the stored sessions' values, and the difference has the variance
V_s = τ²·(1 + 1/k) + C, with C for what other processes add (:mod:`.contention`). V_l is what is left
of the rounds' own scatter. A slowdown Δ = ln(1 + limit) is REGRESSED where the difference reaches both
√(t²·V_s + z²·V_l) and 0.6·Δ, with t at the run's error and z at the gate's share of it: what sets
processes apart moves all steps together, so only the rounds' scatter is a chance that every gate takes
anew. It is PASS where difference + √(t²·V_s + 1.645²·V_l) stays below Δ, else INCONCLUSIVE.

Source: a t test with a scaled-inverse-χ² prior on the variance (Gelman et al. 2013, §2.6); the
minimum of rounds after Chen & Revels 2016 (arXiv 1608.04295).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance

from ..estimate import normal_quantile, t_quantile
from ..priors import ESTIMATOR_SD, PRIOR_WEIGHT, PROCESS_SD

ALPHA = 0.01  # a run with nothing slower is flagged at most this often
BETA = 0.05  # a slowdown of the limit is passed at most this often
ROUND_SD = 0.10  # prior: standard deviation of log times between rounds, worth two rounds
CUT = 0.6  # of Δ: no verdict against a difference below it, none for one above it


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """ln(current/baseline) of one statistic, with the variances it is judged by."""

    value: float
    session_variance: float
    round_variance: float
    df: float
    negligible: bool = False

    def reach(self, p: float, p_rounds: float | None = None) -> float:
        """Half-width that holds with one-sided confidence ``p``, for the rounds' part with ``p_rounds``."""
        t, z = t_quantile(p, self.df), normal_quantile(p if p_rounds is None else p_rounds)
        return math.sqrt(t**2 * self.session_variance + z**2 * self.round_variance)

    def excludes(self, limit: float) -> bool:
        """Whether a slowdown of ``limit`` (0.1 is 10 %) is ruled out."""
        delta = math.log1p(limit)
        return self.negligible or (self.value + self.reach(1 - BETA) < delta and self.value < CUT * delta)

    def shows(self, limit: float, error: float) -> bool:
        """Whether the slowdown is beyond chance at ``error``, and large enough to be held against ``limit``."""
        return not self.negligible and self.value >= self.shown_from(limit, error)

    @property
    def speedup(self) -> tuple[float, float, float]:
        """Baseline time over current time: estimate, lower and upper bound, each one-sided at 95 %."""
        reach = self.reach(1 - BETA)
        return math.exp(-self.value), math.exp(-self.value - reach), math.exp(-self.value + reach)

    def shown_from(self, limit: float, error: float) -> float:
        """ln(1 + slowdown) from which on :meth:`shows` holds."""
        return max(self.reach(1 - ALPHA, 1 - error), CUT * math.log1p(limit))


def of_sessions(
    before: Sequence[float], now: float, round_variance: float, floor_ns: float, contention: float = 0.0
) -> Difference:
    """The difference between a value of this process and ``before``, one value a stored session."""
    logs = [math.log(value) for value in before]
    k = len(logs)
    spread = variance(logs) if k > 1 else 0.0
    tau2 = (PRIOR_WEIGHT * PROCESS_SD**2 + (k - 1) * spread) / (PRIOR_WEIGHT + k - 1)
    base = fmean(logs)
    return Difference(
        value=math.log(now) - base,
        session_variance=tau2 * (1 + 1 / k) + contention,
        round_variance=ESTIMATOR_SD**2 + round_variance,
        df=PRIOR_WEIGHT + k - 1,
        negligible=abs(now - math.exp(base)) <= floor_ns,
    )


def scatter(now: Sequence[int], then: Sequence[Sequence[int]]) -> float:
    """Variance of the difference that rounds alone would make: σ²·(1/n + 1/N), σ from the median absolute deviation."""
    deviations: list[float] = []
    for sample in (now, *then):
        centre = median(sample)
        deviations += [abs(math.log(value / centre)) for value in sample]
    n = len(deviations)
    sd = 1.4826 * median(deviations)
    sigma2 = (n * sd**2 + 2 * ROUND_SD**2) / (n + 2)
    return sigma2 * (1 / len(now) + 1 / (n - len(now)))


def steady_mean(sample: Sequence[int]) -> float:
    """The mean without the slowest round: one interruption is not a slow path.

    Of fewer than five rounds the minimum: too few to tell an interruption from a slow path.
    """
    return fmean(sorted(sample)[:-1]) if len(sample) >= 5 else min(sample)


def mean_scatter(now: Sequence[int], then: Sequence[Sequence[int]]) -> float:
    """Squared relative standard errors of both sides' means, each with the prior's two rounds."""
    total = 0.0
    pooled = [value for group in then for value in group]
    for sample in (now, pooled):
        n, centre = len(sample), fmean(sample)
        relative = sum((value - centre) ** 2 for value in sample) / n / centre**2
        total += (n * relative + 2 * ROUND_SD**2) / (n + 2) / n
    return total
