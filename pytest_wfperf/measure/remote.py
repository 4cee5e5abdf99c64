"""What a task does wherever an executor sent it: in a thread, in another process, on another machine.

Only this module is imported there, so it imports little.
"""

from __future__ import annotations

import inspect
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from ..errors import MeasurementError

Arguments = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a task in another process, in a form that always finds its way back.

    Executors break, or wait for ever, over what cannot be pickled or put together again: so results and
    errors travel as the bytes ``content``. Times are of that process's ``perf_counter_ns``. ``said`` and
    ``trace`` are an error as text and its traceback, whose frames cannot travel.
    """

    start_ns: int
    end_ns: int
    content: bytes
    said: str = ""
    trace: str = ""

    def open(self) -> tuple[Any, Exception | None]:
        """The task's result, or its error: where that could not travel, a MeasurementError of its text."""
        try:
            result, error = pickle.loads(self.content)  # noqa: S301  as trusted as the executor's own messages
        except Exception as unreadable:  # noqa: BLE001  anything may be raised by what is put together here
            result, error = None, MeasurementError(self.said or f"what it returned cannot be unpickled: {unreadable}")
        if self.trace:
            error.add_note(f"in the process that ran it:\n{self.trace}")
        return result, error


def run_there(fn: Callable[..., Any], arguments: Arguments) -> Outcome:
    """Run a task in another process and time it there."""
    result, raised, said, trace = None, None, "", ""
    start_ns = perf_counter_ns()
    try:
        result = result_of(fn, arguments)
    except Exception as error:  # noqa: BLE001  whatever it is, it is what came of the task
        raised = error
    end_ns = perf_counter_ns()
    if raised is not None:
        said = f"{type(raised).__name__}: {raised}"
        trace = "".join(traceback.format_exception(raised))
    try:
        content = pickle.dumps((result, raised))
    except Exception as unsendable:  # noqa: BLE001  as above
        said = said or f"what it returned cannot be pickled to be sent back: {unsendable}"
        content = pickle.dumps((None, MeasurementError(said)))
    return Outcome(start_ns=start_ns, end_ns=end_ns, content=content, said=said, trace=trace)


def result_of(fn: Callable[..., Any], arguments: Arguments) -> Any:
    """What a task returns; MeasurementError for an awaitable, whose making is all that would have been timed."""
    result = fn(*arguments)
    if inspect.isawaitable(result):
        getattr(result, "close", lambda: None)()
        raise MeasurementError(
            f"{fn!r} returned an awaitable, so only its making was timed; "
            "add a plain callable, such as a lambda that runs the coroutine with asyncio.run"
        )
    return result
