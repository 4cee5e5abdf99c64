"""Reports are computed elsewhere, rendered by pure functions, one module a format, and written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..errors import ConfigError, WfperfError
from ..judged import RunResult
from ..store.files import write_atomically
from . import results
from .exhibit import Exhibit, Occasion


class Reporter(Protocol):
    """One format. What it keeps of each workflow is small, so that all profiles are never held at once."""

    def part(self, exhibit: Exhibit, /) -> Any:
        """What the report has to say of one workflow."""

    def whole(self, run: RunResult, occasion: Occasion, parts: Sequence[Any], /) -> bytes:
        """The report, of the parts of all workflows."""


REPORTERS: Mapping[str, Reporter] = {".json": results}


def check(path: str, source: str) -> None:
    """Raise ConfigError unless the path's suffix names a report."""
    if _suffix(path) not in REPORTERS or Path(path).is_dir():
        known = ", ".join(REPORTERS)
        raise ConfigError(f"{source}: cannot tell a report's format from {path!r}; the suffix has to be {known}")


def write(paths: Sequence[Path], run: RunResult, occasion: Occasion, exhibits: Iterable[Exhibit]) -> dict[Path, str]:
    """Render the report that each path's suffix names and write it whole or not at all; why one was not, by path."""
    reporters = {path: REPORTERS[_suffix(path)] for path in paths}
    parts: dict[Path, list[Any]] = {path: [] for path in paths}
    for exhibit in exhibits:
        for path, reporter in reporters.items():
            parts[path].append(reporter.part(exhibit))
    problems = {}
    for path, reporter in reporters.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, reporter.whole(run, occasion, parts[path]))
        except (WfperfError, OSError) as error:
            problems[path] = str(error)
    return problems


def _suffix(path: str | Path) -> str:
    """The longest known ending: ``.trace.json`` before ``.json``."""
    name = Path(path).name
    return max((suffix for suffix in REPORTERS if name.endswith(suffix)), key=len, default=Path(path).suffix)
