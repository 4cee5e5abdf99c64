"""The object a test author touches."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import MeasurementError
from .judged import Comparison
from .measure.attempts import run_command
from .measure.command import Command, CommandResult, RetryOn, Word
from .measure.logs import log_folder
from .measure.rounds import Measurement, Plan
from .model import Environment, Launch, Profile

if TYPE_CHECKING:
    from .analyse.analysis import Analysis
    from .measure.graph import Graph

PAIRS = Plan(rounds=12, warmup=1)  # what compare takes where nothing says how many


class Wfperf:
    """What the ``wfperf`` fixture gives a test: steps, checks, metrics, and measured calls.

    One object per round. ``step(name, after=(), group=None)`` is a context manager (``with`` and
    ``async with``) and a decorator.
    """

    def __init__(
        self,
        measurement: Measurement,
        workflow: str,
        environment: Callable[[], Environment],
        *,
        shared: Callable[[], Path],
    ) -> None:
        self._measurement = measurement
        self._workflow = workflow
        self._environment = environment
        self._shared = shared  # where set-up is kept
        facts = measurement.recorder.facts
        self.step = measurement.recorder.step
        self.check = facts.check
        self.score = facts.score
        self.metric = facts.metric
        self.cache = facts.cache
        self.variant = facts.variant

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

    @staticmethod
    def analyse(profile: Profile) -> Analysis:
        """What the profile of :meth:`run` tells by itself: critical path, slack and drag, and where the time went."""
        from .analyse.analysis import analyse  # noqa: PLC0415  of use to few tests

        return analyse(profile)

    def command(  # noqa: PLR0917  most are given by name
        self,
        name: str,
        argv: Sequence[Word],
        cwd: Word | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        retries: int = 0,
        *,
        retry_on: RetryOn = None,
        backoff: float = 1.0,
        after: str | Sequence[str] = (),
        group: str | None = None,
        check: bool = True,
        stdin: str | bytes | os.PathLike[str] | None = None,
    ) -> CommandResult:
        """Run an external command as the step ``name``, without a shell; raises CommandError where it fails.

        ``env`` is added to this process's environment, ``stdin`` is text to read or a file's path.
        After ``timeout`` seconds all its processes are ended, as they are when the test is interrupted;
        what a command that ends by itself leaves running is left alone. A failure is tried again up to
        ``retries`` times, after ``backoff`` seconds, then twice as many …: any failure, or where
        ``retry_on`` says so, only such exit codes (``"timeout"`` is one), or what it returns true for, given
        the result. The last attempt is the step's time; the step's CPU time and memory are those of all.
        With ``check=False`` a failure is only in the result.

        Times are exact, and on POSIX so is the CPU time of every process that was waited for; that of ended
        ones is sampled. Memory is the most that samples saw in all processes at once (shares of it, PSS, on
        Linux), or what the largest of them had resident where that is more and the system tells it.
        The command may report steps of its own as lines of JSON in the file ``$WFPERF_STEPS``:
        ``{"step": "parse", "duration_ms": 12.5}``.
        """
        __tracebackhide__ = True
        command = Command(
            name=name, argv=argv, cwd=cwd, env=env, timeout_s=timeout, retries=retries, retry_on=retry_on,
            backoff_s=backoff, check=check, stdin=stdin,
        )  # fmt: skip
        folder = log_folder(self._workflow)
        return run_command(command, self._measurement.recorder, folder, after=after, group=group)

    def graph(self) -> Graph:
        """A graph of steps: ``add(name, fn, after=(), group=None, needs=())`` them, then ``run()`` it."""
        from .measure.graph import Graph  # noqa: PLC0415  of use to few tests

        return Graph(self._measurement.recorder, _drawn)

    def cached(
        self,
        name: str,
        build: Callable[[Path], object],
        params: Any = None,
        ttl: float | timedelta | None = None,
    ) -> Path:
        """The folder that ``build(folder)`` has filled: once, for all launches, xdist workers and runs. Only read it.

        There is one for each name and ``params`` (plain data: what the content depends on, the code of ``build``
        is not looked at), made again once it is as old as ``ttl`` (seconds, or a timedelta). Found or made is a hit
        or a miss of the cache ``name``. Call it in a fixture: there, making it is off the clock.
        """
        from .store.shared import Shared  # noqa: PLC0415  of use to few tests

        folder, found = Shared(self._shared()).get(name, build, params, ttl)
        self.cache(name, hits=int(found), misses=int(not found), timed=self._measurement.timing)
        return folder

    def load(
        self,
        fn: Callable[..., Any],
        concurrency: int = 3,
        *,
        rounds: int = 1,
        duration: float | None = None,
        rate: float | None = None,
        mode: str = "auto",
        warmup: int = 1,
        setup: Callable[..., Any] | None = None,
        teardown: Callable[..., Any] | None = None,
        baseline: bool = True,
    ) -> Any:
        """Run ``concurrency`` replicas of ``fn`` at once as the workflow's body and return the :class:`Load`.

        Replicas are threads, those of a coroutine function tasks of one event loop (where one is running already,
        await the result), and with ``mode="process"`` processes, which import ``fn``. All start together. Each makes
        ``rounds`` calls, or as many as begin within ``duration`` seconds. At a ``rate`` (calls a second, of all
        together) calls are meant to begin at fixed times, are all made, and their latency counts from then.

        Before that, off the clock, ``setup(replica)`` makes what ``fn`` of that replica is given, as ``(args,
        kwargs)`` or as one argument; every replica makes ``warmup`` calls; and, unless ``baseline=False``, one makes
        a few alone, against which ``inflation`` holds the others. Last comes ``teardown(replica, *args, **kwargs)``.
        A parameter ``wfperf`` of ``fn`` is given this object, in another process its like.

        A call that raises is counted among ``failures``, and everything else goes on. A check holds if it does in
        every call, a metric is the mean over all. The load is always taken, whatever the run's options.
        """
        from .measure.load import Order, load  # noqa: PLC0415  of use to few tests
        from .measure.replica import driven  # noqa: PLC0415

        order = Order(
            fn=fn, concurrency=concurrency, rounds=rounds, duration=duration, rate=rate, mode=mode, warmup=warmup,
            setup=setup, teardown=teardown, baseline=baseline,
        )  # fmt: skip
        measurement = self._measurement
        measurement.plan = replace(measurement.plan, rounds=1, warmup=0)
        measurement.own()
        loading = load(measurement, order, self, self._in_process)
        if order.kind != "task":
            return driven(loading)
        if _in_event_loop():
            return loading
        import asyncio  # noqa: PLC0415  dear to import, and only for this

        with asyncio.Runner() as runner:
            return runner.run(loading)

    def _in_process(self) -> Callable[[Measurement], Wfperf]:
        """What makes the like of this object in another process."""
        return partial(_elsewhere, self._workflow, self._shared())

    def _profile(self) -> Profile:
        measurement = self._measurement
        return Profile(
            workflow=self._workflow,
            environment=self._environment(),
            launches=(Launch(rounds=tuple(measurement.rounds), warmup=tuple(measurement.warmup)),),
            variant=measurement.recorder.facts.called,
            result=measurement.result,
        )


def _elsewhere(workflow: str, shared: Path, measurement: Measurement) -> Wfperf:
    return Wfperf(measurement, workflow, lambda: Environment(facts=()), shared=lambda: shared)


def _drawn(language: str, *graph: Any) -> str:
    """A graph as text in the language of that name."""
    from .report import graph as text  # noqa: PLC0415  dear to import, and off the way of those who only run one

    written: str = getattr(text, language)(*graph)
    return written


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
