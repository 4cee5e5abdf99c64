"""A what-if held against real runs with delays in them."""

from __future__ import annotations

import json

import pytest

from pytest_wfperf.errors import ConfigError, MeasurementError
from pytest_wfperf.report.what_if import as_json, render_verification
from pytest_wfperf.verification import verify

FLOW = """
def test_flow(wfperf):
    sleep_step(wfperf, "parse", 40)
    sleep_step(wfperf, "sort", 30)
    with wfperf.step("render"):
        sleep_step(wfperf, "html", 20)
"""


@pytest.fixture
def flow(project, monkeypatch):
    for name, value in {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "pytest_wfperf.plugin",
        "PYTEST_ADDOPTS": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "WFPERF_ROUNDS": "nonsense that must not get through",
    }.items():
        monkeypatch.setenv(name, value)
    project.write(FLOW)
    return project


def test_a_faster_step_is_verified_by_slowing_all_else(flow):
    found = verify("test_it.py::test_flow", "parse=0.25x", rounds=3, directory=flow.root)
    assert found.slowed == pytest.approx(4)
    assert (found.rounds, found.prediction.samples) == (3, 3)
    assert found.prediction.workflow == "test_it.py::test_flow"
    assert found.prediction.predicted_ns >= 60e6  # 10 + 30 + 20 ms, and no sleep is too short
    assert found.measured_ns >= 60e6
    assert found.low_ns <= found.measured_ns <= found.high_ns
    text = render_verification(found)
    assert "all else 4 times slower, then scaled back" in text
    assert "the prediction is off by " in text
    assert json.loads(json.dumps(as_json(found)))["prediction"]["question"] == "parse=0.25x"


def test_a_slower_step_is_verified_by_delaying_it(flow):
    found = verify("test_it.py::test_flow", "render/html=3x; sort=+15ms", rounds=2, directory=flow.root)
    assert found.slowed == 1
    assert found.measured_ns >= (40 + 30 + 60) * 1e6
    assert found.prediction.predicted_ns >= (40 + 45 + 60) * 1e6
    assert "2 rounds with delays" in render_verification(found)


def test_steps_that_did_not_take_what_they_were_to_take_are_told(flow):
    flow.write(
        "import os\n"
        "def test_flow(wfperf):\n"
        "    sleep_step(wfperf, 'odd', 200 if 'WFPERF_DELAYS' in os.environ else 20)\n"
        "    sleep_step(wfperf, 'parse', 20)\n"
    )
    found = verify("test_it.py::test_flow", "parse=1.2x", rounds=2, directory=flow.root)
    assert any(note.startswith("odd took ") and "to take 1.00 times" in note for note in found.notes)
    assert "note: odd took " in render_verification(found)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("parse,sort at once", "delays can only verify other times"),
        ("4 workers", "delays can only verify other times"),
        ("parse=0x", "ask for 0.05x to 20x"),
        ("parze=2x", "did you mean 'parse'?"),
    ],
)
def test_what_delays_cannot_tell_is_refused(flow, asked, said):
    with pytest.raises(ConfigError) as caught:
        verify("test_it.py::test_flow", asked, rounds=1, directory=flow.root)
    assert said in str(caught.value)


def test_a_test_that_cannot_be_measured_is_told_with_what_pytest_said(flow):
    flow.write(FLOW + "\ndef test_more(wfperf):\n    sleep_step(wfperf, 'parse', 1)\n")
    with pytest.raises(MeasurementError, match=r"test_it\.py names 2 workflows, not one"):
        verify("test_it.py", "parse=2x", rounds=1, directory=flow.root)
    with pytest.raises(
        MeasurementError, match=r"was not measured; pytest ended with code 4(.|\n)*not found: .*::test_no"
    ):
        verify("test_it.py::test_no", "parse=2x", rounds=1, directory=flow.root)
    with pytest.raises(ConfigError, match="name the workflow's node id"):
        verify("--help", "parse=2x")
