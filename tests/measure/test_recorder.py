"""The recorder under a clock of its own: exact durations, paths and nesting."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure.recorder import Recorder
from pytest_wfperf.measure.steps import OTHER


class Clock:
    """Advances only when told to."""

    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now

    def pass_(self, ns: int) -> None:
        self.now += ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


def record(clock, body, **kwargs):
    recorder = Recorder(clock, **kwargs)
    recorder.begin()
    body(recorder)
    recorder.end()
    return recorder.freeze()


def table(taken):
    return {s.path: (s.count, s.total_ns, s.own_ns) for s in taken.spans}


def test_nested_steps(clock):
    def body(recorder):
        clock.pass_(5)
        with recorder.step("a", group="g"):
            clock.pass_(10)
            for ns in (1, 2, 3):
                with recorder.step("b", after="x"):
                    clock.pass_(ns)
        with recorder.step("c", after=("a", "b")):
            clock.pass_(100)

    taken = record(clock, body)
    assert taken.total_ns == 121
    assert table(taken) == {"a": (1, 16, 10), "a/b": (3, 6, 6), "c": (1, 100, 100)}
    a, b, c = taken.spans
    assert (a.start_ns, a.end_ns, b.start_ns, b.min_ns, b.max_ns) == (5, 21, 15, 1, 3)
    assert (a.group, b.after, c.after) == ("g", ("x",), ("a", "b"))


def test_a_recorder_is_used_for_round_after_round(clock):
    recorder = Recorder(clock)
    for _ in range(2):
        recorder.begin()
        with recorder.step("s"):
            clock.pass_(7)
        recorder.facts.metric("m", 1)
        recorder.end()
        taken = recorder.freeze()
        assert table(taken) == {"s": (1, 7, 7)}
        assert len(taken.metrics) == 1


def test_an_exception_is_the_steps_status(clock):
    def body(recorder):
        with pytest.raises(KeyError):
            with recorder.step("s"):
                clock.pass_(3)
                raise KeyError("k")

    (span,) = record(clock, body).spans
    assert (span.status, span.error, span.total_ns) == ("error", "KeyError: 'k'", 3)


def test_decorated_functions_of_every_colour(clock):
    def body(recorder):
        @recorder.step("plain")
        def plain(n):
            """doc"""
            clock.pass_(n)
            return plain.__name__

        @recorder.step("co")
        async def co(n):
            clock.pass_(n)
            return n

        @recorder.step("agen")
        async def agen(n):
            for i in range(n):
                clock.pass_(1)
                yield i

        async def main():
            return [await co(5), [i async for i in agen(3)]]

        assert plain(4) == "plain" and plain.__doc__ == "doc"
        assert plain(6) == "plain"
        assert asyncio.run(main()) == [5, [0, 1, 2]]

    taken = record(clock, body)
    assert table(taken) == {"plain": (2, 10, 10), "co": (1, 5, 5), "agen": (4, 3, 3)}


def test_a_generators_step_counts_only_the_time_it_runs_itself(clock):
    def body(recorder):
        @recorder.step("gen")
        def gen():
            clock.pass_(1)
            got = yield "first"
            clock.pass_(2)
            try:
                yield got
            except ValueError:
                clock.pass_(4)
                yield "caught"
            return "end"

        def outer():
            result = yield from running
            assert result == "end"

        running = gen()
        with recorder.step("consumer"):
            assert next(running) == "first"
            clock.pass_(1000)
            assert running.send("sent") == "sent"
            clock.pass_(1000)
            assert running.throw(ValueError()) == "caught"
            list(outer())

    taken = record(clock, body)
    assert table(taken) == {"consumer": (1, 2007, 2000), "consumer/gen": (4, 7, 7)}
    assert all(span.status == "ok" for span in taken.spans)


def test_a_generator_that_raises_is_an_error_and_is_closed(clock):
    closed = []

    def body(recorder):
        @recorder.step("gen")
        def gen():
            try:
                yield 1
                raise RuntimeError("no")
            finally:
                closed.append(1)

        with pytest.raises(RuntimeError):
            list(gen())
        early = gen()
        next(early)
        early.close()

    (span,) = record(clock, body).spans
    assert (span.status, len(closed)) == ("error", 2)


def test_interleaved_generators_bodies_close_in_any_order(clock):
    def body(recorder):
        def gen(name, ns) -> Iterator[int]:
            with recorder.step(name):
                clock.pass_(ns)
                yield 1

        first, second = gen("first", 1), gen("second", 2)
        next(first), next(second)
        assert list(first) == []
        with recorder.step("inside second"):
            clock.pass_(8)
        assert list(second) == []
        with recorder.step("after both"):
            clock.pass_(16)

    taken = record(clock, body)
    assert set(table(taken)) == {"first", "first/second", "first/second/inside second", "after both"}


def test_tasks_hang_under_the_step_they_were_started_in(clock):
    def body(recorder):
        async def part(name):
            async with recorder.step(name):
                await asyncio.sleep(0)
                with recorder.step("in " + name):
                    await asyncio.sleep(0)

        async def main():
            with recorder.step("gather"):
                await asyncio.gather(part("a"), part("b"))
                await asyncio.to_thread(lambda: recorder.step("thread").__enter__().__exit__(None, None, None))
            await part("c")

        asyncio.run(main())

    assert set(table(record(clock, body))) == {
        "gather", "gather/a", "gather/a/in a", "gather/b", "gather/b/in b", "gather/thread", "c", "c/in c",
    }  # fmt: skip


def test_own_time_is_what_the_union_of_overlapping_children_leaves(clock):
    def body(recorder):
        with recorder.step("wait"):
            clock.pass_(10)
            contexts = [contextvars.copy_context() for _ in range(2)]
            one, two = (recorder.step(name) for name in ("one", "two"))
            contexts[0].run(one.__enter__)
            clock.pass_(20)
            contexts[1].run(two.__enter__)
            clock.pass_(30)
            one.__exit__(None, None, None)
            clock.pass_(5)
            two.__exit__(None, None, None)
            clock.pass_(3)

    assert table(record(clock, body)) == {"wait": (1, 68, 13), "wait/one": (1, 50, 50), "wait/two": (1, 35, 35)}


def test_a_thread_without_context_hangs_under_the_innermost_open_step(clock):
    def body(recorder):
        def work():
            with recorder.step("t"):
                clock.pass_(2)
                with recorder.step("u"):
                    clock.pass_(1)
            with recorder.step("v"):
                pass

        with recorder.step("a"), recorder.step("b"):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

    assert set(table(record(clock, body))) == {"a", "a/b", "a/b/t", "a/b/t/u", "a/b/v"}


def test_many_threads_lose_no_entry(clock):
    def body(recorder):
        def work():
            for _ in range(2_000):
                with recorder.step("s"):
                    pass

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    taken = record(clock, body, limit=500)
    assert table(taken)["s"][0] == 8_000
    assert taken.folded > 0


def test_beyond_the_limit_entries_are_folded_not_lost(clock):
    held = []

    def body(recorder):
        with recorder.step("outer"):
            for i in range(5_000):
                with recorder.step("inner"):
                    clock.pass_(i % 7)
                held.append(len(recorder.steps.entries))

    taken = record(clock, body, limit=100)
    total = sum(i % 7 for i in range(5_000))
    assert table(taken) == {"outer": (1, total, 0), "outer/inner": (5_000, total, total)}
    assert max(held) <= 101
    assert taken.folded >= 4_800


def test_too_many_distinct_steps_are_summed_under_one_name(clock):
    def body(recorder):
        for i in range(50):
            with recorder.step(f"s{i}"):
                clock.pass_(1)

    taken = record(clock, body, limit=10)
    assert len(taken.spans) == 11
    assert table(taken)[OTHER] == (40, 40, 40)
    assert taken.notes == (f"steps beyond 10 distinct ones are summed as {OTHER!r}",)


def test_steps_outside_a_round_are_noted_and_not_recorded(clock):
    recorder = Recorder(clock)
    with recorder.step("fixture"):
        clock.pass_(5)
    recorder.begin()
    recorder.end()
    taken = recorder.freeze()
    assert taken.spans == ()
    assert taken.notes == ("1 step entered outside the round (in a fixture?), not recorded",)


def test_a_step_closed_after_its_round_disturbs_nothing(clock):
    recorder = Recorder(clock)
    recorder.begin()
    late = recorder.step("late")
    late.__enter__()
    clock.pass_(9)
    recorder.end()
    assert recorder.freeze().spans[0].status == "open"
    recorder.begin()
    late.__exit__(None, None, None)
    with recorder.step("own"):
        clock.pass_(1)
    recorder.end()
    assert table(recorder.freeze()) == {"own": (1, 1, 1)}


def test_closed_twice_is_an_error(clock):
    def body(recorder):
        step = recorder.step("s")
        with step:
            pass
        with pytest.raises(MeasurementError, match="'s' was closed twice"):
            step.__exit__(None, None, None)

    record(clock, body)


@st.composite
def trees(draw, depth=3):
    """Nested (name, own ns, children)."""
    children = draw(st.lists(trees(depth=depth - 1), max_size=3)) if depth else []
    return draw(st.sampled_from("abc")), draw(st.integers(0, 1000)), children


@given(st.lists(trees(), max_size=4), st.sampled_from([3, 10_000]))
def test_own_times_add_up_to_the_whole_and_totals_to_their_parts(forest, limit):
    clock = Clock()
    expected: dict[str, int] = {}

    def run(recorder, tree, prefix=""):
        name, own, children = tree
        path = f"{prefix}/{name}" if prefix else name
        expected[path] = expected.get(path, 0) + own
        with recorder.step(name):
            clock.pass_(own)
            for child in children:
                run(recorder, child, path)

    recorder = Recorder(clock, limit=limit)
    recorder.begin()
    for tree in forest:
        run(recorder, tree)
    recorder.end()
    taken = recorder.freeze()
    if limit > 100:
        assert {s.path: s.own_ns for s in taken.spans} == expected
    assert sum(s.own_ns for s in taken.spans) == taken.total_ns == sum(expected.values())
