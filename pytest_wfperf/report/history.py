"""A workflow's levels over all stored sessions as a table, a line or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from tabulate import tabulate

from ..analyse.change_points import FEWEST, LEVEL
from ..analyse.history import ChangePoint, Drift, History, Point
from .text import FACTOR_FROM, change, duration, plural, printable, spark

HEADERS = ("session", "version", "commit", "level", "95 % interval", "change", "")
OVERVIEW = ("workflow", "sessions", "oldest", "newest", "drift", "changes", "")
COMMIT = 10  # characters of one


def render(workflow: str, history: History, name: str) -> list[str]:
    """Every session of one workflow in the baseline ``name``, then what they come to."""
    held = f"{plural(len(history.points), 'session')} of baseline {printable(name)}"
    lines = [f"{printable(workflow)}: {held} {spark([point.level_ns for point in history.points])}".rstrip(), ""]
    lines += _table(list(_rows(history)), HEADERS, ("left", "left", "left", "right", "left", "right", "left"))
    return [*lines, "", *_told(history, name)]


def overview(histories: Mapping[str, History]) -> list[str]:
    """One line for each workflow of a baseline, then what could not be read."""
    rows = [_line(workflow, history) for workflow, history in histories.items()]
    lines = _table(rows, OVERVIEW, ("left", "right", "right", "right", "left", "left", "left"))
    notes = dict.fromkeys(note for history in histories.values() for note in history.notes)
    return lines + [f"note: {printable(note)}" for note in notes]


def as_json(workflow: str, history: History) -> dict[str, Any]:
    """The history as builtins, dates after ISO 8601. Keys are only ever added."""
    data: dict[str, Any] = {"workflow": workflow, **asdict(history)}
    for point in (*data["points"], *([data["drift"]["since"]] if history.drift else [])):
        point["created"] = point["created"].isoformat()
    for plain, found in zip(data["changes"], history.changes, strict=True):
        plain["change"] = found.change
    return data


def drift_told(drift: Drift, name: str) -> str:
    """How far the newest session is from the oldest accepted version, in a sentence without its end."""
    since = drift.since
    ago = f"{plural(drift.versions, 'version')} ago" if drift.versions else "the only version"
    sentence = (
        f"since {printable(f'{name} {since.version}')} ({since.created:%Y-%m-%d}, {ago}): "
        f"{change(drift.change)} ({_interval(drift)})"
    )
    return sentence if drift.beyond_chance else f"{sentence}, which may be chance"


def change_told(found: ChangePoint, points: Sequence[Point]) -> str:
    """When a level changed, and from which to which."""
    at = points[found.at]
    held = f"{duration(found.before_ns)} → {duration(found.after_ns)} ({change(found.change)}, p {found.p_value:.2g})"
    return f"from {_date(at.created)} on: {held}"


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str], align: Sequence[str]) -> list[str]:
    if not rows:
        return []
    text = tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=align)
    return [line.rstrip() for line in text.splitlines()]


def _told(history: History, name: str) -> Iterator[str]:
    if history.left_out:
        yield f"{plural(history.left_out, 'session')} between the first and the second not shown (--limit)"
    for found in history.changes:
        yield f"changed {change_told(found, history.points)}"
    compared = len(history.points) - (1 if history.left_out else 0)
    if not history.changes:
        few = f": fewer than {FEWEST} sessions cannot show one at p {LEVEL:g}" if compared < FEWEST else ""
        yield f"no change point{few}"
    if history.drift is not None:
        yield drift_told(history.drift, name)
    if history.calibrated:
        yield "levels are as at the machine's speed in the newest session"
    for note in history.notes:
        yield f"note: {printable(note)}"


def _rows(history: History) -> Iterator[list[str]]:
    changes = {found.at: found for found in history.changes}
    for i, point in enumerate(history.points):
        gap = history.left_out and i == 1
        moved = "" if i == 0 or gap else change(point.level_ns / history.points[i - 1].level_ns - 1)
        yield [
            _date(point.created),
            printable(point.version) or "this run",
            printable(point.commit[:COMMIT]),
            duration(point.level_ns),
            "" if point.low_ns is None or point.high_ns is None else _between(point.low_ns, point.high_ns),
            moved,
            ", ".join(_marks(point, changes.get(i))),
        ]


def _marks(point: Point, found: ChangePoint | None) -> Iterator[str]:
    if found is not None:
        yield "slower from here on" if found.change > 0 else "faster from here on"
    if point.accepted:
        yield f"accepted: {printable(point.reason)}" if point.reason else "accepted"


def _line(workflow: str, history: History) -> list[str]:
    points, drift = history.points, history.drift
    last = ""
    if history.changes:
        found = history.changes[-1]
        last = f"{len(history.changes)}, last {_date(points[found.at].created)} {change(found.change)}"
    return [
        printable(workflow),
        str(len(points) + history.left_out),
        duration(points[0].level_ns) if points else "",
        duration(points[-1].level_ns) if points else "",
        f"{change(drift.change)} ({_interval(drift)})" if drift else "",
        last,
        spark([point.level_ns for point in points]),
    ]


def _interval(drift: Drift) -> str:
    return f"{change(drift.low, as_factor=drift.high >= FACTOR_FROM)} to {change(drift.high)}"


def _between(low_ns: float, high_ns: float) -> str:
    return f"{duration(low_ns)} to {duration(high_ns)}"


def _date(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"
