"""A text that may not grow beyond so many bytes: blocks go in whole, and what does not is counted."""

from __future__ import annotations

from collections.abc import Iterable

from .text import plural

GIVEN_UP = 8  # blocks in a row that did not fit: the rest is not even tried
KEPT = 256  # bytes kept from the start for every section, to say what it leaves out


class Room:
    """What there is of a text, and how many bytes (of UTF-8) it may still grow by; ``sections`` are still to come."""

    def __init__(self, limit: int, sections: int) -> None:
        self._blocks: list[str] = []
        self._left = limit - sections * KEPT

    @property
    def text(self) -> str:
        return "".join(self._blocks)

    def add(self, block: str) -> bool:
        """Add the block if there is room for it."""
        size = len(block.encode())
        if size > self._left:
            return False
        self._left -= size
        self._blocks.append(block)
        return True

    def section(self, opening: str, count: int, blocks: Iterable[str], share: float, rest: str) -> None:
        """Add one section: ``opening``, and of the ``count`` blocks as many as fit into this share of what is left.

        They are asked for one by one, and no longer than they fit. ``rest`` is what one that is left out is called.
        """
        taken = Room(int(self._left * share) - 1, 0)
        held = missed = 0
        if count and taken.add(opening):
            for block in blocks:
                fits = taken.add(block)
                held, missed = held + fits, 0 if fits else missed + 1
                if missed == GIVEN_UP:
                    break
        if held:
            self.add(taken.text if taken.text.endswith("\n\n") else f"{taken.text}\n")
        self._left += KEPT
        if held < count:
            self.add(f"{plural(count - held, rest)} left out, as there is no room\n\n")
