"""A pytest start with the plugin installed and unused, against one without it, in alternating pairs.

Each start runs one empty test in an empty directory with every other plugin switched off. Both
name a plugin with -p, an empty module or ours, for -p itself searches everything installed. The
difference of a pair cancels what the machine did to both; the pairs' Hodges-Lehmann estimate is
the claim. CPU time is what decides: wall time on a shared machine is mostly waiting.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from pytest_wfperf.estimate import hodges_lehmann, walsh_interval

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
LIMIT_MS = 5.0
# an installed package is compiled: that is not to be repeated at every start
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
}
SIDES = {"without": ["-p", "empty_plugin"], "with": ["-p", "pytest_wfperf.plugin"]}


def start(directory: Path, side: str) -> tuple[float, float]:
    """Wall and CPU time of one pytest process, in ms."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SIDES[side]],
        cwd=directory, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"pytest ended with {process.returncode}")
    return took * 1e3, (used.ru_utime + used.ru_stime) * 1e3


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "test_empty.py").write_text("def test_empty(): pass\n")
        (directory / "empty_plugin.py").write_text("")
        (directory / "pytest.ini").write_text("[pytest]\n")
        for side in SIDES:
            start(directory, side)
        files = sorted(directory.rglob("*"))
        times: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
        for pair in range(PAIRS):
            for side in sorted(SIDES, reverse=bool(pair % 2)):
                times[side].append(start(directory, side))
        written = [path for path in sorted(directory.rglob("*")) if path not in files]
    added = {}
    for i, clock in enumerate(("wall", "CPU")):
        without, with_ = ([taken[i] for taken in times[side]] for side in ("without", "with"))
        differences = [b - a for a, b in zip(without, with_, strict=True)]
        added[clock], (low, high) = hodges_lehmann(differences), walsh_interval(differences)
        print(
            f"{clock:5} without {median(without):6.1f} ms, with {median(with_):6.1f} ms, ratio "
            f"{median(with_) / median(without):.3f}; added {added[clock]:5.2f} ms (95 %: {low:.2f} to {high:.2f})"
        )
    print(f"{PAIRS} pairs; limit {LIMIT_MS:g} ms, held against the CPU time; files written: {len(written)}")
    return int(added["CPU"] > LIMIT_MS or bool(written))


if __name__ == "__main__":
    raise SystemExit(main())
