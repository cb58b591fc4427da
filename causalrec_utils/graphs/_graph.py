"""`CausalGraph`: nodes, and edges with a mark at each end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

__all__ = ["CausalGraph", "Edge"]

FLIP = {"->": "<-", "<-": "->", "o->": "<-o", "<-o": "o->", "-o": "o-", "o-": "-o"}
BACKWARD = ("<-", "<-o", "o-")
MARKS = ("->", "--", "<->", "o->", "o-o", "-o")
DOT = {
    "--": "dir=none",
    "<->": "dir=both",
    "o->": "dir=both, arrowtail=odot",
    "o-o": "dir=both, arrowtail=odot, arrowhead=odot",
    "-o": "arrowhead=odot",
}


class Edge(NamedTuple):
    """An edge as it is written: ``source mark target``."""

    source: str
    mark: str
    target: str

    def __str__(self) -> str:
        return " ".join(self)


def _canonical(source: str, mark: str, target: str) -> Edge:
    """Arrows point forward; edges with two equal ends start at the name that sorts first."""
    if mark in BACKWARD or (mark in ("--", "<->", "o-o") and source > target):
        return Edge(target, FLIP.get(mark, mark), source)
    return Edge(source, mark, target)


@dataclass(frozen=True, eq=False)
class CausalGraph:
    """A causal graph: a DAG, or one that leaves some of it open.

    =========== ================================================================================
    ``a -> b``  a causes b
    ``a -- b``  one causes the other, and data can't tell which (PC, GES)
    ``a <-> b`` neither causes the other; they share an unobserved cause
    ``a o-> b`` b doesn't cause a: a causes b, or they share an unobserved cause, or both (FCI)
    ``a o-o b`` nothing known but that no measured variables separate them (FCI)
    ``a -o b``  b doesn't cause a, which causes b or a reason for being in the data (FCI)
    =========== ================================================================================

    Two edges may join the same pair only as ``a -> b`` and ``a <-> b``. Graphs are equal if nodes,
    edges and latent nodes are. Introduced in section 2.2.

    Parameters
    ----------
    nodes : iterable of str
        Names, in the order to show them.
    edges : iterable of (str, str, str)
        Source, mark, target.
    latent : iterable of str
        Nodes that exist but aren't measured.
    confidence : mapping of Edge to float
        How sure the method was, in [0, 1], of the edges that it was asked about.
    undecided : iterable of (str, str)
        Pairs that the method gave no answer on.
    notes : iterable of str
        What was done to get here that a reader should know: conflicts, edges dropped.

    Raises
    ------
    ValueError
        A node named twice, an edge with an unknown node or mark, a pair joined twice, a self-loop.

    Examples
    --------
    >>> g = CausalGraph.parse("taste -> exposure -> click; taste -> click; mood")
    >>> g
    CausalGraph of 4 nodes, 3 edges
      exposure -> click
      taste -> click
      taste -> exposure
      no edges: mood
    >>> g.parents("click")
    ('exposure', 'taste')
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...] = ()
    latent: tuple[str, ...] = ()
    confidence: Mapping[Edge, float] = field(default_factory=dict)
    undecided: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        nodes = tuple(self.nodes)
        if len(set(nodes)) < len(nodes):
            raise ValueError(f"node {max(nodes, key=nodes.count)!r} is named twice")
        edges = sorted({_canonical(*edge) for edge in self.edges})
        seen: dict[frozenset[str], set[str]] = {}
        for edge in edges:
            if not {edge.source, edge.target} <= set(nodes):
                raise ValueError(f"edge {edge}: not both of its ends are nodes")
            if edge.mark not in MARKS:
                raise ValueError(f"edge {edge}: mark must be one of {', '.join(MARKS)}")
            if edge.source == edge.target:
                raise ValueError(f"edge {edge}: a node can't be joined to itself")
            marks = seen.setdefault(frozenset((edge.source, edge.target)), set())
            if marks and marks | {edge.mark} != {"->", "<->"}:
                raise ValueError(f"edge {edge}: its ends are joined already")
            if edge.mark == "->" and Edge(edge.target, "->", edge.source) in edges:
                raise ValueError(f"edge {edge}: its ends are joined already")
            marks.add(edge.mark)
        for name in self.latent:
            if name not in nodes:
                raise ValueError(f"latent {name!r} is not a node")
        for name, value in {"nodes": nodes, "edges": tuple(edges)}.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "latent", tuple(sorted(set(self.latent))))
        object.__setattr__(self, "undecided", tuple(self.undecided))
        object.__setattr__(self, "notes", tuple(self.notes))
        sure = {_canonical(*edge): float(c) for edge, c in self.confidence.items()}
        object.__setattr__(self, "confidence", sure)

    def _key(self) -> tuple[Any, ...]:
        return frozenset(self.nodes), self.edges, self.latent

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CausalGraph) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        joined = {end for edge in self.edges for end in (edge.source, edge.target)}
        alone = [name for name in self.nodes if name not in joined]
        lines = [f"CausalGraph of {len(self.nodes)} nodes, {len(self.edges)} edges"]
        for edge in self.edges:
            sure = self.confidence.get(edge)
            lines.append(f"  {edge}" + ("" if sure is None else f"  ({sure:.2f})"))
        for title, names in (("no edges", alone), ("latent", self.latent)):
            if names:
                lines.append(f"  {title}: {', '.join(names)}")
        if self.undecided:
            lines.append("  undecided: " + ", ".join(f"{a} ? {b}" for a, b in self.undecided))
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])

    def _repr_svg_(self) -> str:
        from ._draw import svg

        return svg(self)

    # ------------------------------------------------------------------------------ making
    @classmethod
    def parse(cls, text: str, *, latent: Iterable[str] = ()) -> CausalGraph:
        """Read edges as they are written; chains may be separated by ``;``, ``,`` or new lines.

        Examples
        --------
        >>> CausalGraph.parse("x -> m -> y, u -> x, u -> y", latent=["u"]).project()
        CausalGraph of 3 nodes, 3 edges
          m -> y
          x -> m
          x <-> y
        """
        nodes: dict[str, None] = {}
        edges = []
        for chain in filter(str.strip, re.split(r"[;,\n]", text)):
            parts = re.split(r"\s+(<->|o->|<-o|o-o|->|<-|--|-o|o-)\s+", chain.strip())
            if any(not name or " " in name for name in parts[::2]):
                raise ValueError(f"can't read {chain.strip()!r} as edges, such as 'a -> b <- c'")
            nodes.update(dict.fromkeys(parts[::2]))
            edges += list(zip(parts[::2], parts[1::2], parts[2::2], strict=False))
        return cls(tuple(nodes), tuple(_canonical(*edge) for edge in edges), tuple(latent))

    @classmethod
    def from_networkx(cls, graph: nx.Graph, *, latent: Iterable[str] = ()) -> CausalGraph:
        """From a networkx graph; an attribute ``mark`` of an edge wins over its kind."""
        default = "->" if graph.is_directed() else "--"
        edges = [Edge(str(a), d.get("mark", default), str(b)) for a, b, d in graph.edges(data=True)]
        hidden = [str(n) for n, d in graph.nodes(data=True) if d.get("observed") == "no"]
        return cls(tuple(map(str, graph.nodes)), tuple(edges), (*latent, *hidden))

    # ------------------------------------------------------------------------------ asking
    def parents(self, node: str) -> tuple[str, ...]:
        """Nodes with ``-> node``."""
        return tuple(e.source for e in self.edges if e.mark == "->" and e.target == node)

    def neighbors(self, node: str) -> tuple[str, ...]:
        """Nodes that share an edge with this one, whatever its marks."""
        both = [(e.source, e.target) for e in self.edges if node in (e.source, e.target)]
        return tuple(sorted({a if b == node else b for a, b in both}))

    def skeleton(self) -> frozenset[frozenset[str]]:
        """Pairs that are joined."""
        return frozenset(frozenset((e.source, e.target)) for e in self.edges)

    @property
    def observed(self) -> tuple[str, ...]:
        """Nodes that are measured."""
        return tuple(name for name in self.nodes if name not in self.latent)

    @property
    def is_dag(self) -> bool:
        """Whether all edges are ``->`` and no way along them comes back."""
        return all(e.mark == "->" for e in self.edges) and not self.has_cycle

    @property
    def has_cycle(self) -> bool:
        """Whether some way along ``->`` comes back to its start."""
        import networkx as nx

        return not nx.is_directed_acyclic_graph(self.to_networkx(("->",)))

    # ------------------------------------------------------------------------------ changing
    def replace(self, **changes: Any) -> CausalGraph:
        """A copy with other ``edges``, ``latent``, ``confidence``, ``undecided`` or ``notes``."""
        names = ("nodes", "edges", "latent", "confidence", "undecided", "notes")
        return CausalGraph(**{name: getattr(self, name) for name in names} | changes)

    def project(self) -> CausalGraph:
        """The same causes among measured nodes alone: latent ones become ``<->`` (and ``->``).

        Latent projection of a DAG, or of one with ``<->`` edges.

        Source: Verma (1993), Graphical aspects of causal models, UCLA technical report R-191.
        """
        if any(e.mark not in ("->", "<->") for e in self.edges):
            raise ValueError("only a graph with -> and <-> alone can be projected")
        edges = {e for e in self.edges}
        for name in self.latent:
            children = [e.target for e in edges if e.mark == "->" and e.source == name]
            parents = [e.source for e in edges if e.mark == "->" and e.target == name]
            siblings = [
                e.target if e.source == name else e.source
                for e in edges
                if e.mark == "<->" and name in (e.source, e.target)
            ]
            edges = {e for e in edges if name not in (e.source, e.target)}
            edges |= {Edge(p, "->", c) for p in parents for c in children}
            pairs = [*combinations(children, 2), *((s, c) for s in siblings for c in children)]
            edges |= {_canonical(a, "<->", b) for a, b in pairs if a != b}
        return CausalGraph(self.observed, tuple(edges))

    # ------------------------------------------------------------------------------ writing
    def to_networkx(self, marks: Iterable[str] | None = None) -> nx.DiGraph:
        """A networkx graph with ``marks`` edges alone; by default a DAG, ``<->`` made explicit.

        In the DAG each ``<->`` becomes an unobserved parent of both, named ``U_a_b``; nodes carry
        ``observed="yes"`` or ``"no"``, which dowhy reads.
        """
        import networkx as nx

        graph = nx.DiGraph()
        for name in self.nodes:
            graph.add_node(name, observed="no" if name in self.latent else "yes")
        for edge in self.edges:
            a, mark, b = edge
            if marks is not None:
                if mark in marks:
                    graph.add_edge(a, b)
            elif mark == "->":
                graph.add_edge(a, b)
            elif mark == "<->":
                graph.add_node(f"U_{a}_{b}", observed="no")
                graph.add_edges_from([(f"U_{a}_{b}", a), (f"U_{a}_{b}", b)])
            else:
                raise ValueError(f"edge {edge}: a DAG needs -> and <-> alone; see combine")
        return graph

    def to_gml(self) -> str:
        """GML as `dowhy.CausalModel` takes it."""
        import networkx as nx

        return "\n".join(nx.generate_gml(self.to_networkx()))

    def to_dot(self) -> str:
        """Graphviz source."""
        lines = [f'  "{name}"{" [style=dashed]" * (name in self.latent)};' for name in self.nodes]
        for a, mark, b in self.edges:
            lines.append(f'  "{a}" -> "{b}"{f" [{DOT[mark]}]" if mark in DOT else ""};')
        return "\n".join(["digraph {", *lines, "}"])

    def draw(
        self,
        *,
        alt: str,
        highlight: Iterable[tuple[str, str]] = (),
        ax: Axes | None = None,
    ) -> Axes:
        """Draw in layers, causes above effects, without any program but Matplotlib.

        Parameters
        ----------
        alt : str
            What the figure shows, in words.
        highlight : iterable of (str, str)
            Pairs whose edges are drawn in vermilion (such as those that are wrong).
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Examples
        --------
        >>> graph = CausalGraph.parse("x -> y <-> z")
        >>> ax = graph.draw(alt="x causes y, and an unseen cause joins y and z")
        >>> [text.get_text() for text in ax.texts]
        ['x', 'y', 'z']
        """
        from ._draw import draw

        return draw(self, alt=alt, highlight=highlight, ax=ax)
