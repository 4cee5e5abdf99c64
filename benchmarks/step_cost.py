"""What one empty recorded step costs, nested one deep, beside two bare clock reads and an append.

Both sides run in turn, many short stretches each; the fastest stretch of each side is what the
code costs, the rest is what else the machine did.
"""

from __future__ import annotations

import importlib.util
import sys
from time import perf_counter_ns

from pytest_wfperf.fixture import Wfperf
from pytest_wfperf.measure.rounds import Measurement

STEPS, STRETCHES = 2_000, 400
LIMIT = 5.0


def bare() -> float:
    spans: list[int] = []
    began = perf_counter_ns()
    for _ in range(STEPS):
        start = perf_counter_ns()
        end = perf_counter_ns()
        spans.append(end - start)
    return (perf_counter_ns() - began) / STEPS


def recorded() -> float:
    measurement = Measurement()
    wfperf = Wfperf(measurement, "benchmark", lambda: None, shared=lambda: None)
    measurement.begin()
    with wfperf.step("outer"):
        began = perf_counter_ns()
        for _ in range(STEPS):
            with wfperf.step("inner"):
                pass
        took = (perf_counter_ns() - began) / STEPS
    measurement.end()
    assert measurement.freeze().spans[1].count == STEPS
    return took


def opentelemetry() -> float:
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  a peer, where it is installed

    tracer = TracerProvider().get_tracer("benchmark")
    with tracer.start_as_current_span("outer"):
        began = perf_counter_ns()
        for _ in range(STEPS):
            with tracer.start_as_current_span("inner"):
                pass
        return (perf_counter_ns() - began) / STEPS


def main() -> int:
    sides = [bare, recorded]
    if importlib.util.find_spec("opentelemetry") and importlib.util.find_spec("opentelemetry.sdk"):
        sides.append(opentelemetry)
    fastest = {side.__name__: float("inf") for side in sides}
    for _ in range(STRETCHES):
        for side in sides:
            fastest[side.__name__] = min(fastest[side.__name__], side())
    for name, ns in fastest.items():
        print(f"{name:14} {ns:8.0f} ns   {ns / fastest['bare']:6.2f} x bare")
    ratio = fastest["recorded"] / fastest["bare"]
    print(f"Python {sys.version.split()[0]}: {ratio:.2f} times bare, limit {LIMIT:g}")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
