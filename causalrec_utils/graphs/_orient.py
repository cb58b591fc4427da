"""Orientation: Meek's rules, equivalence classes, and prior knowledge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ._graph import CausalGraph, Edge

__all__ = ["Prior", "combine", "cpdag"]


@dataclass(frozen=True)
class Prior:
    """What is known before the data: edges that must be, that can't be, and an order in time.

    Introduced in section 2.2.

    Parameters
    ----------
    required, forbidden : sequence of (str, str)
        Cause and effect.
    tiers : sequence of sequence of str
        Groups in order of time: nothing in a later group causes anything in an earlier one. Nodes
        in no group are free.

    Examples
    --------
    >>> prior = Prior(tiers=[["age"], ["exposure"], ["click", "purchase"]])
    >>> prior.allows("age", "click"), prior.allows("click", "age")
    (True, False)
    """

    required: Sequence[tuple[str, str]] = ()
    forbidden: Sequence[tuple[str, str]] = ()
    tiers: Sequence[Sequence[str]] = ()

    def allows(self, cause: str, effect: str) -> bool:
        """Whether ``cause -> effect`` may be."""
        if (cause, effect) in map(tuple, self.forbidden) or (effect, cause) in map(
            tuple, self.required
        ):
            return False
        tier = {name: i for i, group in enumerate(self.tiers) for name in group}
        return tier.get(cause, -1) <= tier.get(effect, len(self.tiers))

    def check(self, nodes: Iterable[str]) -> None:
        """Refuse unknown names, and edges that are both required and not allowed."""
        known = set(nodes)
        groups = (*self.required, *self.forbidden, *self.tiers)
        for name in (name for group in groups for name in group):
            if name not in known:
                raise ValueError(f"prior: {name!r} is not a variable")
        placed = [name for group in self.tiers for name in group]
        for name in placed:
            if placed.count(name) > 1:
                raise ValueError(f"prior: {name!r} is in two tiers")
        for cause, effect in self.required:
            if not self.allows(cause, effect):
                raise ValueError(f"prior: {cause} -> {effect} is required and ruled out")
        if CausalGraph(tuple(known), tuple(Edge(a, "->", b) for a, b in self.required)).has_cycle:
            raise ValueError("prior: the required edges form a cycle")


class Work:
    """Arrows and lines of a graph while it is being oriented."""

    def __init__(self, graph: CausalGraph) -> None:
        self.arrows = {(e.source, e.target) for e in graph.edges if e.mark == "->"}
        self.lines = {frozenset(e[::2]) for e in graph.edges if e.mark == "--"}
        self.near = {name: set(graph.neighbors(name)) for name in graph.nodes}
        self.stuck: set[tuple[str, str]] = set()

    def reaches(self, start: str, end: str) -> bool:
        """Whether arrows lead from start to end."""
        seen, todo = {start}, [start]
        while todo:
            at = todo.pop()
            if at == end:
                return True
            step = {b for a, b in self.arrows if a == at} - seen
            seen |= step
            todo += step
        return False

    def orient(self, cause: str, effect: str) -> bool:
        """Make the line an arrow, unless that closes a cycle."""
        if self.reaches(effect, cause):
            return False
        self.lines.discard(frozenset((cause, effect)))
        self.arrows.add((cause, effect))
        return True

    def forced(self, b: str, c: str) -> bool:
        """Meek's four rules: whether the line between b and c can only be ``b -> c``."""
        into_b = {a for a in self.near[b] if (a, b) in self.arrows}
        into_c = {a for a in self.near[c] if (a, c) in self.arrows}
        if any(a not in self.near[c] and a != c for a in into_b):
            return True  # 1: else a new collider at b
        if any((b, a) in self.arrows for a in into_c):
            return True  # 2: else a cycle
        loose = {a for a in self.near[b] if frozenset((a, b)) in self.lines}
        if any(d not in self.near[a] for a, d in combinations(sorted(loose & into_c), 2)):
            return True  # 3: else a cycle or a new collider
        return any(  # 4: the same with one arrow further; needed once a prior has oriented edges
            (d, a) in self.arrows and d not in self.near[c] and d in self.near[b]
            for a in into_c & self.near[b]
            for d in loose
        )

    def close(self) -> None:
        """Orient all that follows, until nothing does."""
        changed = True
        while changed:
            changed = False
            for line in sorted(self.lines, key=sorted):
                a, b = sorted(line)
                for cause, effect in ((a, b), (b, a)):
                    if line in self.lines and self.forced(cause, effect):
                        if self.orient(cause, effect):
                            changed = True
                        else:
                            self.stuck.add((cause, effect))

    def edges(self, graph: CausalGraph) -> tuple[Edge, ...]:
        """The edges now; those with other marks are kept."""
        rest = [e for e in graph.edges if e.mark not in ("->", "--")]
        lines = [Edge(min(line), "--", max(line)) for line in self.lines]
        return (*rest, *lines, *(Edge(a, "->", b) for a, b in self.arrows))


def cpdag(graph: CausalGraph) -> CausalGraph:
    """What data alone could tell of a DAG: its Markov equivalence class.

    Keeps the arrows that all DAGs with the same independences share, the others become lines.

    Raises
    ------
    ValueError
        If the graph isn't a DAG.

    Notes
    -----
    Source: Meek (1995), Causal inference and causal explanation with background knowledge, UAI.
    Introduced in section 2.2.

    Examples
    --------
    >>> cpdag(CausalGraph.parse("a -> b -> c; d -> c")).edges[1:]
    (Edge(source='b', mark='->', target='c'), Edge(source='d', mark='->', target='c'))
    """
    if not graph.is_dag:
        raise ValueError("cpdag needs a DAG: all edges -> and no cycle")
    work = Work(graph)
    colliders = {
        (a, node)
        for node in graph.nodes
        for pair in combinations(graph.parents(node), 2)
        if pair[1] not in work.near[pair[0]]
        for a in pair
    }
    work.lines = {frozenset(edge) for edge in work.arrows - colliders}
    work.arrows = colliders
    work.close()
    return graph.replace(edges=work.edges(graph))


def combine(
    data_graph: CausalGraph,
    prior: CausalGraph | Prior | Iterable[tuple[str, str]],
) -> CausalGraph:
    """Orient what the data leave open, by a prior; the data's own arrows stay.

    The prior's arrows are taken one by one, the most confident first. Each orients an open end
    (``--``, ``o->``, ``o-o``, ``-o``) between the same two nodes, and Meek's rules then draw what
    follows for the other lines. An arrow that contradicts the data, or closes a cycle, is left out
    and noted. Joined pairs stay joined and no pair is added. Orienting an end marked ``o`` also
    takes the prior's word that no unobserved common cause is behind the edge. A `Prior` that only
    rules ``b -> a`` out is read with more care there: ``a o-o b`` becomes ``a o-> b``.

    Parameters
    ----------
    data_graph : CausalGraph
        From `discover`. If its arrows have no cycle, the result's have none.
    prior : CausalGraph, Prior, or iterable of (str, str)
        Arrows with their confidence, such as from `elicit`; knowledge; or pairs of cause, effect.

    Returns
    -------
    CausalGraph
        ``notes`` say what conflicted, and how many of the prior's arrows join pairs that the data
        don't.

    Raises
    ------
    ValueError
        If the prior names a node that isn't in the graph.

    Notes
    -----
    Source: Meek (1995), Causal inference and causal explanation with background knowledge, UAI.
    Introduced in section 2.2.

    Examples
    --------
    >>> combine(CausalGraph.parse("a -- b; b -- c"), [("a", "b")])
    CausalGraph of 3 nodes, 2 edges
      a -> b
      b -> c
    """
    wanted, extra = _wishes(data_graph, prior), 0
    work, notes = Work(data_graph), list(data_graph.notes)
    open_ends = {frozenset(e[::2]): e for e in data_graph.edges if "o" in e.mark}
    closed = {frozenset(e[::2]): e for e in data_graph.edges if e.mark == "<->"}
    work.close()
    for cause, effect in wanted:
        pair, arrow = frozenset((cause, effect)), f"{cause} -> {effect}"
        edge = open_ends.get(pair)
        if effect not in work.near[cause]:
            extra += 1
        elif (effect, cause) in work.arrows:
            known = Edge(effect, "->", cause) in data_graph.edges
            why = "the data say" if known else "what was oriented before implies"
            notes.append(f"{arrow} left out: {why} {effect} -> {cause}")
        elif edge and edge.mark in ("o->", "-o") and edge.target == cause:
            notes.append(f"{arrow} left out: the data say {edge}")
        elif pair in closed and (cause, effect) not in work.arrows:
            notes.append(f"{arrow} left out: the data say {closed[pair]}")
        elif (pair in work.lines or edge) and not work.orient(cause, effect):
            notes.append(f"{arrow} left out: it closes a cycle")
        else:
            open_ends.pop(pair, None)
            work.close()
    if extra:
        notes.append(f"{extra} of the prior's edges join pairs that the data don't join")
    for cause, effect in sorted(work.stuck):
        if frozenset((cause, effect)) in work.lines:
            notes.append(f"{cause} -- {effect} stays open: the data's arrows contradict each other")
    rest = [e for e in work.edges(data_graph) if "o" not in e.mark]
    still = list(open_ends.values())
    if isinstance(prior, Prior):
        still = [_headed(edge, prior) for edge in still]
    return data_graph.replace(edges=(*rest, *still), notes=notes)


def _headed(edge: Edge, prior: Prior) -> Edge:
    """An arrow head at each open end that the prior says is no cause of the other end."""
    a, mark, b = edge
    left = "<" if mark[0] == "o" and not prior.allows(a, b) else mark[0].strip("-")
    right = ">" if mark[-1] == "o" and not prior.allows(b, a) else mark[-1].strip("-")
    return Edge(a, f"{left}-{right}", b)


def _wishes(
    graph: CausalGraph, prior: CausalGraph | Prior | Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The prior's arrows in the order to try them."""
    if isinstance(prior, Prior):
        prior.check(graph.nodes)
        pairs = [(e.source, e.target) for e in graph.edges if e.mark == "--"]
        both = [p for a, b in pairs for p in ((a, b), (b, a)) if not prior.allows(*p[::-1])]
        first = [(a, b) for a, b in prior.required if b in graph.neighbors(a)]
        return first + sorted(p for p in both if p not in first and prior.allows(*p))
    if isinstance(prior, CausalGraph):
        arrows = [e for e in prior.edges if e.mark == "->"]
        arrows.sort(key=lambda e: (-prior.confidence.get(e, 1.0), e))
        wanted = [(e.source, e.target) for e in arrows]
    else:
        wanted = [(a, b) for a, b in prior]
    for name in (name for pair in wanted for name in pair):
        if name not in graph.nodes:
            raise ValueError(f"prior: {name!r} is not a node of the graph")
    return wanted
