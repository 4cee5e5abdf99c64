"""A graph in parallel against the same graph in turn: speedup, efficiency, equal results, and what a task costs.

One graph twice: of tasks that wait (threads), and of tasks that compute (two processes, on two cores; what
two processes can gain on this machine is measured beside it). The cost is that of tasks that do nothing,
beside a bare executor's, stretches of both in turn.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from functools import partial

from pytest_wfperf.measure.graph import Graph
from pytest_wfperf.measure.recorder import Recorder
from pytest_wfperf.report.graph import mermaid

PROCESSES = 2
TASKS, STRETCHES = 1_000, 15
REPEATS = 9
LEAST = 0.75  # of the speedup that is possible
# the graph's 24 units of work take 10 on its longest chain, and 13 on two workers
ON_MANY, ON_TWO = 24 / 10, 24 / 13
MOST_COST = 8.0  # times a bare executor's task


def waiting(ms: int, *before: int) -> int:
    time.sleep(ms / 1000)
    return ms + sum(before)


def computing(size: int, *before: int) -> int:
    found = 0
    for number in range(size):
        found = (found * 31 + number) % 1_000_003
    return found + sum(before)


def recorded() -> tuple[Recorder, Graph]:
    recorder = Recorder()
    return recorder, Graph(recorder, lambda _language, *drawn: mermaid(*drawn))


def build(work: Callable[..., int], unit: int) -> tuple[Recorder, Graph]:
    """A build's shape: one source, three chains of two that are independent, one that packs them."""
    recorder, graph = recorded()
    graph.add("fetch", partial(work, unit))
    for chain, size in (("code", 4), ("docs", 3), ("tests", 4)):
        graph.add(f"{chain} 1", partial(work, size * unit), needs="fetch", group="first")
        graph.add(f"{chain} 2", partial(work, size * unit), needs=f"{chain} 1", group="second")
    graph.add("pack", partial(work, unit), needs=[f"{chain} 2" for chain in ("code", "docs", "tests")])
    return recorder, graph


def compare(title: str, graph: Graph, recorder: Recorder, executor: Executor | None, most: Callable[[], float]) -> bool:
    """Print one line; whether both ways give equal results and parallel reaches its share of the ``most`` possible."""
    pairs = []
    for _ in range(REPEATS):
        recorder.begin()
        in_turn, parallel = graph.run(parallel=False), graph.run(executor=executor)
        recorder.end()
        pairs.append((parallel.speedup_over(in_turn), most(), in_turn, parallel))
    equal = all(one.results == other.results for _, _, one, other in pairs)
    speedup = statistics.median(pair[0] for pair in pairs)
    possible = statistics.median(pair[1] for pair in pairs)
    _, _, in_turn, parallel = pairs[-1]
    print(
        f"{title:20}  in turn {in_turn.makespan_ns / 1e6:6.1f} ms, parallel {parallel.makespan_ns / 1e6:6.1f} ms: "
        f"{speedup:.2f} times as fast, {possible:.2f} possible; at most {parallel.workers} at once, "
        f"efficiency {parallel.efficiency:.0%}; results {'equal' if equal else 'DIFFER'}"
    )
    return equal and speedup >= LEAST * possible


def possible_in(pool: Executor, work: Callable[[], int]) -> float:
    """What two processes can gain here and now: two calls at once against one after the other, on a bare pool."""
    began = time.perf_counter_ns()
    for _ in range(2):
        pool.submit(work).result()
    turned = time.perf_counter_ns()
    wait([pool.submit(work) for _ in range(2)])
    at_once = time.perf_counter_ns() - turned
    return (turned - began) / at_once * ON_TWO / 2


def bare(pool: Executor) -> float:
    began = time.perf_counter_ns()
    wait([pool.submit(int) for _ in range(TASKS)])
    return (time.perf_counter_ns() - began) / TASKS


def graphed(pool: Executor) -> float:
    recorder, graph = recorded()
    for task in range(TASKS):
        graph.add(f"t{task}", int)
    recorder.begin()
    began = time.perf_counter_ns()
    graph.run(executor=pool)
    took = (time.perf_counter_ns() - began) / TASKS
    recorder.end()
    assert len(recorder.freeze().spans) == TASKS
    return took


def cost() -> bool:
    fastest = {bare: float("inf"), graphed: float("inf")}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(STRETCHES):
            for side, least in fastest.items():
                fastest[side] = min(least, side(pool))
    ratio = fastest[graphed] / fastest[bare]
    print(
        f"a task that does nothing: {fastest[graphed] / 1e3:.1f} µs in a graph, {fastest[bare] / 1e3:.1f} µs on a bare "
        f"executor, {ratio:.2f} times (at most {MOST_COST:g})"
    )
    return ratio <= MOST_COST


def main() -> int:
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs")
    recorder, graph = build(waiting, 10)
    good = compare("threads, waiting", graph, recorder, None, lambda: ON_MANY)
    recorder, graph = build(computing, 200_000)
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        wait([pool.submit(computing, 10**6) for _ in range(2 * PROCESSES)])  # both are up
        possible = partial(possible_in, pool, partial(computing, 800_000))
        good &= compare("processes, computing", graph, recorder, pool, possible)
    return int(not (cost() and good))


if __name__ == "__main__":
    raise SystemExit(main())
