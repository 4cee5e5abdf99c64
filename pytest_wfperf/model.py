"""What is measured, as every room speaks of it: frozen, plain, in nanoseconds.

A :class:`Profile` holds launches, a :class:`Launch` rounds, a :class:`Round` spans and what was recorded
beside them. What judges make of it stands in :mod:`.judged`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import MeasurementError
from .loads import Load
from .samples import Ratio, Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One step in one round, over all its entries.

    ``path`` joins the names of the enclosing steps with ``/``. ``total_ns`` sums the entries,
    ``own_ns`` is what no nested step covers. ``start_ns`` and ``end_ns`` are offsets of the
    first entry and the last exit from the round's start. ``status`` is ``ok``, ``error`` (an
    exception passed through, named in ``error``) or ``open`` (not closed when the round ended).
    ``waited_ns`` is how long it was ready and had not begun, ``retries`` how often it was tried in vain
    and ``retry_ns`` the time from its first try to its last; none of that is in ``total_ns``. ``growth_ns`` is
    by how much an entry took longer at the end of the round than at its start, by a line fitted to all.
    """

    path: str
    count: int
    total_ns: int
    min_ns: int
    max_ns: int
    own_ns: int
    start_ns: int
    end_ns: int
    status: str = "ok"
    error: str = ""
    after: tuple[str, ...] = ()
    group: str | None = None
    cpu_ns: int | None = None
    memory_bytes: int | None = None
    waited_ns: int = 0
    retries: int = 0
    retry_ns: int = 0
    growth_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One named quality-gate outcome of one round; ``value`` and ``minimum`` where it was a score."""

    name: str
    passed: bool
    detail: str = ""
    value: float | None = None
    minimum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One recorded number of one round. ``better`` is ``lower`` or ``higher``."""

    name: str
    value: float
    unit: str = ""
    better: str = "lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Look-ups of one named cache in one round; ``timed`` is whether they took any of its time (a fixture's do not)."""

    name: str
    hits: int
    misses: int
    timed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One pass through a workflow's body.

    ``folded`` counts the step entries beyond the recorder's limit: they are in the spans'
    count, total, min and max, but were not held one by one. ``iterations`` is how many calls were
    timed together where another tool did so: every time is then that of one, on average.
    ``notes`` are sentences about the recording (a step left open, say). ``run_delay_ns`` is how long its
    thread could have run and other processes had the processor, None where the system does not tell.
    """

    total_ns: int
    status: str = "passed"
    spans: tuple[Span, ...] = ()
    checks: tuple[Check, ...] = ()
    metrics: tuple[Metric, ...] = ()
    caches: tuple[Cache, ...] = ()
    loads: tuple[Load, ...] = ()
    cpu_ns: int | None = None
    run_delay_ns: int | None = None
    memory_bytes: int | None = None
    folded: int = 0
    iterations: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One process's rounds. ``warmup`` rounds are kept apart and never judged for time.

    ``recorder_ns`` is what one recorded step cost in that process, ``calibration_ns`` what a fixed
    piece of work took in it (0 where not measured). ``conditions`` are name–value pairs of what
    really took effect in a process started for measuring; the test's own process has none. ``beside`` is the share
    of all processors that other processes used while it ran (0 where not known).
    """

    rounds: tuple[Round, ...]
    warmup: tuple[Round, ...] = ()
    recorder_ns: int = 0
    calibration_ns: int = 0
    beside: float = 0.0
    conditions: tuple[tuple[str, str], ...] = ()

    @property
    def fresh(self) -> bool:
        """Whether this was a process of its own, started under controlled conditions."""
        return bool(self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one round did, in numbers that do not depend on time.

    ``path`` is a step's, empty for the whole workflow. ``what`` is ``calls`` (of Python and built-in
    functions), ``blocks`` (allocated memory blocks still held at the end), ``bytes`` (read and
    written by system calls) or ``files`` (opened).
    """

    path: str
    what: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where a profile was taken.

    ``facts`` have to match for times to be comparable; ``notes`` are recorded for the reader.
    Both are name–value pairs in alphabetical order.
    """

    facts: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...] = ()

    def differences(self, other: Environment) -> tuple[str, ...]:
        """Sentences ``name: here, there`` for every fact that does not match."""
        here, there = dict(self.facts), dict(other.facts)
        return tuple(
            f"{name}: {here.get(name, 'unknown')} here, {there.get(name, 'unknown')} there"
            for name in sorted(here.keys() | there.keys())
            if here.get(name) != there.get(name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What was measured of one workflow in one session.

    Times are reached by quantity, in seconds: ``profile.median``, ``profile.p95``,
    ``profile.step("parse").p95``. ``variant`` is what the test called itself among several that do
    the same. ``result`` is what the measured callable returned in its last round; it is neither compared nor stored.
    """

    workflow: str
    environment: Environment
    launches: tuple[Launch, ...]
    counts: tuple[Count, ...] = ()
    variant: str = ""
    result: Any = field(default=None, compare=False, repr=False)

    @property
    def rounds(self) -> tuple[Round, ...]:
        """Every measured round of every launch; warm-up rounds are not among them."""
        return tuple(r for launch in self.launches for r in launch.rounds)

    @property
    def steps(self) -> tuple[str, ...]:
        """Paths of all steps seen, in the order in which they first appeared."""
        return tuple(dict.fromkeys(span.path for r in self.rounds for span in r.spans))

    @property
    def fresh(self) -> bool:
        """Whether it was taken in processes started for measuring, not in the test's own."""
        return bool(self.launches) and all(launch.fresh for launch in self.launches)

    @property
    def times(self) -> Samples:
        """The whole workflow's samples."""
        return Samples(self.workflow or "workflow", [r.total_ns for r in self.rounds])

    def step(self, path: str) -> Samples:
        """The samples of one step: its total in every round that entered it.

        Raises MeasurementError, which lists the steps there are, for an unknown path.
        """
        values = [span.total_ns for r in self.rounds for span in r.spans if span.path == path]
        if not values:
            known = ", ".join(map(repr, self.steps)) or "none"
            raise MeasurementError(f"no step {path!r} was recorded in {self.workflow}; recorded steps: {known}")
        return Samples(f"step {path}", values)

    def speedup_over(self, other: Profile) -> Ratio:
        """The other's median time over this one's: 2.0 is twice as fast.

        A point estimate; ``wfperf.compare`` gives one with an interval.
        """
        return Ratio(float(other.times.median) / max(float(self.times.median), 1e-9))

    def __getattr__(self, name: str) -> Any:
        if name in ("min", "median", "mean", "max", "total") or name.startswith("p"):
            return getattr(self.times, name)
        raise AttributeError(f"a profile has no {name!r}; try median, p95, rounds, steps or step(path)")

    def __repr__(self) -> str:
        return f"<Profile of {self.times!r}>" if self.rounds else f"<Profile of {self.workflow}: no rounds>"
