"""What the charts of nested steps, dependencies and the history draw, in a real browser."""

from __future__ import annotations

from itertools import pairwise

import pytest
from charting import MS, boxes, example, near, notes, telling, width_of

# --- flame ----------------------------------------------------------------------------


def test_steps_lie_under_the_step_around_them_and_own_time_stays_free(chart):
    page = chart("flame")
    end = width_of(page)
    found = [(box["x"], box["width"]) for box in boxes(page, ".flame .extent")]
    assert found == [
        (near(0), near(end)),
        (near(0), near(0.4 * end)),
        (near(0.4 * end), near(0.6 * end)),
        (near(0.4 * end), near(0.4 * end)),
    ]
    rows = [round(box["y"] / 22) for box in boxes(page, ".flame .extent")]
    assert rows == [0, 1, 1, 2]
    assert len(boxes(page, ".crowded")) == 0


def test_steps_that_come_to_more_than_the_one_around_them_are_narrowed_and_it_is_said(chart):
    flame = [[1, -1, 50 * MS, 0], [0, 1, 60 * MS, 60 * MS], [2, 1, 40 * MS, 40 * MS]]
    page = chart("flame", example(flame=flame))
    render, one, two = boxes(page, ".flame .extent")[1:]
    assert one["x"] == near(render["x"])
    assert one["width"] == near(0.6 * render["width"])
    assert two["x"] + two["width"] == near(render["x"] + render["width"])
    assert len(boxes(page, ".crowded")) == 1
    assert any("narrower to fit" in note for note in notes(page))


# --- graph ----------------------------------------------------------------------------

CROSSED = """
const nodes = [...document.querySelectorAll('.node > rect')].map(one => one.getBBox());
const inside = (p, b) => p.x > b.x + 1 && p.x < b.x + b.width - 1 && p.y > b.y + 1 && p.y < b.y + b.height - 1;
return [...document.querySelectorAll('path.edge')].filter(edge => {
  const length = edge.getTotalLength();
  return Array.from({length: 200}, (_, i) => edge.getPointAtLength((length * i) / 199)).some(p => nodes.some(b => inside(p, b)));
}).length;
"""


def test_edges_lead_to_the_right_and_the_critical_path_is_thick(chart):
    page = chart("graph")
    parse, render, index = boxes(page, ".node > rect")
    assert parse["x"] + parse["width"] < render["x"] == index["x"]
    assert index["y"] > render["y"] + render["height"]
    assert [box["text"] for box in boxes(page, ".node.critical text.strong")] == ["parse", "render"]
    thick = page.run(
        "return [...document.querySelectorAll('path.edge')].map(e => parseFloat(getComputedStyle(e).strokeWidth))"
    )
    assert sorted(thick) == [1.25, 3]
    assert telling(page) == "Dependency graph: 3 steps and 2 edges. Critical path: parse, render."


@pytest.mark.parametrize("width", [360, 900])
def test_no_edge_runs_through_a_step_that_it_has_nothing_to_do_with(chart, width):
    nodes = [[0, 0, 0, 1, 0], [1, 1, 0, 1, 0], [2, 2, 0, 1, 0], [3, 3, 0, 1, 0]]
    edges = [[0, 1, 0], [1, 2, 0], [2, 3, 0], [0, 3, 0], [0, 2, 0], [1, 3, 0]]
    page = chart("graph", example(graphs=[{"title": "", "nodes": nodes, "edges": edges}]), width=width)
    assert len(boxes(page, "path.edge")) == 6
    assert page.run(CROSSED) == 0


def test_a_narrow_graph_leads_down_and_wraps_what_is_beside_each_other(chart):
    steps = [f"s{i}" for i in range(12)]
    nodes = [[0, 0, 0, 1, 0], *([i, 1, i - 1, 1, 0] for i in range(1, 12))]
    page = chart(
        "graph",
        example(steps=steps, graphs=[{"title": "", "nodes": nodes, "edges": [[0, i, 0] for i in range(1, 12)]}]),
        width=360,
    )
    first, *rest = boxes(page, ".node > rect")
    assert all(box["y"] > first["y"] + first["height"] for box in rest)
    assert len({box["y"] for box in rest}) == 4
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width_of(page) for box in rest)
    assert page.run(CROSSED) == 0


def test_each_level_has_a_graph_of_its_own_with_its_title(chart):
    one = example()["graphs"][0]
    page = chart("graph", example(graphs=[one, one | {"title": "render"}, {"title": "none", "nodes": [], "edges": []}]))
    assert len(boxes(page, "svg")) == 2
    assert [box["text"] for box in boxes(page, "svg > text.head")] == ["render"]


# --- history --------------------------------------------------------------------------


def test_sessions_stand_in_order_at_their_levels_with_their_intervals(chart):
    page = chart("history")
    ticks = {box["text"]: box["y"] for box in boxes(page, ".grid")} and boxes(page, ".grid")
    texts = [box["text"] for box in boxes(page, "text.tick") if box["text"].endswith("ms")]
    levels = dict(zip([int(text.split()[0]) for text in texts], [box["y"] for box in ticks], strict=True))
    (low, y_low), (high, y_high) = min(levels.items()), max(levels.items())

    def y(ms):
        return near(y_low + (ms - low) / (high - low) * (y_high - y_low))

    points = boxes(page, ".session .point")
    assert [box["y"] + box["height"] / 2 for box in points] == [y(80), y(81), y(90), y(100)]
    gaps = [b["x"] + b["width"] / 2 - a["x"] - a["width"] / 2 for a, b in pairwise(points)]
    assert gaps == [near(gaps[0])] * 3
    whiskers = [(box["y"], box["y"] + box["height"]) for box in boxes(page, ".session .whisker")]
    assert whiskers == [(y(82), y(78)), (y(83), y(79)), (y(103), y(97))]


def test_an_interval_that_dwarfs_the_levels_ends_in_an_arrow(chart):
    history = example()["history"]
    history["points"][1][3] = 9000 * MS
    page = chart("history", example(history=history))
    (arrow,) = boxes(page, ".session .beyond")
    whisker = boxes(page, ".session .whisker")[1]
    assert arrow["y"] == near(whisker["y"])
    points = boxes(page, ".session .point")
    assert points[0]["y"] - points[3]["y"] > 30, "levels are still told apart"


def test_versions_changes_and_this_run_are_marked(chart):
    page = chart("history")
    points = [box["x"] + box["width"] / 2 for box in boxes(page, ".session .point")]
    (change,) = boxes(page, ".change-line")
    assert change["x"] == near((points[1] + points[2]) / 2)
    assert [box["text"] for box in boxes(page, ".change.slower text")] == ["80 ms → 95 ms"]
    assert [box["x"] for box in boxes(page, ".version")] == [
        near((points[1] + points[2]) / 2),
        near((points[2] + points[3]) / 2),
    ]
    assert len(boxes(page, "rect.accepted")) == 2
    assert len(boxes(page, "path.point.here")) == 1
    texts = {box["text"] for box in boxes(page, "text.tick")}
    assert {"0006-aaaaaa", "0007-3fa9c1", "this run", "2026-01-05", "2026-01-26"} <= texts


def test_drift_is_told_in_a_sentence(chart):
    told = "Drift since 2026-01-05 (version 0006-aaaaaa): +25 % (+20 % to +30 %); 2 versions were accepted on the way."
    page = chart("history")
    assert told in notes(page)
    assert told in telling(page)
