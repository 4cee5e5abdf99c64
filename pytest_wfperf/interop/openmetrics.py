"""OpenMetrics 1.0 text, which Prometheus' textfile collector reads too.

Every family is a gauge, for what a run measured replaces what the run before it did. A summary's count and sum
would be counters that go up for ever, and the collector refuses a whole file for one StateSet or Info, types that
its older text format does not have: the verdict is a series for each state, 0 or 1, as a StateSet's are. No
sample has a timestamp, which the collector refuses as well; when the rounds were taken is a gauge of its own.
Source: https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..judged import Verdict
from ..report.text import printable
from .figures import Export, Figures, RunFigures, refuse_twins

Sample = tuple[str, Mapping[str, str], float]  # family, labels, value

FAMILIES: Mapping[str, str] = {
    "wfperf_run_holds": "Whether nothing stands in the way of a merge.",
    "wfperf_workflow_commit": "Always 1; the label is the commit that was measured.",
    "wfperf_workflow_measured_timestamp_seconds": "When the run began, or its session.",
    "wfperf_workflow_verdict": "1 for the workflow's verdict and 0 for every other.",
    "wfperf_workflow_rounds": "Measured rounds.",
    "wfperf_workflow_launches": "Processes in which they were measured.",
    "wfperf_workflow_duration_seconds": "Time of a round; quantile 0 is the fastest.",
    "wfperf_workflow_duration_low_seconds": "Lower end of the 95 % interval of the median over launches.",
    "wfperf_workflow_duration_high_seconds": "Upper end of the 95 % interval of the median over launches.",
    "wfperf_workflow_cpu_seconds": "CPU time of a round, the median.",
    "wfperf_workflow_memory_peak_bytes": "Most growth of resident memory in a sampled round.",
    "wfperf_workflow_pass_ratio": "Share of the rounds in which every check passed.",
    "wfperf_workflow_pass_minimum_ratio": "The share asked for.",
    "wfperf_workflow_change_ratio": "Change of the time against the baseline: 0.05 is 5 % slower.",
    "wfperf_workflow_change_low_ratio": "Lower end of the change's 95 % interval.",
    "wfperf_workflow_change_high_ratio": "Upper end of the change's 95 % interval.",
    "wfperf_workflow_change_limit_ratio": "The slowdown that must be caught.",
    "wfperf_step_duration_seconds": "Time of a step in a round that entered it.",
    "wfperf_step_duration_low_seconds": "Lower end of the 95 % interval of the step's median over launches.",
    "wfperf_step_duration_high_seconds": "Upper end of the 95 % interval of the step's median over launches.",
    "wfperf_step_own_seconds": "Time of a step that no nested step covers, the median.",
    "wfperf_step_change_ratio": "Change of the step's time against the baseline: 0.05 is 5 % slower.",
    "wfperf_step_change_low_ratio": "Lower end of the change's 95 % interval.",
    "wfperf_step_change_high_ratio": "Upper end of the change's 95 % interval.",
    "wfperf_step_change_limit_ratio": "The slowdown that must be caught.",
    "wfperf_check_pass_ratio": "Share of the rounds in which the check passed.",
    "wfperf_check_pass_minimum_ratio": "The share asked for.",
    "wfperf_metric": "A recorded number, the median over the rounds, in the unit that it was recorded in.",
    "wfperf_load_calls_per_second": "Completed calls of all replicas together.",
    "wfperf_load_latency_seconds": "From when a call was meant to begin to when it completed.",
}
"""What each family is about; its unit, where it has one, ends its name."""

_UNITS = ("seconds", "bytes", "ratio")


def export(run: RunFigures) -> Export:
    """The run as one exposition. Raises MeasurementError where two names read the same once they are printable."""
    lines: dict[str, list[str]] = {family: [] for family in FAMILIES}
    series = []
    for family, labels, value in _samples(run):
        series.append(family + _labels(labels))
        lines[family].append(f"{series[-1]} {_number(value)}\n")
    refuse_twins(series, "OpenMetrics")
    text = "".join(_metadata(family) + "".join(samples) for family, samples in lines.items() if samples)
    return Export(text=f"{text}# EOF\n")


def _metadata(family: str) -> str:
    unit = family.rpartition("_")[2]
    lines = [f"# TYPE {family} gauge\n", f"# HELP {family} {FAMILIES[family]}\n"]
    if unit in _UNITS:
        lines.insert(1, f"# UNIT {family} {unit}\n")
    return "".join(lines)


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str) -> str:
    """A label's value: lines stay lines, and what could not be seen (or, a carriage return, may not be there) is."""
    shown = "\n".join(map(printable, text.split("\n")))
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, int) else repr(value)


# --- samples --------------------------------------------------------------------------


def _samples(run: RunFigures) -> Iterator[Sample]:
    if run.holds is not None:
        yield "wfperf_run_holds", {}, run.holds
    for figures in run.workflows:
        here = {"workflow": figures.workflow}
        yield from _about(figures, here)
        yield from _times(figures, here)
        yield from _checks(figures, here)
        yield from _changes(figures, here)


def _about(figures: Figures, here: Mapping[str, str]) -> Iterator[Sample]:
    if figures.commit:
        yield "wfperf_workflow_commit", {**here, "commit": figures.commit}, 1
    if figures.created is not None:
        yield "wfperf_workflow_measured_timestamp_seconds", here, figures.created.timestamp()
    if figures.verdict is not None:
        for verdict in Verdict:
            yield "wfperf_workflow_verdict", {**here, "verdict": str(verdict)}, verdict is figures.verdict
    if figures.launches:
        yield "wfperf_workflow_launches", here, figures.launches
    if figures.cpu_ns is not None:
        yield "wfperf_workflow_cpu_seconds", here, figures.cpu_ns / 1e9
    if figures.memory_bytes is not None:
        yield "wfperf_workflow_memory_peak_bytes", here, figures.memory_bytes


def _times(figures: Figures, here: Mapping[str, str]) -> Iterator[Sample]:
    summary = figures.summary
    if summary is None:
        return
    yield "wfperf_workflow_rounds", here, summary.rounds
    for quantile, ns in (("0", summary.min_ns), ("0.5", summary.median_ns), ("0.95", summary.p95_ns)):
        yield "wfperf_workflow_duration_seconds", {**here, "quantile": quantile}, ns / 1e9
    there: Mapping[str, str]
    for step in summary.steps:
        there = {**here, "step": step.path}
        for quantile, ns in (("0.5", step.median_ns), ("0.95", step.p95_ns)):
            yield "wfperf_step_duration_seconds", {**there, "quantile": quantile}, ns / 1e9
        yield "wfperf_step_own_seconds", there, step.own_ns / 1e9
    for interval in figures.intervals:
        subject, there = _subject(interval.path, here)
        yield f"wfperf_{subject}_duration_low_seconds", there, interval.low_ns / 1e9
        yield f"wfperf_{subject}_duration_high_seconds", there, interval.high_ns / 1e9
    for metric in summary.metrics:
        labels = {**here, "metric": metric.name, "unit": metric.unit, "better": metric.better}
        yield "wfperf_metric", labels, metric.value
    for load in figures.loads:
        there = {**here, "load": load.name}
        yield "wfperf_load_calls_per_second", there, load.throughput
        for quantile, ns in (("0.5", load.median_ns), ("0.95", load.p95_ns)):
            yield "wfperf_load_latency_seconds", {**there, "quantile": quantile}, ns / 1e9


def _checks(figures: Figures, here: Mapping[str, str]) -> Iterator[Sample]:
    for rate in figures.rates:
        subject, there = ("check", {**here, "check": rate.name}) if rate.name else ("workflow", here)
        yield f"wfperf_{subject}_pass_ratio", there, float(rate.share)
        if rate.minimum is not None:
            yield f"wfperf_{subject}_pass_minimum_ratio", there, float(rate.minimum)


def _changes(figures: Figures, here: Mapping[str, str]) -> Iterator[Sample]:
    for change in figures.changes:
        subject, there = _subject(change.path, here)
        ends = {"": change.change, "low_": change.low, "high_": change.high, "limit_": change.limit}
        for end, value in ends.items():
            if value is not None:
                yield f"wfperf_{subject}_change_{end}ratio", there, float(value)


def _subject(path: str, here: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    return ("step", {**here, "step": path}) if path else ("workflow", here)
