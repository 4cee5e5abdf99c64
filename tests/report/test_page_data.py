"""What the page is made of: the charts' data, the tables and the finished HTML."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_exhibits import MS, Shown, span

from pytest_wfperf.analyse.analysis import analyse
from pytest_wfperf.judge.verdict import summary
from pytest_wfperf.judged import Judgement, RunResult, Verdict
from pytest_wfperf.model import Environment, Launch, Profile, Round
from pytest_wfperf.report import html
from pytest_wfperf.report.exhibit import Exhibit, Occasion
from pytest_wfperf.report.page import assets
from pytest_wfperf.report.page.figures import figures
from pytest_wfperf.report.page.sheet import sheet
from pytest_wfperf.report.page.surroundings import surroundings
from pytest_wfperf.report.page.table import table

GOLDEN = Path(__file__).parents[1] / "golden"
SHOWN = Shown()


def shown(profile, before=(), **rest):
    judgement = Judgement(workflow=profile.workflow, verdict=Verdict.PASS, summary=summary(profile))
    found = analyse(profile) if profile.steps else None
    return Exhibit(judgement=judgement, profile=profile, analysis=found, before=before, **rest)


def profile(*launches, facts=(), notes=()):
    taken = tuple(Launch(rounds=tuple(rounds)) for rounds in launches)
    return Profile(workflow="t.py::test", environment=Environment(facts=facts, notes=notes), launches=taken)


def took(*totals_ms, status="passed"):
    return [Round(total_ns=round(ms * MS), status=status) for ms in totals_ms]


# --- the finished page ------------------------------------------------------------------


def golden(name, text):
    """Held against a file in tests/golden, which ``WFPERF_WRITE_GOLDEN=1 pytest tests/report`` writes anew."""
    path = GOLDEN / name
    if os.environ.get("WFPERF_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_html_without_its_style_script_and_data():
    text = re.sub(r"sha256-[^&]*", "sha256-…", SHOWN.page())
    text = re.sub(r"(<(style|script)[^>]*>).*?(</\2>)", r"\1…\3", text, flags=re.DOTALL)
    golden("report.html", text)


def test_the_data_of_the_charts():
    data = json.loads(re.search(r'id="data">(.*?)</script>', SHOWN.page(), re.DOTALL)[1])
    rows = [
        ",\n".join(f' "{key}": {json.dumps(value, ensure_ascii=False)}' for key, value in workflow.items())
        for workflow in data["workflows"]
    ]
    golden("report-data.json", "[\n" + ",\n".join(f"{{\n{row}\n}}" for row in rows) + "\n]\n")
    assert data["verdicts"] == [str(verdict) for verdict in Verdict]


def test_the_page_allows_its_own_script_and_style_alone():
    page = SHOWN.page()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    assert f"script-src '{assets.digest(assets.script())}';" in policy
    assert f"style-src '{assets.digest(assets.style())}';" in policy
    assert policy.startswith("default-src 'none';")
    assert assets.script() in page
    assert assets.style() in page
    assert not re.search(r"<[^>]* (style|on\w+)=", page.replace(assets.script(), "").replace(assets.style(), ""))


def test_scripts_make_no_elements_of_text_and_ask_for_nothing():
    for text in (assets.script(), assets.style()):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch\(|@import", text
        )
        assert set(re.findall(r"https?://[^\s\"'`]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_the_worst_stand_first_and_five_failing_ones_are_open():
    failing = [Judgement(workflow=f"t.py::test_{i}", verdict=Verdict.FAILED, failure="no") for i in range(7)]
    judgements = (Judgement(workflow="t.py::fine", verdict=Verdict.PASS), *failing)
    run = RunResult(judgements=judgements)
    occasion = Occasion(created=SHOWN.history().points[0].created)
    text = html.whole(run, occasion, [html.part(Exhibit(judgement=one)) for one in judgements]).decode()
    assert text.count("<details ") == 8
    assert text.count(" open>") == 5
    assert text.index("test_6") < text.index("fine")


@pytest.mark.parametrize(("strict", "opened"), [(False, 0), (True, 1)])
def test_what_fails_only_under_strict_is_open_there(strict, opened):
    run = RunResult(judgements=(gated(Verdict.NEW), gated(Verdict.PASS)), strict=strict)
    occasion = Occasion(created=SHOWN.history().points[0].created)
    text = html.whole(run, occasion, [html.part(Exhibit(judgement=one)) for one in run.judgements]).decode()
    assert text.count('class="sheet fails" open') == opened


def gated(verdict, **rest):
    return Judgement(workflow=str(verdict), verdict=verdict, baseline="main 0001-abcdef", **rest)


@pytest.mark.parametrize(
    ("run", "tone", "headline"),
    [
        (RunResult(judgements=()), "open", "Nothing was judged"),
        (RunResult(judgements=(), failures=("no workflow was met",)), "fails", "The gate does not hold"),
        (RunResult(judgements=(gated(Verdict.PASS), gated(Verdict.IMPROVED))), "holds", "The gate holds"),
        (RunResult(judgements=(gated(Verdict.PASS),), errors=("no space",)), "fails", "The gate does not hold"),
        (RunResult(judgements=(gated(Verdict.PASS), gated(Verdict.INCONCLUSIVE))), "open", "The gate holds for 1 of 2 workflows"),
        (RunResult(judgements=(gated(Verdict.WAIVED),)), "open", "The gate holds for 0 of 1 workflow"),
        (RunResult(judgements=(gated(Verdict.NEW),), strict=True), "fails", "The gate does not hold"),
        (RunResult(judgements=(Judgement(workflow="w", verdict=Verdict.PASS),)), "holds", "1 workflow measured, nothing gated"),
    ],
)  # fmt: skip
def test_the_headline_calls_nothing_a_pass_that_was_not_decided(run, tone, headline):
    parts = [html.part(Exhibit(judgement=judgement)) for judgement in run.judgements]
    occasion = Occasion(created=SHOWN.history().points[0].created)
    text = html.whole(run, occasion, parts).decode()
    assert f"<h1>{headline}</h1>" in text
    assert f'<header class="{tone}">' in text
    assert f"<title>{headline}: " in text


def test_an_environment_is_shown_once_for_all_workflows_that_share_it():
    exhibits = [shown(profile(took(i + 1), facts=(("cpus", "8" if i < 3 else "4"),))) for i in range(4)]
    run = RunResult(judgements=tuple(exhibit.judgement for exhibit in exhibits))
    occasion = Occasion(created=SHOWN.history().points[0].created)
    text = html.whole(run, occasion, [html.part(exhibit) for exhibit in exhibits]).decode()
    assert text.count("<td>cpus<td>fact<td>8") == 1
    assert (text.count('href="#e1"'), text.count('href="#e2"')) == (3, 1)


def test_data_can_stand_in_a_script_element():
    hostile = "</script><!--\u2028&\x00\ud800\u202e"
    text = assets.data({"a": [hostile, ("b",)], "n": 1.5, "none": None})
    assert not re.search("[<>&\u2028\u2029\x00\u202e]", text)
    assert json.loads(text) == {
        "a": ["</script><!--\\u2028&\\x00\\ud800\\u202e", ["b"]],
        "n": 1.5,
        "none": None,
    }


def test_the_page_is_ascii_or_utf_8_and_the_same_each_time():
    assert Shown("é😀").page().encode() == Shown("é😀").page().encode()
    assert "test_checkouté😀" in Shown("é😀").page()


# --- the charts' data -------------------------------------------------------------------


def test_a_workflow_that_left_nothing_has_no_charts():
    exhibit = Exhibit(judgement=Judgement(workflow="w", verdict=Verdict.MISSING))
    assert figures(exhibit) == {
        "id": "w", "verdict": "MISSING", "baseline": "", "steps": [], "now": None, "then": None, "spread": None,
        "effects": None, "flame": None, "graphs": [], "history": None,
    }  # fmt: skip


def test_the_round_of_median_length_on_either_side():
    data = figures(shown(profile(took(3, 1), took(9, 2)), before=(profile(took(7)), profile(took(30, 20)))))
    assert (data["now"]["total"], data["now"]["unit"]) == (20_000, 100)
    assert (data["then"]["total"], data["then"]["unit"]) == (20_000, 1000)


def test_rounds_that_failed_are_left_out_unless_all_did():
    mixed = profile([*took(5), *took(1, status="failed")])
    failed = profile(took(1, status="failed"))
    assert figures(shown(mixed))["spread"]["now"] == [[5000, 0]]
    assert figures(shown(failed))["spread"]["now"] == [[1000, 0]]


def test_of_what_it_was_held_against_a_failed_round_is_shown_where_there_is_no_other():
    failed = profile([Round(total_ns=MS, status="failed", spans=(span("only there", 0, 1),))])
    data = figures(shown(profile(took(1)), before=(profile(took(2)), failed)))
    assert data["steps"] == ["only there"]
    assert [bar[0] for bar in data["then"]["bars"]] == [0]


def test_every_launch_has_its_own_rounds_in_their_order():
    data = figures(shown(profile(took(3, 1, 2), took(9)), before=(profile(took(4, 5)),)))["spread"]
    assert data == {"unit": 1000, "now": [[1000, 2000, 0, 1000], [9000, 0]], "then": [[4000, 0, 1000]]}


@pytest.mark.parametrize(("launches", "rounds"), [(1, 5000), (3, 1000), (40, 10), (250, 1), (250, 7), (199, 2)])
def test_at_most_200_rounds_a_side_of_which_the_extent_remains(launches, rounds):
    many = profile(*(took(*(100 + i for i in range(rounds))) for _ in range(launches)))
    data = figures(shown(many))["spread"]["now"]
    values = [value for launch in data for value in launch[1:]]
    assert 100 <= len(values) <= 200
    assert len(data) == min(launches, 200)
    if launches == 1:
        assert max(values) - min(values) > 0.98 * rounds * 10 ** (4 - len(str(100 + rounds)))


def test_twenty_steps_and_a_hundred_rounds_on_either_side_take_little_room():
    spans = tuple(
        span(f"stage {i // 5}/step {i}", i * 3.1234, i * 3.1234 + 3.0123, after=(f"step {i - 1}",)) for i in range(20)
    )
    launches = [[Round(total_ns=62 * MS + i * j * 54_321, spans=spans) for i in range(10)] for j in range(10)]
    whole = profile(*launches)
    assert len(assets.data(figures(shown(whole, before=(whole,))))) < 3500


def nested(count):
    inner = tuple(span(f"whole/step {i}", i, i + 1) for i in range(count))
    return profile([Round(total_ns=count * MS, spans=(span("whole", 0, count, own_ns=0), *inner))])


def test_steps_name_the_one_around_them_by_its_place():
    data = figures(shown(nested(2)))
    assert data["steps"] == ["whole", [0, "step 0"], [0, "step 1"]]
    assert data["flame"] == {"unit": 100, "steps": [[0, -1, 20_000, 0], [1, 0, 10_000], [2, 0, 10_000]]}


def test_of_too_many_steps_the_shorter_are_left_out_and_counted():
    data = figures(shown(nested(1000)))
    assert len(data["now"]["bars"]) == 300
    assert data["now"]["left"] == 701
    assert data["flame"]["left"] == 701
    assert data["now"]["bars"][0][:5] == [0, 0, 0, 0, 10_000], "what encloses them stays"
    assert len(sheet(shown(nested(1000))).tables[0].rows) == 50
    assert sheet(shown(nested(1000))).tables[0].note == "951 faster steps not shown"


def test_a_bar_says_how_long_it_was_busy_only_where_there_is_something_to_say():
    spans = (
        span("plain", 0, 10),
        span("paused", 10, 30, total_ns=5 * MS, count=3),
        span("broken", 30, 40, status="error"),
    )
    bars = figures(shown(profile([Round(total_ns=40 * MS, spans=spans)])))["now"]["bars"]
    assert bars == [
        [0, 0, 0, 0, 10_000, 1],
        [1, 0, 0, 10_000, 30_000, 1, 5000, 3, 1],
        [2, 0, 0, 30_000, 40_000, 1, 10_000, 1, 0],
    ]


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
SPANS = st.dictionaries(
    PATHS, st.tuples(st.integers(0, 30), st.integers(0, 20), st.lists(PATHS, max_size=2)), max_size=8
)


@given(st.lists(SPANS, min_size=1, max_size=4), st.sampled_from([1, 1000, MS]))
def test_whatever_was_recorded_can_be_drawn(rounds, ns):
    def one(spans):
        made = [
            span(path, at, at + long, start_ns=at * ns, end_ns=(at + long) * ns, after=tuple(after))
            for path, (at, long, after) in spans.items()
        ]
        return Round(total_ns=60 * ns, spans=tuple(made))

    whole = profile([one(spans) for spans in rounds])
    data = json.loads(assets.data(figures(shown(whole, before=(whole,)))))
    steps = range(len(data["steps"]))
    assert all(bar[0] in steps and 0 <= bar[3] <= bar[4] for bar in data["now"]["bars"] + data["then"]["bars"])
    for graph in data["graphs"]:
        columns = [node[1] for node in graph["nodes"]]
        assert all(columns[a] < columns[b] for a, b, _ in graph["edges"])
    if data["flame"]:
        drawn = [-1]
        for step, parent, *_ in data["flame"]["steps"]:
            assert parent in drawn, "what encloses a step is drawn before it"
            drawn.append(step)


def test_effects_are_fractions_with_the_whole_first_and_no_end_where_there_is_none():
    data = figures(SHOWN.regressed())
    places = {"fetch": 0, "parse": 1, "render": 4, "mail": 5, "gone": 6}
    assert data["effects"] == [
        [-1, 0.49, 0.348, 0.647, 0.1, 1, 0.18],
        [places["fetch"], 0.0, -0.095, 0.105, 0.1, 8, 0.18],
        [places["parse"], 0.01, -0.086, 0.116, 0.1, 8, None],
        [places["render"], 1.5, 1.262, 1.763, 0.1, 1, 0.18],
        [places["mail"], -0.067, None, None, 0.1, 3, 0.18],
        [places["gone"], 0.0, -0.095, 0.105, 0.1, 8, 0.18],
    ]
    assert data["steps"][6] == "gone", "a step that only the baseline has"


def test_graphs_of_declared_edges_alone():
    graphs = figures(SHOWN.regressed())["graphs"]
    assert [graph["title"] for graph in graphs] == ["", "parse"]
    assert [node[0] for node in graphs[0]["nodes"]] == [0, 1, 5, 4]
    assert graphs[0]["edges"] == [[0, 1, 1], [1, 2, 0], [1, 3, 1]], "render is on the critical path, mail is not"
    undeclared = profile([Round(total_ns=2 * MS, spans=(span("a", 0, 1), span("b", 1, 2)))])
    assert figures(shown(undeclared))["graphs"] == []


def test_a_history_without_points_or_with_too_many():
    history = SHOWN.history()
    assert figures(shown(profile(took(1)), history=replace(history, points=())))["history"] is None
    many = replace(history, points=history.points[:1] * 100 + history.points[1:] * 40)
    data = figures(shown(profile(took(1)), history=many))["history"]
    assert len(data["points"]) == 200
    assert data["changes"] == [], "it lies before the newest 200"
    assert len(data["texts"]) == len(set(data["texts"]))


# --- words and tables -------------------------------------------------------------------


def test_what_differs_is_marked_and_of_many_values_the_number_is_told():
    here = profile(took(1), facts=(("cpus", "8"), ("os", "Linux")), notes=(("host", "a"),))
    there = [profile(took(1), facts=(("cpus", "8"),), notes=(("host", f"h{i}"),)) for i in range(5)]
    found = {(one.kind, one.name): one for one in surroundings(here, there)}
    assert not found["fact", "cpus"].differs
    assert (found["fact", "os"].here, found["fact", "os"].there, found["fact", "os"].differs) == ("Linux", "", True)
    assert found["note", "host"].there == "h0 · h1 · h2 · 2 more"
    assert not any(one.differs for one in surroundings(here, ()))


def test_a_table_leaves_out_empty_columns_and_knows_which_hold_figures():
    found = table("t", ["a", "b", "c\nd", "e"], [["1", "", "+4.2 %", "x"], ["2", "", "≥ 18 %", ""]])
    assert (found.headers, found.rows) == (("a", "c d", "e"), (("1", "+4.2 %", "x"), ("2", "≥ 18 %", "")))
    assert found.figures == (2,)
    figures_ = ["12.5 ms", "0.968x to 3.81x", "-2.1 % to +9.4 %", "9/9", "-", "none", "1e-05", "200 KiB", "+0 %", "new"]
    words = ["4 of 4 rounds", "proved", "59 rounds would prove it", "met", "5 million"]
    assert all(table("t", ["a", "b"], [["x", cell]]).figures == (2,) for cell in figures_)
    assert not any(table("t", ["a", "b"], [["x", cell]]).figures for cell in words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_have_contrast_enough(scheme):
    style = assets.style()
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", style[: style.index("@media")]))
    dark = style[style.index("prefers-color-scheme: dark") :]
    colours = light | (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark[: dark.index("}")])) if scheme == "dark" else {}
    )
    for ink in ("ink", "muted", "bad", "good", "warn", "now", "critical"):
        for ground in ("paper", "panel", "mark"):
            if (ink, ground) in {("critical", "mark"), ("now", "mark"), ("good", "mark"), ("warn", "mark")}:
                continue  # no such text there
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for mark in ("now", "then", "critical", "focus", "bad"):
        assert contrast(colours[mark], colours["paper"]) >= 3, mark


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours."""
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
