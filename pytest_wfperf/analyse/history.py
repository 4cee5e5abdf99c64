"""One workflow over all that is stored of it: its level at each session, where it changed, how far it has drifted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The level of one session: ``low_ns`` and ``high_ns`` bound it with 95 %, None where too few launches do.

    ``version`` is the baseline's that holds it, empty for the run at hand; ``reason`` says why that version was
    accepted; ``accepted`` marks the first session of a version.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far the newest point is from the oldest accepted version: ``change`` is 0.1 for 10 % slower.

    ``low`` and ``high`` are its 95 % interval, ``versions`` how many were accepted on the way.
    """

    since: Point
    change: float
    low: float
    high: float
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The points, oldest first, the changes between them and the drift over all; None where there is one point."""

    points: tuple[Point, ...]
    changes: tuple[ChangePoint, ...] = ()
    drift: Drift | None = None
