"""Random graphs for property tests."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import strategies as st

from causalrec_utils.graphs import CausalGraph, Edge

NAMES = ("a", "b", "c", "d", "e", "f")


def random_dag(rng: np.random.Generator, n: int = 6, density: float = 0.4) -> CausalGraph:
    """A DAG whose order of causes is not the order of names."""
    order = rng.permutation(NAMES[:n]).tolist()
    pairs = [pair for pair in combinations(order, 2) if rng.random() < density]
    return CausalGraph(NAMES[:n], tuple(Edge(a, "->", b) for a, b in pairs))


@st.composite
def dags(draw: st.DrawFn) -> CausalGraph:
    seed = draw(st.integers(0, 10**6))
    n = draw(st.integers(2, 6))
    return random_dag(np.random.default_rng(seed), n, draw(st.sampled_from([0.2, 0.5, 0.8])))


@st.composite
def mixed(draw: st.DrawFn) -> CausalGraph:
    """Any marks, with arrows along one order, so that they form no cycle."""
    order = draw(st.permutations(NAMES))
    marks = st.sampled_from(["", "->", "--", "--", "o->", "o-o", "<->"])
    edges = [(a, draw(marks), b) for a, b in combinations(order, 2)]
    return CausalGraph(NAMES, tuple(Edge(*edge) for edge in edges if edge[1]))
