"""Whole runs in pairs against processes whose truth is known."""

from __future__ import annotations

import math
import random
import time

import pytest
from simulated import FOUR, FRESH, MANY, flagged, grown, launch, passed, run_in_pairs

from pytest_wfperf.judge.looks import schedule
from pytest_wfperf.judge.pairs import Trial
from pytest_wfperf.judge.shift import Cuts, Shift
from pytest_wfperf.judged import Verdict
from pytest_wfperf.model import Launch, Round, Span

ONE = {"only": 50.0}
FIVE, TEN = math.log(1.05), math.log(1.10)


def runs(seed, number, *args, **kwargs):
    rng = random.Random(seed)
    return [run_in_pairs(rng, *args, **kwargs) for _ in range(number)]


@pytest.mark.parametrize(
    ("steps", "number", "noise", "alarms"),
    [
        (FOUR, 600, {"layout": 0.006}, 0.01),
        (MANY, 300, {"layout": 0.006, "rounds": 3}, 0.01),
        (FOUR, 100, {"layout": 0.006, "workflows": 5}, 0.01),
        (FOUR, 600, {"layout": 0.010}, 0.015),
        (FOUR, 600, {"layout": 0.010, "wild": 0.1}, 0.015),
        (MANY, 300, {"layout": 0.010, "rounds": 3}, 0.015),
    ],
    ids=["4", "20", "5 x 4", "4, layout at its prior", "4, heavy tails", "20, layout at its prior"],
)
def test_unchanged_code_is_flagged_about_once_in_a_hundred_runs_at_most(steps, number, noise, alarms):
    taken = runs(1, number, steps, **noise)
    assert sum(any(map(flagged, run)) for run in taken) <= math.ceil(number * alarms)
    totals = [comparison.total for run in taken for comparison in run]
    assert sum(map(passed, totals)) >= 0.99 * len(totals)
    assert sum(c.launches for run in taken for c in run) / len(totals) < 11


@pytest.mark.parametrize(("steps", "step", "rounds"), [(FOUR, "sort", 5), (FOUR, "store", 5), (MANY, "step 3", 3)])
def test_five_percent_in_one_step_is_caught_and_named(steps, step, rounds):
    taken = runs(2, 100, steps, {step: FIVE}, rounds=rounds)
    assert sum(flagged(run[0]) - {""} == {step} for run in taken) >= 95


def test_ten_percent_is_caught_beside_heavy_tails_and_a_large_layout_effect():
    taken = runs(3, 100, FOUR, {"sort": TEN}, layout=0.01, wild=0.1)
    assert sum(flagged(run[0]) - {""} == {"sort"} for run in taken) >= 95


def test_five_percent_everywhere_names_the_workflow_and_every_step():
    taken = runs(4, 100, FOUR, grown(FOUR, 0.05))
    assert sum("" in flagged(run[0]) for run in taken) >= 98
    assert sum(flagged(run[0]) == {"", *FOUR} for run in taken) >= 90


def test_one_of_five_workflows_is_caught_alone():
    taken = runs(5, 40, FOUR, grown(FOUR, 0.05), workflows=5)
    assert sum("" in flagged(run[0]) and not any(map(flagged, run[1:])) for run in taken) >= 38


def test_a_path_that_is_slow_in_one_round_of_five_is_caught_by_the_mean():
    taken = runs(6, 100, FOUR, slow="match", rounds=12)
    found = [e for run in taken for e in run[0].steps if e.path == "match" and e.verdict is Verdict.REGRESSED]
    assert len(found) >= 90
    assert sum(e.log_ratio < 0.03 and "some rounds are slow: their mean grew by" in e.detail for e in found) >= 90


def test_a_slowdown_of_the_limit_is_passed_at_most_five_times_in_a_hundred():
    taken = runs(7, 300, FOUR, grown(FOUR, 0.05), layout=0.01, rounds=2)
    assert sum(passed(run[0].total) for run in taken) <= 0.05 * 300


@pytest.mark.parametrize("sd", [0.01, 0.04, 0.1])
@pytest.mark.parametrize(("limit", "affordable"), [(0.05, 20), (0.2, 20), (0.2, 46)])
def test_what_could_have_been_caught_is_caught_95_times_in_a_hundred(sd, limit, affordable):
    rng, caught, number = random.Random(8), 0, 200
    limited = {"only": limit}
    how = {
        "affordable": affordable,
        "default": limit,
        "limits": limited,
        "layout": 0.01,
        "rounds": 1,
        "sd": sd / math.sqrt(2),
    }
    for _ in range(number):
        promised = run_in_pairs(rng, ONE, **how)[0].steps[0].could_have_caught
        again = run_in_pairs(rng, ONE, grown(ONE, promised), **how)[0].steps[0]
        caught += again.verdict is Verdict.REGRESSED
    assert caught >= 0.95 * number - 2.5 * math.sqrt(number * 0.05 * 0.95)


# --- what is judged ---------------------------------------------------------------------


def of(*ns, status=FRESH, entries=1, rounds=1, recorder_ns=0, **steps):
    """A launch whose rounds all took ``ns`` (or one each), with steps of so many ns."""
    spans = tuple(
        Span(path=p, count=entries, total_ns=t, min_ns=t, max_ns=t, own_ns=t, start_ns=0, end_ns=t)
        for p, t in steps.items()
    )
    taken = tuple(Round(total_ns=n, spans=spans) for n in (ns if len(ns) > 1 else ns * rounds))
    return Launch(rounds=taken, recorder_ns=recorder_ns, conditions=status)


def pairs_of(current, baseline, n=20, jitter=0.001):
    rng = random.Random(1)

    def shaken(launch):
        f = math.exp(rng.gauss(0, jitter))
        rounds = tuple(
            Round(
                total_ns=round(r.total_ns * f),
                spans=tuple(
                    Span(
                        path=s.path, count=s.count, total_ns=round(s.total_ns * f), min_ns=1, max_ns=1, own_ns=1,
                        start_ns=0, end_ns=1,
                    )
                    for s in r.spans
                ),
            )
            for r in launch.rounds
        )  # fmt: skip
        return Launch(rounds=rounds, recorder_ns=launch.recorder_ns, conditions=launch.conditions)

    return [(shaken(current), shaken(baseline)) for _ in range(n)]


def judged(pairs, *, affordable=20, limits=None, layout_sd=0.01, default=0.05, goals=None):
    """The trial after the looks it took, and how many those were."""
    looks = schedule(affordable)
    trial = Trial({"w": limits or {}}, default=default, looks=looks, layout_sd=layout_sd, goals=goals)
    for number, look in enumerate(looks):
        if not trial.look({"w": pairs[: look.launches]}, number):
            break
    return trial, number + 1


MS = 1_000_000


def total(pairs, **kwargs):
    return judged(pairs, **kwargs)[0].comparison("w", "main").total


def test_a_comparison_says_what_it_rests_on():
    trial, looks = judged(pairs_of(of(10 * MS, a=8 * MS), of(10 * MS, a=8 * MS)))
    comparison = trial.comparison("w", "main")
    assert (comparison.baseline, comparison.sessions, comparison.launches, comparison.fresh) == ("main", 0, 6, True)
    assert looks == 1
    assert trial.workflows == ("w",)
    effect = comparison.total
    assert effect.verdict is Verdict.PASS
    assert len(effect.ratios) == 6
    assert effect.low <= effect.log_ratio <= effect.high
    assert effect.flagged_from < effect.could_have_caught < 0.06
    assert not effect.automatic and comparison.steps[0].automatic


def test_faster_is_improved_and_within_its_layout_it_is_not():
    assert total(pairs_of(of(5 * MS), of(10 * MS))).verdict is Verdict.IMPROVED
    assert total(pairs_of(of(990 * 10000), of(10 * MS))).verdict is Verdict.PASS


def test_equal_times_are_no_evidence_of_slowness():
    effect = total([(of(10 * MS), of(10 * MS))] * 20)
    assert (effect.verdict, effect.log_ratio) == (Verdict.PASS, 0.0)


def test_growth_that_the_clock_or_the_recorder_explains_is_nothing():
    assert total(pairs_of(of(4000), of(3000))).verdict is Verdict.PASS  # 1 µs: twenty ticks are two
    assert total(pairs_of(of(40 * MS), of(30 * MS))).verdict is Verdict.REGRESSED
    slow, fast = of(30_000, a=20_000, recorder_ns=4_000), of(25_000, a=15_000, recorder_ns=4_000)
    comparison = judged(pairs_of(slow, fast))[0].comparison("w", "main")
    assert {e.verdict for e in comparison.effects} == {Verdict.PASS}


def test_one_round_a_launch_has_no_mean_to_judge():
    one, several = (judged(pairs_of(of(MS, rounds=n), of(MS, rounds=n)))[0] for n in (1, 3))
    assert [len(t._cases["w"].gates[0].statistics) for t in (one, several)] == [1, 2]


def test_steps_of_one_side_only_are_named_and_not_judged():
    trial, _ = judged(pairs_of(of(MS, a=5000, new=1000), of(MS, a=5000, old=1000)))
    comparison = trial.comparison("w", "main")
    assert (comparison.appeared, comparison.vanished) == (("new",), ("old",))
    assert [e.path for e in comparison.steps] == ["a"]


def test_a_declared_step_is_a_gate_however_rarely_it_runs():
    rare, common = of(20 * MS, a=10 * MS), of(20 * MS)
    pairs = pairs_of(rare, rare, 2) + pairs_of(common, common, 18)
    assert [e.path for e in judged(pairs)[0].comparison("w", "main").steps] == []
    (step,) = judged(pairs, limits={"a": 0.05})[0].comparison("w", "main").steps
    assert (step.verdict, step.automatic) == (Verdict.INCONCLUSIVE, False)


def test_a_step_entered_more_often_says_so():
    trial, _ = judged(pairs_of(of(MS, a=50_000, entries=4), of(MS, a=50_000, entries=2)))
    assert "entered 4 times a round, was 2" in trial.comparison("w", "main").steps[0].detail


def test_what_the_layout_hides_takes_no_more_launches_and_says_which_limit_could_be_judged():
    pairs = pairs_of(of(10_400_000), of(10 * MS), 100)
    trial, looks = judged(pairs, affordable=100, layout_sd=0.022)
    effect = trial.comparison("w", "main").total
    assert (looks, effect.verdict) == (1, Verdict.INCONCLUSIVE)
    assert effect.detail == "the layout's own effect (± 3.7%) hides it: a limit of 10 % could be judged"
    assert total(pairs, affordable=100, layout_sd=0.022, limits={"": 0.10}).verdict is Verdict.PASS


def test_too_few_pairs_for_their_spread_say_how_many_it_would_take():
    effect = total(pairs_of(of(10_250_000), of(10 * MS), jitter=0.07))
    assert effect.verdict is Verdict.INCONCLUSIVE
    assert effect.detail.startswith("about ")
    assert effect.detail.endswith(" pairs would settle it")


def test_so_few_pairs_that_nothing_could_be_flagged_say_so():
    effect = total(pairs_of(of(20 * MS), of(10 * MS)), affordable=6)
    assert (effect.verdict, effect.could_have_caught, effect.flagged_from) == (Verdict.INCONCLUSIVE, None, None)


def test_a_workflow_once_decided_stays_so_and_a_broken_one_stops_nothing():
    same, slow = of(10 * MS), of(11 * MS)
    looks = schedule(20)
    trial = Trial({}, default=0.05, looks=looks, layout_sd=0.01)
    good, bad = pairs_of(same, same, 6), pairs_of(slow, same)
    assert trial.look({"good": good, "bad": bad[:6], "broken": bad[:6], "none": []}, 0) == {"bad", "broken"}
    later = good + pairs_of(of(20 * MS), same)
    assert trial.look({"good": later, "bad": bad[:10]}, 1) == {"bad"}
    assert trial.look({"bad": bad[:15]}, 2) == frozenset()
    verdicts = {w: trial.comparison(w, "main").total.verdict for w in trial.workflows}
    assert verdicts == {"good": Verdict.PASS, "bad": Verdict.REGRESSED, "broken": Verdict.INCONCLUSIVE}
    with pytest.raises(KeyError):
        trial.comparison("none", "main")


def test_a_speedup_that_is_asked_for_keeps_a_workflow_open_until_it_is_proved_or_refuted():
    pairs = pairs_of(of(5 * MS), of(10 * MS), jitter=0.05)
    assert judged(pairs, goals={"w": [("", 1.5)]})[1] == 1
    assert judged(pairs, goals={"w": [("", 3.0)]})[1] == 1
    assert judged(pairs, goals={"w": [("", 2.0)]})[1] > 1


def test_the_cuts_leave_no_gap_at_the_limit_that_can_be_judged():
    for layout in (0.005, 0.01, 0.022, 0.05):
        for error in (0.005, 1e-4):
            cuts = Cuts(delta=0.01, layout_sd=layout, error=error)
            wide = Cuts(delta=math.log1p(cuts.judgeable), layout_sd=layout, error=error)
            assert wide.regressed_from == pytest.approx(wide.passed_below)
            narrow = Cuts(delta=0.98 * math.log1p(cuts.judgeable), layout_sd=layout, error=error)
            assert narrow.regressed_from > narrow.passed_below


def test_nothing_below_two_and_a_half_layout_sds_is_said_to_be_caught():
    shift = Shift(logs=[1e-6 * i for i in range(20)], cuts=Cuts(delta=0.001, layout_sd=0.01, error=0.49))
    assert shift.could_have_caught(20, 6, 0.001) >= 0.025


def test_a_look_that_leaves_others_out_spends_what_they_would_have():
    slower = [(of(11 * MS + i, rounds=2), of(10 * MS, rounds=2)) for i in range(8)]
    trial = Trial({}, default=0.05, looks=schedule(20), layout_sd=0.01)
    trial.look({"w": slower[:6]}, 0)
    assert trial.look({"w": slower}, 3) == frozenset()
    assert trial.comparison("w", "main").total.verdict is Verdict.REGRESSED, "2 to the -8 is below all of the error"


def test_fifty_workflows_of_twenty_steps_are_judged_in_a_second():
    rng = random.Random(1)
    few = [launch(rng, MANY, rounds=12) for _ in range(12)]
    pairs = {f"w{i}": [(rng.choice(few), rng.choice(few)) for _ in range(20)] for i in range(50)}
    trial = Trial({}, default=0.05, looks=schedule(20)[3:], layout_sd=0.01)
    began = time.process_time()
    trial.look(pairs, 0)
    assert time.process_time() - began < 1.5
