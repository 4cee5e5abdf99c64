"""A process whose rounds another one paces."""

from __future__ import annotations

from collections import deque

import pytest

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure.pace import Pace
from pytest_wfperf.model import Round


class Wire:
    """Signals to be read, and what was sent in answer."""

    def __init__(self, *signals):
        self.signals, self.sent = deque({"do": signal} for signal in signals), []

    def receive(self):
        return self.signals.popleft()

    def send(self, message):
        self.sent.append(message["is"])


class Heap:
    def __init__(self, wire):
        self.wire = wire

    def shuffle(self):
        self.wire.sent.append("shuffled")


@pytest.fixture
def paced():
    def make(*signals):
        wire = Wire(*signals)
        return wire, Pace(wire, Heap(wire))

    return make


def test_the_heap_is_shuffled_before_each_round_and_before_the_process_says_it_is_prepared(paced):
    wire, pace = paced("prepare", "go", "prepare", "go", "enough")
    while pace.another():
        pace.ready()
        pace.done([Round(total_ns=1)])
    assert wire.sent == ["shuffled", "prepared", "rounds"] * 2
    assert not wire.signals


def test_a_round_begins_at_go_alone(paced):
    _, pace = paced("prepare", "enough")
    with pytest.raises(MeasurementError, match="was told to 'enough' in place of starting a round"):
        pace.ready()


def test_a_signal_stands_until_it_is_acted_on(paced):
    wire, pace = paced("prepare", "go", "enough")
    assert pace.another()
    assert pace.another()
    pace.ready()
    pace.own()
    assert wire.sent == ["shuffled", "prepared", "own"]
    assert not pace.another()
