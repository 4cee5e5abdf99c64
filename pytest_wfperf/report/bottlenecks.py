"""The bottleneck report: where each workflow's time goes, and what a faster step would buy at most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..analyse.what_if import ceilings
from ..judged import RunResult
from ..store.schema import seal
from . import analysis
from .exhibit import Exhibit, Occasion
from .results import occasion_as_json
from .what_if import ceiling_as_json


def part(exhibit: Exhibit) -> dict[str, Any]:
    """One workflow after the published schema ``bottlenecks-1``."""
    found = () if exhibit.profile is None or exhibit.analysis is None else ceilings(exhibit.profile)
    return {
        "workflow": exhibit.judgement.workflow,
        "analysis": None if exhibit.analysis is None else analysis.as_json(exhibit.analysis),
        "ceilings": [ceiling_as_json(ceiling) for ceiling in found],
    }


def whole(_: RunResult, occasion: Occasion, parts: Sequence[Any]) -> bytes:
    """The run as JSON after the published schema ``bottlenecks-1``."""
    return seal("bottlenecks", {**occasion_as_json(occasion), "workflows": list(parts)}, "the bottleneck report")
