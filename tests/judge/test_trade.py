"""Faster with more tokens is a trade; what moved within its noise or by little is none."""

from __future__ import annotations

import pytest

from pytest_wfperf.judge.trade import trade
from pytest_wfperf.judge.verdict import Policy, Reference, judge
from pytest_wfperf.judged import Comparison, Effect, Verdict
from pytest_wfperf.model import Environment, Launch, Metric, Profile, Round

IMPROVED, REGRESSED = (Verdict.IMPROVED, -0.3567), (Verdict.REGRESSED, 0.3365)  # -30 %, +40 %


def comparison(verdict, log_ratio):
    total = Effect(
        path="", baseline_ns=1e6, current_ns=1e6, log_ratio=log_ratio, low=log_ratio - 0.1, high=log_ratio + 0.1,
        could_have_caught=0.1, limit=0.2, automatic=False, verdict=verdict,
    )  # fmt: skip
    return Comparison(baseline="main", sessions=0, total=total)


def profile(better="lower", unit="", **values):
    """One round for every value of each metric."""
    rounds = tuple(
        Round(
            total_ns=1,
            metrics=tuple(Metric(name=n, value=v, better=better, unit=unit) for n, v in zip(values, each, strict=True)),
        )
        for each in zip(*values.values(), strict=True)
    )
    return Profile(workflow="w", environment=Environment(facts=()), launches=(Launch(rounds=rounds),))


def told(change, now, before):
    return trade(comparison(*change), now, [(0.0, before)])


def test_faster_with_more_tokens_and_slower_with_fewer():
    assert told(IMPROVED, profile(tokens=[140] * 3), profile(tokens=[100] * 3)) == "trade: time -30 %, tokens +40 %"
    assert told(REGRESSED, profile(tokens=[60] * 3), profile(tokens=[100] * 3)) == "trade: time +40 %, tokens -40 %"


@pytest.mark.parametrize(
    ("change", "now", "before"),
    [
        (IMPROVED, {"tokens": [60]}, {"tokens": [100]}),
        (REGRESSED, {"tokens": [140]}, {"tokens": [100]}),
        (IMPROVED, {"tokens": [105]}, {"tokens": [100]}),
        (IMPROVED, {"tokens": [140]}, {"pages": [100]}),
        ((Verdict.PASS, -0.3567), {"tokens": [140]}, {"tokens": [100]}),
        ((Verdict.INCONCLUSIVE, -0.3567), {"tokens": [140]}, {"tokens": [100]}),
        ((Verdict.REGRESSED, -0.1), {"tokens": [60]}, {"tokens": [100]}),
    ],
    ids=["both better", "both worse", "by five percent", "another metric", "PASS", "INCONCLUSIVE", "slow rounds only"],
)
def test_no_trade(change, now, before):
    assert told(change, profile(**now), profile(**before)) == ""


def test_less_of_what_should_be_more_is_what_was_paid():
    now, before = profile("higher", accuracy=[0.8] * 3), profile("higher", accuracy=[1.0] * 3)
    assert told(IMPROVED, now, before) == "trade: time -30 %, accuracy -20 %"
    assert told(IMPROVED, before, now) == ""


def test_what_varies_counts_only_beyond_its_noise():
    noisy, more = [80, 90, 100, 110, 120, 95, 105, 100], [100, 110, 120, 130, 90, 105, 115, 110]
    assert told(IMPROVED, profile(tokens=more), profile(tokens=noisy)) == ""
    assert told(IMPROVED, profile(tokens=[2 * v for v in more]), profile(tokens=noisy)).endswith("tokens +120 %")
    assert told(IMPROVED, profile(tokens=[200, 210]), profile(tokens=[100, 110])) == "", "two rounds bound no median"


def test_a_metric_in_another_unit_is_another_metric():
    assert told(IMPROVED, profile(unit="B", size=[2048]), profile(unit="KiB", size=[1])) == ""


def test_from_nothing_there_is_no_percentage():
    assert told(IMPROVED, profile(retries=[3]), profile(retries=[0])) == "trade: time -30 %, retries 0 → 3"


def test_the_largest_three_are_told():
    before = profile(a=[10], b=[10], c=[10], d=[10], e=[10])
    now = profile(a=[11], b=[15], c=[12], d=[30], e=[9])
    assert told(IMPROVED, now, before) == "trade: time -30 %, d +200 %, b +50 %, c +20 % and 1 more"


def test_a_trade_is_no_improvement_and_excuses_no_regression():
    before, now = profile(tokens=[100] * 3), profile(tokens=[140] * 3)
    for change, new, old, verdict in (
        (IMPROVED, now, before, Verdict.PASS),
        (IMPROVED, before, before, Verdict.IMPROVED),
        (REGRESSED, before, now, Verdict.REGRESSED),
    ):
        reference = Reference(baseline="revision x", stored=((0.0, old),), comparison=comparison(*change))
        judgement = judge(new, reference=reference, policy=Policy())
        assert judgement.verdict is verdict
        assert bool(judgement.trade) is (old is not new)
