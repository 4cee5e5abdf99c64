"""What a profile tells by itself, as text and as JSON."""

from __future__ import annotations

import json

import pytest

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.analyse.what_if import ceilings
from pytest_wfperf.model import Environment, Launch, Profile, Round, Span
from pytest_wfperf.report.analysis import as_json, in_short, render

MS = 10**6


def span(path, start, end, **kwargs):
    values = {"own_ns": (end - start) * MS, "min_ns": (end - start) * MS, "max_ns": (end - start) * MS, "count": 1}
    return Span(
        path=path, total_ns=(end - start) * MS, start_ns=start * MS, end_ns=end * MS, **{**values, **kwargs}
    )  # fmt: skip


def profile(*spans, total=100, rounds=3, status="passed"):
    taken = tuple(Round(total_ns=total * MS, spans=spans, status=status) for _ in range(rounds))
    return Profile(workflow="test_it.py::test_w", environment=Environment(facts=()), launches=(Launch(rounds=taken),))


@pytest.fixture
def build():
    """load, then two at once of which the second is longer and has a step inside; after a gap, a third."""
    return profile(
        span("load", 0, 20),
        span("lint", 20, 30, after=("load",)),
        span("compile", 20, 70, after=("load",), own_ns=10 * MS, waited_ns=4 * MS, retries=2, retry_ns=7 * MS),
        span("compile/parse", 25, 65, growth_ns=6 * MS, count=10, min_ns=MS, max_ns=9 * MS),
        span("pack", 80, 100, after=("lint", "compile")),
    )


def test_the_critical_path_with_what_each_step_saves_at_most(build):
    text = "\n".join(render(analyse(build)))
    assert "3 rounds, median 100 ms" in text
    assert "critical path, by what steps come after, the same in 3 of 3 rounds; the median round took 100 ms" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["load", "20", "ms", "20", "ms"] in lines
    assert ["compile", "50", "ms", "40", "ms"] in lines, "without it lint would hold the end up"
    assert ["·", "parse", "40", "ms", "40", "ms", "5", "ms"] in lines
    assert ["pack", "20", "ms", "20", "ms", "10", "ms"] in lines
    assert "not on it, and may take longer by: lint 40 ms" in text


def test_where_the_time_goes(build):
    text = "\n".join(render(analyse(build), ceilings(build)))
    assert "steps cover 100 % of it" in text
    (parse,) = [line.split() for line in text.splitlines() if line.strip().startswith("compile/parse")]
    assert parse == ["compile/parse", "40", "ms", "40", "%", "40", "ms", "10", "1.67x"]
    assert "waited: compile was ready 4 ms before it began" in text
    assert "tried again: compile, 6 times, 21 ms lost in 3 rounds" in text
    assert "no step ran in the workflow for 10 ms (10 %): 10 ms between steps" in text
    assert "over 10 % with the steps inside" not in text


def test_in_short_the_steps_that_weigh_most(build):
    assert in_short(analyse(build)) == ["critical path: load 20 ms → compile 50 ms → pack 20 ms"]
    many = profile(*(span(f"s{i}", i, i + 1) for i in range(20)), total=20)
    (line,) = in_short(analyse(many))
    assert line.count("→") == 7
    assert line.endswith("and 12 shorter steps")
    assert in_short(analyse(profile(span("alone", 0, 100)))) == []


def test_steps_that_always_ran_in_order_and_need_not_are_told_where_that_is_worth_something():
    hidden = profile(
        span("a", 0, 10),
        span("b", 10, 50, after=("a",)),
        span("c", 50, 99, after=("a",)),
        span("tiny", 99, 100),
        total=200,
    )
    text = "\n".join(render(analyse(hidden)))
    assert "c always began after b had ended, which nothing declares (3 rounds, 3 times on the critical path)" in text
    assert "tiny always began" not in text


def test_no_step_and_failed_rounds_and_hostile_names():
    assert "no step was recorded" in "\n".join(render(analyse(profile())))
    failed = profile(span("a\x1b[31m", 0, 50), span("b\n", 50, 100), status="failed")
    text = "\n".join(render(analyse(failed)))
    assert "\x1b" not in text
    assert "a\\x1b[31m" in text
    assert "b\\n" in text


def test_as_json_it_is_plain_and_bounded(build):
    data = json.loads(json.dumps(as_json(analyse(build))))
    assert [link["path"] for link in data["path"]] == ["load", "compile", "compile/parse", "pack"]
    assert data["bottlenecks"]["retries"][0]["lost_ns"] == 21 * MS
    many = profile(*(span(f"s{i}", i, i + 1) for i in range(300)), total=300)
    (level,) = as_json(analyse(many))["levels"]
    assert len(level["observed"]["steps"]) == 50
