"""Predicted against measured: a workflow of twelve tasks on threads, asked ten random what-ifs that are then made true.

The tasks wait, or compute outside Python's lock, for times that are theirs to change; a what-if changes up to three of
them, or the number of workers. Each prediction rests on rounds of the workflow as it is, taken in turn with
rounds of the workflow as asked, whose median it is held against.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from pytest_wfperf.analyse.what_if import predict
from pytest_wfperf.measure.recorder import Recorder
from pytest_wfperf.model import Environment, Launch, Profile, Round
from pytest_wfperf.report.text import change, duration
from pytest_wfperf.samples import quantile

ROUNDS, ASKED, WORKERS = 7, 10, 3
LIMIT, WANTED = 0.05, 9
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 20_160_229

TASKS: Mapping[str, tuple[float, tuple[str, ...]]] = {  # ms, and what they come after
    "fetch": (30, ()),
    "config": (12, ()),
    "parse": (40, ("fetch",)),
    "schema": (25, ("config",)),
    "hash": (20, ("fetch",)),
    "check": (35, ("parse", "schema")),
    "index": (60, ("parse",)),
    "generate": (90, ("schema", "parse")),
    "lint": (45, ("config",)),
    "test": (70, ("check", "index")),
    "docs": (30, ("generate",)),
    "pack": (25, ("test", "docs", "hash", "lint")),
}
COMPUTED = "hash"
BLOCK = bytes(1 << 20)


def blocks_per_ms() -> float:
    best = 0.0
    for _ in range(20):
        began = time.perf_counter_ns()
        for _ in range(8):
            hashlib.sha256(BLOCK)
        best = max(best, 8 / ((time.perf_counter_ns() - began) / 1e6))
    return best


def run(times_ms: Mapping[str, float], workers: int, speed: float) -> Round:
    """One round, with every task handed to the executor as soon as what it comes after is done."""
    recorder = Recorder()

    def work(name: str) -> None:
        with recorder.step(name, after=TASKS[name][1]):
            if name == COMPUTED:
                for _ in range(round(times_ms[name] * speed)):
                    hashlib.sha256(BLOCK)
            else:
                time.sleep(times_ms[name] / 1e3)

    with ThreadPoolExecutor(workers) as executor:
        running: dict[Future[None], str] = {}
        waiting, done = list(TASKS), set()
        recorder.begin()
        while waiting or running:
            for name in [name for name in waiting if done.issuperset(TASKS[name][1])]:
                waiting.remove(name)
                running[executor.submit(work, name)] = name
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            done |= {running.pop(future) for future in ended}
        recorder.end()
    return recorder.freeze()


def question(rng: random.Random) -> tuple[str, dict[str, float], int]:
    """A random what-if, the times it asks for, and the workers."""
    times = {name: ms for name, (ms, _) in TASKS.items()}
    workers = rng.choice([WORKERS, WORKERS, WORKERS, 1, 2, 4, 12])
    asked = [] if workers == WORKERS else [f"{workers} workers" if workers > 1 else "1 worker"]
    for name in rng.sample(list(TASKS), rng.randint(0 if asked else 1, 3)):
        factor = rng.choice([0.0, 0.25, 0.5, 0.7, 1.5, 2.0, 3.0])
        times[name] *= factor
        asked.append(f"{name}={factor:g}x")
    return "; ".join(asked), times, workers


def main() -> int:
    rng, speed = random.Random(SEED), blocks_per_ms()
    plain = {name: ms for name, (ms, _) in TASKS.items()}
    run(plain, WORKERS, speed)
    print(f"{len(TASKS)} tasks on {WORKERS} workers, {ROUNDS} rounds of either kind a question, seed {SEED}")
    good = 0
    for _ in range(ASKED):
        asked, times, workers = question(rng)
        pairs = [(run(plain, WORKERS, speed), run(times, workers, speed)) for _ in range(ROUNDS)]
        taken = Launch(rounds=tuple(before for before, _ in pairs))
        predicted = predict(Profile(workflow="build", environment=Environment(facts=()), launches=(taken,)), asked)
        measured = quantile([after.total_ns for _, after in pairs], 0.5)
        error = predicted.predicted_ns / measured - 1
        good += abs(error) <= LIMIT
        before, then = duration(predicted.measured_ns), duration(predicted.predicted_ns)
        print(f"{change(error):>8}  {before:>8} -> predicted {then:>8}, measured {duration(measured):>8}  {asked}")
    print(f"{good} of {ASKED} within {LIMIT:.0%}, wanted {WANTED}")
    return int(good < WANTED)


if __name__ == "__main__":
    sys.exit(main())
