"""Who is ahead, who is tied, and who is beaten, on boards whose truth is known."""

from __future__ import annotations

import math
import random

import pytest

from pytest_wfperf.judge.leaderboard import family, leaderboards
from pytest_wfperf.judge.verdict import Policy, Reference, judge
from pytest_wfperf.model import Check, Environment, Launch, Metric, Profile, Round

NOTHING = Environment(facts=())


def variant(
    name, ms, *, passed=12, cost=None, unit="USD", param=None, launches=0, rng=None, rounds=12, checks=True, sd=0.01
):
    """A variant of so many ms a round; with ``launches`` in fresh processes that scatter by ``sd``."""
    taken = []
    for _ in range(launches or 1):
        level = math.exp(rng.gauss(0, sd)) if rng else 1.0
        taken.append(
            Launch(
                rounds=tuple(
                    Round(
                        total_ns=round(ms * 1e6 * level * (1 + (rng.random() / 50 if rng else 0))),
                        status="passed" if checks or i < passed else "failed",
                        checks=(Check(name="right", passed=i < passed),) if checks else (),
                        metrics=() if cost is None else (Metric(name="cost", value=cost, unit=unit),),
                    )
                    for i in range(rounds)
                ),
                conditions=(("addresses", "fixed"),) if launches else (),
            )
        )
    workflow = f"tests/test_a.py::test_agent[{param or name}]"
    return Profile(workflow=workflow, environment=NOTHING, launches=tuple(taken), variant=name)


def boards(*profiles):
    return leaderboards([(judge(p, reference=Reference(), policy=Policy()), p) for p in profiles])


def standings(*profiles):
    (board,) = boards(*profiles)
    return {standing.variant: standing for standing in board.standings}


def ranks(*profiles):
    return {name: standing.rank for name, standing in standings(*profiles).items()}


class TestFamilies:
    @pytest.mark.parametrize(
        ("node_id", "name"),
        [
            ("tests/test_a.py::test_b", "tests/test_a.py::test_b"),
            ("tests/test_a.py::test_b[gpt]", "tests/test_a.py::test_b"),
            ("tests/test_a.py::TestC::test_b[a[0]-x::y]", "tests/test_a.py::TestC::test_b"),
            ("tests[old]/test_a.py::test_b[gpt]", "tests[old]/test_a.py::test_b"),
        ],
    )
    def test_the_node_id_without_parameters(self, node_id, name):
        assert family(node_id) == name

    def test_one_board_a_family_and_none_for_one_variant_or_none_at_all(self):
        other = [Profile(workflow=f"t.py::test_b[{i}]", environment=NOTHING, launches=variant("x", 1).launches, variant=i)
                 for i in "pq"]  # fmt: skip
        lone = Profile(workflow="t.py::test_c", environment=NOTHING, launches=variant("x", 1).launches, variant="only")
        plain = Profile(workflow="t.py::test_a[1]", environment=NOTHING, launches=variant("x", 1).launches)
        found = boards(variant("a", 10), lone, other[0], plain, variant("b", 20), other[1])
        assert [board.workflow for board in found] == ["tests/test_a.py::test_agent", "t.py::test_b"]
        assert boards(lone, plain) == ()

    def test_a_variant_without_rounds_stands_nowhere(self):
        empty = Profile(workflow="tests/test_a.py::test_agent[c]", environment=NOTHING, launches=(), variant="c")
        assert ranks(variant("a", 10), variant("b", 20), empty) == {"a": 1, "b": 2}

    def test_several_tests_of_one_variant_are_told_apart(self):
        found = ranks(variant("a", 10, param="a-1"), variant("a", 40, param="a-2"), variant("b", 20))
        assert list(found) == ["a [a-1]", "b", "a [a-2]"]


class TestRanks:
    def test_the_faster_is_ahead(self):
        assert ranks(variant("slow", 40), variant("fast", 10), variant("middle", 20)) == {
            "fast": 1, "middle": 2, "slow": 3,
        }  # fmt: skip

    def test_a_faster_one_that_passes_less_often_is_not(self):
        assert ranks(variant("wrong", 5, passed=11), variant("right", 40)) == {"right": 1, "wrong": 2}
        assert ranks(variant("broken", 5, passed=11, checks=False), variant("whole", 40)) == {"whole": 1, "broken": 2}

    def test_shares_are_compared_and_not_numbers(self):
        assert ranks(variant("few", 10, passed=6, rounds=6), variant("many", 40, passed=12)) == {"few": 1, "many": 2}

    def test_what_cannot_be_told_apart_shares_a_rank_and_is_named(self):
        found = standings(variant("a", 10), variant("b", 10.5), variant("c", 40))
        assert {name: (s.rank, s.tied) for name, s in found.items()} == {
            "a": (1, ("b",)), "b": (1, ("a",)), "c": (3, ()),
        }  # fmt: skip

    def test_of_one_rank_the_faster_stands_first(self):
        assert list(ranks(variant("b", 10.5), variant("a", 10), variant("c", 40))) == ["a", "b", "c"]

    def test_the_figures_stand_beside_it(self):
        found = standings(variant("a", 10, passed=9, cost=0.25), variant("b", 30))["a"]
        assert (found.median_ns, found.passed, found.rounds, found.cost.value) == (10e6, 9, 12, 0.25)
        assert found.workflow == "tests/test_a.py::test_agent[a]"


class TestTies:
    def test_launches_tell_apart_what_one_process_does_not(self):
        rng = random.Random(1)
        assert ranks(variant("a", 10, rng=rng), variant("b", 11, rng=rng)) == {"a": 1, "b": 1}
        launched = [variant(name, ms, launches=10, rng=rng) for name, ms in (("a", 10), ("b", 11))]
        assert ranks(*launched) == {"a": 1, "b": 2}

    def test_launches_that_agree_tell_nothing_finer_than_code_moves_by_itself(self):
        assert ranks(variant("a", 10, launches=5), variant("b", 10.05, launches=5)) == {"a": 1, "b": 1}
        assert ranks(variant("a", 10, launches=5), variant("b", 10.2, launches=5)) == {"a": 1, "b": 2}

    def test_one_launch_is_one_process(self):
        rng = random.Random(2)
        assert ranks(*(variant(name, ms, launches=1, rng=rng) for name, ms in (("a", 10), ("b", 11)))) == {
            "a": 1,
            "b": 1,
        }

    @pytest.mark.parametrize(("number", "launches", "sd"), [(2, 8, 0.01), (5, 8, 0.1), (4, 3, 0.1), (3, 2, 0.03)])
    def test_boards_of_equals_tell_two_apart_at_most_five_times_in_a_hundred(self, number, launches, sd):
        rng, boards_taken = random.Random(3), 300
        false = 0
        for _ in range(boards_taken):
            equals = [variant(str(i), 10, launches=launches, rng=rng, rounds=3, sd=sd) for i in range(number)]
            false += set(ranks(*equals).values()) != {1}
        assert false <= 0.05 * boards_taken + 2 * math.sqrt(boards_taken * 0.05 * 0.95)

    def test_five_percent_is_told_by_ten_launches(self):
        rng = random.Random(4)
        told = 0
        for _ in range(50):
            pair = [variant(name, ms, launches=10, rng=rng, rounds=3) for name, ms in (("a", 10), ("b", 10.5))]
            told += ranks(*pair) == {"a": 1, "b": 2}
        assert told >= 45


class TestBeaten:
    def beaten(self, *profiles):
        return {name for name, standing in standings(*profiles).items() if standing.beaten}

    def test_faster_and_no_worse_beats(self):
        assert self.beaten(variant("a", 10), variant("b", 40)) == {"b"}
        assert self.beaten(variant("a", 10, cost=1), variant("b", 40, cost=1)) == {"b"}

    def test_a_dearer_a_slower_or_a_less_reliable_one_may_stand(self):
        assert self.beaten(variant("a", 10, cost=2), variant("b", 40, cost=1)) == set()
        assert self.beaten(variant("a", 10, passed=11), variant("b", 40)) == set()

    def test_tied_in_time_the_cheaper_and_the_more_reliable_beat(self):
        assert self.beaten(variant("a", 10, cost=2), variant("b", 10, cost=1)) == {"a"}
        assert self.beaten(variant("a", 10, passed=11), variant("b", 10)) == {"a"}
        assert self.beaten(variant("a", 10), variant("b", 10)) == set()

    def test_costs_of_other_currencies_or_none_are_not_compared(self):
        assert self.beaten(variant("a", 10, cost=1), variant("b", 40, cost=1, unit="EUR")) == set()
        assert self.beaten(variant("a", 10, cost=1), variant("b", 40)) == set()
