"""Discovery: the right class from much data, under a prior, quietly and repeatably."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_utils.graphs import CausalGraph, Edge, Prior, cpdag, discover

TRUTH = CausalGraph.parse("taste -> shown; quality -> shown; shown -> click; click -> bought")


def linear(
    graph: CausalGraph, n: int = 20_000, seed: int = 0, *, gaussian: bool = True
) -> pd.DataFrame:
    """Linear relations with strong weights."""
    import networkx as nx

    rng, data = np.random.default_rng(seed), {}
    for node in nx.lexicographical_topological_sort(graph.to_networkx()):
        noise = rng.normal(size=n) if gaussian else rng.uniform(-1, 1, size=n)
        data[node] = noise + sum(0.8 * data[parent] for parent in graph.parents(node))
    return pd.DataFrame(data)[list(graph.observed)]


def binary(graph: CausalGraph, n: int = 20_000, seed: int = 0) -> pd.DataFrame:
    """Each node is yes with a probability that its parents raise."""
    import networkx as nx

    rng, data = np.random.default_rng(seed), {}
    for node in nx.lexicographical_topological_sort(graph.to_networkx()):
        p = 0.2 + sum(0.35 * data[parent] for parent in graph.parents(node))
        data[node] = (rng.random(n) < p).astype(int)
    return pd.DataFrame(data)[list(graph.nodes)].replace({0: "no", 1: "yes"})


@pytest.mark.parametrize("method", ["pc", "ges"])
@pytest.mark.parametrize("make", [linear, binary])
def test_the_class_is_found_from_much_data(method: str, make: object) -> None:
    assert discover(make(TRUTH), method, alpha=0.001) == cpdag(TRUTH)  # type: ignore[operator]


def test_lingam_finds_the_dag_where_noise_is_not_gaussian() -> None:
    graph = CausalGraph.parse("c -> a -> b; c -> b")
    assert discover(linear(graph, gaussian=False), "lingam") == graph


def test_fci_sees_an_unobserved_cause_where_pc_invents_an_arrow() -> None:
    graph = CausalGraph.parse("a -> x <- u -> y <- b", latent=["u"])
    data = linear(graph)
    found = discover(data, "fci", alpha=0.001)
    assert Edge("x", "<->", "y") in found.edges
    assert found.edges == CausalGraph.parse("a o-> x; b o-> y; x <-> y").edges


@pytest.mark.parametrize("method", ["pc", "fci", "ges", "lingam"])
def test_equal_data_give_equal_graphs_without_a_word(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, prior = linear(TRUTH, 500), Prior(tiers=[["taste", "quality"], ["shown"]])
    state = np.random.get_state()[1].tolist()
    assert discover(data, method, prior=prior) == discover(data, method, prior=prior)
    assert capsys.readouterr() == ("", "")
    assert np.random.get_state()[1].tolist() == state


@pytest.mark.parametrize("method", ["pc", "fci", "ges", "lingam"])
def test_a_prior_is_kept(method: str) -> None:
    chain = CausalGraph.parse("a -> b -> c")
    data = linear(chain, 5_000, gaussian=method != "lingam")
    tiers = discover(data, method, prior=Prior(tiers=[["a"], ["b"], ["c"]]))
    arrow = "o->" if method == "fci" else "->"
    assert Edge("a", arrow, "b") in tiers.edges
    required = discover(data, method, prior=Prior(required=[("a", "c")]))
    assert Edge("a", "->", "c") in required.edges
    if method != "lingam":
        assert "added, though the data don't show it" in " ".join(required.notes)
    assert not required.has_cycle


def test_order_of_columns_does_not_matter_to_fci_and_pc() -> None:
    data = linear(TRUTH, 5_000)
    for method in ("pc", "fci"):
        assert discover(data[data.columns[::-1]], method) == discover(data, method)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("b", [1.0, np.nan, 2.0, 3.0], "column 'b': must not be missing; first offending row: 1"),
        ("b", [1.0, 2.0, np.inf, 3.0], "column 'b': must be finite.*first offending row: 2"),
        ("b", [1.0] * 4, "column 'b': must have at least two different values"),
        ("b", ["x", "y", "x", "y"], "column 'b': must be numbers.*first offending row: 0"),
        ("b", [0.1, 0.2, 0.4, 0.3], "column 'b': must not be a linear function of column 'a'"),
    ],
)
def test_bad_columns_are_refused(column: str, values: list, message: str) -> None:
    data = pd.DataFrame({"a": [1.0, 2.0, 4.0, 3.0], column: values})
    with pytest.raises(ValueError, match=message):
        discover(data, "pc")


def test_bad_requests_are_refused() -> None:
    data = binary(TRUTH, 100)
    with pytest.raises(ValueError, match="lingam needs continuous"):
        discover(data, "lingam")
    with pytest.raises(ValueError, match="method must be one of"):
        discover(data, "magic")
    with pytest.raises(ValueError, match="alpha must be in"):
        discover(data, "pc", alpha=0)
    with pytest.raises(ValueError, match="at least two columns"):
        discover(data[["taste"]], "pc")
    with pytest.raises(ValueError, match="'age' is not a variable"):
        discover(data, "pc", prior=Prior(required=[("age", "taste")]))
