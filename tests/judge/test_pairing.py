"""Looks that fall due, and looks that are looked again after an interruption."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from simulated import FOUR, grown, launch

from pytest_wfperf.pairing import Pairing
from pytest_wfperf.work import Work

CHANGES = {"same": 0.0, "slower": 0.2, "little": 0.03}


@pytest.fixture
def pairs():
    """More pairs of each workflow than any look asks for; every run of a test takes them in this order."""
    rng = random.Random(7)
    return {
        w: [(launch(rng, FOUR, grown(FOUR, by)), launch(rng, FOUR)) for _ in range(40)] for w, by in CHANGES.items()
    }


def works(**taken):
    return {
        w: Work(w, [], 5, 1, None, False, 60.0, taken=list(taken.get(w, ())), reused=len(taken.get(w, ())))
        for w in CHANGES
    }


def gone_on(pairs, all_works, launches=32, most_launches=1000):
    """A run from where the works are; the pairing, and how many pairs each workflow was given in this run."""
    pairing = Pairing(all_works, launches, dict.fromkeys(all_works, launches))
    pairing.look_again()
    given = dict.fromkeys(all_works, 0)

    def due():
        wanting = [w for w in all_works.values() if w.open and len(w.taken) < launches]
        return pairing.due(sorted(wanting, key=lambda work: len(work.taken)), over=False)

    still = due()
    while still and most_launches:
        most_launches -= 1
        for work in still:
            work.taken.append(pairs[work.workflow][len(work.taken)])
            given[work.workflow] += 1
        still = due()
    return pairing, given


def judged(pairing):
    return {w: pairing.comparison(w, "revision x") for w in CHANGES}


def test_a_run_that_was_over_is_judged_alike_and_takes_no_pair(pairs):
    first = works()
    whole, given = gone_on(pairs, first)
    assert len(set(given.values())) > 1 and max(given.values()) > 10, given
    again = works(**{w: work.taken for w, work in first.items()})
    resumed, more = gone_on(pairs, again)
    assert more == dict.fromkeys(CHANGES, 0)
    assert judged(resumed) == judged(whole)


@pytest.mark.parametrize("stopped", [1, 2, 6, 9, 15, 21])
def test_a_run_that_was_cut_off_takes_the_pairs_it_lacks_and_is_judged_alike(pairs, stopped):
    whole, given = gone_on(pairs, works())
    first = works()
    _, before = gone_on(pairs, first, most_launches=stopped)
    resumed, more = gone_on(pairs, works(**{w: work.taken for w, work in first.items()}))
    assert {w: before[w] + more[w] for w in CHANGES} == given
    assert judged(resumed) == judged(whole)


def test_what_is_ahead_waits_and_is_judged_by_as_many_pairs(pairs):
    whole, given = gone_on(pairs, works())
    first = works()
    gone_on(pairs, first)
    without = works(**{w: work.taken for w, work in first.items() if w != "same"})
    resumed, more = gone_on(pairs, without)
    assert more == {"same": given["same"], "slower": 0, "little": 0}
    assert judged(resumed) == judged(whole)


def test_when_it_is_over_everything_is_judged_by_all_it_has_once(pairs):
    some = works(**{w: pairs[w][:4] for w in CHANGES})
    pairing = Pairing(some, 32, dict.fromkeys(some, 32))
    assert pairing.due(list(some.values()), over=True) == []
    once = judged(pairing)
    assert not any(work.open for work in some.values())
    assert pairing.due([], over=False) == []
    assert judged(pairing) == once
    assert {comparison.launches for comparison in once.values()} == {4}


def test_address_randomisation_anywhere_widens_the_limit(pairs):
    fixed = works(**{w: pairs[w][:6] for w in CHANGES})
    current, against = pairs["same"][5]
    random_once = {
        **fixed,
        "same": works(same=[*pairs["same"][:5], (replace(current, conditions=()), against)])["same"],
    }
    for some, limit in ((fixed, 0.05), (random_once, 0.10)):
        pairing = Pairing(some, 6, dict.fromkeys(some, 6))
        pairing.due([], over=True)
        assert {comparison.total.limit for comparison in judged(pairing).values()} == {limit}
