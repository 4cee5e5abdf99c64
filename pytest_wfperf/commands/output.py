"""What every subcommand prints by."""

# ruff: noqa: T201

from __future__ import annotations

import json
from typing import Any

from ..report.text import duration, printable

RIGHT = frozenset(["sessions", "workflows", "rounds", "launches", "median_ns", "p95_ns", "own_ns", "size"])


def print_table(columns: dict[str, str], rows: list[dict[str, Any]]) -> None:
    """Print one table; ``columns`` are the rows' keys by heading."""
    from tabulate import tabulate  # noqa: PLC0415 - not needed for --json

    if not rows:
        return
    cells = [[_cell(column, row[column]) for column in columns.values()] for row in rows]
    alignment = ["right" if column in RIGHT else "left" for column in columns.values()]
    print(tabulate(cells, list(columns), tablefmt="simple", disable_numparse=True, colalign=alignment), end="\n\n")


def _cell(column: str, value: Any) -> str:
    if column.endswith("_ns"):
        return "" if value is None else duration(value)
    return printable(str(value))


def print_json(data: Any) -> None:
    print(json.dumps(data, indent=2))
