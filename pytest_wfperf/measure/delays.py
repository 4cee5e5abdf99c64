"""Steps made to take longer, which is how a run pretends that others take less.

Only relative speeds count: to see what the whole would take with one step at half its time, everything else is made
to take twice its own time, and the whole is divided by two. A delay lies where the time lies that
it lengthens: inside the step, or before a step for what its parent did until then.

Source: Curtsinger & Berger 2015, Coz: finding code that counts with causal profiling, section 2.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
import threading
from collections.abc import Callable, Mapping
from time import sleep
from types import TracebackType
from typing import Any

from ..errors import ConfigError
from .decorate import decorated
from .steps import DELAYS, Step, Steps, _enclosing, _path

SPUN_NS = 1_000_000  # shorter delays are spent waking: a sleep's length is not to be had so exactly


class Delays:
    """By how much every step's own time is lengthened, and how much of it has passed.

    ``others`` is the factor of everything, ``factors`` are further ones by path, of a step and of those inside
    it. What the round does before its first step and after its last is not lengthened, nor are steps that
    were timed elsewhere while others ran here.
    """

    def __init__(self, steps: Steps, others: float, factors: Mapping[str, float]) -> None:
        self.steps, self.others, self.factors = steps, others, factors
        self._lock = threading.Lock()
        self._own: dict[Step, _Own] = {}
        self._thread = threading.local()
        self._insert = steps.insert

    def factor(self, path: str) -> float:
        factor = self.others
        for named, times in self.factors.items():
            if path == named or path.startswith(f"{named}/"):
                factor *= times
        return factor

    def entering(self) -> tuple[Step, float]:
        """The step around what is about to begin in this context, and for how many ns its own time is to last."""
        inner = self.steps._here()  # noqa: SLF001
        home = inner.latest if inner.end_ns is not None else inner  # a thread hangs under another's step
        now = self.steps.clock()
        with self._lock:
            own = self._own.setdefault(home, _Own(now))
            if own.open == 0:
                own.until = now + (now - own.since) * (self.factor(_path(home)) - 1)
            own.open += 1
            return home, max(0.0, own.until - now)

    def entered(self, step: Step, home: Step) -> None:
        with self._lock:
            self._own[step] = _Own(step.start_ns, home)

    def leaving(self, step: Step) -> float:
        """For how many ns the step's own time is to last before it may end."""
        with self._lock:
            own = self._own.get(step)
            if own is None or own.open:
                return 0.0
            return max(0.0, (self.steps.clock() - own.since) * (self.factor(_path(step)) - 1))

    def left(self, step: Step) -> None:
        with self._lock:
            own = self._own.pop(step, None)
            home = self._own.get(own.home) if own is not None and own.home is not None else None
            if home is not None:
                home.open -= 1
                home.since = self.steps.clock()

    def insert(self, name: str, start_ns: int, end_ns: int, *, parent: Step | None = None, **more: Any) -> Step:
        """As :meth:`Steps.insert`; what this context has waited for until now, a command say, is held up as well."""
        step = self._insert(name, start_ns, end_ns, parent=parent, **more)
        home = _enclosing(step)
        with self._lock:
            own = self._own.setdefault(home, _Own(start_ns))
            alone = parent is None and not own.open and own.since <= start_ns
        if alone and step.end_ns is not None:
            ns = (step.end_ns - start_ns) * (self.factor(_path(step)) - 1)
            self.wait(ns + (start_ns - own.since) * (self.factor(_path(home)) - 1))
            step.end_ns += round(ns)
            own.since = self.steps.clock()
        return step

    # --- waiting ------------------------------------------------------------------------

    def wait(self, ns: float) -> None:
        """Let so much time pass in this thread; what a wait is too long is taken off the next."""
        owed, began = self._owed(ns), self.steps.clock()
        if owed <= 0:
            return
        if _in_event_loop():
            self.steps.notes.append("delays held up the whole event loop: write `async with` where steps may overlap")
        if owed >= SPUN_NS:
            sleep(owed / 1e9)
        else:
            while self.steps.clock() - began < owed:
                pass
        self._credit(owed, began)

    async def wait_async(self, ns: float) -> None:
        """As :meth:`wait`, with everything else in the event loop going on."""
        import asyncio  # noqa: PLC0415  dear to import, and here already where it is needed

        if not _in_event_loop():  # another library's
            self.wait(ns)
            return
        owed, began = self._owed(ns), self.steps.clock()
        if owed > 0:
            await asyncio.sleep(owed / 1e9)
            self._credit(owed, began)

    def _owed(self, ns: float) -> float:
        """How long to wait now. It is nobody else's to wait for: other tasks of this thread go on."""
        owed: float = getattr(self._thread, "credit", 0.0) + ns
        self._thread.credit = min(0.0, owed)
        return owed

    def _credit(self, owed: float, began: int) -> None:
        self._thread.credit += min(0.0, owed - (self.steps.clock() - began))


class _Own:
    """When a step began to work on its own, how many steps inside it are open, and until when these are held up."""

    __slots__ = ("home", "open", "since", "until")

    def __init__(self, since: int, home: Step | None = None) -> None:
        self.since, self.home = since, home
        self.open = 0
        self.until = 0.0


class DelayedStep(Step):
    """A step that is held up; the step class it is mixed into records it."""

    __slots__ = ()

    delays: Delays

    def __enter__(self) -> Step:
        home, ns = self.delays.entering()
        self.delays.wait(ns)
        return self._begin(home)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.delays.wait(self.delays.leaving(self))
        super().__exit__(kind, error, trace)
        self.delays.left(self)

    async def __aenter__(self) -> Step:
        home, ns = self.delays.entering()
        await self.delays.wait_async(ns)
        return self._begin(home)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.delays.wait_async(self.delays.leaving(self))
        finally:
            super().__exit__(kind, error, trace)
            self.delays.left(self)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        after, group = self.delays.steps.declared.pop(self, ((), None))
        if not inspect.iscoroutinefunction(function):
            return decorated(function, lambda: type(self)(self.name, after, group))

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            async with type(self)(self.name, after, group):
                return await function(*args, **kwargs)

        return coroutine

    def _begin(self, home: Step) -> Step:
        super().__enter__()
        self.delays.entered(self, home)
        return self


def delayed(recorded: type[Step], steps: Steps, order: str) -> type[Step]:
    """The step class with the delays that ``order`` tells, JSON such as ``{"others": 2.0, "factors": {"parse": 0.5}}``.

    Raises ConfigError for what is no such order.
    """
    try:
        told = json.loads(order)
        factors = {str(path): float(times) for path, times in told.get("factors", {}).items()}
        delays = Delays(steps, float(told["others"]), factors)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"{DELAYS}={order!r} says no delays ({error!r}); `wfperf what-if --verify` sets it"
        ) from error
    steps.insert = delays.insert  # type: ignore[method-assign]
    return type("DelayedStep", (DelayedStep, recorded), {"__slots__": (), "delays": delays})


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None  # noqa: SLF001  the public one raises
