"""A command's processes, the first and all that it begets: waited for, sampled, and ended together."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, perf_counter_ns, sleep, thread_time
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from ..errors import MeasurementError

if TYPE_CHECKING:
    import psutil

MARK = "WFPERF_STEPS"  # every process inherits it, with a value of its tree's own: that tells whose those are that left
GRACE_S, POLL_S = 2.0, 0.01  # between SIGTERM and SIGKILL; between looks whether it was obeyed
KILL_TRIES = 100  # of as many generations of processes that beget new ones while they are ended
FIRST_S, INTERVAL_S = 0.002, 0.01  # of samples
SHARE = 100  # a sample is followed by a pause so many times the CPU time it took
_WINDOWS_POLL_S = 0.2  # how soon Ctrl-C is noticed there
LOST = "the command's exit status was lost: something in this process ignores SIGCHLD, or waits for any child"
_PSS = re.compile(rb"^Pss: +(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a tree has ended. ``exit_code`` is its first process's, negative for the signal that ended it.

    ``start_ns`` and ``end_ns`` are the recorder's; ``timed`` whether those are times at all (a counter may
    stand in for the clock).
    """

    exit_code: int
    timed_out: bool
    start_ns: int
    end_ns: int
    timed: bool
    cpu_ns: int
    memory_bytes: int | None


class Tree:
    """The processes of one command, in a session of their own; an error that leaves the block ends all of them.

    A thread of its own samples memory and ends the tree when its time is up, so that waiting need not
    poll. Raises OSError or ValueError where the command cannot be started. Times are read from
    clocks that were bound before a test could freeze them.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: str | None,
        environment: Mapping[str, str],
        stdin: IO[bytes],
        output: IO[bytes],
        limit_s: float | None,
        clock: Callable[[], int],
        now: Callable[[], float] = monotonic,
        now_ns: Callable[[], int] = perf_counter_ns,
    ) -> None:
        import subprocess  # noqa: PLC0415  this and psutil are of use to commands alone

        import psutil  # noqa: PLC0415

        self._mark, self._clock, self._now, self._now_ns = environment[MARK], clock, now, now_ns
        self._over = threading.Event()
        self._timed_out = False
        self._cpu_ns = self._memory_bytes = 0
        self._start_ns, self._began_ns = clock(), now_ns()
        self._process = subprocess.Popen(  # noqa: S603
            argv, cwd=cwd, env=environment, stdin=stdin, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        self._limit_s = float("inf") if limit_s is None else now() + limit_s
        try:
            self._first = psutil.Process(self._process.pid)
        except psutil.NoSuchProcess:
            raise MeasurementError(LOST) from None
        self._known = {self._first}
        self._watcher = threading.Thread(target=self._watch, name="wfperf-command", daemon=True)

    def __enter__(self) -> Tree:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if kind is None:
            return
        self.end()
        import subprocess  # noqa: PLC0415

        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)

    def wait(self) -> Ended:
        """Wait for the first process to end, without polling, and where the time was up for all others too."""
        self._watcher.start()
        usage = self._reaped()
        self._over.set()
        self._watcher.join()
        exact_ns, peak_bytes = (0, 0) if usage is None else _told(usage)
        return Ended(
            exit_code=self._process.returncode,
            timed_out=self._timed_out,
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            timed=self._end_ns - self._start_ns >= self._real_ns,
            cpu_ns=max(exact_ns, self._cpu_ns),
            memory_bytes=max(peak_bytes, self._memory_bytes) or None,
        )

    def _reaped(self) -> Any:
        """Wait for the first process; what the system says it has used, None where that cannot be asked."""
        usage = None
        if hasattr(os, "wait4"):
            try:
                _, status, usage = os.wait4(self._process.pid, 0)
            except ChildProcessError:
                raise MeasurementError(LOST) from None
            self._real_ns, self._end_ns = self._now_ns() - self._began_ns, self._clock()
            self._process.returncode = os.waitstatus_to_exitcode(status)
        else:
            import subprocess  # noqa: PLC0415

            while self._process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_WINDOWS_POLL_S)
            self._real_ns, self._end_ns = self._now_ns() - self._began_ns, self._clock()
        return usage

    # --- watching -------------------------------------------------------------------------

    def _watch(self) -> None:
        """Sample at intervals that keep this under a few per cent of one CPU; end the tree when its time is up."""
        pause, look_at = FIRST_S, self._now() + INTERVAL_S
        while not self._over.wait(min(pause, self._limit_s - self._now())):
            if self._now() >= self._limit_s:
                self._timed_out = True
                self.end()
                return
            if self._now() >= look_at:
                look_at = SHARE * _cost_s(self._look) + self._now()
            pause = max(INTERVAL_S, SHARE * _cost_s(self._weigh))

    def _look(self) -> None:
        """Know the processes that have come, forget those that have gone."""
        import psutil  # noqa: PLC0415

        found = self._known  # never changed in place: another thread may be at it
        with suppress(psutil.Error):
            found = found.union(self._first.children(recursive=True))
        self._known = set(filter(_runs, found))

    def _weigh(self) -> None:
        self._memory_bytes = max(self._memory_bytes, sum(map(_memory, self._known)))
        if not hasattr(os, "wait4"):
            self._count_cpu(self._known)

    def _count_cpu(self, processes: Iterable[psutil.Process]) -> None:
        self._cpu_ns = max(self._cpu_ns, sum(map(_spent_ns, processes)))

    # --- ending ---------------------------------------------------------------------------

    def end(self) -> None:
        """End every process: SIGTERM, a while to obey, then SIGKILL until none is left. Any thread may ask for it."""
        members = self._members()
        self._count_cpu(members)  # nobody waits for what is ended so, and then the system does not tell
        try:
            _signal(members, "terminate")
            limit_s = self._now() + GRACE_S
            while self._now() < limit_s and any(map(_runs, members)):
                sleep(POLL_S)
        finally:
            for _ in range(KILL_TRIES):
                members = self._members()
                if not members:
                    break
                self._kill_group()
                _signal(members, "kill")
                sleep(POLL_S)

    def _members(self) -> set[psutil.Process]:
        """What still runs of the tree: descendants, and those that left it but kept its session or its mark."""
        import psutil  # noqa: PLC0415

        self._look()
        return set(filter(_runs, {*self._known, *filter(self._owns, psutil.process_iter())}))

    def _owns(self, process: psutil.Process) -> bool:
        import psutil  # noqa: PLC0415

        with suppress(psutil.Error, OSError):
            if hasattr(os, "getsid") and os.getsid(process.pid) == self._process.pid:
                return True
            return process.environ().get(MARK) == self._mark
        return False

    def _kill_group(self) -> None:
        """All at once, so that none can beget another meanwhile; only while the group's number cannot be another's."""
        if self._process.returncode is None and hasattr(os, "killpg"):
            import signal  # noqa: PLC0415

            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _told(usage: Any) -> tuple[int, int]:
    """What a process waited for has used, with all those waited for by it: CPU ns, and resident bytes of its largest.

    A process starts with its parent's peak on record, so that only a peak above this process's own tells
    anything: else it is 0.
    """
    import resource  # noqa: PLC0415  not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round((usage.ru_utime + usage.ru_stime) * 1e9), usage.ru_maxrss * unit if usage.ru_maxrss > own else 0


def _cost_s(task: Callable[[], None]) -> float:
    """What doing it costs this thread, s of CPU."""
    began = thread_time()
    task()
    return thread_time() - began


def _memory(process: psutil.Process) -> int:
    """The process's share of memory (PSS) where the system tells it, else what it has resident (RSS); bytes."""
    import psutil  # noqa: PLC0415

    with suppress(OSError), open(f"/proc/{process.pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
        if found := _PSS.search(file.read()):
            return int(found[1]) * 1024
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _spent_ns(process: psutil.Process) -> int:
    """CPU time of the process and of those that it has waited for."""
    import psutil  # noqa: PLC0415

    with suppress(psutil.Error):
        return round(sum(process.cpu_times()[:4]) * 1e9)
    return 0


def _runs(process: psutil.Process) -> bool:
    import psutil  # noqa: PLC0415

    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _signal(processes: Iterable[psutil.Process], what: str) -> None:
    import psutil  # noqa: PLC0415

    for process in processes:
        with suppress(psutil.Error):
            getattr(process, what)()
