"""Markdown as GitHub renders it: by its own renderer, read back from the HTML that comes out."""

from __future__ import annotations

from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

from pytest_wfperf.report.text import printable

OURS = {
    "h2", "h3", "h4", "p", "ul", "li", "code", "details", "summary", "pre",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
HOSTILE = [
    "a|b", "\\|", "a\\|b", "`", "``a`", "a\nb", "a\r\nb", "\n\n# heading", "\u2028", "\x85", "\x0b", "\t",
    "<b>bold</b>", "<!-- -->", "--><img src=x>", "</details>", "</code><script>alert(1)</script>", "&amp;", "&#64;", "<",
    "\u202eabc", "\u2066a\u2069", "\u200b", "\ufeff", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x00", "\x7f", "\ud800",
    "@octocat", "a@b.example", "mailto:a@b.example", "xmpp:a@b.example/c", "#123", "GH-123", "octo/repo#1", "0123456789abcdef",
    "https://a.example/b?c=d", "http://a.example", "www.a.example", "ftp://a.example", "[a](https://b.example)", "![a](b.png)",
    "[^1]", "[1]", "*a*", "**a**", "_a_", "__init__", "a_b_c", "~~a~~", "$x$", "$$", ":smile:", "# a", "- a", "+ a", "* a", "1. a",
    "1) a", "> a", "---", "===", "===\n", "| a | b |", "|---|", "```", "~~~", "    code", "  a  b  ", " ", "\\", "\\\\", "a\\",
    "::error::x", "##[error]x", "%0A::error::x", "日本語", "e\u0301", "😀", "'\"", "a, b: c", "{{7*7}}", "x" * 5000, "|" * 3000,
    "::set-output name=a::b", "\r", "\u0085::error::x", "a\n::error::x", "test_x.py::test_y[a|b`c<d>]",
]  # fmt: skip


class Rendered(HTMLParser):
    """A page: its ``tags`` with attributes, its ``text``, the ``rows`` of its tables, and what was left open."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        pieces = self._pieces = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.deepest = 0
        self.html = cmarkgfm.github_flavored_markdown_to_html(
            markdown, Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
        )
        self.feed(self.html)
        self.close()
        self.text = "".join(pieces)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.tags}

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        self.deepest = max(self.deepest, self.open.count("details"))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self._pieces.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def sound(markdown: str) -> Rendered:
    """The page, after a look at whether it is one of ours.

    The renderer fills rows up and cuts them to the width of their table's head, so that their cells are counted in
    what was written: no ``|`` of ours is ever anything but the edge of a cell.
    """
    page = Rendered(markdown)
    assert page.names <= OURS
    assert not page.open
    assert page.deepest <= 1  # each <details> is closed before the next
    for _, attributes in page.tags:
        assert set(attributes) <= {"align", "lang"}
        assert attributes.get("lang") in (None, "mermaid")
    lines = tables(markdown)
    assert len(page.rows) == sum(len(table) - 1 for table in lines)  # all but the rule below the head became rows
    assert all(len({line.count("|") for line in table}) == 1 for table in lines)
    assert raw(markdown) == []
    return page


def raw(text: str) -> list[str]:
    """Characters that no report may pass on as they are: controls, line breaks of other kinds, bidi marks, …."""
    return [c for c in sorted(set(text)) if c != "\n" and printable(c) != c]


def tables(markdown: str) -> list[list[str]]:
    """The lines of every table, as they were written."""
    found: list[list[str]] = [[]]
    for line in markdown.split("\n"):
        if line.startswith("|"):
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]
