"""The results file: everything the terminal report says, and the profiles it rests on, as data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from ..judged import Comparison, Effect, Judgement, Leaderboard, PassRate, RunResult, Standing, Summary, Target, Verdict
from ..model import Metric
from ..store.baseline import timestamp
from ..store.schema import seal
from . import analysis
from .exhibit import Exhibit, Occasion
from .reasons import reasons


def part(exhibit: Exhibit) -> dict[str, Any]:
    """One workflow after the published schema ``results-1``, its profile in the store's encoding."""
    judgement = exhibit.judgement
    return {
        **judgement_as_json(judgement),
        "summary": None if judgement.summary is None else summary_as_json(judgement.summary),
        "comparison": None if judgement.comparison is None else comparison_as_json(judgement.comparison),
        "profile": exhibit.encoded,
        "analysis": None if exhibit.analysis is None else analysis.as_json(exhibit.analysis),
        "variant": judgement.variant,
    }


def whole(run: RunResult, occasion: Occasion, parts: Sequence[Any]) -> bytes:
    """The run as JSON after the published schema ``results-1``."""
    body = {
        **occasion_as_json(occasion),
        "holds": run.holds,
        "strict": run.strict,
        "baseline": run.baseline,
        "counts": {str(verdict): run.count(verdict) for verdict in Verdict},
        "pass_rate": None if run.pass_rate is None else rate_as_json(run.pass_rate),
        "saved": run.saved,
        "failures": list(run.failures),
        "errors": list(run.errors),
        "workflows": list(parts),
        "notes": list(run.notes),
        "leaderboards": [_leaderboard(board) for board in run.leaderboards],
    }
    return seal("results", body, "the results file")


def judgement_as_json(judgement: Judgement) -> dict[str, Any]:
    """The verdict on one workflow and why: what every document that has verdicts says alike."""
    return {
        "workflow": judgement.workflow,
        "verdict": str(judgement.verdict),
        "waived": None if judgement.waived is None else str(judgement.waived),
        "reasons": reasons(judgement),
        "baseline": judgement.baseline,
        "differences": list(judgement.differences),
        "targets": [target_as_json(target) for target in judgement.targets],
        "pass_rates": [rate_as_json(rate) for rate in judgement.pass_rates],
        "trade": judgement.trade,
    }


def occasion_as_json(occasion: Occasion) -> dict[str, Any]:
    """When and on what code the run was."""
    return {
        "created": timestamp(occasion.created.astimezone(UTC)),
        "commit": occasion.commit,
        "branch": occasion.branch,
    }


def summary_as_json(summary: Summary) -> dict[str, Any]:
    return {
        "rounds": summary.rounds,
        "warmup": summary.warmup,
        "min_ns": summary.min_ns,
        "median_ns": summary.median_ns,
        "p95_ns": summary.p95_ns,
        "steps": [
            {
                "path": s.path,
                "median_ns": s.median_ns,
                "p95_ns": s.p95_ns,
                "own_ns": s.own_ns,
                "share": s.share,
                "count": s.count,
                "status": s.status,
            }
            for s in summary.steps
        ],
        "metrics": [_metric(metric) for metric in summary.metrics],
        "notes": list(summary.notes),
    }


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "baseline": comparison.baseline,
        "sessions": comparison.sessions,
        "total": _effect(comparison.total),
        "steps": [_effect(effect) for effect in comparison.steps],
        "appeared": list(comparison.appeared),
        "vanished": list(comparison.vanished),
        "contributions": dict(comparison.contributions),
        "launches": comparison.launches,
        "fresh": comparison.fresh,
        "seconds": comparison.seconds,
        "kind": comparison.kind,
        "note": comparison.note,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "path": effect.path,
        "verdict": str(effect.verdict),
        "baseline_ns": effect.baseline_ns,
        "current_ns": effect.current_ns,
        "change": effect.change,
        "low": _bound(effect.low),
        "high": _bound(effect.high),
        "could_have_caught": effect.could_have_caught,
        "limit": effect.limit,
        "automatic": effect.automatic,
        "flagged_from": effect.flagged_from,
        "ratios": list(effect.ratios),
        "detail": effect.detail,
    }


def _bound(log_ratio: float) -> float | None:
    """The end of an interval as a change; None where it has none."""
    return math.expm1(log_ratio) if math.isfinite(log_ratio) else None


def target_as_json(target: Target) -> dict[str, Any]:
    return {
        "threshold": target.threshold,
        "source": target.source,
        "status": target.status,
        "actual": target.actual,
        "unit": target.unit,
        "proved": target.proved,
        "detail": target.detail,
    }


def rate_as_json(rate: PassRate) -> dict[str, Any]:
    return {
        "name": rate.name,
        "passed": rate.passed,
        "total": rate.total,
        "rate": rate.rate,
        "minimum": rate.minimum,
        "bound": rate.bound,
        "holds": rate.holds,
        "proved": rate.proved,
        "rounds_to_prove": rate.rounds_to_prove,
        "detail": rate.detail,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    return {"name": metric.name, "value": metric.value, "unit": metric.unit, "better": metric.better}


def _leaderboard(board: Leaderboard) -> dict[str, Any]:
    return {"workflow": board.workflow, "standings": [_standing(standing) for standing in board.standings]}


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "variant": standing.variant,
        "workflow": standing.workflow,
        "median_ns": standing.median_ns,
        "passed": standing.passed,
        "rounds": standing.rounds,
        "rank": standing.rank,
        "tied": list(standing.tied),
        "beaten": standing.beaten,
        "cost": None if standing.cost is None else _metric(standing.cost),
    }
