"""What each chart draws, in a real browser: bars, dots and whiskers where their numbers say."""

from __future__ import annotations

import math

import pytest
from charting import KINDS, MS, bar, boxes, chart_page, example, near, notes, telling, width_of

# --- timeline -------------------------------------------------------------------------


def test_bars_lie_where_their_times_say_on_one_axis(chart):
    page = chart("timeline")
    end = width_of(page)
    found = [(box["x"], box["x"] + box["width"]) for box in boxes(page, ".side-now .extent")]
    assert found == [
        (near(0), near(0.4 * end)),
        (near(0.4 * end), near(end)),
        (near(0.4 * end), near(0.7 * end)),
        (near(0.5 * end), near(0.9 * end)),
    ]
    then = [(box["x"], box["x"] + box["width"]) for box in boxes(page, ".side-then .extent")]
    assert then == [(near(0), near(0.4 * end)), (near(0.4 * end), near(0.8 * end))]
    ticks = {box["text"]: box["x"] + box["width"] / 2 for box in boxes(page, "text.tick")}
    assert ticks["40 ms"] == pytest.approx(0.4 * end, abs=2)


def test_nested_bars_lie_under_the_one_around_them_and_lanes_under_those(chart):
    page = chart("timeline")
    parse, render, index, head = boxes(page, ".side-now .extent")
    assert parse["y"] == render["y"] < head["y"] < index["y"]
    assert head["y"] >= render["y"] + render["height"]
    assert index["y"] - head["y"] > head["y"] - render["y"], "a lane keeps more distance than a row"
    assert boxes(page, ".side-then .extent")[0]["y"] > index["y"] + index["height"]


def test_the_critical_path_is_outlined_and_underlined(chart):
    page = chart("timeline")
    assert [box["text"].split(" ")[0] for box in boxes(page, ".side-now .critical")] == ["parse", "render", "head"]
    assert len(boxes(page, ".critical-strip")) == len(boxes(page, ".critical-line")) == 5
    assert any("critical path" in note for note in notes(page))


def test_a_bar_is_filled_as_far_as_it_was_busy(chart):
    page = chart("timeline")
    (busy,), (whole,) = boxes(page, ".busy"), boxes(page, ".extent.paused")
    assert (busy["x"], busy["width"]) == (near(whole["x"]), near(whole["width"] / 2))
    (label,) = [box["text"] for box in boxes(page, ".side-now .critical") if box["text"].startswith("head")]
    assert "20 ms" in label, "what it took, not how long it went on"


def test_steps_of_microseconds_are_seen_beside_90_minutes(chart):
    hours = 5400 * 1000 * MS
    bars = [
        bar(0, 0, 0, 0, hours),
        bar(1, 1, 0, 2000, 3000),
        bar(2, 1, 0, hours, hours),
        bar(3, 1, 0, hours // 2, hours // 2, ok=0),
    ]
    page = chart("timeline", example(now={"total": hours, "bars": bars}, then=None))
    for box in boxes(page, ".extent"):
        assert box["width"] >= 1
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width_of(page)
    assert len(boxes(page, ".failed-mark")) == 1, "failed is told by more than a colour"
    assert "30 min" in {box["text"] for box in boxes(page, "text.tick")}


def test_zero_long_steps_inside_each_other_have_rows_of_their_own(chart):
    bars = [bar(1, 0, 0, 5, 5), bar(2, 0, 1, 5, 5), bar(0, 0, 0, 5, 5)]
    page = chart("timeline", example(now={"total": 10, "bars": bars}, then=None))
    outer, inner, following = (box["y"] for box in boxes(page, ".extent"))
    assert outer == following < inner


def test_whose_round_it_is_and_how_long_it_took_stands_above(chart):
    page = chart("timeline", example(baseline="baseline " + "b" * 300), width=360)
    now, then = (box["text"] for box in boxes(page, "text.head"))
    assert now == "this run · 100 ms"
    assert then.endswith("… · 80 ms" + "baseline " + "b" * 300), "cut, and whole in its title"


# --- spread ---------------------------------------------------------------------------


def test_every_round_is_a_dot_on_one_axis_and_sides_differ_in_shape(chart):
    page = chart("spread")
    assert len(boxes(page, ".side-now circle")) == 6
    assert len(boxes(page, ".side-then path.dot")) == 6
    now = sorted(box["x"] + box["width"] / 2 for box in boxes(page, ".side-now circle"))
    then = sorted(box["x"] + box["width"] / 2 for box in boxes(page, ".side-then path.dot"))
    scale = (now[-1] - then[0]) / (104 - 79)
    assert now == [near(then[0] + scale * (ms - 79)) for ms in (98, 99, 100, 101, 102, 104)]
    medians = [box["x"] + box["width"] / 2 for box in boxes(page, ".side-now .median")]
    assert medians == [near(then[0] + scale * (ms - 79)) for ms in (102, 99)]


def test_what_is_far_out_is_an_arrow_at_the_edge_and_counted(chart):
    page = chart(
        "spread", example(spread={"now": [[i * MS for i in range(100, 130)], [9000 * MS, 110 * MS]], "then": []})
    )
    (arrow,) = boxes(page, ".beyond")
    assert arrow["x"] + arrow["width"] <= width_of(page)
    assert arrow["x"] > width_of(page) - 20
    assert len(boxes(page, "circle")) == 31
    assert "1 round beyond the axis (arrows at its ends); the longest took 9 s." in notes(page)


def test_a_wide_spread_of_few_rounds_is_no_outlier(chart):
    page = chart("spread", example(spread={"now": [[1 * MS, 500 * MS]], "then": []}))
    assert (len(boxes(page, "circle")), len(boxes(page, ".beyond"))) == (2, 0)


# --- effects --------------------------------------------------------------------------


def test_whiskers_points_and_limits_lie_at_their_ratios(chart):
    page = chart("effects")
    zero = boxes(page, ".zero")[0]["x"]
    unit = (boxes(page, ".limit")[0]["x"] - zero) / math.log1p(0.1)
    (whole,) = boxes(page, ".point.whole")
    assert whole["x"] + whole["width"] / 2 == near(zero + unit * math.log1p(0.25))
    row, *_ = boxes(page, ".effect .whisker")
    assert (row["x"], row["x"] + row["width"]) == (
        near(zero + unit * math.log1p(0.2)),
        near(zero + unit * math.log1p(0.3)),
    )
    points = [box["x"] + box["width"] / 2 for box in boxes(page, ".effect circle")]
    assert points == [near(zero + unit * math.log1p(change)) for change in (0.5, -0.2, 0)]
    bracket = boxes(page, ".caught")[0]
    assert (bracket["x"], bracket["x"] + bracket["width"]) == (near(zero), near(zero + unit * math.log1p(0.04)))


def test_the_whole_comes_first_then_what_changed_most_each_with_its_verdict(chart):
    page = chart("effects")
    rows = {}
    for box in boxes(page, "svg > text:not(.tick)"):
        rows.setdefault(round(box["y"]), []).append(box["text"])
    assert list(rows.values()) == [
        ["whole workflow", "+25 %", "REGRESSED"],
        ["render", "+50 %", "REGRESSED"],
        ["render/head", "-20 %", "INCONCLUSIVE"],
        ["parse", "+0 %", "PASS"],
    ]
    assert "+25 % (+20 % to +30 %), REGRESSED" in telling(page)


def test_of_many_steps_25_are_drawn_and_the_rest_are_told(chart):
    steps = [f"s{i}" for i in range(40)]
    effects = [[-1, 0.0, -0.1, 0.1, 0.1, "PASS", None]] + [
        [i, i / 100, None, None, 0.1, "PASS", None] for i in range(40)
    ]
    page = chart("effects", example(steps=steps, effects=effects))
    assert len(boxes(page, ".effect")) == 26
    assert "15 more steps changed less than these." in notes(page)


def test_an_interval_that_is_far_out_ends_in_an_arrow(chart):
    effects = [[-1, 0.01, -0.02, 0.04, 0.1, "PASS", None], [0, 0.02, -0.05, 5000.0, 0.1, "INCONCLUSIVE", None]]
    page = chart("effects", example(effects=effects))
    (arrow,) = boxes(page, ".effect .beyond")
    assert arrow["x"] + arrow["width"] < width_of(page)
    zero = boxes(page, ".zero")[0]["x"]
    assert boxes(page, ".limit")[0]["x"] - zero > 60, "what is near is still told apart"


def test_an_interval_without_an_end_is_drawn_to_the_edge(chart):
    effects = [[-1, 0.01, -0.02, None, 0.1, "PASS", None], [0, 0.02, None, 0.05, 0.1, "PASS", None]]
    page = chart("effects", example(effects=effects))
    right, left = boxes(page, ".effect .beyond")
    upper, lower = boxes(page, ".effect .whisker")
    assert left["x"] == near(lower["x"])
    assert right["x"] + right["width"] == near(upper["x"] + upper["width"])
    assert "(from -2 % on)" in telling(page)


def test_a_change_that_is_far_out_is_an_arrow_of_its_own(chart):
    steps = [f"s{i}" for i in range(9)]
    effects = [[-1, 0.01, -0.02, 0.04, 0.1, "PASS", None]] + [
        [i, 0.01 * i, None, None, 0.1, "PASS", None] for i in range(8)
    ]
    page = chart("effects", example(steps=steps, effects=[*effects, [8, 900.0, None, None, 0.1, "REGRESSED", None]]))
    assert len(boxes(page, ".effect .beyond")) == 1
    assert len(boxes(page, ".effect .point")) == 9


# --- all of them ----------------------------------------------------------------------


def test_a_chart_without_data_takes_its_figure_along(page, tmp_path):
    nothing = {"now": None, "then": None, "spread": None, "effects": None, "flame": None, "graphs": [], "history": None}
    for gone in ({}, *({key: value} for key, value in nothing.items())):
        page.open(chart_page(tmp_path, example(**gone)))
        kinds = page.run("return [...document.querySelectorAll('figure')].map(one => one.dataset.chart)")
        missing = {"graphs": "graph", "now": "", "then": ""}.get(*gone, *gone) if gone else ""
        assert kinds == [kind for kind in KINDS if kind != missing]
    page.open(chart_page(tmp_path, example(**nothing)))
    assert page.run("return document.querySelectorAll('figure, svg').length") == 0
    assert page.console() == []


@pytest.mark.parametrize(
    "empty",
    [{"effects": []}, {"flame": []}, {"spread": {"now": [], "then": []}}, {"spread": {"now": [[]], "then": []}}],
)
def test_empty_data_are_as_good_as_none(page, tmp_path, empty):
    page.open(chart_page(tmp_path, example(**empty), list(empty)))
    assert page.run("return document.querySelectorAll('figure').length") == 0
    assert page.console() == []
