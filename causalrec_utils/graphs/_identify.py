"""`identify`: whether and how an effect can be estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import _id
from ._graph import CausalGraph

__all__ = ["Estimand", "identify"]


@dataclass(frozen=True)
class Estimand:
    """What to compute for an effect, or why nothing will do. Made by `identify`.

    Introduced in section 2.3. False in a condition if the effect isn't identifiable.

    Parameters
    ----------
    treatment, outcome : str
        Names of the nodes.
    method : str
        ``"no effect"``, ``"backdoor"``, ``"frontdoor"``, ``"id"`` (a formula that is none of
        these), ``"iv"`` or ``"not identifiable"``.
    formula : str
        The distribution of the outcome under do(treatment), in terms of the data's.
    adjustments : tuple of tuple of str
        Back-door: a smallest set of confounders, and if it is another one and measured, the set
        with the least variance. Other methods: what to condition on.
    mediator, instrument : str or None
        For ``"frontdoor"`` and ``"iv"``.
    reason : str
        Why this method, what it assumes, or why there is none.

    Examples
    --------
    >>> bool(identify(CausalGraph.parse("x -> y <-> x"), "x", "y"))
    False
    """

    treatment: str
    outcome: str
    method: str
    formula: str = ""
    adjustments: tuple[tuple[str, ...], ...] = ()
    mediator: str | None = None
    instrument: str | None = None
    reason: str = ""

    @property
    def identifiable(self) -> bool:
        """Whether some method applies."""
        return self.method != "not identifiable"

    def __bool__(self) -> bool:
        return self.identifiable

    def __repr__(self) -> str:
        lines = [f"{self.treatment} on {self.outcome}: {self.method}. {self.reason}".rstrip()]
        if self.formula:
            lines.append(f"  {self.formula}")
        if self.adjustments:
            sets = [f"{{{', '.join(names)}}}" for names in self.adjustments]
            lines.append(f"  adjust for {' or '.join(sets)}")
        return "\n".join(lines)

    @property
    def ate_arguments(self) -> dict[str, Any]:
        """Arguments for `causalrec_utils.effects.ate` beside the data.

        Raises
        ------
        ValueError
            If the effect isn't identifiable, or by a formula that `effects.ate` has no method for.
        """
        if self.method in ("not identifiable", "id", "no effect"):
            more = "" if self.method == "not identifiable" else "; effects.ate has no method for it"
            raise ValueError(f"{self!r}{more}")
        arguments: dict[str, Any] = {"treatment": self.treatment, "outcome": self.outcome}
        arguments["confounders"] = list(self.adjustments[0]) if self.adjustments else []
        if self.method == "frontdoor":
            arguments |= {"method": "front_door", "mediator": self.mediator}
        if self.method == "iv":
            arguments |= {"method": "iv", "instrument": self.instrument}
        return arguments


def identify(graph: CausalGraph, treatment: str, outcome: str) -> Estimand:
    """Find out whether the total effect of a treatment can be estimated, and how.

    In this order: no causal way at all; back-door adjustment (found if one exists); front-door with
    one mediator; any other formula (the ID algorithm: complete, so if it finds none, no amount of
    data on the measured nodes gives the effect without further assumptions); an instrument, with
    the assumption that it needs. Latent nodes and ``<->`` are unobserved causes.

    Parameters
    ----------
    graph : CausalGraph
        All unobserved common causes must be in it, as latent nodes or ``<->``. (In a graph from
        fci they aren't: its ``->`` may hide one.) Edges that are open at an ancestor of treatment
        or outcome make the effect not identifiable; `combine` orients them.
    treatment, outcome : str
        Measured nodes.

    Returns
    -------
    Estimand

    Raises
    ------
    ValueError
        If a node isn't there or latent, both are the same, or the graph has a cycle.

    Notes
    -----
    Source: Pearl (1995), Causal diagrams for empirical research, Biometrika; Shpitser and Pearl
    (2006), AAAI, for the formula; van der Zander, Liśkiewicz and Textor (2014), Constructing
    separators and adjustment sets in ancestral graphs, UAI, for the adjustment set; Henckel,
    Perković and Maathuis (2022), JRSS B, for the one of least variance; Brito and Pearl (2002),
    Generalized instrumental variables, UAI. Introduced in section 2.3.

    Examples
    --------
    >>> identify(CausalGraph.parse("taste -> shown; taste -> click; shown -> click"),
    ...          "shown", "click")
    shown on click: backdoor.
      P(click | do(shown)) = Σ_{taste} P(click | shown, taste) P(taste)
      adjust for {taste}
    """
    for role, name in (("treatment", treatment), ("outcome", outcome)):
        if name not in graph.observed:
            raise ValueError(f"{role} {name!r} is not a measured node of the graph")
    if treatment == outcome:
        raise ValueError(f"treatment and outcome are both {treatment!r}")
    if graph.has_cycle:
        raise ValueError("the graph has a cycle: effects along it aren't defined")
    near = _id.within(graph, _possible_ancestors(graph, treatment, outcome))
    left_open = [str(e) for e in near.edges if e.mark not in ("->", "<->")]
    if left_open:
        reason = f"The graph leaves open: {'; '.join(left_open)}."
        return Estimand(treatment, outcome, "not identifiable", reason=reason)
    closed = graph.replace(edges=[e for e in graph.edges if e.mark in ("->", "<->")])
    return _search(near.project(), closed.project(), treatment, outcome)


def _possible_ancestors(graph: CausalGraph, treatment: str, outcome: str) -> frozenset[str]:
    """Both nodes, and all that may cause them once open edges are oriented."""
    either = [e for e in graph.edges if e.mark in ("--", "o-o")]
    arrows = [(e.source, "->", e.target) for e in graph.edges if e.mark != "<->"]
    loose = [(e.target, e.source) for e in either] + [(a, b) for a, _, b in arrows]
    found, todo = {treatment, outcome}, [treatment, outcome]
    while todo:
        node = todo.pop()
        new = {a for a, b in loose if b == node} - found
        found |= new
        todo += new
    return frozenset(found)


def _search(near: CausalGraph, full: CausalGraph, x: str, y: str) -> Estimand:
    """Method by method, in the order of `identify`; ``near`` is the graph of the ancestors."""
    if x not in _id.ancestors(near, frozenset([y])):
        reason = f"No causal way leads from {x} to {y}: the effect is 0."
        return Estimand(x, y, "no effect", f"P({y} | do({x})) = P({y})", reason=reason)
    sets = _adjustments(near, x, y)
    if sets:
        first = sets[0]
        if first:
            inside = ", ".join(first)
            right = f"Σ_{{{inside}}} P({y} | {', '.join(sorted((x, *first)))}) P({inside})"
        else:
            right = f"P({y} | {x})"
        return Estimand(x, y, "backdoor", f"P({y} | do({x})) = {right}", sets)
    mediator = _mediator(near, x, y)
    try:
        found = _id.formula(near, x, y)
    except _id.Hedge as hedge:
        why = _why(near, hedge, x, y)
    else:
        method = "frontdoor" if mediator else "id"
        kept = (mediator[1],) if mediator and mediator[1] else ()
        name = mediator[0] if mediator else None
        reason = f"All of the effect passes through {name}." if mediator else ""
        if idle := sorted(_id.free(found) - {x, y}):
            reason += f" Any value of {', '.join(idle)} gives the same."
        whole = f"P({y} | do({x})) = {_id.text(found, {x: x, y: y})}"
        return Estimand(x, y, method, whole, kept, mediator=name, reason=reason.strip())
    tied = _instrument(full, x, y)
    if tied is None:
        return Estimand(x, y, "not identifiable", reason=why)
    z, given = tied
    behind = f" | {', '.join(given)}" if given else ""
    reason = (
        f"{why} With {z} as instrument one number can be had if the effect is the same for all, "
        f"or, for a yes-or-no {x} that {z} never moves the other way, among those whom it moves."
    )
    ratio = f"effect of {x} on {y} = Cov({y}, {z}{behind}) / Cov({x}, {z}{behind})"
    return Estimand(x, y, "iv", ratio, (given,) if given else (), instrument=z, reason=reason)


def _adjustments(graph: CausalGraph, x: str, y: str) -> tuple[tuple[str, ...], ...]:
    """A minimal set that closes all back doors, and the one of least variance."""
    import networkx as nx

    dag = graph.to_networkx()
    way = nx.descendants(dag, x) & (nx.ancestors(dag, y) | {y})
    barred = {x, *way, *(d for node in way for d in nx.descendants(dag, node))}
    cut = dag.copy()
    cut.remove_edges_from([(x, node) for node in way if dag.has_edge(x, node)])
    allowed = set(graph.nodes) - barred
    least = nx.find_minimal_d_separator(cut, {x}, {y}, restricted=allowed)
    if least is None:
        return ()
    efficient = {p for node in way for p in dag.predecessors(node)} - way - {x}
    sets = [tuple(sorted(least))]
    if efficient <= allowed and nx.is_d_separator(cut, {x}, {y}, efficient):
        sets.append(tuple(sorted(efficient)))
    return tuple(dict.fromkeys(sets))


def _mediator(graph: CausalGraph, x: str, y: str) -> tuple[str, tuple[str, ...]] | None:
    """One node that meets the front-door criterion, alone or given causes from before x."""
    import networkx as nx

    dag = graph.to_networkx()
    before = set(graph.nodes) - nx.descendants(dag, x) - {x}
    nothing: set[str] = set()
    for given in (nothing, before):
        for m in sorted(nx.descendants(dag, x) & nx.ancestors(dag, y) & set(graph.nodes)):
            rest = dag.copy()
            rest.remove_node(m)
            if nx.has_path(rest, x, y):
                continue
            if _separated(dag, x, m, given) and _separated(dag, m, y, given | {x}):
                return m, tuple(sorted(given))
    return None


def _separated(dag: Any, cause: str, effect: str, given: set[str]) -> bool:
    """Whether ``given`` closes all back doors between cause and effect."""
    import networkx as nx

    cut = dag.copy()
    cut.remove_edges_from(list(dag.out_edges(cause)))
    return bool(nx.is_d_separator(cut, {cause}, {effect}, given))


def _instrument(graph: CausalGraph, x: str, y: str) -> tuple[str, tuple[str, ...]] | None:
    """A node tied to x, and to y only through x, given causes from before x."""
    import networkx as nx

    dag = graph.to_networkx()
    cut = dag.copy()
    cut.remove_edges_from(list(dag.out_edges(x)))
    before = set(graph.nodes) - nx.descendants(dag, x) - {x, y}
    for z in sorted(before):
        given = nx.find_minimal_d_separator(cut, {z}, {y}, restricted=before - {z})
        if given is not None and not nx.is_d_separator(dag, {z}, {x}, given):
            return z, tuple(sorted(given))
    return None


def _why(graph: CausalGraph, hedge: _id.Hedge, x: str, y: str) -> str:
    """The hedge in words."""
    arcs = [str(e) for e in graph.edges if e.mark == "<->" and set(e[::2]) <= hedge.whole]
    direct = {x, y} == hedge.whole
    who = f"{x} and {y}" if direct else ", ".join(sorted(hedge.whole))
    return (
        f"{who} share unobserved causes ({'; '.join(arcs)}), also once {x} is set by hand: two "
        f"worlds can agree on all data of the measured nodes and differ in the effect (a hedge)."
    )
