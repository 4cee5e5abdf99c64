"""Memory and CPU time of the process and its children, sampled by a thread of its own.

Sampling disturbs what it samples, so no step ever asks psutil: a thread does, during the warm-up
rounds (or, where there are none, the measured ones), and only if a threshold asks for it.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import psutil

INTERVAL_S = 0.005
CHILDREN_EVERY = 20  # samples between looks for new child processes, which are dearer


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Samples of one round: times of the round's clock, resident bytes and CPU ns up to then."""

    times_ns: tuple[int, ...]
    resident_bytes: tuple[int, ...]
    cpu_ns: tuple[int, ...]
    children_cpu_ns: int

    @property
    def peak_growth_bytes(self) -> int:
        """The most resident memory above that at the round's start."""
        return max(self.resident_bytes) - self.resident_bytes[0]

    def peak_growth_within(self, intervals: Sequence[tuple[int, int]]) -> int:
        """As :attr:`peak_growth_bytes`, from the samples in and next to the intervals."""
        peak = 0
        for start, end in intervals:
            first, last = bisect_right(self.times_ns, start) - 1, bisect_left(self.times_ns, end)
            peak = max(peak, *self.resident_bytes[max(0, first) : last + 1])
        return max(0, peak - self.resident_bytes[0])

    def cpu_within(self, intervals: Sequence[tuple[int, int]]) -> int:
        """CPU ns spent in the intervals, linear between samples."""
        return round(sum(self._cpu_at(end) - self._cpu_at(start) for start, end in intervals))

    def _cpu_at(self, at_ns: int) -> float:
        if at_ns <= self.times_ns[0]:
            return self.cpu_ns[0]
        for (t0, t1), (c0, c1) in zip(pairwise(self.times_ns), pairwise(self.cpu_ns), strict=True):
            if at_ns <= t1:
                return c0 + (c1 - c0) * (at_ns - t0) / max(1, t1 - t0)
        return self.cpu_ns[-1]


class Sampler:
    """Samples between :meth:`start` and :meth:`stop`; :attr:`usage` is the last such stretch."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._children: list[psutil.Process] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.usage: Usage | None = None

    def start(self) -> None:
        self._end()  # of a stretch that nobody stopped
        self._samples: list[tuple[int, int, int, int]] = []
        self._stopping.clear()
        self._take(look_for_children=True)
        self._thread = threading.Thread(target=self._run, name="wfperf-sampler", daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def stop(self) -> None:
        self._end()
        self._take(look_for_children=False)
        times, resident, own, children = zip(*self._samples, strict=True)
        self.usage = Usage(
            times_ns=times,
            resident_bytes=resident,
            cpu_ns=tuple(a + b for a, b in zip(own, children, strict=True)),
            children_cpu_ns=max(0, children[-1] - children[0]),
        )

    def _run(self) -> None:
        taken = 0
        while not self._stopping.wait(INTERVAL_S):
            taken += 1
            self._take(look_for_children=taken % CHILDREN_EVERY == 0)

    def _take(self, *, look_for_children: bool) -> None:
        if look_for_children:
            self._children = self._process.children(recursive=True)
        times = self._process.cpu_times()
        resident = self._process.memory_info().rss
        # psutil's own-process figure comes in clock ticks of 10 ms; the interpreter's is exact
        children_s = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        for child in self._children:
            try:
                spent, memory = child.cpu_times(), child.memory_info()
            except psutil.Error:  # it has ended; its time is in children_* once it was waited for
                continue
            children_s += spent.user + spent.system
            resident += memory.rss
        self._samples.append((time.perf_counter_ns(), resident, time.process_time_ns(), round(children_s * 1e9)))
