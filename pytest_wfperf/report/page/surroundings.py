"""Where a workflow was measured and under which conditions, beside what it was held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...model import Profile
from .table import Table, table

MOST_VALUES = 3  # told of one name
HEADERS = ("name", "kind", "this run", "held against")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrounding:
    """One of them: its ``kind`` is ``fact`` (times are comparable only where it matches), ``note`` or ``condition``.

    ``there`` is None where nothing was held against, a side is empty where it does not know the name.
    """

    kind: str
    name: str
    here: str
    there: str | None

    @property
    def differs(self) -> bool:
        return self.there is not None and self.here != self.there


Surroundings = tuple[Surrounding, ...]


def surroundings(profile: Profile, before: Sequence[Profile]) -> Surroundings:
    """Facts, then conditions, then notes, each in alphabetical order."""
    here, there = _pairs([profile]), _pairs(before)
    names = sorted(here.keys() | there.keys(), key=lambda pair: ("fact condition note".index(pair[0]), pair[1]))
    return tuple(
        Surrounding(
            kind=kind,
            name=name,
            here=_told(here.get((kind, name), [])),
            there=_told(there.get((kind, name), [])) if before else None,
        )
        for kind, name in names
    )


def as_table(title: str, rows: Iterable[Surrounding]) -> Table:
    """What there is of them, with what differs highlighted."""
    told = list(rows)
    cells = [
        [one.name, one.kind, one.here or "unknown", "" if one.there is None else one.there or "unknown"] for one in told
    ]
    return table(title, HEADERS, cells, marked=[i for i, one in enumerate(told) if one.differs])


def _pairs(profiles: Sequence[Profile]) -> dict[tuple[str, str], list[str]]:
    """By kind and name the values there were, each once."""
    found: dict[tuple[str, str], list[str]] = {}
    for profile in profiles:
        for kind, pairs in (
            ("fact", profile.environment.facts),
            ("note", profile.environment.notes),
            *(("condition", launch.conditions) for launch in profile.launches),
        ):
            for name, value in pairs:
                values = found.setdefault((kind, name), [])
                if value not in values:
                    values.append(value)
    return found


def _told(values: Sequence[str]) -> str:
    more = len(values) - MOST_VALUES
    return " · ".join(sorted(values)[:MOST_VALUES]) + (f" · {more} more" if more > 0 else "")
