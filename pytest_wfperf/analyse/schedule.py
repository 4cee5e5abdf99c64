"""One level of a round, explained so that it can be run again with other durations.

What was observed follows from an order, from how many workers there were, and from a lag before each start
that neither explains and that is kept. So unchanged durations give back what was observed, to the ns.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush, heapreplace

from .graph import Graph, timeline

NOTICED = 0.01  # of a level's length: what is shorter was chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What explains the starts of a level's tasks, by number.

    ``before`` are each one's predecessors. Behind the tasks there may be milestones, which take no time and no
    worker. Tasks take their ``turns`` at the ``workers`` (None: there was always one): ``late`` after they were ready,
    ``queued`` until one was free, and with a ``lag`` that remains.
    """

    before: Sequence[Sequence[int]]
    workers: int | None
    turns: Sequence[int]
    late: Sequence[int]
    queued: Sequence[int]
    lags: Sequence[int]


class Replay:
    """One level's tasks in the order of their starts, to be run again in thought.

    Where some say what they come after and ran at the same time, these edges hold, and so does the number of
    workers where tasks were seen to queue. Else the order seen holds: what began after another's end
    stays behind it.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tasks = timeline(graph)
        self.start = [task.start_ns for task in self.tasks]
        self.end = [task.end_ns for task in self.tasks]
        self.number = {task.path: number for number, task in enumerate(self.tasks)}
        self.declared = any(task.after or task.waited_ns for task in graph.tasks)
        self._by_end = sorted(range(len(self.tasks)), key=lambda number: (self.end[number], number))
        self._ends = [self.end[number] for number in self._by_end]

    # --- scheduled again ----------------------------------------------------------------

    def change(
        self, times: Mapping[str, float], together: Sequence[Sequence[str]] = (), workers: float | None = None
    ) -> float:
        """By how many ns the level takes longer with other times at work, by path.

        ``together`` are groups of tasks that do not wait for each other, ``workers`` how many run at the same time
        at most. Workers get what is ready in the order in which it became so, as every executor does.
        """
        if not self.tasks:
            return self._unplaced(times)
        lengths: list[float] = [end - start for start, end in zip(self.start, self.end, strict=True)]
        for path, number in self.number.items():
            if path in times:
                lengths[number] = max(0.0, lengths[number] + times[path] - self.tasks[number].duration_ns)
        groups = [[self.number[path] for path in group if path in self.number] for group in together]
        rules, before = self._asked([sorted(group) for group in groups if len(group) > 1], workers)
        limit = rules.workers if workers is None else None if math.isinf(workers) else int(workers)
        return self._finish(rules, before, lengths, limit) - max(self.end) + self._unplaced(times)

    def still_ordered(self, group: Sequence[str]) -> tuple[str, str] | None:
        """Two of the group of which the second comes after the first by way of declared edges to others."""
        members = {self.number[path] for path in group if path in self.number}
        ahead: list[set[int]] = []  # of each task, the members before it
        for number, predecessors in enumerate(self._edges_alone.before):
            direct = [p for p in predecessors if not (p in members and number in members)]
            ahead.append(set().union(*(ahead[p] | ({p} & members) for p in direct)))
            if number in members and ahead[-1]:
                return self.tasks[min(ahead[-1])].path, self.tasks[number].path
        return None

    def _asked(self, groups: Sequence[Sequence[int]], workers: float | None) -> tuple[Rules, list[list[int]]]:
        """The rules that hold, and the order with the groups taken out of it."""
        by_edges = self.declared if workers is not None else self._by_edges
        rules = self._seen if not by_edges else self._edges if workers is None else self._edges_alone
        before = [list(predecessors) for predecessors in rules.before]
        for group in groups:
            for number in group[1:] if not by_edges else group:
                kept = before[number] if by_edges else [*before[group[0]], *self._declared(number)]
                before[number] = [p for p in kept if p not in group]
        return rules, before

    def _finish(
        self, rules: Rules, before: Sequence[Sequence[int]], lengths: Sequence[float], workers: int | None
    ) -> float:
        """When the last task ends. O((n + e) log n) with e edges."""
        followers: list[list[int]] = [[] for _ in before]
        missing = [len(predecessors) for predecessors in before]
        for number, predecessors in enumerate(before):
            for p in predecessors:
                followers[p].append(number)
        ready: list[float] = [self._origin] * len(before)
        free: list[float] = [self._origin] * (workers or 0)
        queue: list[tuple[float, int, int]] = []
        last = -math.inf
        settled = [number for number in range(len(lengths)) if not missing[number]]
        while settled or queue:
            for number in settled:
                heappush(queue, (ready[number] + rules.late[number], rules.turns[number], number))
            number = heappop(queue)[-1]
            done = max(ready[number], free[0] if workers else -math.inf) + rules.lags[number] + lengths[number]
            if workers:
                heapreplace(free, done)
            last = max(last, done)
            settled, reached = [], [(number, done)]
            while reached:
                number, at = reached.pop()
                for follower in followers[number]:
                    ready[follower] = max(ready[follower], at)
                    missing[follower] -= 1
                    if missing[follower] == 0 and follower < len(lengths):
                        settled.append(follower)
                    elif missing[follower] == 0:
                        reached.append((follower, ready[follower]))
        return last

    def _unplaced(self, times: Mapping[str, float]) -> float:
        """What other times of tasks add whose place cannot be told: the part for which they were alone, on average."""
        lost = [task for task in self.graph.tasks if task.path in times and task.path not in self.number]
        if not lost:
            return 0.0
        covered = self.graph.duration_ns - self.graph.own_ns
        alone = min(1.0, covered / max(1, sum(task.duration_ns for task in self.graph.tasks)))
        return alone * sum(times[task.path] - task.duration_ns for task in lost)

    # --- explained ----------------------------------------------------------------------

    @property
    def _origin(self) -> int:
        return self.graph.start_ns

    @property
    def _by_edges(self) -> bool:
        """Whether declared edges explain the order; one step at a time is an order that edges need not tell in full."""
        return self.declared and self._at_once > 1

    @cached_property
    def _at_once(self) -> int:
        """How many tasks ran at the same time at most."""
        events = sorted([(start, 1) for start in self.start] + [(end, -1) for end in self.end])
        most = running = 0
        for _, step in events:
            running += step
            most = max(most, running)
        return most

    @cached_property
    def _seen(self) -> Rules:
        """Every task after all that ended before it began: after the milestone at the last of these ends."""
        before: list[list[int]] = []
        for number in range(len(self.tasks)):
            ended = self._ended_before(number)
            before.append([len(self.tasks) + ended - 1] if ended else [])
        for place, number in enumerate(self._by_end):
            before.append([number, len(self.tasks) + place - 1] if place else [number])
        return self._explained(before, None)

    @cached_property
    def _edges(self) -> Rules:
        """Every task after those it is declared to come after, and after one that it was seen to wait for."""
        plain = self._edges_alone
        before = [list(predecessors) for predecessors in plain.before]
        if all(self.end[p] <= self.start[number] for number, ps in enumerate(before) for p in ps):
            for number, lag in enumerate(plain.lags):
                ended = self._ended_before(number)
                latest = self._by_end[ended - 1] if ended else number
                if lag > self._noticed and self.start[number] - self.end[latest] <= lag / 2 and latest != number:
                    before[number].append(latest)
        return plain if before == plain.before else self._explained(before, plain.workers)

    @cached_property
    def _edges_alone(self) -> Rules:
        """Every task after those it is declared to come after, on as many workers as were seen where any queued."""
        before = [self._declared(number) for number in range(len(self.tasks))]
        limited = self._explained(before, max(1, self._at_once))
        queued = max([*limited.queued, *(task.waited_ns for task in self.tasks)], default=0)
        return limited if queued > self._noticed else self._explained(before, None)

    @property
    def _noticed(self) -> float:
        return NOTICED * (self.graph.end_ns - self.graph.start_ns)

    def _declared(self, number: int) -> list[int]:
        """The declared predecessors that began before the task: an order that was not kept explains nothing."""
        wanted = (self.number.get(path, number) for path in self.tasks[number].after)
        return [p for p in wanted if p < number]

    def _ended_before(self, number: int) -> int:
        """How many tasks ended before this one began."""
        ended = bisect_right(self._ends, self.start[number])
        while ended and self._by_end[ended - 1] >= number:  # no time at all, at the same time
            ended -= 1
        return ended

    def _explained(self, before: Sequence[Sequence[int]], workers: int | None) -> Rules:
        """What is left to explain once the order and the number of workers are known."""
        done = list(self.end)
        for predecessors in before[len(self.tasks) :]:
            done.append(max(done[p] for p in predecessors))
        ready = [max([self._origin, *(done[p] for p in before[number])]) for number in range(len(self.tasks))]
        turns, late, queued, lags = ([0] * len(self.tasks) for _ in range(4))
        free = [self._origin] * (workers or 0)
        latest = self._origin
        begun = [(start, min(start, ready[number]), number) for number, start in enumerate(self.start)]
        for turn, (start, _, number) in enumerate(sorted(begun)):
            place = heapreplace(free, self.end[number]) if workers else ready[number]
            latest = max(latest, ready[number])
            turns[number] = turn
            late[number] = (
                latest - ready[number] if workers != 1 else 0
            )  # one at a time, the order says nothing of more
            queued[number] = max(0, place - ready[number])
            lags[number] = start - max(ready[number], place)
        return Rules(before=before, workers=workers, turns=turns, late=late, queued=queued, lags=lags)
