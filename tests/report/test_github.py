"""Annotations: what is marked, where, in which order, and escaped as GitHub's runner unescapes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from github_markdown import HOSTILE, raw
from shop import CHECKOUT, RUN

from pytest_wfperf.judged import Judgement, RunResult, Verdict
from pytest_wfperf.report.github import commands
from pytest_wfperf.report.text import printable

PLACES = {CHECKOUT.workflow: ("backend/tests/test_shop.py", 7)}


def workflow(name, verdict, failure="it does not hold"):
    return Judgement(workflow=f"t.py::{name}", verdict=verdict, failure=failure)


def read(line):
    """A command as the runner reads it: level, properties and message."""
    assert line.startswith("::")
    info, _, data = line[2:].partition("::")
    level, _, properties = info.partition(" ")
    pairs = [pair.partition("=") for pair in properties.split(",")]
    return level, {name: unescaped(value, PROPERTY) for name, _, value in pairs}, unescaped(data, DATA)


DATA = {"%0D": "\r", "%0A": "\n"}
PROPERTY = {**DATA, "%3A": ":", "%2C": ","}


def unescaped(text, escapes):
    for escape, character in escapes.items():
        text = text.replace(escape, character)
    return text.replace("%25", "%")


def test_a_failing_workflow_is_marked_at_its_line():
    assert commands(replace(RUN, judgements=(CHECKOUT,)), PLACES) == [
        "::error file=backend/tests/test_shop.py,line=7,title=REGRESSED tests/test_shop.py%3A%3Atest_checkout"
        "::REGRESSED: speedup >= 1.33: 0.667x%0A  step render +100 %25 (+81 %25 to +121 %25), 10 ms → 20 ms, limit 100 %25"
        "%0A  9.9 %25 more calls in render%0A  against baseline main 0007-3fa9c1"
    ]


def test_a_workflow_without_a_place_is_marked_without_one():
    gone = workflow("gone", Verdict.MISSING)
    assert commands(RunResult(judgements=(gone,)), {"t.py::gone": ("t.py", None)}) == [
        "::error file=t.py,title=MISSING t.py%3A%3Agone::MISSING: it does not hold"
    ]
    assert commands(RunResult(judgements=(gone,)), {})[0].startswith("::error title=MISSING t.py")


def test_the_worst_comes_first_and_what_is_open_is_a_warning():
    run = RunResult(
        judgements=tuple(workflow(verdict.lower(), verdict) for verdict in reversed(Verdict)),
        failures=("a gate",),
        errors=("a file",),
    )
    told = [(level, properties["title"].split()[0]) for level, properties, _ in map(read, commands(run, {}))]
    assert told == [
        ("error", "FAILED"), ("error", "REGRESSED"), ("error", "MISSING"), ("error", "wfperf"), ("error", "wfperf"),
        ("warning", "INCONCLUSIVE"), ("warning", "INCOMPARABLE"),
    ]  # fmt: skip
    strict = [read(line) for line in commands(replace(run, strict=True), {})]
    assert [level for level, _, _ in strict] == ["error"] * 8
    assert {properties["title"].split()[0] for _, properties, _ in strict} >= {"INCONCLUSIVE", "INCOMPARABLE", "NEW"}
    assert commands(RunResult(judgements=(workflow("good", Verdict.PASS, ""),)), {}) == []


@pytest.mark.parametrize(("count", "level"), [(9, "error"), (10, "error"), (300, "error")])
def test_there_are_never_more_than_nine(count, level):
    lines = commands(RunResult(judgements=tuple(workflow(f"t{n}", Verdict.FAILED) for n in range(count))), {})
    assert len(lines) == 9
    last = read(lines[-1])
    if count == 9:
        assert last[1] == {"title": "FAILED t.py::t8"}
    else:
        assert last[:2] == (level, {"title": "wfperf"})
        assert last[2].startswith(f"{count - 8} more annotations left out")


def test_what_is_left_out_is_a_warning_where_all_of_it_is():
    run = RunResult(judgements=tuple(workflow(f"t{n}", Verdict.INCOMPARABLE) for n in range(12)))
    assert {read(line)[0] for line in commands(run, {})} == {"warning"}
    run = RunResult(judgements=(*run.judgements, *(workflow(f"f{n}", Verdict.FAILED) for n in range(8))))
    assert [read(line)[0] for line in commands(run, {})] == ["error"] * 8 + ["warning"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_stay_in_their_place(text):
    run = RunResult(judgements=(workflow(text, Verdict.FAILED, failure=text),), errors=(text,))
    lines = commands(run, {f"t.py::{text}": (f"{text}.py", 3)})
    assert len(lines) == 2
    for line in lines:
        assert raw(line) == [] and "\n" not in line
        assert len(line) < 20_000
    (level, properties, message), (_, _, error) = map(read, lines)
    assert level == "error" and list(properties) == ["file", "line", "title"]
    assert properties["file"] == printable(f"{text}.py") and properties["line"] == "3"
    if len(text) < 100:
        assert properties["title"] == printable(f"FAILED t.py::{text}")
        assert error == printable(text)
        assert message.startswith("FAILED: ")


def test_long_messages_are_cut_below_what_the_runner_takes():
    _, properties, message = read(
        commands(RunResult(judgements=(workflow("x" * 9000, Verdict.FAILED, "y" * 9000),)), {})[0]
    )
    assert len(properties["title"]) == 200
    assert len(message) <= 4000
