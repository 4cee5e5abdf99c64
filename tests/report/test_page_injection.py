"""Whatever a name or a text says, the page shows it as text: nothing of it becomes an element, or runs."""

from __future__ import annotations

import re
from functools import cache
from html import unescape

import pytest
from page_exhibits import SETTLED, Shown

from pytest_wfperf.report.text import printable

PAYLOADS = [
    "<script>window.__hit=1</script>",
    "</script><script>window.__hit=1</script>",
    "<!--<script>",
    "--><script>window.__hit=1</script><!--",
    "<img src=x onerror=window.__hit=1>",
    "<svg onload=window.__hit=1>",
    "<svg><script>window.__hit=1</script></svg>",
    "<svg><animate onbegin=window.__hit=1 attributeName=x dur=1s></svg>",
    "<svg><a xlink:href='javascript:window.__hit=1'><text y=20>x</text></a></svg>",
    "<math><mtext></mtext><mglyph><style><!--</style><img src onerror=window.__hit=1>",
    '" onmouseover="window.__hit=1" x="',
    "' onfocus='window.__hit=1' autofocus='",
    " onload=window.__hit=1 ",
    '"><script>window.__hit=1</script>',
    "'><img src=x onerror=window.__hit=1>",
    "javascript:window.__hit=1",
    "<a href=javascript:window.__hit=1>x</a>",
    "<iframe srcdoc='<script>parent.__hit=1</script>'></iframe>",
    "<iframe src=http://localhost:9/hit></iframe>",
    "<link rel=stylesheet href=http://localhost:9/hit.css>",
    "<style>@import 'http://localhost:9/hit.css';</style>",
    "</style><script>window.__hit=1</script>",
    "</title><script>window.__hit=1</script>",
    "</textarea></details></table><script>window.__hit=1</script>",
    "<base href=http://localhost:9/>",
    "<meta http-equiv=refresh content='0;url=http://localhost:9/hit'>",
    "<form action=http://localhost:9/hit><button autofocus>x</button></form>",
    "<object data=http://localhost:9/hit></object>",
    "<details open ontoggle=window.__hit=1>",
    "<template><script>window.__hit=1</script></template>",
    '"]}];window.__hit=1;//',
    '\\"};window.__hit=1;//',
    "\\u003cscript\\u003ewindow.__hit=1\\u003c/script\\u003e",
    "&lt;script&gt;window.__hit=1&lt;/script&gt;",
    "&#60;script&#62;window.__hit=1&#60;/script&#62;",
    "{{ 7 * 7 }}{% for x in () %}{% endfor %}{# gone #}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "${window.__hit=1}`;window.__hit=1;`",
    "\u2028window.__hit=1\u2029<b>\u0085</b>",
    "\u202e\u2066<b>gnp.exe\u2069\u200b\ufeff\x00\x1b[31m\ud800",
    "<plaintext>",
    "<![CDATA[<script>window.__hit=1</script>]]>",
]  # fmt: skip
NAMED = (  # where a text that is not the run's own can stand, and what is shown there
    "tests/test_shop.py::test_checkout", "tests/test_shop.py::test_search[a b]", "tests/test_other.py::test_broken",
    "fetch", "parse", "render", "mail", "gone", "valid page", "tokens", "p95 < 80ms", "proved, n = 3 processes",
    "its test failed: AssertionError", "  assert 1 == 2", "feature/x", "c0ffee5", "here", "there", "Example CPU",
    "accepted for a reason 2", "c0ffee2", "main 0002-3fa9c1", "a step was left open", "9.9 % more calls in render",
    "cpus: 8 here, 2 there", "moved (until 2026-04-01)", "faster for fewer tokens", "the store is read-only",
    "metric cost leaves out one workflow", "baseline other 0001-abcdef", "fast", "slow", "other", "USD",
    "one session could not be read", "3 times as often", "tests/elsewhere.py",
)  # fmt: skip
STRUCTURE = """
const told = [];
for (const one of document.querySelectorAll("*")) {
  if (one.closest(".charts") && !one.matches(".charts")) continue;
  told.push(one.tagName + [...one.attributes].map((a) => " " + a.name).sort().join(""));
}
return told;
"""
CHARTS = """
return [...document.querySelectorAll(".charts *")].flatMap((one) => [
  one.tagName.toLowerCase(), ...[...one.attributes].map((a) => "@" + a.name.toLowerCase())]);
"""
TEXT = """
const copy = document.body.cloneNode(true);
copy.querySelectorAll("script, .charts").forEach((one) => one.remove());
return copy.textContent;
"""
IN_CHARTS = {
    "figure", "figcaption", "div", "p", "svg", "g", "rect", "path", "line", "circle", "text", "tspan", "title",
    "polygon", "polyline", "defs", "marker", "clippath", "use", "ellipse",
}  # fmt: skip


@cache
def harmless() -> str:
    return Shown().page()


def without_policy(page: str) -> str:
    """The page as a browser without content security policies sees it: escaping alone has to do."""
    found = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', '<meta http-equiv="x" content="">', page)
    assert found != page
    return found


def opened(page, path, text):
    path.write_text(without_policy(text), encoding="utf-8")
    page.open(path)
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; });")
    page.driver.execute_async_script(SETTLED)
    return page.run(STRUCTURE)


@pytest.fixture(scope="module")
def structure(page, tmp_path_factory):
    return opened(page, tmp_path_factory.mktemp("harmless") / "report.html", harmless())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_becomes_an_element_or_runs(page, tmp_path, payload, structure):
    page.console()
    page.requests()
    path = tmp_path / "report.html"
    found = opened(page, path, Shown(payload).page())
    assert found == structure, "the same elements and attributes as of a page with harmless names"
    inside = set(page.run(CHARTS))
    assert {one for one in inside if one[0] != "@"} <= IN_CHARTS
    assert not {one for one in inside if one.startswith(("@on", "@href", "@xlink", "@src"))}
    assert page.run("return [window.__hit ?? null, document.title.length > 0]") == [None, True]
    assert set(page.requests()) == {path.as_uri()}
    assert page.console() == []
    text = page.run(TEXT)
    for named in NAMED:
        assert printable((named + payload).rstrip()) in text, named


def test_the_data_are_as_they_were_written(page, tmp_path):
    for payload in PAYLOADS[:3]:
        opened(page, tmp_path / "report.html", Shown(payload).page())
        data = page.run("return JSON.parse(document.getElementById('data').textContent)")
        assert data["workflows"][1]["id"] == printable(f"tests/test_shop.py::test_checkout{payload}")


def test_what_is_put_into_the_page_from_outside_is_stopped_by_its_policy(page, tmp_path):
    path = tmp_path / "report.html"
    smuggled = "<script>window.__hit = 1</script><img src=http://localhost:9/hit><p onclick='window.__hit = 1' id=hit>x"
    path.write_text(harmless().replace("<main>", f"<main>{smuggled}"), encoding="utf-8")
    page.open(path)
    page.run("document.getElementById('hit').click()")
    assert page.run("return window.__hit ?? null") is None
    assert page.run("return document.querySelectorAll('#overview th button').length") == 7, "the page's own script runs"
    assert any("Content Security Policy" in line for line in page.console())


def test_nothing_but_what_is_needed_is_escaped():
    assert "tests/test_shop.py::test_search[a b]" in re.sub(r"<[^>]*>", "", unescape(harmless()))
