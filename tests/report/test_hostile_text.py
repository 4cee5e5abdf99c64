"""Texts that could steer a terminal, break a table or command a CI job: none gets through to any text report."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from github_markdown import HOSTILE, raw, sound
from shop import CHECKOUT, NOW, OCCASION, effect

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.judged import (
    Judgement,
    Leaderboard,
    PassRate,
    RunResult,
    Standing,
    StepSummary,
    Target,
    Verdict,
)
from pytest_wfperf.model import Metric
from pytest_wfperf.report import summary
from pytest_wfperf.report.exhibit import Exhibit
from pytest_wfperf.report.github import commands
from pytest_wfperf.report.terminal import render, short_reason


def run_of(text):
    """A run in which the text stands wherever a user or a machine may put one, under every verdict."""
    step = effect(text, 10, 20, Verdict.REGRESSED, detail=text, ratios=(1.9, 2.0))
    whole = replace(
        CHECKOUT,
        baseline=text,
        comparison=replace(
            CHECKOUT.comparison, baseline=text, steps=(step,), appeared=(text,), vanished=(text, text),
            contributions=((text, 0.5),), kind=text, note=text, outlook=((0.1, 3),),
        ),
        summary=replace(
            CHECKOUT.summary, notes=(text, text + text), metrics=(Metric(name=text, value=1, unit=text),),
            steps=(StepSummary(path=text, median_ns=1, p95_ns=1, own_ns=1, share=1, count=1, status="error"),),
        ),
        targets=tuple(
            Target(threshold=text, source=text, status=status, actual=1.5, unit="time", proved=False, detail=text)
            for status in ("met", "missed", "unknown")
        ),
        pass_rates=(PassRate(name=text, passed=1, total=2, minimum=0.95, bound=0.1, rounds_to_prove=9, detail=text),),
        trade=text,
        variant=text,
        differences=(text, f"host: {text} here, {text} there"),
        waiver=text,
    )  # fmt: skip
    pairs = replace(whole, comparison=replace(whole.comparison, sessions=0), workflow=f"pairs{text}")
    judgements = [
        replace(
            whole, workflow=text if verdict is Verdict.FAILED else f"{text}::{verdict}", verdict=verdict, waived=waived
        )
        for verdict in Verdict
        for waived in ([None, Verdict.REGRESSED] if verdict is Verdict.WAIVED else [None])
    ]
    failed = Judgement(workflow=f"a{text}", verdict=Verdict.FAILED, failure=text)
    standing = Standing(
        variant=text, workflow=text, median_ns=1, passed=1, rounds=1, rank=1, tied=(text,),
        cost=Metric(name=text, value=1, unit=text),
    )  # fmt: skip
    return RunResult(
        judgements=(*judgements, pairs, failed),
        baseline=text,
        saved=text,
        failures=(text,),
        errors=(text,),
        notes=(text,),
        leaderboards=(Leaderboard(workflow=text, standings=(standing,)),),
    )


def profile_of(text):
    """The shop's profile with the text in place of a step's name."""
    rounds = [
        replace(
            one, spans=tuple(replace(s, path=s.path.replace("render", text), after=(), group=text) for s in one.spans)
        )
        for one in NOW.rounds
    ]
    return replace(NOW, workflow=text, launches=(replace(NOW.launches[0], rounds=tuple(rounds)),))


def is_command(line):
    """Whether GitHub's runner would obey the line: it looks past white space, and for the older kind anywhere."""
    return line.lstrip().startswith("::") or "##[" in line


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_hostile_gets_into_a_terminal(text):
    run = run_of(text)
    for verbosity in (-1, 0, 1, 2):
        lines = [line.text for line in render(run, width=100, verbosity=verbosity, profile=lambda _: profile_of(text))]
        assert {c for line in lines for c in [*raw(line), *re.findall("\n", line)]} == set()
        assert [line for line in lines if is_command(line)] == []
    for judgement in run.judgements:
        for line in short_reason(judgement, most=50).split("\n"):
            assert raw(line) == []
            assert not is_command(line)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_hostile_gets_into_markdown(text):
    run, found = run_of(text), analyse(profile_of(text))
    parts = [summary.part(Exhibit(judgement=j, profile=profile_of(text), analysis=found)) for j in run.judgements]
    written = summary.render(run, replace(OCCASION, branch=text, commit=text), parts, summary.LIMIT)
    page = sound(written)
    if len(text) < 100:
        assert "no room" not in page.text
        assert [name for name, _ in page.tags].count("details") == len(run.judgements) - 1  # one has only its reason


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_hostile_gets_into_annotations(text):
    run = run_of(text)
    lines = commands(run, {judgement.workflow: (text, 1) for judgement in run.judgements})
    assert len(lines) == 9
    for line in lines:
        assert re.match(r"::(error|warning) (file=[^,:]+,line=1,)?title=[^,:]+::", line)
        assert raw(line) == []
        assert "\n" not in line
