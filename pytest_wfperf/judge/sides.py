"""The times of both sides of pairs, by path, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from ..model import Launch
from .table import FLOOR_NS, RECORDER_COSTS, Table, change_of_entries

Pair = tuple[Launch, Launch]  # (current, baseline), taken side by side


@dataclass(slots=True)
class Series:
    """One path's figures as (current, baseline), one entry for every pair in which both sides have it.

    ``several`` is whether any launch has more than one sample of it: else its mean is its minimum.
    """

    minima: list[tuple[float, float]] = field(default_factory=list)
    means: list[tuple[float, float]] = field(default_factory=list)
    entries: list[tuple[float, float]] = field(default_factory=list)
    recording_ns: list[float] = field(default_factory=list)
    iterations: float = 1
    several: bool = False

    @property
    def pairs(self) -> int:
        return len(self.minima)

    @property
    def floor_ns(self) -> float:
        """The growth below which there is nothing to judge: the clock's ticks and recording explain it."""
        return max(1.0, FLOOR_NS / self.iterations, RECORDER_COSTS * median(self.recording_ns))

    @property
    def change_of_entries(self) -> str:
        return change_of_entries([now for now, _ in self.entries], [then for _, then in self.entries])


class Sides:
    """One workflow's pairs so far, gathered as they come."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.pairs = 0
        self.fresh = True
        self._seen: tuple[dict[str, None], dict[str, None]] = {}, {}

    @property
    def appeared(self) -> tuple[str, ...]:
        """Steps that only the current side ever had."""
        return tuple(path for path in self._seen[0] if path not in self._seen[1])

    @property
    def vanished(self) -> tuple[str, ...]:
        """Steps that only the baseline ever had."""
        return tuple(path for path in self._seen[1] if path not in self._seen[0])

    def add(self, pairs: Sequence[Pair]) -> None:
        """Take in what is new among all pairs so far. Raises ValueError for a launch without rounds."""
        for pair in pairs[self.pairs :]:
            now, then = (Table(launch.rounds, launch.recorder_ns) for launch in pair)
            for seen, table in zip(self._seen, (now, then), strict=True):
                seen.update(dict.fromkeys(table.times))
            for path in now.times:
                if path in then.times:
                    _add(self.series.setdefault(path, Series()), path, now, then)
            self.pairs += 1
            self.fresh = self.fresh and all(launch.fresh for launch in pair)


def _add(series: Series, path: str, now: Table, then: Table) -> None:
    here, there = now.times[path], then.times[path]
    series.minima.append((min(here), min(there)))
    series.means.append((fmean(here), fmean(there)))
    series.recording_ns.append(now.recording_ns(path))
    series.several = series.several or max(len(here), len(there)) > 1
    least = min(now.iterations, then.iterations)
    series.iterations = least if series.pairs == 1 else min(series.iterations, least)
    if path:
        series.entries.append((median(now.entries[path]), median(then.entries[path])))
