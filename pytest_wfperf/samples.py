"""Numbers a test author compares in a plain ``assert``, and how they read when it fails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_PERCENTILE = re.compile(r"p(\d{2}(?:\.\d+)?|\d{2}_\d+)")


def quantile(values: Sequence[float], q: float) -> float:
    """The ``q``-quantile (0 ≤ q ≤ 1) of ``values``, linear between order statistics.

    Source: Hyndman & Fan 1996, definition 7 (the default of numpy and R).
    Raises ValueError when there are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


class Seconds(float):
    """A duration in seconds that reads as ``212 ms`` in an assertion message."""

    __slots__ = ()

    def __repr__(self) -> str:
        for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
            if abs(self) >= size:
                return f"{float(self) / size:.4g} {unit}"
        return f"{float(self) / 1e-9:.4g} ns"


class Ratio(float):
    """Old time over new time, with the interval it was estimated in where there is one."""

    __slots__ = ("high", "low")

    low: float | None
    high: float | None

    def __new__(cls, value: float, low: float | None = None, high: float | None = None) -> Ratio:
        ratio = super().__new__(cls, value)
        ratio.low, ratio.high = low, high
        return ratio

    def __repr__(self) -> str:
        if self.low is None or self.high is None:
            return f"{float(self):.3g}x"
        if self.low == 0 or self.high == float("inf"):
            return f"{float(self):.3g}x (too few pairs for an interval)"
        return f"{float(self):.3g}x (95 % interval {self.low:.3g}x to {self.high:.3g}x)"


class Samples:
    """The samples of one step, or of a whole workflow, in the order they were taken.

    ``min``, ``median``, ``mean``, ``max``, ``total`` and every ``p50`` … ``p99`` (and
    ``p99_9``) are :class:`Seconds`.
    """

    __slots__ = ("name", "values_ns")

    def __init__(self, name: str, values_ns: Sequence[int]) -> None:
        if not values_ns:
            raise ValueError(f"{name!r} has no samples")
        self.name = name
        self.values_ns = tuple(values_ns)

    @property
    def min(self) -> Seconds:
        return Seconds(min(self.values_ns) / 1e9)

    @property
    def median(self) -> Seconds:
        return self.percentile(50)

    @property
    def mean(self) -> Seconds:
        return Seconds(sum(self.values_ns) / len(self.values_ns) / 1e9)

    @property
    def max(self) -> Seconds:
        return Seconds(max(self.values_ns) / 1e9)

    @property
    def total(self) -> Seconds:
        return Seconds(sum(self.values_ns) / 1e9)

    def percentile(self, percent: float) -> Seconds:
        """The ``percent``-th percentile, 0 … 100."""
        return Seconds(quantile(self.values_ns, percent / 100) / 1e9)

    def __getattr__(self, name: str) -> Any:
        match = _PERCENTILE.fullmatch(name)
        if match is None:
            raise AttributeError(f"samples have no {name!r}; try median, p95, min, mean, max or total")
        return self.percentile(float(match[1].replace("_", ".")))

    def __len__(self) -> int:
        return len(self.values_ns)

    def __repr__(self) -> str:
        rounds = "1 round" if len(self) == 1 else f"{len(self)} rounds"
        return f"<{self.name}: median {self.median!r}, p95 {self.percentile(95)!r}, {rounds}>"
