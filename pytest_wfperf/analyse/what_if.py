"""What the workflow would take if some steps took another time, ran at once, or had more or fewer workers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import ConfigError, MeasurementError
from ..model import Profile, Round
from ..samples import quantile
from .graph import graphs
from .question import Change, Questions, parse
from .schedule import Replay

ERROR_IN = 20  # intervals that hold the median at least 19 times in so many
LAUNCHES = 6  # from so many on each speaks with one voice: rounds of one process are alike
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most that any change of one step could gain: the workflow without the time of ``path``.

    After Amdahl 1967, with what runs beside the step taken into account.
    """

    path: str
    measured_ns: float
    remaining_ns: float

    @property
    def speedup(self) -> float:
        """Measured time over remaining time; infinite where nothing remains."""
        return self.measured_ns / self.remaining_ns if self.remaining_ns > 0 else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What would be measured, by the rounds that were.

    Both times are medians of ``samples``, each the ``sampled`` thing: a round, or a launch where there are six or more.
    ``low_ns`` to ``high_ns`` holds the median with probability ``confidence``, None where one sample is all there is:
    it tells how sure the rounds are, not how true the model is. ``ceilings`` are those of the steps
    whose times are changed.
    """

    workflow: str
    question: str
    sampled: str
    samples: int
    measured_ns: float
    predicted_ns: float
    low_ns: float | None
    high_ns: float | None
    confidence: float
    ceilings: tuple[Ceiling, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def speedup(self) -> float:
        """Measured time over predicted time."""
        return self.measured_ns / self.predicted_ns if self.predicted_ns > 0 else float("inf")


def predict(profile: Profile, asked: str | Questions) -> Prediction:
    """Schedule every recorded round again, as asked.

    Raises ConfigError for questions that cannot be read or name steps there are not, MeasurementError where no
    round passed.
    """
    questions = parse(asked) if isinstance(asked, str) else asked
    launches = _launches(profile)
    _check(questions, profile, launches)
    predicted = _samples(launches, questions)
    low, high, confidence = median_interval(predicted)
    return Prediction(
        workflow=profile.workflow,
        question=questions.text,
        sampled="launch" if len(launches) >= LAUNCHES else "round",
        samples=len(predicted),
        measured_ns=quantile(_samples(launches, Questions(text="")), 0.5),
        predicted_ns=quantile(predicted, 0.5),
        low_ns=low,
        high_ns=high,
        confidence=confidence,
        ceilings=tuple(_ceilings(launches, [change.path for change in questions.changes])),
        notes=tuple(_notes(questions, profile, launches)),
    )


def ceilings(profile: Profile, most: int = _SHOWN) -> tuple[Ceiling, ...]:
    """The ceilings of the steps with most time in all, by what they could gain; none where no round passed."""
    totals: dict[str, int] = {}
    for taken in profile.rounds:
        for span in taken.spans:
            totals[span.path] = totals.get(span.path, 0) + span.total_ns
    slowest = sorted(totals, key=lambda path: -totals[path])[:most]
    if all(taken.status != "passed" for taken in profile.rounds):
        return ()
    found = _ceilings(_launches(profile), slowest)
    return tuple(sorted(found, key=lambda ceiling: ceiling.remaining_ns))


def median_interval(values: Sequence[float]) -> tuple[float | None, float | None, float]:
    """An interval for the median from the order statistics, with no distribution assumed, and its confidence.

    At least 95 % where there are six values or more, else the whole range with what that is worth.
    Source: Thompson 1936; the number of values below the median is binomial with p = 1/2.
    """
    ordered, n = sorted(values), len(values)
    if n < 2:
        return None, None, 0.0
    rank, ways, fewer = 0, 1, 1  # so many of the 2**n ways have at most ``rank`` values below the median
    while ERROR_IN * 2 * (fewer + ways * (n - rank) // (rank + 1)) <= 2**n:
        ways = ways * (n - rank) // (rank + 1)
        rank, fewer = rank + 1, fewer + ways
    return ordered[rank], ordered[n - 1 - rank], 1 - 2 * fewer / 2**n


class Rehearsal:
    """One recorded round, ready to be run again in thought."""

    def __init__(self, taken: Round) -> None:
        self.total_ns = taken.total_ns
        self.totals = {span.path: span.total_ns for span in taken.spans}
        self.levels = [Replay(graph) for graph in graphs(taken)]

    def makespan(self, questions: Questions) -> float:
        """How long the round would take, ns; what nothing explains stays as it was.

        A step's change is one of its whole time, after the changes of steps inside it.
        """
        totals: dict[str, float] = {}  # of steps that are to take another time
        changes = {change.path: change for change in questions.changes}
        ordered = questions.together or questions.workers is not None
        for level in reversed(self.levels):
            times: dict[str, float] = {}
            for task in level.graph.tasks if changes or totals else ():
                if task.path in changes or task.path in totals:
                    old = self.totals[task.path]
                    new = totals.get(task.path, old)
                    if task.path in changes:
                        new = changes[task.path].of(new)
                    times[task.path] = task.duration_ns * new / old if old else new
            if times or ordered:
                change = level.change(times, questions.together, questions.workers)
                if not level.graph.path:
                    return max(0.0, self.total_ns + change)
                old = self.totals[level.graph.path]
                totals[level.graph.path] = max(0.0, old + change * old / max(1, level.graph.duration_ns))
        return self.total_ns


def _launches(profile: Profile) -> list[list[Rehearsal]]:
    """Every passed round, by launch."""
    taken = [[Rehearsal(r) for r in launch.rounds if r.status == "passed"] for launch in profile.launches]
    found = [rounds for rounds in taken if rounds]
    if not found:
        raise MeasurementError(
            f"no round of {profile.workflow} passed, so there is nothing to ask what-if of; "
            "measure it with --wfperf-rounds=12"
        )
    return found


def _samples(launches: Sequence[Sequence[Rehearsal]], questions: Questions) -> list[float]:
    """The makespans of all rounds, or the median of each launch where there are enough of them."""
    times = [[rehearsal.makespan(questions) for rehearsal in rounds] for rounds in launches]
    return [quantile(each, 0.5) for each in times] if len(times) >= LAUNCHES else [t for each in times for t in each]


def _ceilings(launches: Sequence[Sequence[Rehearsal]], paths: Sequence[str]) -> Iterator[Ceiling]:
    measured = quantile(_samples(launches, Questions(text="")), 0.5)
    for path in paths:
        without = Questions(text="", changes=(Change(path=path, factor=0.0),))
        yield Ceiling(path=path, measured_ns=measured, remaining_ns=quantile(_samples(launches, without), 0.5))


def _check(questions: Questions, profile: Profile, launches: Sequence[Sequence[Rehearsal]]) -> None:
    """Raise ConfigError for steps there are not, or that are asked to run at once and are not side by side."""
    known = {path: None for rounds in launches for rehearsal in rounds for path in rehearsal.totals}
    for path in questions.paths:
        if path not in known:
            inner = [other for other in known if other.endswith(f"/{path}")]
            near = inner or difflib.get_close_matches(path, known, n=3, cutoff=0.6)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {', '.join(known) or 'none'}"
            raise ConfigError(f"what-if {questions.text!r}: {profile.workflow} has no step {path!r}; {hint}")
    levels = [level for rounds in launches for rehearsal in rounds for level in rehearsal.levels]
    for group in questions.together:
        if not any(level.number.keys() >= set(group) for level in levels):
            raise ConfigError(
                f"what-if {questions.text!r}: {', '.join(group)} are not steps of one and the same step, "
                "or run mixed up with others; only steps side by side can be asked to run at once"
            )


def _notes(questions: Questions, profile: Profile, launches: Sequence[Sequence[Rehearsal]]) -> Iterator[str]:
    rehearsals = [rehearsal for rounds in launches for rehearsal in rounds]
    if len(rehearsals) == 1:
        yield "one round is no interval: measure more with --wfperf-rounds"
    failed = len(profile.rounds) - len(rehearsals)
    if failed:
        yield f"{failed} of {len(profile.rounds)} rounds failed and are left out"
    levels = rehearsals[-1].levels
    if questions.workers is not None and not any(level.declared for level in levels):
        yield "no step says what it comes after, so the order seen was kept: declare it with after="
    for group in questions.together:
        for level in levels:
            if (pair := level.still_ordered(group)) is not None:
                yield f"{pair[1]} still comes after {pair[0]}, by way of other steps"
