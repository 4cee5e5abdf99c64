"""``wfperf analyse`` and ``wfperf what-if`` on runs that a real pytest has measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

FLOW = """
import os, time

def test_flow(wfperf):
    with wfperf.step("load"):
        time.sleep(0.004)
    with wfperf.step("render", after="load"):
        time.sleep(float(os.environ.get("RENDER", "0.012")))

def test_other(wfperf):
    with wfperf.step("alone"):
        time.sleep(0.001)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A project with a stored baseline, a run in its journal and a results file."""
    root = tmp_path_factory.mktemp("project")
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "test_it.py").write_text(FLOW)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("WFPERF_", "PYTEST_"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for more, change in (
        (["--wfperf-report=slower.json"], {"RENDER": "0.024"}),
        (["--wfperf-save", "--wfperf-report=r.json"], {}),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "pytest_wfperf.plugin", "-p", "no:cacheprovider",
             "-o", "wfperf_launches=0", "--wfperf-rounds=6", *more],
            cwd=root, env=environment | change, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    return root


def wfperf(place, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "pytest_wfperf", *arguments],
        cwd=place, env=os.environ | {"PYTHONIOENCODING": "utf-8"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.mark.parametrize("source", ["r.json", "main", "latest"])
def test_a_results_file_a_baseline_and_a_run_can_be_analysed(place, source):
    text = wfperf(place, "analyse", source, "--workflow", "test_it.py::test_flow")
    assert "test_it.py::test_flow: 6 rounds" in text
    assert "critical path" in text
    assert "render" in text
    assert "test_other" not in text


def test_as_json_with_a_prediction(place):
    both = json.loads(wfperf(place, "analyse", "r.json", "--json"))
    assert {each["workflow"] for each in both} == {"test_it.py::test_flow", "test_it.py::test_other"}
    (found,) = json.loads(
        wfperf(place, "analyse", "r.json", "--json", "--workflow=test_it.py::test_flow", "--what-if", "render=0.5x")
    )
    assert [link["path"] for link in found["path"]] == ["load", "render"]
    (answer,) = found["what_if"]
    assert answer["predicted_ns"] == pytest.approx(answer["measured_ns"] - 6_000_000, rel=0.1)
    assert found["ceilings"][0]["path"] == "render"


def test_a_what_if_is_answered(place):
    text = wfperf(place, "what-if", "render=0.5x", "load=0.5x", "--run=r.json", "--workflow=test_it.py::test_flow")
    assert "what if render=0.5x; load=0.5x" in text
    assert "as fast" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyse", "nowhere"], "'nowhere' is neither a results file nor a run or baseline of"),
        (["analyse", "r.json", "--workflow=test_it.py::test_flo"], "it has test_it.py::test_flow"),
        (["what-if", "rendr=0.5x", "--run=r.json", "--workflow=test_it.py::test_flow"], "render"),
        (["what-if", "render=fast", "--run=r.json"], "render=fast"),
        (["analyse", "test_it.py"], "test_it.py"),
    ],
)
def test_what_cannot_be_done_says_why(place, arguments, said):
    assert said in wfperf(place, *arguments, code=2)


def test_two_runs_are_compared_in_parts_that_add_up(place):
    flow = "--workflow=test_it.py::test_flow"
    (found,) = json.loads(wfperf(place, "compare", "r.json", "slower.json", "--json", flow))
    assert found["change_ns"] == pytest.approx(sum(part["change_ns"] for part in found["parts"]), abs=1)
    first = found["parts"][0]
    assert (first["kind"], first["path"]) == ("work", "render")
    assert first["change_ns"] == pytest.approx(12_000_000, rel=0.2)
    text = wfperf(place, "compare", "r.json", "slower.json", flow)
    assert "work of render (+" in text.splitlines()[1]
    assert "work of render (-" in wfperf(place, "compare", "slower.json", "r.json", flow)


def test_without_any_run_it_says_how_to_make_one(tmp_path):
    assert "run pytest with an option that measures" in wfperf(tmp_path, "analyse", code=2)


def test_the_results_file_holds_the_analysis(place):
    data = json.loads((place / "r.json").read_text())
    flow = next(w for w in data["workflows"] if w["workflow"].endswith("test_flow"))
    assert [link["path"] for link in flow["analysis"]["path"]] == ["load", "render"]
