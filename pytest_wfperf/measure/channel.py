"""JSON lines between the measuring process and those it launches: data only, nothing is unpickled."""

from __future__ import annotations

import json
import select
import socket
import time
from dataclasses import asdict
from operator import index
from typing import Any

from ..errors import MeasurementError
from ..loads import Load, LoadStep
from ..model import Cache, Check, Metric, Round, Span

END = "WFPERF_END"  # the environment variable that names a launched process's end of its channel
LONGEST_SHOWN = 200
_KINDS: dict[str, type[Any]] = {
    "spans": Span, "checks": Check, "metrics": Metric, "caches": Cache, "loads": Load, "steps": LoadStep,
}  # fmt: skip


class Closed(MeasurementError):
    """The other side is gone."""


class Silent(MeasurementError):
    """The other side has not answered in time."""


class Channel:
    """One end of a socket pair. A message is a JSON object on a line of its own."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._read = bytearray()

    def send(self, message: dict[str, Any]) -> None:
        """Raises Closed where nobody reads any more."""
        try:
            self._end.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Closed("nobody is listening any more") from error

    def receive(self, timeout_s: float | None = None) -> dict[str, Any]:
        """The next message. Raises Closed, Silent after ``timeout_s``, and MeasurementError for what is no message."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        searched = 0
        while (end := self._read.find(b"\n", searched)) < 0:
            searched = len(self._read)
            self._wait(deadline, timeout_s)
            try:
                got = self._end.recv(1 << 16)
            except OSError as error:
                raise Closed("the connection broke") from error
            if not got:
                raise Closed("the other side is gone")
            self._read += got
        line = bytes(self._read[:end])
        del self._read[: end + 1]
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise MeasurementError(f"it sent what is no message: {line[:LONGEST_SHOWN].decode(errors='replace')!r}")
        return message

    def _wait(self, deadline: float | None, timeout_s: float | None) -> None:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        if not poll.poll(None if left is None else left * 1000):
            raise Silent(f"no answer within {timeout_s:g} s")

    def close(self) -> None:
        self._end.close()


def encode_round(taken: Round) -> dict[str, Any]:
    """The round as builtins that JSON can carry."""
    return asdict(taken)


def decode_round(data: dict[str, Any]) -> Round:
    """The round that :func:`encode_round` made ``data`` of. Raises MeasurementError where it did not."""
    try:
        return Round(**{**_fields(data), "total_ns": index(data["total_ns"]), "notes": tuple(data["notes"])})
    except (TypeError, KeyError, AttributeError) as error:
        raise MeasurementError(f"it sent what is no round: {error}") from error


def _fields(data: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in data.items()}


def _value(name: str, value: Any) -> Any:
    """What a field was: a list is a tuple, of what the field's name says where that is a kind of its own."""
    if name in _KINDS:
        return tuple(_KINDS[name](**_fields(each)) for each in value)
    return tuple(value) if isinstance(value, list) else value
