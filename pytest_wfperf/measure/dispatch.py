"""One run of a graph: every task is handed to an executor as soon as its predecessors are settled."""

from __future__ import annotations

import contextvars
import heapq
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Executor, Future, wait
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter
from itertools import accumulate
from queue import SimpleQueue
from typing import Any, TypeVar
from uuid import uuid4

from ..errors import MeasurementError
from ..samples import Ratio, Seconds
from .attempts import end_running
from .recorder import Recorder
from .remote import Arguments, Outcome, result_of, run_there
from .steps import Step

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A function and the names of what it comes after; ``needs`` are those of them whose results it is handed."""

    name: str
    fn: Callable[..., Any]
    after: tuple[str, ...] = ()
    group: str | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GraphRun:
    """What came of every task, by its name.

    ``results`` are what they returned, ``failures`` what they raised. ``skipped`` did not run, because
    of the failed tasks named there. ``times_ns`` are start and end of those that ran, and ``makespan_ns``
    is when the last was settled, as offsets from the run's start.
    """

    results: dict[str, Any]
    failures: dict[str, Exception]
    skipped: dict[str, tuple[str, ...]]
    times_ns: dict[str, tuple[int, int]]
    makespan_ns: int

    @property
    def sequential_ns(self) -> int:
        """What the tasks' times add up to.

        Tasks that slow each other down (over the interpreter's lock, or too few cores) count as
        slow as they were; :meth:`speedup_over` a run in sequence does not have that flaw.
        """
        return sum(end - start for start, end in self.times_ns.values())

    @property
    def speedup(self) -> Ratio:
        """The sum of the tasks' times over the makespan: how many were at work on average."""
        return Ratio(self.sequential_ns / max(1, self.makespan_ns))

    @property
    def workers(self) -> int:
        """The most tasks that were at work at one time."""
        starts = [(start, 1) for start, _ in self.times_ns.values()]
        ends = [(end, -1) for _, end in self.times_ns.values()]  # at one instant these sort first
        return max(accumulate(change for _, change in sorted(starts + ends)), default=0)

    @property
    def efficiency(self) -> float:
        """The speedup per worker: 1.0 where all of them were at work all the time."""
        return self.speedup / max(1, self.workers)

    def speedup_over(self, other: GraphRun) -> Ratio:
        """The other's makespan over this one's: 2.0 is twice as fast."""
        return Ratio(other.makespan_ns / max(1, self.makespan_ns))

    def raise_failures(self) -> None:
        """Raise an ExceptionGroup of everything that failed, if anything did; it names what was skipped too."""
        __tracebackhide__ = True
        if not self.failures:
            return
        total = len(self.results) + len(self.failures) + len(self.skipped)
        failed = ", ".join(f"{name!r} ({_said(error)})" for name, error in self.failures.items())
        skipped = ", ".join(f"{name!r} (after {_listed(blamed)})" for name, blamed in self.skipped.items())
        raise ExceptionGroup(
            f"{len(self.failures)} of {total} tasks failed: {failed}" + (f"; skipped: {skipped}" if skipped else ""),
            list(self.failures.values()),
        )

    def __repr__(self) -> str:
        total = len(self.results) + len(self.failures) + len(self.skipped)
        took = f"{Seconds(self.makespan_ns / 1e9)!r}, speedup {self.speedup!r}, at most {self.workers} at once"
        return f"<GraphRun: {len(self.results)} of {total} tasks passed in {took}>"


class InTurn(Executor):
    """Runs every call where and when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  as in a pool: whoever reads the future decides
            future.set_exception(error)
        return future


class Call:
    """A task on its way to where it runs.

    In this process it is a step, in a copy of the caller's context. Pickled, it is a stand-in that
    takes its own time: so every executor is served, without asking what kind it is.
    """

    def __init__(self, recorder: Recorder, task: Task, arguments: Arguments, ready_ns: int) -> None:
        self.recorder = recorder
        self.task = task
        self.arguments = arguments
        self.ready_ns = ready_ns
        self.context = contextvars.copy_context()
        self.step: Step | None = None  # where it ran in this process
        self.__name__ = task.name  # what Dask's dashboard calls it

    def __call__(self) -> Any:
        return self.context.run(self._run)

    def _run(self) -> Any:
        task, steps = self.task, self.recorder.steps
        with self.recorder.step(task.name, task.after, task.group) as self.step:
            steps.note(self.step, waited_ns=self.step.start_ns - self.ready_ns)
            return result_of(task.fn, self.arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial, (run_there, self.task.fn, self.arguments)

    def __dask_tokenize__(self) -> str:
        """Dask would take a second call of one function for the first, and not run it."""
        return uuid4().hex


class Dispatch:
    """A graph being run. Tasks that are ready begin in the order of ``tasks``, one at a time or all ``at_once``."""

    def __init__(self, recorder: Recorder, tasks: Mapping[str, Task], executor: Executor, *, at_once: bool) -> None:
        self.recorder = recorder
        self.executor = executor
        self.at_once = at_once
        self.results: dict[str, Any] = {}
        self.failures: dict[str, Exception] = {}
        self.skipped: dict[str, tuple[str, ...]] = {}
        self.times_ns: dict[str, tuple[int, int]] = {}
        self._tasks = list(tasks.values())
        self._places = {name: place for place, name in enumerate(tasks)}
        self._sorter = TopologicalSorter({name: task.after for name, task in tasks.items()})
        self._sorter.prepare()
        self._ready: list[tuple[int, int]] = []  # a heap of places, and since when
        self._running: dict[Future[Any], Call] = {}
        self._done: SimpleQueue[Future[Any]] = SimpleQueue()
        self._start_ns = 0

    def run(self) -> GraphRun:
        """Settle every task.

        What is no ``Exception`` (an interrupt, an exit, pytest's skip and fail) ends the run at once: what
        has not begun never does, what runs is waited for.
        """
        self._start_ns = self.recorder.clock()
        try:
            while self._sorter.is_active():
                self._take_ready()
                if self._ready and (self.at_once or not self._running):
                    self._begin(*heapq.heappop(self._ready))
                else:
                    self._settle(self._done.get())
        except BaseException:
            end_running()  # or an interrupt would wait for commands in other threads
            raise
        finally:
            wait([future for future in self._running if not future.cancel()])
        makespan_ns = self.recorder.clock() - self._start_ns
        return GraphRun(
            results=self._in_order(self.results),
            failures=self._in_order(self.failures),
            skipped=self._in_order(self.skipped),
            times_ns=self._in_order(self.times_ns),
            makespan_ns=makespan_ns,
        )

    def _in_order(self, found: dict[str, T]) -> dict[str, T]:
        """By the order of the tasks, not by that in which they were settled."""
        return {name: found[name] for name in self._places if name in found}

    def _take_ready(self) -> None:
        now = self.recorder.clock()
        for name in self._sorter.get_ready():
            heapq.heappush(self._ready, (self._places[name], now))

    def _begin(self, place: int, ready_ns: int) -> None:
        """Hand a task over, or skip it where what it comes after failed or was skipped."""
        task = self._tasks[place]
        blamed = tuple(dict.fromkeys(failed for name in task.after for failed in self._blamed(name)))
        if blamed:
            self.skipped[task.name] = blamed
            self.recorder.steps.notes.append(f"task {task.name!r} was skipped, as {_listed(blamed)} failed")
            self._sorter.done(task.name)
            return
        call = Call(self.recorder, task, tuple(self.results[name] for name in task.needs), ready_ns)
        try:
            future = self.executor.submit(call)
        except (RuntimeError, TypeError) as error:  # a pool that broke or is shut; what Dask cannot pickle
            future = Future()
            future.set_exception(error)
        self._running[future] = call
        future.add_done_callback(self._done.put)

    def _blamed(self, name: str) -> tuple[str, ...]:
        return (name,) if name in self.failures else self.skipped.get(name, ())

    def _settle(self, future: Future[Any]) -> None:
        """File what came of a task. Raises what is no ``Exception``."""
        call = self._running.pop(future)
        name, step = call.task.name, call.step
        error = CancelledError() if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        result = future.result() if error is None else None
        if step is not None:
            assert step.end_ns is not None
            self._file_time(name, step.start_ns, step.end_ns)
        elif error is not None:
            error = self._undelivered(name, error)
        else:
            assert isinstance(result, Outcome)
            self._insert(call, result)
            result, error = result.open()
        if error is None:
            self.results[name] = result
        else:
            error.add_note(f"in task {name!r}")
            self.failures[name] = error
        self._sorter.done(name)

    def _insert(self, call: Call, outcome: Outcome) -> None:
        """A step for what was timed elsewhere.

        Its clock is this one's where its times lie between hand-over and receipt, as they do on one
        machine; another machine's step ends at its receipt.
        """
        received_ns = self.recorder.clock()
        start_ns, end_ns = outcome.start_ns, outcome.end_ns
        if not call.ready_ns <= start_ns <= end_ns <= received_ns:
            start_ns, end_ns = max(call.ready_ns, received_ns - (end_ns - start_ns)), received_ns
        task = call.task
        self.recorder.steps.insert(
            task.name,
            start_ns,
            end_ns,
            after=task.after,
            group=task.group,
            error=outcome.said,
            waited_ns=start_ns - call.ready_ns,
        )
        self._file_time(task.name, start_ns, end_ns)

    def _file_time(self, name: str, start_ns: int, end_ns: int) -> None:
        self.times_ns[name] = (start_ns - self._start_ns, end_ns - self._start_ns)

    def _undelivered(self, name: str, error: Exception) -> MeasurementError:
        """The error for a task that never came back from the executor, or never got there."""
        kind = type(self.executor).__name__
        why = (
            ""
            if isinstance(error, RuntimeError | CancelledError)  # the pool broke, or was shut
            else "; a function and what it is handed have to be picklable to go to another process: "
            "a function at the top of a module, not a lambda or one inside a test"
        )
        found = MeasurementError(f"task {name!r} did not come back from {kind}: {_said(error)}{why}")
        found.__cause__ = error
        return found


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names))
