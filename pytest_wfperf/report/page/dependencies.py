"""Graphs of declared dependencies, laid out in columns and rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from ...analyse.analysis import Analysis
from ...analyse.graph import Graph, graphs
from ...analyse.level import Level
from ...model import Round
from ..layers import layers

MOST_TASKS = 200  # of one graph
DIGITS = 5  # of the longest task


def dependencies(found: Analysis, typical: Round, places: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """One drawing for each level of the round of median length that declares what comes after what.

    Of a graph with more tasks than can be told apart, their number.
    """
    levels = {level.path: level for level in found.levels}
    for graph in graphs(typical):
        if graph.declared and len(graph.tasks) > MOST_TASKS:
            yield {"title": graph.path, "tasks": len(graph.tasks)}
        elif graph.declared and graph.path in levels:
            yield _drawing(graph, levels[graph.path], places)


def _drawing(graph: Graph, level: Level, places: Mapping[str, int]) -> dict[str, Any]:
    numbers = {task.path: number for number, task in enumerate(graph.tasks)}
    medians = {} if level.declared is None else {step.path: step.duration_ns for step in level.declared.steps}
    path = () if level.typical is None else level.typical.path
    edges = [(numbers[before], numbers[task.path]) for task in graph.tasks for before in task.after]
    critical = set(pairwise(path))
    spots = layers(len(graph.tasks), edges)
    unit = 10 ** max(0, len(str(max(medians.values(), default=0))) - DIGITS)
    return {
        "title": graph.path,
        "unit": unit,
        "nodes": [
            [places[task.path], *spots[n], medians.get(task.path, task.duration_ns) // unit, int(task.path in path)]
            for n, task in enumerate(graph.tasks)
        ],
        "edges": [[a, b, int((graph.tasks[a].path, graph.tasks[b].path) in critical)] for a, b in edges],
    }
