"""One level of a workflow over all its rounds: which paths were critical and how often, every step's slack and drag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..samples import quantile
from .critical_path import CriticalPath, Timing, declared, observed
from .graph import Graph

ROUTES = 5  # different critical paths told of, the most frequent ones
EXPLAINS = 0.9  # of the observed path's length: declared edges that account for it are what held steps up


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One level in one round. ``declared`` is None where nothing was; ``typical`` marks the round of median length."""

    graph: Graph
    observed: CriticalPath
    declared: CriticalPath | None
    typical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A critical path and in how many rounds it was the one."""

    steps: tuple[str, ...]
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTiming:
    """One step and the critical path: medians over the ``rounds`` that ran it, in ``critical`` of them on the path."""

    path: str
    duration_ns: int
    slack_ns: int
    drag_ns: int
    critical: int
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The critical paths of one level by one ``basis``, ``observed`` or ``declared``.

    ``length_ns`` is their median. ``routes`` are the most frequent ones of the ``distinct`` ones there were.
    ``unplaced`` are steps that could not be placed in some round.
    """

    basis: str
    length_ns: int
    routes: tuple[Route, ...]
    distinct: int
    steps: tuple[StepTiming, ...]
    unplaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The steps directly inside the step ``path`` (empty: the workflow), over the ``rounds`` that had any.

    ``duration_ns`` is the median time of what encloses them. ``first`` is what to tell first: the declared
    paths where their edges account for the time (the graph ran as it could), else the observed ones. ``typical``
    is that of the round of median length, step by step; None where that round did not come here.
    """

    path: str
    rounds: int
    duration_ns: int
    observed: Paths
    declared: Paths | None
    first: str
    typical: CriticalPath | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One step of an expanded critical path: ``depth`` 0 is the workflow's own, 1 the path inside such a step, ….

    ``gap_ns`` passed before it since the step before it on the same path (or the start of what encloses it);
    ``slack_ns`` and ``drag_ns`` are within its own level.
    """

    path: str
    depth: int
    duration_ns: int
    gap_ns: int
    drag_ns: int
    slack_ns: int


def occurrence(graph: Graph, *, typical: bool) -> Occurrence:
    """The level with its critical paths."""
    return Occurrence(
        graph=graph,
        observed=observed(graph),
        declared=declared(graph) if graph.declared else None,
        typical=typical,
    )


def level(seen: Sequence[Occurrence]) -> Level:
    """What the rounds of one level come to; ``seen`` is not empty."""
    by_order = _paths([one.observed for one in seen])
    edges = [one.declared for one in seen if one.declared is not None]
    by_edges = _paths(edges) if edges else None
    explained = by_edges is not None and by_edges.length_ns >= EXPLAINS * by_order.length_ns
    typical = next((one for one in seen if one.typical), None)
    shown = None
    if typical is not None:
        shown = typical.declared if explained and typical.declared is not None else typical.observed
    return Level(
        path=seen[0].graph.path,
        rounds=len(seen),
        duration_ns=median([one.graph.duration_ns for one in seen]),
        observed=by_order,
        declared=by_edges,
        first="declared" if explained else "observed",
        typical=shown,
    )


def expanded(levels: Sequence[Level]) -> tuple[Link, ...]:
    """The critical path of the round of median length; a step with steps inside is followed by their critical path."""
    inside = {level.path: level.typical for level in levels if level.typical is not None}
    timings: dict[str, Timing] = {timing.path: timing for path in inside.values() for timing in path.timings}
    links = []
    todo = [(0, step) for step in reversed(inside[""].path)] if "" in inside else []
    while todo:
        depth, step = todo.pop()
        timing = timings[step]
        links.append(
            Link(
                path=step,
                depth=depth,
                duration_ns=timing.duration_ns,
                gap_ns=timing.gap_ns,
                drag_ns=timing.drag_ns,
                slack_ns=timing.slack_ns,
            )
        )
        if step in inside:
            todo += [(depth + 1, inner) for inner in reversed(inside[step].path)]
    return tuple(links)


def median(values: Sequence[int]) -> int:
    """The median, rounded to a whole ns."""
    return values[0] if len(values) == 1 else round(quantile(values, 0.5))


def _paths(found: Sequence[CriticalPath]) -> Paths:
    rows: dict[str, list[Timing]] = {}
    for one in found:
        for timing in one.timings:
            rows.setdefault(timing.path, []).append(timing)
    critical = Counter(step for one in found for step in one.path)
    routes = Counter(one.path for one in found)
    return Paths(
        basis=found[0].basis,
        length_ns=median([one.length_ns for one in found]),
        routes=tuple(Route(steps=steps, rounds=rounds) for steps, rounds in routes.most_common(ROUTES)),
        distinct=len(routes),
        steps=tuple(
            StepTiming(
                path=path,
                duration_ns=median([timing.duration_ns for timing in timings]),
                slack_ns=median([timing.slack_ns for timing in timings]),
                drag_ns=median([timing.drag_ns for timing in timings]),
                critical=critical[path],
                rounds=len(timings),
            )
            for path, timings in rows.items()
        ),
        unplaced=tuple(dict.fromkeys(step for one in found for step in one.unplaced)),
    )
