"""Structural causal models on `dowhy.gcm`: interventions, counterfactuals, causes of a change."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from . import _mechanisms
from ._graph import CausalGraph
from ._mechanisms import seeded

__all__ = ["SCM", "fit_scm"]

Seed = int | np.random.Generator
Values = Mapping[str, float]


def fit_scm(
    graph: CausalGraph,
    data: pd.DataFrame,
    *,
    mechanisms: Mapping[str, str] | None = None,
    seed: Seed = 0,
) -> SCM:
    r"""Fit a mechanism to each node: :math:`x_i = f_i(\text{parents}_i, u_i)`, with independent u.

    ===================  =========================================================================
    empirical            a node without parents: drawn from its column
    linear, boosting     a number: :math:`f_i(\text{parents}) + u_i`, u drawn from the residuals
    logistic,            0 or 1: :math:`1[u_i < p_i(\text{parents})]`, u uniform
    boosted probability
    ===================  =========================================================================

    Parameters
    ----------
    graph : CausalGraph
        A DAG without latent nodes: mechanisms can't be fitted to what isn't measured, and an
        unobserved common cause would make the answers wrong.
    data : pandas.DataFrame
        A column for each node. Nodes with parents are numbers; nodes without may be text.
    mechanisms : mapping of str to str, optional
        Kind for a node. By default the simple one, unless boosting has a cross-validated loss
        lower by 1 % or more.
    seed : int or numpy.random.Generator
        Of the answers, unless they get their own.

    Returns
    -------
    SCM

    Raises
    ------
    ValueError
        Not a DAG, latent nodes, a missing column or value, text in a node with parents, an unknown
        kind.

    Notes
    -----
    Source: Blöbaum, Götz, Budhathoki, Mastakouri and Janzing (2024), DoWhy-GCM: an extension of
    DoWhy for causal inference in graphical causal models, JMLR. Introduced in section 5.1.3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> d = pd.DataFrame({"x": rng.normal(size=2000)})
    >>> d["y"] = 2 * d["x"] + rng.normal(size=2000)
    >>> scm = fit_scm(CausalGraph.parse("x -> y"), d)
    >>> scm.mechanisms
    {'x': 'empirical', 'y': 'linear'}
    >>> float(scm.do({"x": 1.0})["y"].mean().round(1))
    2.0
    """
    if not graph.is_dag or graph.latent:
        raise ValueError("fit_scm needs a DAG without latent nodes; see CausalGraph.is_dag")
    given = dict(mechanisms or {})
    for node, kind in given.items():
        if node not in graph.nodes:
            raise ValueError(f"mechanisms: {node!r} is not a node")
        _checks.choice(kind, f"mechanism of {node!r}", _mechanisms.KINDS)
    table = _table(graph, data)
    kinds = {n: given.get(n) or _mechanisms.choose(table, n, graph.parents(n)) for n in graph.nodes}
    return SCM(graph, table, kinds, seed)


def _table(graph: CausalGraph, data: pd.DataFrame) -> pd.DataFrame:
    """The columns of the nodes, checked; yes and no as 1.0 and 0.0."""
    _checks.columns(data, graph.nodes)
    columns = {}
    for node in graph.nodes:
        column = _checks.no_missing(data[node], node)
        text = column.dtype.kind not in "biuf" and not graph.parents(node)
        columns[node] = column.astype(str) if text else _checks.numeric(column, node)
    return pd.DataFrame(columns)


class SCM:
    """A graph with fitted mechanisms; made by `fit_scm`. Introduced in section 5.1.3.

    Parameters
    ----------
    graph : CausalGraph
        The DAG.
    data : pandas.DataFrame
        What the mechanisms were fitted to.
    mechanisms : mapping of str to str
        Kind of each node's mechanism.
    seed : int or numpy.random.Generator
        Default for the methods.

    Examples
    --------
    >>> d = pd.DataFrame({"x": [0.0, 1, 2, 3], "y": [1.0, 2, 3, 4]})
    >>> scm = fit_scm(CausalGraph.parse("x -> y"), d, mechanisms={"y": "linear"})
    >>> scm.counterfactual(d.head(1), {"x": 5.0})["y"].round(6).tolist()
    [6.0]
    """

    def __init__(
        self, graph: CausalGraph, data: pd.DataFrame, mechanisms: Mapping[str, str], seed: Seed = 0
    ) -> None:
        from threadpoolctl import threadpool_limits

        self.graph, self.data, self.mechanisms = graph, data, dict(mechanisms)
        self.seed = seed
        with threadpool_limits(1):  # more threads only get in each other's way on small fits
            self.model = self._fit(data)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{node}: {kind}" for node, kind in self.mechanisms.items())
        return f"SCM fitted to {len(self.data):,} rows ({kinds})"

    def _fit(self, data: pd.DataFrame) -> Any:
        from dowhy import gcm

        model = gcm.InvertibleStructuralCausalModel(self.graph.to_networkx())
        for node, kind in self.mechanisms.items():
            model.set_causal_mechanism(node, _mechanisms.make(kind))
        with seeded(0):
            gcm.fit(model, data)
        return model

    def _resampled(self, data: pd.DataFrame, rng: np.random.Generator) -> Any:
        return self._fit(data.iloc[rng.integers(len(data), size=len(data))].reset_index(drop=True))

    def _check(self, values: Values, name: str) -> dict[str, Any]:
        for node in values:
            if node not in self.graph.nodes:
                raise ValueError(f"{name}: {node!r} is not a node of the graph")
        return {node: (lambda _, value=value: value) for node, value in values.items()}

    def do(self, values: Values, *, n: int = 10_000, seed: Seed | None = None) -> pd.DataFrame:
        """Draw units from the world in which nodes are set by hand.

        Parameters
        ----------
        values : mapping of str to float
            Nodes and what they are set to; none of them gives the world as it is.
        n : int
            Number of units.
        seed : int or numpy.random.Generator, optional
            Equal seeds draw the same units under different values.

        Returns
        -------
        pandas.DataFrame
            One column a node.
        """
        return self._draw(self.model, values, n, self.seed if seed is None else seed)

    def _draw(self, model: Any, values: Values, n: int, seed: Seed) -> pd.DataFrame:
        from dowhy import gcm

        actions = self._check(values, "values")
        with seeded(seed):
            drawn = gcm.interventional_samples(model, actions, num_samples_to_draw=n)
        return drawn[list(self.graph.nodes)]

    def effect(
        self,
        outcome: str,
        values: Values,
        baseline: Values,
        *,
        level: float = 0.95,
        resamples: int = 100,
        n: int = 10_000,
        seed: Seed | None = None,
    ) -> Estimate:
        """Mean of an outcome under some values less that under others.

        Parameters
        ----------
        outcome : str
            A node that is a number.
        values, baseline : mapping of str to float
            What the nodes are set to.
        level : float
            Nominal coverage.
        resamples : int
            Bootstrap samples of the rows; the mechanisms are fitted anew to each.
        n : int
            Units drawn each time.
        seed : int or numpy.random.Generator, optional
            Of rows and units.

        Returns
        -------
        Estimate
            With a normal interval of the bootstrap's standard error. Valid if the graph is right
            and the mechanisms are of the right kind; boosting shrinks effects.
        """
        from threadpoolctl import threadpool_limits

        _checks.level(level)
        self._check({outcome: 0.0}, "outcome")
        rng = np.random.default_rng(self.seed if seed is None else seed)

        def difference(model: Any) -> float:
            draw = int(rng.integers(2**31))  # the same units under both
            means = [self._draw(model, v, n, draw)[outcome].mean() for v in (values, baseline)]
            return float(means[0] - means[1])

        value = difference(self.model)
        with threadpool_limits(1):
            draws = [difference(self._resampled(self.data, rng)) for _ in range(resamples)]
        return _estimate(value, draws, level, len(self.data), "scm", f"effect on {outcome}")

    def counterfactual(
        self, rows: pd.DataFrame, values: Values, *, draws: int = 100, seed: Seed | None = None
    ) -> pd.DataFrame:
        """What these units would have been had nodes been set by hand.

        The noise of each unit is worked back from what was seen, and kept. For a number it is the
        residual. For a 0 or 1 with parents only a range is known: the answer is its mean over
        ``draws`` from that range, a probability, and it takes for granted that no unit moves
        against the others (raising the probability never turns a 1 into a 0).

        Parameters
        ----------
        rows : pandas.DataFrame
            Units, with all nodes measured.
        values : mapping of str to float
            Nodes and what they are set to.
        draws : int
            Number of draws where a node with parents is 0 or 1; else one is exact.
        seed : int or numpy.random.Generator, optional
            Of the draws.

        Returns
        -------
        pandas.DataFrame
            As ``rows``, with its index; columns are the nodes.
        """
        from dowhy import gcm

        actions, table = self._check(values, "values"), _table(self.graph, rows)
        random = any(k in ("logistic", "boosted probability") for k in self.mechanisms.values())
        count = draws if random else 1
        with seeded(self.seed if seed is None else seed):
            many = table.loc[np.repeat(np.arange(len(table)), count)].reset_index(drop=True)
            found = gcm.counterfactual_samples(self.model, actions, observed_data=many)
        numbers = [n for n in table if table[n].dtype.kind == "f"]
        table[numbers] = (
            found[numbers].to_numpy(float).reshape(-1, count, len(numbers)).mean(axis=1)
        )
        return table.set_axis(rows.index)

    def attribute_change(
        self,
        old: pd.DataFrame,
        new: pd.DataFrame,
        target: str,
        *,
        level: float = 0.95,
        resamples: int = 30,
        n: int = 5_000,
        seed: Seed | None = None,
    ) -> dict[str, Estimate]:
        r"""Share out the change of a mean among the mechanisms that may have changed.

        With :math:`v(S)` the target's mean when the nodes in S follow the mechanisms fitted to
        ``new`` and the others those of ``old``, node i gets the Shapley value

        .. math:: \sum_{S \not\ni i} \frac{|S|!\,(k-|S|-1)!}{k!}\,[v(S \cup i) - v(S)]

        Parameters
        ----------
        old, new : pandas.DataFrame
            Rows before and after, with all nodes measured.
        target : str
            A node that is a number.
        level, resamples, n, seed
            As in `effect`; all means are over the same units, so that only estimates differ.

        Returns
        -------
        dict of str to Estimate
            The target and each node that causes it; the values add up to the change of the
            target's mean, as the models give it.

        Notes
        -----
        Source: Budhathoki, Janzing, Blöbaum and Ng (2021), Why did the distribution change?,
        AISTATS.
        """
        import networkx as nx
        from threadpoolctl import threadpool_limits

        _checks.level(level)
        self._check({target: 0.0}, "target")
        tables = [_table(self.graph, part) for part in (old, new)]
        causes = nx.ancestors(self.graph.to_networkx(), target) | {target}
        names = [node for node in self.graph.nodes if node in causes]
        edges = [e for e in self.graph.edges if {e.source, e.target} <= causes]
        graph = self.graph.replace(nodes=names, edges=edges)
        small = SCM(graph, self.data[names], {node: self.mechanisms[node] for node in names})
        rng = np.random.default_rng(self.seed if seed is None else seed)

        def shares(models: list[Any]) -> np.ndarray:
            return _shapley(models, names, target, n, int(rng.integers(2**31)))

        values = shares([small._fit(table[names]) for table in tables])
        with threadpool_limits(1):
            draws = np.array(
                [
                    shares([small._resampled(table[names], rng) for table in tables])
                    for _ in range(resamples)
                ]
            )
        size = len(old) + len(new)
        return {
            node: _estimate(values[i], draws[:, i], level, size, "shapley", f"change by {node}")
            for i, node in enumerate(names)
        }


def _shapley(models: list[Any], names: list[str], target: str, n: int, seed: int) -> np.ndarray:
    """Shapley values of the nodes for the target's mean, all on the same noise."""
    import networkx as nx
    from dowhy.gcm.shapley import ShapleyConfig, estimate_shapley_values
    from dowhy.graph import get_ordered_predecessors

    graph = models[0].graph
    parents = {node: get_ordered_predecessors(graph, node) for node in nx.topological_sort(graph)}
    noise: list[dict[str, np.ndarray]] = []
    for model in models:
        with seeded(seed):
            noise.append({})
            for node, above in parents.items():
                mechanism = model.causal_mechanism(node)
                draw = mechanism.draw_noise_samples if above else mechanism.draw_samples
                noise[-1][node] = draw(n)

    def mean(changed: np.ndarray) -> float:
        values: dict[str, np.ndarray] = {}
        for node, above in parents.items():
            which = int(changed[names.index(node)])
            values[node] = noise[which][node]
            if above:
                causes = np.column_stack([values[parent] for parent in above])
                mechanism = models[which].causal_mechanism(node)
                values[node] = mechanism.evaluate(causes, noise[which][node])
        return float(values[target].mean())

    with seeded(seed):
        return estimate_shapley_values(mean, len(names), ShapleyConfig(n_jobs=1))


def _estimate(
    value: float, draws: Any, level: float, n: int, method: str, estimand: str
) -> Estimate:
    stderr = float(np.std(draws, ddof=1)) if len(draws) > 1 else float("nan")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    ci = (float(value) - z * stderr, float(value) + z * stderr)
    return Estimate(float(value), stderr, ci, level, n, method, estimand)
