"""Bencher Metric Format: benchmarks, each with its measures, for ``bencher run --adapter json``.

``latency`` (ns) and ``throughput`` (operations a second) are measures that every project has, with those units;
Bencher makes any other when it first meets it, and its unit is set there. Ends of intervals are the 95 % interval
of the median over launches. Source: https://bencher.dev/docs/reference/bencher-metric-format/.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator

from .figures import Export, Figures, Interval, RunFigures, refuse_twins

LONGEST_NAME, LONGEST_SLUG = 1024, 64  # bytes

Measures = dict[str, dict[str, float]]


def export(run: RunFigures) -> Export:
    """The run as BMF JSON. A name beyond what Bencher takes is cut, and ends in a digest of the whole.

    Raises MeasurementError where two benchmarks would have one name.
    """
    found = [(_name(name), measures) for figures in run.measured for name, measures in _benchmarks(figures)]
    refuse_twins((name for name, _ in found), "Bencher")
    left_out = [f"{figures.workflow}: nothing was measured" for figures in run.workflows if figures.summary is None]
    return Export(text=json.dumps(dict(found), indent=2) + "\n", left_out=tuple(left_out))


def slug(name: str, taken: Measures) -> str:
    """``name`` as a measure's slug that is not among those ``taken``: lower case, digits and single hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    found = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if found and len(found) <= LONGEST_SLUG and found not in taken:
        return found
    return f"{found[: LONGEST_SLUG - 9].strip('-') or 'metric'}-{_digest(name)}"


def _benchmarks(figures: Figures) -> Iterator[tuple[str, Measures]]:
    summary = figures.summary
    if summary is None:
        return
    measures = _times(summary.median_ns, summary.p95_ns, figures.interval(""))
    measures["latency-min"] = {"value": summary.min_ns}
    if figures.cpu_ns is not None:
        measures["cpu-time"] = {"value": figures.cpu_ns}
    if figures.memory_bytes is not None:
        measures["memory-peak"] = {"value": figures.memory_bytes}
    for rate in figures.rates:
        measures[slug(f"pass-rate {rate.name}", measures)] = {"value": rate.share}
    for metric in summary.metrics:
        measures[slug(metric.name, measures)] = {"value": metric.value}
    yield figures.workflow, measures
    for step in summary.steps:
        yield (
            f"{figures.workflow} step {step.path}",
            _times(step.median_ns, step.p95_ns, figures.interval(step.path)),
        )
    for load in figures.loads:
        times = _times(load.median_ns, load.p95_ns, None)
        yield f"{figures.workflow} {load.name}", {**times, "throughput": {"value": load.throughput}}


def _times(median_ns: float, p95_ns: float, interval: Interval | None) -> Measures:
    latency = {"value": median_ns}
    if interval is not None:
        latency |= {"lower_value": interval.low_ns, "upper_value": interval.high_ns}
    return {"latency": latency, "latency-p95": {"value": p95_ns}}


def _name(name: str) -> str:
    encoded = name.encode()
    if len(encoded) <= LONGEST_NAME:
        return name
    return f"{encoded[: LONGEST_NAME - 9].decode(errors='ignore')}-{_digest(name)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
