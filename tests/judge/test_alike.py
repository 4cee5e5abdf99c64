"""Rounds that hit their caches are not held against rounds that missed them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pytest_wfperf.judge.alike import alike, is_warm
from pytest_wfperf.judge.compare import compare
from pytest_wfperf.judge.threshold import parse
from pytest_wfperf.judge.verdict import Policy, Reference, judge
from pytest_wfperf.judged import Verdict
from pytest_wfperf.model import Cache, Environment, Launch, Profile, Round, Span

MS = 1_000_000
COLD_MS, WARM_MS = 100, 20
NOTHING = Environment(facts=())


def taken(warm, slower=1.0, looked=True, rng=None):
    """One round: a step that a hit spares."""
    ns = round((WARM_MS if warm else COLD_MS) * MS * slower * (1 + (rng.random() / 100 if rng else 0)))
    cache = Cache(name="pages", hits=4 if warm else 1, misses=0 if warm else 3)
    span = Span(path="fetch", count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=0, end_ns=ns)
    return Round(total_ns=ns, spans=(span,), caches=(cache,) if looked else ())


def side(cold, warm, *, launches=1, fresh=False, **more):
    rng = random.Random(cold + 100 * warm)
    rounds = [[taken(i >= cold, rng=rng, **more) for i in range(cold + warm)] for _ in range(launches)]
    conditions = (("addresses", "fixed"),) if fresh else ()
    return Profile(
        workflow="w",
        environment=NOTHING,
        launches=tuple(Launch(rounds=tuple(each), conditions=conditions) for each in rounds),
    )


def counted(profile):
    return sum(not is_warm(r) for r in profile.rounds), sum(map(is_warm, profile.rounds))


def judged(now, before, *thresholds, paired=False):
    stored = ((0.0, before),)
    comparison = compare(now, stored, limits={}, workflows=1, baseline="b") if paired else None
    reference = Reference(baseline="b", stored=stored, comparison=comparison)
    return judge(now, reference=reference, policy=Policy(thresholds=tuple(parse(t, "test") for t in thresholds)))


@pytest.mark.parametrize(
    ("caches", "warm"),
    [
        ([(3, 0)], True),
        ([(3, 1)], False),
        ([(0, 3)], False),
        ([(0, 0)], False),
        ([], False),
        ([(3, 0), (0, 1)], False),
        ([(3, 0), (0, 0)], True),
    ],
)
def test_a_warm_round_hit_something_and_missed_nothing(caches, warm):
    records = tuple(Cache(name=str(i), hits=h, misses=m) for i, (h, m) in enumerate(caches))
    assert is_warm(Round(total_ns=1, caches=records)) is warm


def test_look_ups_that_took_no_time_warm_nothing_up():
    found = Cache(name="corpus", hits=1, misses=0, timed=False)
    assert not is_warm(Round(total_ns=1, caches=(found,)))
    made = Cache(name="corpus", hits=0, misses=1, timed=False)
    assert is_warm(Round(total_ns=1, caches=(made, Cache(name="pages", hits=1, misses=0))))
    now, then = (
        Profile(workflow="w", environment=NOTHING, launches=(Launch(rounds=(Round(total_ns=1, caches=(c,)),)),))
        for c in (found, made)
    )
    assert alike(now, [(0.0, then)]).told == ""


class TestChoosing:
    @pytest.mark.parametrize(
        ("now", "before", "judged_now", "judged_before"),
        [
            ((4, 8), (8, 4), (4, 0), (8, 0)),
            ((3, 9), (12, 0), (3, 0), (12, 0)),
            ((2, 10), (6, 6), (0, 10), (0, 6)),  # too few cold ones here
            ((0, 12), (6, 6), (0, 12), (0, 6)),
        ],
        ids=["both cold", "just enough", "too few cold", "none cold"],
    )
    def test_a_warmer_run_is_judged_by_rounds_of_one_kind(self, now, before, judged_now, judged_before):
        found = alike(side(*now), [(7.0, side(*before))])
        assert (counted(found.current), counted(found.stored[0][1])) == (judged_now, judged_before)
        assert found.stored[0][0] == 7.0
        assert not found.flattered
        assert found.told == (
            f"every look-up hit a cache in {now[1]} of 12 rounds, in {before[1]} of 12 of the baseline: "
            f"judged by rounds that {'missed' if judged_now[0] else 'hit'}"
        )

    @pytest.mark.parametrize(
        ("now", "before", "told"),
        [
            ((6, 6), (6, 6), ""),
            ((5, 7), (6, 6), ""),
            ((12, 0), (12, 0), ""),
            ((12, 0), (0, 12), "every look-up hit a cache in 0 of 12 rounds, in 12 of 12 of the baseline"),
            ((8, 4), (4, 8), "every look-up hit a cache in 4 of 12 rounds, in 8 of 12 of the baseline"),
        ],
        ids=["the same mix", "nearly", "never a hit", "a broken cache", "a worse one"],
    )
    def test_as_warm_or_colder_is_judged_as_it_is(self, now, before, told):
        current, stored = side(*now), [(0.0, side(*before))]
        found = alike(current, stored)
        assert (found.current, found.stored, found.told, found.flattered) == (current, stored, told, False)

    def test_hits_against_misses_alone_are_flattered(self):
        found = alike(side(0, 12), [(0.0, side(12, 0))])
        assert found.flattered
        assert found.told.endswith("in 0 of 12 of the baseline: hits would be held against misses")
        assert counted(found.current) == (0, 12)

    def test_a_baseline_that_recorded_no_look_ups_is_only_told(self):
        found = alike(side(0, 12), [(0.0, side(12, 0, looked=False))])
        assert found.told == "every look-up hit a cache in 12 of 12 rounds; the baseline recorded no look-ups"
        assert not found.flattered
        assert alike(side(12, 0, looked=False), [(0.0, side(0, 12))]).told == ""
        assert alike(side(0, 12), ()).told == ""

    def test_launches_and_sessions_that_keep_no_round_are_left_out(self):
        cold, warm = side(6, 0), side(0, 6)
        now = Profile(workflow="w", environment=NOTHING, launches=(*cold.launches, *warm.launches, *warm.launches))
        found = alike(now, [(1.0, cold), (2.0, warm)])
        assert (len(found.current.launches), [when for when, _ in found.stored]) == (1, [1.0])


def test_a_step_that_only_the_other_kind_of_rounds_has_is_judged_by_those():
    cold = [taken(warm=False) for _ in range(2)]
    load = Span(path="load", count=1, total_ns=5, min_ns=5, max_ns=5, own_ns=5, start_ns=0, end_ns=5)
    rounds = [*(replace(r, spans=(*r.spans, load)) for r in cold), *(taken(warm=True) for _ in range(10))]
    now = Profile(workflow="w", environment=NOTHING, launches=(Launch(rounds=tuple(rounds)),))
    before = replace(now, launches=(Launch(rounds=tuple(rounds[:2] * 3 + rounds[2:6])),))
    judgement = judged(now, before, "step:load speedup >= 0.5")
    assert "judged by rounds that hit" in judgement.comparison.total.detail
    assert judgement.targets[0].actual == pytest.approx(1)


@pytest.mark.parametrize("fresh", [False, True], ids=["in one process", "in launches"])
class TestJudging:
    def side(self, fresh, *args, **more):
        return side(*args, launches=10 if fresh else 1, fresh=fresh, **more)

    def test_hits_improve_nothing(self, fresh):
        judgement = judged(self.side(fresh, 4, 8), self.side(fresh, 12, 0), "speedup >= 1.33")
        assert judgement.verdict is Verdict.FAILED, "no speedup in rounds of a kind"
        assert judgement.targets[0].actual == pytest.approx(1, abs=0.02)
        assert judgement.comparison.total.verdict is Verdict.PASS
        assert "judged by rounds that missed" in judgement.comparison.total.detail
        assert [step.detail for step in judgement.comparison.steps] == [""], "said once"

    def test_hits_hide_no_slowdown(self, fresh):
        judgement = judged(self.side(fresh, 4, 8, slower=3.0), self.side(fresh, 12, 0))
        assert judgement.verdict is Verdict.REGRESSED
        assert judgement.comparison.total.change == pytest.approx(2.0, abs=0.1)

    def test_where_no_rounds_are_of_a_kind_nothing_is_passed(self, fresh):
        judgement = judged(self.side(fresh, 0, 12), self.side(fresh, 12, 0), "speedup >= 1.33", "p95 < 1s")
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert [t.status for t in judgement.targets] == ["unknown", "met"]
        assert "hits would be held against misses" in judgement.targets[0].detail
        assert {e.verdict for e in judgement.comparison.effects} == {Verdict.INCONCLUSIVE}

    def test_slower_for_all_its_hits_is_regressed(self, fresh):
        judgement = judged(self.side(fresh, 0, 12, slower=20.0), self.side(fresh, 12, 0))
        assert judgement.verdict is Verdict.REGRESSED

    def test_what_a_broken_cache_costs_is_a_regression_and_the_cache_is_named(self, fresh):
        judgement = judged(self.side(fresh, 12, 0), self.side(fresh, 0, 12))
        assert judgement.verdict is Verdict.REGRESSED
        assert "every look-up hit a cache in 0 of " in judgement.comparison.total.detail

    def test_what_was_compared_before_is_told_and_not_passed(self, fresh):
        judgement = judged(self.side(fresh, 4, 8), self.side(fresh, 12, 0), paired=True)
        assert judgement.verdict is Verdict.INCONCLUSIVE
        assert judgement.comparison.total.detail.endswith("hits would be held against misses")
