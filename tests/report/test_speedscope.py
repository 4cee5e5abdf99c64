"""Profiles for speedscope: what they say, and that they are what its own schema and importer ask for."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from test_trace import PATHS, TIMES, drawn
from traced import BUILD, exhibits, profile, rendered, span

from pytest_wfperf.judged import Judgement, Verdict
from pytest_wfperf.model import Round
from pytest_wfperf.report import speedscope
from pytest_wfperf.report.exhibit import Exhibit

HERE = Path(__file__).parents[1]
SCHEMA = json.loads((HERE / "data" / "speedscope" / "file-format-schema.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _version(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda _: "1.2.3")


def of(*spans, total_ns=100):
    """The profiles of one workflow with one round, with names in the place of frames' numbers."""
    one = profile("t.py::test_one", Round(total_ns=total_ns, spans=spans))
    judgement = Judgement(workflow=one.workflow, verdict=Verdict.PASS)
    return named(rendered(speedscope, [Exhibit(judgement=judgement, profile=one)]))


def named(made):
    data = json.loads(made)
    frames = [frame["name"] for frame in data["shared"]["frames"]]
    for one in data["profiles"]:
        if one["type"] == "sampled":
            one["samples"] = [[frames[number] for number in stack] for stack in one["samples"]]
        else:
            one["events"] = [(event["type"], event["at"], frames[event["frame"]]) for event in one["events"]]
    return {one["name"]: one for one in data["profiles"]}


def test_the_file_is_the_golden_one_and_fits_speedscopes_schema():
    made = rendered(speedscope)
    assert made == (HERE / "golden" / "run.speedscope.json").read_bytes()
    Draft7Validator(SCHEMA).validate(json.loads(made))


def test_each_side_has_its_own_time_and_its_time_order():
    found = named(rendered(speedscope))
    assert list(found) == [
        f"{BUILD}: REGRESSED",
        f"{BUILD}: REGRESSED, critical path",
        f"{BUILD}: baseline main 0007-3fa9c1",
        f"{BUILD}: baseline main 0007-3fa9c1, critical path",
        "tests/test_shop.py::test_quick[</script>\\u202e]: NEW",
    ]
    path = found[f"{BUILD}: REGRESSED, critical path"]
    assert path["endValue"] == 13_100_008
    assert [name for kind, _, name in path["events"] if kind == "O"] == [
        BUILD, "fetch", "compile", "parse", "emit", 'pack "all"',
    ]  # fmt: skip


def test_own_time_adds_up_to_the_round_where_nothing_overlaps():
    found = of(
        span("a", 5, 45, own_ns=20),
        span("a/b", 10, 30),
        span("c", 50, 90, count=2, total_ns=30, own_ns=30),
    )
    own = found["t.py::test_one: PASS"]
    root = "t.py::test_one"
    assert own["samples"] == [[root], [root, "a"], [root, "a", "b"], [root, "c"]]
    assert own["weights"] == [30, 20, 20, 30]
    assert own["endValue"] == 100
    lane = found["t.py::test_one: PASS, as it ran"]
    assert lane["events"] == [
        ("O", 0, root), ("O", 5, "a"), ("O", 10, "b"), ("C", 30, "b"), ("C", 45, "a"),
        ("O", 50, "c"), ("C", 90, "c"), ("C", 100, root),
    ]  # fmt: skip
    assert len(found) == 2


def test_steps_of_one_name_are_one_frame_on_both_sides():
    frames = json.loads(rendered(speedscope))["shared"]["frames"]
    assert [frame["name"] for frame in frames[:7]] == [BUILD, "fetch", "compile", "parse", "emit", "docs", 'pack "all"']
    assert frames[0] == {"name": BUILD, "file": "tests/test_shop.py", "line": 7}
    assert len(frames) == 8


def test_the_first_workflow_that_failed_is_shown_first():
    regressed, new, gone = exhibits()
    made = json.loads(rendered(speedscope, [new, gone, regressed]))
    assert made["profiles"][made["activeProfileIndex"]]["name"] == f"{BUILD}: REGRESSED"
    passed = replace(regressed, judgement=replace(regressed.judgement, verdict=Verdict.PASS))
    assert json.loads(rendered(speedscope, [new, passed]))["activeProfileIndex"] == 0


def test_a_run_without_workflows_fits_the_schema():
    made = json.loads(rendered(speedscope, []))
    Draft7Validator(SCHEMA).validate(made)
    assert made["profiles"] == []


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(PATHS, TIMES, max_size=15), st.integers(0, 6_000))
def test_what_is_opened_is_closed_in_order(steps, total):
    spans = tuple(drawn(path, *rest) for path, rest in steps.items())
    one = profile("t.py::test_one", Round(total_ns=total, spans=spans))
    exhibit = Exhibit(judgement=Judgement(workflow=one.workflow, verdict=Verdict.PASS), profile=one)
    made = rendered(speedscope, [exhibit])
    Draft7Validator(SCHEMA).validate(json.loads(made))
    own, *evented = json.loads(made)["profiles"]
    assert len(own["samples"]) == len(own["weights"]) == 1 + len(steps)
    assert min(own["weights"]) >= 0
    for each in evented:
        times = [event["at"] for event in each["events"]]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (0, each["endValue"])
        assert each["endValue"] >= total
        opened = []
        for event in each["events"]:
            if event["type"] == "O":
                opened.append(event["frame"])
            else:
                assert opened.pop() == event["frame"]
        assert opened == []
