import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_wfperf.analyse.change_points import FEWEST, LEVEL, ORDERS, SHORTEST, Cut, _best, change_points

series = st.lists(st.floats(-5, 5), min_size=4, max_size=14)


def noise(source, n, sd=0.015):
    return [source.gauss(0, sd) for _ in range(n)]


def distances_of(values):
    return [[abs(one - other) for other in values] for one in values]


def q_by_definition(x, y):
    """Matteson & James 2014, equations 5 and 6, term by term."""
    n, m = len(x), len(y)
    between = np.abs(np.subtract.outer(x, y)).mean()
    within = [sum(abs(a - b) for a, b in itertools.combinations(side, 2)) / math.comb(len(side), 2) for side in (x, y)]
    return n * m / (n + m) * (2 * between - sum(within))


def q_by_energy_distance(x, y):
    """The square of scipy's is the same E with biased means: each within a side is short of a pair with itself."""
    n, m = len(x), len(y)
    biased = [np.abs(np.subtract.outer(side, side)).mean() for side in (x, y)]
    return n * m / (n + m) * (stats.energy_distance(x, y) ** 2 - biased[0] / (n - 1) - biased[1] / (m - 1))


@given(series)
@settings(max_examples=150, deadline=None)
def test_the_best_cut_is_that_of_the_definition(values):
    found, at = _best(distances_of(values), range(len(values)))
    cuts = {
        (tau, kappa): q_by_definition(values[:tau], values[tau:kappa])
        for tau in range(SHORTEST, len(values) - SHORTEST + 1)
        for kappa in range(tau + SHORTEST, len(values) + 1)
    }
    assert found == pytest.approx(max(cuts.values()), abs=1e-9)
    assert max(q for (tau, _), q in cuts.items() if tau == at) == pytest.approx(found, abs=1e-9)
    for (tau, kappa), q in cuts.items():
        assert q == pytest.approx(q_by_energy_distance(values[:tau], values[tau:kappa]), abs=1e-7)


def test_orders_are_looked_at_through_the_same_distances():
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.0, 6.0]
    order = [6, 2, 0, 4, 5, 1, 3]
    moved = [values[i] for i in order]
    q, at = _best(distances_of(values), order)
    expected_q, expected_at = _best(distances_of(moved), range(7))
    assert (q, at) == (pytest.approx(expected_q), order[expected_at])


@pytest.mark.parametrize(("n", "at"), [(8, 4), (10, 7), (20, 5), (50, 40)])
def test_a_step_is_found_where_it_is(n, at):
    values = [level + (0.2 if i >= at else 0) for i, level in enumerate(noise(random.Random(n + 1), n))]
    (cut,) = change_points(values)
    assert cut.at == at
    assert 1 / (ORDERS + 1) <= cut.p_value <= LEVEL


def test_a_level_that_comes_back_is_two_changes():
    values = [level + (0.1 if 8 <= i < 14 else 0) for i, level in enumerate(noise(random.Random(2), 24))]
    assert [cut.at for cut in change_points(values)] == [8, 14]


def test_several_steps_are_found_in_the_series_order():
    values = [level + 0.2 * (i // 10) for i, level in enumerate(noise(random.Random(4), 40))]
    assert [cut.at for cut in change_points(values)] == [10, 20, 30]


def test_one_slow_session_is_no_change():
    values = noise(random.Random(5), 20)
    values[11] += 0.5
    assert change_points(values) == ()


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 3, [0.0] * 30])
def test_nothing_to_tell_of(values):
    assert change_points(values) == ()


def test_fewer_than_eight_show_nothing_however_far_apart():
    assert change_points([0.0, 0.1, 0.2, 9.0, 9.1, 9.2, 9.3]) == ()
    assert len([0.0, 0.1, 0.2, 9.0, 9.1, 9.2, 9.3]) == FEWEST - 1
    assert change_points([0.0, 0.1, 0.2, 0.3, 9.0, 9.1, 9.2, 9.3]) != ()


def test_the_p_value_is_the_share_of_orders_that_do_as_well():
    values = [0.0, 0.013, 0.019, 0.031, 0.07, 0.083, 0.091, 0.1]
    distances = distances_of(values)
    reached = _best(distances, range(8))[0] - 1e-12
    as_good = [_best(distances, order)[0] >= reached for order in itertools.permutations(range(8))]
    exact = sum(as_good) / len(as_good)
    (cut,) = change_points(values)
    assert cut.at == 4
    assert abs(cut.p_value - exact) < 3 * math.sqrt(exact * (1 - exact) / ORDERS) + 1 / ORDERS


@given(st.lists(st.floats(-1, 1), min_size=8, max_size=12), st.floats(-3, 3))
@settings(max_examples=30, deadline=None)
def test_the_same_series_has_the_same_changes_wherever_it_lies(values, shift):
    values = [round(value, 3) for value in values]
    found = change_points(values)
    assert found == change_points(values)
    assert [cut.at for cut in found] == [cut.at for cut in change_points([value + round(shift, 3) for value in values])]


@pytest.mark.parametrize("heavy", [False, True])
def test_unchanged_series_show_a_change_one_time_in_twenty(heavy):
    source = random.Random(8)
    runs, n = 240, 10
    alarms = 0
    for _ in range(runs):
        values = noise(source, n)
        if heavy:
            values = [value / math.sqrt(source.gammavariate(1.5, 1) / 1.5) for value in values]
        alarms += bool(change_points(values))
    assert alarms <= stats.binom.ppf(0.999, runs, LEVEL)


def test_cuts_are_told_with_their_share_of_chance():
    (cut,) = change_points([0.0, 0.001, 0.002, 0.003, 0.004, 1.0, 1.001, 1.002, 1.003, 1.004])
    assert cut == Cut(at=5, p_value=cut.p_value)
    assert cut.p_value < 0.03
