"""What launches prove of a limit in absolute numbers, and what their rounds do not."""

from __future__ import annotations

import math
import random

import pytest
from simulated import ENVIRONMENT, FOUR, FRESH, session, sessions

from pytest_wfperf.judge.proof import exact_from, proved
from pytest_wfperf.judge.threshold import parse
from pytest_wfperf.judge.verdict import Policy, Reference, declared_goals, declared_limits, judge
from pytest_wfperf.judged import Verdict
from pytest_wfperf.model import Launch, Metric, Profile, Round


def limit(text):
    return parse(text, "test")


def processes(rng, n=10, rounds=12, between=0.1, within=0.05):
    """Times in ms with a median of 100: a level for each process, its rounds about it."""
    levels = [rng.gauss(0, between) for _ in range(n)]
    return [[1e8 * math.exp(level + rng.gauss(0, within)) for _ in range(rounds)] for level in levels]


@pytest.mark.parametrize("quantity", ["min", "median", "mean", "p50"])
def test_what_is_just_not_true_is_proved_at_most_five_times_in_a_hundred(quantity):
    rng = random.Random(1)
    big = [v for launch in processes(rng, 20000, 12) for v in launch]
    launches = [big[i : i + 12] for i in range(0, len(big), 12)]
    own = {"min": min, "mean": lambda v: sum(v) / 12, "median": lambda v: sorted(v)[5] / 2 + sorted(v)[6] / 2}
    levels = sorted(big) if quantity == "p50" else sorted(map(own[quantity], launches))
    truth = levels[len(levels) // 2]
    threshold = limit(f"{quantity} < {truth / 1e6:.6f}ms")
    false = sum(proved(threshold, processes(rng), 0.0) for _ in range(600))
    assert false <= 0.05 * 600 + 2.5 * math.sqrt(600 * 0.05 * 0.95)


@pytest.mark.parametrize("between", [0.02, 0.1])
def test_a_p95_at_its_limit_is_proved_about_five_times_in_a_hundred(between):
    rng = random.Random(2)
    truth = 1e8 * math.exp(1.6449 * math.hypot(between, 0.05))
    threshold = limit(f"p95 < {truth / 1e6:.6f}ms")
    false = sum(proved(threshold, processes(rng, 15, 12, between), 0.0) for _ in range(600))
    assert false <= 0.08 * 600


@pytest.mark.parametrize("text", ["min < 200ms", "median < 200ms", "mean <= 200ms", "p90 < 200ms", "median > 50ms"])
def test_what_is_plainly_so_is_proved(text):
    assert proved(limit(text), processes(random.Random(3), 20), 1e8)


def test_what_is_plainly_missed_is_proved_too():
    launches = processes(random.Random(4), 20)
    assert proved(limit("median < 20ms"), launches, 1e8)
    assert proved(limit("p95 < 20ms"), launches, 1e8)


def test_four_launches_a_maximum_and_a_total_prove_nothing():
    rng = random.Random(5)
    assert not proved(limit("median < 900ms"), processes(rng, 4), 1e8)
    assert proved(limit("median < 900ms"), processes(rng, 5), 1e8)
    assert not proved(limit("max < 900ms"), processes(rng, 20), 1e8)
    assert not proved(limit("p95 < 900ms"), processes(rng, 5, 1), 1e8)


@pytest.mark.parametrize(("metrics", "launches"), [(1, 4), (10, 6), (50, 7)])
def test_counts_are_exact_from_so_many_launches(metrics, launches):
    assert exact_from(metrics) == launches == math.ceil(0.5 * math.log2(2 * metrics / 0.01))


# --- the verdict that rests on it -------------------------------------------------------


def target_of(text, profile, reference=None):
    judgement = judge(profile, reference=reference or Reference(), policy=Policy(thresholds=(limit(text),)))
    return judgement.targets[0]


def test_an_absolute_limit_says_by_how_many_processes_it_is_proved():
    rng = random.Random(6)
    met = target_of("median < 20ms", session(rng, FOUR))
    assert (met.status, met.proved, met.detail) == ("met", True, "proved, n = 10 processes")
    few = target_of("median < 20ms", session(rng, FOUR, launches=3))
    assert (few.status, few.proved, few.detail) == ("met", False, "unproved, n = 3 processes")
    own = Profile(workflow="w", environment=ENVIRONMENT, launches=(Launch(rounds=(Round(total_ns=5),) * 50),))
    assert target_of("median < 20ms", own).detail == "unproved, n = 1 process"


def counted(value, launches, fresh=True):
    rounds = (Round(total_ns=5, metrics=(Metric(name="calls", value=value),)),)
    taken = (Launch(rounds=rounds, conditions=FRESH if fresh else ()),) * launches
    return Profile(workflow="w", environment=ENVIRONMENT, launches=taken)


@pytest.mark.parametrize(("launches", "fresh", "exact"), [(3, True, False), (4, True, True), (1, False, True)])
def test_a_steady_count_is_exact_from_four_launches_on_each_side(launches, fresh, exact):
    reference = Reference(baseline="main", stored=((0.0, counted(10, launches, fresh)),))
    target = target_of("metric:calls regression < 5%", counted(12, launches, fresh), reference)
    assert (target.status, target.actual, target.proved) == ("missed", 0.2, exact)
    assert target.detail == "10 → 12" + ("" if exact else ", steady in only 3 processes")


def in_pairs(rng, change, workflow_limits=None):
    from simulated import run_in_pairs

    comparison = run_in_pairs(rng, FOUR, change, limits=workflow_limits)[0]
    stored = sessions(rng, 1, FOUR)
    return Reference(baseline="rev abc", stored=stored, comparison=comparison)


def test_a_ready_made_comparison_is_the_verdict():
    rng = random.Random(7)
    slow = judge(session(rng, FOUR), reference=in_pairs(rng, {"store": math.log(1.2)}), policy=Policy())
    assert slow.verdict is Verdict.REGRESSED
    assert slow.comparison.sessions == 0
    same = judge(session(rng, FOUR), reference=in_pairs(rng, {}), policy=Policy())
    assert same.verdict is Verdict.PASS


def test_a_declared_limit_in_pairs_is_met_by_the_effects_verdict():
    rng = random.Random(8)
    reference = in_pairs(rng, {}, {"sort": 0.10})
    target = target_of("step:sort regression < 10%", session(rng, FOUR), reference)
    assert (target.status, target.proved) == ("met", True)


def test_a_speedup_in_pairs_is_proved_refuted_or_left_to_the_estimate():
    rng = random.Random(9)
    reference = in_pairs(rng, dict.fromkeys(FOUR, -math.log(2)))
    current = session(rng, FOUR)
    proven, refuted = (target_of(f"speedup >= {x}", current, reference) for x in (1.9, 2.1))
    assert (proven.status, proven.proved, refuted.status, refuted.proved) == ("met", True, "missed", True)
    assert proven.actual == pytest.approx(2, rel=0.02)
    close = target_of(f"speedup >= {proven.actual:.6f}", current, reference)
    assert (close.proved, close.detail) == (False, "unproved by 6 pairs")
    assert target_of("step:match reduction >= 40%", current, reference).proved


def test_limits_and_goals_are_read_off_the_thresholds():
    texts = [
        "regression < 10%",
        "regression < 5%",
        "step:a/b regression < 7%",
        "speedup >= 1.5",
        "step:a reduction >= 50%",
        "p95 < 3ms",
    ]
    thresholds = [limit(text) for text in texts]
    assert declared_limits(thresholds) == {"": 0.05, "a/b": 0.07}
    assert declared_goals(thresholds) == (("", 1.5), ("a", 2.0))
