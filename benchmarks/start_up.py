"""A pytest start with the plugin installed and unused, against one without it, in alternating pairs.

Each start runs one empty test in an empty directory with every other plugin switched off. The
difference of a pair cancels what the machine did to both; the median over pairs is the claim.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
LIMIT_MS = 5.0
SIDES = {"without": [], "with": ["-p", "pytest_wfperf.plugin"]}


def start(directory: Path, side: str) -> float:
    """Wall time of one pytest process, in ms."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SIDES[side]],
        cwd=directory, env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, check=False,
    )  # fmt: skip
    took = (time.perf_counter() - began) * 1e3
    if done.returncode:
        sys.exit(done.stdout.decode() + done.stderr.decode())
    return took


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "test_empty.py").write_text("def test_empty(): pass\n")
        (directory / "pytest.ini").write_text("[pytest]\n")
        for side in SIDES:
            start(directory, side)
        files = sorted(directory.rglob("*"))
        times: dict[str, list[float]] = {side: [] for side in SIDES}
        for pair in range(PAIRS):
            for side in sorted(SIDES, reverse=bool(pair % 2)):
                times[side].append(start(directory, side))
        written = [path for path in sorted(directory.rglob("*")) if path not in files]
    differences = [a - b for a, b in zip(times["with"], times["without"], strict=True)]
    added = median(differences)
    print(f"without {median(times['without']):7.1f} ms   fastest {min(times['without']):7.1f} ms   ({PAIRS} pairs)")
    print(f"with    {median(times['with']):7.1f} ms   fastest {min(times['with']):7.1f} ms")
    print(
        f"added   {added:7.2f} ms   fastest {min(times['with']) - min(times['without']):7.2f} ms   limit {LIMIT_MS} ms"
    )
    print(f"ratio   {median(times['with']) / median(times['without']):7.3f}; files written: {len(written)}")
    return int(added > LIMIT_MS or bool(written))


if __name__ == "__main__":
    raise SystemExit(main())
