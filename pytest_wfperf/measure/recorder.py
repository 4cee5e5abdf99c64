"""Records one round at a time: steps on a context variable's stack, and facts beside them.

The cost of a step is on the clock of whoever measures, so entering and leaving one does the
least that can be done: two clock reads, one context-variable write, one list append. Everything
else (paths, nesting, sums) is worked out when the round is over.
"""

from __future__ import annotations

import contextvars
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter_ns
from types import TracebackType
from typing import Any

from ..errors import MeasurementError
from ..model import Cache, Check, Metric, Round, Span
from .decorate import decorated
from .resources import Sampler, Usage

LIMIT = 10_000  # entries of steps held one by one, and distinct steps, in a round
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


ABANDONED = -1
_NOWHERE = _Mark()
_innermost: contextvars.ContextVar[Step] = contextvars.ContextVar("wfperf_step", default=_NOWHERE)


class Recorder:
    """The one mutable thing: records a round between :meth:`begin` and :meth:`end`, then freezes it.

    ``clock`` returns ns. It is bound here once, so that a clock patched later (freezegun,
    time-machine) does not bend a duration.
    """

    def __init__(
        self, clock: Callable[[], int] = perf_counter_ns, sampler: Sampler | None = None, limit: int = LIMIT
    ) -> None:
        self.clock = clock
        self.sampler = sampler
        self.limit = limit
        self.entries: list[Step] = []
        self.declared: dict[Step, tuple[tuple[str, ...], str | None]] = {}
        self.raised: dict[Step, str] = {}
        self._lock = threading.Lock()
        self._root: Step = _Mark(_NOWHERE)
        self._start_ns = self._end_ns = 0
        self._reset()
        self.step = _step_class(self)

    # --- one round --------------------------------------------------------------------

    def _reset(self) -> None:
        self.entries.clear()
        self.declared.clear()
        self.raised.clear()
        self._sums: dict[str, _Sum] = {}
        self._covered: dict[Step, list[int]] = {}
        self._intervals: dict[str, list[tuple[int, int]]] = {}  # per path, where a sampler wants them
        self._folded = 0
        self._checks: list[Check] = []
        self._metrics: dict[str, Metric] = {}
        self._caches: list[Cache] = []
        self._notes: list[str] = []

    def begin(self) -> None:
        """Start the round's clock, in the context in which its body runs."""
        outside = len(self.entries)
        self._reset()
        if outside:
            steps = "1 step" if outside == 1 else f"{outside} steps"
            self._notes.append(f"{steps} entered outside the round (in a fixture?), not recorded")
        if self.sampler is not None:
            self.sampler.start()
        self._root = _Mark(_NOWHERE)
        _innermost.set(self._root)
        self._start_ns = self.clock()

    def end(self) -> None:
        """Stop the round's clock."""
        self._end_ns = self.clock()
        if self.sampler is not None:
            self.sampler.stop()

    @property
    def elapsed_ns(self) -> int:
        """The ended round's length."""
        return self._end_ns - self._start_ns

    def freeze(self, *, passed: bool = True, cpu_ns: int | None = None) -> Round:
        """The ended round as data. Steps still open are closed at its end and noted."""
        for step in list(self.entries):
            if step.end_ns is None:
                step.end_ns = self._end_ns
                self.raised[step] = ""
                self._notes.append(f"step {step.name!r} was left open; its time runs to the end of the round")
        open_steps = [step for step, error in self.raised.items() if error == ""]
        self.fold()
        for step in open_steps:
            step.end_ns = ABANDONED
        self._root.end_ns = self._end_ns
        spans = [total.span(path, self._start_ns) for path, total in self._sums.items()]
        spans.sort(key=lambda span: (span.start_ns, span.path.count("/")))
        usage = self.sampler.usage if self.sampler is not None else None
        if usage is not None:
            spans = [_with_usage(span, usage, self._intervals[span.path]) for span in spans]
        return Round(
            total_ns=self.elapsed_ns,
            status="passed" if passed else "failed",
            spans=tuple(spans),
            checks=_merged_checks(self._checks),
            metrics=tuple(self._metrics.values()),
            caches=_merged_caches(self._caches),
            cpu_ns=cpu_ns if usage is None or cpu_ns is None else cpu_ns + usage.children_cpu_ns,
            memory_bytes=None if usage is None else usage.peak_growth_bytes,
            folded=self._folded,
            notes=tuple(dict.fromkeys(self._notes)),
        )

    # --- facts beside the clock -------------------------------------------------------

    def check(self, name: str, passed: object, detail: str = "") -> None:
        """Record a quality-gate outcome; several of one name in a round hold only together."""
        self._checks.append(Check(name=_name("check", name), passed=bool(passed), detail=str(detail)))

    def score(self, name: str, value: float, minimum: float) -> None:
        """Record a score that has to reach ``minimum``."""
        number, floor = _number("score", name, value), _number("minimum of score", name, minimum)
        detail = "" if number >= floor else f"{number:g} is below {floor:g}"
        self._checks.append(
            Check(name=_name("score", name), passed=number >= floor, detail=detail, value=number, minimum=floor)
        )

    def metric(self, name: str, value: float, unit: str = "", better: str = "lower") -> None:
        """Record one number of this round; ``better`` is ``lower`` or ``higher``."""
        if better not in ("lower", "higher"):
            raise MeasurementError(f"metric {name!r}: better={better!r} is neither 'lower' nor 'higher'")
        metric = Metric(name=_name("metric", name), value=_number("metric", name, value), unit=str(unit), better=better)
        if name in self._metrics:
            raise MeasurementError(
                f"metric {name!r} was recorded twice in one round ({self._metrics[name].value:g}, then {value:g}); "
                "add the values up and record it once"
            )
        self._metrics[name] = metric

    def cache(self, name: str, hits: int, misses: int) -> None:
        """Add look-ups of a cache; several calls in a round add up."""
        for what, value in (("hits", hits), ("misses", misses)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise MeasurementError(f"cache {name!r}: {what}={value!r} is not a count (an int of at least 0)")
        self._caches.append(Cache(name=_name("cache", name), hits=hits, misses=misses))

    # --- the steps' slow paths --------------------------------------------------------

    def adopt(self) -> Step:
        """The parent for a step entered where no step is known: a thread with a context of its own.

        It hangs under the innermost step open in the round's own thread.
        """
        home = self._root
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

    def fold(self) -> None:
        """Sum the closed entries by path and let go of them; open ones stay.

        Linear in the entries. ``own`` time is what the union of the nested entries leaves over.
        """
        if not self._lock.acquire(blocking=False):
            return  # another thread is at it
        try:
            taken = self.entries[:]
            closed = [step for step in taken if step.end_ns is not None]
            self.entries[: len(taken)] = [step for step in taken if step.end_ns is None]
            for step in closed:
                self._cover(step)
            for step in closed:
                self._add(step)
        finally:
            self._lock.release()

    def fold_midway(self) -> int:
        """Fold because the limit is reached; the number of entries at which to fold again."""
        before = len(self.entries)
        self.fold()
        self._folded += before - len(self.entries)
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
                self._notes.append(f"steps beyond {self.limit} distinct ones are summed as {OTHER!r}")
            total = self._sums.setdefault(path, _Sum())
        covered = self._covered.pop(step, (0, 0))[0]
        total.add(step, step.end_ns - step.start_ns, covered)
        if self.sampler is not None:
            intervals = self._intervals.setdefault(path, [])
            if len(intervals) < self.limit:
                intervals.append((step.start_ns, step.end_ns))
        if self.declared and step in self.declared:
            total.after, total.group = self.declared.pop(step)
        if self.raised and step in self.raised:
            total.status, total.error = ("error", self.raised[step]) if self.raised[step] else ("open", "")


class _Sum:
    """All entries of one path in one round."""

    __slots__ = ("after", "count", "end", "error", "group", "max", "min", "own", "start", "status", "total")

    def __init__(self) -> None:
        self.count = self.total = self.own = self.max = self.end = 0
        self.min = self.start = 1 << 63
        self.status, self.error = "ok", ""
        self.after: tuple[str, ...] = ()
        self.group: str | None = None

    def add(self, step: Step, duration: int, covered: int) -> None:
        assert step.end_ns is not None
        self.count += 1
        self.total += duration
        self.own += max(0, duration - covered)
        self.min = min(self.min, duration)
        self.max = max(self.max, duration)
        self.start = min(self.start, step.start_ns)
        self.end = max(self.end, step.end_ns)

    def span(self, path: str, origin_ns: int) -> Span:
        return Span(
            path=path,
            count=self.count,
            total_ns=self.total,
            min_ns=self.min,
            max_ns=self.max,
            own_ns=self.own,
            start_ns=max(0, self.start - origin_ns),
            end_ns=max(0, self.end - origin_ns),
            status=self.status,
            error=self.error,
            after=self.after,
            group=self.group,
        )


def _with_usage(span: Span, usage: Usage, intervals: Sequence[tuple[int, int]]) -> Span:
    return replace(span, cpu_ns=usage.cpu_within(intervals), memory_bytes=usage.peak_growth_within(intervals))


def _step_class(recorder: Recorder) -> type[Step]:  # noqa: C901  one class, every method on the fast path
    """The step class of one recorder: what its methods need is bound here, not looked up per step."""
    clock, entries, get, put = recorder.clock, recorder.entries, _innermost.get, _innermost.set
    room = recorder.limit

    class RecordedStep(Step):
        __slots__ = ()

        def __init__(self, name: str, after: str | Sequence[str] = (), group: str | None = None) -> None:
            self.name = name
            self.end_ns = None
            if after or group:
                recorder.declared[self] = ((after,) if isinstance(after, str) else tuple(after), group)

        def __enter__(self) -> Step:
            parent = get()
            while parent.end_ns is not None:
                parent = parent.parent
            if parent is _NOWHERE:
                parent = recorder.adopt()
            else:
                parent.latest = self
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
            if (kind is not None or self.end_ns is not None) and not recorder.odd_exit(self, error):
                return
            self.end_ns = end

        def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
            after, group = recorder.declared.pop(self, ((), None))
            name = self.name
            return decorated(function, lambda: RecordedStep(name, after, group))

    def make_room() -> None:
        nonlocal room
        room = recorder.fold_midway()

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


def _name(kind: str, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise MeasurementError(f"the name of a {kind} has to be a non-empty string, not {name!r}")
    return name


def _number(kind: str, name: object, value: object) -> float:
    """The value as an int or float; MeasurementError for what is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        value = getattr(value, "item", lambda: value)()  # numpy's scalars and their kin know their Python value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise MeasurementError(f"{kind} {name!r}: {value!r} is not a finite number")
    return value


def _merged_checks(checks: Sequence[Check]) -> tuple[Check, ...]:
    """One outcome per name: passed where all of that name passed, with the first failure's detail."""
    merged: dict[str, Check] = {}
    counts: dict[str, list[int]] = {}
    for check in checks:
        count = counts.setdefault(check.name, [0, 0])
        count[0] += 1
        count[1] += not check.passed
        if check.name not in merged or (merged[check.name].passed and not check.passed):
            merged[check.name] = check
    for name, (total, failed) in counts.items():
        if total > 1 and failed:
            found = merged[name]
            detail = f"failed {failed} of {total} times" + (f": {found.detail}" if found.detail else "")
            merged[name] = Check(name=name, passed=False, detail=detail, value=found.value, minimum=found.minimum)
    return tuple(merged.values())


def _merged_caches(caches: Sequence[Cache]) -> tuple[Cache, ...]:
    merged: dict[str, Cache] = {}
    for cache in caches:
        before = merged.get(cache.name, Cache(name=cache.name, hits=0, misses=0))
        merged[cache.name] = Cache(name=cache.name, hits=before.hits + cache.hits, misses=before.misses + cache.misses)
    return tuple(merged.values())
