"""Equivalence classes, combination with a prior, and comparison."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_utils.graphs import CausalGraph, Edge, Prior, combine, compare, cpdag

from .strategies import NAMES, dags, mixed

PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=12).map(
    lambda pairs: [(a, b) for a, b in pairs if a != b]
)


def reference_cpdag(graph: CausalGraph) -> set[Edge]:
    """By causal-learn."""
    from causallearn.graph.Dag import Dag
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.utils.DAG2CPDAG import dag2cpdag

    nodes = [GraphNode(name) for name in graph.nodes]
    dag = Dag(nodes)
    for edge in graph.edges:
        dag.add_directed_edge(*(nodes[graph.nodes.index(name)] for name in edge[::2]))
    ends, n = dag2cpdag(dag).graph, len(nodes)
    found = set()
    for i, j in product(range(n), range(n)):
        if ends[i, j] == -1 and ends[j, i] == 1:
            found.add(Edge(graph.nodes[i], "->", graph.nodes[j]))
        if i < j and ends[i, j] == ends[j, i] == -1:
            found.add(Edge(graph.nodes[i], "--", graph.nodes[j]))
    return found


@given(dags())
@settings(max_examples=60, deadline=None)
def test_cpdag_agrees_with_causal_learn(graph: CausalGraph) -> None:
    assert set(cpdag(graph).edges) == reference_cpdag(graph)


@given(dags())
@settings(max_examples=60, deadline=None)
def test_a_true_prior_recovers_the_dag_from_its_class(graph: CausalGraph) -> None:
    whole = combine(cpdag(graph), graph)
    assert whole == graph
    assert whole.notes == ()


@given(dags(), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_class_with_any_prior_stays_in_the_class(graph: CausalGraph, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(graph.nodes).tolist()
    prior = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    whole = combine(cpdag(graph), prior)
    assert whole.is_dag
    assert cpdag(whole) == cpdag(graph)


@given(mixed(), PAIRS)
@settings(max_examples=200, deadline=None)
def test_combine_never_makes_a_cycle_nor_moves_what_was_settled(
    graph: CausalGraph, prior: list[tuple[str, str]]
) -> None:
    whole = combine(graph, prior)
    assert not whole.has_cycle
    assert whole.skeleton() == graph.skeleton()
    settled = {e for e in graph.edges if e.mark in ("->", "<->")}
    assert settled <= set(whole.edges)


def test_meek_s_fourth_rule() -> None:
    # With c -> b, b -> d closes a cycle, and d -> b makes a new collider of c and d.
    whole = combine(CausalGraph.parse("b -- c; b -- d; b -- a; d -> a; a -> c"), [])
    assert Edge("b", "->", "c") in whole.edges


def test_combine_says_what_conflicts() -> None:
    graph = CausalGraph.parse("a -> b; b -- c; d <-> e; c o-> e")
    whole = combine(graph, [("b", "a"), ("d", "e"), ("e", "c"), ("a", "e"), ("c", "b")])
    assert Edge("b", "->", "c") in whole.edges  # c -> b would make a new collider
    text = " ".join(whole.notes)
    assert "b -> a left out: the data say a -> b" in text
    assert "d -> e left out: the data say d <-> e" in text
    assert "e -> c left out: the data say c o-> e" in text
    assert "c -> b left out: what was oriented before implies b -> c" in text
    assert "1 of the prior's edges join pairs" in text


def test_the_surer_edge_wins() -> None:
    graph = CausalGraph.parse("a -- b; b -- c; a -- c")
    arrows = (Edge("a", "->", "b"), Edge("b", "->", "c"), Edge("c", "->", "a"))
    for weakest in arrows:
        sure = {edge: 0.2 if edge == weakest else 0.9 for edge in arrows}
        whole = combine(graph, CausalGraph(("a", "b", "c"), arrows, confidence=sure))
        assert weakest not in whole.edges
        assert set(arrows) - {weakest} <= set(whole.edges)


def test_a_prior_on_circles_leaves_room_for_unobserved_causes() -> None:
    graph = CausalGraph.parse("a o-o b; c o-> d")
    early = combine(graph, Prior(tiers=[["a", "c", "d"], ["b"]]))
    assert early == CausalGraph.parse("a o-> b; c o-> d")
    assert combine(graph, Prior(forbidden=[("c", "d")])) == CausalGraph.parse("a o-o b; c <-> d")
    assert combine(graph, Prior(required=[("a", "b")])) == CausalGraph.parse("a -> b; c o-> d")


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (Prior(required=[("a", "z")]), "'z' is not a variable"),
        (Prior(required=[("a", "b")], forbidden=[("a", "b")]), "required and ruled out"),
        (Prior(required=[("b", "a")], tiers=[["a"], ["b"]]), "required and ruled out"),
        (Prior(required=[("a", "b"), ("b", "c"), ("c", "a")]), "form a cycle"),
        (Prior(tiers=[["a"], ["b", "a"]]), "'a' is in two tiers"),
        ([("a", "z")], "'z' is not a node"),
    ],
)
def test_bad_priors_are_refused(prior: Prior, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        combine(CausalGraph.parse("a -- b; b -- c"), prior)


@given(mixed())
@settings(max_examples=40, deadline=None)
def test_a_graph_has_no_distance_to_itself(graph: CausalGraph) -> None:
    value = compare(graph, graph)["value"]
    assert value["SHD"] == 0
    if graph.edges:
        assert value["skeleton precision"] == value["skeleton recall"] == 1


@given(dags(), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_distance_is_symmetric_and_that_of_the_empty_graph_counts_edges(
    graph: CausalGraph, seed: int
) -> None:
    from .strategies import random_dag

    other = random_dag(np.random.default_rng(seed), len(graph.nodes))
    distance = compare(graph, other)["value"]["SHD"]
    assert distance == compare(other, graph)["value"]["SHD"]
    empty = CausalGraph(graph.nodes)
    assert compare(empty, graph)["value"]["SHD"] == len(graph.edges)


@given(dags())
@settings(max_examples=40, deadline=None)
def test_what_data_cannot_tell_is_not_charged_in_the_class(graph: CausalGraph) -> None:
    assert compare(cpdag(graph), graph, equivalence_class=True)["value"]["SHD"] == 0


def test_compare_counts() -> None:
    truth = CausalGraph.parse("a -> b; b -> c; c -> d; a -> d")
    value = compare(CausalGraph.parse("a -> b; c -> b; c -- d; a -> c"), truth)["value"]
    assert value["SHD"] == 4  # b-c turned, c-d open, a-d missing, a-c too many
    assert value["skeleton precision"] == 0.75
    assert value["skeleton recall"] == 0.75
    assert value["orientation accuracy"] == pytest.approx(1 / 3)
    assert value["orientation precision"] == 0.5
    assert math.isnan(compare(CausalGraph(truth.nodes), truth)["value"]["orientation accuracy"])


def test_compare_refuses_other_nodes() -> None:
    with pytest.raises(ValueError, match="different nodes: c"):
        compare(CausalGraph.parse("a -> b"), CausalGraph.parse("a -> b -> c"))
