"""OpenMetrics text, read back by the parsers of Prometheus' own client."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from exported import CHEAP, GOLDEN, GONE, HOSTILE, PAY, cheap, figures
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older_format

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.interop.figures import Change, Figures, Interval, LoadFigures, Rate, RunFigures, of_profile
from pytest_wfperf.interop.openmetrics import FAMILIES, export
from pytest_wfperf.judged import StepSummary, Summary, Verdict
from pytest_wfperf.model import Metric
from pytest_wfperf.report.text import printable


def read(text, parse=text_string_to_metric_families):
    """Value by family and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def value(found, family, **labels):
    return found[family, frozenset(labels.items())]


def test_the_whole_text(tmp_path):
    assert export(figures(tmp_path)).text == (GOLDEN / "export.openmetrics").read_text(encoding="utf-8")


def test_a_real_parser_finds_the_figures_in_base_units(tmp_path):
    found = read(export(figures(tmp_path)).text)
    assert value(found, "wfperf_run_holds") == 0
    assert value(found, "wfperf_workflow_duration_seconds", workflow=PAY, quantile="0") == 0.012
    assert value(found, "wfperf_workflow_duration_seconds", workflow=PAY, quantile="0.5") == 0.012275
    assert value(found, "wfperf_step_duration_seconds", workflow=PAY, step="parse", quantile="0.95") == 0.004
    assert value(found, "wfperf_workflow_memory_peak_bytes", workflow=PAY) == 3_145_728
    assert value(found, "wfperf_workflow_change_ratio", workflow=PAY) == pytest.approx(0.2)
    assert value(found, "wfperf_workflow_change_low_ratio", workflow=PAY) == pytest.approx(0.1)
    assert value(found, "wfperf_check_pass_ratio", workflow=PAY, check="valid page") == 11 / 12
    assert value(found, "wfperf_load_calls_per_second", workflow=PAY, load="load:3") == 25
    verdicts = {v: value(found, "wfperf_workflow_verdict", workflow=GONE, verdict=v) for v in Verdict}
    assert verdicts == {v: float(v is Verdict.MISSING) for v in Verdict}
    assert value(found, "wfperf_workflow_duration_seconds", workflow=CHEAP, quantile="0.5") == 9e-7


def test_what_nothing_bounds_is_not_there(tmp_path):
    found = read(export(figures(tmp_path)).text)
    assert ("wfperf_step_change_ratio", frozenset({"workflow": PAY, "step": "parse"}.items())) in found
    assert not [key for key in found if key[0] == "wfperf_step_change_low_ratio"]
    assert not [key for key in found if key[0].endswith("_low_seconds") and ("workflow", CHEAP) in key[1]]


def test_metadata_is_complete_and_units_end_names(tmp_path):
    families = list(text_string_to_metric_families(export(figures(tmp_path)).text))
    assert {family.type for family in families} == {"gauge"}
    assert all(family.documentation for family in families)
    for family in families:
        unit = family.name.rpartition("_")[2]
        assert family.unit == (unit if unit in ("seconds", "bytes", "ratio") else "")


def test_the_older_text_format_reads_the_same(tmp_path):
    """The textfile collector's, which knows neither StateSet nor Info and wants no timestamps."""
    text = export(figures(tmp_path)).text
    assert read(text, older_format) == read(text)
    assert all(sample.timestamp is None for family in older_format(text) for sample in family.samples)


def test_when_and_what_was_measured_are_gauges():
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    run = RunFigures(workflows=(of_profile(cheap(), created=when, commit="abc123"),))
    found = read(export(run).text)
    assert value(found, "wfperf_workflow_measured_timestamp_seconds", workflow=CHEAP) == when.timestamp()
    assert value(found, "wfperf_workflow_commit", workflow=CHEAP, commit="abc123") == 1
    assert not [key for key in found if key[0] in ("wfperf_workflow_verdict", "wfperf_run_holds")]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_stays_one_label(tmp_path, name):
    text = export(figures(tmp_path, rename=name)).text
    assert "\r" not in text
    assert "\x1b" not in text
    shown = "\n".join(map(printable, name.split("\n")))
    found = read(text)
    assert value(found, "wfperf_workflow_rounds", workflow=shown) == 12
    assert value(found, "wfperf_check_pass_ratio", workflow=shown, check=shown) == 11 / 12
    assert value(found, "wfperf_metric", workflow=shown, metric=f"tokens {shown}", unit=shown, better="lower") == 1250


def test_names_that_read_the_same_are_refused():
    run = RunFigures(workflows=tuple(Figures(workflow=name, launches=1) for name in ("a\x1b", "a\\x1b")))
    with pytest.raises(MeasurementError, match=r"two things would both be called 'wfperf_workflow_launches"):
        export(run)


names = st.text(max_size=8)
some = st.floats(allow_nan=False, allow_infinity=False)
times = st.floats(0, 1e18) | st.integers(0, 2**63 - 1)


@given(
    workflow=names, summary=st.builds(
        Summary, rounds=st.integers(0, 10**9), warmup=st.just(0), min_ns=times, median_ns=times, p95_ns=times,
        metrics=st.lists(
            st.builds(Metric, name=names, value=some, unit=names, better=st.sampled_from(["lower", "higher"])),
            max_size=3, unique_by=lambda m: "\n".join(map(printable, m.name.split("\n"))),
        ).map(tuple),
    ),
    step=st.builds(StepSummary, path=st.just("a/b"), median_ns=times, p95_ns=times, own_ns=times,
                   share=some, count=st.just(1.0)),
    interval=st.builds(Interval, path=st.sampled_from(["", "a/b"]), low_ns=times, high_ns=times),
    change=st.builds(Change, path=st.sampled_from(["", "a/b"]), change=some, low=st.none() | some,
                     high=st.none() | some, limit=some),
    passed=st.integers(0, 50), memory=st.none() | st.integers(0, 2**63 - 1), throughput=some,
)  # fmt: skip
def test_every_number_comes_back(workflow, summary, step, interval, change, passed, memory, throughput):
    one = Figures(
        workflow=workflow,
        summary=Summary(
            rounds=summary.rounds, warmup=0, min_ns=summary.min_ns, median_ns=summary.median_ns,
            p95_ns=summary.p95_ns, metrics=summary.metrics, steps=(step,),
        ),
        intervals=(interval,), changes=(change,), memory_bytes=memory,
        rates=(Rate(name="", passed=passed, total=50, minimum=0.5),),
        loads=(LoadFigures(name="load:2", throughput=throughput, median_ns=1, p95_ns=2),),
    )  # fmt: skip
    found = read(export(RunFigures(workflows=(one,))).text)

    def shown(text):
        return "\n".join(map(printable, text.split("\n")))

    here = {"workflow": shown(workflow)}
    for quantile, ns in (("0", summary.min_ns), ("0.5", summary.median_ns), ("0.95", summary.p95_ns)):
        assert value(found, "wfperf_workflow_duration_seconds", **here, quantile=quantile) == ns / 1e9
    assert value(found, "wfperf_workflow_rounds", **here) == summary.rounds
    assert value(found, "wfperf_step_own_seconds", **here, step="a/b") == step.own_ns / 1e9
    for metric in summary.metrics:
        labels = {"metric": shown(metric.name), "unit": shown(metric.unit), "better": metric.better}
        assert value(found, "wfperf_metric", **here, **labels) == metric.value
    subject, there = ("step", {**here, "step": "a/b"}) if interval.path else ("workflow", here)
    assert value(found, f"wfperf_{subject}_duration_low_seconds", **there) == interval.low_ns / 1e9
    subject, there = ("step", {**here, "step": "a/b"}) if change.path else ("workflow", here)
    assert value(found, f"wfperf_{subject}_change_ratio", **there) == change.change
    assert found.get((f"wfperf_{subject}_change_high_ratio", frozenset(there.items()))) == change.high
    assert value(found, "wfperf_workflow_pass_ratio", **here) == passed / 50
    assert found.get(("wfperf_workflow_memory_peak_bytes", frozenset(here.items()))) == memory
    assert value(found, "wfperf_load_calls_per_second", **here, load="load:2") == throughput
    assert {family for family, _ in found} <= FAMILIES.keys()
