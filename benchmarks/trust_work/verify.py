"""Whether the edits do what they say: true slowdowns of the stated size, null changes that change nothing."""

from __future__ import annotations

import importlib
import random
import sys
import time
from collections.abc import Callable
from statistics import quantiles

from trust_work.edits import EDITED, LONG_STEPS, NULL_CHANGES, STEPS, TEMPLATE, UNITS, null_change, template
from trust_work.project import committed

TOLERANCE = 0.005
SECONDS, LONG_SECONDS = 12.0, 60.0
SEEDS = 3


def verify() -> bool:
    sound = all([_null_changes(), _workflows_last(), _slowdowns()])
    print("all as stated" if sound else "NOT as stated")
    return sound


def _null_changes() -> bool:
    """``null_change`` itself sees to it that every module differs and compiles."""
    sound = True
    for name in NULL_CHANGES:
        same = True
        for seed in range(SEEDS):
            with committed() as project:
                before = project.outputs()
                project.edit(null_change(template(), name, seed))
                same &= project.outputs() == before
        sound &= same
        print(f"null change {name!r} in {len(EDITED)} modules, {SEEDS} seeds: {'same' if same else 'OTHER'} outputs")
    return sound


def _workflows_last() -> bool:
    steps = _steps()
    short, long = (sum(min(_seconds(steps[name]) for _ in range(2)) for name in names) for names in (STEPS, LONG_STEPS))
    print(f"a round takes {short * 1e3:.1f} ms, of the long workflow {long:.2f} s")
    return long >= 1


def _slowdowns() -> bool:
    """Each step against itself with more units, in pairs in this process: the constant is all that is edited."""
    sound = True
    for name, function in _steps().items():
        for percent in (5, 10) if name in LONG_STEPS else (5, 10, 20):
            seconds = LONG_SECONDS if name in LONG_STEPS else SECONDS
            effect = _effect(function, name, UNITS + round(UNITS * percent / 100), seconds)
            right = abs(effect - percent / 100) <= TOLERANCE
            sound &= right
            print(f"{name}: +{percent} % is truly {effect:+.2%}{'' if right else '  NOT within 0.5 %'}")
    return sound


def _effect(function: Callable[[], object], name: str, units: int, seconds: float) -> float:
    """Between the tenth percentiles of both sides, which what else the machine does reaches least."""
    table = importlib.import_module("work.settings").UNITS
    took: dict[int, list[float]] = {UNITS: [], units: []}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(took[units]) < 2:
        for number in random.sample((UNITS, units), 2):
            table[name] = number
            took[number].append(_seconds(function))
    table[name] = UNITS
    return quantiles(took[units], n=10)[0] / quantiles(took[UNITS], n=10)[0] - 1


def _seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _steps() -> dict[str, Callable[[], object]]:
    if str(TEMPLATE) not in sys.path:
        sys.path.insert(0, str(TEMPLATE))
    work, long = importlib.import_module("work"), importlib.import_module("work.long")
    return {**work.STEPS, **{name: getattr(long, name) for name in LONG_STEPS}}
