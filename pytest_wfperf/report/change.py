"""What became of a workflow's time between two runs, in parts that add up to it, as a text to read and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .text import change, duration, plural, printable

if TYPE_CHECKING:
    from ..analyse.attribution import Part, RunChange

MOST = 10
TELLING = 0.005  # of the baseline's time
_WORK = {"work": "work of", "queueing": "queueing before", "retries": "retries of"}
_ELSE = {"gaps": "gaps between steps", "path": "another path taking over", "rest": "after the last step"}


def render(workflow: str, found: RunChange) -> list[str]:
    """The change of the whole, then its parts, the weightiest first."""
    relative = found.change_ns / found.baseline_ns if found.baseline_ns else 0.0
    both = f"{duration(found.baseline_ns)} → {duration(found.current_ns)}"
    lines = [f"{printable(workflow)}: {both} ({change(relative)}), by the fastest quarter of the rounds"]
    told = [part for part in found.parts if abs(part.change_ns) >= TELLING * found.baseline_ns][:MOST]
    lines += [f"  {_part(part, found.baseline_ns)}" for part in told]
    left_ns = found.change_ns - sum(part.change_ns for part in told)
    if len(told) < len(found.parts):
        lines.append(f"  {_signed(left_ns):>12}  {plural(len(found.parts) - len(told), 'lesser part')} together")
    return [*lines, *_misses(found)]


def as_json(workflow: str, found: RunChange) -> dict[str, Any]:
    """The change as builtins. Keys are only ever added."""
    return {"workflow": workflow, "change_ns": found.change_ns, **asdict(found)}


def _part(part: Part, baseline_ns: float) -> str:
    what = (
        f"{_WORK[part.kind]} {printable(part.path)}" if part.kind in _WORK and part.path else _ELSE.get(part.kind, "")
    )
    return f"{_signed(part.change_ns):>12}  {what or 'time outside all steps'} ({change(part.change_ns / baseline_ns)})"


def _signed(ns: float) -> str:
    return f"{'-' if ns < 0 else '+'}{duration(abs(ns))}"


def _misses(found: RunChange) -> Iterator[str]:
    for name, before, now in found.misses:
        yield f"  misses of cache {printable(name)}: {before:g} → {now:g} a round"
