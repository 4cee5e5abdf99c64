"""What a round does, counted: numbers that are the same however slow the machine is.

A recorder takes whatever clock it is given. Here the clock is a counter, so that a step's "time" is the
number of calls, blocks, bytes or files between its beginning and its end.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, ClassVar

from ..model import Round

_TOOLS = range(3, 6)  # ids of sys.monitoring that no debugger, coverage tool or profiler claims


class Counter:
    """Counts one kind of thing while it is entered.

    ``calls`` are those that Python code makes, of functions in Python or C, and resumptions of
    generators: by ``sys.monitoring`` from Python 3.12 on, by a profile function before.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.value = 0
        self._tool: int | None = None
        self._io = -1
        self._own_reads = 0

    def __enter__(self) -> Counter:
        if self.what == "calls":
            self._count_calls()
        elif self.what == "files":
            sys.addaudithook(self._opened)
        elif self.what == "bytes" and os.path.exists("/proc/self/io"):  # noqa: PTH110
            self._io = os.open("/proc/self/io", os.O_RDONLY | os.O_CLOEXEC)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tool is not None:
            monitoring: Any = getattr(sys, "monitoring")  # noqa: B009  not before Python 3.12
            monitoring.set_events(self._tool, 0)
            monitoring.free_tool_id(self._tool)
        elif self.what == "calls":
            sys.setprofile(None)
            threading.setprofile(None)
        if self._io >= 0:
            os.close(self._io)
        self.what = ""  # an audit hook cannot be taken away again

    def _count_calls(self) -> None:
        monitoring = getattr(sys, "monitoring", None)
        free = [tool for tool in _TOOLS if monitoring and monitoring.get_tool(tool) is None]
        if monitoring is None or not free:
            sys.setprofile(self._profiled)
            threading.setprofile(self._profiled)
            return
        self._tool = free[0]
        monitoring.use_tool_id(self._tool, "wfperf")
        wanted = (monitoring.events.CALL, monitoring.events.PY_RESUME)
        for event in wanted:
            monitoring.register_callback(self._tool, event, self._called)
        monitoring.set_events(self._tool, sum(wanted))

    def _called(self, *_: Any) -> None:
        self.value += 1

    def _profiled(self, _frame: Any, event: str, _argument: Any) -> None:
        if event in ("call", "c_call"):
            self.value += 1

    def _opened(self, event: str, _arguments: Any) -> None:
        if event == "open" and self.what:
            self.value += 1

    def count(self) -> int:
        """What has been counted so far, as a clock."""
        return self.value

    def transferred(self) -> int:
        """Bytes this process has read and written by system calls, without those it took to find out."""
        if self._io < 0:
            return 0
        text = os.pread(self._io, 4096, 0)
        total = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith((b"rchar", b"wchar")))
        total -= self._own_reads
        self._own_reads += len(text)
        return total

    KINDS: ClassVar[dict[str, Callable[[Counter], Callable[[], int]]]] = {
        "calls": lambda counter: counter.count,
        "blocks": lambda _: sys.getallocatedblocks,
        "bytes": lambda counter: counter.transferred,
        "files": lambda counter: counter.count,
    }


def counted(taken: Round) -> Iterator[tuple[str, int]]:
    """The counts of a round whose clock was a counter, by step path; the whole round's under an empty one."""
    yield "", taken.total_ns
    for span in taken.spans:
        yield span.path, span.total_ns
