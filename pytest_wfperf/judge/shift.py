"""How much slower one side of pairs is than the other, held against a limit.

A pair is two fresh processes taken side by side; its value d = ln(current/baseline). The estimate is
the median of Walsh averages (Hodges & Lehmann 1963), the tests are exact signed-rank ones (Wilcoxon
1945). No number of pairs takes away what one code's memory layout does to it in all of them, so with
τ₀ its standard deviation, Δ = ln(1 + limit) and z at a gate's share of the error,

    c_R = max(0.6·Δ, z·τ₀)        a slowdown below it is never REGRESSED,
    c_P = min(0.6·Δ, Δ − 1.645·τ₀)    none from it on is ever passed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..estimate import hodges_lehmann, normal_quantile, signed_rank_p, t_quantile, walsh_interval
from .difference import BETA, CUT
from .looks import ROUNDING
from .spread import scale

LIMITS = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50, 1.00)  # what a limit nobody named may be
LEAST_OF_LAYOUT = 2.5  # nothing smaller than so many τ₀ is ever said to be caught
RANKS_LOSE = 4  # so many pairs less is what the signed-rank test is worth beside a t test, this far out; by simulation
POWER = 0.84  # z of the 80 % chance at which more pairs are said to settle a gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """Where the verdicts of one statistic begin, in ln; ``error`` is the share of α that a gate's layout may use."""

    delta: float
    layout_sd: float
    error: float

    @property
    def layout_reach(self) -> float:
        """How far its layout alone may move a gate at its share of the error."""
        return normal_quantile(1 - self.error) * self.layout_sd

    @property
    def regressed_from(self) -> float:
        return max(CUT * self.delta, self.layout_reach)

    @property
    def passed_below(self) -> float:
        return min(CUT * self.delta, self.delta - normal_quantile(1 - BETA) * self.layout_sd)

    @property
    def judgeable(self) -> float:
        """The smallest limit between whose two cuts the layout leaves no gap (0.08 is 8 %)."""
        passing = normal_quantile(1 - BETA) * self.layout_sd / (1 - CUT)
        return math.expm1(max(self.layout_reach / CUT, passing))


@dataclass(frozen=True, kw_only=True)
class Shift:
    """ln(current/baseline) of one statistic, pair by pair."""

    logs: Sequence[float]
    cuts: Cuts = field(repr=False)

    @cached_property
    def estimate(self) -> float:
        return hodges_lehmann(self.logs)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The two-sided 95 % one; infinite below six pairs."""
        return walsh_interval(self.logs)

    @property
    def one_sided(self) -> tuple[float, float]:
        """Two bounds that hold with 95 % each; infinite below five pairs."""
        return walsh_interval(self.logs, 1 - 2 * BETA)

    @cached_property
    def slower_p(self) -> float:
        """The p-value of "no slower at all"."""
        return signed_rank_p(self.logs)

    @cached_property
    def faster_p(self) -> float:
        return signed_rank_p(self.logs, alternative="less")

    @cached_property
    def sd(self) -> float:
        """Of one pair's value."""
        return scale([self.logs])

    def passes(self, level: float) -> bool:
        """Whether a slowdown of the limit is ruled out at this error."""
        if self.estimate >= self.cuts.passed_below:
            return False
        return signed_rank_p(self.logs, self.cuts.delta, "less") <= level * ROUNDING

    @property
    def suspicious(self) -> bool:
        """Whether it may yet turn out too slow to pass: half-way there is near enough for more pairs."""
        return self.estimate >= self.cuts.passed_below / 2

    @property
    def hopeless(self) -> bool:
        """Whether it lies where the layout lets no number of pairs decide."""
        low, high = self.interval
        return low >= self.cuts.passed_below and high < self.cuts.regressed_from

    def flagged_from(self, pairs: int, level: float) -> float | None:
        """The estimate from which on ``pairs`` of them show a slowdown at ``level``; None where they cannot."""
        if not 2.0**-pairs <= level * ROUNDING:
            return None
        return max(self.cuts.regressed_from, normal_quantile(1 - level) * self.sd / math.sqrt(pairs))

    def could_have_caught(self, pairs: int, first: int, level: float) -> float | None:
        """ln(1 + slowdown) that is flagged 95 times in 100 with at most ``pairs`` of them.

        ``first`` is after how many the first look is: a slowdown well below the limit is missed where
        it is passed there. At the limit itself that is bounded by the test.
        """
        if self.flagged_from(pairs, level) is None:
            return None
        df = max(1, len(self.logs) - 1)
        t = t_quantile(1 - BETA, df)
        last, start = self.sd / math.sqrt(pairs), self.sd / math.sqrt(min(first, pairs))
        layout = normal_quantile(1 - BETA) * self.cuts.layout_sd
        shown = (t_quantile(1 - level, df) + t) * last * math.sqrt(pairs / (pairs - RANKS_LOSE))
        return max(
            self.cuts.regressed_from + math.hypot(t * last, layout),
            min(self.cuts.passed_below + math.hypot(t * start, layout), self.cuts.delta),
            shown,
            LEAST_OF_LAYOUT * self.cuts.layout_sd,
        )

    def pairs_needed(self, level: float) -> float:
        """How many pairs would settle it, four times in five, with this spread; inf where the layout hides it."""
        cuts = self.cuts
        if cuts.passed_below <= self.estimate < cuts.regressed_from:
            return math.inf
        if self.estimate < cuts.passed_below:
            distance, z = cuts.delta - self.estimate, normal_quantile(1 - BETA)
        else:
            distance, z = self.estimate, normal_quantile(1 - level)
        least = -math.log2(BETA if self.estimate < cuts.passed_below else level)
        return max(least, ((z + POWER) * self.sd / distance) ** 2)

    def outlook(self, level: float) -> str:
        """What it would take to decide it."""
        needed = self.pairs_needed(level)
        if math.isinf(needed):
            own = math.expm1(normal_quantile(1 - BETA) * self.cuts.layout_sd)
            return (
                f"the layout's own effect (± {own:.1%}) hides it: a limit of {_up(self.cuts.judgeable)} could be judged"
            )
        if needed <= len(self.logs):
            return "a few more pairs would settle it"
        return f"about {_rounded(needed)} pairs would settle it"


def _up(limit: float) -> str:
    """The next whole percent."""
    return f"{math.ceil(100 * limit - 1e-9)} %"


def _rounded(pairs: float) -> int:
    """To two digits, upwards."""
    step: int = 10 ** max(0, math.ceil(math.log10(pairs)) - 2)
    return math.ceil(pairs / step) * step
