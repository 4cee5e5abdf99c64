"""The gates of a run in pairs: what has become of each of them so far."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from ..judged import Verdict
from .level import MEAN_LIMIT
from .looks import ROUNDING
from .shift import Cuts, Shift
from .sides import Series, Sides

IMPROVED_ERROR = 1 / 64  # what six pairs can show; no gate hangs on it
MOST_LACKING = 0.2  # of the pairs: a step more often absent on one side is no gate


@dataclass(slots=True, kw_only=True)
class Statistic:
    """One statistic of one gate, and what has become of it so far."""

    limit: float
    shift: Shift | None = None
    negligible: bool = False
    regressed: bool = False
    passed: bool = False

    @property
    def known(self) -> Shift:
        assert self.shift is not None
        return self.shift

    @property
    def improved(self) -> bool:
        """Whether it is faster by more than chance and its layout explain."""
        shift = self.known
        enough = shift.faster_p <= IMPROVED_ERROR * ROUNDING and -shift.estimate >= shift.cuts.layout_reach
        return enough and not self.negligible


@dataclass(slots=True, kw_only=True)
class Gate:
    """One time of one workflow under its statistics; the mean is among them where there are rounds to take it of."""

    path: str
    limit: float
    automatic: bool
    series: Series
    statistics: list[Statistic]

    @property
    def regressed(self) -> bool:
        return any(s.regressed for s in self.statistics)

    @property
    def passed(self) -> bool:
        return not self.regressed and all(s.passed for s in self.statistics)

    @property
    def undecided(self) -> bool:
        return not self.regressed and not self.passed

    @property
    def suspicious(self) -> bool:
        """Undecided, and slower than what could be passed."""
        return self.undecided and any(s.known.suspicious for s in self.statistics if not s.passed)

    @property
    def hopeless(self) -> bool:
        return self.undecided and all(s.known.hopeless for s in self.statistics if not s.passed)

    @property
    def verdict(self) -> Verdict:
        if self.regressed:
            return Verdict.REGRESSED
        if self.undecided:
            return Verdict.INCONCLUSIVE
        return Verdict.IMPROVED if self.statistics[0].improved else Verdict.PASS

    def measure(self, layout_sd: float, error: float) -> None:
        """Take in what pairs have come; ``error`` is the gate's share of the run's."""
        samples = (self.series.minima, self.series.means)
        for statistic, sample in zip(self.statistics, samples, strict=False):
            cuts = Cuts(delta=math.log1p(statistic.limit), layout_sd=layout_sd, error=error)
            statistic.shift = shift = Shift(logs=[math.log(now / then) for now, then in sample], cuts=cuts)
            growth_ns = median(then for _, then in sample) * math.expm1(shift.estimate)
            statistic.negligible = abs(growth_ns) <= self.series.floor_ns

    def settle(self, level: float) -> None:
        """Pass what can be passed at this error; what once was stays so."""
        for statistic in self.statistics:
            statistic.passed = statistic.passed or statistic.negligible or statistic.known.passes(level)

    def details(self, error: float) -> Iterator[str]:
        """What else there is to say; ``error`` is one statistic's share of the run's."""
        if self.series.change_of_entries:
            yield self.series.change_of_entries
        if self.regressed and not self.statistics[0].regressed:
            yield f"some rounds are slow: their mean grew by {math.expm1(self.statistics[1].known.estimate):.0%}"
        if self.undecided:
            waiting = [s.known for s in self.statistics if not s.passed]
            yield max(waiting, key=lambda s: s.pairs_needed(error)).outlook(error)


def gates_of(sides: Sides, limits: Mapping[str, float], default: float) -> Iterator[Gate]:
    """The gates of one workflow: itself, every declared step, and every other that hardly ever lacks on a side."""
    for path, series in sides.series.items():
        declared = path == "" or path in limits
        if declared or series.pairs >= (1 - MOST_LACKING) * sides.pairs:
            limit = limits.get(path, default)
            statistics = [Statistic(limit=limit)]
            if series.several:
                statistics.append(Statistic(limit=MEAN_LIMIT * limit))
            yield Gate(path=path, limit=limit, automatic=not declared, series=series, statistics=statistics)
