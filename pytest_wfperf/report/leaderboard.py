"""The variants of one workflow as a table, the best first."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from ..judged import Leaderboard, Standing
from .text import duration, printable

HEADERS = ("", "rank", "variant", "passed", "median", "cost", "as fast as")
LEGEND = "rank: rounds passed, then time; *: none beats it in these and cost together"


def leaderboard(board: Leaderboard, width: int) -> Iterator[str]:
    """The board's lines, cut at ``width``; a column that says nothing is left out."""
    yield ""
    yield f"variants of {printable(board.workflow)}"
    rows = [row(standing) for standing in board.standings]
    keep = [i for i in range(len(HEADERS)) if any(each[i] for each in rows)]
    kept = [[each[i] for i in keep] for each in rows]
    headers = [HEADERS[i] for i in keep]
    for line in (*tabulate(kept, headers, tablefmt="simple", disable_numparse=True).splitlines(), LEGEND):
        yield f"  {line if len(line) <= width - 2 else line[: width - 5] + '...'}".rstrip()


def row(standing: Standing) -> list[str]:
    """One variant, under ``HEADERS``."""
    cost = standing.cost
    return [
        "" if standing.beaten else "*",
        str(standing.rank),
        printable(standing.variant),
        f"{standing.passed}/{standing.rounds}",
        duration(standing.median_ns),
        printable(f"{cost.value:.6g} {cost.unit}".rstrip()) if cost else "",
        printable(", ".join(standing.tied)),
    ]
