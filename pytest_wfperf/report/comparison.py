"""The comparison: every workflow held against its baseline, without the profiles that it rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..judged import Comparison, RunResult, Verdict
from ..samples import Ratio
from ..store.schema import seal
from .exhibit import Exhibit, Occasion
from .results import comparison_as_json, judgement_as_json, occasion_as_json


def part(exhibit: Exhibit) -> dict[str, Any]:
    """One workflow after the published schema ``comparison-1``."""
    judgement = exhibit.judgement
    return {
        **judgement_as_json(judgement),
        "comparison": None if judgement.comparison is None else _with_speedup(judgement.comparison),
    }


def whole(run: RunResult, occasion: Occasion, parts: Sequence[Any]) -> bytes:
    """The run as JSON after the published schema ``comparison-1``."""
    body = {
        **occasion_as_json(occasion),
        "baseline": run.baseline,
        "holds": run.holds,
        "strict": run.strict,
        "counts": {str(verdict): run.count(verdict) for verdict in Verdict},
        "workflows": list(parts),
    }
    return seal("comparison", body, "the comparison")


def _with_speedup(comparison: Comparison) -> dict[str, Any]:
    return {**comparison_as_json(comparison), "speedup": _speedup(comparison.speedup)}


def _speedup(speedup: Ratio) -> dict[str, float | None]:
    """Baseline time over current time; None for an end of its interval that so few launches cannot bound."""
    low, high = (end if end and math.isfinite(end) else None for end in (speedup.low, speedup.high))
    return {"value": float(speedup), "low": low, "high": high}
