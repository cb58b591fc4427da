"""The graph type: what it refuses, and that nothing is lost on the way to other forms."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import networkx as nx
import pydot
import pytest
from hypothesis import given, settings

from causalrec_utils.graphs import CausalGraph, Edge

from .strategies import dags, mixed

MIXED = "a -> b <- c; b -- d; d <-> e; e o-> f; f o-o g; g -o h; a <-> b; alone"


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ("aa", [], "'a' is named twice"),
        ("ab", [("a", "->", "c")], "not both of its ends are nodes"),
        ("ab", [("a", "=>", "b")], "mark must be one of"),
        ("ab", [("a", "->", "a")], "joined to itself"),
        ("ab", [("a", "->", "b"), ("b", "->", "a")], "joined already"),
        ("ab", [("a", "->", "b"), ("a", "--", "b")], "joined already"),
    ],
)
def test_bad_graphs_are_refused(nodes: str, edges: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CausalGraph(tuple(nodes), tuple(edges))


def test_bad_text_and_latents_are_refused() -> None:
    with pytest.raises(ValueError, match="can't read 'a => b'"):
        CausalGraph.parse("a => b")
    with pytest.raises(ValueError, match="latent 'z' is not a node"):
        CausalGraph.parse("a -> b", latent=["z"])


def test_equality_ignores_how_an_edge_was_written() -> None:
    left = CausalGraph.parse("a -> b; b <-> c; c o-> d")
    right = CausalGraph.parse("d <-o c; c <-> b; b <- a")
    assert left == right
    assert hash(left) == hash(right)
    assert left != CausalGraph.parse("a -> b; b <-> c; c o-o d")
    assert left != left.replace(latent=["a"])


def test_printed_graph_can_be_read_back() -> None:
    graph = CausalGraph.parse(MIXED)
    lines = [line for line in repr(graph).splitlines()[1:] if "no edges" not in line]
    again = CausalGraph.parse(";".join([*lines, "alone"]))
    assert again == graph


@given(dags())
@settings(max_examples=40, deadline=None)
def test_networkx_and_gml_keep_a_dag(graph: CausalGraph) -> None:
    assert CausalGraph.from_networkx(graph.to_networkx()) == graph
    assert CausalGraph.from_networkx(nx.parse_gml(graph.to_gml())) == graph
    assert graph.is_dag


def test_gml_makes_unobserved_causes_explicit() -> None:
    graph = CausalGraph.parse("x -> y <-> x")
    again = CausalGraph.from_networkx(nx.parse_gml(graph.to_gml()))
    assert again.latent == ("U_x_y",)
    assert again.project() == graph


def test_dowhy_reads_the_gml() -> None:
    import pandas as pd
    from dowhy import CausalModel

    graph = CausalGraph.parse("taste -> shown; taste -> click; shown -> click; shown <-> click")
    data = pd.DataFrame({name: [0, 1] for name in graph.nodes})
    model = CausalModel(data, "shown", "click", graph=graph.to_gml())
    assert "taste" in model._graph._graph.nodes
    assert model.identify_effect(proceed_when_unidentifiable=True).get_backdoor_variables() == []


def test_dot_is_valid_and_complete() -> None:
    graph = CausalGraph.parse(MIXED)
    (parsed,) = pydot.graph_from_dot_data(graph.to_dot())
    assert len(parsed.get_edges()) == len(graph.edges)
    assert {node.get_name().strip('"') for node in parsed.get_nodes()} >= set(graph.nodes)


def test_projection_of_a_latent_chain() -> None:
    graph = CausalGraph.parse("x -> u -> y; u -> z; w <-> u", latent=["u"])
    assert graph.project() == CausalGraph.parse("x -> y; x -> z; y <-> z; w <-> y; w <-> z")


@given(mixed())
@settings(max_examples=15, deadline=None)
def test_picture_shows_all_nodes_without_overlap(graph: CausalGraph) -> None:
    from causalrec_utils.graphs._draw import layout

    at = layout(graph)
    assert set(graph.nodes) <= set(at)
    centres = [at[name] for name in graph.nodes]
    for i, (x, y) in enumerate(centres):
        for other_x, other_y in centres[:i]:
            assert abs(y - other_y) > 0.5 or abs(x - other_x) > 0.34
    for edge in graph.edges:
        if edge.mark == "->":
            assert at[edge.source][1] > at[edge.target][1]


def test_svg_is_the_same_each_time_says_the_edges_and_needs_no_host() -> None:
    graph = CausalGraph.parse("taste -> click; taste <-> click; u -> taste", latent=["u"])
    text = graph._repr_svg_()
    assert text == graph._repr_svg_()
    root = ET.fromstring(text)
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None and "click <-> taste" in str(title.text)
    assert root.get("role") == "img"
    assert "<script" not in text and "@import" not in text and 'href="http' not in text


def test_drawing_needs_alternative_text() -> None:
    with pytest.raises(ValueError, match="alt must say"):
        CausalGraph.parse("a -> b").draw(alt="graph")


def test_cycles_are_seen() -> None:
    assert CausalGraph.parse("a -> b -> c -> a").has_cycle
    assert not CausalGraph.parse("a -> b -> c -- a").is_dag


def test_edges_are_plain_tuples() -> None:
    assert CausalGraph.parse("b <- a").edges == (Edge("a", "->", "b"),)
