"""Time in which this process could have run and others had the processor, read from the real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from pytest_wfperf.measure.contention import Beside, run_delay_ns

pytestmark = pytest.mark.skipif(run_delay_ns() is None, reason="this system does not tell")

BUSY = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
MEASURE = """
import time
from pytest_wfperf.measure.contention import run_delay_ns
before, end = run_delay_ns(), time.monotonic() + 0.5
while time.monotonic() < end: pass
print(run_delay_ns() - before)
"""


def measured(*, beside: int) -> float:
    """Seconds a busy half-second waited on one processor, with so many others on it."""
    core = min(os.sched_getaffinity(0))
    pinned = {"preexec_fn": lambda: os.sched_setaffinity(0, {core})}
    neighbours = [subprocess.Popen([sys.executable, "-c", BUSY], **pinned) for _ in range(beside)]
    try:
        done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, **pinned)
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()
    return int(done.stdout) / 1e9


def test_neighbours_on_the_same_processor_are_seen():
    assert measured(beside=3) > 0.2


def test_what_others_use_is_told_apart_from_what_this_process_uses():
    def busy(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    others = Beside()
    neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        busy(1)
        shared = others.share()
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()
    assert shared > 0.25
    assert shared <= 1


def test_a_fork_reads_its_own():
    before = run_delay_ns()
    child = os.fork()
    if child == 0:
        os._exit(0 if run_delay_ns() < 10**9 * 60 and before is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
