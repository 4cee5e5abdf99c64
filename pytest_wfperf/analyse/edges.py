"""Order that is declared and never mattered, and order that is kept and was never declared.

Both speak of one level over the rounds there were: with one round they are a hint, with many a finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .level import Level, Occurrence

MOST = 10  # told of each kind
VISITS = 100_000  # edges looked at, in all, for chains that imply an order

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedEdge:
    """``step`` was declared to come after ``after``, and in none of the ``rounds`` that ran both did that hold it up.

    In each of them two things hold: had ``after`` taken twice its time, declared edges would have let ``step`` begin
    no later; and something else that ``step`` comes after ended later. ``margin_ns`` is the least by which either
    was so. No chain of other declared edges implies the order. Without the edge up to ``overlap_ns`` of the two
    could pass at the same time: a candidate for running in parallel.
    """

    after: str
    step: str
    rounds: int
    margin_ns: int
    overlap_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenOrder:
    """In all ``rounds`` ``after`` was the last to end before ``step`` began, and nothing declared asks for that.

    Neither an edge nor a chain of edges of any round has one come after the other, and they never
    overlapped: code, a lock or too few workers put them in order. In ``critical`` of the rounds both were neighbours
    on the observed critical path, so that running them at the same time could have saved up to ``overlap_ns``.
    """

    after: str
    step: str
    rounds: int
    critical: int
    overlap_ns: int


def unused_edges(level: Level, seen: Sequence[Occurrence]) -> tuple[UnusedEdge, ...]:
    """The weightiest by what could overlap, ten at most. One pass over the edges, then a bounded search."""
    margins: dict[Pair, int] = {}
    for one in seen:
        for pair, margin in _margins(one):
            margins[pair] = min(margin, margins.get(pair, margin))
    overlap = _overlaps(level)
    unused = [pair for pair, margin in margins.items() if margin > 0 and overlap(pair) > 0]
    unused.sort(key=overlap, reverse=True)
    return tuple(
        UnusedEdge(
            after=pair[0],
            step=pair[1],
            rounds=sum(pair[0] in task.after for one in seen for task in one.graph.tasks if task.path == pair[1]),
            margin_ns=margins[pair],
            overlap_ns=overlap(pair),
        )
        for pair in _unordered(unused, _declared(seen))
    )


def hidden_order(level: Level, seen: Sequence[Occurrence]) -> tuple[HiddenOrder, ...]:
    """The weightiest, those on critical paths first, ten at most. Empty where the level declares no edges at all."""
    after = _declared(seen)
    if not after:
        return ()
    neighbours: Counter[Pair] = Counter()
    critical: Counter[Pair] = Counter()
    for one in seen:
        neighbours.update((timing.held_by, timing.path) for timing in one.observed.timings if timing.held_by)
        critical.update(pairwise(one.observed.path))
    rounds = {step.path: step.rounds for step in level.observed.steps}
    overlap = _overlaps(level)
    always = [pair for pair, times in neighbours.items() if times == min(rounds[pair[0]], rounds[pair[1]])]
    free = [pair for pair in always if pair[0] not in after.get(pair[1], ()) and overlap(pair) > 0]
    free.sort(key=lambda pair: (not critical[pair], -overlap(pair)))
    return tuple(
        HiddenOrder(
            after=pair[0],
            step=pair[1],
            rounds=neighbours[pair],
            critical=critical[pair],
            overlap_ns=overlap(pair),
        )
        for pair in _unordered(free, after)
    )


def _declared(seen: Sequence[Occurrence]) -> dict[str, set[str]]:
    """What each step was declared to come after in any round."""
    after: dict[str, set[str]] = {}
    for one in seen:
        for task in one.graph.tasks:
            if task.after:
                after.setdefault(task.path, set()).update(task.after)
    return after


def _margins(one: Occurrence) -> Iterator[tuple[Pair, int]]:
    """For every declared edge of one round how far it was from mattering; 0 where it was near or did."""
    if one.declared is None:
        return
    timings = {timing.path: timing for timing in one.declared.timings}
    ends = {task.path: task.end_ns for task in one.graph.tasks}
    for task in one.graph.tasks:
        last = max((ends[path] for path in task.after), default=0)
        begins = timings[task.path].earliest_start_ns
        for path in task.after:
            early = begins - timings[path].earliest_finish_ns
            yield (path, task.path), min(early, last - ends[path]) if early >= timings[path].duration_ns else 0


def _overlaps(level: Level) -> Callable[[Pair], int]:
    """How long the two steps of a pair could run at the same time, by their median durations."""
    durations = {step.path: step.duration_ns for step in (level.declared or level.observed).steps}
    return lambda pair: min(durations.get(pair[0], 0), durations.get(pair[1], 0))


def _unordered(pairs: Iterable[Pair], after: Mapping[str, set[str]]) -> Iterator[Pair]:
    """The first pairs that no chain of declared edges orders, their own edge aside; ends when the search gets dear."""
    left, told = VISITS, 0
    for first, second in pairs:
        todo = [path for path in after.get(second, ()) if path != first]
        reached = set(todo)
        while todo and first not in reached and left > 0:
            further = after.get(todo.pop(), set())
            left -= 1 + len(further)
            todo += further - reached
            reached |= further
        if left <= 0 or told == MOST:
            return
        if first not in reached:
            told += 1
            yield (first, second)
