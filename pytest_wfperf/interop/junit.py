"""JUnit XML, as build servers read it: a suite for each workflow, with its figures as properties.

Each workflow has a suite of its own because the schema that Jenkins' xUnit plugin checks files against
(``junit-10.xsd``) allows properties in a suite and none in a test case. Class and name are what pytest's own
``--junit-xml`` makes of a node id, so that both files speak of the same test. A run that does not hold for a
reason of its own has a failing case for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..report.text import printable
from .figures import Export, Figures, RunFigures

RUN = "the whole run"


def export(run: RunFigures) -> Export:
    """The run as one XML document. What XML cannot hold is shown as escapes."""
    suites = [_suite(figures) for figures in run.workflows]
    if run.problems:
        suites.append(_suite_of_run(run.problems))
    root = Element("testsuites", name="wfperf")
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.attrib[count]) for suite in suites)))
    root.extend(suites)
    indent(root)
    text = tostring(root, encoding="unicode")
    return Export(text=f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')


def address(node_id: str) -> tuple[str, str]:
    """The class and the name of a test, as pytest's own JUnit file has them."""
    whole, bracket, parameters = node_id.partition("[")
    names = whole.split("::")
    names[0] = names[0].replace("/", ".").removesuffix(".py")
    names[-1] += bracket + parameters
    return ".".join(names[:-1]), names[-1]


def _suite(figures: Figures) -> Element:
    seconds = 0.0 if figures.summary is None else figures.summary.median_ns / 1e9
    suite = _counted_suite(figures.workflow, seconds, failures=int(figures.fails))
    if figures.created is not None:
        suite.set("timestamp", figures.created.strftime("%Y-%m-%dT%H:%M:%S"))
    properties = SubElement(suite, "properties")
    for name, value in _properties(figures):
        SubElement(properties, "property", name=printable(f"wfperf.{name}"), value=printable(value))
    owner, name = address(figures.workflow)
    case = SubElement(suite, "testcase", classname=printable(owner), name=printable(name), time=f"{seconds:.9f}")
    told = "\n".join(map(_lines, figures.reasons))
    if figures.fails:
        message = printable(next(iter(figures.reasons), f"{figures.verdict}"))
        failure = SubElement(case, "failure", type=str(figures.verdict), message=message)
        failure.text = told
    elif figures.reasons:
        SubElement(case, "system-out").text = f"{figures.verdict}\n{told}"
    return suite


def _suite_of_run(problems: tuple[str, ...]) -> Element:
    suite = _counted_suite(RUN, 0.0, failures=1)
    case = SubElement(suite, "testcase", classname="wfperf", name=RUN)
    failure = SubElement(case, "failure", type="FAILED", message=printable(problems[0]))
    failure.text = "\n".join(map(_lines, problems))
    return suite


def _counted_suite(name: str, seconds: float, *, failures: int) -> Element:
    counts = {"tests": "1", "failures": str(failures), "errors": "0", "skipped": "0"}
    return Element("testsuite", {"name": printable(name), **counts, "time": f"{seconds:.3f}"})


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, int) else repr(float(value))


# --- properties -----------------------------------------------------------------------


def _properties(figures: Figures) -> Iterator[tuple[str, str]]:
    if figures.verdict is not None:
        yield "verdict", str(figures.verdict)
    for name in ("baseline", "commit"):
        if getattr(figures, name):
            yield name, getattr(figures, name)
    for name, value in _figures(figures):
        if value is not None:
            yield name, _number(value)


def _figures(figures: Figures) -> Iterator[tuple[str, float | None]]:
    yield from _times(figures)
    for change in figures.changes:
        subject = f"step.{change.path}.change" if change.path else "change"
        yield f"{subject}_ratio", change.change
        yield f"{subject}_low_ratio", change.low
        yield f"{subject}_high_ratio", change.high
        yield f"{subject}_limit_ratio", change.limit
    for rate in figures.rates:
        subject = f"check.{rate.name}.pass" if rate.name else "pass"
        yield f"{subject}_ratio", float(rate.share)
        yield f"{subject}_minimum_ratio", rate.minimum
    for load in figures.loads:
        yield f"{load.name}.calls_per_second", load.throughput
        yield f"{load.name}.median_seconds", load.median_ns / 1e9
        yield f"{load.name}.p95_seconds", load.p95_ns / 1e9


def _times(figures: Figures) -> Iterator[tuple[str, float | None]]:
    summary = figures.summary
    if summary is None:
        return
    yield "rounds", summary.rounds
    yield "launches", figures.launches or None
    yield "min_seconds", summary.min_ns / 1e9
    yield "median_seconds", summary.median_ns / 1e9
    yield "p95_seconds", summary.p95_ns / 1e9
    yield from _bounds("", figures, "")
    yield "cpu_seconds", None if figures.cpu_ns is None else figures.cpu_ns / 1e9
    yield "memory_peak_bytes", figures.memory_bytes
    for step in summary.steps:
        yield f"step.{step.path}.median_seconds", step.median_ns / 1e9
        yield f"step.{step.path}.p95_seconds", step.p95_ns / 1e9
        yield f"step.{step.path}.own_seconds", step.own_ns / 1e9
        yield from _bounds(f"step.{step.path}.", figures, step.path)
    for metric in summary.metrics:
        yield f"metric.{metric.name}", metric.value


def _bounds(prefix: str, figures: Figures, path: str) -> Iterator[tuple[str, float]]:
    if interval := figures.interval(path):
        yield f"{prefix}median_low_seconds", interval.low_ns / 1e9
        yield f"{prefix}median_high_seconds", interval.high_ns / 1e9
