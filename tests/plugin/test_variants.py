"""Variants of one workflow and their leaderboard, through pytest."""

from __future__ import annotations

import json
import os

import pytest

AGENTS = """
AGENTS = {"quick": (5, 900), "steady": (30, 500), "twin": (30, 500), "wrong": (1, 100)}

@pytest.mark.parametrize("agent", AGENTS)
def test_agent(wfperf, agent):
    wfperf.variant(agent)
    ms, tokens = AGENTS[agent]
    sleep_step(wfperf, "ask", ms)
    wfperf.metric("tokens", tokens)
    wfperf.check("right", agent != "wrong")
"""
PRICE = "--wfperf-price=tokens = 2 USD per 1000"


def board(results):
    (found,) = results["leaderboards"]
    return found


def test_the_board_ranks_by_rounds_passed_then_by_time_and_marks_what_is_not_beaten(project):
    project.write(AGENTS)
    results = project.results("--wfperf-rounds=5", PRICE)
    found = board(results)
    assert found["workflow"] == "test_it.py::test_agent"
    standings = {s["variant"]: s for s in found["standings"]}
    assert {name: (s["rank"], s["tied"], s["beaten"]) for name, s in standings.items()} == {
        "quick": (1, [], False),
        "steady": (2, ["twin"], False),
        "twin": (2, ["steady"], False),
        "wrong": (4, [], False),
    }
    assert [s["rank"] for s in found["standings"]] == [1, 2, 2, 4]
    assert standings["steady"]["cost"] == {"name": "cost", "value": 1.0, "unit": "USD", "better": "lower"}
    assert (standings["wrong"]["passed"], standings["quick"]["passed"]) == (0, 5)
    assert [w["variant"] for w in results["workflows"]] == ["quick", "steady", "twin", "wrong"]
    assert results["workflows"][0]["profile"]["variant"] == "quick"


def test_the_report_ends_with_the_board(project):
    project.write(AGENTS)
    lines = [line.split() for line in project.run("--wfperf-rounds=5", PRICE).out.splitlines()]
    start = lines.index(["variants", "of", "test_it.py::test_agent"])
    table = lines[start + 1 : start + 8]
    assert table[0] == ["rank", "variant", "passed", "median", "cost", "as", "fast", "as"]
    assert table[2][:4] == ["*", "1", "quick", "5/5"] and table[2][-2:] == ["1.8", "USD"]
    assert sorted(row[2] + row[-1] for row in table[3:5]) == ["steadytwin", "twinsteady"]
    assert table[5][:4] == ["*", "4", "wrong", "0/5"]
    assert table[6][:4] == ["rank:", "rounds", "passed,", "then"]


def test_a_slower_variant_that_is_no_better_is_beaten(project):
    project.write(AGENTS)
    found = board(project.results("--wfperf-rounds=5", "-k", "quick or steady"))
    assert [(s["variant"], s["beaten"], s["cost"]) for s in found["standings"]] == [
        ("quick", False, None),
        ("steady", True, None),
    ]


@pytest.mark.skipif(os.name != "posix", reason="launches need POSIX")
def test_launches_carry_it_and_a_baseline_keeps_it(launched):
    launched.write(AGENTS.replace(', "twin": (30, 500), "wrong": (1, 100)', ""))
    results = launched.results("--wfperf-save", "--wfperf-launches=3", "--wfperf-rounds=3")
    assert [(s["variant"], s["rank"], s["rounds"]) for s in board(results)["standings"]] == [
        ("quick", 1, 9),
        ("steady", 2, 9),
    ]
    stored = [json.loads(path.read_text()) for path in launched.root.glob(".wfperf/baselines/**/test-it*.json")]
    assert sorted(profile["variant"] for profile in stored) == ["quick", "steady"]


def test_xdist_workers_send_it(project):
    project.write(AGENTS)
    found = board(project.results("-n", "2", "--wfperf-rounds=3", "-k", "quick or steady"))
    assert [s["variant"] for s in found["standings"]] == ["quick", "steady"]


def test_no_board_without_a_second_variant(project):
    project.write(AGENTS)
    ran = project.run("--wfperf-rounds=2", "-k", "quick")
    assert ran.ret == 0
    ran.never_says("variants of")
    project.write(AGENTS.replace("    wfperf.variant(agent)\n", ""))
    project.run("--wfperf-rounds=2").never_says("variants of")
    project.write(AGENTS)
    project.run("-k", "quick or steady").never_says("variants of")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("wfperf.variant('')", "the name of a variant has to be a non-empty string, not ''"),
        ("wfperf.variant(7)", "the name of a variant has to be a non-empty string, not 7"),
        ("wfperf.variant('a'); wfperf.variant('b')", "variant 'b': this workflow is variant 'a' already"),
    ],
)
def test_a_bad_name_is_an_error_of_the_test(project, body, told):
    project.write(f"def test_flow(wfperf):\n    {body}\n")
    ran = project.run("--wfperf-rounds=2")
    assert ran.ret == 1
    ran.says("MeasurementError", told)
    project.write("def test_flow(wfperf):\n    wfperf.variant('a'); wfperf.variant('a')\n")
    assert project.run("--wfperf-rounds=2").ret == 0
