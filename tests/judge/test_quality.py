import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.estimate import clopper_pearson_lower
from pytest_wfperf.judge.quality import hit_rate, pass_rates, run_pass_rate
from pytest_wfperf.model import Cache, Check, Round


def round_(*checks, status="passed", caches=()):
    return Round(total_ns=1, status=status, checks=checks, caches=tuple(caches))


def good(name="valid page"):
    return Check(name=name, passed=True)


def bad(name="valid page", detail="", **score):
    return Check(name=name, passed=False, detail=detail, **score)


def rates(rounds, minimums=(), default=0.95, **more):
    return {rate.name: rate for rate in pass_rates(rounds, dict(minimums), default, **more)}


class TestPassRates:
    def test_no_checks_no_pass_rate(self):
        assert pass_rates([round_()] * 3, {}, 0.95) == ()
        assert pass_rates([round_(status="failed")], {}, 0.95) == ()
        assert pass_rates([], {"": 0.9}, 0.95) == ()

    def test_everything_passed(self):
        whole, page = pass_rates([round_(good())] * 20, {}, 0.95)
        assert (whole.name, page.name) == ("", "valid page")
        for rate in (whole, page):
            assert (rate.passed, rate.total, rate.minimum, rate.detail) == (20, 20, 0.95, "")
            assert rate.holds
            assert not rate.proved
            assert rate.rounds_to_prove == 59
            assert rate.bound == pytest.approx(0.05 ** (1 / 20))

    def test_59_rounds_prove_95_percent_and_58_do_not(self):
        assert rates([round_(good())] * 59)[""].proved
        assert not rates([round_(good())] * 58)[""].proved

    def test_the_point_estimate_decides(self):
        rounds = [round_(good())] * 19 + [round_(bad())]
        assert rates(rounds)[""].holds
        assert not rates([*rounds, round_(bad())])[""].holds

    def test_a_failing_check_is_counted_with_the_first_detail(self):
        rounds = [round_(good())] * 18 + [round_(bad(detail="no <title>")), round_(bad(detail="empty"))]
        found = rates(rounds)
        assert found["valid page"].passed == 18
        assert found["valid page"].detail == "failed in 2 of 20 rounds: no <title>"
        assert found["valid page"].rounds_to_prove == 124
        assert found[""].detail == "not every check passed in 2 of 20 rounds: valid page (2), for example: no <title>"

    def test_a_failing_score_without_a_detail_shows_its_value(self):
        assert rates([round_(bad(value=0.8125, minimum=0.9))])["valid page"].detail == (
            "failed in 1 of 1 round: 0.8125, at least 0.9 asked for"
        )
        assert rates([round_(bad(value=0.5))])["valid page"].detail == "failed in 1 of 1 round: 0.5"

    def test_failing_without_any_detail(self):
        found = rates([round_(bad()), round_(good())])
        assert found["valid page"].detail == "failed in 1 of 2 rounds"
        assert found[""].detail == "not every check passed in 1 of 2 rounds: valid page (1)"

    def test_the_whole_counts_rounds_and_not_checks(self):
        rounds = [round_(bad("a"), bad("b")), round_(good("a"), good("b")), round_(good("a"), bad("b"))]
        found = rates(rounds)
        assert (found["a"].passed, found["b"].passed, found[""].passed) == (2, 1, 1)
        assert found[""].detail == "not every check passed in 2 of 3 rounds: a (1), b (2)"

    def test_a_round_that_lacks_a_check_does_not_pass_it(self):
        found = rates([round_(good("a"), good("b")), round_(good("a"))])
        assert found["a"].passed == 2
        assert found["b"].passed == 1
        assert found["b"].detail == "not recorded in 1 of 2 rounds"
        assert found[""].passed == 1

    def test_a_round_that_failed_passes_no_check(self):
        found = rates([round_(good()), round_(good(), status="failed"), round_(status="failed")])
        assert found["valid page"].passed == 1
        assert found["valid page"].detail == "the workflow itself did not pass in 2 of 3 rounds"

    def test_each_way_not_to_pass_has_its_clause(self):
        rounds = [round_(good()), round_(bad(detail="late")), round_(), round_(status="error")]
        assert rates(rounds)["valid page"].detail == (
            "failed in 1 of 4 rounds: late; the workflow itself did not pass in 1 of 4 rounds; "
            "not recorded in 1 of 4 rounds"
        )

    def test_a_check_recorded_twice_passes_where_both_records_do(self):
        found = rates([round_(good(), bad(detail="second")), round_(good(), good())])
        assert found["valid page"].passed == 1
        assert found["valid page"].total == 2
        assert found["valid page"].detail == "failed in 1 of 2 rounds: second"

    def test_a_check_of_the_baseline_that_never_came_is_not_passed(self):
        found = rates([round_(good("a"))] * 4, expected=("a", "gone"))
        assert (found["gone"].passed, found["gone"].total) == (0, 4)
        assert found["gone"].detail == "in the baseline, but never recorded in this run"
        assert found[""].passed == 0
        assert found[""].detail == "not every check passed in 4 of 4 rounds: gone (4)"
        assert found["a"].holds

    def test_a_run_that_lost_its_only_check_is_not_passed(self):
        assert not any(rate.holds for rate in pass_rates([round_()] * 4, {}, 0.95, expected=["gone"]))

    def test_a_check_that_only_a_threshold_names_is_not_passed(self):
        found = rates([round_(good("a"))], {"valid": 0.5})
        assert found["valid"].detail == "never recorded in this run"
        assert not found["valid"].holds

    def test_no_rounds_hold_nothing(self):
        found = rates([], expected=["gone"])
        assert not found["gone"].holds
        assert found["gone"].total == found["gone"].bound == 0

    def test_order_is_the_whole_then_as_recorded_then_as_named(self):
        names = [r.name for r in pass_rates([round_(good("b"), good("a"))], {"t": 1.0}, 0.9, expected={"z", "y"})]
        assert names == ["", "b", "a", "t", "y", "z"]


class TestMinimums:
    ROUNDS = (round_(good("a"), good("b")),)

    def minimums(self, minimums, default=0.95):
        return {name: rate.minimum for name, rate in rates(self.ROUNDS, minimums, default).items()}

    def test_the_default_for_all(self):
        assert self.minimums({}) == {"": 0.95, "a": 0.95, "b": 0.95}

    def test_the_workflow_s_own_goes_for_its_checks_too(self):
        assert self.minimums({"": 0.8}) == {"": 0.8, "a": 0.8, "b": 0.8}

    def test_a_stricter_check(self):
        assert self.minimums({"a": 1.0}) == {"": 0.95, "a": 1.0, "b": 0.95}

    def test_a_check_s_relaxed_limit_is_not_taken_back_by_the_default_for_the_whole(self):
        assert self.minimums({"a": 0.6}) == {"": 0.6, "a": 0.6, "b": 0.95}
        assert self.minimums({"a": 0.6, "": 0.95}) == {"": 0.95, "a": 0.6, "b": 0.95}

    def test_one_hundred_percent_is_never_proved(self):
        rate = rates(self.ROUNDS, {"": 1.0})[""]
        assert rate.holds
        assert not rate.proved
        assert rate.rounds_to_prove == 0


check_lists = st.lists(st.builds(Check, name=st.sampled_from("abc"), passed=st.booleans()), max_size=4)
round_lists = st.lists(
    st.builds(
        lambda checks, status: round_(*checks, status=status), check_lists, st.sampled_from(["passed", "failed"])
    ),
    max_size=12,
)


@given(round_lists, st.sets(st.sampled_from("abcd")))
def test_the_whole_never_does_better_than_any_check(rounds, expected):
    found = pass_rates(rounds, {}, 0.9, expected=expected)
    assert bool(found) == bool(expected or any(r.checks for r in rounds))
    for rate in found:
        assert 0 <= rate.passed <= rate.total == len(rounds)
        assert found[0].passed <= rate.passed
        assert bool(rate.detail) == (rate.passed < rate.total or (not rounds and rate.name != ""))
        assert rate.bound == clopper_pearson_lower(rate.passed, rate.total)


class TestRunPassRate:
    def test_all_passed(self):
        rate = run_pass_rate(12, 12, 0.95)
        assert (rate.name, rate.passed, rate.total, rate.minimum, rate.detail) == ("", 12, 12, 0.95, "")
        assert rate.holds

    def test_some_did_not(self):
        rate = run_pass_rate(17, 20, 0.95)
        assert not rate.holds
        assert rate.rounds_to_prove == 153
        assert rate.detail == "3 of 20 workflows did not pass every check"

    def test_the_only_one_did_not(self):
        assert run_pass_rate(0, 1, 0.95).detail == "1 of 1 workflow did not pass every check"

    def test_no_workflow_with_checks_holds_nothing(self):
        assert not run_pass_rate(0, 0, 0.95).holds


class TestHitRate:
    def test_the_denominator_is_look_ups_over_all_rounds(self):
        rounds = [
            round_(caches=[Cache(name="pages", hits=1, misses=9)]),
            round_(caches=[Cache(name="pages", hits=90, misses=0), Cache(name="rows", hits=0, misses=5)]),
        ]
        assert hit_rate(rounds, "pages") == (0.91, 91, 100)
        assert hit_rate(rounds, "rows") == (0.0, 0, 5)

    def test_several_records_in_one_round_add_up(self):
        caches = [Cache(name="pages", hits=1, misses=1), Cache(name="pages", hits=2, misses=0)]
        assert hit_rate([round_(caches=caches)], "pages") == (0.75, 3, 4)

    def test_never_looked_at(self):
        assert hit_rate([round_()], "pages") == (0.0, 0, 0)
        assert hit_rate([round_(caches=[Cache(name="pages", hits=0, misses=0)])], "pages") == (0.0, 0, 0)
