"""How often the quality gates of a workflow held, and how well its caches did."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..estimate import clopper_pearson_lower, rounds_to_prove
from ..judged import PassRate
from ..model import Check, Round


def pass_rates(
    profile_rounds: Sequence[Round],
    minimums: Mapping[str, float],
    default_minimum: float,
    *,
    expected: Collection[str] = (),
) -> tuple[PassRate, ...]:
    """The pass rate of all checks together, whose name is empty, then that of each check, over all rounds.

    ``minimums`` are the shares asked for by name, the empty name for all together. A check that has none takes
    that of all together, which in turn falls back on ``default_minimum``, or on the lowest of the named ones
    where that is lower: a limit relaxed for one check is not taken back by the whole.
    The checks are those recorded, those ``minimums`` names and those ``expected`` of the run (a baseline has
    them); with none of them there is no pass rate. A check recorded more than once in a round passes where every
    record does. A round that lacks a check, or did not pass itself, counts as not passed.
    The point estimate decides; ``bound`` and ``rounds_to_prove`` say how far it is proved (Clopper & Pearson 1934).
    """
    recorded = dict.fromkeys(check.name for each in profile_rounds for check in each.checks)
    names = tuple(dict.fromkeys([*recorded, *filter(None, minimums), *sorted(expected)]))
    if not names:
        return ()
    outcomes = {name: [_outcome(each, name) for each in profile_rounds] for name in names}
    together = [_first_failure(outcomes, index) for index in range(len(profile_rounds))]
    asked = minimums.get("", default_minimum)
    whole = minimums.get("", min([default_minimum, *minimums.values()]))
    rates = [_pass_rate("", together, whole, _whole_detail(together, outcomes))]
    for name, each in outcomes.items():
        never = "in the baseline, but never recorded in this run" if name in expected else "never recorded in this run"
        rates.append(_pass_rate(name, each, minimums.get(name, asked), _detail(each) if name in recorded else never))
    return tuple(rates)


def passed_rounds(rounds: Sequence[Round], rates: Sequence[PassRate]) -> int:
    """In how many rounds everything held: every check where there are any, else the workflow itself."""
    return rates[0].passed if rates else sum(each.status == "passed" for each in rounds)


def run_pass_rate(passed: int, total: int, minimum: float) -> PassRate:
    """The run's own pass rate: ``passed`` of ``total`` workflows that have checks passed all of them."""
    failed = total - passed
    return PassRate(
        name="",
        passed=passed,
        total=total,
        minimum=minimum,
        bound=clopper_pearson_lower(passed, total),
        rounds_to_prove=rounds_to_prove(failed, minimum),
        detail=f"{failed} of {_counted(total, 'workflow')} did not pass every check" if failed else "",
    )


def hit_rate(rounds: Sequence[Round], name: str) -> tuple[float, int, int]:
    """The hit rate of a cache, its hits and its look-ups (hits and misses), summed over all rounds.

    0.0 with 0 look-ups where the cache was never looked at: then nothing is known of it.
    """
    caches = [cache for each in rounds for cache in each.caches if cache.name == name]
    hits = sum(cache.hits for cache in caches)
    total = hits + sum(cache.misses for cache in caches)
    return (hits / total if total else 0.0), hits, total


# --- one round ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What became of a check in one round: ``passed``, ``failed``, ``absent`` or ``unfinished`` (the round failed)."""

    kind: str
    example: str = ""


_PASSED = _Outcome(kind="passed")
_CLAUSES = {
    "failed": "failed in",
    "unfinished": "the workflow itself did not pass in",
    "absent": "not recorded in",
}


def _outcome(measured: Round, name: str) -> _Outcome:
    checks = [check for check in measured.checks if check.name == name]
    failed = next((check for check in checks if not check.passed), None)
    if failed is not None:
        return _Outcome(kind="failed", example=_example(failed))
    if measured.status != "passed":
        return _Outcome(kind="unfinished")
    return _PASSED if checks else _Outcome(kind="absent")


def _example(check: Check) -> str:
    if check.detail or check.value is None:
        return check.detail
    return f"{check.value:g}" + ("" if check.minimum is None else f", at least {check.minimum:g} asked for")


def _first_failure(outcomes: Mapping[str, Sequence[_Outcome]], index: int) -> _Outcome:
    return next((each[index] for each in outcomes.values() if each[index] is not _PASSED), _PASSED)


# --- the rate and its sentence --------------------------------------------------------


def _pass_rate(name: str, outcomes: Sequence[_Outcome], minimum: float, detail: str) -> PassRate:
    total = len(outcomes)
    passed = sum(outcome is _PASSED for outcome in outcomes)
    return PassRate(
        name=name,
        passed=passed,
        total=total,
        minimum=minimum,
        bound=clopper_pearson_lower(passed, total),
        rounds_to_prove=rounds_to_prove(total - passed, minimum),
        detail=detail,
    )


def _detail(outcomes: Sequence[_Outcome]) -> str:
    """``failed in 2 of 20 rounds: <detail of the first>``, and so on for each way not to pass."""
    clauses = []
    rounds = _counted(len(outcomes), "round")
    for kind, words in _CLAUSES.items():
        examples = [outcome.example for outcome in outcomes if outcome.kind == kind]
        if examples:
            first = next(filter(None, examples), "")
            clauses.append(f"{words} {len(examples)} of {rounds}" + (first and f": {first}"))
    return "; ".join(clauses)


def _whole_detail(together: Sequence[_Outcome], outcomes: Mapping[str, Sequence[_Outcome]]) -> str:
    missed = sum(outcome is not _PASSED for outcome in together)
    if not missed:
        return ""
    counts = {name: sum(o is not _PASSED for o in each) for name, each in outcomes.items()}
    worst = ", ".join(f"{name} ({count})" for name, count in counts.items() if count)
    example = next((o.example for o in together if o.example), "")
    return f"not every check passed in {missed} of {_counted(len(together), 'round')}: {worst}" + (
        example and f", for example: {example}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
