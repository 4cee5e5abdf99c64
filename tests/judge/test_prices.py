"""A price table: what is read, what is refused and how, and what it makes of a round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.errors import ConfigError
from pytest_wfperf.judge.prices import FORM, priced, read_prices, unpriced
from pytest_wfperf.judge.verdict import Policy, Reference, judge
from pytest_wfperf.model import Environment, Launch, Metric, Profile, Round

INI = "ini key wfperf_prices"


def table(*lines, source=INI):
    return read_prices([(line, source) for line in lines])


def profile(*rounds):
    taken = tuple(Round(total_ns=1, metrics=tuple(Metric(name=n, value=v) for n, v in each.items())) for each in rounds)
    return Profile(workflow="w", environment=Environment(facts=()), launches=(Launch(rounds=taken),))


def costs(priced_profile):
    return [[m.value for m in r.metrics if m.name == "cost"] for r in priced_profile.rounds]


class TestReading:
    @pytest.mark.parametrize(
        ("line", "metric", "each", "currency"),
        [
            ("tokens = 3 USD", "tokens", 3.0, "USD"),
            ("tokens_in = 3 USD per 1000000", "tokens_in", 3e-6, "USD"),
            ("tokens=0.25EUR per 1_000", "tokens", 0.00025, "EUR"),
            ("  prompt tokens =  15 €  per 1e6 ", "prompt tokens", 15e-6, "€"),
            ("a=b = 2 credits", "a=b", 2.0, "credits"),
            ("calls = 0 USD", "calls", 0.0, "USD"),
            ("calls = 1e-3$", "calls", 0.001, "$"),
        ],
    )
    def test_a_line(self, line, metric, each, currency):
        (price,) = table(line)
        assert (price.metric, price.currency, price.text, price.source) == (metric, currency, line.strip(), INI)
        assert price.each == pytest.approx(each, rel=1e-12)

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("tokens", f"'tokens' is no price; write {FORM}"),
            ("tokens = 3", f"'tokens = 3' is no price; write {FORM}"),
            ("= 3 USD", f"'= 3 USD' is no price; write {FORM}"),
            ("tokens = USD 3", f"'tokens = USD 3' is no price; write {FORM}"),
            ("tokens = 3 per 1000", f"'tokens = 3 per 1000' is no price; write {FORM}"),
            ("tokens = 3 per", f"'tokens = 3 per' is no price; write {FORM}"),
            ("tokens = 3 USD per 1,000,000", f"'tokens = 3 USD per 1,000,000' is no price; write {FORM}"),
            ("tokens = 3 USD per", f"'tokens = 3 USD per' is no price; write {FORM}"),
            ("tokens = -3 USD", f"'tokens = -3 USD' is no price: -3 is below 0; write {FORM}"),
            ("tokens = 3 USD per 0", f"'tokens = 3 USD per 0' is no price: per 0 is not above 0; write {FORM}"),
            ("tokens = 1.2.3 USD", f"'tokens = 1.2.3 USD' is no price: '1.2.3' is not a finite number; write {FORM}"),
            ("tokens = 1e999 USD", f"'tokens = 1e999 USD' is no price: '1e999' is not a finite number; write {FORM}"),
            ("cost = 3 USD", "'cost = 3 USD' prices the metric 'cost' itself, which is what prices make of others"),
        ],
    )
    def test_what_is_no_price_says_where_it_stood_and_what_would_do(self, line, why):
        with pytest.raises(ConfigError) as caught:
            table(line)
        assert str(caught.value) == f"{INI}: {why}"

    def test_two_prices_of_one_metric_in_one_place_are_refused(self):
        with pytest.raises(ConfigError, match="'t' has two prices, 't = 3 USD' and 't = 4 USD'; keep one"):
            table("t = 3 USD", "u = 1 USD", "t = 4 USD")

    def test_a_stronger_source_takes_a_price_s_place_and_leaves_the_others(self):
        found = read_prices([("t = 3 USD", INI), ("u = 1 USD", INI), ("t = 4 USD", "--wfperf-price")])
        assert {p.metric: p.each for p in found} == {"t": 4.0, "u": 1.0}

    def test_mixed_currencies_are_refused_and_both_are_named(self):
        with pytest.raises(ConfigError) as caught:
            read_prices([("a = 1 USD", INI), ("b = 2 EUR", "--wfperf-price")])
        assert str(caught.value) == (
            f"--wfperf-price: 'b = 2 EUR' is in EUR, but 'a = 1 USD' ({INI}) is in USD; "
            "give all prices in one currency, for they are added up"
        )

    def test_a_currency_that_is_replaced_altogether_is_not_mixed(self):
        assert [p.currency for p in read_prices([("a = 1 USD", INI), ("a = 2 EUR", "--wfperf-price")])] == ["EUR"]

    @given(st.floats(0, 1e12), st.floats(1e-6, 1e12))
    def test_every_number_python_writes_is_read_back(self, amount, count):
        (price,) = table(f"t = {amount!r} USD per {count!r}")
        assert price.each == amount / count


class TestCost:
    PRICES = table("tokens_in = 3 USD per 1000000", "tokens_out = 15 USD per 1000000")

    def test_is_the_sum_of_what_is_priced_round_by_round(self):
        found = priced(profile({"tokens_in": 1e6, "tokens_out": 2e5, "pages": 7}, {"tokens_in": 1e6}), self.PRICES)
        assert costs(found) == [[pytest.approx(6.0)], [pytest.approx(3.0)]]
        assert found.rounds[0].metrics[-1] == Metric(name="cost", value=found.rounds[0].metrics[-1].value, unit="USD")

    def test_rounds_with_nothing_priced_and_runs_without_prices_have_none(self):
        assert costs(priced(profile({"pages": 7}, {}), self.PRICES)) == [[], []]
        unchanged = profile({"tokens_in": 5})
        assert priced(unchanged, ()) is unchanged

    def test_a_workflow_that_records_its_own_cost_keeps_it(self):
        own = profile({"tokens_in": 1e6, "cost": 0.5}, {"tokens_in": 1e6})
        assert costs(priced(own, self.PRICES)) == [[0.5], []]

    def test_is_judged_like_any_metric_and_the_baseline_at_the_same_prices(self):
        from pytest_wfperf.judge.threshold import parse

        texts = ("metric:cost value < 0.004", "metric:cost reduction >= 20%", "metric:cost regression < 1%")
        policy = Policy(thresholds=tuple(parse(text, "test") for text in texts), prices=self.PRICES)
        before = Reference(baseline="main", stored=((0.0, profile({"tokens_in": 1500})),), differences=("cpu: a, b",))
        judgement = judge(profile({"tokens_in": 1000}), reference=before, policy=policy)
        assert [t.status for t in judgement.targets] == ["met"] * 3
        assert judgement.targets[1].actual == pytest.approx(1 / 3)
        assert judgement.summary.metrics[-1].unit == "USD"

    def test_what_has_no_price_is_named_once_however_many_workflows_record_it(self):
        taken = profile({"tokens_in": 5, "pages": 2, "seconds": 1})
        better = Metric(name="accuracy", value=1, better="higher")
        good = Profile(
            workflow="v",
            environment=taken.environment,
            launches=(Launch(rounds=(Round(total_ns=1, metrics=(*taken.rounds[0].metrics, better)),)),),
        )
        free = profile({"files": 1})  # nothing of it is priced, so it has no cost that could lack anything
        policy = Policy(prices=self.PRICES)
        judged = [judge(each, reference=Reference(), policy=policy) for each in (taken, good, free)]
        assert unpriced(judged, self.PRICES) == ["pages", "seconds"]
        assert unpriced(judged, ()) == []
