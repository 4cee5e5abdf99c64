"""A declared graph of tasks, each of which is a step when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ..errors import MeasurementError
from .dispatch import Dispatch, GraphRun, InTurn, Task
from .recorder import Recorder

MOST_THREADS = 32  # of a run that brings no executor; they are started as they are needed

Draw = Callable[[str, Mapping[str, tuple[str, ...]], Mapping[str, str | None], Mapping[str, float]], str]


class Graph:
    """Tasks with edges, made by ``wfperf.graph()``: :meth:`add` them, then :meth:`run` them as often as wanted.

    A task is a step of the round, with what it comes ``after`` and its ``group``. ``draw`` makes text of: the
    language (``dot`` or ``mermaid``), what each task comes after, their groups, and their times in ns.
    """

    def __init__(self, recorder: Recorder, draw: Draw) -> None:
        self._recorder = recorder
        self._draw = draw
        self._tasks: dict[str, Task] = {}

    def add(
        self,
        name: str,
        fn: Callable[..., Any],
        after: str | Iterable[str] = (),
        group: str | None = None,
        needs: str | Iterable[str] = (),
    ) -> None:
        """Add a task that calls ``fn`` with the results of the tasks it ``needs``, in that order.

        It begins once everything it comes ``after`` or ``needs`` is settled; these may be added later. A
        ``group`` is a name for tasks meant to run at the same time: each begins when it is ready itself,
        ``after="that group"`` means all of them, and drawings frame them.
        """
        _check_name("task", name)
        if name in self._tasks:
            raise MeasurementError(f"task {name!r} was added twice; every task of a graph has a name of its own")
        if not callable(fn):
            raise MeasurementError(f"task {name!r}: {fn!r} cannot be called; add the function, not what it returns")
        if group is not None:
            _check_name("group", group)
        needed = _names(name, "needs", needs)
        before = (*_names(name, "after", after), *needed)
        self._tasks[name] = Task(name=name, fn=fn, after=before, group=group, needs=needed)

    def run(self, *, parallel: bool = True, executor: Executor | None = None, check: bool = True) -> GraphRun:
        """Run every task: each as soon as it is ready, or, not ``parallel``, in turn.

        In turn they keep the order in which they were added as far as the edges allow. ``executor`` is any
        ``concurrent.futures.Executor`` and is left open; without one there are threads. A failure is settled
        like a result, and what depends on it is skipped; then ``check`` raises an ExceptionGroup of them all.
        Raises MeasurementError before anything runs for names that are unknown and for cycles.
        """
        __tracebackhide__ = True
        tasks = self._checked()
        pool = _pool(len(tasks), parallel=parallel, executor=executor)
        try:
            done = Dispatch(self._recorder, tasks, pool, at_once=parallel).run()
        finally:
            if executor is None:
                pool.shutdown(cancel_futures=True)
        if check:
            done.raise_failures()
        return done

    def to_dot(self, run: GraphRun | None = None) -> str:
        """The graph in the language of Graphviz, with the tasks' times in ``run`` where one is given."""
        return self._drawn("dot", run)

    def to_mermaid(self, run: GraphRun | None = None) -> str:
        """The graph in the language of Mermaid, with the tasks' times in ``run`` where one is given."""
        return self._drawn("mermaid", run)

    def _drawn(self, language: str, run: GraphRun | None) -> str:
        tasks = self._checked()
        times = {} if run is None else {name: end - start for name, (start, end) in run.times_ns.items()}
        after = {name: task.after for name, task in tasks.items()}
        return self._draw(language, after, {name: task.group for name, task in tasks.items()}, times)

    def _checked(self) -> dict[str, Task]:
        """The tasks in the order of adding, with the members of a group in place of its name.

        Raises MeasurementError for names that are unknown, or of a task and a group, and for cycles.
        """
        members: dict[str, list[str]] = {}
        for task in self._tasks.values():
            if task.group is not None:
                members.setdefault(task.group, []).append(task.name)
        known = {name: [name] for name in self._tasks} | members
        problems = [f"{name!r} is the name of a task and of a group" for name in members if name in self._tasks]
        for task in self._tasks.values():
            problems += [_unknown(task.name, name, known) for name in task.after if name not in known]
            problems += [
                f"task {task.name!r} needs the result of {name!r}, a group, which has none; name its tasks"
                for name in task.needs
                if name in members
            ]
        if problems:
            raise MeasurementError("; ".join(problems))
        tasks = {
            name: replace(task, after=tuple(dict.fromkeys(one for named in task.after for one in known[named])))
            for name, task in self._tasks.items()
        }
        try:
            TopologicalSorter({name: task.after for name, task in tasks.items()}).prepare()
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            raise MeasurementError(f"tasks come after each other in a circle: {circle}; none could begin") from None
        return tasks


def _pool(tasks: int, *, parallel: bool, executor: Executor | None) -> Executor:
    """Where the tasks run; MeasurementError for an executor that is none, or would not be used."""
    if executor is None:
        return ThreadPoolExecutor(max(1, min(MOST_THREADS, tasks)), "wfperf-graph") if parallel else InTurn()
    if not isinstance(executor, Executor):
        raise MeasurementError(
            f"executor={executor!r} is no concurrent.futures.Executor (a Dask client's is client.get_executor())"
        )
    if not parallel:
        raise MeasurementError(f"parallel=False runs the tasks in turn, right here; leave executor={executor!r} out")
    return executor


def _unknown(task: str, name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  for this message alone

    near = " or ".join(map(repr, get_close_matches(name, known)))
    return f"task {task!r} comes after {name!r}, no task or group of the graph" + (
        f" (did you mean {near}?)" if near else f" (there are {', '.join(map(repr, known))})"
    )


def _check_name(kind: str, name: object) -> None:
    if not isinstance(name, str) or not name or "/" in name:
        raise MeasurementError(
            f"the name of a {kind} has to be a non-empty string without '/', which joins nested steps, not {name!r}"
        )


def _names(task: str, keyword: str, value: object) -> tuple[str, ...]:
    """``value`` as a tuple of names; MeasurementError where it holds anything but strings."""
    found = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
    for name in found:
        if not isinstance(name, str):
            raise MeasurementError(f"task {task!r}: {keyword}={value!r} has to name tasks, and {name!r} is no string")
    return found
