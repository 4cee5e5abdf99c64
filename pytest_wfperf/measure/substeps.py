"""Steps that a command reports of itself: a JSON object a line, in the file named in ``$WFPERF_STEPS``.

``{"step": "parse", "duration_ms": 12.5}``, or two of ``start``, ``end`` (Unix seconds, or ISO 8601, without an
offset in local time) and ``duration_ms``. ``parent`` is the path of a step that another line reports
(``"a/b"``), ``error`` says that the step failed.

A step without times is laid behind the one before it in the same parent, in the order of the lines, or
where that would end after the parent, up to the parent's end: its duration is true, its place a
guess. Of several parents of one path it lies in the one whose line comes next, as where steps
are reported when they end. A step that reaches out of its parent is cut.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .logs import STEPS_BYTES
from .steps import Step, Steps

LIMIT_LINES = 10_000  # that are read, and of no more than STEPS_BYTES
NAME_LIMIT, EXCERPT = 200, 80
TOLD = 5  # problems, one by one
SKEW_NS = 10_000_000  # by how much two processes' clocks may differ without a word
MOST = 1e12  # seconds since 1970, or milliseconds

Problem = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step as its line has it; ``start_ns`` is Unix time, None where the line tells only how long it took."""

    number: int
    step: str
    parent: str
    start_ns: int | None
    duration_ns: int
    error: str


@dataclass(slots=True)
class _Placed:
    """A step on the recorder's clock; ``free_ns`` is where in it the next step without times begins."""

    number: int
    step: Step
    start_ns: int
    end_ns: int
    free_ns: int


def insert_substeps(steps: Steps, under: Step, data: bytes, offset_ns: int) -> tuple[int, list[str]]:
    """Insert the steps that ``data`` reports beneath a closed one.

    ``offset_ns`` is the recorder's clock less Unix time. Returns how many there were, and sentences
    about lines that were not right, a few at most. Linear but for sorting.
    """
    lines, problems = _read(data)
    assert under.end_ns is not None
    placed = {"": [_Placed(0, under, under.start_ns, under.end_ns, under.start_ns)]}
    starts: dict[str, list[_Placed]] = {}
    count = 0
    for line in sorted(lines, key=lambda line: line.parent.count("/") + bool(line.parent)):  # parents first
        if line.parent not in placed:
            problems.append((line.number, f"is left out: no line reports its parent {line.parent[:NAME_LIMIT]!r}"))
            continue
        if line.start_ns is None:
            parents = placed[line.parent]
            parent = parents[min(bisect_right(parents, line.number, key=lambda p: p.number), len(parents) - 1)]
            start_ns = min(parent.free_ns, parent.end_ns - line.duration_ns)
        else:
            if line.parent not in starts:
                starts[line.parent] = sorted(placed[line.parent], key=lambda p: p.start_ns)
            parents, start_ns = starts[line.parent], line.start_ns + offset_ns
            parent = parents[max(0, bisect_right(parents, start_ns, key=lambda p: p.start_ns) - 1)]
        inner = _insert(steps, line, start_ns, parent)
        lost_ns = line.duration_ns - (inner.end_ns - inner.start_ns)
        if lost_ns > SKEW_NS:
            problems.append(
                (line.number, f"says that {line.step!r} ran {lost_ns / 1e6:g} ms outside what it is a part of")
            )
        path = f"{line.parent}/{line.step}" if line.parent else line.step
        placed.setdefault(path, []).append(inner)
        count += 1
    return count, list(_sentences(sorted(problems)))


def _insert(steps: Steps, line: Line, start_ns: int, parent: _Placed) -> _Placed:
    """Insert one step into its parent, cut to it."""
    start, end = (min(max(at_ns, parent.start_ns), parent.end_ns) for at_ns in (start_ns, start_ns + line.duration_ns))
    step = steps.insert(line.step, start, end, parent=parent.step, error=line.error)
    parent.free_ns = end
    return _Placed(line.number, step, start, end, start)


def _sentences(problems: list[Problem]) -> Iterator[str]:
    for number, what in problems[:TOLD]:
        yield f"line {number} of $WFPERF_STEPS {what}"
    if len(problems) > TOLD:
        yield f"{len(problems) - TOLD} more lines of $WFPERF_STEPS are not right"


def _read(data: bytes) -> tuple[list[Line], list[Problem]]:
    """The lines that are right, and what is wrong with the others."""
    lines: list[Line] = []
    problems: list[Problem] = []
    texts = data[:STEPS_BYTES].split(b"\n")
    if len(data) > STEPS_BYTES:
        problems.append((len(texts), "is where 8 MiB end; nothing from there on is read"))
        texts.pop()
    for number, text in enumerate(texts, 1):
        if number > LIMIT_LINES and text.strip():
            problems.append((number, f"comes after {LIMIT_LINES} others; nothing from there on is read"))
            break
        if text.strip():
            try:
                lines.append(_parsed(number, text))
            except ValueError as error:
                problems.append((number, f"{error}: {text[:EXCERPT].decode('utf-8', 'replace')!r}"))
    return lines, problems


def _parsed(number: int, text: bytes) -> Line:
    """The line as a step. Raises ValueError, which says what is wrong."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  whatever is wrong is the value of a line
    start_ns, end_ns, duration = _time_ns(found, "start"), _time_ns(found, "end"), _number(found, "duration_ms")
    if start_ns is not None and end_ns is not None:
        duration_ns = end_ns - start_ns
    elif duration is None:
        raise ValueError('has neither "duration_ms" nor both "start" and "end"')
    else:
        duration_ns = round(duration * 1e6)
        start_ns = end_ns - duration_ns if end_ns is not None else start_ns
    if duration_ns < 0:
        raise ValueError("ends before it starts")
    step = _text(found, "step")
    if not 0 < len(step) <= NAME_LIMIT:
        raise ValueError(f'has no "step" of 1 to {NAME_LIMIT} characters')
    return Line(
        number=number,
        step=step,
        parent=_text(found, "parent"),
        start_ns=start_ns,
        duration_ns=duration_ns,
        error=_text(found, "error"),
    )


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    if not isinstance(value, str | None):
        raise ValueError(f'has a "{key}" that is not a text')  # noqa: TRY004
    return value or ""


def _number(found: dict[str, Any], key: str) -> float | None:
    value = found.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST:
        raise ValueError(f'has a "{key}" that is not a number from 0 to {MOST:g}')
    return value


def _time_ns(found: dict[str, Any], key: str) -> int | None:
    """A point in time as Unix ns."""
    value = found.get(key)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError, OSError):
            raise ValueError(f'has a "{key}" that is not ISO 8601') from None
        return round(value * 1e9)
    seconds = _number(found, key)
    return None if seconds is None else round(seconds * 1e9)
