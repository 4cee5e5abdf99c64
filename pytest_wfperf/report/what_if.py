"""What a what-if predicts, and how it held, as a text to read and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ..analyse.what_if import Ceiling, Prediction
from ..verification import Verification
from .text import change, duration, plural, printable, share


def render(prediction: Prediction) -> str:
    """The prediction as a text to read."""
    return "\n".join(_prediction(prediction))


def render_verification(verification: Verification) -> str:
    """The prediction and what was measured in its stead, as a text to read."""
    return "\n".join([*_prediction(verification.prediction), *_verification(verification)])


def render_ceilings(ceilings: Sequence[Ceiling]) -> str:
    """What each step could gain at most, as a text to read."""
    return "\n".join(map(_ceiling, ceilings))


def as_json(found: Prediction | Verification) -> dict[str, Any]:
    """The prediction or verification as builtins. Keys are only ever added."""
    if isinstance(found, Verification):
        return {**asdict(found), "prediction": as_json(found.prediction), "error": found.error}
    gains = [ceiling_as_json(each) for each in found.ceilings]
    return {**asdict(found), "speedup": _finite(found.speedup), "ceilings": gains}


def ceiling_as_json(found: Ceiling) -> dict[str, Any]:
    """What a step could gain as builtins; no speed-up where nothing would remain."""
    return {**asdict(found), "speedup": _finite(found.speedup)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _prediction(found: Prediction) -> Iterator[str]:
    yield f"{printable(found.workflow)}: what if {printable(found.question)}"
    yield f"  measured   {duration(found.measured_ns)}, median of {plural(found.samples, found.sampled)}"
    within = _interval(found.low_ns, found.high_ns, found.confidence)
    yield f"  predicted  {duration(found.predicted_ns)}{within}: {_times(found.speedup)}"
    for ceiling in found.ceilings:
        yield f"  at most    {_ceiling(ceiling)}"
    for note in found.notes:
        yield f"  note: {printable(note)}"


def _verification(found: Verification) -> Iterator[str]:
    within = _interval(found.low_ns, found.high_ns, found.confidence)
    how = f"all else {found.slowed:.3g} times slower, then scaled back" if found.slowed > 1 else "with delays"
    yield f"  verified   {duration(found.measured_ns)}{within}, {plural(found.rounds, 'round')} {how}"
    yield f"  the prediction is off by {change(found.error)}"
    for note in found.notes:
        yield f"  note: {printable(note)}"


def _ceiling(ceiling: Ceiling) -> str:
    left = f"{duration(ceiling.remaining_ns)} if {printable(ceiling.path)} took no time"
    return f"{left}: {_times(ceiling.speedup)}"


def _times(speedup: float) -> str:
    return "as fast as can be" if math.isinf(speedup) else f"{speedup:.3g}x as fast"


def _interval(low: float | None, high: float | None, confidence: float) -> str:
    if low is None or high is None:
        return ""
    return f" ({share(round(confidence, 3))} interval {duration(low)} to {duration(high)})"
