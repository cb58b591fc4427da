"""The ID algorithm: a formula for P(outcome | do(treatment)), or the hedge that forbids one.

Formulas are nested tuples: ("P", variables, given), ("prod", parts), ("sum", variables, part),
("frac", top, bottom).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ._graph import CausalGraph

__all__ = ["Hedge", "ancestors", "formula", "free", "text", "within"]

Formula = tuple[Any, ...]


class Hedge(Exception):
    """No formula exists: ``whole`` is one confounded component, and so is ``part`` within it."""

    def __init__(self, whole: frozenset[str], part: frozenset[str]) -> None:
        super().__init__(whole, part)
        self.whole, self.part = whole, part


def _sum(over: Iterable[str], part: Formula) -> Formula:
    names = tuple(sorted(over))
    return ("sum", names, part) if names else part


def _prod(parts: list[Formula]) -> Formula:
    return parts[0] if len(parts) == 1 else ("prod", tuple(parts))


@dataclass(frozen=True)
class Distribution:
    """Of the variables in ``order``: the data's, a product of ``factors``, or another formula."""

    order: tuple[str, ...]
    dag: Any
    factors: dict[str, Formula] | None = None
    whole: Formula | None = None

    def marginal(self, keep: frozenset[str]) -> Distribution:
        """Without the other variables."""
        order = tuple(v for v in self.order if v in keep)
        if self.factors is None and self.whole is None:
            return Distribution(order, self.dag)
        if self.factors is not None and self.order[: len(order)] == order:
            return Distribution(order, self.dag, {v: self.factors[v] for v in order})
        return Distribution(order, self.dag, whole=_sum(set(self.order) - keep, self.joint()))

    def joint(self) -> Formula:
        """Of all variables."""
        if self.whole is not None:
            return self.whole
        if self.factors is None:
            return ("P", self.order, ())
        return _prod([self.factors[v] for v in self.order])

    def conditional(self, variable: str) -> Formula:
        """Of one variable given those before it."""
        import networkx as nx

        at = self.order.index(variable)
        if self.factors is not None:
            return self.factors[variable]
        if self.whole is not None:
            after = self.order[at + 1 :]
            return ("frac", _sum(after, self.whole), _sum((variable, *after), self.whole))
        given = set(self.order[:at])
        for name in self.order[:at]:  # what makes no difference is left out of the formula
            if nx.is_d_separator(self.dag, {variable}, {name}, given - {name}):
                given.discard(name)
        return ("P", (variable,), tuple(sorted(given)))


def _components(graph: CausalGraph) -> list[frozenset[str]]:
    """Sets of nodes that ``<->`` connect."""
    import networkx as nx

    both = nx.Graph()
    both.add_nodes_from(graph.nodes)
    both.add_edges_from((e.source, e.target) for e in graph.edges if e.mark == "<->")
    return sorted((frozenset(c) for c in nx.connected_components(both)), key=sorted)


def within(graph: CausalGraph, keep: frozenset[str]) -> CausalGraph:
    """The graph of some of the nodes."""
    edges = tuple(e for e in graph.edges if {e.source, e.target} <= keep)
    nodes = tuple(n for n in graph.nodes if n in keep)
    return CausalGraph(nodes, edges, tuple(n for n in graph.latent if n in keep))


def ancestors(graph: CausalGraph, nodes: frozenset[str]) -> frozenset[str]:
    """The nodes, and all that cause them."""
    found, todo = set(nodes), list(nodes)
    while todo:
        new = set(graph.parents(todo.pop())) - found
        found |= new
        todo += new
    return frozenset(found)


def formula(graph: CausalGraph, treatment: str, outcome: str) -> Formula:
    """P(outcome | do(treatment)) from the distribution of the measured nodes of an ADMG.

    Raises `Hedge` if there is no formula. Source: Shpitser and Pearl (2006), Identification of
    joint interventional distributions in recursive semi-Markovian causal models, AAAI.
    """
    import networkx as nx

    dag = graph.to_networkx()
    order = tuple(v for v in nx.lexicographical_topological_sort(dag) if v in graph.nodes)
    start = Distribution(order, dag)
    return _identify(frozenset([outcome]), frozenset([treatment]), start, graph)


def _identify(y: frozenset[str], x: frozenset[str], p: Distribution, graph: CausalGraph) -> Formula:
    """Lines 1 to 7 of the algorithm in the paper."""
    nodes = frozenset(graph.nodes)
    if not x:
        return p.marginal(y).joint()
    up = ancestors(graph, y)
    if up != nodes:
        return _identify(y, x & up, p.marginal(up), within(graph, up))
    cut = graph.replace(edges=[e for e in graph.edges if e.mark != "->" or e.target not in x])
    idle = nodes - x - ancestors(cut, y)
    if idle:
        return _identify(y, x | idle, p, graph)
    parts = _components(within(graph, nodes - x))
    if len(parts) > 1:
        inner = [_identify(part, nodes - part, p, graph) for part in parts]
        return _sum(nodes - x - y, _prod(inner))
    part, wholes = parts[0], _components(graph)
    if wholes == [nodes]:
        raise Hedge(nodes, part)
    whole = next(c for c in wholes if part <= c)
    factors = {v: p.conditional(v) for v in p.order if v in whole}
    if part == whole:
        return _sum(part - y, _prod(list(factors.values())))
    narrow = Distribution(tuple(factors), p.dag, factors)
    return _identify(y, x & whole, narrow, within(graph, whole))


def free(part: Formula) -> frozenset[str]:
    """Variables that a formula leaves to be filled in."""
    if part[0] == "P":
        return frozenset(part[1]) | frozenset(part[2])
    if part[0] == "sum":
        return free(part[2]) - set(part[1])
    return frozenset().union(*map(free, part[1] if part[0] == "prod" else part[1:]))


def text(part: Formula, names: dict[str, str] | None = None) -> str:
    """A formula as it is written; a summed variable that is fixed outside gets a prime."""
    names = names or {}
    kind = part[0]
    if kind == "P":
        variables, given = (", ".join(names.get(v, v) for v in group) for group in part[1:])
        return f"P({variables} | {given})" if given else f"P({variables})"
    if kind == "prod":
        parts = sorted(part[1], key=lambda p: p[0] == "sum")  # a sum reaches to the end
        texts = [text(p, names) for p in parts]
        shut = [f"[{t}]" if p[0] == "sum" else t for p, t in zip(parts, texts, strict=True)]
        return " ".join(shut)
    if kind == "sum":
        inner = names | {v: f"{names[v]}'" if v in names else v for v in part[1]}
        return f"Σ_{{{', '.join(inner[v] for v in part[1])}}} {text(part[2], inner)}"
    return f"[{text(part[1], names)}] / [{text(part[2], names)}]"
