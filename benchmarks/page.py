"""The page of 200 workflows × 20 steps × 100 rounds: how large it is, how long it takes to render and to draw.

Every workflow is judged against a baseline of as much, has targets, checks and a history, and one in ten has
regressed. Drawing is measured in a real Chromium, which has to be installed: from navigation until the table is
painted, and from opening a workflow until all its charts are.

    python benchmarks/page.py [FILE]        keeps the page
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import Page, browser

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.analyse.history import ChangePoint, Drift, History, Point
from pytest_wfperf.judge.threshold import parse
from pytest_wfperf.judge.verdict import Policy, Reference, judge
from pytest_wfperf.judged import RunResult
from pytest_wfperf.model import Check, Environment, Launch, Metric, Profile, Round, Span
from pytest_wfperf.report import html
from pytest_wfperf.report.exhibit import Exhibit, Occasion

WORKFLOWS, STAGES, INNER, LAUNCHES, ROUNDS, SESSIONS = 200, 4, 4, 10, 10, 12
TRIES = 7
LIMIT_BYTES, LIMIT_S = 2_000_000, 1.0
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ENVIRONMENT = Environment(
    facts=(("cpu", "Example CPU @ 3.0 GHz"), ("cpus", "8"), ("machine", "x86_64"), ("python", "cpython3.13"),
           ("system", "Linux")),
    notes=(("host", "runner-17"), ("kernel", "6.8.0"), ("python_version", "3.13.1")),
)  # fmt: skip
CONDITIONS = (("addresses", "fixed"), ("collector", "collected and frozen before each round"), ("heap", "shuffled"))
PAINTED = """
addEventListener("load", () => requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); })));
"""
OPENED = """
const [number, done] = arguments;
const sheet = document.getElementById(`w${number}`).closest("details");
const start = performance.now();
sheet.open = true;
const wait = () => sheet.querySelectorAll(".charts svg").length
  ? requestAnimationFrame(() => setTimeout(() => done([
      performance.now() - start, sheet.querySelectorAll(".charts svg").length])))
  : requestAnimationFrame(wait);
wait();
"""


def one_round(rng: random.Random, slow: float) -> Round:
    """Stages one after another, each with steps of its own inside."""
    at, spans = 0, []
    for stage in range(STAGES):
        start, inner, outer = at, [], f"stage {stage + 1}"
        for i in range(INNER):
            took = round(rng.lognormvariate(16 + i / 3, 0.05) * (slow if (stage, i) == (2, 1) else 1))
            after = (f"step {i}",) if i else ()
            inner.append(span(f"{outer}/step {i + 1}", at, at + took, took, after))
            at += took + 20_000
        own = at - start - sum(one.total_ns for one in inner)
        spans += [span(outer, start, at, own, (f"stage {stage}",) if stage else ()), *inner]
    checks = (Check(name="output is complete", passed=True), Check(name="totals agree", passed=True))
    return Round(total_ns=at, spans=tuple(spans), checks=checks, metrics=(Metric(name="rows", value=1250.0),))


def span(path: str, start: int, end: int, own: int, after: tuple[str, ...]) -> Span:
    took = end - start
    return Span(
        path=path, count=1, total_ns=took, min_ns=took, max_ns=took, own_ns=own, start_ns=start, end_ns=end, after=after
    )


def profile(number: int, rng: random.Random, slow: float = 1.0) -> Profile:
    launches = tuple(
        Launch(rounds=tuple(one_round(rng, slow) for _ in range(ROUNDS)), conditions=CONDITIONS)
        for _ in range(LAUNCHES)
    )
    workflow = f"tests/pipelines/test_orders_{number // 10}.py::test_nightly_import[{number % 10}]"
    return Profile(workflow=workflow, environment=ENVIRONMENT, launches=launches)


def past(level: float) -> History:
    points = tuple(
        Point(
            created=NOW - timedelta(days=SESSIONS - i), level_ns=level * (1 + i / 100), low_ns=level * 0.97,
            high_ns=level * 1.15, launches=LAUNCHES, version=f"{1 + i // 4:04d}-3fa9c1", commit=f"{i:010x}",
            reason="the new parser is worth it" if i % 4 == 0 else "", accepted=i % 4 == 0,
        )
        for i in range(SESSIONS)
    )  # fmt: skip
    change = ChangePoint(at=6, before_ns=level, after_ns=level * 1.06, p_value=0.004)
    drift = Drift(since=points[0], change=0.11, low=0.05, high=0.17, versions=3)
    return History(points=points, changes=(change,), drift=drift)


def exhibits() -> Iterator[Exhibit]:
    thresholds = tuple(parse(text, "here") for text in ("p95 < 60s", "pass_rate >= 95%"))
    for number in range(WORKFLOWS):
        rng = random.Random(number)
        before = profile(number, rng)
        now = profile(number, rng, slow=1.6 if number % 10 == 3 else 1.0)
        reference = Reference(baseline="main 0003-3fa9c1", stored=((86_400.0, before),), workflows=WORKFLOWS)
        judgement = judge(now, reference=reference, policy=Policy(thresholds=thresholds))
        yield Exhibit(
            judgement=judgement, profile=now, analysis=analyse(now), before=(before,),
            history=past(float(now.times.median) * 1e9), file=now.workflow.partition("::")[0], line=12,
        )  # fmt: skip


def rendered() -> tuple[bytes, float]:
    """The page, and how many seconds that took beyond making up what it shows."""
    parts, judgements, took = [], [], 0.0
    for exhibit in exhibits():
        start = time.perf_counter()
        parts.append(html.part(exhibit))
        took += time.perf_counter() - start
        judgements.append(replace(exhibit.judgement))
    run = RunResult(judgements=tuple(judgements), baseline="main")
    start = time.perf_counter()
    page = html.whole(run, Occasion(created=NOW, commit="3fa9c1d2e4", branch="main"), parts)
    return page, took + time.perf_counter() - start


def drawn(path: Path, page: Page) -> tuple[float, float, int]:
    """Seconds to the painted table and to a workflow with all its charts, and how many charts those are."""
    page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": PAINTED})
    tables, charts, count = [], [], 0
    for number in range(TRIES):
        page.open("about:blank")
        page.open(path)
        time.sleep(0.5)  # until the sections that are open from the start have their charts too
        tables.append(page.run("return window.painted") / 1e3)
        took, count = page.run(f"return new Promise(done => {{ (function() {{ {OPENED} }})({100 + number}, done); }})")
        charts.append(took / 1e3)
    return median(tables), median(charts), count


def main() -> int:
    page, render_s = rendered()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(folder, "report.html")
        path.write_bytes(page)
        with browser() as window:
            table_s, charts_s, count = drawn(path, window)
    print(f"{WORKFLOWS} workflows × {STAGES * (INNER + 1)} steps × {LAUNCHES * ROUNDS} rounds")
    print(f"size                        {len(page) / 1e6:6.2f} MB   (at most {LIMIT_BYTES / 1e6:g})")
    print(f"rendered in                 {render_s:6.2f} s    ({render_s / WORKFLOWS * 1e3:.1f} ms a workflow)")
    print(f"table painted after         {table_s:6.2f} s    (at most {LIMIT_S:g}, median of {TRIES})")
    print(f"a workflow's {count} charts after  {charts_s:6.2f} s    (at most {LIMIT_S:g}, median of {TRIES})")
    return int(len(page) > LIMIT_BYTES or max(table_s, charts_s) > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
