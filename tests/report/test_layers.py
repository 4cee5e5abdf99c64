"""Places of a graph's nodes: columns that edges cross from left to right, rows with few crossings."""

from __future__ import annotations

from graphlib import CycleError
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_wfperf.report.layers import layers


def crossings(places, edges):
    """How many pairs of edges between the same two neighbouring columns cross, counted pair by pair."""
    near = [(places[a], places[b]) for a, b in set(edges) if places[b][0] == places[a][0] + 1]
    return sum(
        1
        for i, ((column, upper), (_, lower)) in enumerate(near)
        for (other, up), (_, low) in near[i + 1 :]
        if column == other and (upper - up) * (lower - low) < 0
    )


def test_a_chain_is_one_row():
    assert layers(4, [(0, 1), (1, 2), (2, 3)]) == ((0, 0), (1, 0), (2, 0), (3, 0))


def test_a_node_stands_one_column_after_the_last_it_waits_for():
    assert layers(4, [(0, 1), (1, 2), (0, 3), (2, 3)]) == ((0, 0), (1, 0), (2, 0), (3, 0))


def test_nodes_without_edges_keep_their_order_in_the_first_column():
    assert layers(3, []) == ((0, 0), (0, 1), (0, 2))


def test_nothing_has_no_place():
    assert layers(0, []) == ()


def test_two_crossed_edges_are_uncrossed():
    places = layers(4, [(0, 3), (1, 2)])
    assert places == ((0, 0), (0, 1), (1, 1), (1, 0))
    assert crossings(places, [(0, 3), (1, 2)]) == 0


def test_a_tree_is_drawn_without_crossings_whatever_its_numbering():
    edges = [(0, 5), (0, 3), (5, 9), (3, 7), (5, 6), (3, 8), (9, 10), (8, 11), (7, 12), (6, 13)]
    assert crossings(layers(14, edges), edges) == 0


def test_edges_over_several_columns_take_part_in_the_order():
    """0 and 1 lead straight to 5 and 4, past the column that 3 stands in: they must not cross on the way."""
    places = layers(6, [(2, 3), (3, 4), (3, 5), (0, 5), (1, 4)])
    assert [column for column, _ in places] == [0, 0, 0, 1, 2, 2]
    assert (places[0][1] < places[1][1]) == (places[5][1] < places[4][1])


def test_nodes_that_lead_nowhere_are_not_in_the_way_of_those_that_do():
    edges = [(0, 1), (0, 5), (2, 4), (3, 4), (3, 5), (4, 6)]
    assert crossings(layers(8, edges), edges) == 0


def test_a_tie_is_broken_the_other_way_where_that_uncrosses_more():
    edges = [(0, 4), (1, 4), (2, 3), (2, 5), (3, 6), (3, 7), (4, 7), (5, 7)]
    assert crossings(layers(8, edges), edges) == 0


def test_the_best_order_on_the_way_is_kept():
    """Steps that each wait for the same two cannot do with less than one crossing, which later sweeps would spoil."""
    edges = [(0, 4), (1, 3), (1, 5), (2, 3), (2, 5), (3, 6), (4, 6)]
    assert crossings(layers(7, edges), edges) == 1


def test_an_edge_back_is_refused():
    with pytest.raises(CycleError):
        layers(2, [(0, 1), (1, 0)])


@st.composite
def graphs(draw):
    """A graph without cycles whose numbers say nothing of its order."""
    count = draw(st.integers(1, 25))
    names = draw(st.permutations(range(count)))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    drawn = draw(st.lists(pairs, max_size=40)) if count > 1 else []
    return count, [(names[a], names[b]) for a, b in drawn]


@given(graphs())
def test_edges_go_to_the_right_and_no_two_nodes_share_a_place(graph):
    count, edges = graph
    places = layers(count, edges)
    assert len(set(places)) == len(places) == count
    assert all(places[a][0] < places[b][0] for a, b in edges)


@given(graphs())
def test_columns_are_as_few_as_can_be_and_rows_are_without_gaps(graph):
    count, edges = graph
    places = layers(count, edges)
    for node, (column, _) in enumerate(places):
        assert column == max((places[a][0] + 1 for a, b in edges if b == node), default=0)
    for column in {column for column, _ in places}:
        rows = sorted(row for there, row in places if there == column)
        assert rows == list(range(len(rows)))


@example((4, [(0, 1), (0, 3), (1, 3), (1, 2), (0, 2)]), Random(1))
@given(graphs(), st.randoms())
def test_the_order_of_the_edges_does_not_matter(graph, random):
    count, edges = graph
    shuffled = [*edges, *edges[:1]]
    random.shuffle(shuffled)
    assert layers(count, shuffled) == layers(count, edges) == layers(count, edges[::-1])


@given(graphs())
def test_neighbouring_columns_cross_no_more_than_in_the_order_given(graph):
    """Where all edges join neighbouring columns, sweeping never leaves more crossings than there were."""
    count, edges = graph
    places = layers(count, edges)
    near = [(a, b) for a, b in edges if places[b][0] == places[a][0] + 1]
    if len(near) == len(edges):
        given_order = [
            (column, sum(1 for other in range(node) if places[other][0] == column))
            for node, (column, _) in enumerate(places)
        ]
        assert crossings(places, edges) <= crossings(given_order, edges)
