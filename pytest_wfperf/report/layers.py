"""Places for the nodes of a graph, in columns that its edges cross from left to right.

Sources: longest-path layers as Healy & Nikolov 2013, §13.3; order within them by barycentres, and edges over several
columns as chains of placeholders, after Sugiyama, Tagawa & Toda 1981.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise
from statistics import fmean

SWEEPS = 16  # there and back; orders have settled by then or go in circles
PLACEHOLDERS = 5_000  # an order that minds more of them takes longer than it is worth


def layers(count: int, edges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The column and row of each of the nodes 0, 1, …, so that edges lead to higher columns and few of them cross.

    The same graph always gives the same places, and nodes without any reason to be elsewhere stay in their order.
    Rows count from 0 in each column, without gaps.

    Raises graphlib.CycleError if edges lead back to where they came from.
    """
    known = sorted(set(edges))
    column = _columns(count, known)
    ranks, above, below = _chained(column, known)
    best = [tuple(layer) for layer in ranks]
    fewest = _crossings(best, below)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        _sweep(ranks, above if sweep % 2 == 0 else below, backwards=sweep % 2 == 1, turned=sweep % 4 > 1)
        crossings = _crossings(ranks, below)
        if crossings < fewest:
            best, fewest = [tuple(layer) for layer in ranks], crossings
    row = {node: number for layer in best for number, node in enumerate(node for node in layer if node < count)}
    return tuple((column[node], row[node]) for node in range(count))


def _columns(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """How many edges the longest way to each node has."""
    before: dict[int, list[int]] = {node: [] for node in range(count)}
    for start, end in edges:
        before[end].append(start)
    column = [0] * count
    for node in TopologicalSorter(before).static_order():
        column[node] = max((column[other] + 1 for other in before[node]), default=0)
    return column


def _chained(
    column: Sequence[int], edges: Sequence[tuple[int, int]]
) -> tuple[list[list[int]], dict[int, list[int]], dict[int, list[int]]]:
    """The nodes of each column, with placeholders (numbered on) where edges pass it, and each one's neighbours."""
    layers: list[list[int]] = [[] for _ in range(max(column, default=-1) + 1)]
    for node, number in enumerate(column):
        layers[number].append(node)
    following = len(column)
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    chains = sum(column[end] - column[start] - 1 for start, end in edges) <= PLACEHOLDERS
    for start, end in edges:
        last = start
        for number in range(column[start] + 1, column[end]) if chains else ():
            layers[number].append(following)
            below.setdefault(last, []).append(following)
            above.setdefault(following, []).append(last)
            last, following = following, following + 1
        if chains or column[end] == column[start] + 1:
            below.setdefault(last, []).append(end)
            above.setdefault(end, []).append(last)
    return layers, above, below


def _sweep(layers: list[list[int]], towards: dict[int, list[int]], *, backwards: bool, turned: bool) -> None:
    """Order each layer by where its nodes' neighbours in the one just ordered are on average; the others stay put.

    ``turned`` puts those of the same average the other way round, without which most orders could not improve further.
    """
    order = range(len(layers) - 2, -1, -1) if backwards else range(1, len(layers))
    for number in order:
        before = {node: at for at, node in enumerate(layers[number + 1 if backwards else number - 1])}
        wish = {node: fmean(before[other] for other in towards[node]) for node in layers[number] if node in towards}
        moved = iter(sorted(reversed(wish) if turned else wish, key=wish.__getitem__))
        layers[number] = [next(moved) if node in wish else node for node in layers[number]]


def _crossings(layers: Sequence[Sequence[int]], below: dict[int, list[int]]) -> int:
    """How many pairs of edges between neighbouring layers cross, counted with a tree of partial sums."""
    return sum(_crossed(upper, lower, below) for upper, lower in pairwise(layers))


def _crossed(upper: Sequence[int], lower: Sequence[int], below: dict[int, list[int]]) -> int:
    place_of = {node: at for at, node in enumerate(lower, start=1)}
    tree = [0] * (len(lower) + 1)
    seen = found = 0
    for node in upper:
        ends = sorted(place_of[other] for other in below.get(node, ()))
        for end in ends:
            found += seen - _sum(tree, end)
        for end in ends:
            seen += 1
            at = end
            while at < len(tree):
                tree[at] += 1
                at += at & -at
    return found


def _sum(tree: Sequence[int], end: int) -> int:
    """How many of what was counted ends at or before ``end``."""
    total = 0
    while end:
        total += tree[end]
        end &= end - 1
    return total
