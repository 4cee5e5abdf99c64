"""What load adds to a replica of some 10 ms: called inside wfperf.load, beside as many bare threads or tasks.

A load's time is from when its replicas were released to the end of the last call, so all that lies between calls is
in it. Both sides run in turn, in random order; the fastest stretch of each is what the code costs, the rest is what
else the machine did.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any
from zlib import crc32

from pytest_wfperf.fixture import Wfperf
from pytest_wfperf.measure.rounds import Measurement
from pytest_wfperf.model import Environment

CALLS, PAIRS = 20, 20
LIMIT = 1.02
WORK = 10_000_000  # ns
BLOCK = bytes(range(256)) * 16  # short enough that the interpreter is not let go of


def busy(turns: int) -> None:
    """Work that allocates nothing: how the heap lies would move it by more than a load adds."""
    for _ in range(turns):
        crc32(BLOCK)


def turns() -> int:
    """How many turns of work take 10 ms here."""
    fastest = WORK
    for _ in range(20):
        began = perf_counter_ns()
        busy(100)
        fastest = min(fastest, perf_counter_ns() - began)
    return max(1, 100 * WORK // fastest)


def sleeping() -> None:
    time.sleep(WORK / 1e9)


async def waiting() -> None:
    await asyncio.sleep(WORK / 1e9)


def bare_threads(call: Callable[[], Any], replicas: int) -> float:
    began: list[int] = []
    barrier = threading.Barrier(replicas, lambda: began.append(perf_counter_ns()))

    def replica() -> None:
        barrier.wait()
        for _ in range(CALLS):
            call()

    threads = [threading.Thread(target=replica) for _ in range(replicas)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter_ns() - began[0]


def bare_tasks(call: Callable[[], Any], replicas: int) -> float:
    async def replica() -> None:
        for _ in range(CALLS):
            await call()

    async def main() -> float:
        began = perf_counter_ns()
        await asyncio.gather(*(replica() for _ in range(replicas)))
        return perf_counter_ns() - began

    return asyncio.run(main())


def loaded(call: Callable[[], Any], replicas: int, mode: str = "auto") -> float:
    wfperf = Wfperf(Measurement(), "benchmark", lambda: Environment(facts=()), shared=Path)
    found = wfperf.load(call, replicas, rounds=CALLS, mode=mode, baseline=False)
    assert found.failures == 0
    return float(found.wall_ns)


def main() -> int:
    some = turns()

    def work() -> None:
        busy(some)

    pairs: dict[str, tuple[Callable[[], float], Callable[[], float]]] = {
        "1 thread, busy": (lambda: bare_threads(work, 1), lambda: loaded(work, 1)),
        "1 thread, sleeping": (lambda: bare_threads(sleeping, 1), lambda: loaded(sleeping, 1)),
        "8 threads, sleeping": (lambda: bare_threads(sleeping, 8), lambda: loaded(sleeping, 8)),
        "8 tasks, waiting": (lambda: bare_tasks(waiting, 8), lambda: loaded(waiting, 8)),
        "2 processes, sleeping": (lambda: bare_threads(sleeping, 2), lambda: loaded(sleeping, 2, "process")),
    }
    fastest = {name: [float("inf")] * 2 for name in pairs}
    for _ in range(PAIRS):
        for name, sides in pairs.items():
            for side in random.sample((0, 1), 2):
                fastest[name][side] = min(fastest[name][side], sides[side]())
    ratios = {name: inside / bare for name, (bare, inside) in fastest.items()}
    for name, ratio in ratios.items():
        print(f"{name:22} {ratio:.4f} x bare   ({fastest[name][0] / CALLS / 1e6:.3f} ms a call)")
    worst = max(ratios.values())
    print(f"Python {sys.version.split()[0]}: at most {100 * (worst - 1):.2f} % on top, limit {100 * (LIMIT - 1):.0f} %")
    return int(worst > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
