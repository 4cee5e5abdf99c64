"""The examples, run as a reader would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FETCH = "async_fetch/test_fetch.py"
ATTEMPTS = 3  # the machine may do something else during one run and not during the other


def run(*arguments: str, **switches: str) -> subprocess.CompletedProcess[str]:
    """Python in the examples' folder, without what this run of pytest has set for itself."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WFPERF_", "PYTEST_", "CODE_INDEX_", "ASYNC_FETCH_"))
    }
    environment |= {"PYTHONUTF8": "1", "COLUMNS": "120", **switches}
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=EXAMPLES,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def run_pytest(*arguments: str, **switches: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "pytest", "-p", "no:cacheprovider", *arguments, **switches)


def test_tour_goes_as_it_should(tmp_path):
    taken = run("tour.py", str(tmp_path))

    assert taken.returncode == 0, taken.stdout + taken.stderr
    page = tmp_path / "slowed" / "report.html"
    assert taken.stdout.splitlines()[-1] == f"The tour went as it should. Look at the slowed run: {page.as_uri()}"
    assert "REGRESSED" in page.read_text(encoding="utf-8")
    assert "  stored baseline main 0001-" in taken.stdout
    assert "holds: 2 workflows against baseline main" in taken.stdout
    assert "REGRESSED: step extract " in taken.stdout

    assert "critical path, by what steps come after" in taken.stdout
    unchanged = json.loads((tmp_path / "unchanged.json").read_text(encoding="utf-8"))
    assert unchanged["holds"]
    assert {judged["verdict"] for judged in unchanged["workflows"]}.isdisjoint({"REGRESSED", "FAILED", "MISSING"})
    slowed = json.loads((tmp_path / "slowed" / "benchmark-results.json").read_text(encoding="utf-8"))
    assert not slowed["holds"]
    [build] = [judged for judged in slowed["workflows"] if judged["workflow"].endswith("::test_build")]
    assert build["verdict"] == "REGRESSED"
    assert any(reason.startswith("step extract ") for reason in build["reasons"])


def test_a_release_of_22_tasks_is_right_alone_at_once_and_under_load(tmp_path):
    # beside other tests there is no second processor to be faster on: .ci/run tries that by itself
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    taken = run_pytest("release_pipeline", "-v", f"--wfperf-store={tmp_path}", "-k", "" if alone else "not faster")

    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert ("5 passed" if alone else "4 passed") in taken.stdout
    assert "load:3 failures == 0  0         met" in taken.stdout
    assert "load:3/catalogue/generator/compress" in taken.stdout
    for operation in ("predict", "turns", "render", "index", "compress"):
        assert f"· · {operation} " in taken.stdout


def test_async_example_measures_in_a_plain_run():
    plain = run_pytest(FETCH, "-v")

    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert "holds: 1 workflow: 1 PASS" in plain.stdout
    for step in ("fetch", "fetch/request", "fetch/parse", "aggregate"):
        assert f"\n  {step} " in plain.stdout


def test_async_example_gates_a_slower_step(tmp_path):
    wrong = ""
    for attempt in range(ATTEMPTS):
        store = (f"--wfperf-store={tmp_path / str(attempt)}", "--wfperf-launches=4", "--wfperf-rounds=6")
        saved = run_pytest(FETCH, *store, "--wfperf-save")
        assert saved.returncode == 0, saved.stdout + saved.stderr
        unchanged = run_pytest(FETCH, *store, "--wfperf-baseline")
        slowed = run_pytest(FETCH, *store, "--wfperf-baseline", ASYNC_FETCH_SLOW="parse=6")
        if unchanged.returncode == 0 and slowed.returncode == 1:
            break
        wrong += unchanged.stdout + slowed.stdout
    else:
        pytest.fail(wrong)
    assert "1 workflow against baseline main" in unchanged.stdout
    assert "REGRESSED: step fetch/parse " in slowed.stdout


@pytest.mark.parametrize(
    ("example", "variable"), [("code_index", "CODE_INDEX_SLOW"), ("async_fetch", "ASYNC_FETCH_SLOW")]
)
def test_switch_refuses_a_misspelt_step(example, variable):
    refused = run_pytest(example, **{variable: "prase=2"})

    assert refused.returncode != 0
    assert f"{variable}: 'prase=2' is not step=factor" in refused.stdout + refused.stderr
