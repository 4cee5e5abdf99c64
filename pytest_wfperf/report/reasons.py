"""Why a workflow got its verdict, in sentences of one line."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..judged import Comparison, Effect, Judgement, PassRate, RunResult, Target, Verdict
from .text import FACTOR_FROM, amount, caught, change, duration, plural, proof, share

MAIN_SHARE = 0.2  # of a slowdown: steps that carry less are not named
ALIKE_STEPS, ALIKE = 3, 0.5  # so many steps, each slower by this part of the whole's slowdown, moved alike


def reasons(judgement: Judgement) -> list[str]:
    """What the verdict rests on, the weightiest first; empty for a plain PASS."""
    verdict = judgement.waived or judgement.verdict
    found: list[str] = [judgement.failure] if judgement.failure else []
    if not judgement.failure:
        found += [rate_reason(rate) for rate in judgement.pass_rates if not rate.holds and rate.name]
        found += [target_reason(t) for t in judgement.targets if t.status == "missed" and not _told_elsewhere(t)]
        found += list(_effects(judgement, verdict))
        found += list(_why_open(judgement, verdict))
        found += [judgement.trade] if judgement.trade else []
    if judgement.waived is not None:
        found.insert(0, f"{judgement.waived} waived: {judgement.waiver}")
    return found


def _told_elsewhere(target: Target) -> bool:
    """Whether an effect or a pass rate explains the target better than it could itself."""
    words = target.threshold.split()
    if "pass_rate" in words:
        return target.actual is not None
    return "regression" in words and target.actual is not None and not target.threshold.startswith("metric:")


def _effects(judgement: Judgement, verdict: Verdict) -> Iterator[str]:
    """The times that decided the verdict: steps before the whole, those that carry most of the change first."""
    comparison = judgement.comparison
    if comparison is None:
        return
    parts = dict(comparison.contributions)
    wanted = Verdict.REGRESSED if verdict is Verdict.FAILED else verdict
    regressed = wanted is Verdict.REGRESSED
    told = [e for e in comparison.effects if e.verdict is wanted and (regressed or not e.automatic)]
    told.sort(key=lambda e: (e.path == "", -parts.get(e.path, 0.0), -e.log_ratio))
    yield from map(effect_reason, told)
    if wanted is Verdict.REGRESSED:
        yield from carriers(comparison)
        if comparison.kind:
            yield comparison.kind


def _why_open(judgement: Judgement, verdict: Verdict) -> Iterator[str]:
    match verdict:
        case Verdict.NEW:
            yield f"baseline {judgement.baseline} does not have it; pytest --wfperf-save stores it"
        case Verdict.INCOMPARABLE:
            differences = "; ".join(judgement.differences)
            yield f"baseline {judgement.baseline} is from another environment ({differences}); times were not judged"
        case Verdict.INCONCLUSIVE:
            undecided = [
                target_reason(t) for t in judgement.targets if t.status == "unknown" and not _told_elsewhere(t)
            ]
            comparison = judgement.comparison
            gates = () if comparison is None else comparison.effects
            if undecided or any(e.verdict is verdict and not e.automatic for e in gates):
                yield from undecided
            else:  # nothing is open but what strictness asks to be proved
                yield from _unproved(judgement)
        case _:
            return


def _unproved(judgement: Judgement) -> Iterator[str]:
    for target in judgement.targets:
        if target.status == "met" and not target.proved and "pass_rate" not in target.threshold:
            yield f"{target.threshold}: met, but {target.detail or 'unproved'}"
    for rate in judgement.pass_rates:
        if not rate.proved:
            yield (
                f"{rate.name or 'all checks'}: {rate.passed} of {rate.total} rounds passed, which does not prove "
                f"{share(rate.minimum)}; {proof(rate.rounds_to_prove)}"
            )


def headline(run: RunResult) -> str:
    """The verdict on the run: ``FAILED: 2 workflows against baseline main: 1 REGRESSED, 1 PASS``."""
    counts = ", ".join(f"{run.count(verdict)} {verdict}" for verdict in Verdict if run.count(verdict))
    against = f" against {held_against(run.baseline)}" if run.baseline else ""
    subject = plural(len(run.judgements), "workflow") + against
    return f"{'holds' if run.holds else 'FAILED'}: {subject}: {counts or 'nothing was judged'}"


def held_against(baseline: str) -> str:
    """What a run was held against, in words: another revision says so itself."""
    return baseline if baseline.startswith("revision ") else f"baseline {baseline}"


def how(comparison: Comparison) -> str:
    """In which processes the rounds were taken, and against what."""
    took = f" in {comparison.seconds:.1f} s" if comparison.seconds else ""
    if comparison.sessions == 0:
        code = f" ({comparison.note})" if comparison.note else ""
        return f"in {plural(comparison.launches, 'pair')} of launches{took}, against {comparison.baseline}{code}"
    processes = plural(comparison.launches, "launch") if comparison.fresh else "one process"
    return f"in {processes}{took}, against {plural(comparison.sessions, 'session')} of baseline {comparison.baseline}"


def outlook(comparison: Comparison) -> str:
    """How many more stored sessions would make a narrower gate possible."""
    parts = []
    for more in dict.fromkeys(more for _, more in comparison.outlook):
        limits = " or ".join(share(limit) for limit, needed in comparison.outlook if needed == more)
        if more is None:
            parts.append(f"no number of sessions makes a gate of {limits} possible")
        elif more == 0:
            parts.append(f"a gate of {limits} is possible now")
        else:
            parts.append(f"{plural(more, 'more session')} would make a gate of {limits} possible")
    return "; ".join(parts) + " (--wfperf-extend, an hour or more apart)"


def name_of(effect: Effect) -> str:
    """The effect's subject in words."""
    return f"step {effect.path}" if effect.path else "the workflow"


def interval(effect: Effect) -> str:
    """The effect's 95 % interval: ``-2.1 % to +9.4 %``; empty where so few launches bound nothing."""
    if not (math.isfinite(effect.low) and math.isfinite(effect.high)):
        return ""
    low, high = math.expm1(effect.low), math.expm1(effect.high)
    return f"{change(low, as_factor=high >= FACTOR_FROM)} to {change(high)}"


def effect_reason(effect: Effect) -> str:
    """What changed, by how much, how sure, against which limit."""
    times = f"{duration(effect.baseline_ns)} → {duration(effect.current_ns)}"
    sure = f" ({interval(effect)})" if interval(effect) else ""
    sentence = f"{name_of(effect)} {change(effect.change)}{sure}, {times}, {limit(effect)}"
    if effect.verdict is Verdict.INCONCLUSIVE:
        sentence += f", could have caught {caught(effect.could_have_caught)}"
    return f"{sentence}; {effect.detail}" if effect.detail else sentence


def limit(effect: Effect) -> str:
    """The slowdown that must be caught, and what is flagged for it: with noise, less than the limit itself."""
    told = f"limit {share(effect.limit)}"
    if effect.verdict is Verdict.REGRESSED and effect.flagged_from is not None and effect.change < effect.limit:
        told += f" (flagged from {change(effect.flagged_from)})"
    return told


def carriers(comparison: Comparison) -> list[str]:
    """Which steps carry a slowdown of the whole, and whether all of them moved alike."""
    if comparison.total.verdict is not Verdict.REGRESSED:
        return []
    grown = sum(max(0.0, part) for _, part in comparison.contributions)
    main = sorted(((part / grown, path) for path, part in comparison.contributions if grown), reverse=True)
    unchanged = {e.path for e in comparison.steps if e.low <= 0 and e.verdict is not Verdict.REGRESSED}
    names = [
        f"{path or 'time outside all steps'} {share(part)}"
        for part, path in main
        if part >= MAIN_SHARE and path not in unchanged
    ]
    found = [f"of the slowdown: {', '.join(names)}"] if names else []
    slowest_growth = min((e.log_ratio for e in comparison.steps), default=0.0)
    if len(comparison.steps) >= ALIKE_STEPS and slowest_growth > ALIKE * comparison.total.log_ratio:
        least = change(math.expm1(slowest_growth))
        found.append(f"every step is slower by at least {least}: a slower machine looks the same")
    return found


def target_reason(target: Target) -> str:
    """The threshold, the actual value, and why it is not met."""
    actual = "" if target.actual is None else f": {amount(target.actual, target.unit)}"
    detail = f" ({target.detail})" if target.detail else ""
    return f"{target.threshold}{actual}{detail}"


def rate_reason(rate: PassRate) -> str:
    """What share of the rounds a check passed in, of what was asked."""
    name = f"check {rate.name!r}" if rate.name else "all checks"
    detail = f": {rate.detail}" if rate.detail else ""
    return f"{name} passed in {rate.passed} of {rate.total} rounds, asked for {share(rate.minimum)}{detail}"
