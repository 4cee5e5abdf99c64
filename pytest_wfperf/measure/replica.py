"""One replica of a load: its own fixtures, and calls of one callable on a schedule, each recorded by itself.

A replica is written once, as coroutines. In a thread or process of its own nothing in them ever waits
for an event loop, so :func:`driven` runs them to their end at once.
"""

from __future__ import annotations

import inspect
import sys
import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter_ns
from typing import Any, Protocol, TypeVar

from ..errors import MeasurementError
from .facts import Facts, diverted
from .recorder import Recorder
from .steps import Step

T = TypeVar("T")

PASSED_ON = (KeyboardInterrupt, GeneratorExit, CancelledError)  # what ends a replica: no failure of a call


def driven(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing but what it runs itself."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a replica waits for an event loop that it does not have")


async def sleep(seconds: float) -> None:
    """``asyncio.sleep`` where there is no event loop."""
    time.sleep(seconds)  # noqa: ASYNC251


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When the calls of ``concurrency`` replicas begin: ``rounds`` of each, or those of ``duration_s``.

    At a ``rate`` (calls a second, of all replicas) they are meant to begin at fixed times, the replicas taking
    turns, and every one is made, however late. Without, a call begins when the one before has ended.
    """

    concurrency: int = 1
    rounds: int = 1
    duration_s: float | None = None
    rate: float | None = None

    def starts(self, replica: int, began_ns: int) -> Iterator[int]:
        """When each call of a replica is meant to begin, asked for when the one before has ended; 0 is at once."""
        for number in count():
            ahead = None if self.rate is None else round((number * self.concurrency + replica) / self.rate * 1e9)
            if self.duration_s is None:
                over = number >= self.rounds
            else:
                over = (perf_counter_ns() - began_ns if ahead is None else ahead) >= self.duration_s * 1e9
            if over:
                return
            yield 0 if ahead is None else began_ns + ahead


@dataclass(slots=True, kw_only=True)
class Call:
    """One call: how late it began, how long it took, and what its steps took of that, by path; times in ns.

    ``error`` is what it raised, in words; empty where it completed.
    """

    replica: int
    late_ns: int = 0
    service_ns: int = 0
    error: str = ""
    paths: dict[str, int] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)


class Clock(Protocol):
    """Whatever times a stretch."""

    def begin(self) -> None: ...
    def end(self) -> None: ...


class Stretch:
    """Calls of replicas on one schedule, which ``clock`` times and ``recorder`` records, each as a step ``name``."""

    def __init__(self, name: str, schedule: Schedule, recorder: Recorder, clock: Clock) -> None:
        self.name, self.schedule, self.recorder, self.clock = name, schedule, recorder, clock
        self._calls: dict[Step, Call] = {}

    def begin(self) -> None:
        self.clock.begin()
        self.recorder.steps.observer = self._observe

    @contextmanager
    def recording(self, call: Call) -> Iterator[None]:
        """One call, timed. What it raises is kept and goes no further."""
        step = self.recorder.step(self.name)
        self._calls[step] = call
        diverted.set(call.facts)
        try:
            with step:
                yield
        except PASSED_ON:
            raise
        except BaseException as error:  # noqa: BLE001  a test's own outcomes (pytest.fail) are no Exception
            call.error = f"{type(error).__name__}: {error}"[:200]
        finally:
            diverted.set(None)
        assert step.end_ns is not None
        call.service_ns = step.end_ns - step.start_ns

    def _observe(self, step: Step, path: str) -> None:
        """Count a closed step among the times of the call it is in. One in a thread that knows no call is in none."""
        outer = step
        while outer not in self._calls:
            if outer.parent is outer:
                return
            outer = outer.parent
        if outer is not step:
            assert step.end_ns is not None
            paths, path = self._calls[outer].paths, path.removeprefix(f"{self.name}/")
            paths[path] = paths.get(path, 0) + step.end_ns - step.start_ns


class Replica:
    """One of the replicas of a load, which lives in one context. ``wait`` is its way to let seconds pass."""

    def __init__(
        self,
        index: int,
        fn: Callable[..., Any],
        setup: Callable[..., Any] | None,
        teardown: Callable[..., Any] | None,
        *,
        wfperf: object,
        wait: Callable[[float], Awaitable[None]] = sleep,
    ) -> None:
        self.index, self.fn, self.setup, self.teardown, self.wait = index, fn, setup, teardown, wait
        self.context = copy_context()
        self.stopped = False
        self._awaits = inspect.iscoroutinefunction(fn)
        self._wfperf, self._place = wfperf, _place_of_wfperf(fn)
        self._arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = None  # while it is set up

    async def set_up(self) -> None:
        """Make its own fixtures: what the callable is given."""
        made = None if self.setup is None else await self._result(self.setup, self.index)
        if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], tuple) and isinstance(made[1], dict):
            self._arguments = made
        else:
            self._arguments = (() if made is None else (made,), {})

    async def take(self, stretch: Stretch, released: Callable[[], object]) -> list[Call]:
        """Every call that the schedule has for this replica, from when ``released`` returns."""
        args, kwargs = self._given()
        calls: list[Call] = []
        released()
        stretch.recorder.steps.join()
        for due_ns in stretch.schedule.starts(self.index, perf_counter_ns()):
            if due_ns > (now_ns := perf_counter_ns()):
                await self.wait((due_ns - now_ns) / 1e9)
            if self.stopped:
                break
            call = Call(replica=self.index, late_ns=max(0, perf_counter_ns() - due_ns) if due_ns else 0)
            calls.append(call)
            with stretch.recording(call):
                await self._result(self.fn, *args, **kwargs)
        return calls

    def _given(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the callable is given: what set-up made, and ``wfperf`` where it has such a parameter."""
        assert self._arguments is not None
        (args, kwargs), place = self._arguments, self._place
        if place is None:
            return args, kwargs
        if place > len(args):
            return args, {**kwargs, "wfperf": self._wfperf}
        return (*args[:place], self._wfperf, *args[place:]), kwargs

    async def tear_down(self) -> None:
        """Undo what set-up made, where it made something."""
        arguments, self._arguments = self._arguments, None
        if arguments is not None and self.teardown is not None:
            await self._result(self.teardown, self.index, *arguments[0], **arguments[1])

    async def _result(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not inspect.isawaitable(result):
            return result
        if self._awaits:
            return await result
        getattr(result, "close", lambda: None)()
        raise MeasurementError(
            f"{function!r} returned an awaitable, and nothing here awaits it; "
            "give wfperf.load a coroutine function itself, and it awaits that, its set-up and its tear-down"
        )


def _place_of_wfperf(fn: Callable[..., Any]) -> int | None:
    """Which parameter ``wfperf`` is; beyond all where it is a keyword only, None where there is none."""
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):  # many a built-in function has no signature
        return None
    if "wfperf" not in parameters:
        return None
    keyword = parameters["wfperf"].kind is inspect.Parameter.KEYWORD_ONLY
    return sys.maxsize if keyword else list(parameters).index("wfperf")
