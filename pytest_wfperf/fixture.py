"""The object a test author touches."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .errors import MeasurementError
from .measure.rounds import Measurement, Plan
from .model import Comparison, Environment, Launch, Profile

PAIRS = Plan(rounds=12, warmup=1)  # what compare takes where nothing says how many


class Wfperf:
    """What the ``wfperf`` fixture gives a test: steps, checks, metrics, and measured calls.

    One object per round. ``step(name, after=(), group=None)`` is a context manager (``with`` and
    ``async with``) and a decorator.
    """

    def __init__(self, measurement: Measurement, workflow: str, environment: Callable[[], Environment]) -> None:
        self._measurement = measurement
        self._workflow = workflow
        self._environment = environment
        facts = measurement.recorder.facts
        self.step = measurement.recorder.step
        self.check = facts.check
        self.score = facts.score
        self.metric = facts.metric
        self.cache = facts.cache

    def run(self, fn: Callable[..., Any], /, *args: Any, setup: Any = None, teardown: Any = None, **kwargs: Any) -> Any:
        """Measure ``fn`` alone as the workflow's body and return its :class:`Profile`.

        ``setup()`` and ``teardown()`` run before and after every round, off the clock; a set-up
        that returns ``(args, kwargs)`` supplies that round's arguments. A coroutine function runs
        in an event loop per round; where a loop is running already, await the result. In a run
        that asks for no measurement, ``fn`` runs once.
        """
        measurement = self._measurement
        measurement.own()
        if not inspect.iscoroutinefunction(fn):
            measurement.run(fn, (args, kwargs), setup, teardown)
            return self._profile()
        if _in_event_loop():
            return self._run_async(fn, (args, kwargs), setup, teardown)
        import asyncio  # noqa: PLC0415  dear to import, and only for this

        measurement.run(_in_new_loop(asyncio.Runner, fn), (args, kwargs), setup, teardown)
        return self._profile()

    async def _run_async(self, fn: Callable[..., Any], arguments: Any, setup: Any, teardown: Any) -> Profile:
        await self._measurement.run_async(fn, arguments, setup, teardown)
        return self._profile()

    def compare(
        self,
        candidate: Callable[[], Any],
        reference: Callable[[], Any],
        *,
        rounds: int | None = None,
        warmup: int | None = None,
        setup: Any = None,
        teardown: Any = None,
    ) -> Comparison:
        """Run two callables in interleaved pairs, in random order within a pair, and compare their times.

        ``comparison.speedup`` is the reference's time over the candidate's. The pairs are always
        taken, whatever the run's options: two single rounds would compare nothing. The
        candidate's rounds count as the workflow's.
        """
        for function in (candidate, reference):
            if inspect.iscoroutinefunction(function):
                raise MeasurementError(
                    f"wfperf.compare cannot await {function!r}; give it a plain callable, "
                    "such as a lambda that runs the coroutine with asyncio.run"
                )
        from .judge.compare import paired  # noqa: PLC0415  of use to few tests

        measurement = self._measurement
        plan = measurement.plan if measurement.plan.rounds > 1 else PAIRS
        rounds, warmup = plan.rounds if rounds is None else rounds, plan.warmup if warmup is None else warmup
        if rounds < 1 or warmup < 0:
            raise MeasurementError(f"wfperf.compare(rounds={rounds}, warmup={warmup}): it takes at least one round")
        measurement.plan = replace(plan, rounds=rounds, warmup=warmup)
        measurement.own()
        now, then = measurement.pairs(candidate, reference, setup, teardown)
        return paired(now, then, name=getattr(reference, "__name__", "the reference"))

    def _profile(self) -> Profile:
        measurement = self._measurement
        return Profile(
            workflow=self._workflow,
            environment=self._environment(),
            launches=(Launch(rounds=tuple(measurement.rounds), warmup=tuple(measurement.warmup)),),
            result=measurement.result,
        )


def _in_new_loop(runner: Callable[[], Any], fn: Callable[..., Any]) -> Callable[..., Any]:
    """``fn`` run to its end in an event loop of its own."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with runner() as loop:
            return loop.run(fn(*args, **kwargs))

    return call


def _in_event_loop() -> bool:
    """Whether asyncio or trio is running in this thread."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    if asyncio is not None and asyncio._get_running_loop() is not None:  # noqa: SLF001  the public one raises
        return True
    return trio is not None and bool(trio.lowlevel.in_trio_run())
