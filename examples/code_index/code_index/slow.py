"""A switch that makes one step of the examples slower: ``CODE_INDEX_SLOW=extract=2`` has it do its work twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

VARIABLE = "CODE_INDEX_SLOW"
STEPS = (
    "discover", "digest", "parse", "parse/decode", "parse/tokenise", "parse/ast", "extract", "store", "query",
)  # fmt: skip


def factors(text: str) -> dict[str, int]:
    """Read ``step=factor``, or several of them with commas between. Raises ValueError."""
    found = {}
    for part in filter(None, text.split(",")):
        step, _, factor = part.strip().partition("=")
        if step not in STEPS or not factor.isdecimal() or int(factor) < 1:
            raise ValueError(
                f"{VARIABLE}: {part.strip()!r} is not step=factor with a whole factor and one of these steps: "
                + ", ".join(STEPS)
            )
        found[step] = int(factor)
    return found


_FACTORS = factors(os.environ.get(VARIABLE, ""))


def work(step: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call the function once, or as often as the switch asks for this step; the last result counts."""
    for _ in range(_FACTORS.get(step, 1) - 1):
        function(*args, **kwargs)
    return function(*args, **kwargs)
