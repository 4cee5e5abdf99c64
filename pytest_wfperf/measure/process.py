"""One launched pytest process: how it is started, spoken with and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import MeasurementError
from .arms import Arm
from .channel import END, Channel, Closed
from .layout import fixed_addresses

POSSIBLE = os.name == "posix"  # elsewhere a socket cannot be handed to a process, nor its group be ended
END_LIMIT_S, TEARDOWN_LIMIT_S = 10.0, 60.0  # once interrupted; once asked to end, with fixtures to tear down
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows, which has none, launches nothing
LIMITS_S = {0: 0.2, signal.SIGINT: END_LIMIT_S, KILL: None}  # how long a signal is given; 0 is none
TAIL_LINES = 15
_PRIVATE = (
    "COV_CORE_", "COVERAGE_PROCESS_", "PYTEST_XDIST_",
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX",
)  # fmt: skip


class Process:
    """One launched pytest process. Raises OSError where it cannot be started."""

    def __init__(self, arm: Arm, order: Mapping[str, Any], environment: Mapping[str, str], place: Path) -> None:
        self.arm, self.place, self.log = arm, place, place.with_suffix(".log")
        here, there = socket.socketpair()
        self.channel = Channel(here)
        options = ["-p", "pytest_wfperf.child", *order["options"]]
        with there, self.log.open("wb") as output, fixed_addresses(wanted="aslr" not in order["without"]):
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, *_interpreter_options(arm), "-m", "pytest", *options, *arm.arguments],
                cwd=arm.cwd, env={**environment, END: str(there.fileno())}, pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, process_group=0,
            )  # fmt: skip
        with suppress(Closed):  # it has ended at once: whoever asks it for something is told why
            self.channel.send(dict(order))

    def send(self, **message: Any) -> None:
        """Tell it to do something. Raises Closed where it has ended."""
        self.channel.send(message)

    def receive(self, limit_s: float) -> dict[str, Any]:
        """Its next message. Raises MeasurementError with its own last words where there is none."""
        try:
            return self.channel.receive(limit_s)
        except Closed:
            raise MeasurementError(self._last_words()) from None

    def _last_words(self) -> str:
        """How the process ended, and the end of what it printed."""
        try:
            code = self._process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            how = "closed its connection"
        else:
            how = f"was ended by signal {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        fatal = next((i for i, line in enumerate(lines) if line.startswith("Fatal Python error")), None)
        said = "\n".join(lines[-TAIL_LINES:] if fatal is None else lines[fatal : fatal + TAIL_LINES])
        return f"the process {how}" + (f"; it said:\n{said}" if said else " and said nothing")

    def ask_to_end(self) -> None:
        """Let the process tear its fixtures down and end by itself."""
        with suppress(Closed):
            self.send(do="finish")

    def end(self, *, asked: bool) -> None:
        """End the process and what it has started; where it was ``asked`` to, wait for it to do so by itself."""
        try:
            while asked:  # its end of the channel closes when it is gone: sooner known than by asking for its status
                self.channel.receive(TEARDOWN_LIMIT_S)
        except MeasurementError:
            pass
        finally:
            self.channel.close()
            for sign, limit_s in LIMITS_S.items():
                self._signal(sign)
                if self._ended(limit_s):
                    self._signal(KILL)  # whatever it has left behind in its group
                    break

    def _signal(self, sign: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, sign)

    def _ended(self, limit_s: float | None) -> bool:
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def _interpreter_options(arm: Arm) -> list[str]:
    """The parent's own options; ``-P`` because ``-m`` would put the current directory first.

    An arm with a place of its own for bytecode may write there, or every launch would compile everything.
    """
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    if "PYTHONPYCACHEPREFIX" in arm.environment:
        options = [option for option in options if option != "-B"]
    return [*options, "-P"]


def environment_of(arm: Arm) -> dict[str, str]:
    """The parent's environment with what the arm changes, without what would tie the process to the parent's tools."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
    return kept | dict(arm.environment)
