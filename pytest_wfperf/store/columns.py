"""A profile as columns of builtins, and back: what a file holds and what crosses processes.

Every step, check, metric and cache is one entry with arrays over the rounds, null where a
round did not have it. An array that carries no information is left out.
"""

from __future__ import annotations

from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import BaselineCorrupt
from ..model import Cache, Check, Count, Environment, Launch, Metric, Profile, Round, Span
from .entries import (
    array_of,
    decode_cache,
    decode_check,
    decode_load,
    decode_metric,
    decode_step,
    encode_cache,
    encode_check,
    encode_load,
    encode_metric,
    encode_step,
)
from .layout import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T", Span, Check, Metric, Cache)
FORMAT = 1

_SPAN_KEY = attrgetter("path", "after", "group")


def encode_profile(profile: Profile) -> dict[str, Any]:
    """``profile`` without its result as str, int, float, bool, None, list and dict.

    Lone surrogates become visible escapes. Raises MeasurementError for a number no float holds.
    """
    return {
        "format": FORMAT,
        "kind": "profile",
        "workflow": storable(profile.workflow),
        "environment": encode_environment(profile.environment),
        "launches": [_encode_launch(launch) for launch in profile.launches],
        **({"counts": _encode_counts(profile.counts)} if profile.counts else {}),
        **({"variant": storable(profile.variant)} if profile.variant else {}),
    }


def _encode_launch(launch: Launch) -> dict[str, Any]:
    table = {"recorder_ns": launch.recorder_ns, "rounds": _encode_rounds(launch.rounds)}
    if launch.warmup:
        table["warmup"] = _encode_rounds(launch.warmup)
    if launch.calibration_ns:
        table["calibration_ns"] = launch.calibration_ns
    if launch.beside:
        table["beside"] = round(launch.beside, 4)
    if launch.conditions:
        table["conditions"] = {storable(name): storable(value) for name, value in launch.conditions}
    return table


def _encode_counts(counts: Sequence[Count]) -> list[dict[str, Any]]:
    return [{"path": storable(count.path), "what": count.what, "value": count.value} for count in counts]


def decode_profile(data: dict[str, Any], where: str) -> Profile:
    """The profile that ``encode_profile`` made ``data`` of; ``where`` is named if it does not fit.

    Expects validated data. Raises BaselineCorrupt for arrays that do not match each other.
    """
    try:
        return Profile(
            workflow=data["workflow"],
            environment=decode_environment(data["environment"]),
            launches=tuple(
                Launch(
                    recorder_ns=launch["recorder_ns"],
                    rounds=_decode_rounds(launch["rounds"]),
                    warmup=_decode_rounds(launch["warmup"]) if "warmup" in launch else (),
                    calibration_ns=launch.get("calibration_ns", 0),
                    beside=launch.get("beside", 0.0),
                    conditions=tuple(sorted(launch.get("conditions", {}).items())),
                )
                for launch in data["launches"]
            ),
            counts=tuple(Count(**count) for count in data.get("counts", ())),
            variant=data.get("variant", ""),
        )
    except (ValueError, IndexError) as error:
        raise BaselineCorrupt(
            f"{where} cannot be used: {error}; restore it from version control; "
            "`wfperf verify` lists every damaged file"
        ) from error


def decode_times(data: dict[str, Any], where: str) -> Profile:
    """As :func:`decode_profile`, with nothing of its rounds but their totals: a quarter of the time.

    Warm-up rounds and counts are left out too.
    """
    launches = [
        {**launch, "rounds": {"total_ns": launch["rounds"]["total_ns"]}, "warmup": {"total_ns": []}}
        for launch in data["launches"]
    ]
    return decode_profile({**data, "launches": launches, "counts": []}, where)


def encode_environment(environment: Environment) -> dict[str, Any]:
    return {
        "facts": {storable(name): storable(value) for name, value in environment.facts},
        "notes": {storable(name): storable(value) for name, value in environment.notes},
    }


def decode_environment(data: dict[str, Any]) -> Environment:
    return Environment(facts=tuple(sorted(data["facts"].items())), notes=tuple(sorted(data["notes"].items())))


# --- rounds ---------------------------------------------------------------------------


def _encode_rounds(rounds: Sequence[Round]) -> dict[str, Any]:
    table: dict[str, Any] = {"total_ns": [r.total_ns for r in rounds]}
    _unless(table, "status", [storable(r.status) for r in rounds], "passed")
    _unless(table, "cpu_ns", [r.cpu_ns for r in rounds], None)
    _unless(table, "run_delay_ns", [r.run_delay_ns for r in rounds], None)
    _unless(table, "memory_bytes", [r.memory_bytes for r in rounds], None)
    _unless(table, "folded", [r.folded for r in rounds], 0)
    _unless(table, "iterations", [r.iterations for r in rounds], 1)
    _unless(table, "notes", [[storable(note) for note in r.notes] for r in rounds], [])
    _encode_kind(table, "step", [r.spans for r in rounds], _SPAN_KEY, encode_step)
    _encode_kind(table, "check", [r.checks for r in rounds], attrgetter("name", "minimum"), encode_check)
    _encode_kind(table, "metric", [r.metrics for r in rounds], attrgetter("name", "unit", "better"), encode_metric)
    _encode_kind(table, "cache", [r.caches for r in rounds], attrgetter("name"), encode_cache)
    _unless(table, "loads", [[encode_load(load) for load in r.loads] for r in rounds], [])
    return table


def _decode_rounds(table: dict[str, Any]) -> tuple[Round, ...]:
    total = table["total_ns"]
    number = len(total)
    columns = (
        total,
        array_of(table, "status", number, "passed"),
        _decode_kind(table, "step", number, decode_step),
        _decode_kind(table, "check", number, decode_check),
        _decode_kind(table, "metric", number, decode_metric),
        _decode_kind(table, "cache", number, decode_cache),
        array_of(table, "loads", number, ()),
        array_of(table, "cpu_ns", number, None),
        array_of(table, "run_delay_ns", number, None),
        array_of(table, "memory_bytes", number, None),
        array_of(table, "folded", number, 0),
        array_of(table, "iterations", number, 1),
        array_of(table, "notes", number, ()),
    )
    return tuple(
        Round(
            total_ns=total_ns,
            status=status,
            spans=spans,
            checks=checks,
            metrics=metrics,
            caches=caches,
            loads=tuple(map(decode_load, loads)),
            cpu_ns=cpu_ns,
            run_delay_ns=run_delay_ns,
            memory_bytes=memory_bytes,
            folded=folded,
            iterations=iterations,
            notes=tuple(notes),
        )
        for (
            total_ns, status, spans, checks, metrics, caches, loads, cpu_ns, run_delay_ns, memory_bytes, folded,
            iterations, notes,
        ) in zip(*columns, strict=False)
    )  # fmt: skip


# --- anything a round has many of -----------------------------------------------------


def _encode_kind(
    table: dict[str, Any],
    kind: str,
    rounds: list[tuple[T, ...]],
    key: Callable[[T], Any],
    encode: Callable[[list[T | None]], dict[str, Any]],
) -> None:
    """Add one entry for each distinct ``key`` and, where rounds differ in it, their order."""
    slots: dict[tuple[Any, int], int] = {}
    columns: list[list[T | None]] = []
    orders: list[list[int]] = []
    for number, items in enumerate(rounds):
        seen: dict[Any, int] = {}
        order: list[int] = []
        for item in items:
            name = key(item)
            occurrence = seen.get(name, 0)
            seen[name] = occurrence + 1
            slot = slots.setdefault((name, occurrence), len(columns))
            if slot == len(columns):
                columns.append([None] * len(rounds))
            columns[slot][number] = item
            order.append(slot)
        orders.append([] if order == sorted(order) else order)
    if columns:
        table[f"{kind}s"] = [encode(column) for column in columns]
    if any(orders):
        table[f"{kind}_order"] = orders


def _decode_kind(
    table: dict[str, Any],
    kind: str,
    number: int,
    decode: Callable[[dict[str, Any], int], Iterator[T | None]],
) -> Iterator[tuple[T, ...]]:
    entries = table.get(f"{kind}s")
    if not entries:
        return repeat((), number)
    columns = [tuple(decode(entry, number)) for entry in entries]
    rows = zip(*columns, strict=True)
    orders = array_of(table, f"{kind}_order", number, ())
    return (
        tuple(item for item in ([row[slot] for slot in order] if order else row) if item is not None)
        for row, order in zip(rows, orders, strict=False)
    )


def _unless(entry: dict[str, Any], name: str, values: list[Any], otherwise: Any) -> None:
    if values.count(otherwise) != len(values):
        entry[name] = values
