"""What judging makes of a profile, as every room speaks of it.

An :class:`Effect` is one number held against a baseline, a :class:`Comparison` the effects of one workflow, a
:class:`Judgement` the verdict on it, a :class:`RunResult` the whole run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from .model import Metric, Profile
from .samples import Ratio


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
