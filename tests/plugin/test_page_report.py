"""``--wfperf-report=x.html``: a page of a real run, or an error before any test runs."""

from __future__ import annotations

import json
import re

TEST = """
def test_shop(wfperf):
    sleep_step(wfperf, "parse <i>", 1)
    sleep_step(wfperf, "render", 2, after="parse <i>")
    wfperf.check("valid", True)
"""


def test_a_run_s_page_with_what_it_was_held_against(project):
    project.write(TEST)
    project.run("--wfperf-save", "--wfperf-rounds=3")
    ran = project.run("--wfperf-baseline", "--wfperf-rounds=3", "--wfperf-report=out/page.html")
    ran.never_says("was not written")
    page = (project.root / "out" / "page.html").read_text(encoding="utf-8")
    assert "1 workflow against baseline main: 1 " in page
    assert "<td>parse &lt;i&gt;" in page
    assert "test_it.py:" in page
    (workflow,) = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])["workflows"]
    assert workflow["id"] == "test_it.py::test_shop"
    assert workflow["steps"] == ["parse <i>", "render"]
    assert workflow["now"]["total"] > 0
    assert workflow["then"]["total"] > 0
    assert [len(launch) for launch in workflow["spread"]["then"]] == [4], "the least, and three rounds"
    assert workflow["graphs"][0]["edges"] == [[0, 1, 1]]


def test_without_jinja_no_test_runs_and_the_fix_is_named(project):
    project.write("import sys\nsys.modules['jinja2'] = None\n", "conftest.py")
    project.write("def test_shop(wfperf):\n    open('ran', 'w').close()\n")
    ran = project.run("--wfperf-report=page.html")
    assert ran.ret == 4
    assert "pip install 'pytest-wfperf[html]'" in ran.out + ran.err
    assert "--wfperf-report" in ran.out + ran.err
    assert not (project.root / "ran").exists()
    assert project.run("--wfperf-report=results.json").ret == 0
