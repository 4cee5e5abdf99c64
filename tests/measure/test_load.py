"""Replicas of one callable at once: real threads, tasks and processes."""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing
import os
import random
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.fixture import Wfperf
from pytest_wfperf.loads import Load, LoadStep
from pytest_wfperf.measure.channel import decode_round, encode_round
from pytest_wfperf.measure.load import _at_once_ns, _held
from pytest_wfperf.measure.replica import Schedule
from pytest_wfperf.measure.rounds import Measurement
from pytest_wfperf.model import Environment, Round
from pytest_wfperf.samples import quantile

LIMIT_S = 60
TAG = contextvars.ContextVar("tag", default="")


@pytest.fixture
def measurement():
    return Measurement()


@pytest.fixture
def face(measurement):
    return Wfperf(measurement, "w", lambda: Environment(facts=()), shared=Path)


def spans(measurement):
    (taken,) = measurement.rounds
    return {span.path: span for span in taken.spans}


# --- what other processes import --------------------------------------------------------------


def in_process(wfperf, folder, index):
    with wfperf.step("meet"):
        (folder / f"{index}").touch()
        deadline = time.monotonic() + LIMIT_S
        while len(list(folder.iterdir())) < 3 and time.monotonic() < deadline:
            time.sleep(0.001)
    wfperf.check("met", len(list(folder.iterdir())) == 3)
    wfperf.metric("index", index)
    wfperf.cache("pages", hits=index, misses=1)
    if index == 1:
        raise ValueError(f"pid {os.getpid()}")


def meeting_place(index):
    return (Path(os.environ["WFPERF_TEST_FOLDER"]), index), {}


async def waiting_in_process(wfperf):
    async with wfperf.step("wait"):
        await asyncio.sleep(0.001)


def dying(index):
    if index == 1:
        os._exit(7)


def own_index(index):
    return index


def leave_word(index, *given):
    Path(os.environ["WFPERF_TEST_FOLDER"], f"down-{index}").write_text(str(given))


def no_set_up(index):
    if index == 1:
        raise OSError("port 5432 is taken")


def nothing(*_):
    pass


# --- starting together ------------------------------------------------------------------------


def test_threads_are_all_at_it_at_once(face):
    barrier = threading.Barrier(3)
    load = face.load(lambda: barrier.wait(LIMIT_S), 3, rounds=4, baseline=False)
    assert (load.mode, load.concurrency, load.calls, load.failures) == ("thread", 3, 12, 0)


def test_tasks_are_all_at_it_at_once(face):
    inside = set()

    async def meet(index):
        inside.add(index)
        async with asyncio.timeout(LIMIT_S):
            while len(inside) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0)

    load = face.load(meet, 3, setup=own_index, baseline=False, warmup=0)
    assert (load.mode, load.calls, load.failures) == ("task", 3, 0)


def test_processes_are_all_at_it_at_once_and_what_they_record_comes_back(face, measurement, tmp_path, monkeypatch):
    monkeypatch.setenv("WFPERF_TEST_FOLDER", str(tmp_path))
    load = face.load(in_process, 3, mode="process", setup=meeting_place, baseline=False, warmup=0)
    assert (load.mode, load.calls, load.failures) == ("process", 3, 1)
    assert load.examples[0].startswith("replica 1: ValueError: pid ")
    assert load.examples[0] != f"replica 1: ValueError: pid {os.getpid()}"
    assert [step.path for step in load.steps] == ["meet"]
    found = spans(measurement)
    assert (found["load:3"].count, found["load:3"].status, found["load:3/meet"].count) == (3, "error", 3)
    (taken,) = measurement.rounds
    assert [(check.name, check.passed) for check in taken.checks] == [("met", True)]
    assert [(metric.name, metric.value) for metric in taken.metrics] == [("index", 1.0)]
    assert [(cache.hits, cache.misses) for cache in taken.caches] == [(3, 3)]
    assert multiprocessing.active_children() == []


# --- failures ---------------------------------------------------------------------------------


def test_failures_are_counted_and_the_others_go_on(face, measurement):
    def fn(index):
        if index == 1:
            raise ValueError("boom")
        if index == 2:
            pytest.fail("no use")

    load = face.load(fn, 3, rounds=5, setup=own_index)
    assert (load.calls, load.failures, len(load.service_ns)) == (15, 10, 5)
    assert load.examples == ("replica 1: ValueError: boom", "replica 2: Failed: no use")
    assert load.throughput == pytest.approx(5e9 / load.wall_ns)
    (taken,) = measurement.rounds
    assert taken.status == "passed"
    assert "load:3: 10 of 15 calls failed (replica 1: ValueError: boom; replica 2: Failed: no use)" in taken.notes
    assert any(note.startswith("load:3: 2 of 8 calls before the start failed") for note in taken.notes)
    with pytest.raises(AssertionError, match=r"load:3 is not stable: 10 of 15 calls failed \(replica 1: ValueError"):
        load.assert_stable(max_inflation=1e9)


def test_where_no_call_completes_there_is_nothing_to_measure(face, measurement):
    def fn():
        raise ValueError("boom")

    with pytest.raises(MeasurementError, match=r"no call completed.*2 of 2 calls failed \(replica 0: ValueError: boom"):
        face.load(fn, 2)
    (taken,) = measurement.rounds
    assert (taken.status, taken.loads) == ("failed", ())


def test_a_callable_that_returns_an_awaitable_is_not_measured_by_its_making(face):
    async def work(n): ...

    with pytest.raises(MeasurementError, match="returned an awaitable, and nothing here awaits it"):
        face.load(lambda: work(1), 2)


def test_an_interrupt_ends_it(face, measurement):
    def fn(index):
        if index == 1:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        face.load(fn, 3, setup=own_index)
    assert threading.active_count() == before
    assert measurement.rounds[0].status == "failed"


@pytest.mark.parametrize(
    ("fn", "setup", "said"),
    [
        (dying, own_index, "replica 1 of .*: its process is gone, exit code 7"),
        (nothing, no_set_up, "replica 1 of .*: OSError: port 5432 is taken"),
    ],
)
def test_a_process_that_breaks_is_an_error_and_leaves_none_behind(face, fn, setup, said):
    with pytest.raises(MeasurementError, match=said):
        face.load(fn, 3, mode="process", setup=setup)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("fn", [lambda: None, [].append, Path("x").exists])
def test_a_process_has_to_be_able_to_import_the_callable(face, fn):
    with pytest.raises(MeasurementError, match="has to import it: define it with def at the top of a module"):
        face.load(fn, mode="process")


def test_a_module_that_another_process_does_not_find_is_named(face, monkeypatch):
    module = type(sys)("only_here")
    exec("def fn(): pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    with pytest.raises(MeasurementError, match="ModuleNotFoundError: No module named 'only_here'"):
        face.load(module.fn, mode="process")


# --- fixtures of their own --------------------------------------------------------------------


def test_every_replica_is_set_up_and_torn_down_in_its_own_thread(face):
    events = []

    def note(what, index):
        events.append((what, index, threading.get_ident()))

    def setup(index):
        note("up", index)
        return (index,), {"scale": 2}

    def fn(index, *, scale):
        note("call", index)
        assert scale == 2

    load = face.load(fn, 3, rounds=2, setup=setup, teardown=lambda index, same, scale: note("down", index))
    assert load.failures == 0
    threads = {index: {thread for _, other, thread in events if other == index} for index in range(3)}
    assert all(len(own) == 1 for own in threads.values())
    assert len(set.union(*threads.values())) == 3
    for index, calls in ((0, 8), (1, 3), (2, 3)):  # one to warm up, five alone, two at once
        assert [what for what, other, _ in events if other == index] == ["up", *["call"] * calls, "down"]


def test_coroutines_set_up_and_tear_down_tasks(face):
    events = []

    async def setup(index):
        await asyncio.sleep(0)
        return f"client {index}"

    async def fn(client):
        await asyncio.sleep(0)
        assert client.startswith("client")

    async def teardown(index, client):
        await asyncio.sleep(0)
        events.append((index, client))

    assert face.load(fn, 2, setup=setup, teardown=teardown).failures == 0
    assert sorted(events) == [(0, "client 0"), (1, "client 1")]


def test_a_set_up_that_fails_is_raised_and_the_others_are_torn_down(face, measurement):
    down = []
    with pytest.raises(OSError, match="port 5432 is taken"):
        face.load(nothing, 3, setup=no_set_up, teardown=down.append)
    assert sorted(down) == [0, 2]
    assert measurement.rounds == []


def test_processes_tear_down(face, tmp_path, monkeypatch):
    monkeypatch.setenv("WFPERF_TEST_FOLDER", str(tmp_path))
    face.load(nothing, 2, mode="process", setup=own_index, teardown=leave_word, baseline=False)
    assert sorted((path.name, path.read_text()) for path in tmp_path.iterdir()) == [
        ("down-0", "(0,)"),
        ("down-1", "(1,)"),
    ]


def test_a_coroutine_function_runs_in_processes_too(face):
    load = face.load(waiting_in_process, 2, mode="process", rounds=2)
    assert (load.mode, load.calls, load.failures) == ("process", 4, 0)
    assert load.step("wait").alone_ns >= 500_000


@pytest.mark.parametrize(
    "parameters", ["wfperf, a, b, *, c", "a, b, wfperf, *, c", "a, wfperf, /, b, *, c", "a, b, *, wfperf, c"]
)
@pytest.mark.parametrize("given", ["((1, 2), {'c': 3})", "((1,), {'b': 2, 'c': 3})"])
def test_the_callable_is_given_the_tests_own_object(face, parameters, given):
    seen = []
    names: dict = {"seen": seen}
    exec(f"def fn({parameters}): seen.append((wfperf, a, b, c))", names)
    load = face.load(names["fn"], 2, setup=lambda _: eval(given))
    assert load.failures == 0
    assert set(seen) == {(face, 1, 2, 3)}


# --- schedules --------------------------------------------------------------------------------


def test_at_a_rate_replicas_take_turns():
    schedule = Schedule(concurrency=3, rounds=2, rate=10)
    ms = [[ns // 1_000_000 for ns in schedule.starts(replica, 1_000_000_000)] for replica in range(3)]
    assert ms == [[1000, 1300], [1100, 1400], [1200, 1500]]


@given(st.integers(1, 7), st.integers(1, 50), st.integers(1, 20))
def test_at_a_rate_for_a_time_every_call_is_some_replicas(concurrency, rate, tenths):
    schedule = Schedule(concurrency=concurrency, rate=rate, duration_s=tenths / 10)
    starts = sorted(ns for replica in range(concurrency) for ns in schedule.starts(replica, 1))
    assert starts == [1 + round(n / rate * 1e9) for n in range(-(-rate * tenths // 10))]


def test_for_a_time_without_a_rate_calls_follow_each_other(face):
    load = face.load(lambda: time.sleep(0.01), 2, duration=0.1, baseline=False)
    assert load.wall_ns >= 100_000_000
    assert 4 <= load.calls <= 22
    assert load.latency_ns == load.service_ns


def test_latency_from_the_intended_start_shows_the_queue_that_service_time_hides(face):
    load = face.load(lambda: time.sleep(0.03), 1, rounds=10, rate=100, baseline=False)
    assert load.rate == 100
    assert load.service.min >= 0.03
    assert load.latency.max >= 0.3 - 0.09
    assert load.latency.max > 2 * load.service.max
    assert load.latency.min < load.latency.median < load.latency.p95 <= load.latency.max


def test_a_load_that_keeps_up_with_its_rate_has_no_queue(face):
    async def fn():
        await asyncio.sleep(0.001)

    load = face.load(fn, 2, rounds=5, rate=50, baseline=False)
    assert load.wall_ns >= 180_000_000
    assert load.latency.median < 0.02


def test_only_time_can_be_measured_of_it():
    counting = Wfperf(Measurement(clock=lambda: 0), "w", lambda: Environment(facts=()), shared=Path)
    with pytest.raises(MeasurementError, match="cannot be counted"):
        counting.load(nothing)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"concurrency": 0}, "concurrency=0.*at least 1"),
        ({"rounds": 0}, "rounds=0.*at least 1"),
        ({"rounds": 2, "duration": 1}, "rounds=2.*left out where there is a duration"),
        ({"duration": 0}, "duration=0.*above 0 seconds"),
        ({"rate": -1}, "rate=-1.*above 0 calls a second"),
        ({"warmup": -1}, "warmup=-1.*at least 0"),
        ({"mode": "fork"}, "mode='fork'.*one of auto, thread, task, process"),
        ({"mode": "task"}, "mode='task'.*'thread' or 'process' for <function nothing"),
    ],
)
def test_what_cannot_be_is_refused(face, measurement, wrong, said):
    with pytest.raises(MeasurementError, match=said):
        face.load(nothing, **wrong)
    assert not measurement.owns_rounds


def test_coroutines_are_not_run_in_threads(face):
    with pytest.raises(MeasurementError, match=r"mode='thread'.*'task' or 'process'"):
        face.load(waiting_in_process, mode="thread")


# --- one replica alone ------------------------------------------------------------------------


def test_what_sleeps_is_not_inflated(face):
    def fn():
        with face.step("sleep"):
            time.sleep(0.02)

    load = face.load(fn, 3, rounds=3)
    assert 0.5 < load.inflation < 1.6
    assert 0.5 < load.step("sleep").inflation < 1.6
    load.assert_stable(max_inflation=1.6)


def test_what_holds_a_lock_is_inflated_by_the_others(face):
    lock = asyncio.Lock()

    async def fn():
        async with face.step("locked"):
            async with lock:
                await asyncio.sleep(0.01)
        async with face.step("free"):
            await asyncio.sleep(0.001)

    load = face.load(fn, 4, rounds=6)
    assert 2.5 < load.step("locked").inflation < 5
    assert load.step("free").inflation < 2.5
    assert load.most_inflated.path == "locked"
    with pytest.raises(AssertionError, match=r"load:4 is not stable: a call takes .*x as long as alone, at most 1\.3x"):
        load.assert_stable()


@pytest.mark.parametrize("rounds", [1, 4])
def test_threads_that_take_turns_at_a_lock_are_inflated_even_if_one_has_it_for_long(face, rounds):
    lock = threading.Lock()

    def fn():
        with face.step("locked"), lock:
            time.sleep(0.02)

    load = face.load(fn, 3, rounds=rounds)
    assert 1.4 < load.inflation < 4
    assert 1.4 < load.step("locked").inflation < 4


def test_without_a_baseline_there_is_no_inflation(face):
    load = face.load(nothing, 2, baseline=False)
    assert load.alone_ns is None
    with pytest.raises(MeasurementError, match=r"load:2 was not measured alone"):
        assert load.inflation


def test_a_replica_that_waits_long_but_seldom_counts_by_its_mean():
    assert _at_once_ns([(0, 1), (0, 1), (1, 5), (1, 1), (2, 9), (2, 1)]) == 3


# --- what is recorded -------------------------------------------------------------------------


def test_steps_of_all_replicas_hang_under_the_load_and_nothing_else_does(face, measurement):
    def fn():
        with face.step("outer"):
            for _ in range(2):
                with face.step("inner"):
                    pass

    with face.step("around"):
        load = face.load(fn, 3, rounds=2)
    found = spans(measurement)
    assert {path: span.count for path, span in found.items()} == {
        "load:3": 6,
        "load:3/outer": 6,
        "load:3/outer/inner": 12,
    }
    assert [step.path for step in load.steps] == ["outer", "outer/inner"]
    (taken,) = measurement.rounds
    assert taken.total_ns == load.wall_ns
    assert taken.loads == (load,)
    with pytest.raises(
        MeasurementError, match=r"no step 'iner' was recorded in load:3; recorded steps: 'outer', 'outer"
    ):
        load.step("iner")


def test_a_call_of_many_steps_keeps_them(face, measurement):
    def fn():
        for _ in range(12_000):
            with face.step("tiny"):
                pass

    load = face.load(fn, 1, baseline=False, warmup=0)
    assert measurement.rounds[0].folded > 9_000
    assert load.step("tiny").at_once_ns == spans(measurement)["load:1/tiny"].total_ns


def test_checks_hold_together_metrics_are_means_and_look_ups_add_up(face, measurement):
    def fn(index):
        face.check("small", index < 2, f"{index} is large")
        face.score("right", 0.5 + index, minimum=0.5)
        face.metric("tokens", 100 + index, unit="tokens", better="higher")
        face.metric("same", 0.1)
        face.cache("pages", hits=1, misses=index)

    load = face.load(fn, 3, rounds=2, setup=own_index)
    assert load.failures == 0
    (taken,) = measurement.rounds
    small, right = taken.checks
    assert (small.passed, small.detail) == (False, "failed 1 of 3 times: failed 2 of 2 times: 2 is large")
    assert right.passed
    assert [(m.name, m.value, m.unit, m.better) for m in taken.metrics] == [
        ("tokens", 101.0, "tokens", "higher"),
        ("same", 0.1, "", "lower"),
    ]
    assert [(cache.hits, cache.misses) for cache in taken.caches] == [(6, 6)]


def test_facts_around_the_load_are_the_rounds_too(face, measurement):
    face.check("before", True)
    face.load(
        nothing,
        2,
        setup=lambda index: face.check(f"up {index}", True),
        teardown=lambda i: face.check(f"down {i}", True),
    )
    face.check("after", True)
    (taken,) = measurement.launch().rounds
    assert {check.name for check in taken.checks} == {"before", "up 0", "up 1", "down 0", "down 1", "after"}


def test_replicas_see_the_tests_context(face):
    TAG.set("mine")

    def fn():
        assert TAG.get() == "mine"

    assert face.load(fn, 2).failures == 0


def test_inside_a_running_loop_it_is_awaited(face, measurement):
    async def fn():
        async with face.step("wait"):
            await asyncio.sleep(0)

    async def main():
        return await face.load(fn, 3)

    load = asyncio.run(main())
    assert measurement.result is load
    assert spans(measurement)["load:3/wait"].count == 3


def test_under_trio_coroutines_are_refused(face):
    trio = pytest.importorskip("trio")

    async def main():
        await face.load(waiting_in_process, 2)

    with pytest.raises(MeasurementError, match="another event loop is running here"):
        trio.run(main)


# --- figures ----------------------------------------------------------------------------------


@given(st.integers(1_002, 9_999), st.integers(500, 999), st.integers())
def test_of_many_calls_every_percentile_stays_what_it_was(number, tenths, seed):
    rng = random.Random(seed)
    values = [rng.randrange(10**12) for _ in range(number)]
    held = _held(values)
    assert len(held) == 1_001
    assert (held[0], held[-1]) == (min(values), max(values))
    assert quantile(held, tenths / 1000) == pytest.approx(quantile(values, tenths / 1000), abs=1)


def test_a_load_reads_well():
    load = Load(
        concurrency=3, mode="thread", wall_ns=10**9, calls=4, failures=1, latency_ns=(20_000_000,) * 3,
        service_ns=(20_000_000,) * 3, at_once_ns=20_000_000, alone_ns=10_000_000, examples=("replica 0: ValueError: boom",),
        steps=(LoadStep(path="parse", at_once_ns=9, alone_ns=3), LoadStep(path="render", at_once_ns=9, alone_ns=8)),
    )  # fmt: skip
    assert repr(load) == (
        "<load:3: 4 calls, 1 failed, 3 a second, <latency of load:3: median 20 ms, p95 20 ms, 3 rounds>, inflation 2x>"
    )
    with pytest.raises(AssertionError) as caught:
        load.assert_stable()
    assert str(caught.value) == (
        "load:3 is not stable: 1 of 4 calls failed (replica 0: ValueError: boom); "
        "a call takes 2x as long as alone, at most 1.3x wanted, most of it in step 'parse' (3x)"
    )
    load.step("render")
    assert load.most_inflated.path == "parse"


def test_a_round_with_a_load_survives_the_journey():
    steps = (LoadStep(path="a/b", at_once_ns=2, alone_ns=1), LoadStep(path="c", at_once_ns=3))
    load = Load(
        concurrency=2, mode="process", wall_ns=9, calls=2, failures=0, latency_ns=(3, 4), service_ns=(1, 2),
        at_once_ns=2, rate=2.5, steps=steps,
    )  # fmt: skip
    taken = Round(total_ns=9, loads=(load,))
    assert decode_round(encode_round(taken)) == taken
