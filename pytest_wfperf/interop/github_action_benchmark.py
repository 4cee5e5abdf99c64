"""Entries for github-action-benchmark's custom tools, which chart a list of numbers commit by commit.

It has two: ``customSmallerIsBetter`` and ``customBiggerIsBetter``. A list is all of one kind, so a run makes two.
Times are in milliseconds in every file, short or long, so that a chart's unit never changes between commits.
Source: the action's ``src/extract.ts``, ``BenchmarkResult``, and for the range ``src/extractRangeInfo.ts``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import MeasurementError
from ..report.text import duration, plural, share
from .figures import Export, Figures, Interval, RunFigures, refuse_twins

_SHOWN = 3  # of what is left out, by name

Entries = list[dict[str, Any]]


def smaller(run: RunFigures) -> Export:
    """Times, memory and those metrics of which less is better. Raises MeasurementError where there is none."""
    return _export(run, wanted=_smaller, other=_bigger, kind="less", format_of_other="github-action-benchmark-bigger")


def bigger(run: RunFigures) -> Export:
    """Pass rates, throughput and those metrics of which more is better. Raises MeasurementError where there is none."""
    return _export(run, wanted=_bigger, other=_smaller, kind="more", format_of_other="github-action-benchmark")


def _export(run: RunFigures, *, wanted: Any, other: Any, kind: str, format_of_other: str) -> Export:
    entries = [entry for figures in run.measured for entry in wanted(figures)]
    if not entries:  # the action fails on an empty list, and would blame the file
        raise MeasurementError(
            f"there is nothing of which {kind} is better in what is exported; {format_of_other} has what there is"
        )
    refuse_twins((entry["name"] for entry in entries), "github-action-benchmark")
    elsewhere = [entry["name"] for figures in run.measured for entry in other(figures)]
    left_out = [f"{figures.workflow}: nothing was measured" for figures in run.workflows if figures.summary is None]
    if elsewhere:
        more = f" and {len(elsewhere) - _SHOWN} more" if len(elsewhere) > _SHOWN else ""
        counted = plural(len(elsewhere), "number")
        left_out.append(
            f"{counted} of which {'less' if kind == 'more' else 'more'} is better ({format_of_other} has them): "
            f"{', '.join(elsewhere[:_SHOWN])}{more}"
        )
    return Export(text=json.dumps(entries, indent=2) + "\n", left_out=tuple(left_out))


def _smaller(figures: Figures) -> Entries:
    return list(_times(figures)) + list(_metrics(figures, "lower"))


def _bigger(figures: Figures) -> Entries:
    rates = [
        _entry(
            f"{figures.workflow} check {rate.name}" if rate.name else f"{figures.workflow} pass rate",
            100 * rate.share,
            "%",
            [f"{rate.passed} of {rate.total} rounds passed"]
            + ([] if rate.minimum is None else [f"asked for {share(rate.minimum)}"]),
        )
        for rate in figures.rates
    ]
    loads = [
        _entry(f"{figures.workflow} {load.name} throughput", load.throughput, "calls/s", []) for load in figures.loads
    ]
    return rates + loads + list(_metrics(figures, "higher"))


def _times(figures: Figures) -> Iterator[dict[str, Any]]:
    summary = figures.summary
    if summary is None:
        return
    about = [
        f"median of {plural(summary.rounds, 'round')}"
        + (f" in {plural(figures.launches, 'launch')}" if figures.launches else ""),
        f"min {duration(summary.min_ns)}",
        f"p95 {duration(summary.p95_ns)}",
    ]
    about += [] if figures.verdict is None else [str(figures.verdict), *figures.reasons]
    about += [f"commit {figures.commit}"] if figures.commit else []
    yield _time(figures.workflow, summary.median_ns, about, figures.interval(""))
    for step in summary.steps:
        told = [
            f"own time {duration(step.own_ns)}",
            f"p95 {duration(step.p95_ns)}",
            f"{share(step.share)} of the whole",
        ]
        yield _time(f"{figures.workflow} step {step.path}", step.median_ns, told, figures.interval(step.path))
    for load in figures.loads:
        yield _time(f"{figures.workflow} {load.name} latency", load.median_ns, [f"p95 {duration(load.p95_ns)}"], None)
    if figures.cpu_ns is not None:
        yield _time(f"{figures.workflow} CPU time", figures.cpu_ns, [], None)
    if figures.memory_bytes is not None:
        yield _entry(f"{figures.workflow} memory", figures.memory_bytes, "bytes", ["peak growth of resident memory"])


def _time(name: str, ns: float, extra: Sequence[str], interval: Interval | None) -> dict[str, Any]:
    entry = _entry(name, ns / 1e6, "ms", extra)
    if interval is not None:
        half_ms = (interval.high_ns - interval.low_ns) / 2e6
        entry["range"] = f"± {float(f'{half_ms:.4g}')}"  # the action rescales it where it can read a number
        ends = f"{duration(interval.low_ns)} to {duration(interval.high_ns)}"
        entry["extra"] = "\n".join([*extra, f"95 % interval {ends}"])
    return entry


def _metrics(figures: Figures, better: str) -> Iterator[dict[str, Any]]:
    if figures.summary is not None:
        for metric in figures.summary.metrics:
            if metric.better == better:
                yield _entry(f"{figures.workflow} metric {metric.name}", metric.value, metric.unit, [])


def _entry(name: str, value: float, unit: str, extra: Sequence[str]) -> dict[str, Any]:
    entry = {"name": name, "value": value, "unit": unit}
    return {**entry, "extra": "\n".join(extra)} if extra else entry
