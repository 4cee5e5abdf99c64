"""A table of the page: text in cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NUMBER = r"(≥ )?[-+]?\d[\d./e+-]*( ?(%|x|ns|µs|ms|s|min|B|KiB|MiB|GiB))?"
_FIGURE = re.compile(rf"{_NUMBER}( to {_NUMBER})?|-|none|new|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headers; ``marked`` are the numbers of the rows to highlight.

    ``figures`` are the numbers of the columns that hold nothing but figures, counted from 1.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: frozenset[int] = frozenset()
    figures: tuple[int, ...] = ()
    note: str = ""


def table(
    title: str, headers: Iterable[str], rows: Sequence[Sequence[str]], *, marked: Iterable[int] = (), note: str = ""
) -> Table:
    """A table without the columns in which no row says anything."""
    heads = [head.replace("\n", " ") for head in headers]
    keep = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    return Table(
        title=title,
        headers=tuple(heads[i] for i in keep),
        rows=tuple(tuple(row[i] for i in keep) for row in rows),
        marked=frozenset(marked),
        figures=tuple(n for n, i in enumerate(keep, 1) if n > 1 and all(_FIGURE.fullmatch(row[i]) for row in rows)),
        note=note,
    )
