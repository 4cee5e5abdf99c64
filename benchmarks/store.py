"""A store of 1,000 workflows of 20 steps: what it costs to load and judge one of them, and all.

The floor to compare with is the least that any gate has to do: read and parse the same files.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import tracemalloc
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter

from pytest_wfperf.gate import Gate
from pytest_wfperf.measure.conditions import environment
from pytest_wfperf.model import Launch, Profile, Round, Span
from pytest_wfperf.settings import Settings
from pytest_wfperf.store.directory import Store
from pytest_wfperf.store.layout import workflow_file
from pytest_wfperf.store.schema import encode_profile

WORKFLOWS, STEPS, ROUNDS = 1_000, 20, 12
LIMIT_ONE_MS, LIMIT_ALL_S = 5.0, 10.0


def profile(number: int, rng: random.Random) -> Profile:
    rounds = []
    for _ in range(ROUNDS):
        spans, at = [], 0
        for step in range(STEPS):
            ns = round(1e6 * (1 + step) * rng.lognormvariate(0, 0.03))
            spans.append(
                Span(
                    path=f"step {step}",
                    count=1,
                    total_ns=ns,
                    min_ns=ns,
                    max_ns=ns,
                    own_ns=ns,
                    start_ns=at,
                    end_ns=at + ns,
                )
            )
            at += ns
        rounds.append(Round(total_ns=at, spans=tuple(spans)))
    return Profile(
        workflow=f"tests/test_{number % 40}.py::test_flow[{number}]",
        environment=environment(),
        launches=(Launch(rounds=tuple(rounds), recorder_ns=600),),
    )


def settings(store: Path) -> Settings:
    return Settings(
        baseline="main", save=None, extend=None, accept=None, store=store, thresholds=(), min_pass_rate=0.95,
        launches=0, against=None, aa=False, build=None, resume=False, github=False,
        rounds=ROUNDS, warmup=1, max_time=60.0, isolation="fresh", report=(), strict=False, only=False, off=False,
        sources={"baseline": "benchmark"},
    )  # fmt: skip


def main() -> int:
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        profiles = [profile(n, rng) for n in range(WORKFLOWS)]
        began = perf_counter()
        baseline = Store(root).save("main", profiles, environment=environment(), reason="benchmark")
        print(f"saving {WORKFLOWS:,} workflows x {STEPS} steps x {ROUNDS} rounds: {perf_counter() - began:.2f} s")
        (session,) = (session.directory for session in baseline.contents)
        carried = [{"profile": encode_profile(p), "thresholds": []} for p in profiles]

        def gate() -> Gate:
            made = Gate(settings(root), root, today=date(2026, 1, 1))
            made.workflows = WORKFLOWS
            return made

        gate().judge(carried[0], "")  # imports and compiled schemas
        floor, whole, one = [], [], []
        for i in range(60):
            began = perf_counter()
            json.loads((session / workflow_file(profiles[i].workflow)).read_text())
            floor.append((perf_counter() - began) * 1e3)
            fresh = gate()
            began = perf_counter()
            fresh.judge(carried[i], "")
            whole.append((perf_counter() - began) * 1e3)
            began = perf_counter()
            fresh.judge(carried[i], "")
            one.append((perf_counter() - began) * 1e3)
        print(f"one file read and parsed:          {median(floor):7.2f} ms (fastest {min(floor):.2f})")
        print(
            f"one loaded and judged:             {median(one):7.2f} ms (fastest {min(one):.2f}), "
            f"{median(one) / median(floor):.1f} x that"
        )
        print(f"the same with opening the version: {median(whole):7.2f} ms (fastest {min(whole):.2f})")
        everything = gate()
        began = perf_counter()
        for data in carried:
            everything.judge(data, "")
        seconds = perf_counter() - began
        print(f"all {WORKFLOWS:,} judged:                 {seconds:7.2f} s")
        tracemalloc.start()
        held = gate()
        for data in carried[:200]:
            held.judge(data, "")
        after_200 = tracemalloc.get_traced_memory()
        for data in carried[200:400]:
            held.judge(data, "")
        after_400 = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(
            f"held per judged workflow: {(after_400[0] - after_200[0]) / 200 / 1024:.1f} KiB; "
            f"peak above it {(after_400[1] - after_400[0]) / 2**20:.1f} MiB"
        )
    return int(median(one) > LIMIT_ONE_MS or seconds > LIMIT_ALL_S)


if __name__ == "__main__":
    sys.exit(main())
