"""Reports are computed elsewhere, rendered by one pure function a format, and written here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..judged import RunResult
from ..store.files import write_atomically
from . import results

Profiles = Iterable[tuple[str, Mapping[str, Any]]]
Reporter = Callable[[RunResult, Profiles], bytes]
REPORTERS: Mapping[str, Reporter] = {".json": results.render}


def check(path: str, source: str) -> None:
    """Raise ConfigError unless the path's suffix names a report."""
    if Path(path).suffix not in REPORTERS or Path(path).is_dir():
        known = ", ".join(REPORTERS)
        raise ConfigError(f"{source}: cannot tell a report's format from {path!r}; the suffix has to be {known}")


def write(path: Path, run: RunResult, profiles: Profiles) -> None:
    """Render the report that the suffix names and write it whole or not at all. Raises BaselineError on OSError."""
    data = REPORTERS[path.suffix](run, profiles)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)
