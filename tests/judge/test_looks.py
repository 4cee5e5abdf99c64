"""What each look may spend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.estimate import signed_rank_p
from pytest_wfperf.judge.looks import ROUNDING, alpha_levels, beta_levels, schedule


def counts(affordable):
    return [look.launches for look in schedule(affordable)]


@pytest.mark.parametrize(
    ("affordable", "expected"),
    [
        (1, [1]),
        (5, [5]),
        (6, [6]),
        (9, [6, 9]),
        (20, [6, 10, 15, 20]),
        (33, [6, 10, 15, 20, 32, 33]),
        (100, [6, 10, 15, 20, 32, 46, 68, 100]),
        (500, [6, 10, 15, 20, 32, 46, 68, 100]),
    ],
)
def test_the_looks_end_at_what_is_affordable(affordable, expected):
    assert counts(affordable) == expected


def test_no_pair_is_no_run():
    with pytest.raises(ValueError, match="at least one, not 0"):
        schedule(0)


@given(st.integers(1, 120))
def test_everything_is_spent_once(affordable):
    looks = schedule(affordable)
    assert sum(look.alpha for look in looks) == pytest.approx(1)
    assert sum(look.beta for look in looks) == pytest.approx(1)
    assert all(look.alpha > 0 and look.beta > 0 for look in looks)


def test_six_pairs_can_pass_a_gate_exactly():
    level = beta_levels(schedule(20), 0.05)[0]
    assert level == pytest.approx(2**-6)
    assert signed_rank_p([-1.0] * 6, alternative="less") <= level * ROUNDING


def test_what_a_look_cannot_use_is_carried_on():
    looks = schedule(20)
    levels = alpha_levels(looks, 0.005, 8)
    assert levels[:2] == (0.0, 0.0)  # 2⁻⁶ and 2⁻¹⁰ are above what eight tests may share there
    assert levels[2] == pytest.approx(0.25 * 0.005)
    assert levels[3] == pytest.approx(0.75 * 0.005)


def test_five_pairs_pass_and_four_do_not():
    assert beta_levels(schedule(5), 0.05) == (0.05,)
    assert beta_levels(schedule(4), 0.05) == (0.0,)
    assert alpha_levels(schedule(6), 0.01, 1) == (0.0,)


@given(st.integers(1, 100), st.integers(1, 3000), st.sampled_from([0.005, 0.01]))
def test_no_more_than_the_error_is_ever_spent(affordable, tests, error):
    looks = schedule(affordable)
    levels = alpha_levels(looks, error, tests)
    assert sum(levels) <= error * (1 + 1e-9)
    assert all(
        level == 0 or 2.0**-look.launches <= level / tests * ROUNDING for look, level in zip(looks, levels, strict=True)
    )
    if 2.0**-affordable <= error / tests and affordable <= 100:
        assert sum(levels) == pytest.approx(error)
