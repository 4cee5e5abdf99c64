"""Measures a run's workflows in fresh processes: how many launches, of what, until when.

Held against a store, every workflow gets the same number of launches. Held against a revision, pairs are
added look by look, and only for what is still open. What is not decided when the time is used up stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from .counting import COUNTED_ROUNDS, COUNTING_SHARE, count
from .errors import MeasurementError
from .judged import Measured, Verdict
from .keeping import Keeping
from .measure.arms import Arm
from .measure.budget import LAUNCHES, Budget
from .measure.launch import Broken, Crew, Effort
from .pairing import Pairing
from .report.text import plural
from .settings import Settings
from .work import Work

MOST_PAIRS = 100
PLANNED_BY = 2  # launches by whose cost the others are planned
WORTH_KEEPING = 20  # times what it costs: so much measuring is put on disk although more of it is to come


class Progress(Protocol):
    """Whoever shows how far measuring has come."""

    def show(self, launch: int, launches: int, workflow: str, left_s: float) -> None: ...
    def settled(self, workflow: str, text: str) -> None: ...
    def end(self) -> None: ...


class Launching:
    """One run's launches. ``expected_s`` tells how long a stored workflow's round took, where it is known.

    ``keeping`` is told of what was measured, and knows what an interrupted run has measured before: that
    run's launches count as this one's, and the looks it had planned are looked again.
    """

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
        keeping: Keeping,
    ) -> None:
        self.settings, self.arms, self.progress, self.keeping = settings, arms, progress, keeping
        self.options, self.expected_s, self.verify, self.baseline = list(options), expected_s, verify, baseline
        self._budget = Budget(settings.max_time)  # made anew when launches begin: a build is no measuring
        self._works: dict[str, Work] = {}
        self._note = ""
        self._verified = False
        self._lost = 0  # launches that ended early, so that not every workflow got its rounds
        self._planned = 1  # launches in this run
        self._most: int | None = None  # launches of a workflow in all, once that is settled
        self._keeping_s = 0.0  # what it cost to keep the latest workflow
        self._pairing: Pairing | None = None

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
            counted = [work for work in self._works.values() if self._worth_counting(work)]
            if counted:
                count(counted, self.arms, directory, self.options)
            self._keep(counted)
        finally:
            self.progress.end()
        return {work.workflow: self._measured(work) for work in self._works.values()}

    def _measure(self, directory: Path) -> None:
        """Launch after launch, each only of what is still open."""
        number, last = 0, False
        works: list[Work] = []
        while number == 0 or (works and not last):
            self._launch(directory, number, works)
            number += 1
            self._plan(number - self._lost)
            last = number >= self._planned + self._lost
            works = self._due(last=last)
            self._tell(() if last else filter(self._wants_more, self._works.values()))

    # --- one launch -------------------------------------------------------------------------

    def _launch(self, directory: Path, number: int, works: Sequence[Work]) -> None:
        """One launch: every workflow that is still open gets its rounds; what breaks is left out from here on."""
        began = self._budget.spent_s
        only = None if number == 0 else [work.workflow for work in works]
        try:
            with Crew(self.arms, directory, number, only=only, options=self.options) as crew:
                if number == 0:
                    self._meet(crew.hellos)
                    works = self._due(last=False)
                for work in works:
                    self.progress.show(number + 1, self._planned, work.workflow, self._budget.left_s)
                    if not self._take(crew, work):
                        break
                if crew.sound and self.pairs and works and not self._verified:
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

    def _meet(self, hellos: Sequence[Mapping[str, Any]]) -> None:
        """Take on the workflows that every side has. Raises MeasurementError where the revision lacks one."""
        sides = [{described["workflow"]: described for described in hello["workflows"]} for hello in hellos]
        for there, name in zip(sides, (arm.name for arm in self.arms), strict=True):
            lacking = sorted(set().union(*sides) - there.keys())
            if lacking:
                raise MeasurementError(
                    f"{name} does not have {', '.join(lacking[:3])}{' and more' if len(lacking) > 3 else ''}, "
                    "so the two cannot be compared; deselect it, or compare with a revision that has what it tests"
                    + "".join(f"\n{problem}" for hello in hellos for problem in hello["problems"][:3])
                )
        known, own = self.keeping.found, self.keeping.reused
        self._works = {
            w: Work.of(d, known.get(w), len(self.arms))
            for w, d in sides[0].items()
            if d["launches"] != 0 and w not in own
        }
        for work in self._too_long():
            self.progress.settled(work.workflow, "its round is too long for launches: its own run is measured")
            del self._works[work.workflow]
        resumed = self.keeping.resumed
        if resumed is not None and resumed.launches is not None and any(work.reused for work in self._works.values()):
            self._note, self._verified = resumed.note, bool(resumed.note)
            self._settle(resumed.launches)
            self._planned = max(1, *(self._wanted(work) - work.reused for work in self._works.values()))
            if self._pairing is not None:
                self._pairing.look_again()

    def _too_long(self) -> list[Work]:
        """Workflows for two rounds of which the budget has no room, by what is stored of them; the longest go first."""
        if self.pairs:
            return []
        fresh = (work for work in self._works.values() if not work.reused)
        known = [(seconds, work) for work in fresh if (seconds := self.expected_s(work.workflow))]
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
            work.unkept_s += work.latest_s
            ended = self._most is not None and len(work.taken) >= self._wanted(work)
            if ended or work.unkept_s >= WORTH_KEEPING * self._keeping_s:
                self._keep([work])
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

    def _plan(self, launched: int) -> None:
        """After so many launches: how many there will be. The first is dearer, for it compiles: wait for the second."""
        taken = max((len(work.taken) for work in self._works.values()), default=0)
        if self._most is not None or taken == 0:
            return
        wanted = max(self._wanted(work) - work.reused for work in self._works.values())
        self._planned = self._budget.affordable(wanted + self._lost) - self._lost
        if taken >= PLANNED_BY or self._planned <= launched:
            self._settle(self._planned + min(work.reused for work in self._works.values()))

    def _settle(self, launches: int) -> None:
        """No workflow gets more launches than that."""
        self._most = launches
        if self.pairs:
            most = {work.workflow: self._wanted(work) for work in self._works.values()}
            self._pairing = Pairing(self._works, launches, most)
        self.keeping.settle(launches, self._note)

    def _wanted(self, work: Work) -> int:
        """How many launches the workflow is to have at most."""
        wanted = work.launches or self.settings.launches or (MOST_PAIRS if self.pairs else LAUNCHES)
        return min(MOST_PAIRS if self._most is None else self._most, wanted)

    def _wants_more(self, work: Work) -> bool:
        in_time = self.pairs or self._budget.affords_another()
        return not work.error and work.open and len(work.taken) < self._wanted(work) and in_time

    def _due(self, *, last: bool) -> list[Work]:
        """What the next launch is for: what has fewest, or of pairs too few for the next look."""
        works = sorted(filter(self._wants_more, self._works.values()), key=lambda work: len(work.taken))
        if self._pairing is not None:
            return self._pairing.due(works, over=last or self._budget.overdrawn)
        return [work for work in works if len(work.taken) == len(works[0].taken)]

    def _tell(self, still_open: Iterable[Work]) -> None:
        """Tell of every workflow that has just got all of its launches."""
        waiting = {work.workflow for work in still_open}
        for work in self._works.values():
            if work.workflow not in waiting and not work.told:
                work.told = True
                self._keep([work] if work.kept < len(work.taken) else ())
                what = plural(len(work.taken), "pair" if self.pairs else "launch")
                what += f" ({work.reused} of them before)" if work.reused else ""
                self.progress.settled(work.workflow, work.error.splitlines()[0] if work.error else what)

    # --- counts and results -------------------------------------------------------------------

    def _keep(self, works: Iterable[Work]) -> None:
        """Put on disk what there is of workflows that nothing went wrong with."""
        for work in works:
            if work.taken and not work.error:
                began = self._budget.spent_s
                self.keeping.keep(work.measured())
                self._keeping_s = self._budget.spent_s - began
                work.kept, work.unkept_s = len(work.taken), 0.0

    def _worth_counting(self, work: Work) -> bool:
        if not work.taken or work.error or work.counts:
            return False
        room_s = max(self._budget.left_s, COUNTING_SHARE * self.settings.max_time)
        if COUNTED_ROUNDS * work.round_s * len(self._works) > room_s:
            return False
        if self._pairing is None:
            return True
        effects = self._pairing.comparison(work.workflow, self.baseline).effects
        return any(effect.verdict is Verdict.REGRESSED for effect in effects)

    def _measured(self, work: Work) -> Measured:
        if self._pairing is None or work.error or not work.taken:
            return work.measured()
        comparison = self._pairing.comparison(work.workflow, self.baseline)
        return work.measured(replace(comparison, seconds=work.seconds, note=self._note))
