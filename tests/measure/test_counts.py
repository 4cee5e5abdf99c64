"""Counts that do not depend on time."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_wfperf.measure.counts import Counter, counted
from pytest_wfperf.measure.rounds import Measurement


def count(what: str, body) -> dict[str, int]:
    with Counter(what) as counter:
        measurement = Measurement(clock=Counter.KINDS[what](counter))
        measurement.begin()
        body(measurement.recorder.step)
        measurement.end()
        measurement.keep()
    return dict(counted(measurement.rounds[0]))


def calls(times: int):
    def body(step):
        with step("some"):
            for _ in range(times):
                len("x")

    return body


def test_calls_are_counted_step_by_step_and_alike_every_time():
    few, more, again = (count("calls", calls(n))["some"] for n in (10, 110, 110))
    assert more - few == 100
    assert again == more


def test_files_opened_are_counted(tmp_path):
    (tmp_path / "f").touch()

    def body(step):
        with step("reads"):
            for _ in range(3):
                (tmp_path / "f").read_bytes()
        with step("idles"):
            pass

    found = count("files", body)
    assert (found["reads"], found["idles"]) == (3, 0)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="Linux tells")
def test_bytes_read_and_written_are_counted_without_those_of_counting(tmp_path):
    def body(step):
        with step("writes"):
            (tmp_path / "f").write_bytes(b"x" * 5_000)
        with step("idles"):
            pass

    found = count("bytes", body)
    assert (found["writes"], found["idles"]) == (5_000, 0)


def test_blocks_still_held_are_counted():
    kept = []

    def body(step):
        with step("keeps"):
            kept.extend(object() for _ in range(1_000))

    assert count("blocks", body)["keeps"] >= 1_000
