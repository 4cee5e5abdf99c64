"""The verdict on one workflow, out of everything that was measured and asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from ..judged import Comparison, Judgement, PassRate, StepSummary, Summary, Target, Verdict
from ..model import Metric, Profile, Span
from ..samples import quantile
from .alike import Alike, alike
from .compare import Stored, compare
from .load import of_load
from .prices import Price, priced
from .quality import hit_rate, pass_rates, passed_rounds
from .quantity import Actual, metric_names, metric_values, not_recorded, per_pass, settled, target
from .threshold import Threshold
from .trade import trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a workflow is held against.

    ``stored`` are its sessions in the version in force; empty with a baseline named means NEW.
    ``differences`` are why their times are not comparable; pass rates and exact metrics are
    judged all the same. ``baseline`` is empty where the run gates against nothing. ``comparison``
    is ready-made where launches were taken in pairs; ``stored`` is then the other side's profile.
    """

    baseline: str = ""
    stored: Stored = ()
    differences: tuple[str, ...] = ()
    workflows: int = 1
    comparison: Comparison | None = None

    @property
    def comparable(self) -> bool:
        return bool(self.stored) and not self.differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is asked of a workflow besides its thresholds."""

    thresholds: tuple[Threshold, ...] = ()
    prices: tuple[Price, ...] = ()
    min_pass_rate: float = 0.95
    strict: bool = False


def judge(profile: Profile, *, reference: Reference, policy: Policy, failure: str = "") -> Judgement:
    """The judgement on one measured workflow. ``failure`` is why its test failed, empty where it passed."""
    profile = priced(profile, policy.prices)
    stored = tuple((when, priced(session, policy.prices)) for when, session in reference.stored)
    reference = replace(reference, stored=stored)
    sides = alike(profile, stored, paired=reference.comparison is not None)
    comparison = _comparison(sides, reference, policy)
    traded = "" if comparison is None else trade(comparison, profile, stored)
    rates = _pass_rates(profile, reference, policy)
    targets = tuple(
        _target(threshold, profile, reference, comparison, rates, sides=sides) for threshold in policy.thresholds
    )
    if not failure and not profile.rounds:
        failure = "the test ran, but no round of it was measured"
    verdict = Verdict.FAILED if failure else _verdict(reference, policy, comparison, rates, targets)
    return Judgement(
        workflow=profile.workflow,
        verdict=Verdict.PASS if verdict is Verdict.IMPROVED and traded else verdict,
        failure=failure,
        baseline=reference.baseline,
        differences=reference.differences,
        summary=summary(profile),
        comparison=comparison,
        targets=targets,
        pass_rates=rates,
        trade=traded,
        variant=profile.variant,
    )


def _verdict(
    reference: Reference,
    policy: Policy,
    comparison: Comparison | None,
    rates: Sequence[PassRate],
    targets: Sequence[Target],
) -> Verdict:
    """The worst that there is to say of a workflow whose test passed."""
    missed = [threshold for threshold, t in zip(policy.thresholds, targets, strict=True) if t.status == "missed"]
    regressed = comparison is not None and any(e.verdict is Verdict.REGRESSED for e in comparison.effects)
    if not all(rate.holds for rate in rates) or any(t.quantity != "regression" for t in missed):
        return Verdict.FAILED
    if regressed or missed:
        return Verdict.REGRESSED
    if reference.baseline and not reference.stored:
        return Verdict.NEW
    if reference.differences:
        return Verdict.INCOMPARABLE
    if _undecided(reference, policy, comparison, targets) or (policy.strict and _unproved(rates, targets)):
        return Verdict.INCONCLUSIVE
    if comparison is not None and comparison.total.verdict is Verdict.IMPROVED:
        return Verdict.IMPROVED
    return Verdict.PASS


def _undecided(reference: Reference, policy: Policy, comparison: Comparison | None, targets: Sequence[Target]) -> bool:
    """Whether a gate that somebody declared, or the workflow's own, could not be decided.

    A threshold that needs a baseline is no gate of a run that is held against none, unless it is strict.
    """
    if comparison is not None and any(
        e.verdict is Verdict.INCONCLUSIVE and not e.automatic for e in comparison.effects
    ):
        return True
    gated = bool(reference.baseline) or policy.strict
    unknown = [threshold for threshold, t in zip(policy.thresholds, targets, strict=True) if t.status == "unknown"]
    return any(gated or not threshold.relative for threshold in unknown)


def _unproved(rates: Sequence[PassRate], targets: Sequence[Target]) -> bool:
    return not all(rate.proved for rate in rates) or any(t.status == "met" and not t.proved for t in targets)


def declared_limits(thresholds: Iterable[Threshold]) -> dict[str, float]:
    """The slowdowns that must be caught, by step path (``""`` is the whole workflow); of several the smallest."""
    limits: dict[str, float] = {}
    for threshold in filter(_is_time_regression, thresholds):
        limits[threshold.name] = min(threshold.value, limits.get(threshold.name, threshold.value))
    return limits


def declared_goals(thresholds: Iterable[Threshold]) -> tuple[tuple[str, float], ...]:
    """The speedups asked for, as (step path, factor); a reduction of a half is a speedup of 2."""
    return tuple(
        (t.name, t.value if t.quantity == "speedup" else 1 / (1 - t.value))
        for t in thresholds
        if t.subject in ("workflow", "step")
        and (t.quantity == "speedup" or (t.quantity == "reduction" and t.value < 1))
    )


def _comparison(sides: Alike, reference: Reference, policy: Policy) -> Comparison | None:
    if not reference.comparable or not sides.current.rounds:
        return None
    if reference.comparison is not None:
        return sides.corrected(reference.comparison)
    limits, workflows = declared_limits(policy.thresholds), reference.workflows
    return sides.corrected(
        compare(sides.current, sides.stored, limits=limits, workflows=workflows, baseline=reference.baseline)
    )


def _is_time_regression(threshold: Threshold) -> bool:
    return threshold.quantity == "regression" and threshold.subject in ("workflow", "step")


def _pass_rates(profile: Profile, reference: Reference, policy: Policy) -> tuple[PassRate, ...]:
    minimums: dict[str, float] = {}
    for threshold in policy.thresholds:
        if threshold.quantity == "pass_rate":
            minimums[threshold.name] = max(threshold.value, minimums.get(threshold.name, 0.0))
    expected = dict.fromkeys(check.name for _, p in reference.stored for r in p.rounds for check in r.checks)
    return pass_rates(profile.rounds, minimums, policy.min_pass_rate, expected=tuple(expected))


def _target(
    threshold: Threshold,
    profile: Profile,
    reference: Reference,
    comparison: Comparison | None,
    rates: Sequence[PassRate],
    *,
    sides: Alike,
) -> Target:
    if _is_time_regression(threshold) and comparison is not None:
        return _regression(threshold, profile, comparison)
    if threshold.subject == "load":
        return settled(threshold, of_load(threshold, profile))
    if threshold.quantity == "pass_rate":
        return settled(threshold, _pass_rate(threshold, rates))
    if threshold.quantity == "hit_rate":
        return settled(threshold, _hit_rate(threshold, profile))
    if threshold.quantity == "per_pass":
        return settled(threshold, per_pass(threshold, profile, passed_rounds(profile.rounds, rates)))
    exact = threshold.subject == "metric"  # counts are the same on every machine
    stored = reference.stored if exact or reference.comparable else ()
    if threshold.relative and not exact and stored:
        if sides.flattered:
            return settled(threshold, Actual(value=None, detail=sides.told))
        if not threshold.name or threshold.name in sides.current.steps:
            profile, stored = sides.current, sides.stored
    pairs = comparison if comparison is not None and comparison.sessions == 0 else None
    return target(threshold, profile, stored, _why_not(reference), pairs=pairs, workflows=reference.workflows)


def _why_not(reference: Reference) -> str:
    if not reference.baseline:
        return "needs --wfperf-baseline"
    if not reference.stored:
        return f"baseline {reference.baseline} does not have this workflow"
    return f"baseline {reference.baseline} was measured in another environment"


def _regression(threshold: Threshold, profile: Profile, comparison: Comparison) -> Target:
    """A declared limit on a time is a gate: its verdict is the effect's."""
    effect = next((e for e in comparison.effects if e.path == threshold.name), None)
    if effect is None:
        if threshold.name not in profile.steps:
            return settled(threshold, not_recorded("step", threshold.name, profile.steps))
        return settled(threshold, Actual(value=None, detail=f"the baseline has no step {threshold.name!r}"))
    statuses = {Verdict.PASS: "met", Verdict.IMPROVED: "met", Verdict.REGRESSED: "missed"}
    return Target(
        threshold=threshold.text,
        source=threshold.source,
        status=statuses.get(effect.verdict, "unknown"),
        actual=effect.change,
        unit=threshold.unit,
        proved=effect.verdict in statuses,
        detail=effect.detail,
    )


def _pass_rate(threshold: Threshold, rates: Sequence[PassRate]) -> Actual:
    rate = next((rate for rate in rates if rate.name == threshold.name), None)
    if rate is None:
        return not_recorded("check", threshold.name, [repr(rate.name) for rate in rates if rate.name])
    return Actual(
        value=rate.rate, proved=threshold.holds(rate.bound), detail=f"{rate.passed} of {rate.total} rounds passed"
    )


def _hit_rate(threshold: Threshold, profile: Profile) -> Actual:
    known = dict.fromkeys(cache.name for r in profile.rounds for cache in r.caches)
    if threshold.name not in known:
        return not_recorded("cache", threshold.name, list(known))
    rate, hits, total = hit_rate(profile.rounds, threshold.name)
    if total == 0:
        return Actual(value=None, absent=True, detail="no look-up was recorded")
    return Actual(value=rate, proved=True, detail=f"{hits} of {total} look-ups")


def summary(profile: Profile) -> Summary | None:
    """The profile in the figures that reports show; None without rounds."""
    rounds = profile.rounds
    if not rounds:
        return None
    totals = [r.total_ns for r in rounds]
    whole = median(totals)
    by_path: dict[str, list[Span]] = {}
    for r in rounds:
        for span in r.spans:
            by_path.setdefault(span.path, []).append(span)
    return Summary(
        rounds=len(rounds),
        warmup=sum(len(launch.warmup) for launch in profile.launches),
        min_ns=min(totals),
        median_ns=whole,
        p95_ns=quantile(totals, 0.95),
        steps=tuple(_step_summary(path, spans, whole) for path, spans in by_path.items()),
        metrics=tuple(_typical(metric_values(rounds, name)) for name in metric_names(profile)),
        notes=tuple(dict.fromkeys(note for r in rounds for note in r.notes)),
    )


def _step_summary(path: str, spans: Sequence[Span], whole_ns: float) -> StepSummary:
    times = [span.total_ns for span in spans]
    return StepSummary(
        path=path,
        median_ns=median(times),
        p95_ns=quantile(times, 0.95),
        own_ns=median(span.own_ns for span in spans),
        share=median(times) / max(1.0, whole_ns),
        count=median(span.count for span in spans),
        status=next((span.status for span in spans if span.status != "ok"), "ok"),
    )


def _typical(metrics: Sequence[Metric]) -> Metric:
    last = metrics[-1]
    return Metric(name=last.name, value=median(m.value for m in metrics), unit=last.unit, better=last.better)
