"""The data every room speaks in: frozen, plain, in nanoseconds.

The way down: a :class:`Profile` holds launches, a :class:`Launch` rounds, a :class:`Round`
spans and what was recorded beside them. The way back up: an :class:`Effect` is one number
held against a baseline, a :class:`Comparison` the effects of one workflow, a
:class:`Judgement` the verdict on it, a :class:`RunResult` the whole run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from .errors import MeasurementError
from .samples import Ratio, Samples


class Verdict(StrEnum):
    """What a gate says of one workflow, worst first."""

    FAILED = "FAILED"
    REGRESSED = "REGRESSED"
    MISSING = "MISSING"
    INCONCLUSIVE = "INCONCLUSIVE"
    INCOMPARABLE = "INCOMPARABLE"
    NEW = "NEW"
    WAIVED = "WAIVED"
    IMPROVED = "IMPROVED"
    PASS = "PASS"  # noqa: S105

    @property
    def fails(self) -> bool:
        """Whether this verdict fails a run whatever its strictness."""
        return self in (Verdict.FAILED, Verdict.REGRESSED, Verdict.MISSING)

    @property
    def fails_strict(self) -> bool:
        """Whether this verdict fails a run under ``--wfperf-strict``."""
        return self.fails or self in (Verdict.INCONCLUSIVE, Verdict.INCOMPARABLE, Verdict.NEW)


# --- measured -------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One pass through a workflow's body.

    ``folded`` counts the step entries beyond the recorder's limit: they are in the spans'
    count, total, min and max, but were not held one by one. ``iterations`` is how many calls were
    timed together where another tool did so: every time is then that of one, on average.
    ``notes`` are sentences about the recording (a step left open, say).
    """

    total_ns: int
    status: str = "passed"
    spans: tuple[Span, ...] = ()
    checks: tuple[Check, ...] = ()
    metrics: tuple[Metric, ...] = ()
    caches: tuple[Cache, ...] = ()
    loads: tuple[Load, ...] = ()
    cpu_ns: int | None = None
    memory_bytes: int | None = None
    folded: int = 0
    iterations: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One process's rounds. ``warmup`` rounds are kept apart and never judged for time.

    ``recorder_ns`` is what one recorded step cost in that process, ``calibration_ns`` what a fixed
    piece of work took in it (0 where not measured). ``conditions`` are name–value pairs of what
    really took effect in a process started for measuring; the test's own process has none.
    """

    rounds: tuple[Round, ...]
    warmup: tuple[Round, ...] = ()
    recorder_ns: int = 0
    calibration_ns: int = 0
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


# --- judged ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One time held against its baseline.

    ``path`` is empty for the whole workflow. ``log_ratio`` is ln(current/baseline), ``low`` and
    ``high`` its 95 % interval. ``could_have_caught`` is the smallest slowdown this run would have
    flagged 95 times in 100 (0.18 is +18 %; None where there is none), ``flagged_from`` the measured
    one from which on it would have. ``limit`` is the slowdown that must be caught; ``automatic``
    marks a limit nobody declared. ``ratios`` are current/baseline launch by launch: of each pair,
    or of each launch against the stored level. ``detail`` says what else there is to know.
    """

    path: str
    baseline_ns: float
    current_ns: float
    log_ratio: float
    low: float
    high: float
    could_have_caught: float | None
    limit: float
    automatic: bool
    verdict: Verdict
    flagged_from: float | None = None
    ratios: tuple[float, ...] = ()
    detail: str = ""

    @property
    def change(self) -> float:
        """The change as a fraction: 0.05 is 5 % slower."""
        return math.expm1(self.log_ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A profile against a baseline, or one callable against another.

    ``baseline`` names what it was held against, ``sessions`` is how many stored sessions that
    was (0: launches in pairs). ``launches`` are the current side's processes, started for
    measuring where ``fresh``; ``seconds`` is what that took. ``appeared`` and ``vanished`` are
    steps only one side has. ``contributions`` are, by path, the shares of the baseline's total by
    which each step's own time changed it, ``""`` for time outside all steps; they add up to the
    change of the whole. ``kind`` says what counts that do not depend on time make of a regression,
    ``note`` what code the two sides of a pair ran.
    ``outlook`` is by limit how many more stored sessions would make it possible (0: it is; None: no
    number would).
    """

    baseline: str
    sessions: int
    total: Effect
    steps: tuple[Effect, ...] = ()
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    contributions: tuple[tuple[str, float], ...] = ()
    launches: int = 1
    fresh: bool = False
    seconds: float = 0.0
    outlook: tuple[tuple[float, int | None], ...] = ()
    kind: str = ""
    note: str = ""

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The whole workflow first, then its steps."""
        return (self.total, *self.steps)

    @property
    def speedup(self) -> Ratio:
        """Baseline time over current time, with its 95 % interval."""
        total = self.total
        return Ratio(math.exp(-total.log_ratio), math.exp(-total.high), math.exp(-total.low))

    def assert_speedup(self, at_least: float) -> None:
        """Fail unless the speedup is at least ``at_least`` (1.33 is a third faster).

        The interval's lower end above it proves it, the upper end below it refutes it; between
        them the point estimate decides.
        """
        __tracebackhide__ = True
        speedup = self.speedup
        if speedup >= at_least:
            return
        refuted = speedup.high is not None and speedup.high < at_least
        raise AssertionError(
            f"speedup over {self.baseline} is {speedup!r}, asked for at least {at_least:g}x"
            + ("" if refuted else " (not refuted: the interval reaches it, so more rounds may settle it)")
        )

    def __repr__(self) -> str:
        return f"<Comparison with {self.baseline}: speedup {self.speedup!r}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What launches found of one workflow.

    ``against`` and ``comparison`` are there where the other side was another revision. ``error`` says
    why there is no more, ``seconds`` what measuring took. ``reused`` is how many of the launches were taken by
    the interrupted run that this one resumes.
    """

    profile: Profile | None = None
    against: Profile | None = None
    comparison: Comparison | None = None
    error: str = ""
    seconds: float = 0.0
    reused: int = 0

    @property
    def wholly_reused(self) -> bool:
        """Whether this run took no launch of it."""
        return self.profile is not None and self.reused == len(self.profile.launches) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One threshold and what became of it.

    ``status`` is ``met``, ``missed`` (a subject that was never recorded is missed too) or
    ``unknown``; ``proved`` whether the data carry it beyond the point estimate. ``actual`` is in
    the quantity's base unit: ns, bytes, a plain ratio.
    """

    threshold: str
    source: str
    status: str
    actual: float | None
    unit: str
    proved: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRate:
    """How often a quality gate held. ``name`` is empty for all checks of a workflow at once.

    ``bound`` is the one-sided 95 % Clopper–Pearson lower bound; ``rounds_to_prove`` how many
    rounds with as many failures as now would put that bound at the minimum.
    """

    name: str
    passed: int
    total: int
    minimum: float
    bound: float
    rounds_to_prove: int
    detail: str = ""

    @property
    def rate(self) -> float:
        return self.passed / self.total if self.total else 0.0

    @property
    def holds(self) -> bool:
        return self.total > 0 and self.rate >= self.minimum

    @property
    def proved(self) -> bool:
        return self.total > 0 and self.bound >= self.minimum


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A stored permission for one verdict of the workflows that match ``workflow`` (a glob).

    It holds up to and including the day ``expires``; ``source`` says where it stands.
    """

    workflow: str
    verdict: Verdict
    reason: str
    expires: date
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSummary:
    """One step in a few figures: medians over the rounds that entered it; ``share`` of the workflow's median."""

    path: str
    median_ns: float
    p95_ns: float
    own_ns: float
    share: float
    count: float
    status: str = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A profile in a few figures, for reports; steps in the order in which they first ran."""

    rounds: int
    warmup: int
    min_ns: float
    median_ns: float
    p95_ns: float
    steps: tuple[StepSummary, ...] = ()
    metrics: tuple[Metric, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one workflow and what it rests on.

    ``failure`` is why its test failed or never ran, empty where it passed. ``baseline`` names what
    it was held against, ``differences`` why its times could not be. ``waived`` is the verdict
    that a waiver, whose reason is ``waiver``, set aside. ``trade`` says what a change of time was bought
    with, which is then no improvement; ``variant`` is what the workflow called itself.
    """

    workflow: str
    verdict: Verdict
    failure: str = ""
    baseline: str = ""
    differences: tuple[str, ...] = ()
    summary: Summary | None = None
    comparison: Comparison | None = None
    targets: tuple[Target, ...] = ()
    pass_rates: tuple[PassRate, ...] = ()
    waived: Verdict | None = None
    waiver: str = ""
    trade: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One variant on a leaderboard.

    ``rank`` is one more than the number of variants ahead of it: those whose rounds pass more often, or as often
    and faster beyond chance. ``tied`` are those whose time cannot be told from its own. ``beaten`` says that another
    is no worse in rounds passed, time and cost, and better in one of them. ``cost`` is the median a round.
    """

    variant: str
    workflow: str
    median_ns: float
    passed: int
    rounds: int
    rank: int
    tied: tuple[str, ...] = ()
    beaten: bool = False
    cost: Metric | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """The variants of one workflow, the best first; ``workflow`` is its tests' node id without their parameters."""

    workflow: str
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """One run: every judgement, the run's own gates, and what was stored.

    ``baseline`` is the name gated against, empty where nothing was. ``errors`` are sentences
    about what could not be done; ``failures`` about run-wide gates that did not hold; ``notes`` about
    what else concerns every workflow.
    """

    judgements: tuple[Judgement, ...]
    baseline: str = ""
    strict: bool = False
    pass_rate: PassRate | None = None
    saved: str = ""
    failures: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    leaderboards: tuple[Leaderboard, ...] = ()

    def with_error(self, sentence: str) -> RunResult:
        """This result with one more thing that could not be done."""
        return replace(self, errors=(*self.errors, sentence))

    def count(self, verdict: Verdict) -> int:
        """How many workflows got ``verdict``."""
        return sum(j.verdict is verdict for j in self.judgements)

    @property
    def holds(self) -> bool:
        """Whether nothing stands in the way of a merge."""
        failing = any(j.verdict.fails_strict if self.strict else j.verdict.fails for j in self.judgements)
        return not (failing or self.failures or self.errors)
