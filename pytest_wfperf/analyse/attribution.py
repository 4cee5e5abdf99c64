"""Which steps carry a change, in parts that add up to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from ..errors import MeasurementError
from ..model import Launch, Round
from .critical_path import observed
from .graph import graphs

OVERLAP = 0.01  # of the whole: steps that sum to more than it by this much ran at the same time
TRIMMED = 5  # of the pairs, in order of their change, the first and the last fifth are set aside


def attribution(current: Sequence[Round], baseline: Sequence[Round]) -> dict[str, float]:
    """By how much of the baseline's total each step's own time changed it; ``""`` is time outside all steps.

    Taken from the fastest quarter of the rounds by their total on each side, all values from
    those same rounds, so that the parts add up to the change of the whole. Where steps overlap (in
    threads or tasks) no such parts exist, and the answer is empty.
    """
    return _parts(_own(_fastest(current)), _own(_fastest(baseline)))


def attribution_of_pairs(pairs: Sequence[tuple[Launch, Launch]]) -> dict[str, float]:
    """The same over launches taken in pairs, as (current, baseline).

    Each launch speaks by the fastest quarter of its rounds; of the pairs a fifth at each end of
    their own change is set aside, and what is left counts evenly. Empty without a pair.
    """
    both = [(_own(_fastest(now.rounds)), _own(_fastest(then.rounds))) for now, then in pairs]
    both.sort(key=lambda pair: sum(pair[0].values()) / max(1.0, sum(pair[1].values())))
    kept = both[len(both) // TRIMMED : len(both) - len(both) // TRIMMED]
    return _parts(*(_mean([pair[side] for pair in kept]) for side in (0, 1))) if kept else {}


def _parts(now: dict[str, float], then: dict[str, float]) -> dict[str, float]:
    """The change of every path's own time in parts of the baseline's total, that is of the sum of them all."""
    total = sum(then.values()) or 1.0
    if min(now[""], then[""]) < -OVERLAP * total:
        return {}
    return {path: (now.get(path, 0.0) - then.get(path, 0.0)) / total for path in dict.fromkeys([*now, *then])}


def _mean(sides: Sequence[dict[str, float]]) -> dict[str, float]:
    paths = dict.fromkeys(path for side in sides for path in side)
    return {path: fmean(side.get(path, 0.0) for side in sides) for path in paths}


def _fastest(rounds: Sequence[Round]) -> list[Round]:
    return sorted(rounds, key=lambda r: r.total_ns)[: max(1, len(rounds) // 4)]


def _own(rounds: Sequence[Round]) -> dict[str, float]:
    """Mean own time per step, ns; what no step covers under ``""``."""
    sums: dict[str, float] = {}
    for r in rounds:
        outside = r.total_ns
        for span in r.spans:
            sums[span.path] = sums.get(span.path, 0.0) + span.own_ns
            outside -= span.own_ns
        sums[""] = sums.get("", 0.0) + outside
    return {path: value / len(rounds) for path, value in sums.items()}


# --- with steps at the same time --------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a change, ns.

    ``kind`` is ``work`` (the step at ``path`` itself, without those inside it, while others waited for it),
    ``queueing`` (it was ready and had not begun), ``retries`` (it was tried in vain), ``gaps`` (between steps that
    waited for nothing recorded), ``path`` (others became the ones that everything waits for) or ``rest``
    (after the last step). The last three have no path.
    """

    kind: str
    path: str
    change_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """What became of the time of a whole workflow; ``parts``, the weightiest first, add up to it.

    ``misses`` are names of caches with their misses per round, before and now, where these differ: they stand
    beside the parts, for their time is in the steps that missed.
    """

    baseline_ns: float
    current_ns: float
    parts: tuple[Part, ...]
    misses: tuple[tuple[str, float, float], ...] = ()

    @property
    def change_ns(self) -> float:
        return self.current_ns - self.baseline_ns


def attribution_of_runs(current: Sequence[Round], baseline: Sequence[Round]) -> RunChange:
    """Which parts a change of the whole consists of, along the critical paths that were observed.

    Each side speaks by the fastest quarter of its passed rounds. Where the whole got slower, steps on the present
    path are held against themselves before; ``path`` is then what they had in reserve, and so at most
    0 but for chance. Where it got faster it is the other way round. Raises MeasurementError where a side has no
    passed round.
    """
    now, then = _side(current, "the run"), _side(baseline, "the baseline")
    parts = list(_changes(now, then))
    rest = now.total - then.total - sum(part.change_ns for part in parts)
    parts.append(Part(kind="rest", path="", change_ns=rest))
    misses = (
        (name, then.misses.get(name, 0.0), now.misses.get(name, 0.0)) for name in sorted({*now.misses, *then.misses})
    )
    return RunChange(
        baseline_ns=then.total,
        current_ns=now.total,
        parts=tuple(sorted((p for p in parts if p.change_ns), key=lambda part: -abs(part.change_ns))),
        misses=tuple((name, before, after) for name, before, after in misses if before != after),
    )


@dataclass
class _Split:
    """One round in parts, ns: ``own`` work of every step, and what else the path of those ``waited_for`` has in it."""

    own: dict[str, float] = field(default_factory=dict)
    waited_for: set[str] = field(default_factory=lambda: {""})
    queued: dict[str, float] = field(default_factory=dict)
    retried: dict[str, float] = field(default_factory=dict)
    gaps: float = 0.0


@dataclass
class _Side:
    """Means over one side's rounds: ``work`` of every step, the ``share`` of rounds it held up, ``held`` both."""

    total: float
    work: dict[str, float]
    share: dict[str, float]
    held: dict[str, float]
    queued: dict[str, float]
    retried: dict[str, float]
    gaps: float
    misses: dict[str, float]


def _changes(now: _Side, then: _Side) -> Iterator[Part]:
    slower = now.total >= then.total
    switched = 0.0
    for path in dict.fromkeys([*now.work, *then.work]):
        one, other = (now, then) if slower else (then, now)
        expected = one.share[path] * other.work.get(path, 0.0) if path in one.work else other.held[path]
        if path not in one.work:  # it is not there any more, or not yet: all of it is its own
            work, switch = -expected, 0.0
        else:
            work, switch = one.held[path] - expected, expected - other.held.get(path, 0.0)
        switched += switch if slower else -switch
        yield Part(kind="work", path=path, change_ns=work if slower else -work)
    yield Part(kind="path", path="", change_ns=switched)
    for kind, after, before in (("queueing", now.queued, then.queued), ("retries", now.retried, then.retried)):
        for path in dict.fromkeys([*after, *before]):
            yield Part(kind=kind, path=path, change_ns=after.get(path, 0.0) - before.get(path, 0.0))
    yield Part(kind="gaps", path="", change_ns=now.gaps - then.gaps)


def _side(rounds: Sequence[Round], whose: str) -> _Side:
    kept = _fastest([r for r in rounds if r.status == "passed"])
    if not kept:
        raise MeasurementError(f"no round of {whose} passed, so its time cannot be attributed")
    splits = [_split(taken) for taken in kept]

    def mean(part: Callable[[_Split], Mapping[str, float]]) -> dict[str, float]:
        sums: dict[str, float] = defaultdict(float)
        for split in splits:
            for path, value in part(split).items():
                sums[path] += value
        return {path: value / len(splits) for path, value in sums.items()}

    seen = mean(lambda split: dict.fromkeys(split.own, 1.0))
    return _Side(
        total=fmean(taken.total_ns for taken in kept),
        work={path: value / seen[path] for path, value in mean(lambda split: split.own).items()},
        share=mean(lambda split: {path: float(path in split.waited_for) for path in split.own}),
        held=mean(lambda split: {path: ns * (path in split.waited_for) for path, ns in split.own.items()}),
        queued=mean(lambda split: split.queued),
        retried=mean(lambda split: split.retried),
        gaps=fmean(split.gaps for split in splits),
        misses={name: n / len(kept) for name, n in _misses(kept).items()},
    )


def _misses(rounds: Sequence[Round]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for taken in rounds:
        for cache in taken.caches:
            counts[cache.name] += cache.misses
    return counts


def _split(taken: Round) -> _Split:
    """A round along its critical path, and along that inside every step; outer steps come first."""
    spans = {span.path: span for span in taken.spans}
    found = _Split()
    for graph in graphs(taken):
        path = observed(graph)
        ran = {timing.path: timing.duration_ns for timing in path.timings}
        for task in graph.tasks:
            found.own[task.path] = ran.get(task.path, task.duration_ns)
        gaps = {timing.path: timing.gap_ns for timing in path.timings}
        covered = 0
        for step in path.path:
            queued = min(gaps[step], spans[step].waited_ns)
            retried = min(gaps[step] - queued, spans[step].retry_ns)
            covered += ran[step] + queued + retried
            if graph.path not in found.waited_for:
                continue
            found.waited_for.add(step)
            found.queued[step], found.retried[step] = queued, retried
            found.gaps += 0 if graph.path else gaps[step] - queued - retried
        if graph.path:
            found.own[graph.path] -= covered
    return found
