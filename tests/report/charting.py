"""A page with charts alone, put together as the report's is, and small data that every chart can draw."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from pytest_wfperf.report.layers import layers
from pytest_wfperf.report.page import assets

MS = 1_000_000
SCRIPTS = (
    "drawing", "effects", "flame", "format", "graph", "history", "spread", "timeline", "tips", "charts",
)  # fmt: skip
KINDS = ("timeline", "spread", "effects", "flame", "graph", "history")


def chart_page(folder: Path, workflow: dict, kinds=KINDS, *, name="charts.html") -> Path:
    """A page that draws the workflow's charts when it is opened, under the report's own policy; ``W`` are its data."""
    figures = "".join(
        f'<figure class="chart" data-chart="{kind}"><figcaption>{kind}</figcaption></figure>' for kind in kinds
    )
    script = "\n".join(assets.FOLDER.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script += "\nconst W = JSON.parse(document.getElementById('data').textContent);"
    script += "\ncharts.draw(document.getElementById('w'), W);"
    policy = f"default-src 'none'; script-src '{assets.digest(script)}'; style-src '{assets.digest(assets.style())}'"
    path = folder / name
    path.write_text(
        f'<!DOCTYPE html><html lang=en><meta charset=utf-8><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>charts</title><style>{assets.style()}</style><div id=w>{figures}</div>"
        f"<script type=application/json id=data>{assets.data(workflow)}</script><script>{script}</script>",
        encoding="utf-8",
    )
    return path


def bar(step, lane, depth, start, end, *, busy=None, count=1, critical=0, ok=1):
    return [step, lane, depth, start, end, end - start if busy is None else busy, count, critical, ok]


def example(**rest) -> dict:
    """Four steps, of which two overlap; every chart has something to draw."""
    steps = ["parse", "render", "render/head", "index"]
    bars = [
        bar(0, 0, 0, 0, 40 * MS, critical=1),
        bar(1, 0, 0, 40 * MS, 100 * MS, critical=1),
        bar(3, 1, 0, 40 * MS, 70 * MS),
        bar(2, 0, 1, 50 * MS, 90 * MS, busy=20 * MS, count=2, critical=1),
    ]
    then = [bar(0, 0, 0, 0, 40 * MS, critical=1), bar(1, 0, 0, 40 * MS, 80 * MS, critical=1)]
    workflow = {
        "id": "tests/test_x.py::test_y[1]",
        "verdict": "REGRESSED",
        "baseline": "baseline main 0007-3fa9c1",
        "steps": steps,
        "now": {"total": 100 * MS, "bars": bars},
        "then": {"total": 80 * MS, "bars": then},
        "spread": {
            "now": [[100 * MS, 102 * MS, 104 * MS], [98 * MS, 99 * MS, 101 * MS]],
            "then": [[80 * MS, 81 * MS, 83 * MS], [79 * MS, 80 * MS, 82 * MS]],
        },
        "effects": [
            [-1, 0.25, 0.2, 0.3, 0.1, "REGRESSED", 0.04],
            [0, 0.0, -0.02, 0.02, 0.1, "PASS", 0.05],
            [1, 0.5, 0.4, 0.62, 0.1, "REGRESSED", 0.06],
            [2, -0.2, None, None, 0.1, "INCONCLUSIVE", None],
        ],
        "flame": [[0, -1, 40 * MS, 40 * MS], [1, -1, 60 * MS, 20 * MS], [2, 1, 40 * MS, 40 * MS]],
        "graphs": [
            {
                "title": "",
                "nodes": [[0, 0, 0, 40 * MS, 1], [1, 1, 0, 60 * MS, 1], [3, 1, 1, 30 * MS, 0]],
                "edges": [[0, 1, 1], [0, 2, 0]],
            }
        ],
        "history": {
            "points": [
                ["2026-01-05T10:00:00+00:00", 80 * MS, 78 * MS, 82 * MS, "0006-aaaaaa", "c0ffee", "first", 1],
                ["2026-01-12T10:00:00+00:00", 81 * MS, 79 * MS, 83 * MS, "0006-aaaaaa", "c0ffee", "first", 0],
                ["2026-01-19T10:00:00+00:00", 90 * MS, None, None, "0007-3fa9c1", "decade", "new parser", 1],
                ["2026-01-26T10:00:00+00:00", 100 * MS, 97 * MS, 103 * MS, "", "facade", "", 0],
            ],
            "changes": [[2, 80 * MS, 95 * MS, 0.004]],
            "drift": [0, 0.25, 0.2, 0.3, 2],
        },
    }
    return json.loads(json.dumps(workflow | rest))


def extreme(steps=200, lanes=40) -> dict:
    """More of everything than fits: steps of µs in a round of 90 min, names of 300 letters, changes of 60 times."""
    dice = random.Random(4)
    names = [f"s{i}" if i % 7 else f"stage {i} {'long name ' * 30}" for i in range(steps)]
    total = 5400 * 1000 * MS
    bars = []
    for i in range(steps):
        start = (i // lanes) * total // 8
        took = dice.choice([0, 500, 3000, 1000 * MS, total // 9])
        bars.append(
            bar(
                i,
                i % lanes,
                0,
                start,
                start + took,
                busy=took // (1 + i % 2),
                critical=int(i % 9 == 0),
                ok=int(i % 50 != 3),
            )
        )
    effects = [[-1, 0.03, -0.01, 0.08, 0.1, "INCONCLUSIVE", 0.12]]
    for i in range(steps):
        ends = (None, None) if i % 5 == 0 else (-0.95, 100 * dice.random())
        verdict = dice.choice(["PASS", "REGRESSED", "INCONCLUSIVE", "IMPROVED", "INCOMPARABLE"])
        effects.append([i, dice.choice([-0.01, 0.02, 0.5, 60, -0.9]), *ends, 0.1, verdict, dice.choice([None, 0.2, 5])])
    parents = [-1 if i % 10 == 0 else i - 1 if i % 10 < 6 else i - i % 10 for i in range(steps)]
    flame = [[i, parents[i], 10 ** dice.randint(2, 12), 10 ** dice.randint(1, 10)] for i in range(steps)]
    edges = sorted(
        {(dice.randrange(max(0, i - 30), i), i) for i in range(1, steps) for _ in range(dice.choice([1, 1, 2]))}
    )
    places = layers(steps, edges)
    nodes = [[i, *places[i], 10 ** dice.randint(2, 12), int(i % 9 == 0)] for i in range(steps)]
    rounds = [
        [[dice.randint(MS, 2 * MS) for _ in range(20)] for _ in range(10)],
        [[dice.randint(MS, 2 * MS)] for _ in range(199)],
    ]
    return example(
        baseline="baseline " + "b" * 200,
        steps=names,
        now={"total": total, "bars": bars},
        then={"total": total // 2, "bars": bars[:50]},
        effects=effects,
        flame=flame,
        graphs=[{"title": "g " * 100, "nodes": nodes, "edges": [[a, b, int(a % 9 == b % 9 == 0)] for a, b in edges]}],
        spread={"now": [*rounds[1], [1000 * MS]], "then": rounds[0]},
        history=long_history(dice),
    )


def long_history(dice: random.Random) -> dict:
    """A hundred sessions of 17 versions, two changes close to each other, an interval nine times too wide."""
    level, points = 80 * MS, []
    for i in range(100):
        level *= {30: 1.2, 33: 1.2, 60: 0.7, 90: 1.2}.get(i, 1)
        at = round(level * dice.uniform(0.98, 1.02))
        version = f"{i // 6:04}-abcdef" if i < 99 else ""
        high = at * 9 if i == 50 else at * 1.05
        day = f"2026-{1 + i // 28:02}-{1 + i % 28:02}T10:00:00+00:00"
        points.append([day, at, round(at * 0.95), round(high), version, "abc", "reason " * 40, int(i % 6 == 0)])
    changes = [
        [30, 80 * MS, 96 * MS, 0.001],
        [33, 96 * MS, 115 * MS, 0.001],
        [60, 115 * MS, 80 * MS, 0.02],
        [90, 80 * MS, 97 * MS, 0.001],
    ]
    return {"points": points, "changes": changes, "drift": [0, 0.2, 0.1, 0.3, 17]}


def least() -> dict:
    """One of everything, and nothing takes any time."""
    return example(
        steps=["only"],
        now={"total": 0, "bars": [bar(0, 0, 0, 0, 0)]},
        then=None,
        spread={"now": [[5 * MS]], "then": []},
        effects=[[-1, 0, None, None, 0.1, "INCONCLUSIVE", None]],
        flame=[[0, -1, 0, 0]],
        graphs=[{"title": "x", "nodes": [[0, 0, 0, 0, 1]], "edges": []}],
        history={
            "points": [["2026-01-05T10:00:00+00:00", 80 * MS, None, None, "", "", "", 0]],
            "changes": [],
            "drift": None,
        },
    )


BOXES = """
const frame = document.querySelector('figure svg').getBoundingClientRect();
return [...document.querySelectorAll(arguments[0])].map(one => {
  const box = one.getBoundingClientRect();
  return {x: box.x - frame.x, y: box.y - frame.y, width: box.width, height: box.height, text: one.textContent};
});
"""


def boxes(page, selector):
    return page.run(BOXES, selector)


def notes(page):
    return page.run("return [...document.querySelectorAll('.chart-note')].map(one => one.textContent)")


def telling(page):
    return page.run("return document.querySelector('figure svg').getAttribute('aria-label')")


def width_of(page):
    return page.run("return document.querySelector('figure svg').getBoundingClientRect().width")


def near(value):
    return pytest.approx(value, abs=1)
