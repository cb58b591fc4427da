"""Identification, checked against the truth of random worlds and against dowhy."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from causalrec_utils.graphs import CausalGraph, Edge, identify
from causalrec_utils.graphs import _id as formulas

from .strategies import random_dag

# Graphs that need every line of the algorithm; random ones seldom do.
HARD = (
    "w -> z -> x -> y; w <-> x; w <-> y",
    "x -> a -> b -> y; x <-> b; a <-> y",
    "x -> a -> y; x -> b -> y; x <-> y",
    "w -> z -> x -> m -> y; w <-> x; w <-> y; x <-> y",
)


def arcs(graph: CausalGraph, rng: np.random.Generator, share: float) -> CausalGraph:
    """The graph with unobserved common causes of random pairs."""
    pairs = [p for p in combinations(graph.nodes, 2) if rng.random() < share]
    return graph.replace(edges=(*graph.edges, *(Edge(a, "<->", b) for a, b in pairs)))


class World:
    """Yes-or-no nodes with random tables; every distribution by enumeration."""

    def __init__(self, graph: CausalGraph, rng: np.random.Generator) -> None:
        import networkx as nx

        self.nodes = graph.nodes
        self.dag = graph.to_networkx()
        self.order = list(nx.topological_sort(self.dag))
        self.parents = {n: sorted(self.dag.predecessors(n)) for n in self.order}
        self.chance = {
            n: rng.uniform(0.1, 0.9, size=(2,) * len(self.parents[n])) for n in self.order
        }

    def joint(self, do: dict[str, int]) -> np.ndarray:
        """Of the measured nodes, as an array with one axis a node."""
        table = np.zeros((2,) * len(self.nodes))
        for values in product((0, 1), repeat=len(self.order)):
            at = dict(zip(self.order, values, strict=True))
            if any(at[n] != v for n, v in do.items()):
                continue
            p = 1.0
            for n in self.order:
                if n not in do:
                    one = self.chance[n][tuple(at[q] for q in self.parents[n])]
                    p *= one if at[n] else 1 - one
            table[tuple(at[n] for n in self.nodes)] += p
        return table


def value(part: tuple, at: dict[str, int], nodes: tuple[str, ...], joint: np.ndarray) -> float:
    """A formula at some values of its variables."""
    kind = part[0]
    if kind == "P":

        def mass(names: tuple[str, ...]) -> float:
            where = tuple(at[n] if n in names else slice(None) for n in nodes)
            return float(joint[where].sum())

        return mass(part[1] + part[2]) / mass(part[2])
    if kind == "prod":
        return float(np.prod([value(p, at, nodes, joint) for p in part[1]]))
    if kind == "frac":
        return value(part[1], at, nodes, joint) / value(part[2], at, nodes, joint)
    filled = product((0, 1), repeat=len(part[1]))
    steps = (at | dict(zip(part[1], v, strict=True)) for v in filled)
    return sum(value(part[2], step, nodes, joint) for step in steps)


def worlds(count: int) -> list[tuple[CausalGraph, np.random.Generator]]:
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        found.append((arcs(random_dag(rng, 5, 0.5), rng, 0.2), rng))
    return found


def test_formulas_give_the_true_distribution_under_intervention() -> None:
    right = hedges = 0
    hard = [(CausalGraph.parse(text), np.random.default_rng(0)) for text in HARD]
    for graph, rng in hard + worlds(60):
        world = World(graph, rng)
        data = world.joint({})
        x, y = ("x", "y") if "x" in graph.nodes else rng.choice(graph.nodes, 2, replace=False)
        try:
            found = formulas.formula(graph, x, y)
        except formulas.Hedge:
            hedges += 1
            assert identify(graph, x, y).method in ("iv", "not identifiable")
            continue
        truth = world.joint({x: 1})
        at = graph.nodes.index(y)
        expected = truth.sum(axis=tuple(i for i in range(len(graph.nodes)) if i != at))[1]
        for idle in (0, 1):
            here = dict.fromkeys(graph.nodes, idle) | {x: 1, y: 1}
            assert value(found, here, graph.nodes, data) == pytest.approx(expected)
        right += 1
    assert right > 30 + len(HARD) and hedges > 2


def test_adjustment_sets_give_the_true_distribution() -> None:
    checked = 0
    for graph, rng in worlds(60):
        x, y = rng.choice(graph.nodes, 2, replace=False)
        estimand = identify(graph, x, y)
        if estimand.method != "backdoor":
            continue
        world = World(graph, rng)
        data, truth = world.joint({}), world.joint({x: 1})
        at = graph.nodes.index(y)
        expected = truth.sum(axis=tuple(i for i in range(len(graph.nodes)) if i != at))[1]
        for names in estimand.adjustments:
            inner = [("P", (y,), tuple(sorted((x, *names))))]
            inner += [("P", names, ())] if names else []
            found = ("sum", names, ("prod", tuple(inner)))
            assert value(found, {x: 1, y: 1}, graph.nodes, data) == pytest.approx(expected)
            checked += 1
    assert checked > 20


def test_back_door_is_found_exactly_where_dowhy_finds_one() -> None:
    from dowhy.causal_identifier.auto_identifier import BackdoorAdjustment, identify_backdoor

    both = 0
    for graph, rng in worlds(60):
        x, y = rng.choice(graph.nodes, 2, replace=False)
        estimand = identify(graph, x, y)
        if estimand.method == "no effect":
            continue
        sets = identify_backdoor(
            graph.to_networkx(),
            [x],
            [y],
            list(graph.nodes),
            BackdoorAdjustment.BACKDOOR_EXHAUSTIVE,
        )
        theirs = [set(s.get_adjustment_variables()) for s in sets]
        assert bool(theirs) == (estimand.method == "backdoor")
        if theirs:
            # A smallest set is one from which nothing can be taken away.
            assert set(estimand.adjustments[0]) in theirs
            assert not any(other < set(estimand.adjustments[0]) for other in theirs)
            both += 1
    assert both > 15


def test_front_door_agrees_with_dowhy() -> None:
    from dowhy.causal_identifier.auto_identifier import identify_frontdoor

    graph = CausalGraph.parse("x -> m -> y; x <-> y")
    estimand = identify(graph, "x", "y")
    theirs = identify_frontdoor(graph.to_networkx(), ["x"], ["y"], list(graph.nodes))
    assert (estimand.method, estimand.mediator) == ("frontdoor", "m")
    assert list(theirs) == ["m"]


@pytest.mark.parametrize(
    ("text", "method", "arguments"),
    [
        ("c -> x -> y; c -> y", "backdoor", {"confounders": ["c"]}),
        ("x -> y; x -> m -> y; y -> c; x -> c", "backdoor", {"confounders": []}),
        ("x -> m -> y; x <-> y", "frontdoor", {"method": "front_door", "mediator": "m"}),
        (
            "c -> x -> m -> y; x <-> y; c -> m; c -> y",
            "frontdoor",
            {"method": "front_door", "mediator": "m", "confounders": ["c"]},
        ),
        ("x -> n -> m -> y; x <-> m", "frontdoor", {"method": "front_door", "mediator": "n"}),
        ("w -> z -> x -> y; w <-> x; w <-> y", "id", None),
        ("z -> x -> y; x <-> y", "iv", {"method": "iv", "instrument": "z"}),
        ("z <-> x; x -> y; x <-> y", "iv", {"method": "iv", "instrument": "z"}),
        (
            "w -> z -> x -> y; w -> y; x <-> y; w <-> y",
            "iv",
            {"method": "iv", "instrument": "z", "confounders": ["w"]},
        ),
        ("x -> y; x <-> y", "not identifiable", None),
        ("x -> m -> y; x <-> m", "not identifiable", None),
        ("z -> x -> y; x <-> y; z -> y", "not identifiable", None),
        ("x -> a -> y; x -> b -> y; x <-> y", "id", None),
        ("y -> x", "no effect", None),
        ("a -- x; x -> y; a -> y", "not identifiable", None),
        ("a -> x -> y; a -> y; y -> b; b -- c", "backdoor", {"confounders": ["a"]}),
    ],
)
def test_known_cases(text: str, method: str, arguments: dict | None) -> None:
    estimand = identify(CausalGraph.parse(text), "x", "y")
    assert estimand.method == method
    assert bool(estimand) == (method != "not identifiable")
    if arguments is None:
        with pytest.raises(ValueError, match="x on y"):
            _ = estimand.ate_arguments
    else:
        full = {"treatment": "x", "outcome": "y", "confounders": []} | arguments
        assert estimand.ate_arguments == full


def test_latent_nodes_and_arcs_are_the_same_thing() -> None:
    latent = CausalGraph.parse("x <- u -> y; x -> m -> y", latent=["u"])
    arc = CausalGraph.parse("x <-> y; x -> m -> y")
    assert identify(latent, "x", "y") == identify(arc, "x", "y")


def test_the_reason_is_in_words() -> None:
    text = repr(identify(CausalGraph.parse("x -> y; x <-> y"), "x", "y"))
    assert "not identifiable" in text and "unobserved causes (x <-> y)" in text
    text = repr(identify(CausalGraph.parse("a -- x; x -> y; a -> y"), "x", "y"))
    assert "leaves open: a -- x" in text


def test_effects_ate_takes_the_arguments() -> None:
    import pandas as pd

    from causalrec_utils import effects

    rng = np.random.default_rng(0)
    c = rng.normal(size=4000)
    x = (rng.random(4000) < 1 / (1 + np.exp(-c))).astype(int)
    data = pd.DataFrame({"c": c, "x": x, "y": 2 * c + x + rng.normal(size=4000)})
    estimand = identify(CausalGraph.parse("c -> x -> y; c -> y"), "x", "y")
    estimate = effects.ate(data, **estimand.ate_arguments)
    assert abs(estimate.value - 1) < 0.2


@pytest.mark.parametrize(
    ("text", "x", "y", "message"),
    [
        ("x -> y", "x", "x", "are both 'x'"),
        ("x -> y", "z", "y", "treatment 'z' is not a measured node"),
        ("x -> y -> z -> x", "x", "y", "has a cycle"),
    ],
)
def test_bad_questions_are_refused(text: str, x: str, y: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        identify(CausalGraph.parse(text), x, y)
