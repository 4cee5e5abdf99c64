"""What other processes had of the time makes a gate against stored sessions weaker, and never a slowdown."""

from __future__ import annotations

import math
from statistics import fmean

import pytest

from pytest_wfperf.judge import contention
from pytest_wfperf.judge.verdict import Policy, Reference, judge
from pytest_wfperf.judged import Verdict
from pytest_wfperf.model import Environment, Launch, Profile, Round

HERE = Environment(facts=(("cpu", "x"),))


def launch(*rounds: tuple[float, float], fresh: bool = True) -> Launch:
    """Rounds of so many ms, for such a share of which others had the processor."""
    return Launch(
        rounds=tuple(Round(total_ns=round(ms * 1e6), run_delay_ns=round(ms * 1e6 * share)) for ms, share in rounds),
        calibration_ns=1_000_000,
        conditions=(("addresses", "fixed"), ("heap", "shuffled before each round")) if fresh else (),
    )


def profile(ms: float, share: float, *, launches: int = 10, fresh: bool = True) -> Profile:
    one = launch(*[(ms * (1 + i % 3 / 1000), share) for i in range(10)], fresh=fresh)
    return Profile(workflow="t.py::t", environment=HERE, launches=(one,) * launches)


def verdict(now: Profile, before: Profile) -> Verdict:
    return judge(now, reference=Reference(baseline="main 1", stored=((0.0, before),)), policy=Policy()).verdict


def test_a_quiet_machine_adds_nothing_and_a_busy_one_what_it_may_have_taken():
    quiet, half = [launch((10, 0.0), (10, 0.0))], [launch((10, 0.5), (10, 0.5))]
    assert contention.variance(quiet, [quiet], min) == 0
    assert contention.variance(half, [quiet], min) == pytest.approx(math.log(2) ** 2)
    assert contention.variance(quiet, [half, quiet], min) == pytest.approx(math.log(2) ** 2 / 4)


def test_one_undisturbed_round_is_enough_for_the_minimum_and_not_for_the_mean():
    mixed = [launch((20, 0.5), (10, 0.0))]
    assert contention.variance(mixed, [], min) == 0
    assert contention.variance(mixed, [], fmean) == pytest.approx((math.log(2) / 2) ** 2)


def test_processes_on_other_processors_count_a_quarter():
    beside = [Launch(rounds=(Round(total_ns=10, run_delay_ns=0),), beside=0.4)]
    assert contention.variance(beside, [], min) == contention.variance(beside, [], fmean) == pytest.approx(0.01)


def test_what_is_not_known_counts_as_undisturbed():
    unknown = [Launch(rounds=(Round(total_ns=10),))]
    assert contention.variance(unknown, [unknown], min) == contention.lost(unknown) == 0


@pytest.mark.parametrize("fresh", [True, False])
def test_time_that_others_had_is_no_slowdown_and_no_pass(fresh):
    baseline = profile(100, 0.0, fresh=fresh)
    assert verdict(profile(100, 0.0, fresh=fresh), baseline) is Verdict.PASS
    assert verdict(profile(400, 0.0, fresh=fresh), baseline) is Verdict.REGRESSED
    assert verdict(profile(250, 0.55, fresh=fresh), baseline) is Verdict.INCONCLUSIVE
    assert verdict(profile(250, 0.0, fresh=fresh), baseline) is Verdict.REGRESSED


def test_a_baseline_taken_on_a_busy_machine_passes_nothing_by_its_slowness():
    baseline, twice = profile(200, 0.5), profile(210, 0.0)
    judged = judge(twice, reference=Reference(baseline="main 1", stored=((0.0, baseline),)), policy=Policy())
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "at the baseline other processes had the processor for 50% of the time" in judged.comparison.total.detail
