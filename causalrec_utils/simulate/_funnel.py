"""A recommender's funnel as a structural causal model, before and after a mechanism changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from .. import _checks
from ._world import Seed, count

__all__ = ["FunnelWorld", "funnel"]

EDGES = (
    ("relevance", "prominence"),
    ("relevance", "clicked"),
    ("relevance", "dwell"),
    ("relevance", "purchased"),
    ("prominence", "noticed"),
    ("noticed", "clicked"),
    ("clicked", "dwell"),
    ("clicked", "purchased"),
    ("dwell", "purchased"),
)
NODES = ("relevance", "prominence", "noticed", "clicked", "dwell", "purchased")


@dataclass(frozen=True, repr=False)
class FunnelWorld:
    """Sessions before and after a change, and what changed. Made by `funnel`.

    Introduced in section 5.1.3.

    Parameters
    ----------
    before, after : DataFrame
        Different sessions, one row each, from the old and the new mechanisms.
    noise : DataFrame
        Exogenous noise of the sessions in ``before``, by variable.
    changes : mapping of str to float
        Shift of each changed mechanism's intercept.
    edges : tuple of (cause, effect)
        The true graph.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    noise: pd.DataFrame
    changes: Mapping[str, float]
    edges: tuple[tuple[str, str], ...] = EDGES

    def counterfactual(self, do: Mapping[str, float]) -> pd.DataFrame:
        """The sessions in ``before``, had the variables in ``do`` been set: same noise, row by row.

        Parameters
        ----------
        do : mapping of str to float
            Variables that are set.

        Returns
        -------
        DataFrame
            As ``before``.
        """
        return _run(self.noise, {}, do)

    def attribution(
        self, outcome: str = "clicked", *, draws: int = 200_000, seed: Seed
    ) -> pd.Series:
        r"""What each mechanism's change contributes to the change in the mean of ``outcome``.

        .. math::

            \phi_j = \sum_{S \not\ni j} \frac{|S|!\,(k - |S| - 1)!}{k!}
                     \big(\mu(S \cup \{j\}) - \mu(S)\big)

        the Shapley value over the k changed mechanisms, with :math:`\mu(S)` the mean when those in
        S have changed, by Monte Carlo with the same noise for all S.

        Parameters
        ----------
        outcome : str
            A variable of the funnel.
        draws : int
            Sessions of the Monte Carlo.
        seed : int or Generator
            Seed of its noise.

        Returns
        -------
        Series
            One value a variable, 0 where nothing changed; adds up to the whole change.

        Notes
        -----
        Source: Budhathoki, Janzing, Blöbaum and Ng, "Why did the distribution change?", AISTATS
        2021.
        """
        _checks.choice(outcome, "outcome", NODES)
        noise = _noise(np.random.default_rng(seed), count(draws, "draws"))
        changed = [v for v in NODES if v in self.changes]
        k = len(changed)
        sets = [frozenset(s) for r in range(k + 1) for s in combinations(changed, r)]
        mean = {
            s: float(_run(noise, {v: self.changes[v] for v in s}, {})[outcome].mean()) for s in sets
        }
        shares = pd.Series(0.0, index=list(NODES))
        for s in sets:
            for j in set(changed) - s:
                weight = math.factorial(len(s)) * math.factorial(k - len(s) - 1)
                shares[j] += weight / math.factorial(k) * (mean[s | {j}] - mean[s])
        return shares

    def __repr__(self) -> str:
        rows = f"{len(self.before):,} sessions before and {len(self.after):,} after"
        return f"FunnelWorld of {rows}; changed: {dict(self.changes)}"


def _noise(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Normal where the variable is a number, logistic where it is a yes or no."""
    yes_no = ("noticed", "clicked", "purchased")
    return pd.DataFrame(
        {v: rng.logistic(size=n) if v in yes_no else rng.normal(size=n) for v in NODES}
    )


def _run(
    noise: pd.DataFrame, changes: Mapping[str, float], do: Mapping[str, float]
) -> pd.DataFrame:
    for name in (*changes, *do):
        _checks.choice(name, "variable", NODES)
    shift = {v: changes.get(v, 0.0) for v in NODES}
    e = {v: noise[v].to_numpy() for v in NODES}
    values: dict[str, np.ndarray] = {}

    def put(name: str, value: np.ndarray) -> np.ndarray:
        values[name] = np.full(len(noise), do[name]) if name in do else value
        return values[name]

    r = put("relevance", shift["relevance"] + e["relevance"])
    p = put("prominence", shift["prominence"] + 0.6 * r + 0.8 * e["prominence"])
    seen = put("noticed", (0.5 + p + shift["noticed"] + e["noticed"] > 0).astype(int))
    liked = -1 + 1.2 * r + shift["clicked"] + e["clicked"] > 0
    clicked = put("clicked", (liked & (seen == 1)).astype(int))
    minutes = np.exp(0.5 + 0.4 * r + shift["dwell"] + 0.5 * e["dwell"])
    dwell = put("dwell", clicked * minutes)
    wanted = -3 + np.log1p(dwell) + 0.5 * r + shift["purchased"] + e["purchased"] > 0
    put("purchased", (wanted & (clicked == 1)).astype(int))
    return pd.DataFrame(values)


def funnel(n: int, *, changes: Mapping[str, float] | None = None, seed: Seed) -> FunnelWorld:
    r"""Sessions from impression to purchase, and a drop whose cause is known.

    .. math::

        \text{relevance} &= \epsilon_1, \qquad \text{prominence} = 0.6\,\text{relevance}
            + 0.8\,\epsilon_2\\
        \text{noticed} &= [0.5 + \text{prominence} + \lambda_1 > 0], \qquad
        \text{clicked} = \text{noticed}\,[-1 + 1.2\,\text{relevance} + \lambda_2 > 0]\\
        \text{dwell} &= \text{clicked}\,e^{0.5 + 0.4\,\text{relevance} + 0.5\,\epsilon_3}\\
        \text{purchased} &= \text{clicked}\,[-3 + \log(1 + \text{dwell})
            + 0.5\,\text{relevance} + \lambda_3 > 0]

    :math:`\epsilon` are standard normal, :math:`\lambda` standard logistic. A change adds a number
    to the intercept of its mechanism, inside the bracket or the exponent.

    Introduced in section 5.1.3.

    Parameters
    ----------
    n : int
        Sessions before, and as many after.
    changes : mapping of str to float, optional
        Shift by variable; by default ``{"prominence": -1.0}``: lists are laid out worse.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    FunnelWorld
        With exact counterfactuals, and the attribution of the change.

    Raises
    ------
    ValueError
        If a change names no variable of the funnel.

    Examples
    --------
    >>> world = funnel(20_000, seed=0)
    >>> drop = world.after["clicked"].mean() - world.before["clicked"].mean()
    >>> print(f"{drop:.2f}, of it prominence {world.attribution(seed=1)['prominence']:.2f}")
    -0.06, of it prominence -0.06
    """
    count(n, "n")
    changes = {"prominence": -1.0} if changes is None else dict(changes)
    rng = np.random.default_rng(seed)
    noise = _noise(rng, n)
    after = _run(_noise(rng, n), changes, {})
    return FunnelWorld(_run(noise, {}, {}), after, noise, changes)
