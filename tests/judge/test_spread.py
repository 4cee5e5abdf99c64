"""Scatter and clustering, against scipy and simulation."""

from __future__ import annotations

import random
import statistics

import pytest
from scipy import stats

from pytest_wfperf.judge.spread import design_effect, intraclass, scale, tail_correlation


def test_scale_finds_a_normal_samples_standard_deviation():
    rng = random.Random(1)
    found = statistics.fmean(scale([[rng.gauss(0, 2) for _ in range(20)]]) for _ in range(500))
    assert found == pytest.approx(2, rel=0.04)


def test_scale_is_not_moved_far_by_wild_values_and_knows_no_distance_between_groups():
    rng = random.Random(2)
    values = [rng.gauss(0, 1) for _ in range(40)]
    assert scale([[*values, 1e6, -1e6, 1e9]]) < 1.5 * scale([values])
    assert scale([values, [v + 1000 for v in values]]) == pytest.approx(scale([values]))
    assert scale([[1.0], [5.0]]) == 0.0


def clustered(rng, groups, size, rho):
    taken = []
    for _ in range(groups):
        own = rng.gauss(0, rho**0.5)
        taken.append([own + rng.gauss(0, (1 - rho) ** 0.5) for _ in range(size)])
    return taken


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9])
def test_intraclass_correlation_is_found(rho):
    assert intraclass(clustered(random.Random(3), 400, 8, rho)) == pytest.approx(rho, abs=0.05)


def test_intraclass_at_the_edges():
    assert intraclass([[1.0, 2.0]]) == 1.0
    assert intraclass([[1.0], [2.0]]) == 1.0
    assert intraclass([[1.0, 1.0], [1.0, 1.0]]) == 1.0
    assert intraclass([[1.0, 1.0], [2.0, 2.0]]) == 1.0
    assert intraclass([[1.0, 9.0], [9.0, 1.0]]) == 0.0


@pytest.mark.parametrize(("rho", "expected"), [(0.1, 0.026), (0.3, 0.098), (0.5, 0.204), (0.7, 0.36), (0.9, 0.62)])
def test_tail_correlation_at_p95_as_on_the_page(rho, expected):
    assert tail_correlation(rho, 0.95) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("rho", [0.0, 0.2, 0.6, 0.95])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_tail_correlation_matches_scipys_bivariate_normal(rho, q):
    z = stats.norm.ppf(q)
    both = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([z, z])
    assert tail_correlation(rho, q) == pytest.approx((both - q * q) / (q * (1 - q)), abs=1e-4)


def test_design_effect_lies_between_one_and_the_size_of_a_cluster():
    rng = random.Random(4)
    assert design_effect(clustered(rng, 200, 10, 0.0), 0.95) < 1.3
    assert 8 < design_effect(clustered(rng, 200, 10, 0.99), 0.95) <= 10
    assert design_effect([[1.0], [2.0], [3.0]], 0.95) == 1.0
