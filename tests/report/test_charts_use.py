"""Charts in use: at every width, by pointer and keyboard, in the dark, on paper, and with names that mean harm."""

from __future__ import annotations

import pytest
from charting import KINDS, MS, chart_page, example, extreme, least

TEXTS = """
return [...document.querySelectorAll('figure svg')].map(svg => {
  const frame = svg.getBoundingClientRect();
  return {
    kind: svg.closest('figure').dataset.chart, width: frame.width, height: frame.height, inside: svg.parentElement.clientWidth,
    texts: [...svg.querySelectorAll('text')].map(one => {
      const box = one.getBoundingClientRect();
      return {text: one.firstChild.textContent, size: parseFloat(getComputedStyle(one).fontSize),
              left: box.left - frame.left, right: box.right - frame.left, top: box.top - frame.top, bottom: box.bottom - frame.top};
    }),
  };
});
"""
TIP = "const tip = document.querySelector('.chart-tip'); return tip && !tip.hidden ? [...tip.children].map(e => e.textContent) : null;"
CASES = {"example": example, "extreme": extreme, "least": least}


def press(page, *keys):
    for key in keys:
        for kind in ("keyDown", "keyUp"):
            page.driver.execute_cdp_cmd(
                "Input.dispatchKeyEvent",
                {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": 9 if key == "Tab" else 0},
            )


def point_at(page, x, y):
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})


def middle_of(page, selector, number=0):
    return page.run(
        "const box = document.querySelectorAll(arguments[0])[arguments[1]].getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2];",
        selector,
        number,
    )


def tip_box(page):
    """Left, top, right and bottom of the tooltip in the window."""
    return page.run(
        "const b = document.querySelector('.chart-tip').getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom];"
    )


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("case", CASES)
def test_text_stays_inside_is_large_enough_and_never_overlaps(page, tmp_path, case, width):
    page.view(width, 900)
    page.open(chart_page(tmp_path, CASES[case]()))
    assert page.run("return document.documentElement.scrollWidth") == width
    drawn = page.run(TEXTS)
    assert {svg["kind"] for svg in drawn} == set(KINDS)
    for svg in drawn:
        assert svg["width"] == pytest.approx(svg["inside"], abs=1)
        texts = sorted(svg["texts"], key=lambda one: one["left"])
        for number, one in enumerate(texts):
            assert one["size"] >= 11
            assert one["left"] >= -0.5, (svg["kind"], one)
            assert one["right"] <= svg["width"] + 0.5, (svg["kind"], one)
            assert one["top"] >= -1, (svg["kind"], one)
            assert one["bottom"] <= svg["height"] + 1, (svg["kind"], one)
            for other in texts[number + 1 :]:
                beside = other["left"] >= one["right"]
                assert beside or other["top"] >= one["bottom"] - 2 or one["top"] >= other["bottom"] - 2, (
                    svg["kind"],
                    one,
                    other,
                )
    assert page.console() == []


def test_every_drawing_tells_of_itself_in_a_sentence(page, tmp_path):
    page.open(chart_page(tmp_path, example()))
    for role, told in page.run(
        "return [...document.querySelectorAll('figure svg')].map(s => [s.getAttribute('role'), s.getAttribute('aria-label')])"
    ):
        assert role == "img"
        assert len(told) > 30
        assert told.endswith(".")


# --- pointer and keyboard -----------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mark", "told"),
    [
        (
            "timeline",
            ".side-now .bar",
            ["parse", "this run: 40 ms (40 % of the round)", "from 0 ns to 40 ms", "on the critical path"],
        ),
        ("spread", ".launch", ["this run, launch 1 of 2", "3 rounds, median 102 ms", "from 100 ms to 104 ms"]),
        (
            "effects",
            ".effect",
            [
                "whole workflow",
                "+25 % · REGRESSED",
                "95 % interval +20 % to +30 %",
                "limit 10 %",
                "could have caught >= 4 %",
            ],
        ),
        ("flame", ".flame", ["whole workflow", "100 ms, of that 0 ns outside all steps"]),
        ("graph", ".node", ["parse", "40 ms", "before render, index", "on the critical path"]),
        (
            "history",
            ".session .point",
            [
                "2026-01-05, version 0006-aaaaaa",
                "80 ms",
                "95 % interval 78 ms to 82 ms",
                "commit c0ffee",
                "accepted: first",
            ],
        ),
    ],
)
def test_the_keyboard_shows_what_the_pointer_shows(page, tmp_path, kind, mark, told):
    page.view(800, 900)
    page.open(chart_page(tmp_path, example(), [kind]))
    assert page.run(TIP) is None
    point_at(page, *middle_of(page, mark))
    assert page.run(TIP) == told
    point_at(page, 790, 890)
    assert page.run(TIP) is None
    press(page, "Tab")
    assert page.run("return document.activeElement.className") == "chart-plot"
    assert page.run(TIP) == told
    assert page.run("return document.querySelector('.chart-tip').getAttribute('role')") == "status"
    assert page.run("return document.querySelectorAll('.chart-cursor').length") == 1


def test_arrows_go_from_bar_to_bar_and_from_row_to_row(page, tmp_path):
    page.view(800, 900)
    page.open(chart_page(tmp_path, example(), ["timeline"]))
    press(page, "Tab")
    seen = [page.run(TIP)[0]]
    for key in (
        "ArrowRight",
        "ArrowDown",
        "ArrowDown",
        "ArrowUp",
        "ArrowUp",
        "ArrowLeft",
        "ArrowLeft",
        "End",
        "ArrowRight",
        "Home",
    ):
        press(page, key)
        seen.append(page.run(TIP)[0])
    assert seen == [
        "parse",
        "render",
        "render/head",
        "index",
        "render/head",
        "render",
        "parse",
        "parse",
        "render",
        "render",
        "parse",
    ]
    assert page.run(TIP)[1].startswith("this run")
    press(page, "End")
    assert page.run(TIP)[1].startswith("baseline main")
    press(page, "Escape")
    assert page.run(TIP) is None


def test_a_bar_of_one_pixel_is_found_by_a_pointer_near_it(page, tmp_path):
    page.view(800, 900)
    now = {"total": 10**12, "bars": [[0, 0, 0, 5 * 10**11, 5 * 10**11, 0, 1, 0, 1]]}
    page.open(chart_page(tmp_path, example(now=now, then=None), ["timeline"]))
    x, y = middle_of(page, ".bar rect")
    point_at(page, x + 5, y)
    assert page.run(TIP)[0] == "parse"
    point_at(page, x + 15, y)
    assert page.run(TIP) is None


def test_a_step_whose_inner_ones_overlap_says_so(page, tmp_path):
    page.view(800, 900)
    flame = [[1, -1, 50 * MS, 0], [0, 1, 60 * MS, 60 * MS], [2, 1, 40 * MS, 40 * MS]]
    page.open(chart_page(tmp_path, example(flame=flame), ["flame"]))
    point_at(page, *middle_of(page, ".flame", 1))
    assert (
        page.run(TIP)[-1]
        == "steps inside come to 200 % of it (they overlap, or their medians do not add up): drawn narrower to fit"
    )


@pytest.mark.parametrize("width", [360, 1400])
def test_the_tooltip_stays_in_the_window(page, tmp_path, width):
    page.view(width, 500)
    page.open(chart_page(tmp_path, extreme(), ["timeline"]))
    press(page, "Tab")
    for key in ["ArrowRight"] * 8 + ["End"]:
        press(page, key)
        left, top, right, bottom = tip_box(page)
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= 500


def test_the_tooltip_is_as_wide_at_the_edge_as_elsewhere(page, tmp_path):
    page.view(360, 900)
    page.open(chart_page(tmp_path, example(), ["effects"]))
    _, y = middle_of(page, ".effect")
    boxes = []
    for x in (20, 180, 340):
        point_at(page, x, y)
        boxes.append(tip_box(page))
    assert len({round(right - left) for left, _, right, _ in boxes}) == 1
    assert boxes[0][0] < boxes[1][0] < boxes[2][0]
    assert boxes[2][2] <= 360


# --- redrawing ----------------------------------------------------------------------

WIDTHS = "return [...document.querySelectorAll('figure svg')].map(svg => [svg.viewBox.baseVal.width, svg.parentElement.clientWidth])"
SETTLED = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => done())));"


def test_charts_follow_the_width_and_keep_the_focus(page, tmp_path):
    page.view(1400, 900)
    page.open(chart_page(tmp_path, example()))
    press(page, "Tab", "ArrowRight")
    before = page.run(TIP)
    for width in (360, 900):
        page.view(width, 900)
        page.driver.execute_async_script(SETTLED)
        assert all(drawn == inside for drawn, inside in page.run(WIDTHS))
        assert page.run(TIP) == before
    assert page.run("return document.querySelectorAll('.chart-plot').length") == len(KINDS)


def test_what_is_opened_later_is_drawn_then(page, tmp_path):
    path = chart_page(tmp_path, example(), ["timeline"])
    path.write_text(path.read_text(encoding="utf-8").replace("<div id=w>", "<div id=w hidden>"), encoding="utf-8")
    page.open(path)
    assert page.run("return document.querySelectorAll('svg').length") == 0
    page.run("document.getElementById('w').hidden = false")
    page.driver.execute_async_script(SETTLED)
    assert page.run("return document.querySelectorAll('svg .bar').length") == 6


def test_drawing_again_changes_nothing(page, tmp_path):
    page.open(chart_page(tmp_path, example()))
    before = page.run("return document.getElementById('w').textContent")
    page.run("charts.draw(document.getElementById('w'), W)")
    assert page.run("return document.getElementById('w').textContent") == before


def test_paper_is_700_px_wide(page, tmp_path):
    page.view(1400, 900)
    page.open(chart_page(tmp_path, example()))
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert {drawn for drawn, _ in page.run(WIDTHS)} == {700}
    page.run("dispatchEvent(new Event('afterprint'))")
    assert all(drawn == inside != 700 for drawn, inside in page.run(WIDTHS))


# --- colours and foreign text -------------------------------------------------------

CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgb = colour => {
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255);
};
const light = colour => rgb(colour).map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const paper = getComputedStyle(document.body).backgroundColor;
return [...document.querySelectorAll('figure svg text')].flatMap(text => {
  const grounds = [...(text.closest('g') ?? text).querySelectorAll('.extent, .busy')].map(one => getComputedStyle(one).fill);
  return (grounds.length ? grounds : [paper]).map(ground => {
    const [a, b] = [light(getComputedStyle(text).fill), light(ground)].sort();
    return [text.textContent, (b + 0.05) / (a + 0.05)];
  });
});
"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_told_from_what_is_behind_it(page, tmp_path, dark):
    page.view(1400, 900, dark=dark)
    page.open(chart_page(tmp_path, example()))
    found = page.run(CONTRAST)
    page.view(1400, 900)
    assert len(found) > 40
    assert [(text, ratio) for text, ratio in found if ratio < 4.5] == []


HOSTILE = "</script><img src=x onerror=alert(1)>\"'`${1}&amp;\u202egnp.exe\x00\n"


def test_hostile_names_stay_text(page, tmp_path):
    page.view(1400, 900)
    names = [f"{HOSTILE}{number}" for number in range(4)]
    data = example(steps=names, baseline=HOSTILE)
    data["history"]["points"][0][4:7] = [HOSTILE] * 3
    data["effects"][0][5] = HOSTILE
    data["graphs"][0]["title"] = HOSTILE
    page.open(chart_page(tmp_path, data))
    assert page.console() == []
    assert page.run("return document.querySelectorAll('img').length") == 0
    assert page.run("return document.querySelectorAll('figure svg').length") == len(KINDS)
    shown = page.run("return document.getElementById('w').textContent")
    assert "<img src=x onerror=alert(1)>" in shown
    assert not {"\u202e", "\x00"} & set(shown)
    assert "\\u202e" in shown
    press(page, "Tab")
    assert page.run(TIP)[0].startswith("</script><img src=x onerror=alert(1)>")
    asked = [address for address in page.requests() if address.endswith("/x")]
    assert asked == []
