"""External commands as steps of a round: started without a shell, tried again where that is wanted, recorded."""

from __future__ import annotations

import atexit
import os
import shlex
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import time_ns
from typing import IO, Any

from ..errors import CommandError, MeasurementError
from .command import Command, CommandResult
from .logs import Log, last_lines, printable
from .process_tree import MARK, Ended, Tree
from .recorder import Recorder
from .steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One attempt; ``offset_ns`` is the recorder's clock less Unix time, ``steps`` what it reported of itself."""

    ended: Ended
    result: CommandResult
    failure: str
    steps: bytes
    offset_ns: int

    @property
    def costs(self) -> dict[str, int]:
        memory = self.result.memory_bytes
        return {"cpu_ns": self.result.cpu_ns} | ({} if memory is None else {"memory_bytes": memory})


def run_command(
    command: Command,
    recorder: Recorder,
    folder: Path,
    *,
    after: str | Sequence[str] = (),
    group: str | None = None,
    sleep: Callable[[float], object] | None = None,
    wall_ns: Callable[[], int] = time_ns,
) -> CommandResult:
    """Run the command as a step of the recorder's round, its logs in ``folder``.

    ``sleep`` waits between attempts. Raises CommandError where it cannot be started, or where it fails and
    is checked. Nothing is recorded where the round was over before the command was.
    """
    __tracebackhide__ = True
    root = recorder.steps.root
    attempts = _Running(command, recorder.clock, folder, wall_ns).run(sleep)
    last = attempts[-1]
    result = replace(
        last.result,
        cpu_ns=sum(attempt.result.cpu_ns for attempt in attempts),
        memory_bytes=max(attempt.result.memory_bytes or 0 for attempt in attempts) or None,
    )
    if recorder.steps.root is root:
        result = replace(result, substeps=_record(command, recorder, attempts, result, after=after, group=group))
    if command.check and last.failure:
        raise CommandError(_told(command, result, last.failure), result)
    return result


class _Running:
    """A command under way: attempt after attempt, until one succeeds or no further one is wanted."""

    def __init__(self, command: Command, clock: Callable[[], int], folder: Path, wall_ns: Callable[[], int]) -> None:
        self._command, self._clock, self._folder, self._wall_ns = command, clock, folder, wall_ns
        self._ended = threading.Event()
        self._tree: Tree | None = None

    def run(self, sleep: Callable[[float], object] | None) -> list[_Attempt]:
        """Every attempt; the last is the one that counts."""
        __tracebackhide__ = True
        command, attempts = self._command, list[_Attempt]()
        _RUNNING.add(self)
        try:
            while True:
                attempt = self._attempt(len(attempts) + 1)
                attempts.append(attempt)
                if not attempt.failure or len(attempts) > command.retries or not command.retried(attempt.result):
                    return attempts
                (sleep or self._ended.wait)(command.backoff_s * 2 ** (len(attempts) - 1))
        finally:
            _RUNNING.discard(self)

    def end(self) -> None:
        """End what runs now and try no more; called in another thread."""
        self._ended.set()
        if self._tree is not None:
            self._tree.end()

    def _check_wanted(self) -> None:
        if self._ended.is_set():
            raise MeasurementError(f"command {self._command.name!r} was ended with the test that ran it")

    def _attempt(self, number: int) -> _Attempt:
        __tracebackhide__ = True
        self._check_wanted()
        log = Log(self._folder, self._command.name)
        failed = True
        try:
            ended, offset_ns = self._ran(log)
            self._check_wanted()
            failed, tail = ended.timed_out or ended.exit_code != 0, log.tail()
        finally:
            kept, steps = log.keep(failed=failed), log.take_steps()
        result = CommandResult(
            exit_code=ended.exit_code,
            log=kept,
            duration_ns=ended.end_ns - ended.start_ns,
            cpu_ns=ended.cpu_ns,
            memory_bytes=ended.memory_bytes,
            attempts=number,
            timed_out=ended.timed_out,
            tail=tail,
        )
        return _Attempt(ended=ended, result=result, failure=self._failure(ended), steps=steps, offset_ns=offset_ns)

    def _ran(self, log: Log) -> tuple[Ended, int]:
        """One attempt's processes, from start to end; and the recorder's clock less Unix time at their start."""
        __tracebackhide__ = True
        command = self._command
        with log.open() as output, ExitStack() as until_ended:
            try:
                given = until_ended.enter_context(_input(command.stdin))
                offset_ns = self._clock() - self._wall_ns()
                tree = self._tree = until_ended.enter_context(
                    Tree(
                        [os.fspath(word) for word in command.argv],
                        cwd=None if command.cwd is None else os.fspath(command.cwd),
                        environment={**os.environ, **(command.env or {}), MARK: str(log.steps)},
                        stdin=given,
                        output=output,
                        limit_s=command.timeout_s,
                        clock=self._clock,
                    )
                )
            except (OSError, ValueError, TypeError) as error:  # what can be wrong with words and variables
                raise CommandError(f"command {command.name!r} cannot be started: {error}") from error
            if self._ended.is_set():
                tree.end()
            return tree.wait(), offset_ns

    def _failure(self, ended: Ended) -> str:
        """What was wrong with an attempt; empty where nothing was."""
        if ended.timed_out:
            return f"it took longer than {self._command.timeout_s:g} s, so it and its processes were ended"
        if ended.exit_code < 0:
            return f"ended by signal {_signal_name(-ended.exit_code)}"
        return f"exit code {ended.exit_code}" if ended.exit_code else ""


_RUNNING: set[_Running] = set()


@atexit.register  # threads that nobody waits for
def end_running() -> None:
    """End every command that runs in this process; for whoever abandons threads in which some may run."""
    for running in list(_RUNNING):
        running.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_RUNNING.clear)  # they are not the child's to end


@contextmanager
def _input(given: str | bytes | os.PathLike[str] | None) -> Iterator[IO[bytes]]:
    """What a process reads as its input: a file, which unlike a pipe nobody has to keep filling."""
    if isinstance(given, str | bytes):
        with tempfile.TemporaryFile() as file:
            file.write(given.encode() if isinstance(given, str) else given)
            file.seek(0)
            yield file
    else:
        with Path(os.devnull if given is None else given).open("rb") as existing:
            yield existing


def _record(
    command: Command,
    recorder: Recorder,
    attempts: Sequence[_Attempt],
    result: CommandResult,
    *,
    after: str | Sequence[str],
    group: str | None,
) -> int:
    """Insert the command's step, its attempts where there were several, and what it reported; how many that was."""
    steps, last = recorder.steps, attempts[-1]

    def insert(name: str, attempt: _Attempt, failure: str, **more: Any) -> Step:
        return steps.insert(name, attempt.ended.start_ns, attempt.ended.end_ns, error=failure, **more)

    step = insert(
        command.name,
        last,
        last.failure if command.check else "",
        after=after,
        group=group,
        retries=len(attempts) - 1,
        retry_ns=last.ended.start_ns - attempts[0].ended.start_ns,
        **replace(last, result=result).costs,
    )
    if len(attempts) > 1:
        for number, attempt in enumerate(attempts, 1):
            innermost = insert(f"attempt {number}", attempt, attempt.failure, parent=step, **attempt.costs)
    else:
        innermost = step
    if not (last.steps and last.ended.timed):
        return 0
    from .substeps import insert_substeps  # noqa: PLC0415  few commands report any

    count, problems = insert_substeps(steps, innermost, last.steps, last.offset_ns)
    steps.notes += [f"command {command.name!r}: {problem}" for problem in problems]
    return count


def _told(command: Command, result: CommandResult, failure: str) -> str:
    """A failed command in the lines of its error."""
    tried = f" (attempt {result.attempts} of {command.retries + 1})" if command.retries else ""
    words = printable(shlex.join(os.fspath(word) for word in command.argv))
    lines = last_lines(result.output)
    said = ["it printed, at the end:", *(f"  {line}" for line in lines)] if lines else ["it printed nothing"]
    return "\n".join(
        [f"command {command.name!r} failed: {failure}{tried}", f"  {words}", f"  log: {result.log}", *said]
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)
