"""Linear structural causal models over named variables, some of them hidden."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from .. import _checks
from ._world import Seed, between, count

__all__ = ["GraphWorld", "latent_graph"]

Edge = tuple[str, str]
NOISES = ("normal", "uniform", "laplace")


@dataclass(frozen=True, repr=False)
class GraphWorld:
    """A linear structural causal model, and data from it.

    Introduced in section 5.1.1.

    Parameters
    ----------
    data : DataFrame
        The observed variables.
    weights : mapping of (cause, effect) to float
        The true graph, hidden variables included.
    latent : tuple of str
        Variables that are not in the data.
    hidden : DataFrame
        The latent variables, row by row.
    noise : str
        Distribution of each variable's own noise, of variance 1.

    Examples
    --------
    >>> w = {("exposure", "click"): 0.5, ("taste", "exposure"): 1.0, ("taste", "click"): 2.0}
    >>> world = latent_graph(w, latent=["taste"], n=100, seed=0)
    >>> world
    GraphWorld of 100 rows: exposure -> click, taste -> exposure, taste -> click; hidden: taste
    >>> world.effect("exposure", "click"), world.mean({"exposure": 3.0}).round(2).to_dict()
    (0.5, {'taste': 0.0, 'exposure': 3.0, 'click': 1.5})
    """

    data: pd.DataFrame
    weights: Mapping[Edge, float]
    latent: tuple[str, ...]
    hidden: pd.DataFrame
    noise: str

    @property
    def variables(self) -> tuple[str, ...]:
        """All variables, causes first."""
        return tuple(_sorted(self.weights, [*self.data.columns, *self.latent]))

    @property
    def edges(self) -> list[Edge]:
        """Cause and effect of every arrow, those from and to hidden variables included."""
        return list(self.weights)

    @property
    def confounded_pairs(self) -> list[Edge]:
        """Observed pairs with a common hidden parent."""
        pairs = set()
        for u in self.latent:
            children = [b for a, b in self.weights if a == u and b not in self.latent]
            pairs |= {(a, b) for a, b in combinations(sorted(children), 2)}
        return sorted(pairs)

    def effect(self, cause: str, effect: str) -> float:
        """Change in the mean of ``effect`` for each unit that ``cause`` is set higher."""
        return float(self.mean({cause: 1.0})[effect] - self.mean({cause: 0.0})[effect])

    def mean(self, do: Mapping[str, float] | None = None) -> pd.Series:
        """Mean of every variable when those in ``do`` are set to the values given.

        Parameters
        ----------
        do : mapping of str to float, optional
            Variables that are set.

        Returns
        -------
        Series
            Indexed by variable.
        """
        zeros = pd.DataFrame(0.0, index=[0], columns=list(self.variables))
        return _run(zeros, self.weights, do or {}).iloc[0]

    def sample(self, n: int, *, do: Mapping[str, float] | None = None, seed: Seed) -> pd.DataFrame:
        """Fresh rows of all variables, the hidden ones included, under an intervention.

        Parameters
        ----------
        n : int
            Rows.
        do : mapping of str to float, optional
            Variables that are set.
        seed : int or Generator
            Seed of the noise.

        Returns
        -------
        DataFrame
            One column a variable.
        """
        rng = np.random.default_rng(seed)
        return _run(_noise(rng, n, self.variables, self.noise), self.weights, do or {})

    def __repr__(self) -> str:
        arrows = ", ".join(f"{a} -> {b}" for a, b in self.weights)
        unseen = f"; hidden: {', '.join(self.latent)}" if self.latent else ""
        return f"GraphWorld of {len(self.data):,} rows: {arrows}{unseen}"


def _sorted(edges: Iterable[Edge], names: Iterable[str]) -> list[str]:
    """Causes before effects, otherwise in the given order."""
    edges, left, done = list(edges), list(names), []
    while left:
        ready = [v for v in left if not any(b == v and a in left for a, b in edges)]
        if not ready:
            raise ValueError(f"the graph has a cycle among {', '.join(left)}")
        done.append(ready[0])
        left.remove(ready[0])
    return done


def _noise(rng: np.random.Generator, n: int, names: Iterable[str], kind: str) -> pd.DataFrame:
    names = list(names)
    size = (count(n, "n"), len(names))
    if kind == "normal":
        drawn = rng.normal(size=size)
    elif kind == "uniform":
        drawn = rng.uniform(-np.sqrt(3), np.sqrt(3), size=size)
    else:
        drawn = rng.laplace(scale=np.sqrt(0.5), size=size)
    return pd.DataFrame(drawn, columns=names)


def _run(
    noise: pd.DataFrame, weights: Mapping[Edge, float], do: Mapping[str, float]
) -> pd.DataFrame:
    """Solve the equations in causal order; columns of ``noise`` are in that order."""
    _checks.columns(noise, do)
    values: dict[str, np.ndarray] = {}
    for v in noise.columns:
        if v in do:
            values[v] = np.full(len(noise), float(do[v]))
        else:
            parents = ((a, w) for (a, b), w in weights.items() if b == v)
            values[v] = noise[v].to_numpy() + sum(w * values[a] for a, w in parents)
    return pd.DataFrame(values)


def latent_graph(
    weights: Mapping[Edge, float] | Iterable[str],
    *,
    latent: Iterable[str] | int = (),
    density: float = 0.4,
    noise: str = "normal",
    n: int = 2000,
    seed: Seed,
) -> GraphWorld:
    r"""Data from a linear structural causal model, given or drawn at random.

    .. math:: x_j = \sum_{i \to j} w_{ij} x_i + \epsilon_j, \qquad \text{Var}(\epsilon_j) = 1

    Introduced in section 5.1.1.

    Parameters
    ----------
    weights : mapping of (cause, effect) to float, or iterable of str
        The graph. Or the names of the variables, causes first: then each arrow from an earlier to
        a later one is drawn with probability ``density`` and a weight from ±[0.5, 1.5].
    latent : iterable of str, or int
        Variables to keep out of the data. Or how many hidden confounders to add: ``u1``, ``u2``
        ..., each a cause of two random variables.
    density : float
        Probability of an arrow in a random graph.
    noise : {"normal", "uniform", "laplace"}
        Noise of each variable. With other than normal noise the directions can be told from data
        alone (LiNGAM).
    n : int
        Rows.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    GraphWorld
        With the true graph, total effects and means under intervention.

    Raises
    ------
    ValueError
        If the graph has a cycle, or a latent variable is not in it.

    Examples
    --------
    >>> world = latent_graph(["position", "click", "dwell", "purchase"], latent=1, seed=3)
    >>> world.data.columns.tolist(), world.latent
    (['position', 'click', 'dwell', 'purchase'], ('u1',))
    """
    _checks.choice(noise, "noise", NOISES)
    between(density, "density", 0, 1)
    rng = np.random.default_rng(seed)
    if isinstance(weights, Mapping):
        names = list(dict.fromkeys(v for edge in weights for v in edge))
        arrows = {edge: float(w) for edge, w in weights.items()}
    else:
        names = list(weights)
        drawn = [e for e in combinations(names, 2) if rng.random() < density]
        arrows = {e: _weight(rng) for e in drawn}
    if isinstance(latent, int):
        hidden = [f"u{k + 1}" for k in range(latent)]
        for u in hidden:
            arrows |= {(u, str(v)): _weight(rng) for v in rng.choice(names, 2, replace=False)}
        names = hidden + names
    else:
        hidden = list(latent)
        for u in hidden:
            _checks.choice(u, "latent", names)
    names = _sorted(arrows, names)
    rows = _run(_noise(rng, n, names, noise), arrows, {})
    seen = [v for v in names if v not in hidden]
    return GraphWorld(rows[seen], arrows, tuple(hidden), rows[hidden], noise)


def _weight(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.5, 1.5) * rng.choice([-1, 1]))
