"""The steps of one round as tasks with edges: what was declared to come after what, and when each ran.

Steps nest, so there is one graph for every step that has steps of its own, and one for the round.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from ..model import Round, Span

SOLID = 0.9  # of the time from first start to last end: a step at work for less of it had pauses


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One step among its siblings, over all its entries in the round.

    ``duration_ns`` is the time it was at work: the sum of its entries, at most that from ``start_ns`` to
    ``end_ns``, which are offsets from the round's start. ``waited_ns`` is how long it was ready before.
    ``after`` are the paths of siblings it was declared to come after.
    """

    path: str
    duration_ns: int
    start_ns: int
    end_ns: int
    waited_ns: int = 0
    after: tuple[str, ...] = ()
    group: str | None = None

    @property
    def solid(self) -> bool:
        """Whether it was at work from its start to its end, with no pauses to speak of."""
        return self.duration_ns >= SOLID * (self.end_ns - self.start_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Siblings in the order of their starts, inside a step or round that ran from ``start_ns`` to ``end_ns``.

    ``path`` is the enclosing step's, empty for the round. It was at work for ``duration_ns``, of which no task
    covers ``own_ns`` (exact for a step; for the round as well as :func:`timeline` can tell). ``problems`` are
    sentences about declared edges that are left out: names that no sibling bears, and cycles. What is left has none.
    """

    path: str
    start_ns: int
    end_ns: int
    duration_ns: int
    own_ns: int
    tasks: tuple[Task, ...]
    problems: tuple[str, ...] = ()

    @property
    def declared(self) -> bool:
        """Whether any edge was declared."""
        return any(task.after for task in self.tasks)

    @property
    def paused(self) -> bool:
        """Whether the enclosing step was left and entered again, so that other steps ran between these."""
        return self.duration_ns < SOLID * (self.end_ns - self.start_ns)


def graphs(taken: Round) -> Iterator[Graph]:
    """The round's graph, then one for every step that encloses others, outermost first. Linear in steps and edges."""
    spans = {span.path: span for span in taken.spans if span.path}
    within: dict[str, list[Span]] = defaultdict(list)
    for span in spans.values():
        within[_enclosing(span.path, spans)].append(span)
    yield _of_round(taken, within.pop("", []))
    for path, children in sorted(within.items(), key=lambda item: item[0].count("/")):
        yield _of_step(spans[path], children)


def timeline(graph: Graph) -> tuple[Task, ...]:
    """The tasks as one stretch of work each, in the order of their starts; only those whose place can be told.

    A step entered several times has pauses in which its siblings ran: a loop over two steps. Where such a step and
    those that overlap with it add up to no more than the time they took together, they took turns, and each is laid
    out in one piece, one after another, what is left over coming last. Where they add up to more, some
    ran at the same time; of those with pauses nobody can tell which, and they are left out.
    """
    if graph.paused:
        return tuple(_laid_out(graph.tasks, graph.start_ns, graph.duration_ns - graph.own_ns))
    placed: list[Task] = []
    for cluster in _clusters(graph.tasks):
        solid = all(task.solid for task in cluster)
        placed += cluster if solid else _laid_out(cluster, cluster[0].start_ns, _extent(cluster))
    return tuple(placed)


def _enclosing(path: str, spans: Mapping[str, Span]) -> str:
    """The path of the nearest recorded step around this one: a name may have slashes of its own."""
    path = path.rpartition("/")[0]
    while path and path not in spans:
        path = path.rpartition("/")[0]
    return path


def _of_round(taken: Round, children: list[Span]) -> Graph:
    tasks, problems = _tasks("", children)
    covered = sum(min(_work(cluster), _extent(cluster)) for cluster in _clusters(tasks))
    return Graph(
        path="",
        start_ns=0,
        end_ns=taken.total_ns,
        duration_ns=taken.total_ns,
        own_ns=max(0, taken.total_ns - covered),
        tasks=tasks,
        problems=problems,
    )


def _of_step(span: Span, children: list[Span]) -> Graph:
    tasks, problems = _tasks(f"{span.path}/", children)
    return Graph(
        path=span.path,
        start_ns=span.start_ns,
        end_ns=max(span.start_ns, span.end_ns),
        duration_ns=_duration(span),
        own_ns=span.own_ns,
        tasks=tasks,
        problems=problems,
    )


def _duration(span: Span) -> int:
    return max(0, min(span.total_ns, span.end_ns - span.start_ns))


def _tasks(prefix: str, children: list[Span]) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    children.sort(key=lambda span: (span.start_ns, span.end_ns))
    after, problems = _edges(prefix, children)
    tasks = tuple(
        Task(
            path=span.path,
            duration_ns=_duration(span),
            start_ns=span.start_ns,
            end_ns=max(span.start_ns, span.end_ns),
            waited_ns=span.waited_ns,
            after=after[span.path],
            group=span.group,
        )
        for span in children
    )
    return tasks, tuple(problems)


def _edges(prefix: str, children: Sequence[Span]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """What each comes after, by path, without cycles; and what was wrong with the rest."""
    places = {span.path: place for place, span in enumerate(children)}
    after: dict[str, tuple[str, ...]] = {}
    problems = []
    for span in children:
        if not span.after:
            after[span.path] = ()
            continue
        wanted = {name if name in places else prefix + name: name for name in span.after}
        after[span.path] = tuple(path for path in wanted if path in places)
        problems += [
            f"{span.path} comes after {name!r}, which no step beside it is called"
            for path, name in wanted.items()
            if path not in places
        ]
    in_order = all(places[name] < places[path] for path, names in after.items() for name in names)
    if not in_order and (cycle := _cycle(after)):
        problems.append(f"steps come after each other in a circle: {' -> '.join(cycle)}")
        after = {path: tuple(n for n in names if places[n] < places[path]) for path, names in after.items()}
    return after, problems


def _cycle(after: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A circle of edges, each name followed by one that comes after it; empty where there is none."""
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def _clusters(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Tasks that overlap, directly or through others, together."""
    cluster: list[Task] = []
    end_ns = 0
    for task in tasks:
        if cluster and task.start_ns >= end_ns:
            yield cluster
            cluster = []
        end_ns = max(end_ns, task.end_ns) if cluster else task.end_ns
        cluster.append(task)
    if cluster:
        yield cluster


def _work(tasks: Sequence[Task]) -> int:
    return sum(task.duration_ns for task in tasks)


def _extent(tasks: Sequence[Task]) -> int:
    return max(task.end_ns for task in tasks) - tasks[0].start_ns


def _laid_out(tasks: Sequence[Task], at_ns: int, room_ns: int) -> Iterator[Task]:
    """Tasks end to end where there is room for all; else those without pauses where they were."""
    if _work(tasks) > room_ns:
        yield from (task for task in tasks if task.solid)
        return
    for task in tasks:
        end_ns = at_ns + task.duration_ns
        yield task if (task.start_ns, task.end_ns) == (at_ns, end_ns) else replace(task, start_ns=at_ns, end_ns=end_ns)
        at_ns = end_ns
