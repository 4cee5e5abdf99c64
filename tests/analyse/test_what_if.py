"""What-if: against a simulator of executors, by properties that hold for any round, and by hand."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from random_rounds import as_round, chain, executed, makespan, profile, rounds, span, workflows
from scipy.stats import binom

from pytest_wfperf.analyse.question import Change, parse
from pytest_wfperf.analyse.what_if import Rehearsal, ceilings, median_interval, predict
from pytest_wfperf.errors import ConfigError, MeasurementError
from pytest_wfperf.model import Round
from pytest_wfperf.report.what_if import as_json, render, render_ceilings


def rerun(taken, text):
    return Rehearsal(taken).makespan(parse(text))


def changing(paths, factor):
    return "; ".join(f'"{path}"={factor}x'.replace("/", '"/"') for path in paths)


# --- against executors as they are ------------------------------------------------------------


@given(workflows(), st.sampled_from([None, 1, 2, 3]), st.data())
def test_other_times_and_workers_give_what_an_executor_would(workflow, workers, data):
    durations, after = workflow
    starts = executed(durations, after, workers)
    taken = as_round(durations, after, starts, tail=data.draw(st.sampled_from([0, 7])))
    tail = taken.total_ns - makespan(durations, starts)
    changed = [data.draw(st.sampled_from([ns, ns, 1, 9])) for ns in durations]
    asked = [f"s{number}={ns}ns" for number, ns in enumerate(changed)]
    known = workers if any(s.waited_ns for s in taken.spans) else None  # a limit that nobody met is not seen
    other = data.draw(st.sampled_from([None, 1, 2, 4, math.inf]))
    if other is not None:
        asked.append("unlimited workers" if math.isinf(other) else f"{other} workers")
        known = None if math.isinf(other) else other
    ready = {s.path: s.start_ns - s.waited_ns for s in taken.spans}
    order = sorted(range(len(durations)), key=lambda n: (starts[n], ready[f"s{n}"], starts[n] + durations[n]))
    expected = makespan(changed, executed(changed, after, known, order)) + tail
    assert rerun(taken, "; ".join(asked)) == expected


@given(workflows(), st.data())
def test_neither_below_the_longest_chain_nor_above_one_at_a_time(workflow, data):
    durations, after = workflow
    taken = as_round(durations, after, executed(durations, after, data.draw(st.sampled_from([None, 1, 2]))))
    changed = [data.draw(st.integers(0, 20)) for _ in durations]
    asked = "; ".join(f"s{number}={ns}ns" for number, ns in enumerate(changed))
    chains = []
    for number, ns in enumerate(changed):
        chains.append(ns + max((chains[p] for p in after[number]), default=0))
    for workers in ("", "; unlimited workers", "; 2 workers"):
        assert max(chains) <= rerun(taken, asked + workers) <= sum(changed)


# --- whatever was recorded --------------------------------------------------------------------


@given(rounds())
def test_nothing_changed_gives_back_what_was_measured(taken):
    paths = [s.path for s in taken.spans]
    assume(paths)
    assert rerun(taken, changing(paths, 1)) == taken.total_ns


@given(rounds(), st.data())
def test_a_faster_step_never_makes_the_workflow_slower_where_workers_are_plenty(taken, data):
    assume(taken.spans)
    path = data.draw(st.sampled_from([s.path for s in taken.spans]))
    factors = sorted(data.draw(st.lists(st.sampled_from([0, 0.3, 0.5, 1, 1.7, 4]), min_size=2, max_size=2)))
    fast, slow = (rerun(taken, f"{changing([path], factor)}; unlimited workers") for factor in factors)
    assert fast <= slow + 1e-6


# --- by hand ----------------------------------------------------------------------------------


def test_steps_in_a_row_keep_their_order_and_gaps():
    taken = chain(10, 20, 30, gap=5)
    assert rerun(taken, "b=0.5x") == 65
    assert rerun(taken, "b=50ns") == 105
    assert rerun(taken, "b=+7ns; c=-100ns") == 52
    assert rerun(taken, "a,b at once") == 5 + 20 + 5 + 30


def test_edges_that_run_in_a_row_are_a_row_until_workers_are_asked_for():
    taken = chain(10, 20, 30)
    a, b, c = taken.spans
    declared = Round(total_ns=60, spans=(a, span("b", 10, 30, after=("a",)), c))
    assert rerun(taken, "2 workers") == 60
    assert rerun(declared, "a=0ns") == 50
    assert rerun(declared, "2 workers") == 30
    assert (a.after, b.after, c.after) == ((), (), ())


def test_steps_at_once_still_come_after_others():
    a, x, b = chain(10, 20, 30).spans
    taken = Round(total_ns=60, spans=(a, x, span("c", 30, 60, after=("b",))))
    assert rerun(taken, "a,c at once") == 60
    assert rerun(Round(total_ns=60, spans=(a, x, b)), "a,c at once") == 30


def test_what_ran_in_a_row_was_ready_when_its_edges_say():
    a, _, c, d = chain(10, 10, 30, 30).spans
    taken = Round(total_ns=80, spans=(a, span("b", 10, 20, after=("a",)), c, d))
    assert rerun(taken, "2 workers") == 40  # d is ready before b


def test_an_order_that_no_readiness_explains_is_kept():
    spans = (span("a", 0, 10), span("b", 0, 60), span("c", 10, 70, after=("a",)), span("late", 60, 100))
    assert rerun(Round(total_ns=100, spans=spans), "a=1x") == 100
    assert rerun(Round(total_ns=100, spans=spans), "late=2x") == 140


def test_workers_that_nobody_waited_for_are_no_limit():
    spans = (
        span("a", 0, 10),
        span("x", 0, 5),
        span("y", 5, 10, after=("x",)),
        span("b", 10, 20, after=("a",)),
        span("c", 10, 20, after=("a",)),
    )
    assert rerun(Round(total_ns=20, spans=spans), "y=2x") == 20


def test_a_start_a_little_late_follows_nobody_else():
    spans = (span("a", 0, 500), span("z", 0, 502), span("b", 502, 990, after=("a",)))
    assert rerun(Round(total_ns=1000, spans=spans), "z=900ns") == 1000


def test_what_overlaps_goes_on_overlapping():
    taken = Round(total_ns=100, spans=(span("a", 0, 60), span("b", 5, 40), span("c", 62, 95)))
    assert rerun(taken, "b=0.1x") == 100
    assert rerun(taken, "a=20ns") == 100 - (60 - 40)  # b is the longer one then
    assert rerun(taken, "b=3x") == 100 + (5 + 105 - 60)


def test_a_loop_over_two_steps_is_both_of_them_in_turn():
    taken = Round(
        total_ns=100,
        spans=(span("a", 0, 90, count=5, total_ns=50), span("b", 10, 100, count=5, total_ns=40)),
    )
    assert rerun(taken, "a=0.5x") == 75
    assert rerun(taken, "a=0.5x; b=2x") == 115
    assert rerun(taken, "a,b at once") == 60


def test_a_nested_step_changes_its_parent_by_way_of_what_runs_beside_it():
    taken = Round(
        total_ns=160,
        spans=(
            span("p", 0, 100, own_ns=30),
            span("p/x", 10, 40),
            span("p/y", 10, 80),
            span("q", 100, 160),
        ),
    )
    assert rerun(taken, "p/y=0.5x") == 125
    assert rerun(taken, "p/y=0ns") == 120  # x takes over
    assert rerun(taken, "p=0.5x") == 110
    assert rerun(taken, "p/y=0.5x; p=0.5x") == 160 - 100 + 65 / 2


def test_a_parent_entered_often_takes_a_change_of_what_ran_alone_in_it_in_full():
    inner = (span("p/x", 0, 95, count=3, total_ns=30), span("p/y", 5, 100, count=3, total_ns=10))
    loop = span("p", 0, 100, count=3, total_ns=50, own_ns=10)
    taken = Round(total_ns=130, spans=(loop, *inner, span("q", 10, 90, count=2, total_ns=40)))
    assert rerun(taken, "p/x=0.5x") == 115


def test_steps_whose_entries_ran_at_the_same_time_change_in_part():
    inner = (span("p/x", 0, 100, count=3, total_ns=40), span("p/y", 0, 100, count=3, total_ns=40))
    taken = Round(total_ns=100, spans=(span("p", 0, 100, count=3, total_ns=50, own_ns=10), *inner))
    assert rerun(taken, "p/x=0.5x") == 90


def test_a_step_that_two_threads_are_in_takes_the_time_they_were_in_it():
    twice = span("p", 0, 100, count=2, total_ns=200, own_ns=0)
    taken = Round(total_ns=110, spans=(twice, span("p/x", 0, 100, count=2, total_ns=200)))
    assert rerun(taken, "p=100ns") == 60
    assert rerun(taken, "p/x=0.5x") == 60


def test_a_start_that_no_edge_explains_follows_what_it_was_seen_to_wait_for():
    taken = Round(
        total_ns=1000,
        spans=(
            span("load", 0, 500),
            span("side", 0, 900),
            span("check", 0, 100),
            span("report", 501, 800, after=("check",)),
        ),
    )
    assert rerun(taken, "side=100ns; load=400ns") == 800
    assert rerun(taken, "side=100ns; load=400ns; 3 workers") == 900  # its lag stays, whatever the reason


def test_steps_at_once_that_still_wait_for_each_other_are_told():
    spans = (
        span("a", 0, 10),
        span("other", 0, 12),
        span("x", 10, 20, after=("a",)),
        span("b", 20, 30, after=("x", "a")),
    )
    found = predict(profile([Round(total_ns=30, spans=spans)]), "a,b at once")
    assert found.predicted_ns == 30
    assert "b still comes after a, by way of other steps" in found.notes
    direct = (spans[0], span("other", 0, 14), spans[2], span("b", 12, 22, after=("a",)))
    assert rerun(Round(total_ns=30, spans=direct), "a,b at once") == 28  # x ends last, then the round takes 8 more


# --- the answer -------------------------------------------------------------------------------


def test_the_interval_holds_the_median_as_often_as_it_says():
    for n in range(2, 60):
        low, high, confidence = median_interval(range(n))
        assert low + high == n - 1
        assert confidence == pytest.approx(1 - 2 * binom.cdf(low, n, 0.5))
        assert n < 6 or confidence >= 0.95
        assert n < 6 or 1 - 2 * binom.cdf(low + 1, n, 0.5) < 0.95
    assert median_interval([5.0]) == (None, None, 0.0)


def test_rounds_make_a_prediction_with_an_interval():
    found = predict(profile([chain(10 + n, 20) for n in range(12)]), "b=0.5x")
    assert (found.sampled, found.samples, found.measured_ns, found.predicted_ns) == ("round", 12, 35.5, 25.5)
    assert (found.low_ns, found.high_ns) == (22, 29)
    assert found.confidence == pytest.approx(0.9614, abs=1e-4)
    assert found.speedup == pytest.approx(35.5 / 25.5)
    (ceiling,) = found.ceilings
    assert (ceiling.path, ceiling.remaining_ns) == ("b", 15.5)
    assert found.notes == ()


def test_launches_speak_with_one_voice_each_where_there_are_six():
    found = predict(profile(*([chain(10 + n), chain(10 + n), chain(90)] for n in range(6))), "a=2x")
    assert (found.sampled, found.samples, found.low_ns, found.high_ns) == ("launch", 6, 20, 30)


def test_one_round_has_no_interval_and_failed_rounds_do_not_count():
    failed = Round(total_ns=5, status="failed", spans=chain(5).spans)
    found = predict(profile([chain(10), failed]), "a=2x")
    assert (found.predicted_ns, found.low_ns, found.high_ns) == (20, None, None)
    assert len(found.notes) == 2
    assert "1 of 2 rounds failed" in found.notes[1]
    with pytest.raises(MeasurementError, match=r"no round of test_it\.py::test_flow passed"):
        predict(profile([failed]), "a=2x")


def test_workers_for_steps_without_edges_are_told_to_change_nothing():
    assert "declare it with after=" in predict(profile([chain(1, 2)] * 2), "4 workers").notes[0]


def test_ceilings_are_what_is_left_without_a_step_the_best_first():
    spans = (span("a", 0, 60), span("b", 0, 50), span("c", 60, 90))
    found = ceilings(profile([Round(total_ns=90, spans=spans)] * 3))
    assert [(each.path, each.remaining_ns) for each in found] == [("c", 60), ("a", 80), ("b", 90)]
    assert found[0].speedup == 1.5
    assert render_ceilings(found).splitlines()[0] == "60 ns if c took no time: 1.5x as fast"
    assert len(ceilings(profile([chain(1, 2, 3)]), most=2)) == 2
    assert ceilings(profile([Round(total_ns=5, status="failed", spans=chain(5).spans)])) == ()


def test_a_prediction_in_words_and_as_json():
    found = predict(profile([chain(10_000_000 + n, 30_000_000) for n in range(12)]), "b=0.5x")
    assert render(found).splitlines() == [
        "test_it.py::test_flow: what if b=0.5x",
        "  measured   40 ms, median of 12 rounds",
        "  predicted  25 ms (96 % interval 25 ms to 25 ms): 1.6x as fast",
        "  at most    10 ms if b took no time: 4x as fast",
    ]
    told = json.loads(json.dumps(as_json(found)))
    assert told["predicted_ns"] == found.predicted_ns
    assert told["ceilings"][0]["path"] == "b"
    nothing_left = predict(profile([chain(10)] * 2), "a=0x")
    assert as_json(nothing_left)["speedup"] is None
    assert "as fast as can be" in render(nothing_left)


# --- questions --------------------------------------------------------------------------------


def test_questions_are_read():
    asked = parse(""" parse=0.5x; load/"two words" = 1.5s;'it\\'s'=-20ms;b=+3us ; a, "c d",e at  once; 4 workers """)
    assert asked.changes == (
        Change(path="parse", factor=0.5),
        Change(path="load/two words", factor=0, plus_ns=1.5e9),
        Change(path="it's", factor=1, plus_ns=-20e6),
        Change(path="b", factor=1, plus_ns=3e3),
    )
    assert asked.together == (("a", "c d", "e"),)
    assert asked.workers == 4
    assert asked.paths == ("parse", "load/two words", "it's", "b", "a", "c d", "e")
    assert parse("unlimited workers").workers == math.inf
    assert parse("1 worker").workers == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at its end: expected the name of a step"),
        ("parse", "at its end: expected = after the step's name"),
        ("parse=", "expected a factor such as 0.5x, or a time"),
        ("parse=fast", "before 'fast': expected a factor such as 0.5x, or a time"),
        ("parse=5", "expected one of x, ns, us"),
        ("parse=5y", "expected one of x, ns, us"),
        ("parse=50%", "50 % is 0.5x"),
        ("parse=-2x", "expected one of ns, us, µs, ms, s, min after -2"),
        ("parse=1x; parse=2x", "parse is changed twice"),
        ("a at once", "takes two steps or more"),
        ("a,a at once", "takes two steps or more"),
        ("a,b", "expected , and another step, or: at once"),
        ("a,b=2x", "before '=2x': expected , and another step, or: at once"),
        ("0 workers", "it takes 1 worker at least"),
        ("2 workers; 3 workers", "asked twice"),
        ("a=2x b=3x", "before 'b=3x': expected the end, or ; and another question"),
        ('"open=2x', "before '\"open=2x': expected the name of a step"),
        ('""=2x', "expected the name of a step"),
        ("a/=2x", "before '=2x': expected the name of a step"),
    ],
)
def test_what_cannot_be_read_is_shown_with_its_place(text, said):
    with pytest.raises(ConfigError) as caught:
        parse(text, "--what-if")
    assert str(caught.value).startswith(f"--what-if: cannot read {text!r}, ")
    assert said in str(caught.value)


@given(st.text(st.sampled_from("ab =,;/x0.5ms+-'\"\\workersonce4"), max_size=30))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ConfigError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prase=2x", "has no step 'prase'; did you mean 'parse'?"),
        ("emit=2x", "did you mean 'parse/emit'?"),
        ("zzz=2x", "it has parse, parse/emit, sort"),
        ("parse/emit,sort at once", "are not steps of one and the same step"),
    ],
)
def test_steps_that_are_not_there_are_told_with_what_is(text, said):
    spans = (span("parse", 0, 10, own_ns=5), span("parse/emit", 0, 5), span("sort", 10, 20))
    with pytest.raises(ConfigError) as caught:
        predict(profile([Round(total_ns=20, spans=spans)]), text)
    assert said in str(caught.value)
