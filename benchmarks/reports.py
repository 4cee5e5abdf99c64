"""What reports cost: results.json alone and the whole artifact set, of 200 workflows x 20 steps x 100 rounds.

Going over the exhibits, which reads the stored profiles and analyses the
new ones, is what any report needs, and so the yardstick. Seconds are those of the processor.
"""

from __future__ import annotations

import gc
import random
import sys
import tempfile
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import process_time

from pytest_wfperf import report
from pytest_wfperf.gate import Gate
from pytest_wfperf.judged import RunResult
from pytest_wfperf.measure.conditions import environment
from pytest_wfperf.model import Launch, Profile, Round, Span
from pytest_wfperf.options import SETTINGS
from pytest_wfperf.report.artifacts import ARTIFACTS
from pytest_wfperf.report.exhibit import Exhibit
from pytest_wfperf.report.folder import Folder
from pytest_wfperf.settings import Settings
from pytest_wfperf.showing import exhibits, occasion
from pytest_wfperf.store.directory import Store
from pytest_wfperf.store.schema import encode_profile

WORKFLOWS, STEPS, ROUNDS = 200, 20, 100
TRACED = 40  # workflows of which memory is traced, which takes its time


def span(path: str, start: int, ns: int, after: tuple[str, ...]) -> Span:
    return Span(
        path=path, count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=start, end_ns=start + ns,
        after=after,
    )  # fmt: skip


def profile(number: int, rng: random.Random) -> Profile:
    """Ten steps in turn, a second one beside each."""
    rounds = []
    for _ in range(ROUNDS):
        spans, at = [], 0
        for step in range(0, STEPS, 2):
            times = [round(1e6 * (1 + step + beside) * rng.lognormvariate(0, 0.03)) for beside in (0, 1)]
            after = (f"step {step - 2}", f"step {step - 1}") if step else ()
            spans += [span(f"step {step + beside}", at, ns, after) for beside, ns in enumerate(times)]
            at += max(times)
        rounds.append(Round(total_ns=at, spans=tuple(spans)))
    return Profile(
        workflow=f"tests/test_{number % 40}.py::test_flow[{number}]",
        environment=environment(),
        launches=tuple(Launch(rounds=tuple(rounds[at : at + 10]), recorder_ns=600) for at in range(0, ROUNDS, 10)),
    )


def settings(store: Path) -> Settings:
    values = {setting.name: setting.default for setting in SETTINGS if setting.name not in ("threshold", "price")}
    given = {"baseline": "main", "store": store, "thresholds": (), "sources": {"baseline": "benchmark"}}
    return Settings(**(values | given))


def judged(root: Path) -> tuple[Gate, RunResult]:
    """A run held against a stored session of the same size."""
    rng = random.Random(1)
    profiles = [profile(number, rng) for number in range(WORKFLOWS)]
    Store(root).save("main", profiles, environment=environment(), reason="benchmark")
    gate = Gate(settings(root), root, today=date(2026, 1, 1))
    gate.workflows = WORKFLOWS
    for number in range(WORKFLOWS):
        gate.judge({"profile": encode_profile(profile(number, rng)), "thresholds": []}, "")
    return gate, RunResult(judgements=tuple(gate.judgements.values()), baseline="main")


def timed(work: Callable[[], None]) -> float:
    gc.collect()
    began = process_time()
    work()
    return process_time() - began


def peak_mib(work: Callable[[], None]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        gate, result = judged(root / "store")
        when = occasion(gate)

        def shown(most: int) -> Iterator[Exhibit]:
            return exhibits(gate, replace(result, judgements=result.judgements[:most]), {})

        def write(path: str, most: int = WORKFLOWS) -> None:
            if problems := report.write([path], result, when, shown(most), base=root):
                sys.exit(str(problems))

        size = f"{WORKFLOWS} workflows x {STEPS} steps x {ROUNDS} rounds"
        floor = timed(lambda: deque(shown(WORKFLOWS), maxlen=0).clear())
        print(f"{size}: going over the exhibits alone takes {floor:.1f} s")
        for path, what in {"out.json": "results.json", "out/": "the whole set"}.items():
            memory = peak_mib(lambda path=path: write(path, TRACED))
            seconds = timed(lambda path=path: write(path))
            files = [root / path] if what == "results.json" else sorted((root / path).iterdir())
            total = sum(file.stat().st_size for file in files) / 2**20
            told = f"{seconds:.1f} s ({seconds / floor:.2f} x that), {total:.1f} MiB"
            print(f"{what}: {told}; at most {memory:.0f} MiB in memory for {TRACED} workflows")
        each = list(shown(WORKFLOWS))
        for file, reporter in ARTIFACTS.items():
            began = process_time()
            parts = [reporter.part(exhibit) for exhibit in each]
            middle = process_time()
            data = reporter.whole(result, when, parts)
            seconds = process_time() - middle
            print(f"  {file}: {middle - began:.2f} s its parts, {seconds:.2f} s the whole, {len(data) / 2**20:.2f} MiB")
        contents = {file.name: file.read_bytes() for file in (root / "out").iterdir()}
        began = process_time()
        Folder(root / "again", ARTIFACTS).put(contents.items)
        print(f"  writing the files through to the disk and moving them in: {process_time() - began:.2f} s")


if __name__ == "__main__":
    main()
