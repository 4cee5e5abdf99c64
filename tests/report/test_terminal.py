"""The terminal report of a run whose every figure is given: exact lines."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pytest_wfperf.judged import (
    Comparison,
    Effect,
    Judgement,
    PassRate,
    RunResult,
    StepSummary,
    Summary,
    Target,
    Verdict,
)
from pytest_wfperf.model import Metric
from pytest_wfperf.report import results
from pytest_wfperf.report.exhibit import Exhibit, Occasion
from pytest_wfperf.report.terminal import render, short_reason


def effect(path, before, after, verdict, **more):
    ratio = math.log(after / before)
    return Effect(
        path=path, baseline_ns=before, current_ns=after, log_ratio=ratio, low=ratio - 0.1, high=ratio + 0.1,
        could_have_caught=0.7, flagged_from=0.52, limit=1.0, automatic=bool(path), verdict=verdict, **more,
    )  # fmt: skip


SUMMARY = Summary(
    rounds=12, warmup=1, min_ns=29e6, median_ns=30e6, p95_ns=33e6,
    steps=(
        StepSummary(path="parse", median_ns=10e6, p95_ns=11e6, own_ns=10e6, share=1 / 3, count=1),
        StepSummary(path="render", median_ns=20e6, p95_ns=22e6, own_ns=20e6, share=2 / 3, count=4),
    ),
    metrics=(Metric(name="tokens", value=7),),
)  # fmt: skip
REGRESSED = Judgement(
    workflow="tests/test_shop.py::test_checkout",
    verdict=Verdict.REGRESSED,
    baseline="main 0007-3fa9c1",
    summary=SUMMARY,
    comparison=Comparison(
        baseline="main 0007-3fa9c1",
        sessions=2,
        total=effect("", 20e6, 30e6, Verdict.PASS),
        steps=(
            effect("parse", 10e6, 10e6, Verdict.PASS),
            effect("render", 10e6, 20e6, Verdict.REGRESSED, detail="entered 4 times a round, was 2"),
        ),
        contributions=(("", 0.0), ("parse", 0.0), ("render", 0.5)),
    ),
    targets=(
        Target(
            threshold="p95 < 200ms",
            source="marker",
            status="met",
            actual=33e6,
            unit="time",
            proved=False,
            detail="unproved, n = 1 process",
        ),
    ),
    pass_rates=(PassRate(name="", passed=12, total=12, minimum=0.95, bound=0.78, rounds_to_prove=59),),
)
PASSED = Judgement(
    workflow="tests/test_shop.py::test_search", verdict=Verdict.PASS, baseline="main 0007-3fa9c1", summary=SUMMARY
)
RUN = RunResult(judgements=(REGRESSED, PASSED), baseline="main")


def text(run, **kwargs):
    return [line.text for line in render(run, **{"width": 120, **kwargs})]


def test_the_verdict_comes_first_and_only_what_matters_is_explained():
    assert text(RUN) == [
        "FAILED: 2 workflows against baseline main: 1 REGRESSED, 1 PASS",
        "",
        "verdict    workflow                           median    p95    change    95 % interval    could have    targets",
        "                                                                                          caught        met",
        "---------  ---------------------------------  --------  -----  --------  ---------------  ------------  ---------",
        "REGRESSED  tests/test_shop.py::test_checkout  30 ms     33 ms  +50 %     +36 % to +66 %   >= 70 %       1/1",
        "PASS       tests/test_shop.py::test_search    30 ms     33 ms",
        "",
        "REGRESSED tests/test_shop.py::test_checkout",
        "  step render +100 % (+81 % to +121 %), 10 ms → 20 ms, limit 100 %; entered 4 times a round, was 2",
        "  12 rounds after 1 to warm up in one process, against 2 sessions of baseline main 0007-3fa9c1, limit 100 %; "
        "could have caught >= 70 %",
        "  tokens 7",
        "  step    median    share    times    change    95 % interval    could have",
        "                                                                 caught",
        "  ------  --------  -------  -------  --------  ---------------  ------------  ---------",
        "  render  20 ms     67 %     4        +100 %    +81 % to +121 %  >= 70 %       REGRESSED",
        "  parse   10 ms     33 %     1        +0 %      -9.5 % to +11 %  >= 70 %",
        "  target       actual    status",
        "  -----------  --------  --------  -----------------------",
        "  p95 < 200ms  33 ms     met       unproved, n = 1 process",
        "",
        "1 passing workflow not explained (-v explains)",
    ]


def test_quiet_gives_the_verdict_alone_and_verbose_everything():
    assert text(RUN, verbosity=-1) == ["FAILED: 2 workflows against baseline main: 1 REGRESSED, 1 PASS"]
    assert "PASS tests/test_shop.py::test_search" in text(RUN, verbosity=1)
    assert any("59 rounds would prove it" in line for line in text(RUN, verbosity=1))


@pytest.mark.parametrize("width", [50, 80, 100])
def test_a_narrow_terminal_keeps_verdict_id_and_change(width):
    rows = [line for line in text(RUN, width=width) if line.startswith(("REGRESSED  ", "PASS  "))]
    assert all(len(row) <= width for row in rows)
    assert "+50 %" in rows[0] and "_checkout" in rows[0]


def test_run_wide_failures_errors_and_what_was_stored_are_told():
    run = replace(
        RUN, judgements=(PASSED,), failures=("a gate",), errors=("a file\x1b",), saved="baseline main 0008-000000"
    )
    assert text(run, verbosity=-1) == [
        "FAILED: 1 workflow against baseline main: 1 PASS",
        "  a gate",
        "  a file\\x1b",
        "  stored baseline main 0008-000000",
    ]
    assert text(RunResult(judgements=()))[0] == "holds: 0 workflows: nothing was judged"


def test_the_short_reason_tells_the_step_first():
    assert short_reason(REGRESSED).splitlines() == [
        "REGRESSED: step render +100 % (+81 % to +121 %), 10 ms → 20 ms, limit 100 %; entered 4 times a round, was 2",
        "  against baseline main 0007-3fa9c1",
    ]


def test_a_slowdown_of_the_whole_names_what_carries_it_and_when_all_moved_alike():
    total = effect("", 20e6, 34e6, Verdict.REGRESSED)
    steps = tuple(effect(name, 10e6, 17e6, Verdict.PASS) for name in "abc")
    parts = (("a", 0.4), ("b", 0.3), ("c", 0.01), ("", -0.1))
    judgement = replace(
        REGRESSED, comparison=replace(REGRESSED.comparison, total=total, steps=steps, contributions=parts)
    )
    assert short_reason(judgement).splitlines()[:3] == [
        "REGRESSED: the workflow +70 % (+54 % to +88 %), 20 ms → 34 ms, limit 100 % (flagged from +52 %)",
        "  of the slowdown: a 56 %, b 42 %",
        "  every step is slower by at least +70 %: a slower machine looks the same",
    ]


def test_the_results_file_fits_its_schema():
    data = json.loads(
        results.whole(
            RUN, Occasion(created=datetime.now(UTC)), [results.part(Exhibit(judgement=j)) for j in RUN.judgements]
        )
    )
    assert data["kind"] == "results" and data["counts"]["REGRESSED"] == 1 and data["holds"] is False
    assert data["workflows"][0]["comparison"]["steps"][1]["change"] == pytest.approx(1.0)
