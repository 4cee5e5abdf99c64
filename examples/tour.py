"""The whole job once: store a baseline of the code index, gate an unchanged run and one with a slower step, report
that one as a page, then look where the time of a release of 22 tasks goes.

    python examples/tour.py [DIRECTORY]

Prints every command and its output, and exits with 1 if anything turns out otherwise than it
should. The store is temporary; the reports are kept, in the directory given or in a temporary one.

A machine that does something else during one run and not during the other is slower, and a
baseline of one session cannot know why. Where that spoils a comparison the tour says so and
measures anew, three times at most.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parent
WORKFLOW = "code_index/test_code_index.py::test_build"
STEP, FACTOR = "extract", 8  # far more than needed: seen beside whatever else the machine does
RELEASE, DOMINANT = "release_pipeline/test_release.py::test_release", "catalogue"
ATTEMPTS = 3


def main(results: Path) -> int:
    """Take the tour until it goes as it should; the exit status."""
    for attempt in range(1, ATTEMPTS + 1):
        with tempfile.TemporaryDirectory(prefix="wfperf-tour-") as store:
            wrong = list(tour(Path(store), results))
        if not wrong:
            print(
                f"\nThe tour went as it should. Look at the slowed run: {(results / 'slowed' / 'report.html').as_uri()}"
            )
            return 0
        print("\nNot as it should be:")
        for sentence in wrong:
            print(f"  {sentence}")
        if attempt < ATTEMPTS:
            print(f"This can be the machine's doing. Once more, from the start ({attempt + 1} of {ATTEMPTS}).")
    return 1


def tour(store: Path, results: Path) -> Iterator[str]:
    """The four runs; what turned out otherwise than it should."""
    heading("1. Measure the workflows and store them as the baseline")
    code, output = run("--wfperf-save", store=store)
    if code != 0 or "stored baseline main" not in output:
        yield f"the baseline was not stored (exit code {code})"
        return  # there is nothing to hold the next runs against

    heading("2. Gate a run of the same code: nothing is slower, so it passes")
    code, _ = run("--wfperf-baseline", f"--wfperf-report={results / 'unchanged.json'}", store=store)
    if code != 0:
        yield f"the unchanged run did not pass (exit code {code})"
    unchanged = read(results / "unchanged.json")
    if not unchanged["holds"]:
        yield "unchanged.json says that the gate does not hold"

    heading(f"3. Gate a run in which the step {STEP!r} does its work {FACTOR} times: it fails, and names the step")
    code, output = run("--wfperf-baseline", f"--wfperf-report={results / 'slowed'}/", store=store, slow=True)
    if code != 1:
        yield f"the slowed run did not fail with exit code 1 but ended with {code}"
    if f"REGRESSED: step {STEP} " not in output:
        yield f"the report of the slowed run does not name the step {STEP!r}"
    judged_workflows = read(results / "slowed" / "benchmark-results.json")["workflows"]
    slowed = {judged["workflow"]: judged for judged in judged_workflows}[WORKFLOW]
    steps = {step["path"]: step for step in slowed["comparison"]["steps"]} if slowed["comparison"] else {}
    if slowed["verdict"] != "REGRESSED" or steps.get(STEP, {}).get("verdict") != "REGRESSED":
        yield f"benchmark-results.json does not say that the step {STEP!r} regressed"
        return
    largest = max(steps.values(), key=lambda step: float(step["change"]))
    print(
        f"\nslowed/benchmark-results.json: {slowed['verdict']}; most grew {largest['path']}, {largest['change']:+.0%}"
    )

    heading("4. Profile a release of 22 tasks: which of them decide how long it takes?")
    report = f"--wfperf-report={results / 'release.json'}"
    code, _ = run("-v", "--wfperf-rounds=3", "--wfperf-launches=0", report, store=store, what=RELEASE)
    [release] = read(results / "release.json")["workflows"]
    path = [link["path"] for link in release["analysis"]["path"] if not link["depth"]]
    if code != 0 or DOMINANT not in path:
        yield f"the release did not pass (exit code {code}), or {DOMINANT!r} is not on its critical path"


def heading(text: str) -> None:
    print(f"\n=== {text}\n", flush=True)


def run(*options: str, store: Path, slow: bool = False, what: str = "code_index") -> tuple[int, str]:
    """Run pytest on an example as a user would; its exit code and its output, which is passed on as it comes."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WFPERF_", "PYTEST_", "CODE_INDEX_", "COV_"))
    }
    environment |= {"PYTHONUTF8": "1", "COLUMNS": "120"}
    switch = {"CODE_INDEX_SLOW": f"{STEP}={FACTOR}"} if slow else {}
    arguments = ["-m", "pytest", what, "-p", "no:cacheprovider", f"--wfperf-store={store}", *options]
    print("$", *(f"{name}={value}" for name, value in switch.items()), "python", *arguments, "\n", flush=True)
    lines = []
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=EXAMPLES,
        env=environment | switch,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    print(f"\n(exit code {process.returncode})", flush=True)
    return process.returncode, "".join(lines)


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a console may lack µ or →
    if len(sys.argv) > 1:
        kept = Path(sys.argv[1]).resolve()
        kept.mkdir(parents=True, exist_ok=True)
        sys.exit(main(kept))
    sys.exit(main(Path(tempfile.mkdtemp(prefix="wfperf-results-"))))
