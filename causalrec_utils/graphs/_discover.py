"""`discover`: graphs from data, by causal-learn."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .. import _checks
from ._graph import CausalGraph, Edge
from ._orient import Prior, Work, combine

__all__ = ["discover"]

METHODS = ("pc", "fci", "ges", "lingam")
ENDS = {-1: "-", 1: ">", 2: "o"}
LEVELS = 20


class Search(NamedTuple):
    """What is searched, and how."""

    values: np.ndarray
    names: list[str]
    prior: Prior
    alpha: float
    max_condition: int | None
    discrete: bool

    @property
    def test(self) -> str:
        """Of conditional independence."""
        return "gsq" if self.discrete else "fisherz"


def discover(
    data: pd.DataFrame,
    method: str = "fci",
    *,
    prior: Prior | None = None,
    alpha: float = 0.05,
    max_condition: int | None = None,
    discrete: bool | None = None,
) -> CausalGraph:
    """Find the causal graphs that data don't contradict.

    ======  ==================================  ===========================  ======================
    method  assumes, beside independent rows    finds                        discrete data
    ======  ==================================  ===========================  ======================
    pc      no unobserved common causes         ``->`` and ``--``            G-test
    fci     nothing about unobserved causes     ``->  <->  o->  o-o``        G-test
    ges     no unobserved common causes         ``->`` and ``--``            BDeu score
    lingam  no unobserved common causes;        ``->``                       refused
            linear, noise not Gaussian
    ======  ==================================  ===========================  ======================

    All assume faithfulness (no effects that cancel exactly) and no selection into the data. For
    continuous columns pc and fci test partial correlations and ges scores by BIC, which take the
    relations as linear. Nothing is drawn at random: equal data give equal graphs.

    Parameters
    ----------
    data : pandas.DataFrame
        One column a variable, without missing values.
    method : {"pc", "fci", "ges", "lingam"}
        See above.
    prior : Prior, optional
        pc and lingam search under it; fci under its required edges and pairs ruled out both ways.
        The rest orients open edges afterwards, as `combine` does; so does all of it in ges, which
        can't search under a prior. A required edge that the data don't show is added, and noted.
    alpha : float
        Level of each test (pc, fci); smaller gives fewer edges.
    max_condition : int, optional
        Largest number of variables to condition on (pc, fci); in ges, of causes of a variable.
    discrete : bool, optional
        Whether columns are categories. By default they are if none is floating-point and none
        has more than 20 values.

    Returns
    -------
    CausalGraph

    Raises
    ------
    ValueError
        Fewer than two columns, missing or infinite values, a constant column, text among numbers,
        two columns that determine each other, discrete data for lingam, a prior that contradicts
        itself.

    Notes
    -----
    Source: Spirtes, Glymour and Scheines (2000), Causation, prediction, and search (pc, fci);
    Chickering (2002), Optimal structure identification with greedy search, JMLR (ges); Shimizu et
    al. (2011), DirectLiNGAM, JMLR (lingam); Zheng et al. (2024), Causal-learn: causal discovery in
    Python, JMLR. Introduced in section 2.2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> d = pd.DataFrame(rng.normal(size=(1000, 2)), columns=["taste", "quality"])
    >>> d["rating"] = d["taste"] + d["quality"] + rng.normal(size=1000)
    >>> discover(d, "pc")
    CausalGraph of 3 nodes, 2 edges
      quality -> rating
      taste -> rating
    """
    _checks.choice(method, "method", METHODS)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), got {alpha}")
    names = [str(name) for name in data.columns]
    values, discrete = _values(data, names, discrete)
    if discrete and method == "lingam":
        raise ValueError("lingam needs continuous columns; with discrete ones, use pc, fci or ges")
    (prior := prior or Prior()).check(names)
    run: Callable[..., Any] = {"pc": _pc, "fci": _fci, "ges": _ges, "lingam": _lingam}[method]
    with contextlib.redirect_stdout(io.StringIO()):  # causal-learn prints what it orients
        ends = run(Search(values, names, prior, alpha, max_condition, discrete))
    edges = []
    for i, j in zip(*np.nonzero(np.triu(ends != 0, 1)), strict=True):
        left, right = ENDS[int(ends[i, j])].replace(">", "<"), ENDS[int(ends[j, i])]
        mark = f"{left}-{right}".replace("<--", "<-").replace("-->", "->")
        edges.append(
            Edge(names[i], {"---": "--", "--o": "-o", "o--": "o-"}.get(mark, mark), names[j])
        )
    return _enforce(CausalGraph(tuple(names), tuple(edges)), prior)


def _values(data: pd.DataFrame, names: list[str], discrete: bool | None) -> tuple[np.ndarray, bool]:
    """Numbers, or codes of categories, with one column a variable."""
    if len(names) < 2:
        raise ValueError(f"discover needs at least two columns, got {len(names)}")
    columns = [_checks.no_missing(data.iloc[:, i], name) for i, name in enumerate(names)]
    codes = [pd.factorize(column, sort=True)[0] for column in columns]
    for name, code in zip(names, codes, strict=True):
        if len(code) == 0 or code.max() == 0:
            _checks.fail(name, "must have at least two different values")
    if discrete is None:
        discrete = all(
            column.dtype.kind != "f" and code.max() < LEVELS
            for column, code in zip(columns, codes, strict=True)
        )
    if discrete:
        return np.column_stack(codes), True
    values = np.column_stack([_checks.numeric(c, n) for c, n in zip(columns, names, strict=True)])
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    close = np.triu(np.abs(values.T @ values) / len(values) > 1 - 1e-12, 1)
    for i, j in zip(*np.nonzero(close), strict=True):
        _checks.fail(names[j], f"must not be a linear function of column {names[i]!r}")
    return values, False


def _knowledge(prior: Prior, names: list[str], *, latents: bool) -> Any:
    """The prior as causal-learn takes it.

    Its fci reads "b doesn't cause a" as "a causes b", as if there were no unobserved causes. So
    with ``latents`` it is told only of required edges and of pairs ruled out both ways.
    """
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.utils.PCUtils.BackgroundKnowledge import BackgroundKnowledge

    knowledge, by_name = BackgroundKnowledge(), {name: GraphNode(name) for name in names}
    for cause, effect in prior.required:
        knowledge.add_required_by_node(by_name[cause], by_name[effect])
    for cause in by_name:
        for effect in by_name:
            both = not prior.allows(effect, cause) or (effect, cause) in prior.required
            if cause != effect and not prior.allows(cause, effect) and (both or not latents):
                knowledge.add_forbidden_by_node(by_name[cause], by_name[effect])
    return knowledge


def _pc(ask: Search) -> np.ndarray:
    from causallearn.search.ConstraintBased.PC import pc

    found = pc(
        ask.values,
        ask.alpha,
        ask.test,
        show_progress=False,
        node_names=ask.names,
        max_k=ask.max_condition,
        background_knowledge=_knowledge(ask.prior, ask.names, latents=False),
    )
    return found.G.graph


def _fci(ask: Search) -> np.ndarray:
    from causallearn.search.ConstraintBased.FCI import fci

    found, _ = fci(
        ask.values,
        ask.test,
        ask.alpha,
        depth=-1 if ask.max_condition is None else ask.max_condition,
        show_progress=False,
        node_names=ask.names,
        background_knowledge=_knowledge(ask.prior, ask.names, latents=True),
    )
    return found.graph


def _ges(ask: Search) -> np.ndarray:
    from causallearn.search.ScoreBased.GES import ges

    score = "local_score_BDeu" if ask.discrete else "local_score_BIC"
    return ges(ask.values, score, maxP=ask.max_condition, node_names=ask.names)["G"].graph


def _lingam(ask: Search) -> np.ndarray:
    from causallearn.search.FCMBased.lingam import DirectLiNGAM

    names, prior, n = ask.names, ask.prior, len(ask.names)
    # Entry (i, j) speaks of a path from j to i.
    known = np.full((n, n), -1)
    for j, cause in enumerate(names):
        for i, effect in enumerate(names):
            if i != j and not prior.allows(cause, effect):
                known[i, j] = 0
    for cause, effect in prior.required:
        known[names.index(effect), names.index(cause)] = 1
    model = DirectLiNGAM(prior_knowledge=known if (known >= 0).any() else None)
    weights = model.fit(ask.values).adjacency_matrix_
    ends = np.zeros((n, n), int)
    for i, j in zip(*np.nonzero(np.nan_to_num(weights)), strict=True):
        ends[i, j], ends[j, i] = 1, -1
    return ends


def _enforce(graph: CausalGraph, prior: Prior) -> CausalGraph:
    """Orient by the prior what the search left open, add required edges, note the rest."""
    if not (prior.required or prior.forbidden or prior.tiers):
        return graph
    graph = combine(graph, prior)
    edges, notes = list(graph.edges), list(graph.notes)
    for cause, effect in prior.required:
        if effect in graph.neighbors(cause):
            continue
        if Work(graph.replace(edges=edges)).reaches(effect, cause):
            notes.append(f"{cause} -> {effect} is required but closes a cycle: left out")
            continue
        edges.append(Edge(cause, "->", effect))
        notes.append(f"{cause} -> {effect} is required: added, though the data don't show it")
    for edge in edges:
        ruled_out = not prior.allows(edge.source, edge.target)
        if ruled_out and (edge.mark == "->" or not prior.allows(edge.target, edge.source)):
            notes.append(f"{edge} contradicts the prior: the method found it all the same")
    return graph.replace(edges=edges, notes=notes)
