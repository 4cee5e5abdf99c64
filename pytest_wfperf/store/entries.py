"""One step, check, metric or cache over the rounds of a table: its entry in a file, and back."""

from __future__ import annotations

from itertools import repeat
from operator import add, attrgetter
from typing import TYPE_CHECKING, Any

from ..errors import MeasurementError
from ..loads import Load, LoadStep
from ..model import Cache, Check, Metric, Span
from .layout import storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SPAN = attrgetter("total_ns", "count", "min_ns", "max_ns", "own_ns", "start_ns", "end_ns", "status", "error")
_SELDOM = {
    "cpu_ns": None, "memory_bytes": None, "waited_ns": 0, "retries": 0, "retry_ns": 0, "growth_ns": 0,
}  # fmt: skip
"""What few steps have, and what stands for it where it is left out."""


def array_of(entry: dict[str, Any], name: str, number: int, otherwise: Any) -> Sequence[Any] | Iterator[Any]:
    """The array ``name`` of ``entry``, or ``otherwise`` for every round where it was left out."""
    if name not in entry:
        return repeat(otherwise, number)
    array: list[Any] = entry[name]
    if len(array) != number:
        label = entry.get("path", entry.get("name", "the rounds"))
        raise ValueError(f"{name} of {label!r} has {len(array)} values for {number} rounds")
    return array


def encode_step(column: list[Span | None]) -> dict[str, Any]:
    spans = [span for span in column if span is not None]
    total, count, low, high, own, start, end, status, error = zip(*map(_SPAN, spans), strict=True)
    arrays: dict[str, Sequence[Any]] = {"total_ns": total}
    arrays |= {name: values for name, values in (("min_ns", low), ("max_ns", high), ("own_ns", own)) if values != total}
    if end != tuple(map(add, start, total)):
        arrays["end_ns"] = end
    seldom = ((name, [getattr(span, name) for span in spans], otherwise) for name, otherwise in _SELDOM.items())
    for name, values, otherwise in (("count", count, 1), ("start_ns", start, 0), *seldom):
        if values.count(otherwise) != len(values):
            arrays[name] = values
    if status.count("ok") != len(status):
        arrays["status"] = [storable(text) for text in status]
    if any(error):
        arrays["error"] = [storable(text) for text in error]
    entry: dict[str, Any] = {name: _spread(values, column) for name, values in arrays.items()}
    entry["path"] = storable(spans[0].path)
    if spans[0].after:
        entry["after"] = [storable(name) for name in spans[0].after]
    if spans[0].group is not None:
        entry["group"] = storable(spans[0].group)
    return entry


def decode_step(entry: dict[str, Any], number: int) -> Iterator[Span | None]:
    total = entry["total_ns"]
    path, after, group = entry["path"], tuple(entry.get("after", ())), entry.get("group")
    start = array_of(entry, "start_ns", number, 0)
    columns = (
        array_of(entry, "total_ns", number, None),
        array_of(entry, "count", number, 1),
        array_of(entry, "min_ns", number, None) if "min_ns" in entry else total,
        array_of(entry, "max_ns", number, None) if "max_ns" in entry else total,
        array_of(entry, "own_ns", number, None) if "own_ns" in entry else total,
        start,
        array_of(entry, "end_ns", number, None),
        array_of(entry, "status", number, "ok"),
        array_of(entry, "error", number, ""),
        *(array_of(entry, name, number, otherwise) for name, otherwise in _SELDOM.items()),
    )
    for total_ns, count, min_ns, max_ns, own_ns, start_ns, end_ns, status, error, *seldom in zip(
        *columns, strict=False
    ):
        if total_ns is None:
            yield None
            continue
        yield Span(
            path=path,
            count=count,
            total_ns=total_ns,
            min_ns=min_ns,
            max_ns=max_ns,
            own_ns=own_ns,
            start_ns=start_ns,
            end_ns=start_ns + total_ns if end_ns is None else end_ns,
            status=status,
            error=error,
            after=after,
            group=group,
            **dict(zip(_SELDOM, seldom, strict=True)),
        )


def encode_check(column: list[Check | None]) -> dict[str, Any]:
    checks = [check for check in column if check is not None]
    entry: dict[str, Any] = {
        "name": storable(checks[0].name),
        "passed": _spread([bool(check.passed) for check in checks], column),
    }
    if any(check.detail for check in checks):
        entry["detail"] = _spread([storable(check.detail) for check in checks], column)
    if any(check.value is not None for check in checks):
        entry["value"] = _spread([_optional_number(check.value, check.name) for check in checks], column)
    if checks[0].minimum is not None:
        entry["minimum"] = _number(checks[0].minimum, checks[0].name)
    return entry


def decode_check(entry: dict[str, Any], number: int) -> Iterator[Check | None]:
    details, values = array_of(entry, "detail", number, ""), array_of(entry, "value", number, None)
    name, minimum = entry["name"], entry.get("minimum")
    for passed, detail, value in zip(array_of(entry, "passed", number, None), details, values, strict=False):
        yield (None if passed is None else Check(name=name, passed=passed, detail=detail, value=value, minimum=minimum))


def encode_metric(column: list[Metric | None]) -> dict[str, Any]:
    metrics = [metric for metric in column if metric is not None]
    entry: dict[str, Any] = {
        "name": storable(metrics[0].name),
        "value": _spread([_number(metric.value, metric.name) for metric in metrics], column),
    }
    if metrics[0].unit:
        entry["unit"] = storable(metrics[0].unit)
    if metrics[0].better != "lower":
        entry["better"] = metrics[0].better
    return entry


def decode_metric(entry: dict[str, Any], number: int) -> Iterator[Metric | None]:
    name, unit, better = entry["name"], entry.get("unit", ""), entry.get("better", "lower")
    for value in array_of(entry, "value", number, None):
        yield None if value is None else Metric(name=name, value=value, unit=unit, better=better)


def encode_cache(column: list[Cache | None]) -> dict[str, Any]:
    caches = [cache for cache in column if cache is not None]
    entry = {
        "name": storable(caches[0].name),
        "hits": _spread([int(cache.hits) for cache in caches], column),
        "misses": _spread([int(cache.misses) for cache in caches], column),
    }
    if not all(cache.timed for cache in caches):
        entry["timed"] = _spread([cache.timed for cache in caches], column)
    return entry


def decode_cache(entry: dict[str, Any], number: int) -> Iterator[Cache | None]:
    columns = (
        array_of(entry, "hits", number, None),
        array_of(entry, "misses", number, None),
        array_of(entry, "timed", number, True),
    )
    for hits, misses, timed in zip(*columns, strict=False):
        yield None if hits is None else Cache(name=entry["name"], hits=hits, misses=misses, timed=timed)


def encode_load(load: Load) -> dict[str, Any]:
    """One load of one round: a round has few, and a launch few rounds that have any."""
    entry: dict[str, Any] = {
        "concurrency": load.concurrency,
        "mode": storable(load.mode),
        "wall_ns": load.wall_ns,
        "calls": load.calls,
        "failures": load.failures,
        "service_ns": list(load.service_ns),
        "at_once_ns": load.at_once_ns,
    }
    if load.latency_ns != load.service_ns:
        entry["latency_ns"] = list(load.latency_ns)
    if load.alone_ns is not None:
        entry["alone_ns"] = load.alone_ns
    if load.rate is not None:
        entry["rate"] = _number(load.rate, load.name)
    if load.examples:
        entry["examples"] = [storable(text) for text in load.examples]
    if load.steps:
        entry["steps"] = [_encode_load_step(step) for step in load.steps]
    return entry


def _encode_load_step(step: LoadStep) -> dict[str, Any]:
    alone = {} if step.alone_ns is None else {"alone_ns": step.alone_ns}
    return {"path": storable(step.path), "at_once_ns": step.at_once_ns, **alone}


def decode_load(entry: dict[str, Any]) -> Load:
    return Load(
        concurrency=entry["concurrency"],
        mode=entry["mode"],
        wall_ns=entry["wall_ns"],
        calls=entry["calls"],
        failures=entry["failures"],
        latency_ns=tuple(entry.get("latency_ns", entry["service_ns"])),
        service_ns=tuple(entry["service_ns"]),
        at_once_ns=entry["at_once_ns"],
        alone_ns=entry.get("alone_ns"),
        rate=entry.get("rate"),
        examples=tuple(entry.get("examples", ())),
        steps=tuple(LoadStep(**step) for step in entry.get("steps", ())),
    )


def _spread(values: Sequence[Any], column: Sequence[object | None]) -> list[Any]:
    """``values``, one for each item of ``column`` that is there, with null for the others."""
    if len(values) == len(column):
        return list(values)
    following = iter(values)
    return [None if item is None else next(following) for item in column]


def _optional_number(value: float | None, name: str) -> int | float | None:
    return None if value is None else _number(value, name)


def _number(value: float, name: str) -> int | float:
    """``value`` as a builtin number that fits a file (64 bits) and execnet (no integer below 32 bits)."""
    if type(value) is float or (type(value) is int and -(2**31) <= value < 2**63):
        return value
    try:
        return int(value) if isinstance(value, bool) else float(value)
    except OverflowError:
        raise MeasurementError(f"{name!r} was recorded as a number no float can hold; record it scaled") from None
