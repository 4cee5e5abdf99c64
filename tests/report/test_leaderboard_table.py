"""The board's lines, exact."""

from __future__ import annotations

from pytest_wfperf.judged import Leaderboard, Standing
from pytest_wfperf.model import Metric
from pytest_wfperf.report.leaderboard import LEGEND, leaderboard


def standing(variant, rank, ms, cost=None, **more):
    metric = None if cost is None else Metric(name="cost", value=cost, unit="USD")
    return Standing(
        variant=variant, workflow=f"t.py::test_a[{variant}]", median_ns=ms * 1e6, passed=12, rounds=12, rank=rank,
        cost=metric, **more,
    )  # fmt: skip


def lines(*standings, width=120):
    return list(leaderboard(Leaderboard(workflow="t.py::test_a", standings=standings), width))


def test_every_column():
    assert lines(
        standing("gpt\x1b", 1, 10.5, 0.03, tied=("b",)), standing("b", 1, 11, 0.06, tied=("gpt\x1b",), beaten=True)
    ) == [
        "",
        "variants of t.py::test_a",
        "      rank    variant    passed    median    cost      as fast as",
        "  --  ------  ---------  --------  --------  --------  ------------",
        "  *   1       gpt\\x1b    12/12     10.5 ms   0.03 USD  b",
        "      1       b          12/12     11 ms     0.06 USD  gpt\\x1b",
        f"  {LEGEND}",
    ]


def test_columns_that_say_nothing_are_left_out_and_lines_are_cut():
    told = lines(standing("a", 1, 10), standing("b", 2, 20, beaten=True))
    assert "cost" not in told[2] and "as fast as" not in told[2]
    assert all(len(line) <= 60 for line in lines(standing("a" * 80, 1, 10), standing("b", 2, 20), width=60))
