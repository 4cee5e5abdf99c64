"""What many replicas of one callable at once took."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import MeasurementError
from .samples import Ratio, Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep:
    """One step inside the replicas of a load: its time in a call that completed and entered it.

    ``at_once_ns`` is with all replicas at work: of each the mean, of those the median. ``alone_ns`` is the median of
    the calls of one replica alone (None where that was not measured).
    """

    path: str
    at_once_ns: int
    alone_ns: int | None = None

    @property
    def inflation(self) -> Ratio:
        """How many times longer it takes with all at work. Raises MeasurementError where it was not measured alone."""
        return _inflation(f"step {self.path!r}", self.at_once_ns, self.alone_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Replicas of one callable at once, in one round.

    ``calls`` is how many they made in ``wall_ns``, ``failures`` how many of those raised; ``examples`` tell of the
    first. ``service_ns`` are the times of the calls that completed, ``latency_ns`` the same from when each was meant
    to begin: with a ``rate`` (calls a second) that may be long before it could. Both are in ascending order; of more
    than 1,001 calls they hold the quantiles in steps of 0.1 %, so that every percentile stays what it was.
    ``at_once_ns`` and ``alone_ns`` are service times as a :class:`LoadStep` has them, of the whole call: a replica
    that waits long but seldom shows in its mean, and would not in a median.
    """

    concurrency: int
    mode: str
    wall_ns: int
    calls: int
    failures: int
    latency_ns: tuple[int, ...]
    service_ns: tuple[int, ...]
    at_once_ns: int
    alone_ns: int | None = None
    rate: float | None = None
    examples: tuple[str, ...] = ()
    steps: tuple[LoadStep, ...] = ()

    @property
    def name(self) -> str:
        """What its steps hang under, and thresholds call it: ``load:3``."""
        return f"load:{self.concurrency}"

    @property
    def throughput(self) -> float:
        """Completed calls a second, of all replicas together."""
        return (self.calls - self.failures) * 1e9 / max(1, self.wall_ns)

    @property
    def latency(self) -> Samples:
        """From when a call was meant to begin to when it completed."""
        return Samples(f"latency of {self.name}", self.latency_ns)

    @property
    def service(self) -> Samples:
        """From when a call began to when it completed."""
        return Samples(f"service time of {self.name}", self.service_ns)

    @property
    def inflation(self) -> Ratio:
        """How many times longer a call takes than one of a replica alone, both from when it began.

        Raises MeasurementError where none was measured alone.
        """
        return _inflation(self.name, self.at_once_ns, self.alone_ns)

    @property
    def most_inflated(self) -> LoadStep | None:
        """The step that lost most time to the other replicas; None where no step did."""
        longer = [(s.at_once_ns - s.alone_ns, s) for s in self.steps if s.alone_ns is not None]
        lost, step = max(longer, key=lambda pair: pair[0], default=(0, None))
        return step if lost > 0 else None

    def step(self, path: str) -> LoadStep:
        """One step inside the replicas. Raises MeasurementError, which lists those there are, for an unknown path."""
        found = next((step for step in self.steps if step.path == path), None)
        if found is None:
            known = ", ".join(repr(step.path) for step in self.steps) or "none"
            raise MeasurementError(f"no step {path!r} was recorded in {self.name}; recorded steps: {known}")
        return found

    def assert_stable(self, max_inflation: float = 1.3) -> None:
        """Fail if any call failed, or if calls take over ``max_inflation`` times what they take alone."""
        __tracebackhide__ = True
        wrong = []
        if self.failures:
            wrong.append(f"{self.failures} of {self.calls} calls failed ({'; '.join(self.examples)})")
        if self.inflation > max_inflation:
            most = self.most_inflated
            where = f", most of it in step {most.path!r} ({most.inflation!r})" if most is not None else ""
            wrong.append(f"a call takes {self.inflation!r} as long as alone, at most {max_inflation:g}x wanted{where}")
        if wrong:
            raise AssertionError(f"{self.name} is not stable: {'; '.join(wrong)}")

    def __repr__(self) -> str:
        alone = "" if self.alone_ns is None else f", inflation {self.inflation!r}"
        failed = f", {self.failures} failed" if self.failures else ""
        return f"<{self.name}: {self.calls} calls{failed}, {self.throughput:.4g} a second, {self.latency!r}{alone}>"


def _inflation(what: str, at_once_ns: int, alone_ns: int | None) -> Ratio:
    if alone_ns is None:
        raise MeasurementError(f"{what} was not measured alone (baseline=False, or it failed or never ran there)")
    return Ratio(at_once_ns / max(1, alone_ns))
