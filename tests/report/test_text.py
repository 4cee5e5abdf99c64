"""Numbers as a reader sees them."""

from __future__ import annotations

import pytest

from pytest_wfperf.report.text import amount, caught, change, duration, printable, share, size, strip


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"), (1, "1 ns"), (999, "999 ns"), (1_000, "1 µs"), (1_234_567, "1.235 ms"), (999_999.9, "1 ms"),
        (212e6, "212 ms"), (1.5e9, "1.5 s"), (59.9e9, "59.9 s"), (90e9, "1.5 min"), (5_400e9, "90 min"), (-2e6, "-2 ms"),
    ],
)  # fmt: skip
def test_durations(ns, text):
    assert duration(ns) == text


def test_shares_changes_and_what_could_have_been_caught():
    assert [share(f) for f in (0, 0.031, 0.1, 0.999, 1)] == ["0 %", "3.1 %", "10 %", "100 %", "100 %"]
    assert [change(f) for f in (0.051, -0.2, 1.5, 2.4)] == ["+5.1 %", "-20 %", "+150 %", "3.4x"]
    assert [change(f) for f in (-0.0004, 0.0, 0.0004, -0.001)] == ["+0 %", "+0 %", "+0 %", "-0.1 %"]
    assert change(-0.1, as_factor=True) == "0.9x"
    assert [caught(f) for f in (None, 0.021, 0.18, 1.21, 11)] == ["none", ">= 2.1 %", ">= 18 %", ">= 121 %", ">= 12x"]


def test_amounts_in_their_units():
    assert amount(None, "time") == "-"
    assert [amount(2e6, "time"), amount(2**21, "bytes"), amount(0.5, "fraction")] == ["2 ms", "2 MiB", "50 %"]
    assert [amount(1.333, "factor"), amount(12, "plain"), size(512)] == ["1.33x", "12", "512 B"]


def test_nothing_steers_the_terminal():
    assert printable("a\x1b[31m\u202eb\nc\ud800é") == "a\\x1b[31m\\u202eb\\nc\\ud800é"


def test_changes_launch_by_launch_are_a_plot_with_its_marks():
    assert strip([1.0, 1.1], 0.05) == "+0 % █" + "·" * 15 + "┊" + "·" * 15 + "█ +10 %"
    plot = strip([1.04, 1.05, 1.05, 1.06], 0.05)
    assert plot.startswith("+0 % │")
    assert plot.endswith(" +6 %")
    assert "█" in plot
    assert strip([0.9], 0.05).startswith("-10 % █")
