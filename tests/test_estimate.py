"""Every estimator against scipy, a published table, or a simulation whose truth is known."""

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_wfperf.estimate import (
    beta_quantile,
    clopper_pearson_lower,
    clopper_pearson_upper,
    hodges_lehmann,
    normal_quantile,
    quantile_bounds,
    rounds_to_prove,
    signed_rank_p,
    t_cdf,
    t_quantile,
    walsh_interval,
)

INF = math.inf
DFS = [0.1, 0.5, 1, 1.5, 2, 3, 4.7, 7, 11, 30, 333.3, 1e4, 1e6, 9.9e6, 1e7, 1e9, 1e12]
TAILS = [1e-9, 1e-6, 1e-3, 0.01, 0.05, 0.2, 0.4, 0.49]

finite = st.floats(-1e6, 1e6)
differences = st.lists(finite, min_size=1, max_size=25)


class TestDistributions:
    @pytest.mark.parametrize("p", [*TAILS, 0.5, 0.75, 0.95, 0.99, 1 - 1e-9])
    def test_normal_quantile(self, p):
        assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-9, abs=1e-15)

    @pytest.mark.parametrize("df", DFS)
    @pytest.mark.parametrize("p", [*TAILS, *(1 - p for p in TAILS)])
    def test_t_quantile_matches_scipy(self, p, df):
        assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-8)

    @pytest.mark.parametrize("df", DFS)
    @pytest.mark.parametrize("x", [-8, -3.3, -1.96, -0.7, -1e-5, 1e-5, 0.3, 1, 2.5, 5.9])
    def test_t_cdf_matches_scipy(self, x, df):
        assert t_cdf(x, df) == pytest.approx(stats.t.cdf(x, df), rel=1e-8)

    def test_t_with_one_degree_of_freedom_is_cauchy(self):
        for p in (0.5 + 1e-9, 0.6, 0.999, 1e-7):
            assert t_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-8)

    @pytest.mark.parametrize(("p", "df", "expected"), [(0.95, 3, 2.353), (0.99, 3, 4.541), (0.99, 8, 2.896)])
    def test_t_quantile_as_printed_in_tables(self, p, df, expected):
        assert t_quantile(p, df) == pytest.approx(expected, abs=5e-4)

    def test_t_at_the_edges(self):
        assert t_quantile(0.5, 3) == 0.0
        assert t_cdf(0.0, 3) == 0.5
        assert t_cdf(-INF, 3) == 0.0
        assert t_cdf(INF, 3) == 1.0
        assert t_quantile(1 - 1e-9, 0.01) == INF
        assert t_quantile(1e-9, 0.01) == -INF

    @given(p=st.floats(1e-9, 1 - 1e-9), df=st.floats(0.5, 1e5))
    def test_t_quantile_inverts_t_cdf(self, p, df):
        assert t_cdf(t_quantile(p, df), df) == pytest.approx(p, rel=1e-9)

    @given(p=st.floats(1e-9, 1 - 1e-9), a=st.floats(0.01, 1e5), b=st.floats(0.01, 1e5))
    def test_beta_quantile_matches_scipy(self, p, a, b):
        expected = stats.beta.ppf(p, a, b)
        assert beta_quantile(p, a, b) == pytest.approx(expected, rel=1e-8, abs=1e-300)

    def test_beta_quantile_at_the_edges(self):
        assert beta_quantile(0, 2, 3) == 0.0
        assert beta_quantile(1, 2, 3) == 1.0
        assert beta_quantile(0.3, 1, 1) == pytest.approx(0.3)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: normal_quantile(0), "p must be between 0 and 1, not 0"),
            (lambda: t_quantile(math.nan, 3), "p must be between 0 and 1, not nan"),
            (lambda: t_quantile(0.9, 0), "df must be above 0, not 0"),
            (lambda: t_cdf(math.nan, 3), "x must be a number, not nan"),
            (lambda: beta_quantile(0.5, 0, 1), "a must be above 0, not 0"),
            (lambda: beta_quantile(0.5, 1, INF), "b must be above 0, not inf"),
        ],
    )
    def test_outside_the_domain(self, call, message):
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == message


class TestShares:
    @pytest.mark.parametrize(("passed", "total"), [(0, 1), (1, 1), (0, 20), (19, 20), (20, 20), (57, 59), (900, 1000)])
    @pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
    def test_bounds_match_scipy(self, passed, total, confidence):
        lower = stats.binomtest(passed, total, alternative="greater").proportion_ci(confidence, "exact").low
        upper = stats.binomtest(passed, total, alternative="less").proportion_ci(confidence, "exact").high
        assert clopper_pearson_lower(passed, total, confidence) == pytest.approx(lower, rel=1e-9)
        assert clopper_pearson_upper(passed, total, confidence) == pytest.approx(upper, rel=1e-9)

    def test_nothing_seen_bounds_nothing(self):
        assert clopper_pearson_lower(0, 0) == 0.0
        assert clopper_pearson_upper(0, 0) == 1.0

    def test_counts_need_not_be_whole(self):
        assert clopper_pearson_lower(9, 10) < clopper_pearson_lower(9.45, 10.5) < clopper_pearson_lower(18, 20)

    @pytest.mark.parametrize("truth", [0.3, 0.9, 0.95])
    def test_the_lower_bound_covers_the_truth_at_least_95_times_in_100(self, truth):
        n = 40
        covered = sum(stats.binom.pmf(k, n, truth) for k in range(n + 1) if clopper_pearson_lower(k, n) <= truth)
        assert covered >= 0.95

    @pytest.mark.parametrize(("failures", "rounds"), [(0, 59), (1, 93), (2, 124), (3, 153)])
    def test_rounds_to_prove_95_percent(self, failures, rounds):
        assert rounds_to_prove(failures, 0.95) == rounds

    @given(failures=st.integers(0, 30), minimum=st.floats(0.01, 0.995), confidence=st.floats(0.5, 0.99))
    def test_rounds_to_prove_is_the_fewest_that_do(self, failures, minimum, confidence):
        rounds = rounds_to_prove(failures, minimum, confidence)
        assert rounds >= max(1, failures)
        assert clopper_pearson_lower(rounds - failures, rounds, confidence) >= minimum
        fewer = rounds - 1
        if fewer >= max(1, failures):
            assert clopper_pearson_lower(fewer - failures, fewer, confidence) < minimum

    def test_what_no_number_of_rounds_proves(self):
        assert rounds_to_prove(0, 1.0) == 0
        assert rounds_to_prove(7, 1.0) == 0

    def test_nothing_to_prove(self):
        assert rounds_to_prove(0, 0.0) == 1
        assert rounds_to_prove(4, 0.0) == 4

    def test_a_minimum_close_to_one_is_not_a_long_wait(self):
        assert rounds_to_prove(0, 1 - 1e-6) == math.ceil(math.log(0.05) / math.log(1 - 1e-6))

    @pytest.mark.parametrize(
        "call",
        [
            lambda: clopper_pearson_lower(3, 2),
            lambda: clopper_pearson_upper(-1, 2),
            lambda: clopper_pearson_lower(1, 2, 1.0),
            lambda: rounds_to_prove(-1, 0.9),
            lambda: rounds_to_prove(0, 1.01),
        ],
    )
    def test_outside_the_domain(self, call):
        with pytest.raises(ValueError, match="must be"):
            call()


class TestHodgesLehmann:
    def test_by_hand(self):
        assert hodges_lehmann([1.0]) == 1.0
        assert hodges_lehmann([1.0, 3.0]) == 2.0
        assert hodges_lehmann([1.0, 2.0, 9.0]) == statistics.median([1, 1.5, 5, 2, 5.5, 9])

    def test_one_wild_value_hardly_moves_it(self):
        quiet = [i / 10 for i in range(11)]
        assert abs(hodges_lehmann([*quiet, 1e6]) - hodges_lehmann(quiet)) < 0.1

    @given(differences, st.floats(-1e3, 1e3))
    def test_moves_with_the_data(self, values, shift):
        assert hodges_lehmann([v + shift for v in values]) == pytest.approx(hodges_lehmann(values) + shift, abs=1e-6)

    def test_no_differences(self):
        with pytest.raises(ValueError, match="no differences"):
            hodges_lehmann([])


def every_breaking_of_ties(values):
    """P-values for each way to order ties and to give zeros a sign, from the definition."""
    n = len(values)
    sums = sorted(sum(r for r, s in enumerate(signs, 1) if s) for signs in itertools.product((0, 1), repeat=n))
    for order in itertools.permutations(range(n)):
        if any(abs(values[a]) > abs(values[b]) for a, b in itertools.pairwise(order)):
            continue
        zeros = sum(v == 0 for v in values)
        for signs in itertools.product((0, 1), repeat=zeros):
            sign = iter(signs)
            positive = [values[i] > 0 or (values[i] == 0 and next(sign)) for i in order]
            statistic = sum(rank for rank, is_positive in enumerate(positive, 1) if is_positive)
            yield sum(s >= statistic for s in sums) / 2**n


class TestSignedRank:
    @pytest.mark.parametrize("n", [1, 2, 5, 6, 10, 20, 32, 50])
    @pytest.mark.parametrize("alternative", ["greater", "less"])
    def test_matches_scipy_exactly_without_ties(self, n, alternative):
        source = random.Random(n)
        values = [source.gauss(0.3, 1) for _ in range(n)]
        expected = stats.wilcoxon(values, alternative=alternative, method="exact").pvalue
        assert signed_rank_p(values, 0.0, alternative) == pytest.approx(expected, rel=1e-12)

    @given(st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=6))
    def test_ties_and_zeros_stand_against_rejection(self, values):
        assert signed_rank_p(values) == pytest.approx(max(every_breaking_of_ties(values)), rel=1e-12)

    @given(differences, finite)
    def test_less_is_greater_mirrored(self, values, shift):
        assert signed_rank_p(values, shift, "less") == signed_rank_p([-v for v in values], -shift, "greater")

    @given(differences, finite)
    def test_the_two_sides_never_both_reject(self, values, shift):
        assert signed_rank_p(values, shift) + signed_rank_p(values, shift, "less") >= 1

    def test_nothing_rejects_nothing(self):
        assert signed_rank_p([]) == 1.0
        assert signed_rank_p([0.0, 0.0, 0.0]) == 1.0

    @pytest.mark.parametrize("n", [1, 6, 10, 100])
    def test_the_smallest_p_there_can_be(self, n):
        assert signed_rank_p(range(1, n + 1)) == 2.0**-n

    def test_beyond_100_the_approximation_is_close_and_not_bolder_in_the_tail(self):
        n = 101
        sizes = list(range(1, n + 1))
        for negatives in (10, 30, 40, 45, 50):
            values = [-float(s) if s <= negatives else float(s) for s in sizes]
            statistic = sum(s for s in sizes if s > negatives)
            expected = stats.wilcoxon(values, alternative="greater", method="exact")
            assert expected.statistic == statistic
            assert signed_rank_p(values) == pytest.approx(expected.pvalue, abs=2e-4)
            assert signed_rank_p(values) >= expected.pvalue

    @pytest.mark.parametrize("n", [6, 10, 15])
    def test_a_true_shift_of_zero_is_rejected_no_more_often_than_claimed(self, n):
        source = random.Random(11 * n)
        runs = 4000
        rejected = sum(signed_rank_p([source.gauss(0, 1) for _ in range(n)]) <= 0.05 for _ in range(runs))
        assert rejected / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


class TestWalshInterval:
    @pytest.mark.parametrize(("confidence", "least"), [(0.90, 5), (0.95, 6), (0.99, 8)])
    def test_too_few_differences_bound_nothing(self, confidence, least):
        values = [float(i) for i in range(least)]
        assert walsh_interval(values[:-1], confidence) == (-INF, INF)
        assert walsh_interval(values, confidence) == (0.0, float(least - 1))
        assert walsh_interval([], confidence) == (-INF, INF)

    def test_against_the_published_table(self):
        # Hollander & Wolfe, table A.4: for n = 10 the upper 2.45 % point is 47, so the 9th of 55 averages from either end.
        values = [float(2**i) for i in range(10)]
        averages = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(values, 2))
        assert walsh_interval(values, 0.95) == (averages[8], averages[-9])

    @given(st.lists(finite, min_size=6, max_size=25, unique=True), st.sampled_from([0.8, 0.9, 0.95]))
    def test_holds_the_estimate_and_what_the_test_does_not_reject(self, values, confidence):
        low, high = walsh_interval(values, confidence)
        error = (1 - confidence) / 2
        assert low <= hodges_lehmann(values) <= high
        if math.isfinite(low):
            margin = 1e-6 * (1 + max(map(abs, values)))
            assert signed_rank_p(values, low - margin) <= error
            assert signed_rank_p(values, high + margin, "less") <= error

    @pytest.mark.parametrize("n", [6, 10, 20])
    def test_covers_the_true_shift(self, n):
        source = random.Random(n)
        runs = 1500
        covered = 0
        for _ in range(runs):
            low, high = walsh_interval([0.05 + source.gauss(0, 0.02) for _ in range(n)])
            covered += low <= 0.05 <= high
        assert covered / runs >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / runs)

    def test_beyond_100_it_still_covers_and_is_narrow(self):
        source = random.Random(5)
        values = [source.gauss(1, 1) for _ in range(150)]
        low, high = walsh_interval(values)
        assert low < 1 < high
        assert high - low == pytest.approx(2 * 1.96 / math.sqrt(150), rel=0.25)

    def test_the_confidence_is_checked(self):
        with pytest.raises(ValueError, match=r"confidence must be between 0 and 1, not 95"):
            walsh_interval([1.0], 95)


class TestQuantileBounds:
    @pytest.mark.parametrize(
        ("n", "q"), [(5, 0.5), (20, 0.5), (60, 0.95), (100, 0.95), (500, 0.95), (40, 0.9), (0, 0.5)]
    )
    def test_the_ranks_are_those_of_the_exact_binomial(self, n, q):
        low, high = quantile_bounds(range(1, n + 1), q)
        lower = max((i for i in range(1, n + 1) if stats.binom.cdf(i - 1, n, q) <= 0.025), default=-INF)
        upper = min((i for i in range(1, n + 1) if stats.binom.sf(i - 1, n, q) <= 0.025), default=INF)
        assert (low, high) == (lower, upper)

    def test_a_sample_too_small_for_its_p95_has_no_upper_bound(self):
        assert quantile_bounds(range(71), 0.95)[1] == INF
        assert quantile_bounds(range(72), 0.95)[1] == 71

    def test_covers_the_true_quantile_of_a_skewed_distribution(self):
        source = random.Random(3)
        truth = math.exp(1.6448536269514722)
        runs = 1500
        covered = 0
        for _ in range(runs):
            low, high = quantile_bounds([source.lognormvariate(0, 1) for _ in range(120)], 0.95)
            covered += low <= truth <= high
        assert covered / runs >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / runs)

    @pytest.mark.parametrize("q", [0, 1, 95])
    def test_outside_the_domain(self, q):
        with pytest.raises(ValueError, match="q must be between 0 and 1"):
            quantile_bounds([1.0], q)
