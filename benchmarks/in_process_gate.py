"""The gate of one process on this machine: how often it flags unchanged code, how often it catches a slower step.

Five steps of real work (JSON, sorting, regular expressions, hashing, SQLite) are one workflow; the
same functions are five pytest-benchmark tests. Every run is a pytest process of its own and is
held against one stored session. A/A runs change nothing; in the others one step, each in turn,
does its work twice. pytest-benchmark is asked for its usual 5 % and for 100 %, our own default.

    python benchmarks/in_process_gate.py [RUNS]
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 30
STEPS = ("parse", "sort", "match", "digest", "store")
WORK = """
import hashlib, json, os, random, re, sqlite3
TWICE = os.environ.get("TWICE", "")
DATA = [{"id": i, "name": f"name {i}", "tags": [str(i % 7)] * 3} for i in range(600)]
TEXT = json.dumps(DATA)
SHUFFLED = random.Random(1).sample(DATA, len(DATA))

def parse(): return json.loads(TEXT)
def sort(): return sorted(SHUFFLED, key=lambda d: (d["tags"], d["name"]))
def match(): return re.findall(r'"name": "(\\w+) (\\d+)"', TEXT)
def digest(): return [hashlib.sha256(TEXT.encode()).hexdigest() for _ in range(6)]
def store():
    with sqlite3.connect(":memory:") as db:
        db.execute("create table t (id, name)")
        db.executemany("insert into t values (?, ?)", [(d["id"], d["name"]) for d in DATA])
        return db.execute("select count(*) from t where name like '%9%'").fetchone()

def work(function):
    for _ in range(4):
        function()
        if function.__name__ == TWICE:
            function()
"""
WFPERF = """
from work import *
def test_flow(wfperf):
    for function in (parse, sort, match, digest, store):
        with wfperf.step(function.__name__):
            work(function)
"""
BENCHMARK = """
import pytest
from work import *
@pytest.mark.parametrize("function", [parse, sort, match, digest, store], ids=lambda f: f.__name__)
def test_flow(benchmark, function):
    benchmark(work, function)
"""


def pytest_run(project: Path, *arguments: str, twice: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=project, env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TWICE": twice},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def ours(project: Path, twice: str) -> tuple[bool, set[str], float]:
    """Whether a gated run failed, the steps it flagged, and what it says it could have caught."""
    pytest_run(
        project,
        "-p",
        "pytest_wfperf.plugin",
        "test_wfperf.py",
        "--wfperf-baseline",
        "--wfperf-report=r.json",
        twice=twice,
    )
    (workflow,) = json.loads((project / "r.json").read_text())["workflows"]
    effects = workflow["comparison"]["steps"]
    flagged = {e["path"] for e in effects if e["verdict"] == "REGRESSED"}
    return workflow["verdict"] == "REGRESSED", flagged, workflow["comparison"]["total"]["could_have_caught"]


def theirs(project: Path, twice: str) -> dict[str, set[str]]:
    """The functions pytest-benchmark flags, by limit, from one run."""
    compared = pytest_run(
        project, "-p", "pytest_benchmark.plugin", "test_benchmark.py", "--benchmark-compare=0001",
        "--benchmark-storage=./saved", "--benchmark-json=b.json", twice=twice,
    )  # fmt: skip
    assert compared.returncode == 0, compared.stdout
    (saved,) = project.glob("saved/*/0001_*.json")
    then, now = (
        {b["name"]: b["stats"]["median"] for b in json.loads(path.read_text())["benchmarks"]}
        for path in (saved, project / "b.json")
    )
    name = re.compile(r"\[(\w+)")
    return {
        limit: {name.search(n)[1] for n in now if now[n] > then[n] * (1 + growth)}
        for limit, growth in {"5 %": 0.05, "100 %": 1.0}.items()
    }


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory)
        for name, text in {
            "work.py": WORK,
            "test_wfperf.py": WFPERF,
            "test_benchmark.py": BENCHMARK,
            "pytest.ini": "[pytest]\n",
        }.items():
            (project / name).write_text(text)
        assert pytest_run(project, "-p", "pytest_wfperf.plugin", "test_wfperf.py", "--wfperf-save").returncode == 0
        pytest_run(
            project,
            "-p",
            "pytest_benchmark.plugin",
            "test_benchmark.py",
            "--benchmark-save=a",
            "--benchmark-storage=./saved",
        )
        alarms: Counter[str] = Counter()
        caught: Counter[str] = Counter()
        seconds: Counter[str] = Counter()
        promised = 0.0
        for i in range(2 * RUNS):
            twice = STEPS[i // 2 % len(STEPS)] if i % 2 else ""
            began = time.perf_counter()
            failed, steps, promised = ours(project, twice)
            flagged = {"wfperf": steps if failed else set()}
            seconds["wfperf"] += time.perf_counter() - began
            began = time.perf_counter()
            flagged |= {f"pytest-benchmark median:{k}": v for k, v in theirs(project, twice).items()}
            seconds["pytest-benchmark"] += time.perf_counter() - began
            for tool, names in flagged.items():
                alarms[tool] += not twice and (bool(names) or (tool == "wfperf" and failed))
                caught[tool] += bool(twice) and twice in names
        print(f"{RUNS} unchanged runs and {RUNS} with one step doubled, five steps, one stored session")
        print(f"{'':34} false alarms   right step caught")
        for tool in ("wfperf", "pytest-benchmark median:5 %", "pytest-benchmark median:100 %"):
            print(f"{tool:34} {alarms[tool]:5} of {RUNS}      {caught[tool]:5} of {RUNS}")
        print(f"wfperf says that it could have caught a workflow slower by {promised:.0%}")
        print("seconds a run: " + ", ".join(f"{tool} {total / 2 / RUNS:.1f}" for tool, total in seconds.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
