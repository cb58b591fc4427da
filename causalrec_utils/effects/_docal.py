"""`DoCal`: from discovery with hidden causes to an estimate, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ..estimate import Estimate
from ..graphs import CausalGraph, Edge, Estimand, Prior, combine, discover, identify
from ._ate import ate
from ._refute import refute

__all__ = ["DoCal"]


class DoCal:
    r"""Discover, combine with knowledge, identify, estimate, refute: an effect from one table.

    FCI's arrows say who causes whom, not that nothing hidden stands behind the pair. ``a -> b`` is
    *visible* (surely free of a hidden common cause) if some c points into a and isn't joined to b:
    a hidden cause of a and b would have tied c to b, given a. All other arrows are read as

    .. math:: a \to b \quad\text{and}\quad a \leftrightarrow b

    which holds in every world that the data allow, so that a formula found under it is valid in all
    of them, if FCI's tests err nowhere. Knowledge then takes hidden causes away, one by one.

    Introduced in section 5.1.1.

    Parameters
    ----------
    treatment, outcome : str
        Columns.
    prior : Prior, optional
        What is known beforehand. ``tiers``: the order in time. ``required``: effects that are free
        of hidden common causes, by your word. ``forbidden``: "a doesn't act on b directly"; if data
        join them all the same, a hidden cause of both is read into the graph.
    randomised : sequence of str
        Columns that a coin decided: nothing causes them, so no hidden cause reaches them either.
    suspected : sequence of (str, str)
        Pairs with a hidden common cause, by your word, whether or not the data show it: a weak one
        they don't.
    alpha : float
        Level of FCI's tests.
    cautious : bool
        False reads all arrows as free of hidden causes: what a plain pipeline does.

    Attributes
    ----------
    found, graph : CausalGraph
        As FCI found it, with the prior; and as it was read. Set by `fit`.
    estimand : graphs.Estimand
        Whether and how the effect can be estimated. Set by `fit`.

    Raises
    ------
    ValueError
        As `graphs.discover`, `graphs.identify` and `ate`.

    Notes
    -----
    Assumes what FCI does: faithfulness, tests that fit the data (partial correlations or G-tests),
    no selection. Source: Spirtes, Glymour and Scheines (2000), Causation, prediction, and search;
    Zhang (2008), Causal reasoning with ancestral graphs, JMLR, for visible arrows (the path version
    of the rule is left out: fewer arrows count as visible).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> d = pd.DataFrame({"taste": rng.normal(size=3000)})
    >>> d["shown"] = (d["taste"] + rng.normal(size=3000) > 0).astype(float)
    >>> d["watched"] = d["taste"] + 2 * d["shown"] + rng.normal(size=3000)
    >>> order = Prior(tiers=[["taste"], ["shown"], ["watched"]])
    >>> DoCal("shown", "watched", prior=order).fit(d).estimand.identifiable
    False
    >>> sure = Prior(required=[("taste", "shown"), ("taste", "watched"), ("shown", "watched")])
    >>> DoCal("shown", "watched", prior=sure).fit(d).estimate(method="regression")
    ATE by regression: 2.01, 95% interval [1.92, 2.09], n = 3,000
    """

    found: CausalGraph
    graph: CausalGraph

    def __init__(
        self,
        treatment: str,
        outcome: str,
        *,
        prior: Prior | None = None,
        randomised: Sequence[str] = (),
        suspected: Sequence[tuple[str, str]] = (),
        alpha: float = 0.01,
        cautious: bool = True,
    ) -> None:
        self.treatment, self.outcome = treatment, outcome
        self.prior, self.randomised = prior or Prior(), tuple(randomised)
        self.suspected = tuple(suspected)
        self.alpha, self.cautious = alpha, cautious

    def fit(self, data: pd.DataFrame, *, graph: CausalGraph | None = None) -> DoCal:
        """Discover, combine, read, identify.

        Parameters
        ----------
        data : pandas.DataFrame
            One column a variable of the graph; all of them are used.
        graph : CausalGraph, optional
            What was discovered before; by default FCI searches now.

        Returns
        -------
        DoCal
            Itself.
        """
        into = [(a, coin) for coin in self.randomised for a in data.columns if a != coin]
        prior = replace(self.prior, forbidden=[*self.prior.forbidden, *into])
        self.data = data
        # Not discover(prior=): FCI would drop pairs ruled out both ways, hidden causes and all.
        graph = graph or discover(data, "fci", alpha=self.alpha)
        self.found = combine(graph, prior)
        self.graph = self._read()
        self.estimand = self._identify(prior)
        return self

    def _identify(self, prior: Prior) -> Estimand:
        """What the graph allows, unless FCI contradicts the prior or itself."""
        against = [e for e in self.found.edges if e.mark == "->" and not prior.allows(*e[::2])]
        if not against and not self.graph.has_cycle:
            return identify(self.graph, self.treatment, self.outcome)
        reason = "FCI's arrows form a cycle: its tests err."
        if against:
            reason = f"FCI found {against[0]}, which the prior rules out: one of them errs."
        return Estimand(self.treatment, self.outcome, "not identifiable", reason=reason)

    def _read(self) -> CausalGraph:
        vouched, edges = set(map(tuple, self.prior.required)), []
        for a, mark, b in self.found.edges:
            coin = a in self.randomised or b in self.randomised
            if mark not in ("->", "o->"):
                edges += [] if mark == "<->" and coin else [Edge(a, mark, b)]
                continue
            edges.append(Edge(a, "->", b))
            if self.cautious and not (coin or (a, b) in vouched or self._visible(a, b)):
                edges.append(Edge(a, "<->", b))
        edges += [Edge(a, "<->", b) for a, b in self.suspected]
        return self.found.replace(edges=edges)

    def _visible(self, a: str, b: str) -> bool:
        """Whether some c points into a and isn't joined to b."""
        heads = [(e.source, e.target) for e in self.found.edges if e.mark.endswith(">")]
        heads += [(e.target, e.source) for e in self.found.edges if e.mark == "<->"]
        near = {b, *self.found.neighbors(b)}
        return any(into == a and c not in near for c, into in heads)

    def estimate(self, **options: Any) -> Estimate:
        """The effect, by the method that the estimand asks for.

        Parameters
        ----------
        **options
            Of `ate`, such as ``method`` for a back-door estimate.

        Returns
        -------
        Estimate
            For a treatment that isn't 0 or 1: the effect of one unit more.

        Raises
        ------
        ValueError
            With the reason, if there is none: not identifiable, no causal way, or by a formula
            that `ate` has no method for.
        """
        call = self.estimand.ate_arguments
        if self.estimand.method != "backdoor" or "method" in options:
            return ate(self.data, **call, **options)
        binary = self.data[self.treatment].isin([0, 1]).all()
        if call["confounders"]:
            return ate(self.data, **call, method="aipw" if binary else "dml", **options)
        if binary:
            return ate(self.data, **call, method="difference_in_means", **options)
        # A treatment that is its own instrument: least squares.
        own = ate(self.data, **call, method="iv", instrument=self.treatment, **options)
        return replace(own, method="least squares", estimand="ATE")

    def refute(self, **options: Any) -> pd.DataFrame:
        """Attack a back-door estimate; see `refute`.

        Parameters
        ----------
        **options
            Of `refute`.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ValueError
            If the estimand isn't a back-door adjustment for at least one confounder.
        """
        if self.estimand.method != "backdoor" or not self.estimand.adjustments[0]:
            raise ValueError(f"refute attacks adjustment for confounders; here: {self.estimand!r}")
        return refute(self.data, **self.estimand.ate_arguments, **options)

    def __repr__(self) -> str:
        if not hasattr(self, "estimand"):
            return f"DoCal of {self.treatment} on {self.outcome}, not fitted"
        return f"{self.found!r}\n{self.estimand!r}"
