r"""One line of policy, ``step:render p95 < 200ms``, read the same wherever it was written.

::

    threshold := [subject] quantity op value
    subject   := step:NAME | metric:NAME | gate:NAME | cache:NAME | load:N[/NAME]     nothing: the whole workflow
    NAME      := part{/part}      a part is bare or in quotes: render, load/"two words", 'a \' inside'
    quantity  := min | median | mean | p50 … p99.9 | max | total | share | memory | cpu
               | regression | speedup | reduction | pass_rate | hit_rate | value | per_pass
               | failures | throughput | inflation
    op        := < | <= | > | >= | ==
    value     := number[unit]     ns us ms s min · B KB KiB MB MiB GB GiB · % · x · plain

``load:3`` is three replicas at once, ``load:3/parse`` a step inside them. Their ``throughput`` is in calls a
second, their times are latencies, ``inflation`` is how many times longer it takes than one replica alone.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from ..errors import ConfigError

_OPS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One parsed threshold.

    ``text`` is its normal form, which parses to the same threshold. ``subject`` is ``workflow``, ``step``,
    ``metric``, ``gate``, ``cache`` or ``load``; ``name`` the step's path, the recorded name or the number of
    replicas (with a step's path after it, ``3/parse``), empty for a workflow.
    ``percentile`` is 95.0 for the quantity ``p95``, else None. ``value`` is in the base unit of the dimension
    ``unit``: ``time`` (ns), ``bytes``, ``fraction`` (95 % is 0.95), ``factor`` (every speedup and inflation, with
    or without its ``x``) or ``plain``. ``source`` says where it was written.
    """

    text: str
    subject: str
    name: str
    quantity: str
    percentile: float | None
    op: str
    value: float
    unit: str
    source: str

    @property
    def relative(self) -> bool:
        """Whether it needs a baseline."""
        return self.quantity in ("regression", "speedup", "reduction")

    def holds(self, actual: float) -> bool:
        """Whether ``actual``, in the base unit, is on the right side. NaN never is."""
        return _OPS[self.op](actual, self.value)


# --- what may stand together ----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a quantity is compared with: dimensions, operators, and a range in base units, ``low`` to ``high``.

    ``wanted`` and ``range_text`` complete "expected …" and "has to be …".
    """

    units: tuple[str, ...]
    ops: tuple[str, ...]
    wanted: str
    low: float = 0.0
    low_included: bool = True
    high: float = math.inf
    range_text: str = "0 or more"

    def allows(self, value: float) -> bool:
        return self.low <= value <= self.high and (self.low_included or value != self.low)


_LESS, _MORE = ("<", "<="), (">", ">=")
_ANY_SIZE = ("time", "bytes", "fraction", "factor", "plain")


def _share(ops: tuple[str, ...]) -> _Kind:
    return _Kind(
        units=("fraction",), ops=ops, wanted="a percentage, such as 95%", high=1.0, range_text="between 0% and 100%"
    )


_TIME = _Kind(units=("time",), ops=_LESS + _MORE, wanted="a time, such as 200ms")
_NUMBER = _Kind(units=_ANY_SIZE, ops=tuple(_OPS), wanted="a number", low=-math.inf)
_MEMORY = _Kind(units=("bytes",), ops=_LESS + _MORE, wanted="a size, such as 64MiB")
_CPU = _Kind(
    units=("time", "fraction"), ops=_LESS + _MORE, wanted="CPU time per round (20ms) or a part of wall time (80%)"
)
_GROWTH = _Kind(
    units=("fraction",), ops=_LESS, wanted="a percentage, such as 5%", low_included=False, range_text="above 0%"
)
_SPEEDUP = _Kind(
    units=("factor",), ops=_MORE, wanted="a factor, such as 1.33", low_included=False, range_text="above 0"
)

_INFLATION = _Kind(
    units=("factor",), ops=_LESS, wanted="a factor, such as 1.3", low_included=False, range_text="above 0"
)
_FAILURES = _Kind(units=("plain", "fraction"), ops=(*_LESS, "=="), wanted="a number of calls or a part of them (1%)")
_THROUGHPUT = _Kind(units=("plain",), ops=_MORE, wanted="a number of calls a second, such as 10")

_PERCENTILE_KEY = "p50 … p99.9"
_STATISTICS = ("min", "median", "mean", _PERCENTILE_KEY, "max", "total")
_COSTS = {"memory": _MEMORY, "cpu": _CPU, "regression": _GROWTH, "speedup": _SPEEDUP, "reduction": _share(_MORE)}
_RATE = _share((*_MORE, "=="))

_QUANTITIES: Mapping[str, Mapping[str, _Kind]] = {
    "workflow": {**dict.fromkeys(_STATISTICS, _TIME), **_COSTS, "pass_rate": _RATE},
    "step": {**dict.fromkeys(_STATISTICS, _TIME), "share": _share(_LESS + _MORE), **_COSTS},
    "metric": {
        **dict.fromkeys((*_STATISTICS, "value", "per_pass"), _NUMBER),
        "share": _share(_LESS + _MORE),
        "regression": _GROWTH,
        "reduction": _share(_MORE),
    },
    "gate": {"pass_rate": _RATE},
    "cache": {"hit_rate": _RATE},
    "load": {
        **dict.fromkeys(("min", "median", _PERCENTILE_KEY, "max"), _TIME),
        "failures": _FAILURES,
        "throughput": _THROUGHPUT,
        "inflation": _INFLATION,
    },
    "load's step": {"inflation": _INFLATION},
}
_SUBJECTS = tuple(subject for subject in _QUANTITIES if subject not in ("workflow", "load's step"))

_UNITS: Mapping[str, tuple[str, float]] = {
    "ns": ("time", 1),
    "us": ("time", 1e3),
    "µs": ("time", 1e3),
    "ms": ("time", 1e6),
    "s": ("time", 1e9),
    "min": ("time", 60e9),
    "B": ("bytes", 1),
    "KB": ("bytes", 1e3),
    "KiB": ("bytes", 2**10),
    "MB": ("bytes", 1e6),
    "MiB": ("bytes", 2**20),
    "GB": ("bytes", 1e9),
    "GiB": ("bytes", 2**30),
    "%": ("fraction", 100),
    "x": ("factor", 1),
    "": ("plain", 1),
}
_MEANT = dict(
    [("=<", "<="), ("=>", ">="), ("≤", "<="), ("≥", ">="), ("=", "=="), ("<<", "<"), (">>", ">")]
    + [(word, "s") for word in ("sec", "secs", "second", "seconds")]
    + [("msec", "ms"), ("m", "min"), ("minutes", "min")]
    + [("K", "KB"), ("M", "MB"), ("G", "GB"), ("percent", "%"), ("times", "x")]
)

_PART = r"""[^\s"'\\<>=/]+"""
_BARE_PART, _BARE_NAME = re.compile(_PART), re.compile(f"{_PART}(?:/{_PART})*")
_WORD = re.compile(r"[^\W\d][\w.\-]*")
_COUNT = re.compile(r"[1-9][0-9]*")
_SUBJECT = re.compile(r"([^\W\d]\w*):")
_PERCENTILE = re.compile(r"p([0-9]+(?:\.[0-9]+)?)")
_OP = re.compile(r"[<>=!≤≥≠~]+")
_NUMBER_TEXT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_UNIT = re.compile(r"%|[^\W\d_]+")


# --- reading --------------------------------------------------------------------------


def parse(text: str, source: str) -> Threshold:
    """Read one threshold; ``source`` is named in the error and kept.

    Raises ConfigError, whose message shows the text with a caret under the position that is wrong.
    """
    return _Reader(text, source).threshold()


class _Reader:
    """A position in one text, moving right."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        self.position = 0

    def threshold(self) -> Threshold:
        subject, name = self._subject()
        quantity, percentile, kind = self._quantity("load's step" if subject == "load" and "/" in name else subject)
        op = self._op(quantity, kind)
        number, unit, value, dimension = self._value(quantity, kind)
        self._end()
        written = f"{quantity} {op} {number}{unit}"
        return Threshold(
            text=written if subject == "workflow" else f"{subject}:{_written_name(subject, name)} {written}",
            subject=subject,
            name=name,
            quantity=quantity,
            percentile=percentile,
            op=op,
            value=value,
            unit=dimension,
            source=self.source,
        )

    def _subject(self) -> tuple[str, str]:
        start = self._skip()
        found = self._take(_SUBJECT)
        if found is None:
            return "workflow", ""
        subject = found[:-1]
        if subject not in _SUBJECTS:
            known = [f"{each}:" for each in _SUBJECTS]
            raise self._wrong(start, f"expected {_alternatives(known)}", near=(found, known))
        named_at = self.position
        parts = [self._name_part(subject)]
        if subject == "load" and _COUNT.fullmatch(parts[0]) is None:
            raise self._wrong(named_at, "expected how many replicas at once, as in load:3")
        while self.text.startswith("/", self.position):
            self.position += 1
            parts.append(self._name_part(subject))
        return subject, "/".join(parts)

    def _name_part(self, subject: str) -> str:
        if self.text[self.position : self.position + 1] in ('"', "'"):
            return self._quoted()
        part = self._take(_BARE_PART)
        if part is None:
            raise self._wrong(self.position, f"expected the name of a {subject}, in quotes if it has spaces")
        self._printable(self.position - len(part), part)
        return part

    def _quoted(self) -> str:
        start = self.position
        quote = self.text[start]
        characters: list[str] = []
        at = start + 1
        while at < len(self.text) and self.text[at] != quote:
            if self.text[at] == "\\":
                at += 1
                if self.text[at : at + 1] not in ("\\", '"', "'"):
                    raise self._wrong(at - 1, r"""expected \\, \" or \' : a backslash in quotes is written twice""")
            self._printable(at, self.text[at])
            characters.append(self.text[at])
            at += 1
        if at >= len(self.text):
            raise self._wrong(start, f"expected a closing {quote} for this one")
        if not characters:
            raise self._wrong(start, "expected a name between the quotes")
        self.position = at + 1
        return "".join(characters)

    def _printable(self, start: int, part: str) -> None:
        for offset, character in enumerate(part):
            if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
                raise self._wrong(start + offset, f"expected a printable name, not the character {character!a}")

    def _quantity(self, subject: str) -> tuple[str, float | None, _Kind]:
        start = self._skip()
        word = (self._take(_WORD) or "").rstrip(".-")
        self.position = start + len(word)
        allowed = _QUANTITIES[subject]
        known = ", ".join(allowed)
        if not word:
            raise self._wrong(start, f"expected a quantity of a {subject}: {known}")
        percentile = self._percentile(start, word)
        key = word if percentile is None else _PERCENTILE_KEY
        if percentile is not None:
            word = f"p{percentile:g}"
        if key in allowed:
            return word, percentile, allowed[key]
        owners = [f"a {other}" for other, quantities in _QUANTITIES.items() if key in quantities]
        if owners:
            raise self._wrong(start, f"{word} belongs to {_alternatives(owners)}; a {subject} has {known}")
        candidates = [*chain.from_iterable(_QUANTITIES.values()), "p50", "p90", "p95", "p99", "p99.9"]
        if subject == "workflow":
            candidates += [f"{each}:" for each in _SUBJECTS]
        raise self._wrong(start, f"expected a quantity of a {subject}: {known}", near=(word, candidates))

    def _percentile(self, start: int, word: str) -> float | None:
        match = _PERCENTILE.fullmatch(word)
        if match is None:
            return None
        percent = float(match[1])
        if not 50 <= percent <= 99.9 or len(match[1].partition(".")[2].rstrip("0")) > 1:
            raise self._wrong(start, "expected a percentile from p50 to p99.9, with at most one decimal")
        return percent

    def _op(self, quantity: str, kind: _Kind) -> str:
        start = self._skip()
        op = self._take(_OP)
        allowed = _alternatives(kind.ops)
        if op is None:
            raise self._wrong(start, f"expected {allowed}")
        if op not in _OPS:
            raise self._wrong(start, f"expected {allowed}", near=(op, kind.ops))
        if op not in kind.ops:
            raise self._wrong(start, f"{quantity} is compared with {allowed}, not with {op}")
        return op

    def _value(self, quantity: str, kind: _Kind) -> tuple[str, str, float, str]:
        start = self._skip()
        number = self._take(_NUMBER_TEXT)
        if number is None:
            raise self._wrong(start, f"expected {kind.wanted}")
        after_number = self.position
        unit_start = self._skip()
        unit = (self._take(_UNIT) or "").replace("\u03bc", "\u00b5")
        if unit not in _UNITS:
            units = [each for each, (dimension, _) in _UNITS.items() if each and dimension in kind.units]
            raise self._wrong(unit_start, f"expected {_alternatives(units)}", near=(unit, units))
        dimension, size = _UNITS[unit]
        if not unit:
            self.position = after_number
            dimension = "factor" if kind.units == ("factor",) else "plain"
        if dimension not in kind.units:
            raise self._wrong_unit(unit_start if unit else after_number, quantity, kind, number, unit)
        value = float(number) / size if unit == "%" else float(number) * size
        if not math.isfinite(value):
            raise self._wrong(start, "expected a smaller number: this one cannot be held")
        if not kind.allows(value):
            raise self._wrong(start, f"{quantity} has to be {kind.range_text}")
        return number, unit, value, dimension

    def _wrong_unit(self, at: int, quantity: str, kind: _Kind, number: str, unit: str) -> ConfigError:
        if unit:
            return self._wrong(at, f"{quantity} needs {kind.wanted}")
        likely = {"time": "ms", "bytes": "MiB", "fraction": "%"}
        written = _alternatives(f"{number}{likely[dimension]}" for dimension in kind.units)
        return self._wrong(at, f"{quantity} needs a unit: write {written}")

    def _end(self) -> None:
        at = self._skip()
        if at < len(self.text):
            raise self._wrong(at, "expected the end: one string holds one threshold")

    # --- moving and failing ---

    def _skip(self) -> int:
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.position

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[0]

    def _wrong(self, at: int, expected: str, near: tuple[str, Iterable[str]] = ("", ())) -> ConfigError:
        """The error that points at position ``at``; ``near`` is the word found and what may have been meant."""
        line = "".join(map(_shown, self.text))
        caret = " " * sum(map(_width, line[:at])) + "^"
        guess = _nearest(*near)
        question = f"; did you mean {guess!r}?" if guess else ""
        return ConfigError(f"{self.source}: bad threshold\n  {line}\n  {caret}\n{expected}{question}")


def _written_name(subject: str, name: str) -> str:
    if subject == "load" and "/" in name:  # its number of replicas is never in quotes
        replicas, _, step = name.partition("/")
        return f"{replicas}/{_written_name('step', step)}"
    if _BARE_NAME.fullmatch(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _alternatives(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _nearest(word: str, candidates: Iterable[str]) -> str | None:
    names = list(candidates)
    if _MEANT.get(word) in names:
        return _MEANT[word]
    by_lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def _shown(character: str) -> str:
    """The character as one that keeps to its place on one line."""
    if character.isspace():
        return " "
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cs") else character


def _width(character: str) -> int:
    """Terminal columns. Source: Unicode Standard Annex 11 (wide and fullwidth take two)."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
