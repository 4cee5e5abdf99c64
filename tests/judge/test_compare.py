"""The gate against simulated processes whose truth is known."""

from __future__ import annotations

import math
import random

import pytest

from pytest_wfperf.analyse.attribution import attribution
from pytest_wfperf.judge.compare import compare, default_limit, paired
from pytest_wfperf.judge.difference import ALPHA, BETA
from pytest_wfperf.judged import Verdict
from pytest_wfperf.model import Environment, Launch, Profile, Round, Span

HOUR = 3600.0
ENVIRONMENT = Environment(facts=())


def process(rng, *, rounds=12, process_sd=0.05, round_sd=0.03, **steps_ms) -> Profile:
    """One process: a factor that all its rounds share, rounds a little above it."""
    shift = math.exp(rng.gauss(0, process_sd))
    taken = []
    for _ in range(rounds):
        spans, at = [], 0
        for path, ms in steps_ms.items():
            ns = round(ms * 1e6 * shift * (1 + abs(rng.gauss(0, round_sd))))
            spans.append(
                Span(path=path, count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=at, end_ns=at + ns)
            )
            at += ns
        taken.append(Round(total_ns=at, spans=tuple(spans)))
    return Profile(workflow="w", environment=ENVIRONMENT, launches=(Launch(rounds=tuple(taken), recorder_ns=600),))


def stored(rng, k=1, gap=HOUR, **kwargs):
    return [(i * gap, process(rng, **kwargs)) for i in range(k)]


def held(current, sessions, limits=None, workflows=1):
    return compare(current, sessions, limits=limits or {}, workflows=workflows, baseline="main")


def any_alarm(comparison) -> bool:
    return any(e.verdict is Verdict.REGRESSED for e in comparison.effects)


FOUR = {"parse": 1.0, "sort": 0.3, "match": 2.0, "store": 5.0}
MANY = {f"step {i}": 0.5 + i for i in range(20)}


@pytest.mark.parametrize(("k", "steps"), [(1, FOUR), (2, FOUR), (5, FOUR), (10, FOUR), (1, MANY), (5, MANY)])
def test_unchanged_code_is_flagged_at_most_once_in_a_hundred_runs(k, steps):
    rng = random.Random(k)
    runs = 600 if steps is FOUR else 200
    alarms = sum(any_alarm(held(process(rng, **steps), stored(rng, k, **steps))) for _ in range(runs))
    assert alarms <= runs * ALPHA


@pytest.mark.parametrize("k", [1, 5])
def test_steps_that_each_process_shifts_on_their_own_raise_no_alarm_either(k):
    rng = random.Random(100 + k)

    def shifted():
        return process(rng, process_sd=0.03, **{p: ms * math.exp(rng.gauss(0, 0.04)) for p, ms in MANY.items()})

    alarms = sum(any_alarm(held(shifted(), [(i * HOUR, shifted()) for i in range(k)])) for _ in range(200))
    assert alarms <= 200 * ALPHA


def test_unchanged_code_passes_under_the_default_limit():
    rng = random.Random(5)
    verdicts = [held(process(rng, **FOUR), stored(rng, 1, **FOUR)).total.verdict for _ in range(200)]
    assert verdicts.count(Verdict.PASS) + verdicts.count(Verdict.IMPROVED) >= 195


@pytest.mark.parametrize(("steps", "step"), [(FOUR, "parse"), (FOUR, "sort"), (FOUR, "store"), (MANY, "step 3")])
def test_a_doubled_step_is_regressed_and_named(steps, step):
    rng = random.Random(7)
    slow = steps | {step: 2 * steps[step]}
    caught = 0
    for _ in range(200):
        comparison = held(process(rng, **slow), stored(rng, 1, **steps))
        flagged = {e.path for e in comparison.steps if e.verdict is Verdict.REGRESSED}
        caught += flagged == {step}
    assert caught >= 190


def test_a_small_change_under_a_limit_of_ten_percent_is_inconclusive():
    rng = random.Random(9)
    verdicts = [held(process(rng, s=1.05), stored(rng, 1, s=1.0), {"": 0.10}).total.verdict for _ in range(200)]
    assert verdicts.count(Verdict.INCONCLUSIVE) >= 190
    assert Verdict.REGRESSED not in verdicts


@pytest.mark.parametrize(("k", "limit"), [(1, 1.0), (1, 0.5), (3, 0.5), (10, 0.3)])
def test_a_slowdown_of_the_limit_is_passed_at_most_five_times_in_a_hundred(k, limit):
    rng = random.Random(11)
    runs = 400
    passed = sum(
        held(process(rng, s=1 + limit), stored(rng, k, s=1.0), {"": limit}).total.verdict
        in (Verdict.PASS, Verdict.IMPROVED)
        for _ in range(runs)
    )
    assert passed <= runs * BETA


@pytest.mark.parametrize("k", [1, 5])
def test_what_could_have_been_caught_is_caught_95_times_in_a_hundred(k):
    rng = random.Random(13)
    caught = 0
    for _ in range(300):
        sessions = stored(rng, k, s=1.0)
        promised = held(process(rng, s=1.0), sessions).total.could_have_caught
        caught += held(process(rng, s=1 + promised), sessions).total.verdict is Verdict.REGRESSED
    assert caught >= 0.95 * 300


def test_the_interval_covers_the_truth():
    rng = random.Random(17)
    covered = 0
    for _ in range(400):
        total = held(process(rng, s=1.3), stored(rng, 2, s=1.0)).total
        covered += total.low <= math.log(1.3) <= total.high
    assert covered >= 0.95 * 400


def test_more_sessions_find_smaller_slowdowns():
    rng = random.Random(19)
    sizes = [
        held(process(rng, s=1.0), stored(rng, k, process_sd=0.01, s=1.0)).total.could_have_caught for k in (1, 2, 5, 20)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.5 > sizes[3]


def test_sessions_within_an_hour_count_as_one():
    rng = random.Random(23)
    assert held(process(rng, s=1.0), stored(rng, 6, gap=60, s=1.0)).sessions == 1
    assert held(process(rng, s=1.0), stored(rng, 6, gap=HOUR, s=1.0)).sessions == 6
    assert (default_limit(1), default_limit(5)) == (1.0, 0.5)


def test_one_interrupted_round_is_no_regression_and_several_slow_ones_are():
    rng = random.Random(29)
    baseline = stored(rng, 1, s=1.0)

    def with_slow(slow_rounds, factor):
        profile = process(rng, s=1.0)
        rounds = list(profile.launches[0].rounds)
        for i in range(slow_rounds):
            ns = rounds[i].total_ns * factor
            span = Span(path="s", count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=0, end_ns=ns)
            rounds[i] = Round(total_ns=ns, spans=(span,))
        return Profile(workflow="w", environment=ENVIRONMENT, launches=(Launch(rounds=tuple(rounds)),))

    assert not any_alarm(held(with_slow(1, 500), baseline))
    comparison = held(with_slow(6, 30), baseline)
    assert any_alarm(comparison)
    assert "some rounds are slow" in comparison.total.detail


def test_growth_below_the_recorders_own_cost_is_nothing():
    rng = random.Random(31)
    comparison = held(process(rng, s=0.0021), stored(rng, 1, s=0.0007))
    assert comparison.steps[0].log_ratio > math.log(2)
    assert comparison.steps[0].verdict is Verdict.PASS


def test_one_round_claims_less_than_twelve():
    rng = random.Random(37)
    one, twelve = (held(process(rng, rounds=n, s=1.0), stored(rng, 1, rounds=n, s=1.0)).total for n in (1, 12))
    assert one.could_have_caught > twelve.could_have_caught


def test_more_workflows_share_the_error():
    rng = random.Random(41)
    current, sessions = process(rng, s=1.0), stored(rng, 1, s=1.0)
    alone, of_fifty = (held(current, sessions, {"": 0.05}, workflows=n).total for n in (1, 50))
    assert of_fifty.could_have_caught > alone.could_have_caught


def test_attribution_adds_up_to_the_change_of_the_whole():
    rng = random.Random(43)
    slow = FOUR | {"match": 3.0}
    now, then = process(rng, process_sd=0, **slow), process(rng, process_sd=0, **FOUR)
    parts = attribution(now.rounds, then.rounds)
    fastest = [sorted(r.total_ns for r in p.rounds)[:3] for p in (now, then)]
    whole = (sum(fastest[0]) - sum(fastest[1])) / sum(fastest[1])
    assert math.isclose(sum(parts.values()), whole, rel_tol=1e-9)
    assert max(parts, key=parts.get) == "match"


def test_steps_of_one_side_only_are_named():
    rng = random.Random(47)
    comparison = held(process(rng, a=1, new=1), stored(rng, 1, a=1, old=1))
    assert (comparison.appeared, comparison.vanished) == (("new",), ("old",))
    assert [e.path for e in comparison.steps] == ["a"]


def test_pairs_cancel_what_both_sides_share():
    rng = random.Random(53)
    now, then = [], []
    for _ in range(12):
        shared = math.exp(rng.gauss(0, 0.5))
        now.append(Round(total_ns=round(1e6 * shared * math.exp(rng.gauss(0, 0.01)))))
        then.append(Round(total_ns=round(1.5e6 * shared * math.exp(rng.gauss(0, 0.01)))))
    comparison = paired(now, then, name="reference")
    assert comparison.speedup == pytest.approx(1.5, rel=0.03)
    assert 1.4 < comparison.speedup.low < comparison.speedup.high < 1.6
    comparison.assert_speedup(1.33)
