"""Counts what a round of a workflow does, in launches of their own: it may tell why something is slower."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .measure.arms import Arm
from .measure.launch import Broken, Crew
from .model import Count
from .work import Work

COUNTED_ROUNDS = 30  # what counting a round costs at most, in rounds
COUNTING_SHARE = 0.1  # of the time budget, where that is used up
COUNTING_LIMIT_S = 30.0
COUNTINGS = 2  # with another hash seed each: a count they do not agree on is none


def count(works: Sequence[Work], arms: Sequence[Arm], directory: Path, options: Sequence[str]) -> None:
    """Give every one of ``works`` its counts, one tuple for each side; none of them where a launch breaks.

    Counts explain; a verdict does not rest on them.
    """
    only = [work.workflow for work in works]
    found: dict[str, list[list[frozenset[Count]]]] = {work.workflow: [] for work in works}
    try:
        for number in range(COUNTINGS):
            with Crew(arms, directory, 900 + number, only=only, options=list(options)) as crew:
                for work in works:
                    limit_s = min(work.limit_s, COUNTING_LIMIT_S + COUNTED_ROUNDS * work.round_s)
                    counts = crew.count(work.workflow, limit_s)
                    found[work.workflow].append([frozenset(Count(**each) for each in side) for side in counts])
    except Broken:
        return
    for work in works:
        sides = [frozenset.intersection(*side) for side in zip(*found[work.workflow], strict=True)]
        work.counts = [tuple(sorted(side, key=lambda each: (each.path, each.what))) for side in sides]
