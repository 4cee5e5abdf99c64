"""JUnit XML: its structure as the schema of Jenkins' xUnit plugin has it, and what it says of a run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from _pytest.junitxml import mangle_test_address
from exported import CHEAP, GOLDEN, GONE, HOSTILE, PAY, figures

from pytest_wfperf.interop.figures import Figures, RunFigures
from pytest_wfperf.interop.junit import RUN, address, export
from pytest_wfperf.judged import Verdict
from pytest_wfperf.report.text import printable

# By element: attributes it has to have, attributes it may have, elements that may be in it.
STRUCTURE = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp"},
        {"properties", "testcase"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"time", "classname"}, {"failure", "system-out"}),
    "failure": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


def check(element):
    required, optional, inside = STRUCTURE[element.tag]
    assert required <= element.attrib.keys() <= required | optional
    assert {child.tag for child in element} <= inside
    if inside:
        assert not (element.text or "").strip()
    if element.tag in ("testsuite", "testsuites"):
        cases = list(element.iter("testcase"))
        assert int(element.attrib["tests"]) == len(cases)
        assert int(element.attrib["failures"]) == sum(case.find("failure") is not None for case in cases)
        assert re.fullmatch(r"\d+\.\d{3}", element.attrib.get("time", "0.000"))
    for child in element:
        check(child)


def read(run):
    root = ET.fromstring(export(run).text)
    check(root)
    return root


def suite(root, name):
    return next(each for each in root if each.attrib["name"] == name)


def properties(root, name):
    return {p.attrib["name"]: p.attrib["value"] for p in suite(root, name).iter("property")}


def test_the_whole_document(tmp_path):
    assert export(figures(tmp_path)).text == (GOLDEN / "export.junit.xml").read_text(encoding="utf-8")


def test_its_figures_are_properties(tmp_path):
    found = properties(read(figures(tmp_path)), PAY)
    assert found["wfperf.verdict"] == "REGRESSED"
    assert float(found["wfperf.median_seconds"]) == 0.012275
    assert float(found["wfperf.step.parse.p95_seconds"]) == 0.004
    assert float(found["wfperf.change_ratio"]) == pytest.approx(0.2)
    assert float(found["wfperf.metric.hits"]) == 0.75
    assert found["wfperf.memory_peak_bytes"] == "3145728"
    assert float(found["wfperf.check.valid page.pass_ratio"]) == 11 / 12
    assert "wfperf.step.parse.change_low_ratio" not in found


def test_failing_verdicts_are_failures_with_their_reasons(tmp_path):
    root = read(figures(tmp_path))
    (failure,) = suite(root, PAY).iter("failure")
    assert failure.attrib["type"] == "REGRESSED"
    assert failure.attrib["message"] == failure.text.splitlines()[0]
    assert "the workflow +20 % (+10 % to +30 %)" in failure.text
    assert [f.attrib["message"] for f in suite(root, GONE).iter("failure")] == ["it is in the baseline and did not run"]
    assert [f.attrib["message"] for f in suite(root, RUN).iter("failure")] == [
        "every check passed in 0 of 1 workflows, asked for 95 %"
    ]
    assert root.attrib["failures"] == "3"
    assert not list(root.iter("skipped"))


def test_a_verdict_fails_here_where_it_fails_the_run(tmp_path):
    lenient, strict = (read(figures(tmp_path, strict=strict)) for strict in (False, True))
    assert not list(suite(lenient, CHEAP).iter("failure"))
    assert next(suite(lenient, CHEAP).iter("system-out")).text.startswith("NEW\n")
    assert [f.attrib["type"] for f in suite(strict, CHEAP).iter("failure")] == ["NEW"]


def test_a_run_without_problems_has_no_case_of_its_own(tmp_path):
    assert RUN not in [each.attrib["name"] for each in read(figures(tmp_path, failures=()))]


@pytest.mark.parametrize("node_id", [PAY, CHEAP, "a/b.py::T::U::test_x[a.py::b/c]", "test_it.py", "a/test_b.py::t"])
def test_classes_and_names_are_pytest_s_own(node_id):
    *owner, name = mangle_test_address(node_id)
    assert address(node_id) == (".".join(owner), name)


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_shown(tmp_path, name):
    root = read(figures(tmp_path, rename=name))
    shown = printable(name)
    assert float(properties(root, shown)["wfperf.median_seconds"]) == 0.012275
    assert f"wfperf.check.{shown}.pass_ratio" in properties(root, shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_shown(text):
    when = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    one = Figures(workflow="w", verdict=Verdict.FAILED, fails=True, reasons=(text,), commit=text, created=when)
    root = read(RunFigures(workflows=(one,), problems=(text,)))
    assert properties(root, "w")["wfperf.commit"] == printable(text)
    assert [f.attrib["message"] for f in root.iter("failure")] == [printable(text)] * 2
    assert [f.text for f in root.iter("failure")] == ["\n".join(map(printable, text.split("\n")))] * 2
    assert suite(root, "w").attrib["timestamp"] == "2026-03-01T12:30:00"
