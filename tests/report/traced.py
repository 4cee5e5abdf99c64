"""A small run whose every figure is given, with all that a drawn round may hold: what traces are tested with."""

from __future__ import annotations

from datetime import UTC, datetime

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.judged import Judgement, RunResult, Verdict
from pytest_wfperf.model import Cache, Check, Environment, Launch, Metric, Profile, Round, Span
from pytest_wfperf.report.exhibit import Exhibit, Occasion

HERE = Environment(facts=(("cpus", "2"),))
BUILD, QUICK, GONE = (
    "tests/test_shop.py::test_build",
    "tests/test_shop.py::test_quick[</script>\u202e]",
    "t.py::test_gone",
)
OCCASION = Occasion(created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), commit="3fa9c1d", branch="main")


def span(path, start_ns, end_ns, **more):
    ns = end_ns - start_ns
    times = dict.fromkeys(("total_ns", "min_ns", "max_ns", "own_ns"), ns)
    return Span(path=path, start_ns=start_ns, end_ns=end_ns, **({"count": 1} | times | more))


def build(slower_ns=0):
    """Fetch; then compile, with two steps inside, and docs at once; then pack, which waits and fails a try."""
    end = 9_000_001 + slower_ns
    spans = (
        span("fetch", 1_001, 2_000_000, cpu_ns=500_000, memory_bytes=4096),
        span("compile", 2_000_500, end, after=("fetch",), own_ns=3_000_000, cpu_ns=6_300_000, memory_bytes=65_536),
        span("compile/parse", 2_000_600, 4_000_000, count=3, total_ns=1_500_000, min_ns=400_000, max_ns=600_000),
        span("compile/emit", 4_100_000, end, after=("parse",), memory_bytes=131_072),
        span("docs", 2_100_000, 6_000_000, after=("fetch",), group="papers", status="error", error="OSError: \x1b[2J"),
        span('pack "all"', end + 250_000, end + 1_000_000, after=("compile", "docs"), waited_ns=200_000, retries=1, retry_ns=50_000),
    )  # fmt: skip
    return Round(
        total_ns=end + 1_100_007,
        spans=spans,
        checks=(Check(name="size", passed=False, detail="too big", value=0.5, minimum=0.9), Check(name="ok", passed=True)),
        metrics=(Metric(name="tokens", value=7.0),),
        caches=(Cache(name="objects", hits=3, misses=1),),
        cpu_ns=7_000_000,
        memory_bytes=131_072,
    )  # fmt: skip


def profile(workflow, *rounds):
    return Profile(workflow=workflow, environment=HERE, launches=(Launch(rounds=rounds),))


def exhibits():
    """A regressed workflow with steps at once, one without steps and of a hostile name, one that never ran."""
    now = profile(BUILD, build(4_000_000), build(3_000_000), Round(total_ns=1, status="failed"), build(2_000_000))
    yield Exhibit(
        judgement=Judgement(workflow=BUILD, verdict=Verdict.REGRESSED, baseline="main 0007-3fa9c1"),
        profile=now,
        analysis=analyse(now),
        before=(profile(BUILD, build(9)), profile(BUILD, build(-1_000_000), build())),
        file="tests/test_shop.py",
        line=7,
    )
    yield Exhibit(
        judgement=Judgement(workflow=QUICK, verdict=Verdict.NEW, baseline="main 0007-3fa9c1"),
        profile=profile(QUICK, Round(total_ns=1_500)),
        file="tests/test_shop.py",
        line=30,
    )
    yield Exhibit(
        judgement=Judgement(workflow=GONE, verdict=Verdict.MISSING, failure="this run did not meet it"), file="t.py"
    )


def run():
    return RunResult(judgements=tuple(exhibit.judgement for exhibit in exhibits()), baseline="main")


def rendered(reporter, shown=None):
    """The report of the run, or of other exhibits."""
    shown = list(exhibits() if shown is None else shown)
    found = RunResult(judgements=tuple(exhibit.judgement for exhibit in shown), baseline="main")
    return reporter.whole(found, OCCASION, [reporter.part(exhibit) for exhibit in shown])
