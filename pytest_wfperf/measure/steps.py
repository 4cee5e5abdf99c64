"""The steps of one round: entered on a context variable's stack, summed by path when it is over.

The cost of a step is on the clock of whoever measures, so entering and leaving one does the
least that can be done: two clock reads, one context-variable write, one list append. Everything
else (paths, nesting, sums) is worked out when the round is over.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from ..errors import MeasurementError
from ..model import Span
from .decorate import decorated
from .totals import Total

LIMIT = 10_000  # entries of steps held one by one, and distinct steps, in a round
DELAYS = "WFPERF_DELAYS"  # the environment variable that says which steps are to take longer
OTHER = "(other)"  # where steps beyond that many distinct ones are summed


class Step:
    """One entry of a step: a context manager (``with`` and ``async with``) or a decorator."""

    __slots__ = ("end_ns", "latest", "name", "parent", "path", "start_ns")

    name: str
    parent: Step  # what was innermost when this was entered
    latest: Step  # the newest step entered directly under this one, where there is one
    start_ns: int
    end_ns: int | None  # None while open, ABANDONED when the round ended first
    path: str  # known once folded

    def __init__(self, name: str, after: str | Sequence[str] = (), group: str | None = None) -> None:
        raise NotImplementedError

    def __enter__(self) -> Step:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Step:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function, coroutine function, generator or asynchronous generator.

        Every call is an entry of its own; of a generator only the time it runs itself counts.
        """
        raise NotImplementedError


class _Mark(Step):
    """A place in the chain of steps that is not itself a step."""

    __slots__ = ()

    def __init__(self, parent: Step | None = None) -> None:
        self.name = self.path = ""
        self.end_ns = None
        self.parent = parent or self


class _Adopted(_Mark):
    """Where a thread's steps hang: under ``latest``, yet closed, so that its next step asks again."""

    __slots__ = ()


class _Nowhere(_Mark):
    """Where a context is that knows no step."""

    __slots__ = ()

    latest = property()  # refuses to be set, which saves every step a question


ABANDONED = -1
_NOWHERE = _Nowhere()
_innermost: contextvars.ContextVar[Step] = contextvars.ContextVar("wfperf_step", default=_NOWHERE)


class Steps:
    """Every step entered since :meth:`begin`: held one by one up to ``limit`` entries, beyond that by their sums.

    ``intervals`` gathers each path's entries as (start, end) where ``keep_intervals`` asks for them;
    an ``observer`` is told of every closed entry and its path when it is folded.
    """

    def __init__(self, clock: Callable[[], int], limit: int = LIMIT) -> None:
        self.clock = clock
        self.limit = limit
        self.entries: list[Step] = []
        self.declared: dict[Step, tuple[tuple[str, ...], str | None]] = {}
        self.raised: dict[Step, str] = {}
        self.noted: dict[Step, dict[str, int]] = {}
        self.root: Step = _Mark(_NOWHERE)
        self._lock = threading.Lock()
        self.reset(keep_intervals=False)
        self.step = _step_class(self)
        if DELAYS in os.environ:
            from .delays import delayed  # noqa: PLC0415  only where a what-if is being verified

            self.step = delayed(self.step, self, os.environ[DELAYS])

    def reset(self, *, keep_intervals: bool) -> None:
        """Forget everything recorded so far."""
        self.entries.clear()
        self.declared.clear()
        self.raised.clear()
        self.noted.clear()
        self._inserted = False
        self.keep_intervals = keep_intervals
        self.intervals: dict[str, list[tuple[int, int]]] = {}
        self.observer: Callable[[Step, str], None] | None = None
        self.folded = 0
        self.notes: list[str] = []
        self._sums: dict[str, Total] = {}
        self._covered: dict[Step, list[int]] = {}

    def begin(self) -> None:
        """Let steps entered in this context, and in tasks and threads begun from it, hang under a new root."""
        self.root = _Mark(_NOWHERE)
        self.join()

    def join(self) -> None:
        """Let steps entered in this context from here on hang under the root, whatever it has entered before."""
        _innermost.set(self.root)

    def insert(
        self,
        name: str,
        start_ns: int,
        end_ns: int,
        *,
        parent: Step | None = None,
        after: str | Sequence[str] = (),
        group: str | None = None,
        error: str = "",
        **noted: int,
    ) -> Step:
        """An entry that was timed elsewhere, in a process or by a command, on this recorder's clock.

        It hangs under ``parent``, else under the innermost step here. ``noted`` is as for :meth:`note`.
        """
        step = self.step(name, after, group)
        step.start_ns, step.end_ns = start_ns, max(start_ns, end_ns)
        step.parent = self._here() if parent is None else parent
        self._inserted = True
        if error:
            self.raised[step] = error[:200]
        self.note(step, **noted)
        self.entries.append(step)
        return step

    def note(self, step: Step, **noted: int) -> None:
        """What else is known of an entry: ``waited_ns``, ``retries``, ``retry_ns``, ``cpu_ns``, ``memory_bytes``."""
        if noted:
            self.noted[step] = self.noted.get(step, {}) | noted

    def _here(self) -> Step:
        """The innermost open step of this context."""
        inner = _innermost.get()
        while inner.end_ns is not None:
            inner = inner.parent
        return self.adopt() if inner is _NOWHERE else inner

    def spans(self, start_ns: int, end_ns: int) -> list[Span]:
        """The spans of a round that lasted so long, parents first. Steps still open are closed at its end and noted."""
        left_open = [step for step in list(self.entries) if step.end_ns is None]
        for step in left_open:
            step.end_ns = end_ns
            self.raised[step] = ""
            self.notes.append(f"step {step.name!r} was left open; its time runs to the end of the round")
        self.fold()
        for step in left_open:
            step.end_ns = ABANDONED
        self.root.end_ns = end_ns
        spans = [total.span(path, start_ns) for path, total in self._sums.items()]
        return sorted(spans, key=lambda span: (span.start_ns, span.path.count("/")))

    def adopt(self) -> Step:
        """The parent for a step entered where no step is known: a thread with a context of its own.

        It hangs under the innermost step open in the round's own thread.
        """
        home = self.root
        while (inner := getattr(home, "latest", home)).end_ns is None and inner is not home:
            home = inner
        adopted = _Adopted(_NOWHERE)
        adopted.end_ns, adopted.latest = 0, home
        return adopted

    def odd_exit(self, step: Step, error: BaseException | None) -> bool:
        """Handle an exit that is not the plain one; whether the step's end is still to be set."""
        if step.end_ns is not None and step.end_ns != ABANDONED:
            raise MeasurementError(
                f"step {step.name!r} was closed twice; every entry is one wfperf.step(...) of its own, closed once"
            )
        if error is not None:
            self.raised[step] = f"{type(error).__name__}: {error}"[:200]
        return step.end_ns is None

    def fold(self) -> int:
        """Sum the closed entries by path and let go of them; open ones stay. Returns how many were closed.

        Linear in the entries. ``own`` time is what the union of the nested entries leaves over.
        """
        if not self._lock.acquire(blocking=False):
            return 0  # another thread is at it
        try:
            taken = self.entries[:]
            closed: list[Step] = []
            still_open: list[Step] = []
            for step in taken:  # asked once each: another thread may close one meanwhile
                (still_open if step.end_ns is None else closed).append(step)
            self.entries[: len(taken)] = still_open
            if self._inserted:  # those come when they are over, not when they begin
                closed.sort(key=lambda step: step.start_ns)
            for step in closed:
                self._cover(step)
            for step in closed:
                self._add(step)
            return len(closed)
        finally:
            self._lock.release()

    def fold_midway(self) -> int:
        """Fold because the limit is reached; the number of entries at which to fold again."""
        self.folded += self.fold()
        return len(self.entries) + self.limit

    def _cover(self, step: Step) -> None:
        """Add the step's interval to what covers its parent. Entries come in the order of their starts."""
        assert step.end_ns is not None
        parent = _enclosing(step)
        covered = self._covered.setdefault(parent, [0, 0])
        covered[0] += max(0, step.end_ns - max(step.start_ns, covered[1]))
        covered[1] = max(covered[1], step.end_ns)

    def _add(self, step: Step) -> None:
        assert step.end_ns is not None
        path = _path(step)
        total = self._sums.get(path)
        if total is None:
            if len(self._sums) >= self.limit:
                path = OTHER
                self.notes.append(f"steps beyond {self.limit} distinct ones are summed as {OTHER!r}")
            total = self._sums.setdefault(path, Total())
        covered = self._covered.pop(step, (0, 0))[0]
        total.add(step.start_ns, step.end_ns, covered)
        if self.keep_intervals:
            intervals = self.intervals.setdefault(path, [])
            if len(intervals) < self.limit:
                intervals.append((step.start_ns, step.end_ns))
        if self.observer is not None:
            self.observer(step, path)
        if self.declared and step in self.declared:
            total.after, total.group = self.declared.pop(step)
        if self.noted and step in self.noted:
            total.note(**self.noted.pop(step))
        if self.raised and step in self.raised:
            total.status, total.error = ("error", self.raised[step]) if self.raised[step] else ("open", "")


def _step_class(steps: Steps) -> type[Step]:  # noqa: C901  one class, every method on the fast path
    """The step class of one collector: what its methods need is bound here, not looked up per step."""
    clock, entries, get, put = steps.clock, steps.entries, _innermost.get, _innermost.set
    room, nothing = steps.limit, ()

    class RecordedStep(Step):
        __slots__ = ()

        def __init__(self, name: str, after: str | Sequence[str] = (), group: str | None = None) -> None:
            self.name = name
            self.end_ns = None
            if after is not nothing or group is not None:
                steps.declared[self] = ((after,) if isinstance(after, str) else tuple(after), group)

        def __enter__(self) -> Step:
            parent = get()
            while parent.end_ns is not None:
                parent = parent.parent
            try:
                parent.latest = self
            except AttributeError:  # nowhere has no steps
                parent = steps.adopt()
            self.parent = parent
            put(self)
            if len(entries) >= room:
                make_room()
            entries.append(self)
            self.start_ns = clock()
            return self

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            end = clock()
            if (kind is not None or self.end_ns is not None) and not steps.odd_exit(self, error):
                return
            self.end_ns = end

        def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
            after, group = steps.declared.pop(self, ((), None))
            name = self.name
            return decorated(function, lambda: RecordedStep(name, after, group))

    def make_room() -> None:
        nonlocal room
        room = steps.fold_midway()

    return RecordedStep


def _enclosing(step: Step) -> Step:
    """The step or mark that encloses this one."""
    return step.parent.latest if isinstance(step.parent, _Adopted) else step.parent


def _path(step: Step) -> str:
    """Names of the enclosing steps and this one, joined by ``/``; worked out once per entry."""
    chain: list[Step] = []
    while not hasattr(step, "path"):
        chain.append(step)
        step = _enclosing(step)
    path = step.path
    for inner in reversed(chain):
        if not isinstance(inner.name, str) or not inner.name:
            raise MeasurementError(f"a step's name has to be a non-empty string, not {inner.name!r}")
        path = inner.path = f"{path}/{inner.name}" if path else inner.name
    return path
