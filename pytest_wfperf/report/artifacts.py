"""The artifact set: all reports of a run in one folder, which holds a complete set or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from . import bottlenecks, comparison, html, metrics, results, summary, trace
from .folder import Folder

if TYPE_CHECKING:
    from . import Reporter

ARTIFACTS: Mapping[str, Reporter] = {
    "baseline-metrics.json": metrics,
    "benchmark-results.json": results,
    "performance-comparison.json": comparison,
    "bottleneck-report.json": bottlenecks,
    "summary.md": summary,
    "report.html": html,
    "trace.json": trace,
}
"""The reporter of each file. Only a folder that holds all of these is known for an earlier set and replaced."""


def check(path: Path, *, store: Path, taken: Mapping[Path, str]) -> Path:
    """The folder that the set will take.

    Raises ConfigError, or OSError, where it cannot: ``taken`` are folders that have to stay, with what they are.
    """
    folder = Folder(path, ARTIFACTS)
    places = {place.resolve(): what for place, what in taken.items()}
    inside = [what for place, what in places.items() if folder.path in place.parents]
    if told := [f"is {places[folder.path]}"] if folder.path in places else [f"holds {what}" for what in inside]:
        raise ConfigError(f"{folder.path} {told[0]}: the set takes a whole folder; name one of its own")
    if folder.path.is_relative_to(store.resolve()):
        raise ConfigError(f"{folder.path} lies in the store: the set takes a whole folder; name one outside of it")
    folder.check()
    return folder.path
