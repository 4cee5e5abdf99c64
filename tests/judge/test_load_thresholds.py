"""Thresholds on replicas at once: what they may say, and what they find in a profile."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.errors import ConfigError
from pytest_wfperf.judge.load import of_load
from pytest_wfperf.judge.quantity import settled
from pytest_wfperf.judge.threshold import parse
from pytest_wfperf.judge.verdict import Policy, Reference, judge
from pytest_wfperf.judged import Verdict
from pytest_wfperf.loads import Load, LoadStep
from pytest_wfperf.model import Environment, Launch, Profile, Round

MS = 1_000_000
OF_A_LOAD = "min, median, p50 … p99.9, max, failures, throughput, inflation"


def load(concurrency=3, **more):
    times = more.pop("times", (10 * MS, 20 * MS, 30 * MS))
    figures = {
        "mode": "thread", "wall_ns": 100 * MS, "calls": len(times), "failures": 0, "latency_ns": times,
        "service_ns": times, "at_once_ns": round(median(times)), "alone_ns": 10 * MS,
        "steps": (LoadStep(path="parse", at_once_ns=3 * MS, alone_ns=2 * MS), LoadStep(path="new one", at_once_ns=5)),
    }  # fmt: skip
    return Load(concurrency=concurrency, **(figures | more))


def profile(*loads):
    rounds = tuple(Round(total_ns=each.wall_ns, loads=(each,)) for each in loads)
    return Profile(workflow="w", environment=Environment(facts=()), launches=(Launch(rounds=rounds),))


def status(text, *loads):
    threshold = parse(text, "marker")
    target = settled(threshold, of_load(threshold, profile(*loads)))
    return target.status, target.actual, target.detail


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "quantity", "value", "unit"),
    [
        ("load:3 inflation < 1.3", "3", "inflation", 1.3, "factor"),
        ("load:3 inflation <= 1.3x", "3", "inflation", 1.3, "factor"),
        ("load:3/parse inflation < 1.5", "3/parse", "inflation", 1.5, "factor"),
        ('load:3/a/"b c" inflation < 2', "3/a/b c", "inflation", 2.0, "factor"),
        ("load:3 failures == 0", "3", "failures", 0.0, "plain"),
        ("load:12 failures <= 1%", "12", "failures", 0.01, "fraction"),
        ("load:3 throughput >= 10", "3", "throughput", 10.0, "plain"),
        ("load:3 p95 < 200ms", "3", "p95", 200e6, "time"),
        ("load:3 max < 1s", "3", "max", 1e9, "time"),
    ],
)
def test_what_is_read(text, name, quantity, value, unit):
    threshold = parse(text, "marker")
    assert (threshold.subject, threshold.name, threshold.quantity) == ("load", name, quantity)
    assert (threshold.value, threshold.unit) == (value, unit)
    assert not threshold.relative
    assert parse(threshold.text, "marker") == threshold


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("load:x failures == 0", "  load:x failures == 0\n       ^\nexpected how many replicas at once, as in load:3"),
        ("load:0 failures == 0", "  load:0 failures == 0\n       ^\nexpected how many replicas at once, as in load:3"),
        ("load: 3 p95 < 1s", "  load: 3 p95 < 1s\n       ^\nexpected the name of a load, in quotes if it has spaces"),
        ("load:3 p95 < 200", "  load:3 p95 < 200\n                  ^\np95 needs a unit: write 200ms"),
        (
            "load:3 failure == 0",
            f"  load:3 failure == 0\n         ^\nexpected a quantity of a load: {OF_A_LOAD}; did you mean 'failures'?",
        ),
        (
            "load:3/parse p95 < 1s",
            "  load:3/parse p95 < 1s\n               ^\n"
            "p95 belongs to a workflow, a step, a metric or a load; a load's step has inflation",
        ),
        (
            "inflation < 2",
            "  inflation < 2\n  ^\ninflation belongs to a load or a load's step; a workflow has "
            "min, median, mean, p50 … p99.9, max, total, memory, cpu, regression, speedup, reduction, pass_rate",
        ),
        (
            "load:3 inflation > 2",
            "  load:3 inflation > 2\n                   ^\ninflation is compared with < or <=, not with >",
        ),
        (
            "load:3 throughput >= 10ms",
            "  load:3 throughput >= 10ms\n                         ^\n"
            "throughput needs a number of calls a second, such as 10",
        ),
        ("load:3 inflation < 0", "  load:3 inflation < 0\n                     ^\ninflation has to be above 0"),
    ],
)
def test_an_error_points_at_the_place(text, expected):
    with pytest.raises(ConfigError) as caught:
        parse(text, "marker")
    assert str(caught.value) == f"marker: bad threshold\n{expected}"


# --- finding ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected", "actual"),
    [
        ("load:3 inflation < 2.1", "met", 2.0),
        ("load:3 inflation < 2", "missed", 2.0),
        ("load:3/parse inflation < 1.6x", "met", 1.5),
        ("load:3/parse inflation < 1.5", "missed", 1.5),
        ("load:3 failures == 0", "met", 0),
        ("load:3 failures < 1%", "met", 0.0),
        ("load:3 throughput >= 30", "met", 30.0),
        ("load:3 throughput > 30", "missed", 30.0),
        ("load:3 median <= 20ms", "met", 20.0 * MS),
        ("load:3 p75 < 25ms", "missed", 25.0 * MS),
        ("load:3 min < 10ms", "missed", 10.0 * MS),
        ("load:3 max < 31ms", "met", 30.0 * MS),
    ],
)
def test_one_round(text, expected, actual):
    assert status(text, load())[:2] == (expected, actual)


def test_failures_of_all_rounds_add_up_and_are_told():
    loads = [load(calls=10, failures=1, examples=("replica 0: ValueError: boom",)), load(calls=10), load(5, failures=3)]
    assert status("load:3 failures == 0", *loads) == ("missed", 1, "1 of 20 calls: replica 0: ValueError: boom")
    assert status("load:3 failures <= 1", *loads)[0] == "met"
    assert status("load:3 failures < 5%", *loads)[:2] == ("missed", 0.05)


def test_of_several_rounds_the_median_counts_and_of_the_extremes_the_extreme():
    loads = [load(times=(ms * MS,) * 3) for ms in (10, 20, 90)]
    assert status("load:3 p95 < 1s", *loads)[1] == 20 * MS
    assert status("load:3 inflation < 1.3", *loads)[:2] == ("missed", 2.0)
    assert status("load:3 min < 1s", *loads)[1] == 10 * MS
    assert status("load:3 max < 1s", *loads)[1] == 90 * MS


def test_latency_is_what_counts_where_it_is_not_service_time():
    queued = load(latency_ns=(100 * MS, 200 * MS, 300 * MS), rate=10.0)
    assert status("load:3 max < 200ms", queued)[:2] == ("missed", 300 * MS)
    assert status("load:3 inflation < 2.1", queued)[0] == "met"


def test_what_was_never_recorded_is_missed():
    assert status("load:3 failures == 0") == ("missed", None, "no load '3' was recorded; recorded: none")
    assert status("load:3 max < 1s", load(5)) == ("missed", None, "no load '3' was recorded; recorded: load:5")
    assert status("load:3/prase inflation < 9", load()) == (
        "missed", None, "no step 'load:3/prase' was recorded; recorded: parse, new one",
    )  # fmt: skip


def test_what_was_never_measured_alone_is_unknown():
    for text, one in (("load:3 inflation < 9", load(alone_ns=None)), ('load:3/"new one" inflation < 9', load())):
        assert status(text, one)[:2] == ("unknown", None)


def test_an_inflated_load_names_its_step():
    assert status("load:3 inflation < 1.3", load())[2] == "most of it in step 'parse' (1.5x); unproved, n = 1 round"


def test_five_rounds_on_one_side_prove_it_and_four_or_a_mixture_do_not():
    threshold = parse("load:3 inflation < 2.5", "marker")
    assert of_load(threshold, profile(*[load()] * 5)).proved
    assert not of_load(threshold, profile(*[load()] * 4)).proved
    mixed = [load(alone_ns=ms * MS) for ms in (5, 6, 7, 10, 11)]
    assert not of_load(threshold, profile(*mixed)).proved
    assert of_load(parse("load:3 failures == 0", "marker"), profile(load())).proved


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=7), st.integers(1, 10**9))
def test_on_any_figures_a_status_agrees_with_the_figure(alone, limit):
    factor = 20 * MS / limit
    text = f"load:3 inflation < {factor!r}"
    found, actual, _ = status(text, *[load(alone_ns=ns) for ns in alone])
    assert found == ("met" if actual < factor else "missed")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("load:3 inflation < 9", Verdict.PASS),
        ("load:3 inflation < 1.3", Verdict.FAILED),
        ("load:4 failures == 0", Verdict.FAILED),
        ("load:3/'new one' inflation < 9", Verdict.INCONCLUSIVE),
    ],
)
def test_the_verdict(text, verdict):
    policy = Policy(thresholds=(parse(text, "marker"),))
    assert judge(profile(load()), reference=Reference(), policy=policy).verdict is verdict
