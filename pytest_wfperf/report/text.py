"""Numbers and foreign text as a reader should see them: the one place where ns become text."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

_UNITS = ((1, "ns"), (10**3, "µs"), (10**6, "ms"), (10**9, "s"), (60 * 10**9, "min"))
_CELLS, _BLOCKS = 33, "▁▂▃▄▅▆▇█"
_FLAT = 1.2  # levels that lie closer than this factor do not fill a sparkline's height
FACTOR_FROM = 2.0  # a change of +200 % reads better as 3x
_COMMAND = re.compile(r"\A(\s*)(:)(?=:)|(#)(?=#\[)")  # GitHub's runner takes what a job prints so for a command
_UNPRINTABLE = frozenset(["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])


def duration(ns: float) -> str:
    """``ns`` in the unit it reads best in, with at most four significant digits: ``212 ms``."""
    for (size, unit), (larger, _) in pairwise(_UNITS):
        if abs(ns) < larger and float(f"{abs(ns) / size:.4g}") * size < larger:
            return f"{_four_digits(ns / size)} {unit}"
    return f"{_four_digits(ns / 60e9)} min"


def age(seconds: float) -> str:
    """``14 minutes``: whole units of the largest that fits."""
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return plural(int(seconds // size), unit)
    return plural(int(seconds), "second")


def printable(text: str) -> str:
    """``text`` with everything that could steer a terminal or a CI job (controls, bidi marks, …) as visible escapes."""
    if "::" in text or "##[" in text:
        text = _COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[2] or found[3]):02x}", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _UNPRINTABLE else c for c in text
    )


def _four_digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def share(fraction: float) -> str:
    """A fraction in percent: ``4.2 %``."""
    percent = 100 * fraction
    whole = abs(percent) >= 10 or round(percent, 1) == round(percent)
    return f"{percent:.0f} %" if whole else f"{percent:.1f} %"


def change(fraction: float, *, as_factor: bool = False) -> str:
    """A relative change, signed: ``+4.2 %``; from three times on, or where asked for, as a factor: ``3.4x``."""
    if as_factor or fraction >= FACTOR_FROM:
        return f"{1 + fraction:.3g}x"
    shown = share(abs(fraction))
    return f"{'-' if fraction < 0 and shown != share(0) else '+'}{shown}"


def caught(fraction: float | None) -> str:
    """The smallest slowdown that would have been caught: ``>= 18 %``, ``>= 3.4x``."""
    if fraction is None:
        return "none"
    return f">= {1 + fraction:.2g}x" if fraction >= FACTOR_FROM else f">= {share(fraction)}"


def strip(ratios: Sequence[float], limit: float) -> str:
    """Changes launch by launch as a plot, with marks at no change and at the limit: ``-1.2 % ··│·▂█▄·┊ +6.1 %``."""
    changes = [ratio - 1 for ratio in ratios]
    low, high = min([0.0, *changes]), max([limit, *changes])
    places = [round((_CELLS - 1) * (value - low) / (high - low)) for value in changes]
    cells = ["·"] * _CELLS
    cells[round((_CELLS - 1) * (0 - low) / (high - low))] = "│"
    cells[round((_CELLS - 1) * (limit - low) / (high - low))] = "┊"
    most = max(places.count(place) for place in places)
    for place in set(places):
        cells[place] = _BLOCKS[(len(_BLOCKS) - 1) * places.count(place) // most]
    return f"{change(low)} {''.join(cells)} {change(high)}"


def spark(levels: Sequence[float]) -> str:
    """Levels as blocks on a logarithmic scale, one each: ``▁▁▂▁▅▅``; a few percent stay low."""
    logs = [math.log(level) for level in levels]
    low = min(logs, default=0.0)
    height = max(max(logs, default=0.0) - low, math.log(_FLAT))
    return "".join(_BLOCKS[round((len(_BLOCKS) - 1) * (value - low) / height)] for value in logs)


def amount(value: float | None, unit: str) -> str:
    """A threshold's quantity in its base unit (``time`` in ns, ``bytes``, ``fraction``, ``factor``, ``plain``)."""
    if value is None:
        return "-"
    match unit:
        case "time":
            return duration(value)
        case "bytes":
            return size(value)
        case "fraction":
            return share(value)
        case "factor":
            return f"{value:.3g}x"
        case _:
            return f"{value:.6g}"


def size(number: float) -> str:
    """Bytes in the binary unit they read best in: ``12.5 MiB``."""
    for unit in ("B", "KiB", "MiB"):
        if abs(number) < 1024:
            return f"{_four_digits(number)} {unit}"
        number /= 1024
    return f"{_four_digits(number)} GiB"


def plural(count: int, noun: str) -> str:
    """``1 workflow``, ``2 workflows``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('ch') else 's'}"


def proof(rounds: int) -> str:
    """How many rounds would prove a pass rate; none can prove that nothing ever fails."""
    return f"{rounds} rounds would" if rounds else "no number of rounds would"
