"""What decided how long one level of one round took: the critical path, with slack and drag.

There are two, and they answer different questions. The *observed* one is read from when steps ran: what held
the end up this time, be it a result that was needed, a free worker, or plain code that does one thing after another.
The *declared* one is read from what steps were declared to come after: how short it could have been with
nothing else in the way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import accumulate

from .graph import Graph, Task, timeline
from .network import Schedule, schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One step's place in a schedule; times are offsets from the level's start.

    ``held_by`` is the step that had to end last before this one began (empty: none), ``gap_ns`` the time
    between these two. ``slack_ns`` is by how much it could have ended later without the level ending later.
    ``drag_ns``, 0 off the path, is how much shorter the level would be if the step took no time: less than its
    duration where another path takes over. In an observed schedule the earliest times are those at which it ran.
    """

    path: str
    duration_ns: int
    earliest_start_ns: int
    earliest_finish_ns: int
    latest_finish_ns: int
    slack_ns: int
    drag_ns: int
    held_by: str
    gap_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPath:
    """The critical path of one level of one round and every step's place beside it.

    ``basis`` is ``observed`` or ``declared``. ``path`` are the steps on it, in order. ``length_ns`` is the time
    from the level's start to the last end: of an observed path durations and gaps together, of a declared one
    durations alone. ``closing_ns`` is what the level took beyond durations and gaps of the path. ``unplaced`` are
    steps of which nobody can tell when they ran, because they had pauses while others ran at the same time.
    """

    basis: str
    length_ns: int
    closing_ns: int
    path: tuple[str, ...]
    timings: tuple[Timing, ...]
    unplaced: tuple[str, ...] = ()


def observed(graph: Graph) -> CriticalPath:
    """The path back from the end: the step that ended last, the one that ended last before it began, and so on.

    Every step is taken to need all that had ended when it began, and to begin after the last of these with
    the gap that was observed. O(n log n): a moment before each start stands for all that had ended by then.
    """
    tasks = timeline(graph)
    starts = [task.start_ns for task in tasks]
    begin = min([graph.start_ns, *starts[:1]])
    before: list[list[int]] = [[] for _ in range(2 * len(tasks))]  # moment 0, task 0, moment 1, task 1, ...
    ended = [begin] * (len(tasks) + 1)
    for i, task in enumerate(tasks):
        moment = max(i + 1, bisect_left(starts, task.end_ns))
        if moment < len(tasks):
            before[2 * moment].append(2 * i + 1)
            ended[moment] = max(ended[moment], task.end_ns)
    lags = [0] * len(before)
    for i, ready in enumerate(accumulate(ended[:-1], max)):
        before[2 * i + 1].append(2 * i)
        lags[2 * i + 1] = starts[i] - ready
        if i:
            before[2 * i].append(2 * i - 2)
    durations = [0] * len(before)
    durations[1::2] = [task.end_ns - task.start_ns for task in tasks]
    return _critical_path("observed", graph, tasks, _of_tasks(schedule(durations, before, lags)), lags[1::2])


def declared(graph: Graph) -> CriticalPath:
    """The path by declared edges alone, every step as early as they allow. Linear but for drag (:func:`schedule`).

    Gaps are those that were observed between neighbours on declared edges; the schedule does without them.
    """
    tasks = _in_order(graph)
    places = {task.path: place for place, task in enumerate(tasks)}
    before = [[places[path] for path in task.after] for task in tasks]
    found = schedule([task.duration_ns for task in tasks], before, [0] * len(tasks))
    ends = [tasks[holder].end_ns if holder >= 0 else graph.start_ns for holder in found.held_by]
    gaps = [max(0, task.start_ns - end) for task, end in zip(tasks, ends, strict=True)]
    return _critical_path("declared", graph, tasks, found, gaps)


def _in_order(graph: Graph) -> Sequence[Task]:
    """The tasks with what each comes after before it: mostly that is how they started."""
    tasks = graph.tasks
    seen: set[str] = set()
    for task in tasks:
        if not seen.issuperset(task.after):
            by_path = {task.path: task for task in tasks}
            return [by_path[path] for path in TopologicalSorter({t.path: t.after for t in tasks}).static_order()]
        seen.add(task.path)
    return tasks


def _of_tasks(found: Schedule) -> Schedule:
    """A schedule of moments and tasks in turn as one of the tasks, held by the task that ended last before."""
    held_by: list[int] = []
    holder = -1
    for last in found.held_by[::2]:  # a moment is held by a task, or has nothing newer than the moment before it
        if last > 0 and last % 2:
            holder = last // 2
        held_by.append(holder)
    return Schedule(
        length=found.length,
        start=found.start[1::2],
        finish=found.finish[1::2],
        slack=found.slack[1::2],
        drag=found.drag[1::2],
        held_by=held_by,
        path=[number // 2 for number in found.path if number % 2],
    )


def _critical_path(
    basis: str, graph: Graph, tasks: Sequence[Task], found: Schedule, gaps: Sequence[int]
) -> CriticalPath:
    timings = tuple(
        Timing(
            path=task.path,
            duration_ns=found.finish[i] - found.start[i],
            earliest_start_ns=found.start[i],
            earliest_finish_ns=found.finish[i],
            latest_finish_ns=found.finish[i] + found.slack[i],
            slack_ns=found.slack[i],
            drag_ns=found.drag[i],
            held_by=tasks[found.held_by[i]].path if found.held_by[i] >= 0 else "",
            gap_ns=gaps[i],
        )
        for i, task in enumerate(tasks)
    )
    on_path = [timings[i] for i in found.path]
    placed = {task.path for task in tasks}
    return CriticalPath(
        basis=basis,
        length_ns=found.length,
        closing_ns=max(0, graph.duration_ns - sum(timing.gap_ns + timing.duration_ns for timing in on_path)),
        path=tuple(timing.path for timing in on_path),
        timings=timings,
        unplaced=tuple(task.path for task in graph.tasks if task.path not in placed),
    )
