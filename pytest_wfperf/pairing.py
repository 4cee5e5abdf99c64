"""Judges a run in pairs while it goes on: which look is due, and what needs more pairs for the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .judge.looks import schedule
from .judge.pairs import Trial
from .judge.threshold import parse
from .judge.verdict import declared_goals, declared_limits
from .judged import Comparison
from .work import Work

LAYOUT_SD = {"fixed": 0.010, "random": 0.013}  # what a change that does no work moves a step by, ln
DEFAULT_LIMIT = {"fixed": 0.05, "random": 0.10}  # held against a revision


class Pairing:
    """The looks of one run, which are fixed before any data is looked at.

    ``works`` are all workflows, ``launches`` how many pairs the run can afford, ``most`` how many of them each
    workflow gets at most.
    """

    def __init__(self, works: Mapping[str, Work], launches: int, most: Mapping[str, int]) -> None:
        conditions = [dict(launch.conditions) for w in works.values() for pair in w.taken for launch in pair]
        addresses = "fixed" if all(c.get("addresses") == "fixed" for c in conditions) else "random"
        looks = schedule(launches)
        thresholds = {w: [parse(*each) for each in work.thresholds] for w, work in works.items()}
        self._works = works
        self._trial = Trial(
            {workflow: declared_limits(declared) for workflow, declared in thresholds.items()},
            default=DEFAULT_LIMIT[addresses],
            looks=looks,
            layout_sd=LAYOUT_SD[addresses],
            goals={workflow: declared_goals(declared) for workflow, declared in thresholds.items()},
            most=most,
        )
        self._looks = [look.launches for look in looks]
        self._next = 0

    def due(self, wanting: Sequence[Work], *, over: bool) -> list[Work]:
        """What the next launch is for, of those ``wanting`` more pairs (fewest first), after every look that is due.

        What has the pairs of the next look already, from an interrupted run, waits for the others. ``over`` is
        whether there will be no other launch.
        """
        if over or not wanting:
            self._look(len(self._looks) - 1)
            return []
        still_open = list(wanting)
        while still_open and len(still_open[0].taken) >= self._looks[self._next]:
            self._look(self._next, self._looks[self._next])
            still_open = [work for work in still_open if work.open]
        return [work for work in still_open if len(work.taken) < self._looks[self._next]]

    def look_again(self) -> None:
        """Judge as the interrupted run did, as far as every workflow that is open then has the pairs."""
        for number, pairs in enumerate(self._looks):
            if any(work.open and len(work.taken) < pairs for work in self._works.values()):
                return
            self._look(number, pairs)

    def comparison(self, workflow: str, baseline: str) -> Comparison:
        """What is known of a workflow by now. Raises KeyError for one that no look has judged."""
        return self._trial.comparison(workflow, baseline)

    def _look(self, number: int, pairs: int | None = None) -> None:
        """Judge by the first ``pairs`` of every workflow, once for each number."""
        if number < self._next:
            return
        open_ids = self._trial.look({w: work.pairs[:pairs] for w, work in self._works.items() if work.taken}, number)
        self._next = number + 1
        for w, work in self._works.items():
            work.open = w in open_ids
