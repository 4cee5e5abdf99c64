"""How long this process could have run and no processor was free: others had them."""

from __future__ import annotations

import os
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
