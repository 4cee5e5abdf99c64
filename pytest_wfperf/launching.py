"""Measures a run's workflows in fresh processes: how many launches, of what, until when.

Held against a store, every workflow gets the same number of launches. Held against a revision, pairs are
added look by look, and only for what is still open. What is not decided when the time is used up stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from .errors import MeasurementError
from .judge.looks import schedule
from .judge.pairs import Trial
from .judge.threshold import parse
from .judge.verdict import declared_goals, declared_limits
from .measure.arms import Arm
from .measure.budget import LAUNCHES, Budget
from .measure.launch import Broken, Crew, Effort
from .model import Count, Measured, Verdict
from .report.text import plural
from .settings import Settings
from .work import Work

MOST_PAIRS = 100
LAYOUT_SD = {"fixed": 0.010, "random": 0.013}  # what a change that does no work moves a step by, ln
DEFAULT_LIMIT = {"fixed": 0.05, "random": 0.10}  # held against a revision
COUNTED_ROUNDS = 30  # what counting a round costs at most, in rounds
COUNTING_LIMIT_S = 30.0
PLANNED_BY = 2  # launches by whose cost the others are planned
COUNTINGS = 2  # with another hash seed each: a count they do not agree on is none


class Progress(Protocol):
    """Whoever shows how far measuring has come."""

    def show(self, launch: int, launches: int, workflow: str, left_s: float) -> None: ...
    def settled(self, workflow: str, text: str) -> None: ...
    def end(self) -> None: ...


class Launching:
    """One run's launches. ``expected_s`` tells how long a stored workflow's round took, where it is known."""

    def __init__(
        self,
        settings: Settings,
        arms: Sequence[Arm],
        progress: Progress,
        *,
        options: Sequence[str] = (),
        expected_s: Callable[[str], float | None] = lambda _: None,
        verify: Callable[[Sequence[Any]], str] = lambda _: "",
        baseline: str = "",
    ) -> None:
        self.settings, self.arms, self.progress = settings, arms, progress
        self.options, self.expected_s, self.verify, self.baseline = list(options), expected_s, verify, baseline
        self._budget = Budget(settings.max_time)  # made anew when launches begin: a build is no measuring
        self._works: dict[str, Work] = {}
        self._note = ""
        self._verified = False
        self._lost = 0  # launches that ended early, so that not every workflow got its rounds
        self._planned = 1
        self._looks: list[int] = []
        self._trial: Trial | None = None

    @property
    def pairs(self) -> bool:
        return len(self.arms) == 2

    def run(self, directory: Path) -> dict[str, Measured]:
        """Everything that was measured, by workflow. ``directory`` is for temporary files.

        Raises MeasurementError where nothing could be measured.
        """
        self._budget = Budget(self.settings.max_time)
        try:
            self._measure(directory)
            self._count(directory)
        finally:
            self.progress.end()
        return {work.workflow: self._measured(work) for work in self._works.values()}

    def _measure(self, directory: Path) -> None:
        """Launch after launch, each only of what is still open."""
        number = 0
        still_open: list[Work] = []
        while number == 0 or (still_open and number < self._planned + self._lost):
            self._launch(directory, number, still_open)
            number += 1
            self._plan()
            still_open = sorted(filter(self._wants_more, self._works.values()), key=lambda work: len(work.taken))
            if self._trial is not None:
                still_open = self._looked(still_open, last=number >= self._planned + self._lost)
            self._tell(still_open if number < self._planned + self._lost else ())

    # --- one launch -------------------------------------------------------------------------

    def _launch(self, directory: Path, number: int, works: Sequence[Work]) -> None:
        """One launch: every workflow that is still open gets its rounds; what breaks is left out from here on."""
        began = self._budget.spent_s
        only = None if number == 0 else [work.workflow for work in works]
        try:
            with Crew(self.arms, directory, number, only=only, options=self.options) as crew:
                if number == 0:
                    works = list(self._met(crew.hellos))
                for work in works:
                    self.progress.show(number + 1, self._planned, work.workflow, self._budget.left_s)
                    if not self._take(crew, work):
                        break
                if crew.sound and self.pairs and not self._verified:
                    self._note = self.verify([message["audit"] for message in crew.finish()])
                    self._verified = True
        except Broken as error:
            self._broken(error, works, first=number == 0)
        seconds = self._budget.spent_s - began
        self._budget.launched(seconds)
        overhead = seconds - sum(work.latest_s for work in works)
        for work in works:  # to each its own, and of starting and ending the processes as much as to any other
            work.seconds += work.latest_s + overhead / len(works)
            work.latest_s = 0.0

    def _met(self, hellos: Sequence[Mapping[str, Any]]) -> Iterator[Work]:
        """The workflows that every side has. Raises MeasurementError where the revision lacks one."""
        sides = [{described["workflow"]: described for described in hello["workflows"]} for hello in hellos]
        for there, name in zip(sides, (arm.name for arm in self.arms), strict=True):
            lacking = sorted(set().union(*sides) - there.keys())
            if lacking:
                raise MeasurementError(
                    f"{name} does not have {', '.join(lacking[:3])}{' and more' if len(lacking) > 3 else ''}, "
                    "so the two cannot be compared; deselect it, or compare with a revision that has what it tests"
                    + "".join(f"\n{problem}" for hello in hellos for problem in hello["problems"][:3])
                )
        self._works = {w: Work.of(d) for w, d in sides[0].items() if d["launches"] != 0}
        for work in self._too_long():
            self.progress.settled(work.workflow, "its round is too long for launches: its own run is measured")
            del self._works[work.workflow]
        yield from self._works.values()

    def _too_long(self) -> list[Work]:
        """Workflows for two rounds of which the budget has no room, by what is stored of them; the longest go first."""
        if self.pairs:
            return []
        known = [(seconds, work) for work in self._works.values() if (seconds := self.expected_s(work.workflow))]
        known.sort(key=lambda pair: pair[0])
        room = [2 * sum(seconds for seconds, _ in known[: i + 1]) <= self._budget.seconds for i in range(len(known))]
        return [work for (_, work), fits in zip(known, room, strict=True) if not fits]

    def _take(self, crew: Crew, work: Work) -> bool:
        """The workflow's rounds in this launch; whether the processes can be used for another."""
        began = self._budget.spent_s
        try:
            launch = crew.measure(
                work.workflow,
                lambda taken_ns: self._effort(work, taken_ns),
                limit_s=work.limit_s,
                calibrated=not self.pairs,
                sampled=work.sampled,
            )
        except Broken as error:
            self._broken(error, [work], first=False)
            self._lost += not crew.sound
            return crew.sound
        finally:
            work.latest_s = self._budget.spent_s - began
        if all(each.rounds for each in launch):
            work.taken.append(launch)
        else:
            work.error = "no round of it was measured"
        return True

    def _effort(self, work: Work, taken_ns: Sequence[int]) -> Effort | None:
        if work.effort is None:
            work.effort = self._budget.effort(
                taken_ns,
                rounds=work.rounds,
                warmup=work.warmup,
                workflows=len(self._works),
                sides=len(self.arms),
            )
        return work.effort

    def _broken(self, error: Broken, works: Sequence[Work], *, first: bool) -> None:
        """File what went wrong: the revision's fault ends the run, the current code's is that workflow's verdict."""
        name = self.arms[error.side].name
        subject = f" in {error.workflow}" if error.workflow else ""
        if error.kind == "skipped" and error.side == 0 and not any(work.taken for work in works):
            for work in works:
                self._works.pop(work.workflow, None)
            return
        if error.side == 1 and (first or not any(work.taken for work in works)):
            raise MeasurementError(f"{name} cannot run what the tests need{subject}: {error}") from None
        if first and not works:
            raise MeasurementError(f"no process could be launched for measuring: {error}") from None
        for work in works:
            if not error.workflow or work.workflow == error.workflow:
                launch = len(work.taken) + 1
                work.error = f"ERROR in launch {launch}{f' of {name}' if self.pairs else ''}: {error}"

    # --- when to stop -----------------------------------------------------------------------

    def _plan(self) -> None:
        """After a launch: how many there will be. The first is dearer, for it compiles: where there is time, wait."""
        taken = max((len(work.taken) for work in self._works.values()), default=0)
        if self._trial is not None or taken == 0 or taken > PLANNED_BY:
            return
        wanted = max(map(self._wanted, self._works.values()))
        self._planned = self._budget.affordable(wanted + self._lost) - self._lost
        if self.pairs and (taken == PLANNED_BY or self._planned <= taken):
            self._begin_trial()

    def _wanted(self, work: Work) -> int:
        """How many launches the workflow is to have at most."""
        return min(MOST_PAIRS, work.launches or self.settings.launches or (MOST_PAIRS if self.pairs else LAUNCHES))

    def _begin_trial(self) -> None:
        """Fix the looks the budget affords before any data is looked at."""
        conditions = [dict(launch.conditions) for w in self._works.values() for pair in w.taken for launch in pair]
        addresses = "fixed" if all(c.get("addresses") == "fixed" for c in conditions) else "random"
        looks = schedule(self._planned)
        thresholds = {w.workflow: [parse(*each) for each in w.thresholds] for w in self._works.values()}
        self._trial = Trial(
            {workflow: declared_limits(declared) for workflow, declared in thresholds.items()},
            default=DEFAULT_LIMIT[addresses],
            looks=looks,
            layout_sd=LAYOUT_SD[addresses],
            goals={workflow: declared_goals(declared) for workflow, declared in thresholds.items()},
            most={w.workflow: min(self._wanted(w), self._planned) for w in self._works.values()},
        )
        self._looks = [look.launches for look in looks]

    def _wants_more(self, work: Work) -> bool:
        in_time = self.pairs or self._budget.affords_another()
        return not work.error and work.open and len(work.taken) < self._wanted(work) and in_time

    def _looked(self, still_open: Sequence[Work], *, last: bool) -> list[Work]:
        """Judge all pairs so far where a look is due; what is still open after it."""
        assert self._trial is not None
        least = min((len(work.taken) for work in still_open), default=0)
        over = last or self._budget.overdrawn or not still_open
        if not over and least not in self._looks:
            return list(still_open)
        look = len(self._looks) - 1 if over else self._looks.index(least)
        open_ids = self._trial.look({w.workflow: w.pairs for w in self._works.values() if w.taken}, look)
        for work in self._works.values():
            work.open = work.workflow in open_ids
        return [work for work in still_open if work.open]

    def _tell(self, still_open: Sequence[Work]) -> None:
        """Tell of every workflow that has just got all of its launches."""
        waiting = {work.workflow for work in still_open}
        for work in self._works.values():
            if work.workflow not in waiting and not work.told:
                work.told = True
                what = plural(len(work.taken), "pair" if self.pairs else "launch")
                self.progress.settled(work.workflow, work.error.splitlines()[0] if work.error else what)

    # --- counts and results -------------------------------------------------------------------

    def _count(self, directory: Path) -> None:
        """What a round does, counted in launches of their own: where it may tell why something is slower."""
        works = [w for w in self._works.values() if w.taken and not w.error and self._worth_counting(w)]
        if not works:
            return
        only = [work.workflow for work in works]
        found: dict[str, list[list[frozenset[Count]]]] = {work.workflow: [] for work in works}
        try:
            for number in range(COUNTINGS):
                with Crew(self.arms, directory, 900 + number, only=only, options=self.options) as crew:
                    for work in works:
                        limit_s = min(work.limit_s, COUNTING_LIMIT_S + COUNTED_ROUNDS * work.round_s)
                        counts = crew.count(work.workflow, limit_s)
                        found[work.workflow].append([frozenset(Count(**each) for each in side) for side in counts])
        except Broken:  # counts explain; a verdict does not rest on them
            return
        for work in works:
            sides = [frozenset.intersection(*side) for side in zip(*found[work.workflow], strict=True)]
            work.counts = [tuple(sorted(side, key=lambda count: (count.path, count.what))) for side in sides]

    def _worth_counting(self, work: Work) -> bool:
        if COUNTED_ROUNDS * work.round_s * len(self._works) > self.settings.max_time:
            return False
        if self._trial is None:
            return True
        effects = self._trial.comparison(work.workflow, self.baseline).effects
        return any(effect.verdict is Verdict.REGRESSED for effect in effects)

    def _measured(self, work: Work) -> Measured:
        if self._trial is None or work.error or not work.taken:
            return work.measured()
        comparison = self._trial.comparison(work.workflow, self.baseline)
        return work.measured(replace(comparison, seconds=work.seconds, note=self._note))
