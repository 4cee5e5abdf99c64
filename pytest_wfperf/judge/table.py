"""The samples of one side, gathered by path."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from ..model import Profile, Round

FLOOR_NS = 20 * 100  # growth below twenty ticks of a 100 ns clock is nothing ...
RECORDER_COSTS = 2  # ... nor is one below twice what the recorder itself adds


class Table:
    """Samples of one side by path, gathered in one pass over its rounds; the whole workflow's under ``""``."""

    def __init__(self, rounds: Iterable[Round], recorder_ns: int = 0) -> None:
        self.times: dict[str, list[int]] = {"": []}
        self.entries: dict[str, list[int]] = {}
        self.recorder_ns = recorder_ns
        self.iterations = math.inf  # over how many calls at least the clock's ticks are spread
        for r in rounds:
            self.iterations = min(self.iterations, r.iterations)
            self.times[""].append(max(1, r.total_ns))
            for span in r.spans:
                self.times.setdefault(span.path, []).append(max(1, span.total_ns))
                self.entries.setdefault(span.path, []).append(span.count)
        if not self.times[""]:
            raise ValueError("a profile without rounds cannot be compared")
        self._inside: dict[str, float] = {}
        for path, entries in self.entries.items():
            most = max(entries)
            while path:  # an entry is inside every step that encloses it
                path = path.rpartition("/")[0]  # noqa: PLW2901
                self._inside[path] = self._inside.get(path, 0) + most

    def recording_ns(self, path: str) -> float:
        """What recording itself added to one sample: the cost of its own entry and of every entry inside it."""
        return self.recorder_ns * (self._inside.get(path, 0) + 1)


def gathered(profiles: Sequence[Profile]) -> Table:
    """All launches of the profiles in one table."""
    cost = max((launch.recorder_ns for profile in profiles for launch in profile.launches), default=0)
    return Table((r for profile in profiles for r in profile.rounds), cost)


def floor_ns(path: str, current: Sequence[Table], baseline: Sequence[Table]) -> float:
    """The growth of one path below which there is nothing to judge: clock ticks and recording explain it."""
    ticks = FLOOR_NS / min(table.iterations for table in (*current, *baseline))
    return max(1.0, ticks, RECORDER_COSTS * median(table.recording_ns(path) for table in current))


def change_of_entries(now: Sequence[float], then: Sequence[float]) -> str:
    """Says so where a step was entered more or less often than before: a change of work, not of speed.

    Both are numbers of entries a round; without any (the whole workflow has none) there is nothing to say.
    """
    if not now or not then or median(now) == median(then):
        return ""
    return f"entered {median(now):g} times a round, was {median(then):g}"
