"""What an external command is to be run as, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import MeasurementError

Word = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What came of a command.

    ``exit_code`` is the last attempt's (negative: the signal that ended it), ``duration_ns`` too;
    ``cpu_ns`` and ``memory_bytes`` are those of all attempts: the sum, and the most (None where none
    was seen). ``log`` holds everything that was printed until the step runs again. ``substeps`` is how
    many steps it reported of itself.
    """

    exit_code: int
    log: Path
    duration_ns: int
    cpu_ns: int
    memory_bytes: int | None
    attempts: int
    timed_out: bool
    substeps: int = 0
    tail: bytes = field(default=b"", repr=False)  # held, because the next run of the step takes the log's place

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and not self.timed_out

    @property
    def output(self) -> str:
        """What was printed, both streams together; the last 64 KiB of it."""
        return self.tail.decode("utf-8", "replace")


RetryOn = Collection[int | str] | Callable[[CommandResult], object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run and how often to try; see ``Wfperf.command``. Raises MeasurementError for what cannot be run."""

    name: str
    argv: Sequence[Word]
    cwd: Word | None = None
    env: Mapping[str, str] | None = None
    timeout_s: float | None = None
    retries: int = 0
    retry_on: RetryOn = None
    backoff_s: float = 1.0
    check: bool = True
    stdin: str | bytes | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise MeasurementError(f"a command's name has to be a non-empty string, not {self.name!r}")
        for problem in self._problems():
            raise MeasurementError(f"command {self.name!r}: {problem}")

    def _problems(self) -> Iterator[str]:
        if isinstance(self.argv, str | bytes):
            yield (
                f"argv={self.argv!r} is one string; no shell is used, so give a list of words "
                "(shlex.split makes one), or ['sh', '-c', '...'] where you want a shell"
            )
        elif not isinstance(self.argv, Sequence) or not self.argv:
            yield f"argv={self.argv!r} is no list of words, of which the first is the program"
        for word in self.argv:
            if not isinstance(word, str | os.PathLike):
                yield f"{word!r} in argv is neither a string nor a path"
        if self.timeout_s is not None and not (_at_least(self.timeout_s, 0) and self.timeout_s):
            yield f"timeout={self.timeout_s!r} is not a number of seconds above 0"
        if not isinstance(self.retries, int) or not _at_least(self.retries, 0):
            yield f"retries={self.retries!r} is not a whole number from 0"
        if not _at_least(self.backoff_s, 0):
            yield f"backoff={self.backoff_s!r} is not a number of seconds from 0"
        yield from self._problems_of_retry_on()

    def _problems_of_retry_on(self) -> Iterator[str]:
        wanted = self.retry_on
        if wanted is None or callable(wanted):
            return
        if isinstance(wanted, str) or not isinstance(wanted, Collection):
            yield f"retry_on={wanted!r} is no collection of exit codes, such as (75, 'timeout'), nor a callable"
        for failure in wanted:
            if failure != "timeout" and not isinstance(failure, int):
                yield f"{failure!r} in retry_on is neither an exit code nor 'timeout'"

    def retried(self, result: CommandResult) -> bool:
        """Whether such a failure is one to try again after."""
        if self.retry_on is None:
            return True
        if callable(self.retry_on):
            return bool(self.retry_on(result))
        return ("timeout" if result.timed_out else result.exit_code) in self.retry_on


def _at_least(value: object, least: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value < float("inf")
