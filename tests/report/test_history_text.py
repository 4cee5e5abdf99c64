"""The history's lines, exact."""

import json
from datetime import UTC, datetime

import pytest

from pytest_wfperf.analyse.history import ChangePoint, Drift, History, Point
from pytest_wfperf.report.history import as_json, drift_told, overview, render
from pytest_wfperf.report.text import spark

MS = 1_000_000
WORKFLOW = "tests/test_shop.py::test_pay"


def point(day, ms, version="0001-3fa9c1", bounds=(), **more):
    low, high = bounds or (None, None)
    return Point(
        created=datetime(2026, 1, day, 9, 30, tzinfo=UTC),
        level_ns=ms * MS,
        low_ns=low and low * MS,
        high_ns=high and high * MS,
        version=version,
        **more,
    )


POINTS = (
    point(3, 10, bounds=(9.8, 10.3), commit="0123456789abcdef", accepted=True, reason="first \x1b[2J level"),
    point(4, 10.2, commit="0123456789abcdef"),
    point(11, 12, "0002-77aa01", bounds=(11.9, 12.1), accepted=True),
    point(12, 12.3, ""),
)
DRIFT = Drift(since=POINTS[0], change=0.23, low=0.19, high=0.27, versions=5)
FULL = History(
    points=POINTS,
    changes=(ChangePoint(at=2, before_ns=10.1 * MS, after_ns=12.15 * MS, p_value=0.0033),),
    drift=DRIFT,
    calibrated=True,
    left_out=7,
    notes=("version 0009-\x1b is left out",),
)


def test_every_session_of_one_workflow():
    assert render(WORKFLOW, FULL, "main") == [
        "tests/test_shop.py::test_pay: 4 sessions of baseline main ▁▂▇█",
        "",
        "session           version      commit        level  95 % interval         change",
        "----------------  -----------  ----------  -------  ------------------  --------  -----------------------------",
        "2026-01-03 09:30  0001-3fa9c1  0123456789    10 ms  9.8 ms to 10.3 ms             accepted: first \\x1b[2J level",
        "2026-01-04 09:30  0001-3fa9c1  0123456789  10.2 ms",
        "2026-01-11 09:30  0002-77aa01                12 ms  11.9 ms to 12.1 ms     +18 %  slower from here on, accepted",
        "2026-01-12 09:30  this run                 12.3 ms                        +2.5 %",
        "",
        "7 sessions between the first and the second not shown (--limit)",
        "changed from 2026-01-11 09:30 on: 10.1 ms → 12.15 ms (+20 %, p 0.0033)",
        "since main 0001-3fa9c1 (2026-01-03, 5 versions ago): +23 % (+19 % to +27 %)",
        "levels are as at the machine's speed in the newest session",
        "note: version 0009-\\x1b is left out",
    ]


def test_one_session():
    assert render("t\x1b", History(points=POINTS[1:2]), "main") == [
        "t\\x1b: 1 session of baseline main ▁",
        "",
        "session           version      commit        level  95 % interval      change",
        "----------------  -----------  ----------  -------  ---------------  --------  --",
        "2026-01-04 09:30  0001-3fa9c1  0123456789  10.2 ms",
        "",
        "no change point: fewer than 8 sessions cannot show one at p 0.05",
    ]


def test_enough_sessions_without_a_change():
    told = render(WORKFLOW, History(points=tuple(point(day, 10) for day in range(1, 9))), "main")
    assert told[-1] == "no change point"
    told = render(WORKFLOW, History(points=tuple(point(day, 10) for day in range(1, 9)), left_out=1), "main")
    assert told[-1] == "no change point: fewer than 8 sessions cannot show one at p 0.05"


def test_nothing_could_be_read():
    assert render(WORKFLOW, History(points=(), notes=("all is damaged",)), "main") == [
        "tests/test_shop.py::test_pay: 0 sessions of baseline main",
        "",
        "",
        "no change point: fewer than 8 sessions cannot show one at p 0.05",
        "note: all is damaged",
    ]


def test_one_line_for_each_workflow():
    damaged = History(points=(), notes=("version 0009-\x1b is left out",))
    assert overview({WORKFLOW: FULL, "b": History(points=POINTS[:1]), "c": damaged}) == [
        "workflow                        sessions    oldest    newest  drift                   changes",
        "----------------------------  ----------  --------  --------  ----------------------  ------------------------------  ----",
        "tests/test_shop.py::test_pay          11     10 ms   12.3 ms  +23 % (+19 % to +27 %)  1, last 2026-01-11 09:30 +20 %  ▁▂▇█",
        "b                                      1     10 ms     10 ms                                                          ▁",
        "c                                      0",
        "note: version 0009-\\x1b is left out",
    ]


@pytest.mark.parametrize(
    ("change", "low", "high", "versions", "told"),
    [
        (0.02, -0.03, 0.07, 1, "1 version ago): +2 % (-3 % to +7 %), which may be chance"),
        (-0.3, -0.4, -0.2, 0, "the only version): -30 % (-40 % to -20 %)"),
        (2.5, 1.5, 4.0, 2, "2 versions ago): 3.5x (2.5x to 5x)"),
    ],
)
def test_the_drift_in_a_sentence(change, low, high, versions, told):
    drift = Drift(since=POINTS[0], change=change, low=low, high=high, versions=versions)
    assert drift_told(drift, "main") == f"since main 0001-3fa9c1 (2026-01-03, {told}"


def test_as_json():
    data = json.loads(json.dumps(as_json(WORKFLOW, FULL)))
    assert data["workflow"] == WORKFLOW
    assert data["points"][0] == {
        "created": "2026-01-03T09:30:00+00:00",
        "level_ns": 10 * MS,
        "low_ns": 9.8 * MS,
        "high_ns": 10.3 * MS,
        "launches": 1,
        "version": "0001-3fa9c1",
        "session": "",
        "commit": "0123456789abcdef",
        "reason": "first \x1b[2J level",
        "accepted": True,
    }
    assert data["changes"][0]["change"] == pytest.approx(12.15 / 10.1 - 1)
    assert (data["drift"]["change"], data["drift"]["since"]) == (0.23, data["points"][0])
    assert (data["calibrated"], data["left_out"], data["notes"]) == (True, 7, list(FULL.notes))
    assert as_json("t", History(points=()))["drift"] is None


@pytest.mark.parametrize(
    ("levels", "blocks"),
    [
        ([], ""),
        ([5], "▁"),
        ([100, 101, 100], "▁▁▁"),
        ([100, 120], "▁█"),
        ([1, 10, 100], "▁▅█"),
        ([100, 103, 106], "▁▂▃"),
    ],
)
def test_levels_as_blocks(levels, blocks):
    assert spark(levels) == blocks
