"""Where commands' output is kept: the latest log of every step, and of its failed attempts the last few."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from time import gmtime, strftime
from typing import IO

from ..errors import MeasurementError

KEPT = 10  # logs of failed attempts, of each step
TAIL_BYTES = 1 << 16
LAST_LINES, WIDTH = 20, 500  # of what was printed, in an error
STEPS_BYTES = 8 << 20  # what is read of the steps that an attempt reports

_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")  # colours, titles, links


def log_folder(workflow: str) -> Path:
    """A workflow's folder among the temporary files, in one that nobody else can read.

    Raises MeasurementError where there is none to be had.
    """
    user = os.getuid() if hasattr(os, "getuid") else None
    own = Path(tempfile.gettempdir()) / ("pytest-wfperf-logs" if user is None else f"pytest-wfperf-logs-{user}")
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        found = own.lstat()
        if not stat.S_ISDIR(found.st_mode) or user not in (None, found.st_uid):
            raise MeasurementError(
                f"{own} is not a directory of this user's, so no log goes there; remove it or set TMPDIR"
            )
        own.chmod(0o700)
    except OSError as error:
        raise MeasurementError(
            f"no folder for commands' logs can be made: {error}; free some space, or set TMPDIR"
        ) from error
    return own / _slugged(workflow, "workflow")


class Log:
    """What one attempt prints, written by its processes themselves; it gets its name when it is known how that ended.

    ``steps`` is a path beside it where the attempt may report steps of its own.
    """

    def __init__(self, folder: Path, step: str) -> None:
        self._folder, self._stem = folder, _slugged(step, "step")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(".log", f"{self._stem}.running-", folder)
        except OSError as error:
            raise MeasurementError(f"no log can be written for command {step!r}: {error}") from error
        os.close(handle)
        self.path = Path(path)
        self.steps = self.path.with_suffix(".steps")

    def open(self) -> IO[bytes]:
        """The file to print to. At its end: so that processes which open it by themselves overwrite nothing."""
        return self.path.open("ab")

    def tail(self) -> bytes:
        """The end of what was printed, in no more than TAIL_BYTES."""
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read()

    def take_steps(self) -> bytes:
        """What the attempt has reported of its own steps, up to one byte more than STEPS_BYTES; the file is removed."""
        if not self.steps.is_file():  # nor anything that would block whoever opens it
            return b""
        with self.steps.open("rb") as file:
            reported = file.read(STEPS_BYTES + 1)
        self.steps.unlink()
        return reported

    def keep(self, *, failed: bool) -> Path:
        """Give the log its final name: its step's, or for a failed attempt one beside it, for the oldest of those."""
        name = f"{self._stem}.log"
        if failed:
            unique = self.path.stem.rpartition("-")[2]
            name = f"{self._stem}.failed-{strftime('%Y%m%dT%H%M%SZ', gmtime())}-{unique}.log"
        with suppress(OSError):  # Windows renames nothing that a process left behind has open
            self.path = self.path.replace(self._folder / name)
        if failed:
            self._forget_oldest()
        return self.path

    def _forget_oldest(self) -> None:
        logs = []
        for path in self._folder.glob(f"{self._stem}.failed-*.log"):
            with suppress(OSError):  # a process beside this one forgets them too
                logs.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(logs)[:-KEPT]:
            path.unlink(missing_ok=True)


def last_lines(printed: str) -> list[str]:
    """The last lines of what was printed, as a terminal would have left them."""
    lines = printed.rstrip().split("\n")[-LAST_LINES:]
    return [printable(_SEQUENCES.sub("", line.rstrip("\r").rpartition("\r")[2])) for line in lines if printed.strip()]


def printable(line: str) -> str:
    """A line, not too long, with what could steer a terminal as visible escapes."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line.expandtabs())
    return shown if len(shown) <= WIDTH else f"{shown[:WIDTH]}..."


def _slugged(text: str, otherwise: str) -> str:
    """The text's readable end and a digest of all of it, as a file name that cannot collide or leave its folder."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower())[-60:].strip("-") or otherwise
    return f"{slug}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
