"""A bursty neighbour on every core: busy for 50 to 500 ms, idle for as long, at random."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_NEIGHBOUR = """
import os, random, sys, time
parent, core = int(sys.argv[1]), int(sys.argv[2])
if core >= 0:
    os.sched_setaffinity(0, {core})
while os.getppid() == parent:
    end = time.perf_counter() + random.uniform(0.05, 0.5)
    while time.perf_counter() < end:
        sum(i * i for i in range(1000))
    time.sleep(random.uniform(0.05, 0.5))
"""


@contextmanager
def neighbours(*, present: bool) -> Iterator[None]:
    """They end with the block, and with the process that started them."""
    pinned = hasattr(os, "sched_getaffinity")
    cores = sorted(os.sched_getaffinity(0)) if pinned else [-1] * (os.cpu_count() or 1)
    started = [
        subprocess.Popen([sys.executable, "-c", _NEIGHBOUR, str(os.getpid()), str(core)])
        for core in (cores if present else ())
    ]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()
