"""Fresh processes against those of stored sessions, whose truth is known."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from simulated import FOUR, HOUR, MANY, flagged, grown, session, sessions

from pytest_wfperf.judge.compare import compare
from pytest_wfperf.judge.launches import could_have_caught, evidence, sessions_needed
from pytest_wfperf.judged import Verdict


def held(current, stored, limits=None, workflows=1):
    return compare(current, stored, limits=limits or {}, workflows=workflows, baseline="main")


def campaign(seed, number, k, steps=FOUR, change=None, *, now=None, then=None, limits=None, **kwargs):
    rng = random.Random(seed)
    return [
        held(
            session(rng, steps, change, **kwargs, **(now or {})),
            sessions(rng, k, steps, **kwargs, **(then or {})),
            limits,
        )
        for _ in range(number)
    ]


@pytest.mark.parametrize(
    ("k", "steps", "number"), [(1, FOUR, 300), (2, FOUR, 300), (5, FOUR, 200), (1, MANY, 80), (5, MANY, 40)]
)
def test_unchanged_code_is_flagged_at_most_once_in_a_hundred_runs(k, steps, number):
    taken = campaign(1, number, k, steps)
    assert sum(map(bool, map(flagged, taken))) <= math.ceil(number * 0.01)
    assert sum(c.total.verdict in (Verdict.PASS, Verdict.IMPROVED) for c in taken) >= 0.95 * number


def test_twenty_percent_is_caught_against_one_session():
    assert sum("" in flagged(c) for c in campaign(2, 200, 1, change=grown(FOUR, 0.20))) >= 190
    assert sum(flagged(c) == {"match"} for c in campaign(3, 200, 1, change={"match": math.log(1.2)})) >= 190


def test_ten_percent_is_caught_against_five_sessions_as_far_apart_as_measured():
    taken = campaign(4, 150, 5, change=grown(FOUR, 0.10), session_sd=0.006, limits={"": 0.10})
    assert sum("" in flagged(c) for c in taken) >= 0.95 * 150


@pytest.mark.parametrize(("k", "limit"), [(1, 0.2), (5, 0.1), (10, 0.05)])
def test_a_slowdown_of_the_limit_is_passed_at_most_five_times_in_a_hundred(k, limit):
    taken = campaign(5, 200, k, change=grown(FOUR, limit), limits={"": limit}, rounds=2)
    assert sum(c.total.verdict in (Verdict.PASS, Verdict.IMPROVED) for c in taken) <= 0.05 * 200


@pytest.mark.parametrize("k", [1, 5])
def test_what_could_have_been_caught_is_caught_95_times_in_a_hundred(k):
    rng, caught = random.Random(6), 0
    for _ in range(200):
        stored = sessions(rng, k, FOUR, rounds=2)
        promised = held(session(rng, FOUR, rounds=2), stored).total
        again = held(
            session(rng, FOUR, grown(FOUR, promised.could_have_caught), rounds=2), stored, {"": promised.limit}
        )
        caught += again.total.verdict is Verdict.REGRESSED
    assert caught >= 0.95 * 200


def test_the_default_limit_is_the_smallest_that_can_be_resolved():
    (alone,), (with_ten,) = campaign(7, 1, 1), campaign(7, 1, 10)
    assert (alone.total.limit, with_ten.total.limit) == (0.20, 0.10)
    for comparison in (alone, with_ten):
        assert comparison.total.could_have_caught <= comparison.total.limit
        assert {e.limit for e in comparison.steps} == {comparison.total.limit}
        assert all(e.automatic for e in comparison.steps)
    (named,) = campaign(7, 1, 1, limits={"": 0.02})
    assert (named.total.limit, named.total.verdict) == (0.02, Verdict.INCONCLUSIVE)


def test_a_comparison_says_what_it_rests_on():
    (comparison,) = campaign(8, 1, 3)
    assert (comparison.sessions, comparison.launches, comparison.fresh) == (3, 10, True)
    assert len(comparison.total.ratios) == 10
    assert min(comparison.total.ratios) < math.exp(comparison.total.log_ratio) < max(comparison.total.ratios)


def test_without_fresh_processes_on_both_sides_the_rule_is_that_of_one_process():
    rng = random.Random(9)
    current, stored = session(rng, FOUR), sessions(rng, 1, FOUR)
    own = replace(current, launches=tuple(replace(launch, conditions=()) for launch in current.launches))
    assert held(current, stored).total.limit == 0.20
    assert held(own, stored).total.limit == 1.0
    assert not held(own, stored).outlook


def test_launches_laid_out_by_another_rule_are_no_equals():
    rng = random.Random(19)
    current, stored = session(rng, FOUR), sessions(rng, 1, FOUR)
    random_now = replace(
        current, launches=tuple(replace(launch, conditions=(("addresses", "random"),)) for launch in current.launches)
    )
    assert random_now.fresh
    assert held(random_now, stored).total.limit == 1.0, "judged as one process"


def test_sessions_are_taken_to_differ_by_no_less_than_launches_do():
    scattered = [[0.1 * (-1) ** i for i in range(10)]]
    found = evidence([0.1 * (-1) ** i for i in range(10)], scattered, speed=0.0)
    assert found.launch_variance > 0.1**2 * 0.9
    assert found.difference().session_variance == pytest.approx(2 * found.launch_variance)


# --- the machine's own speed ------------------------------------------------------------


def test_a_machine_that_is_slower_today_is_taken_off():
    taken = campaign(10, 200, 1, speed_sd=0.03)
    plain = campaign(10, 200, 1, speed_sd=0.03, limits={"": 0.2})
    assert sum(map(bool, map(flagged, taken))) <= 2
    assert sum(map(bool, map(flagged, plain))) <= 2
    told = [c for c in taken if c.total.detail]
    assert told
    assert all(c.total.detail.startswith("the machine itself was ") for c in told)


def test_a_step_that_follows_the_machine_by_half_only_is_no_alarm():
    for k in (1, 5):
        assert sum(map(bool, map(flagged, campaign(11, 150, k, speed_sd=0.06, follows=0.5)))) <= 2


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("off", [0.05, 0.2, 0.7])
def test_a_disturbed_calibration_is_no_alarm_by_itself(k, off):
    for side in ("now", "then"):
        taken = campaign(12, 40, k, rounds=2, speed_sd=0.0, session_sd=0.01, **{side: {"cal_off": off}})
        assert sum(map(bool, map(flagged, taken))) <= (0 if k < 5 else 2)


def test_a_slowdown_shows_through_the_calibration():
    taken = campaign(13, 150, 5, change=grown(FOUR, 0.10), speed_sd=0.01, session_sd=0.005, limits={"": 0.10})
    assert sum("" in flagged(c) for c in taken) >= 0.95 * 150


def test_twenty_percent_is_caught_against_one_session_of_a_faster_hour():
    taken = campaign(18, 150, 1, change={"match": math.log(1.2)}, speed_sd=0.03, session_sd=0.008)
    assert sum(flagged(c) == {"match"} for c in taken) >= 0.95 * 150


# --- robustness -------------------------------------------------------------------------


def test_one_interrupted_launch_is_no_slow_path_and_a_slow_path_is():
    rng = random.Random(14)
    stored = sessions(rng, 10, FOUR, rounds=12)
    current = session(rng, FOUR, rounds=12)
    first = current.launches[0]
    bad = replace(first, rounds=tuple(replace(r, total_ns=r.total_ns * 30) for r in first.rounds))
    assert not flagged(held(replace(current, launches=(bad, *current.launches[1:])), stored))
    slow = held(session(rng, FOUR, slow="store", rounds=12), stored, {"store": 0.03})
    assert "store" in flagged(slow)
    assert "some rounds are slow" in next(e.detail for e in slow.steps if e.path == "store")


def test_the_evidence_is_the_pages_formula():
    before = [[0.0, 0.01, 0.02, 0.01], [0.05, 0.04, 0.05, 0.06]]
    found = evidence([0.1, 0.11, 0.12], before)
    w2 = found.launch_variance
    assert found.value == pytest.approx(0.11 - (0.01 + 0.05) / 2)
    spread = (0.04**2) / 2 - w2 / 4
    assert found.session_spread == pytest.approx(spread)
    difference = found.difference()
    assert evidence([0.1, 0.11, 0.12], before, speed=0.05).difference().session_variance == pytest.approx(
        (4 * 0.015**2 + spread) / 5 * 1.5 + (0.4 * 0.05) ** 2
    )
    assert difference.df == 5
    assert difference.session_variance == pytest.approx((4 * 0.02**2 + spread) / 5 * 1.5)
    assert difference.round_variance == pytest.approx(0.006**2 + w2 * (1 / 3 + 1 / 8))


def test_the_variance_of_launches_is_found():
    rng = random.Random(15)
    found = [
        evidence([rng.gauss(0, 0.03) for _ in range(10)], [[rng.gauss(0, 0.03) for _ in range(10)] for _ in range(3)])
        for _ in range(200)
    ]
    assert math.sqrt(sum(e.launch_variance for e in found) / 200) == pytest.approx(0.03, rel=0.08)
    assert sum(e.session_spread for e in found) / 200 < 0.01**2


# --- how many more sessions -------------------------------------------------------------


def test_the_sessions_it_would_take_are_the_fewest_that_do():
    found = evidence([0.0] * 10, [[0.0] * 10])
    error = 0.0025
    for limit in (0.05, 0.10, 0.15, 0.20):
        needed = sessions_needed(found, limit, error)
        if needed is None:
            assert could_have_caught(found.after(100).difference(), limit, error) > limit
        else:
            assert could_have_caught(found.after(needed).difference(), limit, error) <= limit
            if needed > 1:
                assert could_have_caught(found.after(needed - 1).difference(), limit, error) > limit
    assert sessions_needed(found, 0.05, error) is None
    assert sessions_needed(found, 0.20, error) == 1


def test_the_outlook_counts_the_sessions_that_are_missing():
    (one,), (ten,) = campaign(16, 1, 1), campaign(16, 1, 10, session_sd=0.004)
    assert [limit for limit, _ in one.outlook] == [0.05, 0.10, 0.20]
    assert dict(one.outlook)[0.20] == 0
    assert dict(one.outlook)[0.10] > 3
    assert dict(ten.outlook)[0.10] == 0


def test_sessions_within_an_hour_are_one_with_more_launches():
    rng = random.Random(17)
    stored = [(60.0 * i, p) for i, (_, p) in enumerate(sessions(rng, 4, FOUR))]
    assert held(session(rng, FOUR), stored).sessions == 1
    assert held(session(rng, FOUR), [(HOUR * t / 60, p) for t, p in stored]).sessions == 4
