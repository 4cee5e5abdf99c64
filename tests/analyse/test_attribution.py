"""Parts that add up to the change of the whole, out of pairs of processes."""

from __future__ import annotations

import math
import random

import pytest

from pytest_wfperf.analyse.attribution import attribution_of_pairs
from pytest_wfperf.model import Launch, Round, Span

FOUR = {"parse": 1.0, "sort": 0.3, "match": 2.0, "store": 5.0}


def launch(rng, steps, outside=0.4, rounds=12):
    level = {path: math.exp(rng.gauss(0, 0.009)) for path in steps}
    taken = []
    for _ in range(rounds):
        own = {p: round(ms * 1e6 * level[p] * (1 + rng.expovariate(40))) for p, ms in steps.items()}
        spans = tuple(
            Span(path=p, count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=0, end_ns=ns)
            for p, ns in own.items()
        )
        taken.append(Round(total_ns=sum(own.values()) + round(outside * 1e6), spans=spans))
    return Launch(rounds=tuple(taken))


def pairs(rng, n, **growth):
    slow = {path: ms * (1 + growth.get(path, 0)) for path, ms in FOUR.items()}
    return [(launch(rng, slow), launch(rng, FOUR)) for _ in range(n)]


@pytest.mark.parametrize("step", ["parse", "match", "store"])
def test_five_percent_in_one_step_is_named(step):
    rng = random.Random(1)
    named = 0
    for _ in range(100):
        parts = attribution_of_pairs(pairs(rng, 15, **{step: 0.05 * max(1, 2 / FOUR[step])}))
        named += max(parts, key=parts.get) == step
    assert named >= 98


def test_the_parts_add_up_and_have_the_right_size():
    parts = attribution_of_pairs(pairs(random.Random(2), 20, match=0.5))
    assert list(parts) == [*FOUR, ""]
    assert sum(parts.values()) == pytest.approx(1.0 / 8.7, rel=0.06)
    assert parts["match"] == pytest.approx(1.0 / 8.7, rel=0.06)
    assert parts[""] == pytest.approx(0, abs=1e-9)


def test_what_a_step_adds_outside_all_steps_is_told_apart():
    rng = random.Random(3)
    parts = attribution_of_pairs([(launch(rng, FOUR, outside=1.4), launch(rng, FOUR)) for _ in range(10)])
    assert max(parts, key=parts.get) == ""


def test_a_wild_pair_at_either_end_is_set_aside():
    rng = random.Random(4)
    taken = pairs(rng, 10, match=0.5)
    wild = launch(rng, {path: 40 * ms for path, ms in FOUR.items()})
    parts = attribution_of_pairs([*taken, (wild, taken[0][1]), (taken[0][0], wild)])
    assert sum(parts.values()) == pytest.approx(1.0 / 8.7, rel=0.15)


def test_a_step_of_one_side_only_carries_its_own_part():
    rng = random.Random(5)
    parts = attribution_of_pairs([(launch(rng, FOUR | {"new": 1.0}), launch(rng, FOUR)) for _ in range(5)])
    assert parts["new"] == pytest.approx(1.0 / 8.7, rel=0.05)


def test_overlapping_steps_and_no_pairs_have_no_parts():
    ns = 1000
    spans = tuple(
        Span(path=p, count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=0, end_ns=ns) for p in "ab"
    )
    both = Launch(rounds=(Round(total_ns=ns, spans=spans),))
    assert attribution_of_pairs([(both, both)]) == {}
    assert attribution_of_pairs([]) == {}
