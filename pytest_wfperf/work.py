"""One workflow on its way from a launched process's description to what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .judged import Comparison, Measured
from .measure.conditions import environment
from .measure.launch import Effort
from .model import Count, Launch, Profile

ROUND_LIMIT_S, ROUND_LIMIT_TIMES = 600.0, 10  # how long a round may take: this, or so many times max_time


@dataclass
class Work:
    """One workflow while it is being measured; ``taken`` are its launches, a tuple of one for each side."""

    workflow: str
    thresholds: list[tuple[str, str]]
    rounds: int
    warmup: int
    launches: int | None
    sampled: bool
    limit_s: float
    taken: list[tuple[Launch, ...]] = field(default_factory=list)
    effort: Effort | None = None
    error: str = ""
    counts: list[tuple[Count, ...]] = field(default_factory=list)
    seconds: float = 0.0
    latest_s: float = 0.0  # in the latest launch
    open: bool = True  # what more launches could still decide something about
    told: bool = False  # that it has all of its launches
    reused: int = 0  # launches that an interrupted run has taken
    kept: int = 0  # launches that are on disk
    unkept_s: float = 0.0  # what those took that are not

    @classmethod
    def of(cls, described: Mapping[str, Any], before: Measured | None, sides: int) -> Work:
        """The work that a launched process has described, with what an interrupted run measured of it ``before``."""
        own = described["time_limit"]
        work = cls(
            workflow=described["workflow"],
            thresholds=[(text, source) for text, source in described["thresholds"]],
            rounds=described["rounds"],
            warmup=described["warmup"],
            launches=described["launches"],
            sampled=described["resources"],
            limit_s=own or max(ROUND_LIMIT_S, ROUND_LIMIT_TIMES * described["max_time"]),
        )
        profiles = [p for p in (before.profile, before.against) if p is not None] if before is not None else []
        if len(profiles) == sides and profiles[0].launches:
            first = profiles[0].launches[0]
            work.taken = list(zip(*(profile.launches for profile in profiles), strict=True))
            work.effort = Effort(rounds=len(first.rounds), warmup=len(first.warmup))
            work.counts = [profile.counts for profile in profiles] if profiles[0].counts else []
            work.reused = work.kept = len(work.taken)
        return work

    @property
    def pairs(self) -> list[tuple[Launch, Launch]]:
        return [(current, baseline) for current, baseline in self.taken]

    @property
    def round_s(self) -> float:
        """What the longest of all sides' fastest rounds took, s."""
        return max((min(r.total_ns for r in launch.rounds) for pair in self.taken for launch in pair), default=0) / 1e9

    def measured(self, comparison: Comparison | None = None) -> Measured:
        """Everything there is of it; ``comparison`` is its judgement where it was measured in pairs."""
        if not self.taken:
            return Measured(error=self.error or "ERROR: no launch of it was measured")
        sides = [
            Profile(
                workflow=self.workflow,
                environment=environment(0),
                launches=tuple(launches[side] for launches in self.taken),
                counts=self.counts[side] if self.counts else (),
            )
            for side in range(len(self.taken[0]))
        ]
        return Measured(
            profile=sides[0],
            against=sides[1] if len(sides) > 1 else None,
            comparison=comparison,
            error=self.error,
            seconds=self.seconds,
            reused=self.reused,
        )
