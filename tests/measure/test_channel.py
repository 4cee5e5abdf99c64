"""What crosses between the measuring process and those it launches."""

from __future__ import annotations

import socket

import pytest

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure.channel import Channel, Closed, Silent, decode_round, encode_round
from pytest_wfperf.model import Cache, Check, Metric, Round, Span


@pytest.fixture
def ends():
    here, there = socket.socketpair()
    with here, there:
        yield Channel(here), there


def test_a_message_is_a_line_of_json_however_it_is_cut(ends):
    channel, there = ends
    for piece in (b'{"is": "rea', b'dy"}\n{"is"', b': "ended"}\n'):
        there.sendall(piece)
    assert channel.receive(1)["is"] == "ready"
    assert channel.receive(1)["is"] == "ended"


def test_a_long_message_arrives_whole(ends):
    channel, there = ends
    there.setblocking(False)
    Channel(channel._end).send({"is": "x" * 50_000})
    assert Channel(there).receive(1)["is"] == "x" * 50_000


@pytest.mark.parametrize("line", [b"garbage", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_message_is_shown(ends, line):
    channel, there = ends
    there.sendall(line + b"\n")
    with pytest.raises(MeasurementError, match="it sent what is no message: '"):
        channel.receive(1)


def test_silence_and_a_closed_end_are_told_apart(ends):
    channel, there = ends
    with pytest.raises(Silent, match=r"no answer within 0\.01 s"):
        channel.receive(0.01)
    there.close()
    with pytest.raises(Closed):
        channel.receive(1)
    with pytest.raises(Closed):
        channel.send({"do": "go" * 100_000})


def test_a_round_survives_the_journey():
    span = Span(path="a/b", count=2, total_ns=5, min_ns=1, max_ns=4, own_ns=3, start_ns=0, end_ns=9, after=("x", "y"))
    taken = Round(
        total_ns=10,
        status="failed",
        spans=(span,),
        checks=(Check(name="ok", passed=False, detail="ü\ud800"),),
        metrics=(Metric(name="tokens", value=1.5, unit="B"),),
        caches=(Cache(name="c", hits=1, misses=2),),
        notes=("one",),
        cpu_ns=3,
    )
    here, there = socket.socketpair()
    with here, there:
        Channel(here).send({"round": encode_round(taken)})
        assert decode_round(Channel(there).receive(1)["round"]) == taken


@pytest.mark.parametrize("data", [{}, {"total_ns": 1}, {"spans": 1, "notes": []}, {"spans": [{"x": 1}], "notes": []}])
def test_what_is_no_round_is_refused(data):
    with pytest.raises(MeasurementError, match="no round"):
        decode_round(data)
