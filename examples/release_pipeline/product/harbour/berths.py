"""Which ship lies where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """A ship that wants to lie from one hour to another."""

    ship: str
    arrives: float
    leaves: float


def plan(calls: list[Call]) -> dict[str, int]:
    """A berth for every ship, as few berths as possible: first come, first free.

    >>> plan([Call("a", 0, 5), Call("b", 1, 3), Call("c", 3, 4)])
    {'a': 0, 'b': 1, 'c': 1}
    """
    free_from: list[float] = []
    berths = {}
    for call in sorted(calls, key=lambda each: (each.arrives, each.ship)):
        berth = next((i for i, hour in enumerate(free_from) if hour <= call.arrives), len(free_from))
        free_from[berth : berth + 1] = [call.leaves]
        berths[call.ship] = berth
    return berths
