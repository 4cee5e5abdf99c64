"""``wfperf export`` on runs that a real pytest has measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

FLOW = """
import time

def test_flow(wfperf):
    with wfperf.step("load"):
        time.sleep(0.002)
    wfperf.check("loaded", True)
    wfperf.metric("tokens", 12, unit="tokens")
    wfperf.metric("recall", 0.5, better="higher")
"""
SLOW = """
import pytest

@pytest.mark.wfperf("max < 1ns")
def test_slow(wfperf):
    with wfperf.step("alone"):
        time.sleep(0.001)
"""
FLOW_ID, SLOW_ID = "test_it.py::test_flow", "test_it.py::test_slow"
FORMATS = [
    "openmetrics",
    "junit",
    "github-action-benchmark",
    "github-action-benchmark-bigger",
    "bencher",
    "trace",
    "speedscope",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A project with a stored baseline, a run in its journal and a results file, in which one workflow failed."""
    root = tmp_path_factory.mktemp("project")
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "test_it.py").write_text(FLOW)
    measured(root, "--wfperf-save")
    time.sleep(1 - time.time() % 1)  # runs are in the order of their seconds
    (root / "test_it.py").write_text(FLOW + SLOW)
    measured(root, "--wfperf-report=r.json", code=1)
    return root


def measured(root, *arguments, code=0):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("WFPERF_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "pytest_wfperf.plugin", "-p", "no:cacheprovider",
         "-o", "wfperf_launches=0", "--wfperf-rounds=6", *arguments],
        cwd=root, env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr


def wfperf(place, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "pytest_wfperf", *arguments],
        cwd=place, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("source", ["r.json", "latest", "main"])
def test_a_results_file_a_run_and_a_baseline_are_exported(place, source):
    text, _ = wfperf(place, "export", "openmetrics", source, "--workflow", FLOW_ID)
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    (rounds,) = found["wfperf_workflow_rounds"]
    assert (rounds.labels, rounds.value) == ({"workflow": FLOW_ID}, 6)
    median = next(s for s in found["wfperf_workflow_duration_seconds"] if s.labels["quantile"] == "0.5")
    assert 0.002 < median.value < 1
    assert {s.labels["metric"]: s.value for s in found["wfperf_metric"]} == {"tokens": 12, "recall": 0.5}
    judged, dated = "wfperf_workflow_verdict" in found, "wfperf_workflow_measured_timestamp_seconds" in found
    assert (judged, dated) == (source == "r.json", True)


def test_the_latest_run_is_exported_unless_another_is_named(place):
    latest, _ = wfperf(place, "export", "bencher")
    assert json.loads(latest).keys() == {FLOW_ID, f"{FLOW_ID} step load", SLOW_ID, f"{SLOW_ID} step alone"}
    assert latest == wfperf(place, "export", "bencher", "latest")[0]
    stored, _ = wfperf(place, "export", "bencher", "main")
    assert json.loads(stored).keys() == {FLOW_ID, f"{FLOW_ID} step load"}


def test_what_failed_in_the_run_fails_in_junit(place):
    root = ET.fromstring(wfperf(place, "export", "junit", "r.json")[0])
    failing = {case.attrib["name"]: case.find("failure") for case in root.iter("testcase")}
    assert failing["test_flow"] is None
    assert failing["test_slow"].attrib["type"] == "FAILED"
    assert "max < 1ns" in failing["test_slow"].attrib["message"]


@pytest.mark.parametrize("source", ["r.json", "latest", "main"])
def test_rounds_of_any_source_are_drawn(place, source):
    shown = "PASS" if source == "r.json" else "INCONCLUSIVE"
    drawn = json.loads(wfperf(place, "export", "speedscope", source, "--workflow", FLOW_ID)[0])
    assert f"{FLOW_ID}: {shown}" in [profile["name"] for profile in drawn["profiles"]]
    events = json.loads(wfperf(place, "export", "trace", source, "--workflow", FLOW_ID)[0])["traceEvents"]
    assert [e["name"] for e in events if e.get("cat") == "step,critical"] == ["load"]


def test_what_has_no_place_is_said_on_standard_error(place):
    text, said = wfperf(place, "export", "github-action-benchmark", "r.json")
    assert {entry["name"] for entry in json.loads(text)} >= {FLOW_ID, f"{FLOW_ID} metric tokens", SLOW_ID}
    assert said == (
        "wfperf: left out: 3 numbers of which more is better (github-action-benchmark-bigger has them): "
        f"{FLOW_ID} pass rate, {FLOW_ID} check loaded, {FLOW_ID} metric recall\n"
    )
    assert wfperf(place, "export", "openmetrics", "r.json")[1] == ""


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_holds_what_standard_output_would(place, name, tmp_path):
    output = tmp_path / "of the run"
    output.write_text("of the run before")
    printed, _ = wfperf(place, "export", name, "r.json")
    assert wfperf(place, "export", name, "r.json", f"--output={output}")[0] == ""
    assert output.read_bytes() == printed.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["of the run"]


def test_an_unknown_format_lists_those_there_are(place):
    _, said = wfperf(place, "export", "csv", code=2)
    assert "'csv'" in said
    assert all(name in said for name in FORMATS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["junit", "nowhere"], "'nowhere' is neither a results file nor a run or baseline of"),
        (["junit", "r.json", "--workflow=test_it.py::test_flo"], f"it has {FLOW_ID}"),
        (["junit", "test_it.py"], "test_it.py cannot be used"),
        (["bencher", "r.json", "--output=no/such/folder"], "cannot write --output=no/such/folder: "),
        (["github-action-benchmark-bigger", "r.json", f"--workflow={SLOW_ID}"], "nothing of which more is better"),
    ],
)
def test_what_cannot_be_done_says_why(place, arguments, said):
    printed, problem = wfperf(place, "export", *arguments, code=2)
    assert printed == ""
    assert said in problem


def test_a_source_without_rounds_is_no_export(tmp_path):
    """Its test failed before any round, so that the results file has the workflow and nothing measured."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_broken.py").write_text("def test_broken(wfperf, no_such_fixture):\n    pass\n")
    measured(tmp_path, "--wfperf-report=broken.json", code=1)
    _, said = wfperf(tmp_path, "export", "junit", "broken.json", code=2)
    assert said.startswith("wfperf: broken.json has no rounds, so there is nothing to export: measure some")
