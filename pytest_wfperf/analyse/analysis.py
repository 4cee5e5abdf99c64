"""Everything that one profile tells: the critical path, what lies beside it, and where the time goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import MeasurementError
from ..model import Profile, Round
from .bottleneck import Bottlenecks, bottlenecks
from .edges import HiddenOrder, UnusedEdge, hidden_order, unused_edges
from .graph import graphs
from .level import Level, Link, Occurrence, expanded, level, occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What one profile tells. Times are ns, shares and ratios plain fractions, steps are named by their paths.

    ``rounds`` are those analysed, ``failed`` those left out because the workflow failed in them (where it
    failed in all, all are analysed). ``path`` is the critical path of the round of median length, which took
    ``path_ns``, with the paths inside its steps: at every depth gaps and durations add up to what encloses them but for
    that level's ``typical.closing_ns``. ``levels`` begins with the workflow itself, outer ones first. ``problems`` are
    sentences about declared edges that could not be used.
    """

    workflow: str
    rounds: int
    failed: int
    path_ns: int
    path: tuple[Link, ...]
    levels: tuple[Level, ...]
    unused_edges: tuple[UnusedEdge, ...]
    hidden_order: tuple[HiddenOrder, ...]
    bottlenecks: Bottlenecks
    problems: tuple[str, ...]


def analyse(profile: Profile) -> Analysis:
    """All analyses of one profile; nearly linear in its rounds, steps and declared edges.

    Raises MeasurementError where no round was recorded.
    """
    rounds, shown = _analysed(profile), typical(profile)
    seen: dict[str, list[Occurrence]] = {}
    for one in rounds:
        for graph in graphs(one):
            seen.setdefault(graph.path, []).append(occurrence(graph, typical=one is shown))
    paths = sorted(seen, key=lambda path: path.count("/") if path else -1)
    levels = tuple(level(seen[path]) for path in paths)
    both = [(one, seen[one.path]) for one in levels]
    graphs_of = {path: [one.graph for one in seen[path]] for path in paths}
    return Analysis(
        workflow=profile.workflow,
        rounds=len(rounds),
        failed=len(profile.rounds) - len(rounds),
        path_ns=shown.total_ns,
        path=expanded(levels),
        levels=levels,
        unused_edges=tuple(edge for one, found in both for edge in unused_edges(one, found)),
        hidden_order=tuple(order for one, found in both for order in hidden_order(one, found)),
        bottlenecks=bottlenecks(rounds, graphs_of),
        problems=tuple(
            dict.fromkeys(problem for path in paths for graph in graphs_of[path] for problem in graph.problems)
        ),
    )


def typical(profile: Profile) -> Round:
    """The round of median length among those analysed, the shorter one of two in the middle.

    Raises MeasurementError where no round was recorded.
    """
    rounds = _analysed(profile)
    if not rounds:
        raise MeasurementError(f"no round of {profile.workflow} was recorded, so there is nothing to analyse")
    return sorted(rounds, key=lambda r: r.total_ns)[(len(rounds) - 1) // 2]


def _analysed(profile: Profile) -> Sequence[Round]:
    """The rounds that passed, or all where none did."""
    return [r for r in profile.rounds if r.status == "passed"] or profile.rounds
