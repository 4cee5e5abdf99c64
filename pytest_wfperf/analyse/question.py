r"""What-if questions as a user types them.

::

    questions := question {";" question}
    question  := NAME "=" number "x"               so many times what it takes
               | NAME "=" time                     this instead of what it takes
               | NAME "=" ("+" | "-") time         so much longer, or shorter
               | NAME "," NAME {"," NAME} "at once"
               | (number | "unlimited") "workers"
    NAME      := part{/part}       a part is bare or in quotes: render, load/"two words", 'a \' inside'
    time      := number unit       ns us ms s min
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ..errors import ConfigError

_UNITS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9}
_BARE = re.compile(r"""[^\s"'\\=,;/]+""")
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]*)?|\.[0-9]+")
_UNIT = re.compile(r"%|[^\W\d_]+")
_WORKERS = re.compile(r"([0-9]{1,6}|unlimited)\s+workers?(?=\s*(?:;|$))")
_AT_ONCE = re.compile(r"at\s+once\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Another time for one step: ``factor`` times what it takes over all its entries in a round, and ``plus_ns``."""

    path: str
    factor: float
    plus_ns: float = 0.0

    def of(self, total_ns: float) -> float:
        """The step's new time where it took ``total_ns``; never below 0."""
        return max(0.0, total_ns * self.factor + self.plus_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked together. ``together`` are groups of paths that run at once.

    ``workers`` is how many steps run at the same time at most (infinity: as many as can), None where
    nothing is asked about it.
    """

    text: str
    changes: tuple[Change, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    workers: float | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every step that is named."""
        names = [change.path for change in self.changes] + [path for group in self.together for path in group]
        return tuple(dict.fromkeys(names))


def parse(text: str, source: str = "what-if") -> Questions:
    """Read questions, one or several with ``;`` between them; ``source`` is named in the error.

    Raises ConfigError, which says where in the text something else was expected.
    """
    return _Reader(text, source).questions()


class _Reader:
    """A position in one text, moving right."""

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source
        self.position = 0
        self.changes: dict[str, Change] = {}
        self.together: list[tuple[str, ...]] = []
        self.workers: float | None = None

    def questions(self) -> Questions:
        self._question()
        while self._takes(";"):
            self._question()
        if self._skip() < len(self.text):
            raise self._wrong("expected the end, or ; and another question")
        return Questions(
            text=" ".join(self.text.split()),
            changes=tuple(self.changes.values()),
            together=tuple(self.together),
            workers=self.workers,
        )

    def _question(self) -> None:
        if (found := self._take(_WORKERS)) is not None:
            self._limit(found)
            return
        names = [self._name()]
        while self._takes(","):
            names.append(self._name())
        if self._take(_AT_ONCE) is not None:
            if len(set(names)) < 2:
                raise self._wrong("at once takes two steps or more: a,b at once")
            self.together.append(tuple(dict.fromkeys(names)))
        elif len(names) > 1:
            raise self._wrong("expected , and another step, or: at once")
        elif self._takes("="):
            if names[0] in self.changes:
                raise self._wrong(f"{names[0]} is changed twice")
            self.changes[names[0]] = self._change(names[0])
        else:
            raise self._wrong("expected = after the step's name, as in parse=0.5x (or: a,b at once; 4 workers)")

    def _limit(self, found: re.Match[str]) -> None:
        if self.workers is not None:
            raise self._wrong("the number of workers is asked twice")
        self.workers = math.inf if found[1] == "unlimited" else int(found[1])
        if self.workers < 1:
            raise self._wrong("it takes 1 worker at least")

    def _name(self) -> str:
        parts = [self._part()]
        while self.text.startswith("/", self.position):
            self.position += 1
            parts.append(self._part())
        return "/".join(parts)

    def _part(self) -> str:
        if (quoted := self._take(_QUOTED)) is not None:
            part = re.sub(r"\\(.)", r"\1", quoted[1] or quoted[2] or "")
        elif (bare := self._take(_BARE)) is not None:
            part = bare[0]
        else:
            part = ""
        if not part:
            raise self._wrong("expected the name of a step, in quotes if it has spaces")
        return part

    def _change(self, path: str) -> Change:
        sign = "+" if self._takes("+") else "-" if self._takes("-") else ""
        number = self._take(_NUMBER)
        if number is None:
            raise self._wrong("expected a factor such as 0.5x, or a time such as 20ms, +20ms or -20ms")
        unit = self._take(_UNIT)
        value, name = float(number[0]), "" if unit is None else unit[0].replace("\u03bc", "µ")
        if name == "x" and not sign:
            return Change(path=path, factor=value)
        if name not in _UNITS:
            units = ", ".join(_UNITS if sign else ["x", *_UNITS])
            percent = f"; {value:g} % is {value / 100:g}x" if name == "%" and not sign else ""
            raise self._wrong(f"expected one of {units} after {sign}{number[0]}{percent}")
        time_ns = value * _UNITS[name]
        if not sign:
            return Change(path=path, factor=0.0, plus_ns=time_ns)
        return Change(path=path, factor=1.0, plus_ns=time_ns if sign == "+" else -time_ns)

    # --- moving and failing ---

    def _skip(self) -> int:
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.position

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self._skip())
        if found is not None:
            self.position = found.end()
        return found

    def _takes(self, character: str) -> bool:
        found = self.text.startswith(character, self._skip())
        self.position += found
        return found

    def _wrong(self, expected: str) -> ConfigError:
        rest = self.text[self.position :]
        where = f"before {rest!r}" if rest.strip() else "at its end"
        return ConfigError(f"{self.source}: cannot read {self.text!r}, {where}: {expected}")
