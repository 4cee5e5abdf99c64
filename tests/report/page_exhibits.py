"""A run whose every figure is given, with all that the page can show; any text may be added to every name in it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.analyse.history import ChangePoint, Drift, History, Point
from pytest_wfperf.judge.verdict import summary
from pytest_wfperf.judged import (
    Comparison,
    Effect,
    Judgement,
    Leaderboard,
    PassRate,
    RunResult,
    Standing,
    Target,
    Verdict,
)
from pytest_wfperf.model import Check, Environment, Launch, Metric, Profile, Round, Span
from pytest_wfperf.report import html
from pytest_wfperf.report.exhibit import Exhibit, Occasion

MS = 10**6
SETTLED = """
const [done] = arguments;
const look = () => document.querySelector("[aria-busy]") ? setTimeout(look, 10) : requestAnimationFrame(() => done());
requestAnimationFrame(() => setTimeout(look, 30));
"""  # waits until all charts of the page are drawn
CREATED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def span(path, start_ms, end_ms, **more):
    ns = round((end_ms - start_ms) * MS)
    times = dict.fromkeys(("total_ns", "min_ns", "max_ns", "own_ns"), ns)
    places = {"start_ns": round(start_ms * MS), "end_ns": round(end_ms * MS)}
    return Span(path=path, **({"count": 1} | times | places | more))


class Shown:
    """The run; ``hostile`` stands at the end of every name and text that comes from outside."""

    def __init__(self, hostile: str = "") -> None:
        self.hostile = hostile

    def _(self, text: str) -> str:
        return text + self.hostile

    def one_round(self, render_ms: float, jitter: float = 0.0) -> Round:
        """Fetch, parse with two steps inside, then render, with mail on another thread meanwhile."""
        fetch, parse, render, mail = map(self._, ("fetch", "parse", "render", "mail"))
        end = 40 + render_ms + jitter
        return Round(
            total_ns=round((end + 1) * MS),
            spans=(
                span(fetch, 0, 10 + jitter, group=self._("input")),
                span(parse, 10 + jitter, 40 + jitter, after=(fetch,), own_ns=4 * MS),
                span(f"{parse}/head", 12, 20, group=self._("input")),
                span(f"{parse}/body", 20, 38, count=3, total_ns=12 * MS, own_ns=12 * MS, after=("head",)),
                span(render, 40 + jitter, end, after=(parse,)),
                span(mail, 40 + jitter, 55 + jitter, after=(parse,), waited_ns=2 * MS),
            ),
            checks=(Check(name=self._("valid page"), passed=True, detail=self._("as it should")),),
            metrics=(Metric(name=self._("tokens"), value=1250.0, unit=self._("tokens")),),
        )

    def profile(self, name: str, render_ms: float, *, host: str, launches: int = 3) -> Profile:
        taken = tuple(
            Launch(
                rounds=tuple(self.one_round(render_ms, jitter) for jitter in (number * 0.1, number * 0.2, 1.0)),
                conditions=(("addresses", self._("fixed")), ("hash_seed", str(number))),
            )
            for number in range(launches)
        )
        environment = Environment(
            facts=(("cpu", self._("Example CPU")), ("cpus", "8"), ("system", "Linux")),
            notes=(("host", self._(host)), ("kernel", "6.8.0")),
        )
        return Profile(workflow=self._(f"tests/test_shop.py::{name}"), environment=environment, launches=taken)

    def effect(self, path, before_ms, after_ms, verdict, **more) -> Effect:
        ratio = math.log(after_ms / before_ms)
        ends = {"low": ratio - 0.1, "high": ratio + 0.1}
        given = {"limit": 0.1, "could_have_caught": 0.18, "automatic": bool(path), "flagged_from": 0.05}
        return Effect(
            path=self._(path) if path else "", baseline_ns=before_ms * MS, current_ns=after_ms * MS, log_ratio=ratio,
            verdict=verdict, **(ends | given | more),
        )  # fmt: skip

    def history(self) -> History:
        levels = (61.0, 62.0, 71.0, 70.5)
        points = tuple(
            Point(
                created=CREATED - timedelta(days=10 * (len(levels) - i)), level_ns=level * MS, low_ns=(level - 2) * MS,
                high_ns=(level + 2) * MS if i else None, launches=3, version=self._(f"000{i // 2 + 1}-3fa9c1"),
                session=f"s{i}", commit=self._(f"c0ffee{i}"), reason=self._(f"accepted for a reason {i}"),
                accepted=i % 2 == 0,
            )
            for i, level in enumerate(levels)
        )  # fmt: skip
        return History(
            points=(*points, Point(created=CREATED, level_ns=91 * MS)),
            changes=(ChangePoint(at=2, before_ns=61.5 * MS, after_ns=70.75 * MS, p_value=0.0123),),
            drift=Drift(since=points[0], change=0.49, low=0.4, high=0.58, versions=2),
            notes=(self._("one session could not be read"),),
        )

    def exhibits(self) -> tuple[Exhibit, ...]:
        return (self.passing(), self.regressed(), self.failed(), self.elsewhere(), self.waived())

    def regressed(self) -> Exhibit:
        now, before = self.profile("test_checkout", 50, host="here"), self.profile("test_checkout", 20, host="there")
        version = self._("main 0002-3fa9c1")
        comparison = Comparison(
            baseline=version,
            sessions=1,
            total=self.effect("", 61.2, 91.2, Verdict.REGRESSED, ratios=(1.49, 1.5)),
            steps=(
                self.effect("fetch", 10, 10, Verdict.PASS),
                self.effect("parse", 30, 30.3, Verdict.PASS, could_have_caught=None),
                self.effect("render", 20, 50, Verdict.REGRESSED, detail=self._("3 times as often")),
                self.effect("mail", 15, 14, Verdict.INCONCLUSIVE, low=-math.inf, high=math.inf),
                self.effect("gone", 5, 5, Verdict.PASS),
            ),
            appeared=(self._("parse/body"),),
            vanished=(self._("gone"),),
            contributions=(("", 0.0), (self._("render"), 0.49)),
            launches=3,
            fresh=True,
            seconds=2.5,
            kind=self._("9.9 % more calls in render"),
        )
        target = Target(
            threshold=self._("p95 < 80ms"), source="marker", status="missed", actual=92e6, unit="time", proved=True,
            detail=self._("proved, n = 3 processes"),
        )  # fmt: skip
        judgement = Judgement(
            workflow=now.workflow,
            verdict=Verdict.REGRESSED,
            baseline=version,
            summary=replace(summary(now), notes=(self._("a step was left open"),)),
            comparison=comparison,
            targets=(target, replace(target, threshold="median < 1s", status="met", actual=91e6)),
            pass_rates=(
                PassRate(name="", passed=9, total=9, minimum=0.95, bound=0.717, rounds_to_prove=59),
                PassRate(name=self._("valid page"), passed=8, total=9, minimum=1.0, bound=0.57, rounds_to_prove=0),
            ),
            trade=self._("faster for fewer tokens"),
        )
        return Exhibit(
            judgement=judgement, profile=now, analysis=analyse(now), before=(before,), history=self.history(),
            file="tests/test_shop.py", line=7,
        )  # fmt: skip

    def passing(self) -> Exhibit:
        """Rounds without steps, held against nothing."""
        profile = Profile(
            workflow=self._("tests/test_shop.py::test_search[a b]"),
            environment=Environment(facts=(("cpus", "8"),)),
            launches=(Launch(rounds=tuple(Round(total_ns=ms * MS) for ms in (5, 6, 4))),),
        )
        judgement = Judgement(workflow=profile.workflow, verdict=Verdict.PASS, summary=summary(profile))
        return Exhibit(judgement=judgement, profile=profile, file="tests/test_shop.py", line=30)

    def failed(self) -> Exhibit:
        failure = self._("its test failed: AssertionError") + "\n" + self._("  assert 1 == 2")
        workflow = self._("tests/test_other.py::test_broken")
        return Exhibit(judgement=Judgement(workflow=workflow, verdict=Verdict.FAILED, failure=failure))

    def elsewhere(self) -> Exhibit:
        profile = self.profile("test_elsewhere", 20, host="here", launches=1)
        judgement = Judgement(
            workflow=profile.workflow, verdict=Verdict.INCOMPARABLE, baseline=self._("main 0002-3fa9c1"),
            differences=(self._("cpus: 8 here, 2 there"),), summary=summary(profile),
        )  # fmt: skip
        return Exhibit(judgement=judgement, profile=profile, analysis=analyse(profile))

    def waived(self) -> Exhibit:
        judgement = Judgement(
            workflow=self._("tests/test_shop.py::test_gone"), verdict=Verdict.WAIVED, waived=Verdict.MISSING,
            waiver=self._("moved (until 2026-04-01)"), failure=self._("this run did not meet it"),
        )  # fmt: skip
        return Exhibit(judgement=judgement, file=self._("tests/elsewhere.py"))

    def run(self) -> RunResult:
        standings = (
            Standing(variant=self._("fast"), workflow="w1", median_ns=5.0 * MS, passed=3, rounds=3, rank=1),
            Standing(
                variant=self._("slow"), workflow="w2", median_ns=9.0 * MS, passed=2, rounds=3, rank=2, beaten=True,
                tied=(self._("other"),), cost=Metric(name="cost", value=0.5, unit=self._("USD")),
            ),
        )  # fmt: skip
        return RunResult(
            judgements=tuple(exhibit.judgement for exhibit in self.exhibits()),
            baseline=self._("main"),
            pass_rate=PassRate(name="", passed=1, total=2, minimum=0.95, bound=0.1, rounds_to_prove=9),
            saved=self._("baseline other 0001-abcdef"),
            failures=(self._("1 of 2 workflows passed all checks"),),
            errors=(self._("the store is read-only"),),
            notes=(self._("metric cost leaves out one workflow"),),
            leaderboards=(Leaderboard(workflow=self._("tests/test_shop.py::test_search"), standings=standings),),
        )

    def page(self) -> str:
        occasion = Occasion(created=CREATED, commit=self._("c0ffee5"), branch=self._("feature/x"))
        return html.whole(self.run(), occasion, [html.part(one) for one in self.exhibits()]).decode()
