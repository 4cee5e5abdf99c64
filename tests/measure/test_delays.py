"""Delays on a clock of their own: where they lie, and how long they are."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from pytest_wfperf.errors import ConfigError, MeasurementError
from pytest_wfperf.measure import delays
from pytest_wfperf.measure.recorder import Recorder
from pytest_wfperf.measure.steps import DELAYS

MS = 1_000_000


class Clock:
    """Advances when told to, when slept on, and a little whenever it is read."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 10
        return self.now

    def sleep(self, seconds):
        self.now += round(seconds * 1e9)


@pytest.fixture
def record(monkeypatch):
    """Record a body with delays in it; its spans by path as (start, time) in ms, and the whole."""
    clock = Clock()
    monkeypatch.setattr(delays, "sleep", clock.sleep)

    def recorded(body, others, **factors):
        monkeypatch.setenv(DELAYS, json.dumps({"others": others, "factors": factors}))
        recorder = Recorder(clock)
        recorder.begin()
        body(recorder, lambda ms: clock.sleep(ms / 1000))
        recorder.end()
        taken = recorder.freeze()
        spans = {span.path: (round(span.start_ns / MS), round(span.total_ns / MS)) for span in taken.spans}
        return spans, round(taken.total_ns / MS), taken

    return recorded


def test_a_step_made_slower_is_all_that_changes(record):
    def body(recorder, work):
        for name in ("a", "b", "c"):
            with recorder.step(name):
                work(40)
            work(10)

    assert record(body, 1, b=1.5)[:2] == ({"a": (0, 40), "b": (50, 60), "c": (120, 40)}, 170)


def test_a_step_made_faster_leaves_all_else_slower_gaps_too(record):
    def body(recorder, work):
        work(5)
        for name in ("a", "b", "c"):
            with recorder.step(name):
                work(40)
            work(10)

    spans, whole, _ = record(body, 2, b=0.5)
    assert spans == {"a": (5, 80), "b": (105, 40), "c": (165, 80)}
    assert whole == 5 + 80 + 20 + 40 + 20 + 80 + 10  # neither what comes first nor what comes last


def test_nested_steps_are_lengthened_once(record):
    def body(recorder, work):
        with recorder.step("p"):
            work(10)
            with recorder.step("x"):
                work(20)
            work(10)
            with recorder.step("y"):
                work(30)

    assert record(body, 3)[0] == {"p": (0, 210), "p/x": (30, 60), "p/y": (120, 90)}
    assert record(body, 1, **{"p/x": 2})[0] == {"p": (0, 90), "p/x": (10, 40), "p/y": (60, 30)}
    assert record(body, 1, p=2)[0] == {"p": (0, 140), "p/x": (20, 40), "p/y": (80, 60)}


def test_short_delays_add_up(record):
    def body(recorder, work):
        for _ in range(100):
            with recorder.step("s"):
                work(0.02)

    spans, _, taken = record(body, 1, s=3)
    assert spans["s"] == (0, 6)
    assert taken.spans[0].count == 100


def test_steps_of_threads_wait_for_what_their_parent_had_to_do_first(record):
    def body(recorder, work):
        def enter_and_leave(name, first, go):
            with recorder.step(name):
                first.set()
                assert go.wait(20)

        with recorder.step("p"):
            work(10)
            entered, go = [threading.Event(), threading.Event()], threading.Event()
            threads = [
                threading.Thread(target=enter_and_leave, args=(name, event, go))
                for name, event in zip("ab", entered, strict=True)
            ]
            for thread, event in zip(threads, entered, strict=True):
                thread.start()
                assert event.wait(20)
            work(5)
            go.set()
            for thread in threads:
                thread.join()

    spans, _, _ = record(body, 2)
    assert (spans["p/a"][0], spans["p/b"][0]) == (20, 20)
    assert spans["p"][1] >= 20 + 10


def test_tasks_of_an_event_loop_are_held_up_one_by_one(monkeypatch):
    monkeypatch.setenv(DELAYS, json.dumps({"others": 1, "factors": {"a": 3}}))
    recorder = Recorder()
    left = []

    async def one(name, seconds):
        async with recorder.step(name):
            await asyncio.sleep(seconds)
        left.append(name)

    @recorder.step("a")
    async def decorated(seconds):
        await asyncio.sleep(seconds)
        return "done"

    async def main():
        await asyncio.gather(one("a", 0.04), one("b", 0.05))
        assert await decorated(0.001) == "done"

    recorder.begin()
    asyncio.run(main())
    recorder.end()
    taken = recorder.freeze()
    assert left == ["b", "a"]
    assert {span.path: span.count for span in taken.spans} == {"a": 2, "b": 1}
    assert taken.spans[0].total_ns >= 3 * 40 * MS
    assert taken.notes == ()


def test_a_plain_with_in_an_event_loop_is_told(record):
    def body(recorder, work):
        async def main():
            with recorder.step("a"):
                work(5)

        asyncio.run(main())

    spans, _, taken = record(body, 1, a=2)
    assert spans == {"a": (0, 10)}
    assert taken.notes == ("delays held up the whole event loop: write `async with` where steps may overlap",)


def test_what_was_timed_elsewhere_is_held_up_unless_it_ran_beside(record):
    def body(recorder, work):
        began = recorder.clock()
        work(10)
        command = recorder.steps.insert("command", began, recorder.clock())
        recorder.steps.insert("inner", began, began + 4 * MS, parent=command)
        work(5)
        with recorder.step("s"):
            began = recorder.clock()
            work(20)
            recorder.steps.insert("two", began, recorder.clock())
            recorder.steps.insert("beside", began, recorder.clock())

    spans, _, _ = record(body, 2)
    assert spans == {
        "command": (0, 20),
        "command/inner": (0, 4),
        "s": (30, 40),
        "s/two": (30, 40),
        "s/beside": (30, 40),
    }


def test_errors_pass_through(record):
    def body(recorder, work):
        with pytest.raises(KeyError):
            with recorder.step("a"):
                work(10)
                raise KeyError("no")
        step = recorder.step("b")
        with step:
            work(1)
        with pytest.raises(MeasurementError, match="closed twice"):
            step.__exit__(None, None, None)

    spans, _, taken = record(body, 2)
    assert spans == {"a": (0, 20), "b": (20, 2)}
    assert taken.spans[0].status == "error"


def test_without_an_order_there_are_no_delays_and_a_bad_one_is_refused(monkeypatch):
    monkeypatch.delenv(DELAYS, raising=False)
    assert not issubclass(Recorder().step, delays.DelayedStep)
    for order in ("", "2", "{}", '{"others": "x"}'):
        monkeypatch.setenv(DELAYS, order)
        with pytest.raises(ConfigError, match="says no delays"):
            Recorder()
