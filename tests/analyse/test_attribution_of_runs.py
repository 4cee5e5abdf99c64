"""Parts of a change between two runs: they add up, and a known change is in the right one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_rounds import chain, rounds, span

from pytest_wfperf.analyse.attribution import attribution_of_runs
from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.model import Cache, Round


def parts(current, baseline):
    found = attribution_of_runs([current] * 4, [baseline] * 4)
    assert math.fsum(part.change_ns for part in found.parts) == pytest.approx(found.change_ns, abs=1e-6)
    return {(part.kind, part.path): part.change_ns for part in found.parts}


@given(st.lists(rounds(), min_size=1, max_size=6), st.lists(rounds(), min_size=1, max_size=6))
def test_the_parts_add_up_whatever_was_recorded(current, baseline):
    found = attribution_of_runs(current, baseline)
    assert math.fsum(part.change_ns for part in found.parts) == pytest.approx(found.change_ns, abs=1e-6)
    assert found.current_ns == min(r.total_ns for r in current)


def test_own_work_of_the_step_that_grew():
    assert parts(chain(10, 25, 30), chain(10, 20, 30)) == {("work", "b"): 5}
    assert parts(chain(10, 20, 30), chain(10, 25, 30)) == {("work", "b"): -5}


def test_own_work_is_without_that_of_nested_steps():
    before = Round(total_ns=100, spans=(span("p", 0, 100, own_ns=40), span("p/x", 10, 70)))
    now = Round(total_ns=133, spans=(span("p", 0, 133, own_ns=43), span("p/x", 10, 100)))
    assert parts(now, before) == {("work", "p/x"): 30, ("work", "p"): 3}


def test_gaps_and_the_rest():
    assert parts(chain(10, 20, gap=4), chain(10, 20, gap=1)) == {("gaps", ""): 6}
    late = Round(total_ns=45, spans=chain(10, 20).spans)
    assert parts(late, chain(10, 20)) == {("rest", ""): 15}


def test_queueing_and_retries_are_told_from_gaps():
    def waiting(start, **more):
        return Round(total_ns=start + 20, spans=(span("a", 0, 10), span("b", start, start + 20, **more)))

    assert parts(waiting(40, waited_ns=25), waiting(12)) == {("queueing", "b"): 25, ("gaps", ""): 3}
    assert parts(waiting(12, waited_ns=25), waiting(11)) == {("queueing", "b"): 2, ("gaps", ""): -1}
    assert parts(waiting(40, waited_ns=9, retries=1, retry_ns=20), waiting(11)) == {
        ("queueing", "b"): 9,
        ("retries", "b"): 20,
    }


def both(a, b, end=10):
    """Two steps at the same time, and one after both."""
    last = max(a, b)
    return Round(total_ns=last + end, spans=(span("a", 0, a), span("b", 0, b), span("end", last, last + end)))


def test_a_step_that_becomes_the_one_to_wait_for_grew_less_what_was_in_reserve():
    assert parts(both(150, 100), both(80, 100)) == {("work", "a"): 70, ("path", ""): -20}


def test_a_step_that_is_no_longer_the_one_to_wait_for_gains_less_what_takes_over():
    assert parts(both(80, 50), both(80, 100)) == {("work", "b"): -50, ("path", ""): 30}


def test_growth_in_reserve_is_no_part():
    assert parts(both(99, 100), both(80, 100)) == {}


def test_new_and_vanished_steps_carry_all_of_their_time():
    assert parts(chain(10, 20, 30), chain(10, 20)) == {("work", "c"): 30}
    assert parts(chain(10, 20), chain(10, 20, 30)) == {("work", "c"): -30}


def test_misses_of_caches_stand_beside():
    def looked_up(misses):
        caches = (Cache(name="pages", hits=5, misses=misses), Cache(name="same", hits=1, misses=1))
        return Round(total_ns=10, caches=caches)

    found = attribution_of_runs([looked_up(4)], [looked_up(1), looked_up(1)])
    assert found.misses == (("pages", 1, 4),)


def test_the_fastest_quarter_of_the_passed_rounds_speaks():
    slow = [chain(90, 20) for _ in range(6)]
    failed = Round(total_ns=1, status="failed")
    found = attribution_of_runs([chain(15, 20), *slow, failed], [chain(10, 20), *slow])
    assert (found.baseline_ns, found.current_ns) == (30, 35)
    with pytest.raises(MeasurementError, match="no round of the baseline passed"):
        attribution_of_runs(slow, [failed])
