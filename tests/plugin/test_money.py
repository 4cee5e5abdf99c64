"""Counts that cost money: budgets, prices, costs of a pass, caches, and trades, through pytest."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FLOW = """
import os
def given(name, default):
    return float(os.environ.get(name, default))

rounds = []
@pytest.mark.wfperf(*filter(None, os.environ.get("MARK", "").split(";")))
def test_flow(wfperf):
    rounds.append(1)
    sleep_step(wfperf, "ask", given("MS", 20))
    wfperf.metric("tokens", int(given("TOKENS", 1000)))
    wfperf.metric("pages", 3)
    wfperf.metric("tracing", given("TRACING", 1), unit="ms")
    wfperf.check("right", len(rounds) % 4 < given("RIGHT", 4), "wrong")
"""
PRICES = "[pytest]\nwfperf_prices =\n    tokens = 3 USD per 1000000\n"
SAVE = ("--wfperf-save", "--wfperf-rounds=5")
GATE = ("--wfperf-baseline", "--wfperf-rounds=5")


def targets(results):
    return {t["threshold"]: t for t in results["workflows"][0]["targets"]}


def saved(project, source=FLOW, **env):
    project.write(source)
    ran = project.run(*SAVE, env=env)
    assert ran.ret == 0, ran.out
    return project


# --- budgets ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "actual", "detail"),
    [
        ("metric:tokens reduction >= 20%", 0.3, "1000 → 700"),
        ("metric:tokens regression < 10%", -0.3, "1000 → 700"),
        ("metric:tokens value <= 700", 700, "exact"),
        ("metric:tokens per_pass < 701", 700, "3500 over 5 rounds, of which 5 passed"),
        ("metric:tracing share < 20%", None, "median of 5 rounds"),
    ],
)
def test_a_budget_that_is_kept(project, threshold, actual, detail):
    results = saved(project).results(*GATE, env={"MARK": threshold, "TOKENS": "700"})
    (target,) = targets(results).values()
    assert (target["status"], target["detail"]) == ("met", detail)
    assert target["actual"] == (pytest.approx(actual) if actual is not None else pytest.approx(1 / 20, rel=0.2))
    assert results["workflows"][0]["verdict"] == "PASS"


@pytest.mark.parametrize(
    ("threshold", "verdict", "told"),
    [
        ("metric:tokens reduction >= 20%", "FAILED", "metric:tokens reduction >= 20%: 10 % (1000 → 900)"),
        ("metric:pages regression < 10%", "REGRESSED", "metric:pages regression < 10%: 33 % (3 → 4)"),
        ("metric:tokens value < 900", "FAILED", "metric:tokens value < 900: 900 (exact)"),
        ("metric:tracing share < 20%", "FAILED", "metric:tracing share < 20%: "),
        ("metric:tokens share < 20%", "FAILED", "it is no time: recorded in no unit, not in ns, us, µs, ms, s, min"),
        ("metric:token per_pass < 9", "FAILED", "no metric 'token' was recorded; recorded: tokens, pages, tracing"),
    ],
)
def test_a_budget_that_is_not(project, threshold, verdict, told):
    saved(project)
    project.write(FLOW.replace('"pages", 3', '"pages", 4'))
    ran = project.run(*GATE, env={"MARK": threshold, "TOKENS": "900", "TRACING": "19"})
    assert ran.ret == 1
    ran.says(f"1 {verdict}", told)


def test_a_metric_whose_unit_changed_is_not_compared(project):
    saved(project)
    project.write(FLOW.replace('unit="ms"', 'unit="us"'))
    ran = project.run(*GATE, env={"MARK": "metric:tracing regression < 10%"})
    ran.says("1 INCONCLUSIVE", "the baseline has it in ms, this run in us")


@pytest.mark.skipif(os.name != "posix", reason="launches need POSIX")
def test_a_saving_is_gated_against_a_revision(launched):
    def git(root: Path, *arguments: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(root), *identity, *arguments], env=environment, check=True)

    (launched.root / "agent.py").write_text("TOKENS = 1000\n")
    launched.write("""
import agent
@pytest.mark.wfperf("metric:tokens reduction >= 20%", "metric:cost reduction >= 20%", "metric:cost regression < 1%")
def test_flow(wfperf):
    sleep_step(wfperf, "ask", 2)
    wfperf.metric("tokens", agent.TOKENS)
""")
    (launched.root / "pytest.ini").write_text(PRICES)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        git(launched.root, *words)
    (launched.root / "agent.py").write_text("TOKENS = 700\n")
    found = targets(launched.results("--wfperf-against=HEAD", "--wfperf-launches=6"))
    assert {name: target["status"] for name, target in found.items()} == dict.fromkeys(found, "met")
    assert found["metric:cost reduction >= 20%"]["actual"] == pytest.approx(0.3)
    (launched.root / "agent.py").write_text("TOKENS = 900\n")
    found = targets(launched.results("--wfperf-against=HEAD", "--wfperf-launches=6"))
    assert [target["status"] for target in found.values()] == ["missed", "missed", "met"]


# --- prices -----------------------------------------------------------------------------


def test_prices_make_a_cost_that_is_gated_like_any_metric_at_today_s_prices(project):
    saved(project)  # with no prices at all
    (project.root / "pytest.ini").write_text(PRICES)
    mark = "metric:cost value < 0.0022;metric:cost reduction >= 20%;metric:cost per_pass < 1"
    results = project.results(*GATE, env={"TOKENS": "700", "MARK": mark})
    found = targets(results)
    assert [target["status"] for target in found.values()] == ["met"] * 3
    assert found["metric:cost value < 0.0022"]["actual"] == pytest.approx(0.0021)
    assert results["workflows"][0]["summary"]["metrics"][-1] == {
        "name": "cost", "value": pytest.approx(0.0021), "unit": "USD", "better": "lower",
    }  # fmt: skip
    ran = project.run(*GATE, env={"TOKENS": "700", "MARK": "metric:cost value < 0.001"})
    assert ran.ret == 1
    ran.says("metric:cost value < 0.001: 0.0021 (exact)", "cost 0.0021 USD")


def test_what_has_no_price_is_said_once(project):
    (project.root / "pytest.ini").write_text(PRICES)
    project.write(FLOW + FLOW.replace("test_flow", "test_other"))
    ran = project.run("--wfperf-rounds=2")
    assert ran.ret == 0, ran.out
    assert ran.out.count("metric cost leaves out pages, tracing: wfperf_prices has no price") == 1
    project.run("--wfperf-rounds=2", "-o", "wfperf_prices=").never_says("leaves out", "cost")


def test_prices_alone_ask_for_no_measurement(project):
    project.write(FLOW)
    ran = project.run("--wfperf-price=tokens = 3 USD")
    assert ran.ret == 0
    ran.never_says("rounds", "cost")


def test_prices_come_from_everywhere_and_the_header_tells(project):
    (project.root / "pytest.ini").write_text(PRICES)
    project.write(FLOW)
    env = {"WFPERF_PRICES": "pages = 1 USD; tokens = 0 USD"}
    results = project.results("--wfperf-rounds=2", "--wfperf-price=tokens = 2 USD", env=env)
    assert results["workflows"][0]["summary"]["metrics"][-1]["value"] == 2003
    assert results["notes"] == ["metric cost leaves out tracing: wfperf_prices has no price"]
    ran = project.run("--wfperf-rounds=2", "--wfperf-price=tokens = 2 USD")
    ran.says("price=tokens = 2 USD (--wfperf-price)")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("tokens = 3", "ini key wfperf_prices: 'tokens = 3' is no price; write METRIC = AMOUNT CURRENCY [per COUNT]"),
        ("a = 1 USD\n    b = 1 EUR", "ini key wfperf_prices: 'b = 1 EUR' is in EUR, but 'a = 1 USD'"),
    ],
)
def test_a_bad_price_stops_the_run(project, lines, told):
    (project.root / "pytest.ini").write_text(f"[pytest]\nwfperf_prices =\n    {lines}\n")
    project.write(FLOW)
    ran = project.run(*SAVE)
    assert ran.ret == 4
    assert told in ran.err


# --- what a pass costs ------------------------------------------------------------------


def test_failed_rounds_are_paid_for_by_those_that_pass(project):
    project.write(FLOW)
    args = ("--wfperf-rounds=8", "--wfperf-warmup=0", "--wfperf-min-pass-rate=0")
    results = project.results(*args, env={"MARK": "metric:tokens per_pass < 2000", "RIGHT": "2"})
    (target,) = targets(results).values()
    assert (target["status"], target["actual"], target["proved"]) == ("missed", 2000, False)
    assert target["detail"] == "8000 over 8 rounds, of which 4 passed"
    ran = project.run(*args, env={"MARK": "metric:tokens per_pass < 2000", "RIGHT": "0"})
    assert ran.ret == 1
    ran.says("metric:tokens per_pass < 2000 (8000 over 8 rounds, and no round passed every check)")


def test_without_checks_a_round_passes_where_the_test_does(project):
    project.write("def test_flow(wfperf):\n    wfperf.metric('size', 2, unit='KiB')\n")
    results = project.results("--wfperf-rounds=3", "--wfperf-threshold=metric:size per_pass <= 2KiB")
    (target,) = targets(results).values()
    assert (target["status"], target["actual"], target["proved"]) == ("met", 2048, True)


# --- caches -----------------------------------------------------------------------------

CACHED = """
import os
COLD, SLOWER = int(os.environ.get("COLD", "12")), float(os.environ.get("SLOWER", "1"))
rounds = []
@pytest.mark.wfperf(*filter(None, os.environ.get("MARK", "").split(";")))
def test_flow(wfperf):
    rounds.append(1)
    cold = len(rounds) <= COLD
    sleep_step(wfperf, "fetch", (30 if cold else 3) * SLOWER)
    wfperf.cache("pages", hits=0 if cold else 4, misses=4 if cold else 0)
"""
EFFORT = ("--wfperf-rounds=12", "--wfperf-warmup=0")


def cached(project):
    project.write(CACHED)
    assert project.run("--wfperf-save", *EFFORT).ret == 0
    return project


def test_hits_improve_nothing_and_hide_no_slowdown(project):
    (workflow,) = cached(project).results("--wfperf-baseline", *EFFORT, env={"COLD": "5"})["workflows"]
    assert workflow["verdict"] == "PASS"
    assert "in 7 of 12 rounds, in 0 of 12 of the baseline: judged by rounds that missed" in workflow["reasons"][0]
    ran = project.run("--wfperf-baseline", *EFFORT, env={"COLD": "5", "SLOWER": "3"})
    assert ran.ret == 1
    ran.says("1 REGRESSED", "judged by rounds that missed")


def test_hits_alone_against_misses_alone_are_inconclusive(project):
    ran = cached(project).run("--wfperf-baseline", *EFFORT, env={"COLD": "0", "MARK": "speedup >= 2"})
    assert ran.ret == 0, ran.out
    ran.says("1 INCONCLUSIVE", "in 12 of 12 rounds, in 0 of 12 of the baseline: hits would be held against misses")
    ran.never_says("IMPROVED")


def test_a_cache_that_no_longer_hits_is_a_regression(project):
    project.write(CACHED)
    assert project.run("--wfperf-save", *EFFORT, env={"COLD": "0"}).ret == 0
    ran = project.run("--wfperf-baseline", *EFFORT)
    assert ran.ret == 1
    ran.says("1 REGRESSED", "every look-up hit a cache in 0 of 12 rounds, in 12 of 12 of the baseline")


def test_set_up_that_was_made_off_the_clock_flatters_nothing(project):
    project.write("""
@pytest.fixture
def corpus(wfperf):
    return wfperf.cached("corpus", lambda folder: (folder / "a").write_text("a"))

def test_flow(wfperf, corpus):
    sleep_step(wfperf, "read", 20)
""")
    effort = ("--wfperf-rounds=1", "--wfperf-warmup=0")
    (first,) = project.results("--wfperf-save", *effort)["workflows"]
    (second,) = project.results("--wfperf-baseline", *effort)["workflows"]
    caches = [w["profile"]["launches"][0]["rounds"]["caches"] for w in (first, second)]
    assert caches == [
        [{"name": "corpus", "hits": [0], "misses": [1], "timed": [False]}],
        [{"name": "corpus", "hits": [1], "misses": [0], "timed": [False]}],
    ]
    assert second["verdict"] == "PASS"


def test_a_hit_rate_is_of_look_ups_and_not_of_rounds(project):
    project.write("""
import os
rounds = []
def test_flow(wfperf):
    rounds.append(1)
    if len(rounds) == 1:
        wfperf.cache("pages", hits=1, misses=0)
    if len(rounds) == 2 and "ONCE" not in os.environ:
        wfperf.cache("pages", hits=30, misses=69)
    wfperf.cache("rows", hits=0, misses=0)
""")
    args = ("--wfperf-rounds=4", "--wfperf-warmup=0")
    pages = "cache:pages hit_rate >= 31%"
    (target,) = targets(project.results(*args, f"--wfperf-threshold={pages}")).values()
    assert (target["status"], target["actual"], target["detail"]) == ("met", 0.31, "31 of 100 look-ups")
    (target,) = targets(project.results(*args, f"--wfperf-threshold={pages}", env={"ONCE": "1"})).values()
    assert (target["actual"], target["detail"]) == (1.0, "1 of 1 look-ups"), "rounds without look-ups are no misses"
    (target,) = targets(project.results(*args, "--wfperf-threshold=cache:rows hit_rate >= 0%")).values()
    assert (target["status"], target["actual"], target["detail"]) == ("missed", None, "no look-up was recorded")


# --- trades -----------------------------------------------------------------------------


def test_faster_with_more_tokens_is_a_trade_and_no_win(project):
    saved(project, MS="100")
    results = project.results(*GATE, env={"MS": "20", "TOKENS": "1400"})
    (workflow,) = results["workflows"]
    assert workflow["verdict"] == "PASS"
    assert workflow["trade"] in workflow["reasons"]
    assert workflow["trade"].startswith("trade: time -") and workflow["trade"].endswith(" %, tokens +40 %")
    ran = project.run(*GATE, env={"MS": "20", "TOKENS": "1400"})
    ran.says("1 PASS", "PASS test_it.py::test_flow", "  trade: time -")
    ran.never_says("1 IMPROVED")
    (workflow,) = project.results(*GATE, env={"MS": "20", "TOKENS": "1040"})["workflows"]
    assert (workflow["verdict"], workflow["trade"]) == ("IMPROVED", "")


def test_slower_with_fewer_tokens_is_told_and_still_regressed(project):
    ran = saved(project).run(*GATE, env={"MS": "100", "TOKENS": "600"})
    assert ran.ret == 1
    ran.says("1 REGRESSED", "trade: time ", ", tokens -40 %")
