"""When a run in pairs is judged, and what error each of those looks may spend.

A test repeated while the data gather errs more often than it says; so the run's error is dealt out
over the looks beforehand (Lan & DeMets 1983). The signed-rank test of n pairs has no p-value below
2⁻ⁿ: what a look could not reject with is carried on to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LAUNCHES = (6, 10, 15, 20, 32, 46, 68, 100)
ALPHA_SPENT = (0.02, 0.10, 0.25, 0.40, 0.55, 0.70, 0.85, 1.0)
BETA_SPENT = (0.3125, 0.50, 0.62, 0.72, 0.80, 0.87, 0.94, 1.0)  # the first is 2⁻⁶ of a β of 5 %
ROUNDING = 1 + 1e-9  # p-values and shares are compared with this much mercy


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the data: after how many pairs, and the shares of α and β that are its own to spend."""

    launches: int
    alpha: float
    beta: float


def schedule(affordable: int) -> tuple[Look, ...]:
    """The looks of a run that can afford so many pairs; the last one spends all that is left.

    One look where fewer than six are affordable, none beyond 100. Raises ValueError below 1.
    """
    if affordable < 1:
        raise ValueError(f"a run in pairs takes at least one, not {affordable}")
    last = min(affordable, LAUNCHES[-1])
    counts = [*(n for n in LAUNCHES if n < last), last]
    alphas = [*ALPHA_SPENT[: len(counts) - 1], 1.0]
    betas = [*BETA_SPENT[: len(counts) - 1], 1.0]
    return tuple(
        Look(launches=n, alpha=a - a_before, beta=b - b_before)
        for n, a, a_before, b, b_before in zip(counts, alphas, [0.0, *alphas], betas, [0.0, *betas], strict=False)
    )


def alpha_levels(looks: Sequence[Look], error: float, tests: int) -> tuple[float, ...]:
    """Per look, what a family of ``tests`` may spend there of ``error``; 0 where none of them could be rejected."""
    return _levels([look.launches for look in looks], [error * look.alpha for look in looks], tests)


def beta_levels(looks: Sequence[Look], error: float) -> tuple[float, ...]:
    """Per look, the error with which one gate may be passed there, of ``error`` in all."""
    return _levels([look.launches for look in looks], [error * look.beta for look in looks], 1)


def _levels(launches: Sequence[int], shares: Sequence[float], tests: int) -> tuple[float, ...]:
    levels, left = [], 0.0
    for n, share in zip(launches, shares, strict=True):
        left += share
        usable = 2.0**-n <= left / tests * ROUNDING
        levels.append(left if usable else 0.0)
        left = 0.0 if usable else left
    return tuple(levels)
