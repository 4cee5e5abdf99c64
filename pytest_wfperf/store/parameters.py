"""What tells one shared set-up from another, and until when it is good: checked where the caller gives it."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

from ..errors import MeasurementError
from .files import DEEPEST

LONGEST_TTL_S = 100 * 365 * 86400.0


def key_of(name: str, params: Any) -> str:
    """Name and parameters as the one JSON text that stands for both. Raises MeasurementError."""
    if not isinstance(name, str) or not name:
        raise MeasurementError(f"the name of a shared set-up has to be a non-empty string, not {name!r}")
    _check(params, f"wfperf.cached({name!r}): params")
    try:
        return json.dumps([name, params], sort_keys=True, separators=(",", ":"))
    except ValueError as error:  # an int of thousands of digits
        raise MeasurementError(f"wfperf.cached({name!r}): params cannot be written as JSON: {error}") from error


def _check(value: object, where: str, depth: int = 0) -> None:
    """Raise MeasurementError, which says where, for what JSON does not have or would not tell from something else."""
    if depth > DEEPEST:
        raise MeasurementError(f"{where[:200]} … is nested deeper than {DEEPEST} levels, or contains itself")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise MeasurementError(f"{where} has the key {key!r:.80}: the keys of a dict have to be strings")
            _check(inner, f"{where}[{key!r:.80}]", depth + 1)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check(inner, f"{where}[{index}]", depth + 1)
    elif value is not None and not isinstance(value, str | int) and not _is_finite(value):
        raise MeasurementError(
            f"{where} is {value!r:.80}: params tell one set-up from another, so they have to be plain data "
            "(None, bool, int, finite float, str, list, dict)"
        )


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def seconds_of(name: str, ttl: float | timedelta | None) -> float | None:
    """A time to live in seconds, None for one without end. Raises MeasurementError."""
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_TTL_S:
        raise MeasurementError(
            f"wfperf.cached({name!r}): ttl={ttl!r} is no length of time; give seconds above 0 or a timedelta, "
            "of at most 100 years, or leave it away for a set-up that never expires"
        )
    return seconds
