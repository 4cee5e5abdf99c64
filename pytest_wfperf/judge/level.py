"""A profile and its stored sessions as gates: by path what is judged, under which two statistics.

Two readings of the same profiles: :class:`InProcess` takes each session for one process,
:class:`Launched` the launches of each session for so many.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from ..estimate import hodges_lehmann
from ..model import Launch, Profile
from . import contention
from .contention import Reduce
from .difference import Difference, mean_scatter, of_sessions, scatter, steady_mean
from .launches import Evidence, evidence
from .table import Table, change_of_entries, floor_ns, gathered

MEAN_LIMIT = 3  # the mean of rounds is held against so many times the limit
LONG_NS = 10**9  # a single round this long scatters no more than sessions do: an interruption is little of it
SPEED_TOLD = 0.02  # a change of the machine's speed by less is not worth a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One time under its statistics: the minimum of the rounds, and their mean at three times the limit.

    ``mean`` is None where there is one round a launch, or a session of one long round. ``evidence`` and
    ``ratios`` are of launches.
    """

    path: str
    limit: float
    automatic: bool
    baseline_ns: float
    current_ns: float
    minimum: Difference
    mean: Difference | None
    detail: str
    evidence: Evidence | None = None
    ratios: tuple[float, ...] = ()

    @property
    def statistics(self) -> tuple[tuple[Difference, float], ...]:
        minimum = (self.minimum, self.limit)
        return (minimum,) if self.mean is None else (minimum, (self.mean, MEAN_LIMIT * self.limit))


class InProcess:
    """Each session is one process, whatever it holds."""

    def __init__(self, current: Profile, groups: Sequence[Sequence[Profile]]) -> None:
        self._now, self._then = gathered([current]), [gathered(group) for group in groups]
        self._launches = current.launches, [[launch for one in group for launch in one.launches] for group in groups]
        self.here = tuple(self._now.times)
        self.there = tuple(dict.fromkeys(path for table in self._then for path in table.times))

    def gate(self, path: str, limit: float, *, automatic: bool) -> Gate:
        now = self._now.times[path]
        then = [table.times[path] for table in self._then if path in table.times]
        floor = floor_ns(path, [self._now], self._then)
        means = [steady_mean(group) for group in then]
        several = max(map(len, (now, *then))) > 1 or min(now) < LONG_NS
        quickest, usual = (contention.variance(*self._launches, reduce) for reduce in (min, fmean))
        return Gate(
            path=path,
            limit=limit,
            automatic=automatic,
            baseline_ns=math.exp(fmean(math.log(min(group)) for group in then)),
            current_ns=min(now),
            minimum=of_sessions(
                [min(group) for group in then], min(now), scatter(now, then) if several else 0.0, floor, quickest
            ),
            mean=of_sessions(means, steady_mean(now), mean_scatter(now, then), floor, usual) if several else None,
            detail=_entries(path, [self._now], self._then),
        )


class Launched:
    """Each session is as many processes as it has launches, fresh ones all of them."""

    def __init__(self, current: Profile, groups: Sequence[Sequence[Profile]]) -> None:
        sides = [[launch for profile in group for launch in profile.launches] for group in ([current], *groups)]
        calibrated = all(launch.calibration_ns > 0 for side in sides for launch in side)
        read = [[_Reading(launch, calibrated=calibrated) for launch in side if launch.rounds] for side in sides]
        self._now, self._then = read[0], [session for session in read[1:] if session]
        self._launches = sides[0], [side for side, session in zip(sides[1:], read[1:], strict=True) if session]
        if not self._now or not self._then:
            raise ValueError("a profile without rounds cannot be compared")
        speeds = [hodges_lehmann([each.speed for each in side]) for side in (self._now, *self._then)]
        self._speed = speeds[0] - fmean(speeds[1:]) if calibrated else None
        self.here = tuple(dict.fromkeys(path for each in self._now for path in each.table.times))
        self.there = tuple(dict.fromkeys(p for session in self._then for each in session for p in each.table.times))

    def gate(self, path: str, limit: float, *, automatic: bool) -> Gate:
        now = [each for each in self._now if path in each.table.times]
        then = [found for s in self._then if (found := [each for each in s if path in each.table.times])]
        tables = [each.table for each in now], [each.table for session in then for each in session]
        floor = floor_ns(path, *tables)
        current_ns, *before_ns = (_level_ns(path, side) for side in (now, *then))
        baseline_ns = math.exp(fmean(map(math.log, before_ns)))
        minimum, values = self._evidence(path, now, then, min)
        judged = [minimum]
        if any(len(table.times[path]) > 1 for side in tables for table in side):
            judged.append(self._evidence(path, now, then, fmean)[0])
        differences = [e.difference(negligible=baseline_ns * abs(math.expm1(e.value)) <= floor) for e in judged]
        base = hodges_lehmann(values) - minimum.value
        return Gate(
            path=path,
            limit=limit,
            automatic=automatic,
            baseline_ns=baseline_ns,
            current_ns=current_ns,
            minimum=differences[0],
            mean=differences[1] if len(differences) > 1 else None,
            detail=_entries(path, *tables) if path else "; ".join(self._machine_told()),
            evidence=minimum,
            ratios=tuple(math.exp(value - base) for value in values),
        )

    def _evidence(
        self, path: str, now: Sequence[_Reading], then: Sequence[Sequence[_Reading]], reduce: Reduce
    ) -> tuple[Evidence, list[float]]:
        """What one statistic has to say, and its values of the current launches."""
        here = [each.value(path, reduce) for each in now]
        there = [[each.value(path, reduce) for each in session] for session in then]
        taken = contention.variance(*self._launches, reduce)
        return evidence(here, there, speed=self._speed, contention=taken), here

    def _machine_told(self) -> Iterator[str]:
        """How else the machine was now than at the baseline."""
        yield from self._speed_told()
        lost = contention.lost(launch for session in self._launches[1] for launch in session)
        if lost >= contention.TOLD:
            yield f"at the baseline other processes had the processor for {lost:.0%} of the time"

    def _speed_told(self) -> Iterator[str]:
        if self._speed is None or abs(self._speed) < SPEED_TOLD:
            return
        change = math.expm1(abs(self._speed))
        than = "slower" if self._speed > 0 else "faster"
        yield f"the machine itself was {change:.0%} {than} than at the baseline, which is taken off"


class _Reading:
    """One launch's samples, and how long its fixed piece of work took (ln; 0 where that does not count)."""

    def __init__(self, launch: Launch, *, calibrated: bool) -> None:
        self.table = Table(launch.rounds, launch.recorder_ns)
        self.speed = math.log(launch.calibration_ns) if calibrated else 0.0

    def value(self, path: str, reduce: Reduce) -> float:
        return math.log(reduce(self.table.times[path])) - self.speed


def _level_ns(path: str, launches: Sequence[_Reading]) -> float:
    return math.exp(hodges_lehmann([math.log(min(each.table.times[path])) for each in launches]))


def _entries(path: str, now: Sequence[Table], then: Sequence[Table]) -> str:
    here, there = ([count for table in side for count in table.entries.get(path, ())] for side in (now, then))
    return change_of_entries(here, there)
