"""How many launches and rounds a time budget buys."""

from __future__ import annotations

import pytest

from pytest_wfperf.measure.budget import Budget


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_launches_are_planned_by_what_the_latest_one_cost(clock):
    budget = Budget(60, clock)
    clock.now += 4
    budget.launched(4)
    assert budget.affordable(100) == 1 + 14
    clock.now += 1
    budget.launched(1)
    assert budget.affordable(100) == 2 + 55
    assert budget.affordable(10) == 10


def test_what_is_taken_is_taken_however_long_it_took(clock):
    budget = Budget(1, clock)
    clock.now += 50
    budget.launched(50)
    assert budget.affordable(10) == 1
    assert not budget.affords_another()
    assert budget.overdrawn
    assert budget.left_s == 0


@pytest.mark.parametrize(
    ("first_ms", "rounds", "warmup"),
    [(1, 12, 1), (240, 8, 1), (570, 3, 1), (700, 1, 0), (1_000, 1, 0), (3_100, 1, 0), (100_000, 1, 0)],
)
def test_rounds_of_a_launch_fit_into_its_share_of_the_time(clock, first_ms, rounds, warmup):
    budget = Budget(60, clock)
    effort = budget.effort([first_ms * 10**6] * 2, rounds=12, warmup=1, workflows=1, sides=2)
    assert (effort.rounds, effort.warmup) == (rounds, warmup)


def test_workflows_share_the_time(clock):
    alone, of_four = (
        Budget(60, clock).effort([400 * 10**6] * 2, rounds=12, warmup=1, workflows=n, sides=1).rounds for n in (1, 4)
    )
    assert (alone, of_four) == (12, 1)


def test_a_first_round_that_seems_long_may_have_been_cold(clock):
    budget = Budget(60, clock)
    settings = {"rounds": 12, "warmup": 1, "workflows": 1, "sides": 2}
    assert budget.effort([2 * 10**9], **settings) is None
    assert budget.effort([2 * 10**9, 10**6], **settings).rounds == 12
    assert budget.effort([2 * 10**9, 2 * 10**9], **settings).rounds == 1
    assert budget.effort([40 * 10**9], **settings).rounds == 1, "there is no room for a second"
