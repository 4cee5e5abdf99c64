"""One round as bars on lanes: what a timeline and a trace are drawn from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..model import Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One step from its first entry to its last exit, as offsets from the round's start.

    ``name`` is the path without that of the step around it. On a ``lane`` bars either nest or follow each other:
    lane 0 is the workflow's own, steps that overlap others without being inside them have one of their own.
    ``depth`` is how many steps enclose it. ``busy_ns`` is the sum of its ``count`` entries. ``critical`` marks the
    critical path; ``after`` are paths.
    """

    path: str
    name: str
    lane: int
    depth: int
    start_ns: int
    end_ns: int
    busy_ns: int
    count: int
    status: str
    critical: bool
    after: tuple[str, ...]


def timeline(one: Round, critical: Collection[str] = ()) -> tuple[Bar, ...]:
    """The round's steps by their start, outer ones first; ``critical`` are paths."""
    paths = {span.path for span in one.spans}
    lanes: list[list[Bar]] = []  # on each, the bars that enclose the present moment, the innermost last
    placed: dict[str, Bar] = {}
    for span in sorted(one.spans, key=lambda s: (s.start_ns, s.path.count("/"), -s.end_ns, s.path)):
        end_ns = max(span.start_ns, span.end_ns)
        around = _around(span.path, paths)
        for lane in lanes:
            while lane and lane[-1].end_ns <= span.start_ns:
                lane.pop()
        bar = Bar(
            path=span.path,
            name=span.path.removeprefix(f"{around[0]}/") if around else span.path,
            lane=_free(lanes, placed.get(around[0]) if around else None, end_ns),
            depth=len(around),
            start_ns=span.start_ns,
            end_ns=end_ns,
            busy_ns=span.total_ns,
            count=span.count,
            status=span.status,
            critical=span.path in critical,
            after=tuple(_resolved(span.path, name, paths) for name in span.after),
        )
        lanes[bar.lane].append(bar)
        placed[span.path] = bar
    return tuple(placed.values())


def _around(path: str, paths: Collection[str]) -> list[str]:
    """The recorded steps that enclose one, the innermost first; a name may hold a ``/`` of its own."""
    parts = path.split("/")
    return [outer for end in range(len(parts) - 1, 0, -1) if (outer := "/".join(parts[:end])) in paths]


def _free(lanes: list[list[Bar]], parent: Bar | None, end_ns: int) -> int:
    """The parent's lane where nothing but it encloses the moment, else the first empty one, made if need be."""
    if parent is not None and lanes[parent.lane][-1:] == [parent] and end_ns <= parent.end_ns:
        return parent.lane
    number = next((number for number, lane in enumerate(lanes) if not lane), len(lanes))
    if number == len(lanes):
        lanes.append([])
    return number


def _resolved(path: str, name: str, paths: Collection[str]) -> str:
    """The path that ``after`` names: of a step beside this one, else given in full."""
    around = _around(path, paths)
    beside = f"{around[0]}/{name}" if around else name
    return beside if beside in paths else name
