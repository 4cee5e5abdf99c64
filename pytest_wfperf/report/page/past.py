"""A workflow's history in sentences: how far it has drifted, where it changed, what was accepted and why."""

from __future__ import annotations

from collections.abc import Iterator

from ...analyse.history import History
from ..history import change_told, drift_told
from ..text import duration, plural

MOST = 3  # changes, and accepted versions: the newest


def told(history: History, name: str) -> Iterator[str]:
    """The drift within the baseline ``name`` first, then changes and accepted versions, the newest first."""
    if history.drift is not None:
        yield drift_told(history.drift, name)
    for found in list(reversed(history.changes))[:MOST]:
        yield f"changed {change_told(found, history.points)}"
    for point in [point for point in reversed(history.points) if point.accepted and point.version][:MOST]:
        commit = f", commit {point.commit}" if point.commit else ""
        why = f": {point.reason}" if point.reason else ""
        yield f"accepted {point.version} ({point.created:%Y-%m-%d}{commit}) at {duration(point.level_ns)}{why}"
    if history.left_out:
        yield f"{plural(history.left_out, 'session')} between the first and the second not shown"
    if history.calibrated:
        yield "levels are as at the machine's speed in the newest session"
    yield from (f"note: {note}" for note in history.notes)
