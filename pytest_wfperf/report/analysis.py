"""What a profile tells by itself, as a text to read and as JSON: the critical path, and where the time goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from .text import duration, plural, printable, share

if TYPE_CHECKING:
    from ..analyse.analysis import Analysis
    from ..analyse.bottleneck import Bottlenecks
    from ..analyse.level import Level
    from ..analyse.what_if import Ceiling

MOST_STEPS = 50  # of a level, in the JSON: those with most drag, then least slack
MOST_LINKS = 30  # of the critical path, in the text
MOST_IN_SHORT = 8
MOST_ORDERS = 5  # of either kind
TELLING = 0.01  # of the workflow: what takes less is not told of in the text


def render(found: Analysis, ceilings: Sequence[Ceiling] = ()) -> list[str]:
    """All of it, line by line; ``ceilings`` are what a change of the slowest steps could gain."""
    rounds = plural(found.rounds, "round") + (f" ({found.failed} failed, left out)" if found.failed else "")
    median = duration(found.bottlenecks.total_ns)
    lines = [f"{printable(found.workflow)}: {rounds}, median {median}"]
    if not found.path:
        return [*lines, "no step was recorded: put `with wfperf.step(name):` around what is to be told apart"]
    lines += _path(found)
    lines += _steps(found.bottlenecks, ceilings)
    lines += lost(found.bottlenecks)
    lines += _order(found)
    lines += [f"note: {printable(problem)}" for problem in found.problems]
    return lines


def in_short(found: Analysis) -> list[str]:
    """The critical path and what weighs on it, in a line or two."""
    steps = [link for link in found.path if link.depth == 0]
    if len(steps) < 2:
        return []
    heaviest = sorted(steps, key=lambda link: -link.drag_ns)[:MOST_IN_SHORT]
    shown = [link for link in steps if link in heaviest]
    named = " → ".join(f"{printable(link.path)} {duration(link.duration_ns)}" for link in shown)
    more = len(steps) - len(shown)
    return [f"critical path: {named}" + (f" and {plural(more, 'shorter step')}" if more else "")]


def as_json(found: Analysis) -> dict[str, Any]:
    """The analysis as builtins: of a level with more than 50 steps, the weightiest. Keys are only ever added."""
    data: dict[str, Any] = _listed({**asdict(found), "levels": [_level(level) for level in found.levels]})
    return data


def _level(level: Level) -> dict[str, Any]:
    data = asdict(level)
    del data["typical"]  # it is the expanded path
    for paths in filter(None, (data["observed"], data["declared"])):
        paths["steps"] = sorted(paths["steps"], key=lambda step: (-step["drag_ns"], step["slack_ns"]))[:MOST_STEPS]
    return data


def _listed(value: Any) -> Any:
    """The value with lists for tuples, as JSON reads them back."""
    if isinstance(value, dict):
        return {name: _listed(inner) for name, inner in value.items()}
    return list(map(_listed, value)) if isinstance(value, list | tuple) else value


# --- the critical path ----------------------------------------------------------------


def _path(found: Analysis) -> Iterator[str]:
    workflow = found.levels[0]
    paths = workflow.declared if workflow.first == "declared" and workflow.declared else workflow.observed
    how = "by what steps come after" if paths.basis == "declared" else "as steps followed each other"
    often = paths.routes[0].rounds
    same = "" if workflow.rounds == 1 else f", the same in {often} of {workflow.rounds} rounds"
    yield ""
    yield f"critical path, {how}{same}; the median round took {duration(found.path_ns)}"
    links = found.path if len(found.path) <= MOST_LINKS else [link for link in found.path if link.depth == 0]
    shown = links[:MOST_LINKS]
    rows = [
        [
            "· " * link.depth + printable(link.path.rpartition("/")[2] if link.depth else link.path),
            duration(link.duration_ns),
            duration(link.drag_ns),
            duration(link.gap_ns) if link.gap_ns >= TELLING * found.path_ns else "",
        ]
        for link in shown
    ]
    yield from _table(rows, ["step", "takes", "saves at most", "gap before"])
    if len(links) > len(shown):
        yield f"  and {plural(len(links) - len(shown), 'more step')}"
    beside = [s for s in paths.steps if not s.critical and s.duration_ns >= TELLING * found.path_ns]
    if beside:
        slack = sorted(beside, key=lambda step: step.slack_ns)[:MOST_IN_SHORT]
        told = ", ".join(f"{printable(step.path)} {duration(step.slack_ns)}" for step in slack)
        yield f"not on it, and may take longer by: {told}"


# --- where the time goes --------------------------------------------------------------


def _steps(found: Bottlenecks, ceilings: Sequence[Ceiling]) -> Iterator[str]:
    most = {ceiling.path: ceiling for ceiling in ceilings}
    rows = []
    for cost in found.by_own:
        ceiling = most.get(cost.path)
        best = "" if ceiling is None or ceiling.remaining_ns <= 0 else f"{ceiling.speedup:.3g}x"
        rows.append(
            [
                printable(cost.path),
                duration(cost.own_ns),
                share(cost.own_share),
                duration(cost.total_ns),
                f"{cost.count:g}",
                best,
            ]
        )
    headers = ["step", "own time", "share", "with steps inside", "times", "without it"]
    yield ""
    yield f"where the time goes: steps cover {share(found.parallelism)} of it" + (
        ", for they overlap" if found.parallelism > 1 else ""
    )
    yield from _table(rows, headers if ceilings else headers[:-1])
    heavy = [cost for cost in found.heavy if cost not in found.by_own]
    if heavy:
        told = ", ".join(f"{printable(cost.path)} {share(cost.share)}" for cost in heavy[:MOST_IN_SHORT])
        yield f"over 10 % with the steps inside: {told}"


def lost(found: Bottlenecks) -> Iterator[str]:
    """Time in which no work was done, and work that grows."""
    for wait in (wait for wait in found.waits if wait.share >= TELLING):
        yield f"waited: {printable(wait.path)} was ready {duration(wait.waited_ns)} before it began"
    for tried in found.retries:
        lost = f"{duration(tried.lost_ns)} lost in {plural(tried.rounds, 'round')}"
        yield f"tried again: {printable(tried.path)}, {plural(tried.retries, 'time')}, {lost}"
    for gap in (gap for gap in found.gaps if gap.share >= TELLING):
        where = f"in {printable(gap.path)}" if gap.path else "in the workflow"
        parts = (
            (gap.first_ns, "before the first step"),
            (gap.between_ns, "between steps"),
            (gap.last_ns, "after the last"),
        )
        told = ", ".join(f"{duration(ns)} {what}" for ns, what in parts if ns)
        yield f"no step ran {where} for {duration(gap.total_ns)} ({share(gap.share)}): {told}"
    for growth in found.growth:
        by = f"{duration(growth.growth_ns)} more at the end of a round than at its start"
        yield f"grows: {printable(growth.path)} takes {by} ({growth.count:g} times, {duration(growth.mean_ns)} each)"


def _order(found: Analysis) -> Iterator[str]:
    """Order that could be given up, where that could save something."""
    least_ns = TELLING * found.path_ns
    for edge in [edge for edge in found.unused_edges if edge.overlap_ns >= least_ns][:MOST_ORDERS]:
        yield (
            f"{printable(edge.step)} is declared to come after {printable(edge.after)}, which never held it up "
            f"({plural(edge.rounds, 'round')}): without that up to {duration(edge.overlap_ns)} could overlap"
        )
    for order in [order for order in found.hidden_order if order.overlap_ns >= least_ns][:MOST_ORDERS]:
        path = f", {order.critical} times on the critical path" if order.critical else ""
        yield (
            f"{printable(order.step)} always began after {printable(order.after)} had ended, which nothing declares "
            f"({plural(order.rounds, 'round')}{path}): up to {duration(order.overlap_ns)} could overlap"
        )


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> list[str]:
    cut = [row[: len(headers)] for row in rows]
    lines = tabulate(cut, headers=headers, tablefmt="simple", disable_numparse=True).splitlines()
    return [f"  {line}".rstrip() for line in lines]
