"""In a launched process: takes each round when it is told to, and sends back what it recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import MeasurementError
from ..model import Round
from .channel import Channel, encode_round
from .layout import Heap


class Pace:
    """Holds one workflow's rounds to the signals of the process that measures.

    The signals: ``prepare`` a round up to where its clock would start, ``go``, and ``enough``. A signal
    is read once and stands until it is acted on. While two processes are measured in lockstep, the
    one whose turn it is not waits in here.
    """

    def __init__(self, channel: Channel, heap: Heap) -> None:
        self.channel = channel
        self.heap = heap
        self._signal: dict[str, Any] | None = None

    @property
    def sampled(self) -> bool:
        """Whether memory and CPU time are to be sampled in the round that comes."""
        return bool(self._signal and self._signal.get("sampled"))

    def another(self) -> bool:
        """Whether one more round is wanted."""
        if self._signal is None:
            self._signal = self.channel.receive()
        return bool(self._signal["do"] == "prepare")

    def ready(self) -> None:
        """Come to where the clock would start, and wait for the signal to start it."""
        self.another()
        self.heap.shuffle()
        self.channel.send({"is": "prepared"})
        signal = self.channel.receive()
        if signal["do"] != "go":
            raise MeasurementError(f"was told to {signal['do']!r} in place of starting a round")
        self._signal = None

    def done(self, rounds: Sequence[Round]) -> None:
        """Send what was recorded; nothing goes on here before the next signal, for the other side is on the clock."""
        self.channel.send({"is": "rounds", "rounds": [encode_round(taken) for taken in rounds]})
        self._signal = self.channel.receive()

    def own(self) -> None:
        """The body takes its rounds itself: what has been going on since the last signal was none."""
        if self._signal is None:
            self.channel.send({"is": "own"})
            self._signal = self.channel.receive()
