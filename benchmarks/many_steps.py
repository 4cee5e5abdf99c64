"""A round of many steps: time per step and peak memory as their number grows tenfold."""

from __future__ import annotations

import sys
import tracemalloc
from time import perf_counter

from pytest_wfperf.measure.recorder import Recorder
from pytest_wfperf.measure.steps import LIMIT

COUNTS = (1_000, 10_000, 100_000, 1_000_000)


def record(steps: int) -> tuple[float, int]:
    """Seconds to record and freeze a round, and how many entries were folded."""
    recorder = Recorder()
    began = perf_counter()
    recorder.begin()
    with recorder.step("outer"):
        for _ in range(steps):
            with recorder.step("inner"):
                pass
    recorder.end()
    taken = recorder.freeze()
    took = perf_counter() - began
    assert sum(span.count for span in taken.spans) == steps + 1
    return took, taken.folded


def peak(steps: int) -> int:
    tracemalloc.start()
    record(steps)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used


def main() -> int:
    print(f"entries are held one by one up to {LIMIT:,} a round; beyond that they are summed and the profile says so")
    per_step, memory = {}, {}
    for steps in COUNTS:
        took, folded = min(record(steps) for _ in range(3))
        per_step[steps], memory[steps] = took / steps * 1e9, peak(steps)
        cost, held = f"{took:7.3f} s  {per_step[steps]:6.0f} ns a step", f"peak {memory[steps] / 2**20:6.2f} MiB"
        print(f"{steps:>9,} steps  {cost}  folded {folded:>9,}  {held}")
    growth = per_step[100_000] / per_step[1_000]
    flat = memory[1_000_000] / memory[100_000]
    print(
        f"100,000 steps cost {growth:.2f} times as much a step as 1,000; "
        f"memory from 100,000 to 1,000,000: {flat:.2f} times"
    )
    return int(growth > 2 or flat > 1.5)


if __name__ == "__main__":
    sys.exit(main())
