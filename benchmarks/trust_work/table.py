"""The raw data as Markdown: shares with one-sided 95 % bounds after Clopper and Pearson, and what went wrong."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from statistics import median
from typing import Any

from trust_work.rows import ROWS, Row

from pytest_wfperf.estimate import clopper_pearson_lower, clopper_pearson_upper

Record = dict[str, Any]
PEER_LIMIT = 0.05
HEAD = (
    "row", "beside", "runs", "errors", "false alarms", "PASS", "caught", "right step", "another step blamed",
    "INCONCLUSIVE", "seconds", "launches", "could have caught", "pytest-benchmark median:5%", "its seconds", "bar",
)  # fmt: skip


def table(records: Iterable[Record]) -> str:
    groups: dict[tuple[str, bool], list[Record]] = defaultdict(list)
    for record in records:
        groups[record["row"], record["noise"]].append(record)
    order = [key for noise in (False, True) for name in ROWS if (key := (name, noise)) in groups]
    lines = [_line(HEAD), _line("---" for _ in HEAD)]
    lines += [_line(_cells(ROWS[name], groups[name, noise])) for name, noise in order]
    notes = [note for name, noise in order for note in _notes(ROWS[name], groups[name, noise])]
    return "\n".join([*lines, "", *_legend(groups), "", *notes])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(row: Row, runs: list[Record]) -> Iterator[str]:
    judged = [r for r in runs if r["outcome"] != "ERROR"]
    yield row.what
    yield "neighbour" if runs[0]["noise"] else "quiet"
    yield str(len(runs))
    yield str(len(runs) - len(judged)) if len(runs) > len(judged) else ""
    yield "" if row.changed else _at_most(_alarms(judged), len(judged))
    yield "" if row.changed else _at_least(_count(runs, "PASS"), len(runs))
    caught = [r for r in runs if r["outcome"] == "REGRESSED"]
    yield _at_least(len(caught), len(runs)) if row.changed else ""
    yield _at_least(sum(bool(r.get("right")) for r in caught), len(caught)) if row.changed else ""
    yield _at_most(sum(bool(_others(r)) for r in judged), len(judged)) if row.changed else ""
    yield _share(_count(runs, "INCONCLUSIVE"), len(runs))
    yield _median((r["seconds"] for r in judged), "{:.1f}")
    yield _median((r["launches"] for r in judged if "launches" in r), "{:.0f}")
    yield _could_have_caught(judged)
    yield _peer(row, runs)
    yield _median((r["peer"]["seconds"] for r in runs if "seconds" in r.get("peer", {})), "{:.1f}")
    yield row.bar


# --- cells ----------------------------------------------------------------------------


def _count(runs: list[Record], outcome: str) -> int:
    return sum(r["outcome"] == outcome for r in runs)


def _alarms(runs: list[Record]) -> int:
    """Runs that failed, or that called any gate REGRESSED."""
    return sum(r["outcome"] == "REGRESSED" or bool(r.get("flagged")) for r in runs)


def _others(record: Record) -> set[str]:
    """The steps flagged beside the slowed one; the whole workflow really is slower."""
    return set(record.get("flagged", ())) - {"", record["step"]}


def _share(number: int, total: int) -> str:
    return f"{number / total:.0%}" if total else ""


def _at_most(number: int, total: int) -> str:
    return f"{number} of {total} (≤ {clopper_pearson_upper(number, total):.1%})" if total else ""


def _at_least(number: int, total: int) -> str:
    return f"{number / total:.1%} of {total} (≥ {clopper_pearson_lower(number, total):.1%})" if total else ""


def _median(values: Iterable[float], form: str) -> str:
    found = list(values)
    return form.format(median(found)) if found else ""


def _could_have_caught(runs: list[Record]) -> str:
    """The medians over runs of the most and of the least sensitive gate."""
    edges: tuple[Callable[..., float], ...] = (min, max)
    gates = [[_or_infinite(e["could_have_caught"]) for e in r["effects"].values()] for r in runs if r.get("effects")]
    if not gates:
        return ""
    low, high = (median(edge(values) for values in gates) for edge in edges)
    return " – ".join("none" if math.isinf(value) else f"{value:.1%}" for value in (low, high))


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def _peer(row: Row, runs: list[Record]) -> str:
    """What a limit of 5 % on the median says of the same edits."""
    flagged = [
        (r["step"], {step for step, growth in r["peer"]["median"].items() if growth > PEER_LIMIT})
        for r in runs
        if "median" in r.get("peer", {})
    ]
    if not row.changed:
        return _at_most(sum(bool(steps) for _, steps in flagged), len(flagged))
    caught = _at_least(sum(step in steps for step, steps in flagged), len(flagged))
    others = sum(bool(steps - {step}) for step, steps in flagged)
    return f"{caught}, another blamed in {others}" if caught else ""


# --- beneath the table ----------------------------------------------------------------


def _legend(groups: dict[tuple[str, bool], list[Record]]) -> Iterator[str]:
    runs = [r for group in groups.values() for r in group]
    yield (
        "Shares with one-sided 95 % Clopper–Pearson bounds. A run that ended in an error is neither passed nor caught; "
        "false alarms are among runs that were judged. “Could have caught”: medians over runs of the most and of the "
        "least sensitive gate. The seconds of pytest-benchmark are those of both its sessions."
    )
    for what in ("build", "python", "arguments"):
        seen = Counter(str(r.get(what)) for r in runs)
        if len(seen) > 1:
            yield f"**Mixed {what}**: " + ", ".join(f"{name} ({n} runs)" for name, n in seen.items())


def _notes(row: Row, runs: list[Record]) -> Iterator[str]:
    """Everything that is not as hoped for, run by run or counted."""
    where = f"- {row.name}{', neighbour' if runs[0]['noise'] else ''}"
    for record in runs:
        edit = " ".join(filter(None, (record.get("edit"), record.get("step"))))
        if record["outcome"] == "ERROR":
            yield f"{where}: ERROR ({edit}): {essence(record['error'])}"
        if "error" in record.get("peer", {}):
            yield f"{where}: pytest-benchmark ERROR ({edit}): {essence(record['peer']['error'])}"
        if not row.changed and record.get("flagged"):
            yield f"{where}: false alarm ({edit}): " + _gates(record, record["flagged"])
        if row.changed and _others(record):
            yield f"{where}: blamed beside {edit}: " + _gates(record, sorted(_others(record)))
        if row.changed and record["outcome"] in ("PASS", "IMPROVED"):
            yield f"{where}: missed ({edit}): " + _gates(record, [record["step"]])
    if improved := _count(runs, "IMPROVED"):
        yield f"{where}: {improved} called IMPROVED"
    if hidden := sum(r["outcome"] == "PASS" and _open(r) for r in runs):
        yield f"{where}: {hidden} called PASS with a declared gate INCONCLUSIVE"
    if ages := [age for r in runs for age in r.get("ages_s", ())]:
        yield f"{where}: stored sessions were really {min(ages) / 60:.0f} to {max(ages) / 60:.0f} minutes old"


def essence(error: str) -> str:
    """The one line that says most: the last with “error” in it; the raw data has them all."""
    lines = error.strip().splitlines() or [""]
    return [*lines[-1:], *(line for line in lines[1:] if "error" in line.lower())][-1].strip()[:200]


def _gates(record: Record, paths: Iterable[str]) -> str:
    effects = record.get("effects", {})
    return ", ".join(f"{path or 'the whole'} {effects[path]['change']:+.1%}" for path in paths if path in effects)


def _open(record: Record) -> bool:
    return any(e["verdict"] == "INCONCLUSIVE" and not e["automatic"] for e in record.get("effects", {}).values())
