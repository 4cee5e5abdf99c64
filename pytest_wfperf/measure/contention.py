"""What other processes had of the machine meanwhile: this one's processor, and those beside it."""

from __future__ import annotations

import os
import time
from functools import cache


def run_delay_ns() -> int | None:
    """Time the main thread has spent so, since it began, in ns; None where the system does not tell.

    Source: the second number of ``/proc/PID/schedstat`` (Linux: Documentation/scheduler/sched-stats). Other
    threads, and processes that this one has started, are not in it.
    """
    file = _file(os.getpid())
    if file is None:
        return None
    try:
        return int(os.pread(file, 64, 0).split()[1])
    except (OSError, ValueError, IndexError):
        return None


@cache
def _file(pid: int) -> int | None:
    """The file, opened once in each process: what a fork inherits still tells of its parent."""
    try:
        return os.open(f"/proc/{pid}/schedstat", os.O_RDONLY)
    except OSError:
        return None


class Beside:
    """What other processes used of all processors since this was made."""

    def __init__(self) -> None:
        self._before = _readings()

    def share(self) -> float:
        """Between 0 and 1; 0 where the system does not tell."""
        if self._before is None or (now := _readings()) is None:
            return 0.0
        passed, busy, own = (after - before for after, before in zip(now, self._before, strict=True))
        return min(1.0, max(0.0, busy - own) / max(1e-3, passed * (os.cpu_count() or 1)))


def _readings() -> tuple[float, float, float] | None:
    """Seconds: by the clock, of all processors at work (``/proc/stat``), of this process and its ended children."""
    try:
        with open("/proc/stat", "rb") as file:  # noqa: PTH123
            ticks = [int(word) for word in file.readline().split()[1:9]]
        user, system, children_user, children_system, _ = os.times()
        idle, waiting_for_a_disk = ticks[3], ticks[4]
    except (OSError, ValueError, IndexError):
        return None
    busy_s = (sum(ticks) - idle - waiting_for_a_disk) / os.sysconf("SC_CLK_TCK")
    return time.monotonic(), busy_s, user + system + children_user + children_system
