"""What it costs to analyse one round of 10,000 steps and 40,000 declared edges, and ten times as much.

Four shapes: steps that ran as soon as their edges allowed, on 16 workers, in turn, and in a hundred levels. The
yardstick is a copy of the same round: ten times as much data is more than ten times as slow to get at, for both.
"""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from heapq import heapify, heapreplace
from time import process_time

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.model import Environment, Launch, Profile, Round, Span

SMALL, LARGE, EDGES = 10_000, 100_000, 4
LIMIT_S, LIMIT_GROWTH = 1.0, 1.5
REACH = 200  # how many steps an edge goes back at most


def span(path: str, start: int, ns: int, after: tuple[str, ...] = (), own: int | None = None) -> Span:
    return Span(
        path=path, count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns if own is None else own,
        start_ns=start, end_ns=start + ns, after=after,
    )  # fmt: skip


def edges(steps: int, rng: random.Random) -> Iterator[list[int]]:
    for i in range(steps):
        yield rng.sample(range(max(0, i - REACH), i), min(i, EDGES))


def on_workers(steps: int, workers: int | None) -> Round:
    """Steps in the order of their numbers, each once its predecessors have ended and a worker is free."""
    rng = random.Random(1)
    ends: list[int] = []
    spans = []
    free = [0] * (workers or 0)
    heapify(free)
    for i, before in enumerate(edges(steps, rng)):
        ready = max((ends[p] for p in before), default=0)
        start = (max(ready, free[0]) if workers else ready) + rng.randrange(1_000)
        ns = round(rng.lognormvariate(13, 1))
        ends.append(start + ns)
        if workers:
            heapreplace(free, start + ns)
        spans.append(span(f"step {i}", start, ns, tuple(f"step {p}" for p in before)))
    return Round(total_ns=max(ends), spans=tuple(spans))


def as_early_as_can_be(steps: int) -> Round:
    return on_workers(steps, None)


def on_16_workers(steps: int) -> Round:
    return on_workers(steps, 16)


def in_turn(steps: int) -> Round:
    return on_workers(steps, 1)


def in_100_levels(steps: int) -> Round:
    """A hundred steps one after another with as many steps inside, these in turn, with edges among them."""
    rng = random.Random(1)
    spans, at = [], 0
    for group in range(100):
        start, inner = at, []
        for i, before in enumerate(edges(steps // 100 - 1, rng)):
            ns = round(rng.lognormvariate(13, 1))
            inner.append(span(f"group {group}/step {i}", at, ns, tuple(f"step {p}" for p in before)))
            at += ns + 1_000
        spans += [span(f"group {group}", start, at - start, own=1_000 * len(inner)), *inner]
    return Round(total_ns=at, spans=tuple(spans))


def copied(taken: Round) -> list[Span]:
    """The yardstick, as good as linear: every step made anew, every edge looked up."""
    spans = {span.path: span for span in taken.spans}
    return [replace(span, after=tuple(spans[name].path for name in _named(span))) for span in taken.spans]


def _named(span: Span) -> list[str]:
    inside, slash, _ = span.path.rpartition("/")
    return [inside + slash + name for name in span.after]


def fastest(function: Callable[[], object]) -> float:
    """CPU seconds of the fastest of five calls, the collector off: it goes over the profile again and again."""
    best = float("inf")
    for _ in range(5):
        gc.collect()
        gc.disable()
        began = process_time()
        function()
        best = min(best, process_time() - began)
        gc.enable()
    return best


def main() -> int:
    shapes: list[Callable[[int], Round]] = [as_early_as_can_be, on_16_workers, in_turn, in_100_levels]
    holds = True
    for shape in shapes:
        times = []
        for steps in (SMALL, LARGE):
            taken = shape(steps)
            launches = (Launch(rounds=(taken,)),)
            profile = Profile(workflow="benchmark", environment=Environment(facts=()), launches=launches)
            seconds, least = fastest(partial(analyse, profile)), fastest(partial(copied, taken))
            times.append(seconds / least)
            holds &= steps > SMALL or seconds <= LIMIT_S
            declared = sum(len(s.after) for s in taken.spans)
            print(
                f"{shape.__name__.replace('_', ' '):18} {len(taken.spans):>7,} steps, {declared:>7,} edges: "
                f"{seconds:6.3f} s, {times[-1]:4.1f} times a copy of the round"
            )
        growth = times[1] / times[0]
        print(f"{'':18} ten times the steps: {growth:.2f} times as much a copy (limit {LIMIT_GROWTH:g})")
        holds &= growth <= LIMIT_GROWTH
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
