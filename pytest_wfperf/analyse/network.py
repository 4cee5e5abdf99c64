"""The critical path method on numbered activities: earliest and latest times, slack and drag.

Source: Kelley & Walker 1959 for the times; Devaux 1999 for drag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Every activity as early as its predecessors allow, by number; times count from 0.

    ``held_by`` is the predecessor that ends last, the first of those that do (-1: none). ``slack`` is by how
    much an activity may end later, all others as they are, before the whole does. ``path`` leads to the end
    of the whole without slack, in order. ``drag`` is by how much the whole gets shorter when an activity takes no time.
    """

    length: int
    start: Sequence[int]
    finish: Sequence[int]
    slack: Sequence[int]
    drag: Sequence[int]
    held_by: Sequence[int]
    path: Sequence[int]


def schedule(durations: Sequence[int], before: Sequence[Sequence[int]], lags: Sequence[int]) -> Schedule:
    """The schedule of activities whose predecessors all have lower numbers than they.

    ``lags`` are times that pass between the end of an activity's last predecessor and its start, and stay when
    activities before it get shorter. Linear but for drag: O(e + p log p) with e edges and p activities on the path.
    """
    start: list[int] = []
    finish: list[int] = []
    held_by: list[int] = []
    for number, predecessors in enumerate(before):
        ready, holder = 0, -1
        for p in predecessors:
            if holder < 0 or finish[p] > ready:
                ready, holder = finish[p], p
        start.append(ready + lags[number])
        finish.append(start[-1] + durations[number])
        held_by.append(holder)
    length = max(finish, default=0)
    behind = [0] * len(finish)  # the longest chain that follows
    ahead = [0] * len(finish)  # the longest chain that begins here, with the lag before it
    for number in range(len(finish) - 1, -1, -1):
        chain = ahead[number] = lags[number] + durations[number] + behind[number]
        for p in before[number]:
            behind[p] = max(behind[p], chain)
    path = _path(finish, held_by)
    drag = [0] * len(finish)
    at_work = [number for number in path if durations[number] > 0]
    for number, longest in zip(at_work, _longest_without(at_work, before, finish, ahead), strict=True):
        drag[number] = min(durations[number], length - longest)
    slack = [length - done - rest for done, rest in zip(finish, behind, strict=True)]
    return Schedule(length=length, start=start, finish=finish, slack=slack, drag=drag, held_by=held_by, path=path)


def _path(finish: Sequence[int], held_by: Sequence[int]) -> list[int]:
    number = max(reversed(range(len(finish))), key=finish.__getitem__, default=-1)
    path = []
    while number >= 0:
        path.append(number)
        number = held_by[number]
    return path[::-1]


def _longest_without(
    path: Sequence[int], before: Sequence[Sequence[int]], finish: Sequence[int], ahead: Sequence[int]
) -> Iterator[int]:
    """For each activity of a path the longest chain that leaves it out.

    By the numbers, such a chain ends before the activity, begins after it, or steps over it with one edge; and the
    longest chain over an edge is known from its two ends.
    """
    on_path = [0] * len(finish)
    for number in path:
        on_path[number] = 1
    passed = list(accumulate(on_path, initial=0))  # activities of the path with lower numbers
    over = _Covered(len(path))
    for b, predecessors in enumerate(before):
        last = passed[b]
        for a in predecessors:
            if passed[a + 1] < last:
                over.cover(passed[a + 1], last, finish[a] + ahead[b])
    ended = list(accumulate(finish, max, initial=0))
    begins = list(accumulate(reversed(ahead), max, initial=0))
    for number, stepping in zip(path, over.most(), strict=True):
        yield max(ended[number], begins[len(finish) - 1 - number], stepping)


class _Covered:
    """For each place the most of the values that cover it, gathered as a sparse table read backwards.

    In row k an entry covers 2**k places from its own on, so that two entries cover any stretch. Linear in
    the stretches, and in the places times the logarithm of the longest stretch.
    """

    def __init__(self, places: int) -> None:
        self.rows = [[0] * places]

    def cover(self, first: int, end: int, value: int) -> None:
        """Cover the places from ``first`` to before ``end``, of which there is at least one."""
        k = (end - first).bit_length() - 1
        while len(self.rows) <= k:
            self.rows.append([0] * len(self.rows[0]))
        row = self.rows[k]
        last = end - (1 << k)
        row[first] = max(row[first], value)
        row[last] = max(row[last], value)

    def most(self) -> Sequence[int]:
        for k in range(len(self.rows) - 1, 0, -1):
            half = 1 << (k - 1)
            below = self.rows[k - 1]
            for place, value in enumerate(self.rows[k]):
                if value:
                    below[place] = max(below[place], value)
                    below[place + half] = max(below[place + half], value)
        return self.rows[0]
