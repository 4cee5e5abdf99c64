"""The trace and the speedscope file of what an export knows."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from exported import CHEAP, GONE, PAY, cheap, figures, pay

from pytest_wfperf.interop import drawing
from pytest_wfperf.interop.figures import RunFigures, of_profile
from pytest_wfperf.report.exhibit import Occasion

PROFILES = {PAY: pay(), CHEAP: cheap()}
OCCASION = Occasion(created=datetime(2026, 3, 1, tzinfo=UTC), commit="abc123")


def trace(run):
    data = json.loads(drawing.trace(run, PROFILES, OCCASION).text)
    names = {e["pid"]: e["args"]["name"] for e in data["traceEvents"] if e["name"] == "process_name"}
    return data, names


def speedscope(run):
    made = drawing.speedscope(run, PROFILES, OCCASION)
    return json.loads(made.text), made.left_out


def test_a_judged_run_is_drawn_with_its_verdicts_and_reasons(tmp_path):
    data, names = trace(figures(tmp_path))
    assert list(names.values()) == [f"{PAY}: REGRESSED", f"{CHEAP}: NEW", f"{GONE}: MISSING"]
    (steps,) = [
        [e for e in data["traceEvents"] if e["pid"] == pid and e.get("cat", "").startswith("step")]
        for pid, name in names.items()
        if name.startswith(PAY)
    ]
    assert [(e["name"], e["dur"]) for e in steps] == [("parse", 4000), ("render", 7250)]
    (label,) = [e["args"]["labels"] for e in data["traceEvents"] if e["name"] == "process_labels" and e["pid"] == 1000]
    assert label.startswith("check 'valid page' passed in 11 of 12 rounds, asked for 95 %; the workflow +20 %")
    assert data["otherData"]["verdict"] == "FAILED"
    assert data["otherData"]["created"] == "2026-03-01T00:00:00.000000Z"
    assert data["otherData"]["commit"] == "abc123"


def test_speedscope_has_no_place_for_what_was_not_measured(tmp_path):
    data, left_out = speedscope(figures(tmp_path))
    assert left_out == (f"{GONE}: nothing was measured",)
    assert {profile["name"].partition(",")[0] for profile in data["profiles"]} == {f"{PAY}: REGRESSED", f"{CHEAP}: NEW"}
    own = next(p for p in data["profiles"] if p["name"] == f"{PAY}: REGRESSED" and p["type"] == "sampled")
    assert 4_000_000 in own["weights"]


@pytest.mark.parametrize(
    ("chosen", "strict", "told"),
    [(CHEAP, False, "holds"), (CHEAP, True, "does not hold"), (PAY, False, "does not hold")],
)
def test_whether_it_holds_is_as_the_run_judged_it(tmp_path, chosen, strict, told):
    run = figures(tmp_path, strict=strict)
    one = RunFigures(workflows=tuple(each for each in run.workflows if each.workflow == chosen))
    assert speedscope(one)[0]["name"] == f"wfperf run of abc123, {told}"
    assert trace(one)[0]["otherData"]["verdict"] == ("PASS" if told == "holds" else "FAILED")


def test_a_run_wide_gate_counts(tmp_path):
    judged = figures(tmp_path)
    one = RunFigures(workflows=(judged.workflows[1],), holds=False, problems=judged.problems)
    assert trace(one)[0]["otherData"]["verdict"] == "FAILED"


def test_what_nobody_judged_is_no_pass():
    data, names = trace(RunFigures(workflows=(of_profile(cheap()),)))
    assert list(names.values()) == [f"{CHEAP}: INCONCLUSIVE"]
    assert data["otherData"]["verdict"] == "FAILED"
    assert drawing.UNJUDGED in [e["args"].get("labels") for e in data["traceEvents"]]
