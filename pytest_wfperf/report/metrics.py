"""The baseline's metrics: what each workflow of the run was held against, in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..judge.quality import pass_rates
from ..judge.verdict import summary
from ..judged import Comparison, Judgement, PassRate, RunResult
from ..model import Profile
from ..store.schema import encode_environment, seal
from .exhibit import Exhibit, Occasion
from .results import occasion_as_json, summary_as_json


def part(exhibit: Exhibit) -> dict[str, Any]:
    """One workflow after the published schema ``baseline-metrics-1``."""
    return {
        "workflow": exhibit.judgement.workflow,
        "held_against": _held_against(exhibit.judgement, exhibit.before),
    }


def whole(run: RunResult, occasion: Occasion, parts: Sequence[Any]) -> bytes:
    """The run as JSON after the published schema ``baseline-metrics-1``."""
    body = {**occasion_as_json(occasion), "baseline": run.baseline, "workflows": list(parts)}
    return seal("baseline-metrics", body, "the baseline's metrics")


def _held_against(judgement: Judgement, before: Sequence[Profile]) -> dict[str, Any] | None:
    """The figures over all rounds of all sessions; None where it was held against nothing."""
    if not any(profile.rounds for profile in before):
        return None
    pooled = replace(before[-1], launches=tuple(launch for profile in before for launch in profile.launches))
    return {
        "baseline": judgement.baseline,
        "sessions": _sessions(judgement.comparison, before),
        "launches": len(pooled.launches),
        **_figures(pooled),
        "pass_rates": [_rate(rate) for rate in pass_rates(pooled.rounds, {}, 0.0)],
        "environment": encode_environment(pooled.environment),
        "conditions": _conditions(pooled),
    }


def _sessions(comparison: Comparison | None, before: Sequence[Profile]) -> int:
    """Stored sessions; the launches of another revision are none."""
    return len(before) if comparison is None else comparison.sessions


def _figures(pooled: Profile) -> dict[str, Any]:
    figures = summary(pooled)
    assert figures is not None, "it has rounds"
    least: dict[str, int] = {}
    for span in (span for one in pooled.rounds for span in one.spans):
        least[span.path] = min(span.total_ns, least.get(span.path, span.total_ns))
    told = summary_as_json(figures)
    return {**told, "steps": [{**step, "min_ns": least[step["path"]]} for step in told["steps"]]}


def _rate(rate: PassRate) -> dict[str, Any]:
    """What was, without what is asked of this run."""
    return {"name": rate.name, "passed": rate.passed, "total": rate.total, "rate": rate.rate, "bound": rate.bound}


def _conditions(pooled: Profile) -> dict[str, list[str]]:
    """By name, the values that took effect in its launches, each once."""
    found: dict[str, dict[str, None]] = {}
    for name, value in (condition for launch in pooled.launches for condition in launch.conditions):
        found.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in found.items()}
