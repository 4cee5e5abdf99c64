"""The page in a real browser: what it shows, what it does when asked to, and that it asks for nothing itself."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path

import pytest
from page_exhibits import SETTLED, Shown
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pytest_wfperf.report.page.figures import figures

KINDS = ["timeline", "spread", "effects", "flame", "graph", "history"]
NAMES = ["test_broken", "test_checkout", "test_elsewhere", "test_gone", "test_search[a b]"]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(Shown().page(), encoding="utf-8")
    return path


@pytest.fixture
def opened(page, report):
    page.view(1400)
    page.open(report)
    settle(page)
    return page


def settle(page):
    """Wait until what scripts have put off is done: charts are drawn after the table is painted, one workflow's at a time."""
    page.driver.execute_async_script(SETTLED)


def names(page):
    """The workflows of the overview that are shown, in their order, without their file."""
    return page.run(
        "return [...document.querySelectorAll('#overview tbody tr')].filter((row) => row.offsetParent !== null)"
        ".map((row) => row.cells[1].textContent.split('::')[1])"
    )


def sections(page):
    return page.run(
        "return [...document.querySelectorAll('.sheet')].filter((one) => one.offsetParent !== null)"
        ".map((one) => one.querySelector('h3').textContent.split('::')[1])"
    )


def click(page, selector):
    page.driver.find_element(By.CSS_SELECTOR, selector).click()


def press(page, *keys):
    for key in keys:
        page.driver.switch_to.active_element.send_keys(key)
    settle(page)


def focused(page):
    return page.run("return (document.activeElement.textContent || document.activeElement.id).trim()")


# --- what it shows ----------------------------------------------------------------------


def test_the_verdict_comes_first_and_the_worst_workflow_after_it(opened):
    assert opened.run("return document.querySelector('h1').textContent") == "The gate does not hold"
    assert "5 workflows against baseline main: 1 FAILED" in opened.run(
        "return document.querySelector('.summary').textContent"
    )
    assert names(opened) == sections(opened) == NAMES
    assert opened.run("return document.title").startswith("The gate does not hold: 5 workflows")


def test_it_says_nothing_on_the_console_and_asks_for_nothing_but_itself(page, report):
    page.console()
    page.requests()
    page.view(1400)
    page.open(report)
    settle(page)
    click(page, "#open")
    settle(page)
    for selector in ("#overview th:nth-child(3) button", "#overview tbody tr:nth-child(2) a"):
        click(page, selector)
    settle(page)
    assert page.console() == []
    assert {address.partition("#")[0] for address in page.requests()} == {report.as_uri()}


def test_failing_workflows_are_open_with_all_their_charts(opened):
    drawn = opened.run(
        "return [...document.querySelectorAll('.sheet[open]')].map((sheet) => "
        "[...sheet.querySelectorAll('figure')].filter((one) => one.querySelector('svg')).map((one) => one.dataset.chart))"
    )
    assert drawn == [[], KINDS]


def test_a_workflow_s_charts_are_drawn_when_it_is_opened(opened):
    count = "return document.querySelectorAll('.sheet:nth-child(3) figure svg').length"
    assert opened.run(count) == 0
    click(opened, ".sheet:nth-child(3) summary")
    settle(opened)
    assert opened.run(count) >= 4
    click(opened, ".sheet:nth-child(3) summary")
    click(opened, ".sheet:nth-child(3) summary")
    settle(opened)
    assert opened.run("return document.querySelectorAll('.sheet:nth-child(3) figure[data-chart=spread]').length") == 1


def test_what_is_closed_before_its_turn_is_not_drawn_until_opened_again(opened):
    opened.run(
        "const close = () => setTimeout(() => document.getElementById('close').click());"
        "document.addEventListener('toggle', close, { capture: true, once: true });"
        "document.querySelector('.sheet:nth-child(3)').open = true;"
    )
    settle(opened)
    count = "return document.querySelectorAll('.sheet:nth-child(3) svg').length"
    assert opened.run(count) == 0
    click(opened, "#open")
    settle(opened)
    assert opened.run(count) >= 4


def test_the_data_come_out_as_they_went_in(opened):
    got = opened.run("return [0, 1, 2, 3, 4].map((number) => unpack(number))")[1]
    packed = figures(Shown().regressed())
    assert got["steps"] == ["fetch", "parse", "parse/head", "parse/body", "render", "mail", "gone"]
    ms = 10**6
    assert got["now"]["total"] == 91.2 * ms
    assert got["now"]["bars"][3] == [3, 0, 1, 20 * ms, 38 * ms, 12 * ms, 3, 1, 1]
    assert got["now"]["bars"][5] == [5, 1, 0, 40.2 * ms, 55.2 * ms, 15 * ms, 1, 0, 1]
    assert got["spread"]["now"][1] == [91.1 * ms, 91.2 * ms, 92 * ms]
    assert got["effects"][3] == [4, 1.5, 1.262, 1.763, 0.1, "REGRESSED", 0.18]
    assert got["effects"][4][2:4] == [None, None]
    assert got["flame"][:2] == [[0, -1, 10.2 * ms, 10.2 * ms], [1, -1, 30 * ms, 4 * ms]]
    assert got["graphs"][0]["nodes"][0] == [0, 0, 0, 10.2 * ms, 1]
    assert got["graphs"][0]["edges"] == packed["graphs"][0]["edges"]
    assert got["history"]["points"][0] == [
        "2026-01-23T05:06:07.000Z", 61 * ms, 59 * ms, None, "0001-3fa9c1", "c0ffee0", "accepted for a reason 0", 1,
    ]  # fmt: skip
    assert got["history"]["changes"] == [[2, 61.5 * ms, 70.75 * ms, 0.012]]
    assert got["history"]["drift"] == [0, 0.49, 0.4, 0.58, 2]


def test_what_is_not_drawn_is_told(page, tmp_path):
    from dataclasses import replace

    from page_exhibits import MS, span

    from pytest_wfperf.analyse.analysis import analyse
    from pytest_wfperf.judged import RunResult
    from pytest_wfperf.model import Launch, Round
    from pytest_wfperf.report import html
    from pytest_wfperf.report.exhibit import Exhibit, Occasion

    shown = Shown()
    spans = tuple(span(f"s{i}", i, i + 1, after=(f"s{i - 1}",) if i else ()) for i in range(400))
    whole = replace(shown.regressed().profile, launches=(Launch(rounds=(Round(total_ns=400 * MS, spans=spans),)),))
    exhibit = Exhibit(judgement=shown.failed().judgement, profile=whole, analysis=analyse(whole))
    path = tmp_path / "large.html"
    run, occasion = RunResult(judgements=(exhibit.judgement,)), Occasion(created=shown.history().points[0].created)
    path.write_bytes(html.whole(run, occasion, [html.part(exhibit)]))
    page.console()
    page.open(path)
    settle(page)
    told = page.run("return document.querySelector('.charts').textContent")
    assert "The round of median length (100 shorter steps left out)" in told
    assert "What comes after what is not drawn: 400 steps are too many." in told
    assert page.run("return document.querySelectorAll('figure[data-chart=graph]').length") == 0
    assert page.console() == []


def test_all_is_there_without_scripts_but_the_charts(page, report, tmp_path):
    text = report.read_text(encoding="utf-8")
    plain = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    path = tmp_path / "plain.html"
    path.write_text(plain, encoding="utf-8")
    page.view(1400)
    page.open(path)
    assert names(page) == NAMES
    assert page.run("return [...document.querySelectorAll('.controls')].some((one) => one.offsetParent)") is False
    assert page.run("return [...document.querySelectorAll('figure')].length") == 0
    click(page, ".sheet:nth-child(3) summary")
    assert page.run("return document.querySelector('#w2 table').checkVisibility()")
    page.open(f"{path.as_uri()}#w4")
    assert page.run("return document.getElementById('w4').checkVisibility()"), "a link opens what it leads to"


# --- what it does -----------------------------------------------------------------------


def test_a_column_s_header_sorts_and_what_has_no_value_stays_last(opened):
    click(opened, "#overview th:nth-child(3) button")
    assert names(opened) == ["test_search[a b]", "test_elsewhere", "test_checkout", "test_broken", "test_gone"]
    assert sections(opened) == names(opened)
    assert opened.run("return [...document.querySelectorAll('th[aria-sort]')].map((one) => one.ariaSort)") == [
        "ascending"
    ]
    click(opened, "#overview th:nth-child(3) button")
    assert names(opened) == ["test_checkout", "test_elsewhere", "test_search[a b]", "test_broken", "test_gone"]
    assert opened.run("return document.querySelector('th:nth-child(3)').ariaSort") == "descending"
    click(opened, "#overview th:nth-child(2) button")
    assert names(opened) == NAMES, "by name"
    click(opened, "#overview th:nth-child(1) button")
    assert names(opened) == NAMES, "by severity"
    click(opened, "#overview th:nth-child(1) button")
    assert names(opened) == NAMES[::-1]


def test_text_and_verdicts_filter_the_table_and_the_sections(opened):
    box = opened.driver.find_element(By.ID, "filter")
    box.send_keys("SHOP search")
    assert names(opened) == sections(opened) == ["test_search[a b]"]
    assert opened.run("return document.getElementById('shown').textContent") == "1 of 5 shown"
    box.clear()
    box.send_keys(Keys.SPACE)
    assert names(opened) == NAMES
    click(opened, "button[data-verdict=PASS]")
    click(opened, "button[data-verdict=FAILED]")
    assert names(opened) == sections(opened) == NAMES[1:4]
    assert opened.run("return document.querySelector('button[data-verdict=PASS]').ariaPressed") == "false"
    click(opened, "button[data-verdict=PASS]")
    assert names(opened) == NAMES[1:]


def test_what_is_filtered_out_stays_closed_when_all_are_opened(opened):
    click(opened, "button[data-verdict=PASS]")
    click(opened, "#open")
    assert opened.run("return [...document.querySelectorAll('.sheet')].map((one) => one.open)") == [True] * 4 + [False]
    click(opened, "#close")
    assert not opened.run("return [...document.querySelectorAll('.sheet')].some((one) => one.open)")


def test_a_row_leads_to_its_section_and_opens_it(opened):
    click(opened, "#overview tbody tr:nth-child(3) a")
    settle(opened)
    top = "return document.querySelector('.sheet:nth-child(3)').getBoundingClientRect().top"
    assert opened.run("return document.querySelector('.sheet:nth-child(3)').open")
    assert opened.run("return document.querySelectorAll('.sheet:nth-child(3) svg').length") >= 4
    assert -1 <= opened.run(top) < 200
    assert focused(opened).endswith("test_elsewhere")
    opened.run("scrollTo(0, 0)")
    click(opened, ".sheet:nth-child(3) summary")
    click(opened, "#overview tbody tr:nth-child(3) a")
    settle(opened)
    assert opened.run("return document.querySelector('.sheet:nth-child(3)').open"), "the same link again"
    assert opened.run("return document.activeElement.tagName") == "SUMMARY"


def test_an_address_with_a_hash_opens_that_workflow(page, report):
    page.view(1400)
    page.open("about:blank")
    page.open(f"{report.as_uri()}#w4")
    settle(page)
    assert page.run("return document.getElementById('w4').closest('details').open")
    assert page.run("return document.querySelectorAll('.sheet:nth-child(5) svg').length") >= 1


@pytest.mark.parametrize("odd", ["#e1", "#w99", "#w", "#%", "#<img src=x>", "#data"])
def test_odd_hashes_do_no_harm(page, report, odd):
    page.console()
    page.open("about:blank")
    page.open(report.as_uri() + odd)
    settle(page)
    assert page.console() == []
    assert page.run("return document.querySelectorAll('.sheet[open] svg').length") > 0


def test_all_of_it_can_be_reached_by_keyboard(opened):
    opened.run("document.getElementById('filter').focus()")
    press(opened, "elsewhere")
    press(opened, *[Keys.TAB] * 5)
    assert focused(opened) == "PASS 1"
    press(opened, Keys.SPACE)
    assert opened.run("return document.activeElement.ariaPressed") == "false"
    press(opened, *[Keys.TAB] * 3)
    assert focused(opened) == "median"
    press(opened, Keys.ENTER)
    assert opened.run("return document.querySelector('th:nth-child(3)').ariaSort") == "ascending"
    press(opened, *[Keys.TAB] * 5)
    assert focused(opened) == "tests/test_shop.py::test_elsewhere"
    press(opened, Keys.ENTER)
    assert opened.run("return document.activeElement.tagName") == "SUMMARY"
    press(opened, Keys.TAB)
    reached = opened.run("return document.activeElement.closest('.sheet').querySelector('h3').textContent")
    assert reached == "tests/test_shop.py::test_elsewhere", "inside the section are things to reach"
    outline = opened.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


# --- where it is read -------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1000, 1400])
def test_nothing_overflows_sideways(page, report, tmp_path, width, dark):
    path = tmp_path / "long.html"
    path.write_text(Shown("_and_a_name_of_extraordinary_length" * 4).page(), encoding="utf-8")
    for file in (report, path):
        page.view(width, dark=dark)
        page.open(file)
        click(page, "#open")
        settle(page)
        assert page.run("return document.documentElement.scrollWidth") <= width
        small = page.run(
            "return [...document.querySelectorAll('body *')].filter((one) => one.checkVisibility() && one.children.length "
            "=== 0 && one.textContent.trim() && parseFloat(getComputedStyle(one).fontSize) < 11).length"
        )
        assert small == 0


def test_tables_can_be_scrolled_by_keyboard_where_they_do_not_fit(page, report):
    stops = "return [...document.querySelectorAll('#w1 .scroll')].filter((one) => one.tabIndex === 0).length"
    labels = "return [...document.querySelectorAll('#w1 .scroll')].map((one) => one.ariaLabel)"
    page.view(1400)
    page.open(report)
    settle(page)
    assert page.run(stops) == 0
    page.view(360)
    settle(page)
    assert page.run(stops) >= 3
    assert page.run(labels) == ["Targets", "Quality gates", "Steps", "Metrics", "Environment and conditions"]


def test_it_is_dark_where_that_is_preferred(page, report):
    lights = []
    for dark in (False, True):
        page.view(1000, dark=dark)
        page.open(report)
        ground = page.run("return getComputedStyle(document.body).backgroundColor")
        lights.append(sum(map(int, re.findall(r"\d+", ground)[:3])))
    assert lights[0] > 700 > 150 > lights[1]


def test_on_paper_it_is_light_without_controls_and_with_what_is_open(page, report):
    page.view(700, dark=True, printed=True)
    page.open(report)
    settle(page)
    seen = page.run(
        "return ['#filter', '#open', '#overview', '.sheet:nth-child(2) svg', '.sheet:nth-child(3) summary']"
        ".map((selector) => document.querySelector(selector).checkVisibility())"
    )
    assert seen == [False, False, True, True, False]
    assert page.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.run("return document.documentElement.scrollWidth") <= 700
    made = page.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert len(made["data"]) > 20_000


def test_names_and_numbers_are_those_of_the_data(opened):
    cells = opened.run("return [...document.querySelectorAll('#overview tbody tr')][1].dataset.keys.split(' ')")
    assert [float(cell) for cell in cells[:-1]] == [
        1,
        91_200_000,
        92_000_000,
        pytest.approx(math.log(1) + 0.49, abs=1e-3),
        0.18,
        0.5,
    ]
    data = json.loads(opened.run("return document.getElementById('data').textContent"))
    assert [one["id"].split("::")[1] for one in data["workflows"]] == NAMES


def test_a_run_without_workflows_or_sections_has_a_page_too(page, tmp_path):
    from pytest_wfperf.judged import RunResult
    from pytest_wfperf.report import html
    from pytest_wfperf.report.exhibit import Occasion

    path = tmp_path / "empty.html"
    occasion = Occasion(created=Shown().history().points[0].created)
    path.write_bytes(html.whole(RunResult(judgements=(), failures=("no workflow was met",)), occasion, []))
    page.console()
    page.open(path)
    settle(page)
    assert page.console() == []
    assert "no workflow was met" in page.run("return document.body.innerText")


# --- when it cannot be had --------------------------------------------------------------


def test_without_jinja_the_run_says_so_before_any_test(tmp_path, monkeypatch):
    import pytest_wfperf.report as reports
    from pytest_wfperf.errors import ConfigError

    monkeypatch.setitem(sys.modules, "jinja2", None)
    places = {"base": tmp_path, "rootpath": tmp_path / "root", "store": tmp_path / "store"}
    with pytest.raises(ConfigError, match=re.escape("--wfperf-report=x.html: ")) as caught:
        reports.check(["x.json", "x.html"], "--wfperf-report", **places)
    assert "pip install 'pytest-wfperf[html]'" in str(caught.value)
    reports.check(["x.json"], "--wfperf-report", **places)
