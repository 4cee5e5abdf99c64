"""A run of a shop whose every figure is given, as exhibits: what reports are tested with."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.judge.verdict import summary
from pytest_wfperf.judged import Comparison, Effect, Judgement, PassRate, RunResult, Target, Verdict
from pytest_wfperf.model import Check, Environment, Launch, Metric, Profile, Round, Span
from pytest_wfperf.report.exhibit import Exhibit, Occasion
from pytest_wfperf.store.schema import encode_profile

MS = 10**6
HERE = Environment(facts=(("cpus", "2"), ("python", "cpython3.12"), ("system", "Linux")), notes=(("host", "here"),))
CONDITIONS = (("aslr", "off"), ("hash_seed", "1"))


def span(path, start_ms, end_ms, **more):
    ns = (end_ms - start_ms) * MS
    times = dict.fromkeys(("total_ns", "min_ns", "max_ns", "own_ns"), ns)
    return Span(path=path, count=1, start_ns=start_ms * MS, end_ns=end_ms * MS, **(times | more))


def checkout(*renders_ms, seed="1", passed=True):
    """One launch: parse takes 10 ms, mail 5 ms beside render, render what is given."""
    rounds = [
        Round(
            total_ns=(10 + ms) * MS,
            spans=(
                span("parse", 0, 10),
                span("render", 10, 10 + ms, after=("parse",)),
                span("mail", 10, 15, after=("parse",)),
            ),
            checks=(Check(name="valid page", passed=passed or number > 0),),
            metrics=(Metric(name="tokens", value=7.0 + number, unit="tokens"),),
        )
        for number, ms in enumerate(renders_ms)
    ]
    return Launch(rounds=tuple(rounds), recorder_ns=400, conditions=(("aslr", "off"), ("hash_seed", seed)))


def profile(*launches, workflow="tests/test_shop.py::test_checkout"):
    return Profile(workflow=workflow, environment=HERE, launches=launches)


def effect(path, before, after, verdict, **more):
    ratio = math.log(after / before)
    return Effect(
        path=path, baseline_ns=before * MS, current_ns=after * MS, log_ratio=ratio, low=ratio - 0.1, high=ratio + 0.1,
        could_have_caught=0.7, flagged_from=0.52, limit=1.0, automatic=bool(path), verdict=verdict, **more,
    )  # fmt: skip


NOW = profile(checkout(20, 21), checkout(20, 22))
BEFORE = (profile(checkout(10, 11, passed=False)), profile(checkout(10, 12, seed="2"), checkout(11, 12)))
CHECKOUT = Judgement(
    workflow=NOW.workflow,
    verdict=Verdict.REGRESSED,
    baseline="main 0007-3fa9c1",
    summary=summary(NOW),
    comparison=Comparison(
        baseline="main 0007-3fa9c1",
        sessions=2,
        total=effect("", 20, 30, Verdict.PASS, ratios=(1.5, 1.5)),
        steps=(effect("parse", 10, 10, Verdict.PASS), effect("render", 10, 20, Verdict.REGRESSED)),
        appeared=("mail",),
        contributions=(("", 0.0), ("parse", 0.0), ("render", 0.5)),
        launches=2,
        fresh=True,
        seconds=1.5,
        kind="9.9 % more calls in render",
    ),
    targets=(
        Target(threshold="speedup >= 1.33", source="marker", status="missed", actual=0.667, unit="factor", proved=True),
    ),
    pass_rates=(PassRate(name="", passed=4, total=4, minimum=0.95, bound=0.473, rounds_to_prove=59),),
)
SEARCH = Judgement(workflow="tests/test_shop.py::test_search", verdict=Verdict.NEW, baseline="main 0007-3fa9c1")
GONE = Judgement(workflow="tests/test_shop.py::test_gone", verdict=Verdict.MISSING, failure="this run did not meet it")

RUN = RunResult(judgements=(CHECKOUT, SEARCH, GONE), baseline="main")
OCCASION = Occasion(created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), commit="3fa9c1d", branch="main")


def exhibits():
    """A regressed workflow, a new one without steps, and one that is missing."""
    bare = Profile(workflow=SEARCH.workflow, environment=HERE, launches=(Launch(rounds=(Round(total_ns=5 * MS),) * 2),))
    yield Exhibit(
        judgement=CHECKOUT, profile=NOW, encoded=encode_profile(NOW), analysis=analyse(NOW), before=BEFORE,
        file="tests/test_shop.py", line=7,
    )  # fmt: skip
    yield Exhibit(judgement=SEARCH, profile=bare, encoded=encode_profile(bare), file="tests/test_shop.py", line=30)
    yield Exhibit(judgement=GONE, file="tests/test_shop.py")


def rendered(reporter):
    """The report of the shop's run."""
    return reporter.whole(RUN, OCCASION, [reporter.part(exhibit) for exhibit in exhibits()])
