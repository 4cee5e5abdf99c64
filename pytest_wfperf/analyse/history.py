"""One workflow over all that is stored of it: its level at each session, where it changed, how far it has drifted.

A launch's value is ln of its fastest round, less ln of what a fixed piece of work took in the same process where every
launch in view was calibrated; a session's level is the median of Walsh averages over its launches (Hodges & Lehmann
1963), told in ns at the machine's speed in the newest session. So the judge takes it too.

How far two levels of the same code lie apart is held to be a standard deviation of 2 % between sessions of fresh
processes (1.5 % calibrated), 5 % between single processes as they come, worth four degrees of freedom; sessions of the
same version, which were accepted as one level, correct that as they gather.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import fmean, median, variance

from ..estimate import hodges_lehmann, t_quantile, walsh_interval
from ..model import Profile
from ..priors import (
    CALIBRATED_SD,
    ESTIMATOR_SD,
    LAUNCH_SD,
    PRIOR_WEIGHT,
    PROCESS_SD,
    SESSION_GAP_S,
    SESSION_SD,
    SPEED_SD,
)
from .change_points import change_points

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The level of one session: ``low_ns`` and ``high_ns`` bound it with 95 %, None where too few launches do.

    They speak of that session's launches only: another session of the same code lies further off. ``version`` is the
    baseline's that held it first, empty for the run at hand; ``reason`` says why that version was accepted, ``commit``
    is the session's; ``accepted`` marks the first session of a version.
    """

    created: datetime
    level_ns: float
    low_ns: float | None = None
    high_ns: float | None = None
    launches: int = 1
    version: str = ""
    session: str = ""
    commit: str = ""
    reason: str = ""
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """From point number ``at`` on the level is another: the medians of the stretches before and after it."""

    at: int
    before_ns: float
    after_ns: float
    p_value: float

    @property
    def change(self) -> float:
        """0.1 for 10 % slower."""
        return self.after_ns / self.before_ns - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far the newest point is from the oldest accepted version: ``change`` is 0.1 for 10 % slower.

    ``since`` is that version's first session; it is held against the mean of all its sessions in view. ``low`` and
    ``high`` are the 95 % interval, ``versions`` how many were accepted on the way.
    """

    since: Point
    change: float
    low: float
    high: float
    versions: int

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval excludes that nothing has changed."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The points, oldest first, the changes between them and the drift over all; None where there is one point.

    ``calibrated`` says that the machine's speed is taken off. ``left_out`` sessions lie between the first point and
    the second. ``notes`` are sentences about what could not be read, or compared.
    """

    points: tuple[Point, ...]
    changes: tuple[ChangePoint, ...] = ()
    drift: Drift | None = None
    calibrated: bool = False
    left_out: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A profile and where it comes from, as :class:`Point` says it."""

    profile: Profile
    created: datetime
    version: str = ""
    session: str = ""
    commit: str = ""
    reason: str = ""
    accepted: bool = False


def history(
    taken: Iterable[Taken], *, left_out: int = 0, versions: int | None = None, notes: Sequence[str] = ()
) -> History:
    """The history of one workflow, of its sessions from the oldest on.

    ``left_out`` sessions were not read after the first; ``versions`` is how many were accepted in all where those
    given do not say. A profile without rounds is no point, and noted.
    """
    sessions = list(taken)
    noted = [*notes, *(f"{_name(one)} has no rounds and is left out" for one in sessions if not one.profile.rounds)]
    sessions = [one for one in sessions if one.profile.rounds]
    calibrated = all(launch.calibration_ns > 0 for one in sessions for launch in one.profile.launches if launch.rounds)
    levels = [_Level(one, calibrated=calibrated) for one in sessions]
    if not _alike(sessions) and any(one.profile.fresh for one in sessions):
        noted.append("not all sessions were taken in fresh processes with memory laid out by one rule")
    if not levels:
        return History(points=(), left_out=left_out, notes=tuple(noted))
    points = tuple(level.point(levels[-1].speed) for level in levels)
    accepted = sum(one.accepted for one in sessions) if versions is None else versions
    return History(
        points=points,
        changes=_changes(points, 1 if left_out else 0),
        drift=_drift(levels, points[0], accepted, calibrated=calibrated) if len(levels) > 1 else None,
        calibrated=calibrated,
        left_out=left_out,
        notes=tuple(noted),
    )


class _Level:
    """One session's launches as values in ln, less the machine's speed where that counts."""

    def __init__(self, taken: Taken, *, calibrated: bool) -> None:
        self.taken = taken
        launches = [launch for launch in taken.profile.launches if launch.rounds]
        speeds = [math.log(launch.calibration_ns) if calibrated else 0.0 for launch in launches]
        fastest = [math.log(max(1, min(r.total_ns for r in launch.rounds))) for launch in launches]
        self.values = [value - speed for value, speed in zip(fastest, speeds, strict=True)]
        self.speed = hodges_lehmann(speeds)
        self.value = hodges_lehmann(self.values)

    def point(self, speed: float) -> Point:
        """The level in ns on a machine of that speed."""
        taken = self.taken
        bounds = [math.exp(bound + speed) if math.isfinite(bound) else None for bound in self._interval()]
        return Point(
            created=taken.created,
            level_ns=math.exp(self.value + speed),
            low_ns=bounds[0],
            high_ns=bounds[1],
            launches=len(self.values),
            version=taken.version,
            session=taken.session,
            commit=taken.commit,
            reason=taken.reason,
            accepted=taken.accepted,
        )

    def _interval(self) -> tuple[float, float]:
        return walsh_interval(self.values, CONFIDENCE)


def _changes(points: Sequence[Point], skipped: int) -> tuple[ChangePoint, ...]:
    """The changes of the points after the first ``skipped``, which others should stand beside."""
    cuts = change_points([math.log(point.level_ns) for point in points[skipped:]])
    ends = [0, *(cut.at for cut in cuts), len(points) - skipped]
    stretches = [median(point.level_ns for point in points[skipped:][start:end]) for start, end in pairwise(ends)]
    return tuple(
        ChangePoint(at=skipped + cut.at, before_ns=before, after_ns=after, p_value=cut.p_value)
        for cut, before, after in zip(cuts, stretches[:-1], stretches[1:], strict=True)
    )


def _drift(levels: Sequence[_Level], since: Point, accepted: int, *, calibrated: bool) -> Drift:
    """The newest level against the mean of the oldest version's sessions, by a t interval as the judge has it."""
    *stored, newest = levels
    groups = _by_version(stored)
    oldest = groups[0]
    variance_, df = _session_variance(groups, levels, calibrated=calibrated)
    faster = newest.speed - fmean(level.speed for group in oldest for level in group)
    value = newest.value - fmean(map(_mean, oldest))
    spread = variance_ * (1 + 1 / len(oldest)) + (SPEED_SD * faster) ** 2 + ESTIMATOR_SD**2
    reach = t_quantile((1 + CONFIDENCE) / 2, df) * math.sqrt(spread)
    return Drift(
        since=since,
        change=math.expm1(value),
        low=math.expm1(value - reach),
        high=math.expm1(value + reach),
        versions=max(0, accepted - 1),
    )


def _session_variance(
    groups: Sequence[Sequence[Sequence[_Level]]], levels: Sequence[_Level], *, calibrated: bool
) -> tuple[float, float]:
    """The variance of a session's level, launches' scatter within it included, and its degrees of freedom."""
    prior = PROCESS_SD**2
    if _alike([level.taken for level in levels]):
        freedom = sum(len(level.values) - 1 for level in levels)
        scattered = sum((len(level.values) - 1) * variance(level.values) for level in levels if len(level.values) > 1)
        launch_variance = (scattered + 2 * LAUNCH_SD**2) / (freedom + 2)
        prior = (CALIBRATED_SD if calibrated else SESSION_SD) ** 2 + launch_variance / len(levels[-1].values)
    squares, df = PRIOR_WEIGHT * prior, float(PRIOR_WEIGHT)
    for group in groups:
        if len(group) > 1:
            squares += (len(group) - 1) * variance(map(_mean, group))
            df += len(group) - 1
    return squares / df, df


def _by_version(levels: Sequence[_Level]) -> list[list[list[_Level]]]:
    """The levels by the version that held them first, and in it by sessions far enough apart to count as several."""
    groups: list[list[list[_Level]]] = []
    for level in levels:
        last = groups[-1][-1] if groups else None
        if last is None or last[0].taken.version != level.taken.version:
            groups.append([[level]])
        elif (level.taken.created - last[0].taken.created).total_seconds() >= SESSION_GAP_S:
            groups[-1].append([level])
        else:
            last.append(level)
    return groups


def _mean(levels: Sequence[_Level]) -> float:
    return fmean(level.value for level in levels)


def _alike(sessions: Sequence[Taken]) -> bool:
    """Whether all launches were processes started for measuring, their memory laid out by one rule."""
    launches = [launch for one in sessions for launch in one.profile.launches]
    layouts = {dict(launch.conditions).get("addresses") for launch in launches}
    return all(launch.fresh for launch in launches) and len(layouts) == 1


def _name(taken: Taken) -> str:
    return f"session {taken.session} of version {taken.version}" if taken.version else "the run at hand"
