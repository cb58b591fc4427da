"""`compare`: how far a graph is from the true one."""

from __future__ import annotations

import math
from itertools import combinations

import pandas as pd

from ._graph import CausalGraph, Edge
from ._orient import cpdag

__all__ = ["compare"]


def compare(
    graph: CausalGraph, truth: CausalGraph, *, equivalence_class: bool = False
) -> pd.DataFrame:
    r"""How far a graph is from the true one.

    The structural Hamming distance counts the pairs of nodes that the two graphs join otherwise:
    an edge too many, one missing, or one with another mark. Perfect: 0. An empty graph scores the
    number of true edges, which is the number to beat.

    Parameters
    ----------
    graph, truth : CausalGraph
        With the same nodes.
    equivalence_class : bool
        Compare what data alone could tell: a DAG is replaced by its `cpdag` on either side, so
        that PC and GES aren't charged for lines that no data can orient.

    Returns
    -------
    pandas.DataFrame
        Index: measure; columns ``value``, ``definition``. A share of nothing is NaN.

    Raises
    ------
    ValueError
        If the nodes differ, or ``truth`` isn't a DAG where ``equivalence_class`` is asked for.

    Notes
    -----
    Source: Tsamardinos, Brown and Aliferis (2006), The max-min hill-climbing Bayesian network
    structure learning algorithm, Machine Learning. Introduced in section 2.2.

    Examples
    --------
    >>> truth = CausalGraph.parse("a -> b -> c")
    >>> compare(CausalGraph.parse("a -> b; c -> b; a -> c"), truth)["value"].round(2).to_dict()
    {'edges': 3.0, 'true edges': 2.0, 'SHD': 2.0, 'skeleton precision': 0.67,
     'skeleton recall': 1.0, 'orientation accuracy': 0.5, 'orientation precision': 0.5}
    """
    if set(graph.nodes) != set(truth.nodes):
        odd = sorted(set(graph.nodes) ^ set(truth.nodes))
        raise ValueError(f"the graphs have different nodes: {', '.join(odd[:5])}")
    if equivalence_class:
        truth = cpdag(truth)
        graph = cpdag(graph) if graph.is_dag else graph
    ours, true = _marks(graph), _marks(truth)
    pairs = {frozenset(pair) for pair in combinations(graph.nodes, 2)}
    shared = ours.keys() & true.keys()
    directed = {p for p in shared if any(e.mark == "->" for e in true[p])}
    right = {p for p in directed if ours[p] == true[p]}
    decided = {p for p in directed if any(e.mark in ("->", "<->") for e in ours[p])}
    rows = {
        "edges": (len(ours), "joined pairs in the graph"),
        "true edges": (len(true), "joined pairs in the truth; SHD of the empty graph"),
        "SHD": (
            sum(ours.get(p) != true.get(p) for p in pairs),
            "pairs with an edge too many, missing, or with another mark",
        ),
        "skeleton precision": (_share(len(shared), len(ours)), "of its edges, share that exist"),
        "skeleton recall": (_share(len(shared), len(true)), "of true edges, share it has"),
        "orientation accuracy": (
            _share(len(right), len(directed)),
            "of true arrows that it joins, share directed right (open counts as wrong)",
        ),
        "orientation precision": (
            _share(len(right), len(decided)),
            "of true arrows that it joins and directs, share directed right",
        ),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "definition"])
    table["value"] = table["value"].astype(float)
    return table.rename_axis("measure")


def _marks(graph: CausalGraph) -> dict[frozenset[str], set[Edge]]:
    marks: dict[frozenset[str], set[Edge]] = {}
    for edge in graph.edges:
        marks.setdefault(frozenset((edge.source, edge.target)), set()).add(edge)
    return marks


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
