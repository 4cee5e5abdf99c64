"""Where a workflow's time goes: its slowest steps, and what passes between, before and around them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import attrgetter
from typing import TypeVar

from ..model import Round, Span
from ..samples import quantile
from .graph import Graph
from .level import median

Entry = TypeVar("Entry")

MOST = 10  # told of each kind
FEWEST = 4  # entries in a round: fewer lie on some line whatever they do
HEAVY = 0.1  # of the workflow
GROWN = 0.1  # of its mean entry: a step that grows by less is not told of
CHANCE = 0.001  # how often a step that does not grow may look as if it did


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCost:
    """What one step costs: medians over the ``rounds`` that entered it, ``count`` times each.

    ``own_ns`` is the time that no step inside it covers. Shares are of the workflow's median; those of
    steps that overlap add up to more than 1.
    """

    path: str
    rounds: int
    count: float
    own_ns: int
    total_ns: int
    own_share: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long a step was ready and had not begun, median and worst round; ``share`` of the workflow's median."""

    path: str
    waited_ns: int
    worst_ns: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """A step tried again: ``retries`` in all, in ``rounds``, which took ``lost_ns``, ``share`` of all rounds' time."""

    path: str
    retries: int
    rounds: int
    lost_ns: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Time inside the step ``path`` (empty: the workflow) in which no step ran: dispatch, or work that no step covers.

    Medians over rounds: ``first_ns`` before the first step, ``between_ns``, ``last_ns`` after the last, and
    ``total_ns`` of all three, ``share`` of the workflow's median. In a step with pauses all counts as between.
    """

    path: str
    first_ns: int
    between_ns: int
    last_ns: int
    total_ns: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A step whose entries take longer towards the end of a round than at its start, beyond chance.

    ``growth_ns`` is by how much the last entry takes longer than the first (by a line fitted to all),
    ``mean_ns`` what one takes, both medians over ``rounds``; ``ratio`` is the median of one over the other.
    """

    path: str
    rounds: int
    count: float
    growth_ns: int
    mean_ns: int
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottlenecks:
    """Where the time of ``rounds`` rounds goes, each list the weightiest first and ten long at most, but for ``heavy``.

    ``heavy`` are the steps over 10 % of the workflow's median ``total_ns``. ``parallelism`` is the median of
    all own times together over the round's: below 1 the rest is time outside all steps, above 1 steps overlapped.
    """

    rounds: int
    total_ns: int
    parallelism: float
    by_own: tuple[StepCost, ...]
    by_total: tuple[StepCost, ...]
    heavy: tuple[StepCost, ...]
    waits: tuple[Wait, ...]
    retries: tuple[Retries, ...]
    gaps: tuple[Gap, ...]
    growth: tuple[Growth, ...]


def bottlenecks(rounds: Sequence[Round], levels: Mapping[str, Sequence[Graph]]) -> Bottlenecks:
    """Where the time of ``rounds`` (at least one) goes; ``levels`` are their graphs by path. Linear."""
    steps: dict[str, list[Span]] = {}
    for taken in rounds:
        for span in taken.spans:
            steps.setdefault(span.path, []).append(span)
    whole_ns = median([taken.total_ns for taken in rounds])
    own_ns = {path: median([span.own_ns for span in spans]) for path, spans in steps.items()}
    total_ns = {path: median([span.total_ns for span in spans]) for path, spans in steps.items()}
    all_ns = sum(taken.total_ns for taken in rounds)

    def costs(of: Mapping[str, int], least_ns: float, most: int) -> tuple[StepCost, ...]:
        paths = nlargest(most, (path for path, ns in of.items() if ns > least_ns), of.__getitem__)
        return tuple(_cost(path, steps[path], own_ns[path], total_ns[path], whole_ns) for path in paths)

    return Bottlenecks(
        rounds=len(rounds),
        total_ns=whole_ns,
        parallelism=quantile([_share(sum(s.own_ns for s in taken.spans), taken.total_ns) for taken in rounds], 0.5),
        by_own=costs(own_ns, 0, MOST),
        by_total=costs(total_ns, 0, MOST),
        heavy=costs(total_ns, HEAVY * whole_ns, len(steps)),
        waits=_most((_wait(path, spans, whole_ns) for path, spans in steps.items()), "waited_ns", "worst_ns"),
        retries=_most((_retries(path, spans, all_ns) for path, spans in steps.items()), "lost_ns", "retries"),
        gaps=_most((_gap(path, graphs, whole_ns) for path, graphs in levels.items()), "total_ns"),
        growth=_most((_growth(path, spans) for path, spans in steps.items()), "ratio"),
    )


def _most(entries: Iterable[Entry | None], *names: str) -> tuple[Entry, ...]:
    """The largest by the named fields of those there are."""
    return tuple(nlargest(MOST, filter(None, entries), attrgetter(*names)))


def _cost(path: str, spans: Sequence[Span], own_ns: int, total_ns: int, whole_ns: int) -> StepCost:
    return StepCost(
        path=path,
        rounds=len(spans),
        count=quantile([span.count for span in spans], 0.5),
        own_ns=own_ns,
        total_ns=total_ns,
        own_share=_share(own_ns, whole_ns),
        share=_share(total_ns, whole_ns),
    )


def _wait(path: str, spans: Sequence[Span], whole_ns: int) -> Wait | None:
    waited = [span.waited_ns for span in spans]
    if not any(waited):
        return None
    waited_ns = median(waited)
    return Wait(path=path, waited_ns=waited_ns, worst_ns=max(waited), share=_share(waited_ns, whole_ns))


def _retries(path: str, spans: Sequence[Span], all_ns: int) -> Retries | None:
    if not any(span.retries for span in spans):
        return None
    lost_ns = sum(span.retry_ns for span in spans)
    return Retries(
        path=path,
        retries=sum(span.retries for span in spans),
        rounds=sum(span.retries > 0 for span in spans),
        lost_ns=lost_ns,
        share=_share(lost_ns, all_ns),
    )


def _gap(path: str, graphs: Sequence[Graph], whole_ns: int) -> Gap | None:
    found = [_idle(graph) for graph in graphs]
    first_ns, between_ns, last_ns = (median(part) for part in zip(*found, strict=True))
    total_ns = median([sum(parts) for parts in found])
    if not total_ns:
        return None
    return Gap(
        path=path,
        first_ns=first_ns,
        between_ns=between_ns,
        last_ns=last_ns,
        total_ns=total_ns,
        share=_share(total_ns, whole_ns),
    )


def _idle(graph: Graph) -> tuple[int, int, int]:
    """Time before the first task, between tasks and after the last; a level without tasks has nothing between them."""
    if graph.paused or not graph.tasks:
        return 0, graph.own_ns if graph.tasks else 0, 0
    first_ns = max(0, graph.tasks[0].start_ns - graph.start_ns)
    last_ns = max(0, graph.end_ns - max(task.end_ns for task in graph.tasks))
    return first_ns, max(0, graph.own_ns - first_ns - last_ns), last_ns


def _growth(path: str, spans: Sequence[Span]) -> Growth | None:
    """The step's growth where it is large enough and beyond chance over its rounds.

    Of two tests one has to say so. Without growth a round's entries might as well have come in the opposite order,
    so that a round grows or shrinks as a coin falls: of n rounds n/2 grow. And a round's growth is a weighted sum of
    entries between its least and its largest, of mean 0: the squares of the weights of n entries add up to
    12 (n - 1) / (n (n + 1)). Rounds count the more the less their entries differ, so that one hiccup does not
    hide what the others show. Both sums are held against Hoeffding 1963, theorem 2.
    """
    spans = [span for span in spans if span.count >= FEWEST and span.total_ns > 0 and span.max_ns > span.min_ns]
    if not spans:
        return None
    ratio = quantile([span.growth_ns * span.count / span.total_ns for span in spans], 0.5)
    growing = sum(span.growth_ns > 0 for span in spans) - len(spans) / 2
    squares = [12 * (s.count - 1) / (s.count * (s.count + 1)) * (s.max_ns - s.min_ns) ** 2 for s in spans]
    grown = sum(span.growth_ns / square for span, square in zip(spans, squares, strict=True))
    beyond = _beyond_chance(growing, len(spans)) or _beyond_chance(grown, sum(1 / square for square in squares))
    if ratio < GROWN or not beyond:
        return None
    return Growth(
        path=path,
        rounds=len(spans),
        count=quantile([span.count for span in spans], 0.5),
        growth_ns=median([span.growth_ns for span in spans]),
        mean_ns=median([span.total_ns // span.count for span in spans]),
        ratio=ratio,
    )


def _beyond_chance(excess: float, squares: float) -> bool:
    """Whether a sum exceeds its mean by too much for chance; ``squares`` adds up the squares of its terms' ranges."""
    return excess > 0 and math.exp(-2 * excess**2 / squares) <= CHANCE


def _share(part_ns: float, whole_ns: float) -> float:
    return part_ns / whole_ns if whole_ns else 0.0
