"""The custom JSON of github-action-benchmark, and Bencher Metric Format."""

from __future__ import annotations

import json
import re

import pytest
from exported import CHEAP, GOLDEN, GONE, HOSTILE, PAY, cheap, figures
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.interop import bencher, github_action_benchmark
from pytest_wfperf.interop.figures import RunFigures, of_profile

FORMATS = {
    "github-action-benchmark": github_action_benchmark.smaller,
    "github-action-benchmark-bigger": github_action_benchmark.bigger,
    "bencher": bencher.export,
}
ACTION_RANGE = re.compile(r"(?P<prefix>(\+-|±)\s*)(?P<value>\d.*)")  # by which the action reads a range


@pytest.mark.parametrize("name", FORMATS)
def test_the_whole_file(tmp_path, name):
    assert FORMATS[name](figures(tmp_path)).text == (GOLDEN / f"export.{name}.json").read_text(encoding="utf-8")


def entries(export):
    found = json.loads(export.text)
    for entry in found:
        assert {"name", "value", "unit"} <= entry.keys() <= {"name", "value", "unit", "range", "extra"}
        assert isinstance(entry["value"], int | float)
        if "range" in entry:
            assert float(ACTION_RANGE.fullmatch(entry["range"])["value"]) >= 0
    assert len({entry["name"] for entry in found}) == len(found)
    return {entry["name"]: entry for entry in found}


def test_all_times_are_in_one_unit(tmp_path):
    found = entries(github_action_benchmark.smaller(figures(tmp_path)))
    assert found[PAY]["value"] == 12.275
    assert found[f"{PAY} step parse"]["value"] == 4
    assert found[CHEAP]["value"] == 9e-4
    metrics = (f"{PAY} metric tokens", f"{PAY} memory")
    assert {entry["unit"] for name, entry in found.items() if name not in metrics} == {"ms"}
    assert [found[name]["unit"] for name in metrics] == ["tokens", "bytes"]


def test_the_range_is_half_the_interval(tmp_path):
    run = figures(tmp_path)
    interval = run.workflows[0].interval("")
    found = entries(github_action_benchmark.smaller(run))
    half = float(found[PAY]["range"].removeprefix("± "))
    assert half == pytest.approx((interval.high_ns - interval.low_ns) / 2e6, rel=1e-3)
    assert half > 0
    assert "range" not in found[CHEAP]  # one launch bounds nothing


def test_what_is_of_the_other_kind_is_in_the_other_list_and_said(tmp_path):
    run = figures(tmp_path)
    less, more = (github_action_benchmark.smaller(run), github_action_benchmark.bigger(run))
    assert entries(more).keys() == {
        f"{PAY} pass rate", f"{PAY} check valid page", f"{PAY} load:3 throughput", f"{PAY} metric hits",
    }  # fmt: skip
    assert not entries(more).keys() & entries(less).keys()
    missing, other = less.left_out
    assert missing == f"{GONE}: nothing was measured"
    assert other.startswith("4 numbers of which more is better (github-action-benchmark-bigger has them): ")
    assert other.endswith(" and 1 more")
    assert more.left_out[1].startswith(f"{len(entries(less))} numbers of which less is better")


def test_an_empty_list_is_refused():
    run = RunFigures(workflows=(of_profile(cheap()),))
    with pytest.raises(MeasurementError, match=r"nothing of which more is better .* github-action-benchmark has"):
        github_action_benchmark.bigger(run)


# --- Bencher --------------------------------------------------------------------------


def benchmarks(run):
    found = json.loads(bencher.export(run).text)
    for name, measures in found.items():
        assert name
        assert len(name.encode()) <= 1024
        for slug, metric in measures.items():
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
            assert len(slug) <= 64
            assert {"value"} <= metric.keys() <= {"value", "lower_value", "upper_value"}
            assert metric.get("lower_value", metric["value"]) <= metric["value"]
            assert metric["value"] <= metric.get("upper_value", metric["value"])
    return found


def test_latency_is_in_ns_with_the_interval_of_launches(tmp_path):
    run = figures(tmp_path)
    found, interval = benchmarks(run), run.workflows[0].interval("")
    assert found[PAY]["latency"] == {
        "value": 12_275_000, "lower_value": interval.low_ns, "upper_value": interval.high_ns,
    }  # fmt: skip
    assert 12_000_000 < interval.low_ns < 12_275_000 < interval.high_ns < 12_550_000
    assert found[CHEAP]["latency"] == {"value": 900}
    assert found[f"{PAY} step render"]["latency"]["value"] == 7_275_000
    assert found[f"{PAY} load:3"] == {
        "latency": {"value": 50_000_000}, "latency-p95": {"value": 86_000_000}, "throughput": {"value": 25},
    }  # fmt: skip
    assert found[PAY]["tokens"] == {"value": 1250}
    assert bencher.export(run).left_out == (f"{GONE}: nothing was measured",)


@given(st.lists(st.text(), max_size=8, unique=True))
def test_every_metric_has_a_slug_of_its_own(names):
    taken = {"latency": {}}
    for name in names:
        slug = bencher.slug(name, taken)
        assert slug not in taken
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
        assert len(slug) <= 64
        taken[slug] = {}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_kept(tmp_path, name):
    run = figures(tmp_path, rename=name)
    less = entries(github_action_benchmark.smaller(run))
    assert less[name]["value"] == 12.275
    assert less[f"{name} metric tokens {name}"]["unit"] == name
    found = benchmarks(run)
    if len(name) < 1000:
        assert found[name]["latency"]["value"] == 12_275_000
    assert len(found) == 5
    for export in (bencher.export, github_action_benchmark.smaller):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", export(run).text)


@pytest.mark.parametrize("tool", [bencher.export, github_action_benchmark.smaller])
def test_two_things_of_one_name_are_refused(tool):
    one = of_profile(cheap())
    with pytest.raises(MeasurementError, match=f"would both be called '{CHEAP}'"):
        tool(RunFigures(workflows=(one, one)))
