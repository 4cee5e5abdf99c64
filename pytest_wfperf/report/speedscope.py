"""Profiles for speedscope (https://www.speedscope.app): each workflow's round of median length, and its baseline's.

Each is there twice: by its steps' own time, which adds up whatever ran at once, and by time, which a flame graph
has one row for: all steps where none overlap, else the critical path. What ran beside it is for the trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import count
from typing import Any

from ..analyse.graph import graphs
from ..judged import RunResult
from .exhibit import Exhibit, Occasion
from .itemwise import itemwise
from .side import Side, before, now, stretches
from .text import printable

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
Key = tuple[str, str, int]  # a frame's name, file and line: steps of one name are one frame, so they share a colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stretch of time with a name; entries nest or follow each other."""

    key: Key
    start_ns: int
    end_ns: int


def part(exhibit: Exhibit) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the workflow failed, and its profiles with frames' keys in the place of their numbers."""
    root = (printable(exhibit.judgement.workflow), printable(exhibit.file), exhibit.line or 0)
    sides = [side for side in (now(exhibit), before(exhibit)) if side is not None]
    return exhibit.judgement.verdict.fails, [profile for side in sides for profile in _profiles(side, root)]


def whole(run: RunResult, occasion: Occasion, parts: Sequence[Any]) -> bytes:
    """The file after speedscope's own published schema; the first workflow that failed is shown first."""
    numbers: dict[Key, int] = {}
    ids = count()
    profiles: list[dict[str, Any]] = []
    shown = None
    for failed, found in parts:
        if failed and found and shown is None:
            shown = len(profiles)
        profiles += [_numbered(profile, numbers, ids) for profile in found]
    of = f" of {printable(occasion.commit)}" if occasion.commit else ""
    verdict = "holds" if run.holds else "does not hold"
    return itemwise(
        {
            "$schema": SCHEMA,
            "exporter": f"pytest-wfperf {metadata.version('pytest-wfperf')}",
            "name": f"wfperf run{of}, {verdict}",
            "activeProfileIndex": shown or 0,
            "profiles": profiles,
            "shared": {"frames": [_frame(*key) for key in numbers]},
        }
    )


def _frame(name: str, file: str, line: int) -> dict[str, Any]:
    return {"name": name} | ({"file": file} if file else {}) | ({"line": line} if line else {})


def _numbered(profile: dict[str, Any], numbers: dict[Key, int], ids: Iterator[int]) -> dict[str, Any]:
    def number(key: Key) -> int:
        if key not in numbers:
            numbers[key] = next(ids)
        return numbers[key]

    if profile["type"] == "sampled":
        return {**profile, "samples": [list(map(number, stack)) for stack in profile["samples"]]}
    return {**profile, "events": [{**event, "frame": number(event["frame"])} for event in profile["events"]]}


# --- one side ---------------------------------------------------------------------------


def _profiles(side: Side, root: Key) -> Iterator[dict[str, Any]]:
    yield _own_time(side, root)
    if side.lanes > 1:
        names = {bar.path: bar.name for bar in side.bars}
        name = f"{side.name}, critical path"
        entries = [
            Entry(key=_key(names.get(one.path, one.path)), start_ns=one.start_ns, end_ns=one.end_ns)
            for one in stretches(side.path)
        ]
    else:
        name = f"{side.name}, as it ran"
        entries = [Entry(key=_key(bar.name), start_ns=bar.start_ns, end_ns=bar.end_ns) for bar in side.bars]
    if entries:
        end_ns = max([side.taken.total_ns, *(entry.end_ns for entry in entries)])
        yield _evented(name, [Entry(key=root, start_ns=0, end_ns=end_ns), *entries])


def _key(name: str) -> Key:
    return (printable(name), "", 0)


def _own_time(side: Side, root: Key) -> dict[str, Any]:
    """Every step's own time, steps side by side in the order of their starts; the workflow's is outside all steps."""
    spans = {span.path: span for span in side.taken.spans}
    outside = next(graphs(side.taken)).own_ns
    samples: list[list[Key]] = [[root]]
    weights = [outside]
    for stack in _stacks(side):
        samples.append([root, *(_key(name) for _, name in stack)])
        weights.append(max(0, spans[stack[-1][0]].own_ns))
    return {
        "type": "sampled",
        "name": side.name,
        "unit": "nanoseconds",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }


def _stacks(side: Side) -> Iterator[list[tuple[str, str]]]:
    """Every step with those around it, as (path, name), the outermost first; steps inside follow it at once."""
    inside: dict[str, list[tuple[str, str]]] = {}
    for bar in side.bars:
        inside.setdefault(bar.path.removesuffix(bar.name).removesuffix("/"), []).append((bar.path, bar.name))
    todo = [[step] for step in reversed(inside.get("", ()))]
    while todo:
        stack = todo.pop()
        yield stack
        todo += [[*stack, step] for step in reversed(inside.get(stack[-1][0], ()))]


def _evented(name: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """``entries`` by their start, outer ones first; the first is around all others."""
    events: list[dict[str, Any]] = []
    opened: list[Entry] = []

    def close(until_ns: float) -> None:
        while opened and opened[-1].end_ns <= until_ns:
            entry = opened.pop()
            events.append({"type": "C", "at": entry.end_ns, "frame": entry.key})

    for entry in entries:
        close(entry.start_ns)
        events.append({"type": "O", "at": entry.start_ns, "frame": entry.key})
        opened.append(entry)
    close(float("inf"))
    end_ns = entries[0].end_ns
    whole = {"type": "evented", "name": name, "unit": "nanoseconds", "startValue": 0, "endValue": end_ns}
    return {**whole, "events": events}
