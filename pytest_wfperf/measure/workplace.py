"""A directory for what launches write, which goes away whatever ends the run."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import MeasurementError


@contextmanager
def workplace(leave: Callable[[int], object]) -> Iterator[Path]:
    """A temporary directory. SIGTERM calls ``leave`` with its number, which has to raise: so that the stack
    unwinds, and neither a launched process nor a file is left behind.

    Raises MeasurementError where no directory can be made.
    """
    try:
        directory = tempfile.TemporaryDirectory(prefix="wfperf-", ignore_cleanup_errors=True)
    except OSError as error:
        raise MeasurementError(
            f"no temporary directory can be made: {error}; free some space, or set TMPDIR"
        ) from error
    with directory as place, _terminated(leave):
        yield Path(place)


@contextmanager
def _terminated(leave: Callable[[int], object]) -> Iterator[None]:
    try:
        before = signal.signal(signal.SIGTERM, lambda number, _: leave(number))
    except ValueError:  # not the main thread: signals are somebody else's
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
