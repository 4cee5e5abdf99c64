"""Foreign text in Markdown: whatever it holds, GitHub's renderer shows it and nothing else."""

from __future__ import annotations

import pytest
from github_markdown import HOSTILE, Rendered
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfperf.report.markdown import code, cut, prose, row, table
from pytest_wfperf.report.text import printable

PLACES = [
    "{}\n", "- {}\n", "- a {} b\n", "## FAILED: {}\n", "| a | b |\n| --- | --- |\n| {} | 2 |\n| 3 | {} |\n",
    "<details>\n<summary>PASS {}</summary>\n\n- {}\n\n</details>\n", "a\n\n{}, b {}\n",
]  # fmt: skip
OURS = {"p", "ul", "li", "h2", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "code"}
TEXTS = st.lists(st.sampled_from([text for text in HOSTILE if len(text) < 50] + ["a", " ", "x1"]), max_size=4).map(
    "".join
)


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 50])
def test_a_hostile_text_is_shown_as_it_is(text):
    for place in PLACES:
        shown(place, code, text)
        shown(place, prose, text)


@given(place=st.sampled_from(PLACES), quote=st.sampled_from([code, prose]), text=TEXTS | st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_shown_as_it_is(place, quote, text):
    shown(place, quote, text)


def shown(place, quote, text):
    page = Rendered(f"[^1]: a note\n\n[1]: https://a.example\n\n{place.replace('{}', quote(text))}")
    assert page.names <= OURS
    assert page.text.count(printable(text)) >= place.count("{}")
    if page.rows:
        first = printable(text) if quote is code else printable(text).strip()
        assert [[cell.strip() for cell in cells] for cells in page.rows] == [
            ["a", "b"], [first.strip(), "2"], ["3", first.strip()],
        ]  # fmt: skip


@pytest.mark.parametrize(
    "word",
    ["@octocat", "(@octocat)", "a@b.example", "#1", "octo/repo#1", "GH-1", "TRACKER-12", "0123abc", "deadbeef", ":smile:",
     "$x$", "https://a.example", "www.a.example", "a/b", "__init__"],
)  # fmt: skip
def test_what_github_links_after_rendering_stands_in_code(word):
    """Mentions, issues, commits, trackers and emoji are looked for in all text but that of code."""
    outside = Rendered(f"<p>{prose(f'see {word}, there')}</p>").html.replace("<!-- -->", "")
    outside = "".join(part.partition("</code>")[2] for part in ("</code>" + outside).split("<code>"))
    assert word.strip("()").rstrip(":") not in outside


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("step render +100 % (+81 % to +121 %), 10 ms → 20 ms", "step render +100 % (+81 % to +121 %), 10 ms → 20 ms"),
        ("p95 < 200ms: 33 ms (n = 1)", "p95 &#60; 200ms: 33 ms (n &#61; 1&#41;"),
        ("of main 0007-3fa9c1, twice", "of main <code>0007-3fa9c1</code>, twice"),
        (">= 6e+02x of 3/4", "&#62;&#61; 6e+02x of 3/4"),
        ("ask @octocat.", "ask <code><!-- -->&#64;octocat</code>&#46;"),
    ],
)
def test_plain_words_stay_plain(text, markdown):
    assert prose(text) == markdown


def test_a_long_text_keeps_its_beginning_and_its_end():
    assert cut("a" * 50 + "b" * 50, 10) == "aaa…bbbbbb"
    assert cut("a" * 10, 10) == "a" * 10
    assert len(cut("a" * 11, 10)) == 10


def test_a_table():
    assert table(["a", "b\nc"], [["1", "2"]], ["b\nc"]) == "| a | b c |\n| --- | --: |\n| 1 | 2 |\n"
    assert row(["", "x"]) == "|  | x |\n"
