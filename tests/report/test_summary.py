"""The Markdown summary: what stands where, that it is sound Markdown whatever the run, and that it stays small."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from github_markdown import HOSTILE, sound
from shop import CHECKOUT, MS, NOW, OCCASION, RUN, effect, exhibits, profile, rendered, span

from pytest_wfperf import report
from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.judged import Judgement, Leaderboard, PassRate, RunResult, Standing, StepSummary, Target, Verdict
from pytest_wfperf.model import Launch, Metric, Round
from pytest_wfperf.report import summary
from pytest_wfperf.report.exhibit import Exhibit, Occasion
from pytest_wfperf.report.text import printable

GOLDEN = Path(__file__).parents[1] / "golden" / "summary.md"
QUICK = replace(CHECKOUT.summary, steps=CHECKOUT.summary.steps[:1], metrics=(), notes=("1 step was left open",))
ELSE = replace(CHECKOUT, targets=(), pass_rates=(), summary=QUICK)
CALM = replace(CHECKOUT.comparison, total=effect("", 20, 21, Verdict.PASS), steps=(), appeared=(), kind="")


def judgement(name, verdict, **more):
    return replace(ELSE, workflow=f"tests/test_shop.py::{name}", verdict=verdict, **{"comparison": CALM, **more})


EVERY = (
    judgement("test_fast", Verdict.PASS),
    judgement("test_gained", Verdict.IMPROVED),
    CHECKOUT,
    judgement("test_new", Verdict.NEW, comparison=None),
    judgement(
        "test_let_through", Verdict.WAIVED, waived=Verdict.REGRESSED, waiver="the new tax rules (until 2026-06-30)"
    ),
    judgement("test_moved", Verdict.INCOMPARABLE, comparison=None, differences=("host: ci-7 here, ci-3 there",)),
    judgement(
        "test_noisy",
        Verdict.INCONCLUSIVE,
        comparison=replace(CALM, total=replace(effect("", 20, 22, Verdict.INCONCLUSIVE), automatic=False)),
    ),
    Judgement(workflow="tests/test_shop.py::test_gone", verdict=Verdict.MISSING, failure="this run did not meet it"),
    judgement(
        "test_wrong[a|b]",
        Verdict.FAILED,
        targets=(
            Target(threshold="p95 < 20ms", source="marker", status="missed", actual=31e6, unit="time", proved=True),
        ),
        pass_rates=(
            PassRate(
                name="valid page", passed=3, total=4, minimum=0.95, bound=0.249, rounds_to_prove=93, detail="no <h1>"
            ),
        ),
    ),
)
BOARD = Leaderboard(
    workflow="tests/test_shop.py::test_models",
    standings=(
        Standing(
            variant="small", workflow="w", median_ns=2e9, passed=4, rounds=4, rank=1, cost=Metric(name="c", value=2)
        ),
        Standing(
            variant="large", workflow="w", median_ns=3e9, passed=3, rounds=4, rank=2, tied=("small",), beaten=True
        ),
    ),
)
WHOLE = RunResult(
    judgements=EVERY,
    baseline="main",
    failures=("3 of 4 workflows passed all checks, asked for at least 95 %",),
    errors=("--wfperf-report=out.json was not written: disk full",),
    notes=("metric cost leaves out tokens: wfperf_prices has no price",),
    leaderboards=(BOARD,),
)


def of(run, limit=summary.LIMIT, occasion=OCCASION):
    """The summary of a run whose workflows with the checkout's figures were measured as it was."""
    found = analyse(NOW)
    measured = summary.part(Exhibit(judgement=CHECKOUT, profile=NOW, analysis=found))
    bare = summary.part(Exhibit(judgement=CHECKOUT))
    parts = [replace(bare if j.summary is not CHECKOUT.summary else measured, judgement=j) for j in run.judgements]
    return summary.render(run, occasion, parts, limit)


def shown(text):
    """Its text as a reader sees it, in one line."""
    return re.sub(r"\s+", " ", sound(text).text)


def test_a_run_with_every_verdict():
    text = of(WHOLE)
    sound(text)
    assert text == GOLDEN.read_text(encoding="utf-8")
    assert set(Verdict) == {j.verdict for j in EVERY}


def test_the_report_is_named_by_its_suffix(tmp_path):
    assert report.write([str(tmp_path / "out.md")], RUN, OCCASION, exhibits(), base=tmp_path) == {}
    assert (tmp_path / "out.md").read_bytes() == rendered(summary)
    assert sound(rendered(summary).decode()).text.startswith(
        "FAILED: 3 workflows against baseline main: 1 REGRESSED, 1 MISS"
    )


def test_what_decides_comes_before_what_explains():
    text = shown(of(WHOLE))
    order = ["FAILED: 9 workflows against baseline main", "commit 3fa9c1d on main", "disk full", "What failed",
             "FAILED tests/test_shop.py::test_wrong[a|b]", "check 'valid page' passed in 3 of 4 rounds",
             "REGRESSED tests/test_shop.py::test_checkout", "step render +100 %", "MISSING tests/test_shop.py::test_gone",
             "Workflows", "Notes", "Variants of tests/test_shop.py::test_models"]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_the_table_has_every_workflow_the_worst_first():
    rows = sound(of(WHOLE)).rows
    assert [row[0] for row in rows if len(row) == 7 and row[0] in set(Verdict)] == [str(verdict) for verdict in Verdict]
    assert [
        "REGRESSED",
        "tests/test_shop.py::test_checkout",
        "30.5 ms",
        "+50 %",
        "+36 % to +66 %",
        ">= 70 %",
        "0/1",
    ] in rows


def test_columns_in_which_nothing_stands_are_left_out():
    bare = RunResult(judgements=(replace(EVERY[0], comparison=None, baseline=""),))
    assert sound(of(bare)).rows[:2] == [
        ["verdict", "workflow", "median"],
        ["PASS", "tests/test_shop.py::test_fast", "30.5 ms"],
    ]


def test_the_launches_of_what_regressed_are_drawn():
    slower = effect("render", 10, 20, Verdict.REGRESSED, ratios=(1.9, 2.0, 2.1))
    run = replace(RUN, judgements=(replace(CHECKOUT, comparison=replace(CHECKOUT.comparison, steps=(slower,))),))
    row = next(row for row in sound(of(run)).rows if row[0] == "render")
    assert row[1:7] == ["10 ms", "20 ms", "+100 %", "+81 % to +121 %", "100 %", ">= 70 %"]
    assert re.fullmatch(r"\+0 % │[·┊█]+ \+110 %", row[7])
    assert row[7].count("█") == 3


def test_what_regressed_leads_the_steps():
    steps = tuple(
        StepSummary(path=path, median_ns=ms * MS, p95_ns=ms * MS, own_ns=ms * MS, share=0.1, count=1)
        for path, ms in (("long", 90), ("short", 50), ("render", 1), ("beyond", 2))
    )
    slower = (effect("render", 10, 11, Verdict.REGRESSED), effect("beyond", 10, 50, Verdict.INCONCLUSIVE))
    comparison = replace(CHECKOUT.comparison, steps=(*slower, effect("long", 90, 90, Verdict.PASS)))
    one = replace(CHECKOUT, summary=replace(CHECKOUT.summary, steps=steps), comparison=comparison)
    rows = sound(of(replace(RUN, judgements=(one,)))).rows
    assert [row[0] for row in rows if len(row) == 8][-4:] == ["render", "beyond", "long", "short"]


def test_plain_passes_are_folded_in_only_where_nothing_was_gated():
    passing = RunResult(judgements=(EVERY[0],), baseline="main")
    assert "<details>" not in of(passing)
    assert "<details>" in of(replace(passing, judgements=(replace(EVERY[0], trade="bought with memory"),)))
    assert "<details>" in of(replace(passing, baseline=""))


def test_strictness_makes_what_is_open_a_failure():
    open_ = RunResult(judgements=(EVERY[6],), baseline="main")
    assert "What failed" not in of(open_)
    assert "What failed" in of(replace(open_, strict=True))


def test_a_small_graph_is_drawn_where_one_was_declared():
    assert '```mermaid\nflowchart LR\n  n0["parse<br/>10 ms"]' in of(RUN)
    loose = profile(Launch(rounds=(Round(total_ns=20 * MS, spans=(span("a", 0, 9), span("b", 9, 20))),)))
    steps = [span("s0", 0, 1), *(span(f"s{n}", n, n + 1, after=(f"s{n - 1}",)) for n in range(1, 40))]
    large = profile(Launch(rounds=(Round(total_ns=40 * MS, spans=tuple(steps)),)))
    for one in (loose, large):
        assert summary.part(Exhibit(judgement=CHECKOUT, profile=one, analysis=analyse(one))).graph == ""


def test_a_workflow_without_figures_or_reasons():
    run = RunResult(judgements=(Judgement(workflow="t.py::t", verdict=Verdict.NEW),), notes=("",))
    text = summary.render(
        run, Occasion(created=OCCASION.created), [summary.part(Exhibit(judgement=run.judgements[0]))], 9999
    )
    assert sound(text).text.startswith("holds: 1 workflow: 1 NEW\n2026-01-02 03:04 UTC\n")
    edited = Occasion(created=OCCASION.created, commit=f"{'3fa9' * 10}-dirty")
    assert "commit <code>3fa93fa93fa9-dirty</code>, 2026" in summary.render(run, edited, [], 9999)
    nothing = summary.render(RunResult(judgements=()), OCCASION, [], 9999)
    assert (
        nothing
        == "## holds: 0 workflows: nothing was judged\n\ncommit <code>3fa9c1d</code> on <code>main</code>, 2026-01-02 03:04 UTC\n\n"
    )


# --- hostile texts --------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_seen_as_they_are_and_nothing_else_is(text):
    hostile = replace(
        CHECKOUT,
        workflow=text,
        comparison=replace(CHECKOUT.comparison, steps=(effect(text, 10, 20, Verdict.REGRESSED),), appeared=(text,)),
        summary=replace(
            CHECKOUT.summary, steps=(StepSummary(path=text, median_ns=1, p95_ns=1, own_ns=1, share=1, count=1),)
        ),
    )
    plain = sound(of(replace(RUN, judgements=(replace(CHECKOUT, workflow="x"),))))
    page = sound(of(replace(RUN, judgements=(hostile,), baseline=text), occasion=replace(OCCASION, branch=text)))
    if len(text) < 100:
        row = next(row for row in page.rows if row[0] == "REGRESSED" and len(row) == 7)
        assert row[1] == printable(text)
        assert page.text.count(printable(text)) >= 5
    assert len(page.rows) <= len(plain.rows)  # the checkout has more steps
    assert all(len(row) in (4, 6, 7, 8) for row in page.rows)


# --- size -----------------------------------------------------------------------------------


def many(count, **more):
    return RunResult(
        judgements=tuple(
            replace(CHECKOUT, workflow=f"tests/test_{n}.py::test_it[{'x' * 40}]", **more) for n in range(count)
        ),
        baseline="main",
        notes=tuple(f"note {n}" for n in range(count)),
        failures=tuple(f"failure {n} " * 20 for n in range(count)),
        leaderboards=(BOARD,) * (count // 50),
    )


def total(page_text, noun):
    """How many were left out, of each section that says so."""
    return [int(n) for n in re.findall(rf"(\d+) {noun}s? left out", page_text)]


def test_a_run_of_any_size_has_room():
    run = many(4000)
    text = of(run)
    page = sound(text)
    assert 500 * 1024 < len(text.encode()) <= summary.LIMIT
    in_table = sum(row[0] == "REGRESSED" and len(row) == 7 for row in page.rows)
    explained = text.count("\n#### REGRESSED")
    folded = text.count("<details>")
    assert min(in_table, explained, folded) > 50
    assert total(page.text, "workflow") == [4000 - in_table, 4000 - folded]
    assert total(page.text, "failing workflow") == [4000 - explained]
    assert text.count("\n- failure ") + total(page.text, "problem of the run")[0] == 4000


@pytest.mark.parametrize("limit", [*range(0, 4000, 97), *range(4000, 60_000, 3001)])
def test_any_limit_is_kept_and_nothing_is_cut(limit):
    text = of(many(30), limit=limit)
    page = sound(text)
    assert len(text.encode()) <= limit
    if not text:
        assert limit < 2000
        return
    in_table = sum(row[0] == "REGRESSED" and len(row) == 7 for row in page.rows)
    left_out = total(page.text, "workflow")
    assert 30 - in_table in left_out or in_table == 30
    assert 30 - text.count("<details>") in left_out or text.count("<details>") == 30
    assert text.count("\n- failure ") + sum(total(page.text, "problem of the run")) == 30


@pytest.mark.parametrize("character", ["@", "|", "\u202e", "😀", "x"])
def test_one_workflow_with_too_much_to_say_has_room(character):
    long = character * 3000
    steps = tuple(effect(f"{n}{long}", 10, 20, Verdict.REGRESSED) for n in range(300))
    shown = tuple(StepSummary(path=e.path, median_ns=1, p95_ns=1, own_ns=1, share=1, count=1) for e in steps)
    huge = replace(
        CHECKOUT,
        workflow=long,
        failure="\n".join([long] * 1000),
        comparison=replace(CHECKOUT.comparison, steps=steps, appeared=tuple(e.path for e in steps)),
        summary=replace(
            CHECKOUT.summary, steps=shown, notes=(long,) * 100, metrics=(Metric(name=long, value=1),) * 100
        ),
        targets=(Target(threshold=long, source="", status="met", actual=1, unit="", proved=True, detail=long),) * 100,
        pass_rates=(PassRate(name=long, passed=1, total=1, minimum=1, bound=1, rounds_to_prove=1),) * 100,
    )
    text = of(RunResult(judgements=(huge,) * 3, baseline="main"))
    page = sound(text)
    assert len(text.encode()) <= summary.LIMIT
    assert sum(row[0] == "REGRESSED" and len(row) == 7 for row in page.rows) == 3
    assert "…" in page.text
