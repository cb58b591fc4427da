"""A known exposure policy over a (nearly) fully observed matrix of outcomes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .. import _checks
from ._world import Seed, World, between, count, expit, standardised

__all__ = ["exposure"]


def exposure(
    matrix: pd.DataFrame,
    *,
    outcome: str = "watch_ratio",
    impressions: int | None = None,
    share: float = 0.2,
    popularity: float = 1.0,
    confounding: float = 0.7,
    overlap: float = 0.1,
    seed: Seed,
) -> World:
    r"""Hide most of a full matrix, by popularity and by liking, with known probabilities.

    .. math::

        s_{ui} = \text{popularity} \cdot z_i + 2 c\,y'_{ui}, \qquad
        z = \tfrac{1}{\sqrt 2}(\bar y'_i + v_i)

    with y' the standardised rank of the outcome, :math:`\bar y'_i` its standardised mean of the
    item and v standard normal: popular items are liked more, but not only those. Then either each
    cell is shown once, by its own coin,

    .. math:: p_{ui} = \text{overlap} \cdot \text{share}
        + (1 - \text{overlap})\,\text{expit}(\alpha + s_{ui})

    with :math:`\alpha` such that the mean is ``share``; or, with ``impressions``, each impression
    draws a user at random and one of the m items known for him,

    .. math:: p_{ui} = \text{overlap}/m + (1 - \text{overlap})\,\text{softmax}_i(s_{ui})

    Introduced in section 4.3.

    Parameters
    ----------
    matrix : DataFrame
        Columns user, item and the outcome, one row for each known cell.
    outcome : str
        Column of the outcome.
    impressions : int, optional
        Draw this many impressions, with replacement, instead of one coin a cell.
    share : float
        In (0, 1): share of the cells that are shown. Not used with ``impressions``.
    popularity : float
        Popularity bias.
    confounding : float
        c in [0, 1]: selection by the outcome itself.
    overlap : float
        In [0, 1]: share of exposure that is uniformly random.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``data``: user, item, propensity and outcome of what was shown. ``tables``: ``full``, all
        cells likewise, and ``items`` with popularity z. ``truth``: ``mean`` over all cells; with
        impressions also ``uniform`` and ``logging``, the values of these policies, mean over users.
        ``hidden``: rank y'.

    Raises
    ------
    ValueError
        If a cell comes twice, an outcome is not finite, or an option is outside its range.

    Examples
    --------
    >>> cells = pd.MultiIndex.from_product([range(30), range(20)], names=["user", "item"])
    >>> full = pd.DataFrame({"watch_ratio": np.linspace(0, 2, 600)}, index=cells).reset_index()
    >>> world = exposure(full, seed=0)
    >>> bool(world.data["watch_ratio"].mean() > world.truth["mean"])
    True
    """
    _checks.columns(matrix, ["user", "item", outcome])
    if matrix.empty:
        _checks.fail(outcome, "must hold at least one cell")
    c = between(confounding, "confounding", 0, 1)
    mixed = between(overlap, "overlap", 0, 1)
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1), got {share}")
    y = _checks.numeric(matrix[outcome], outcome)
    user, _ = pd.factorize(_checks.no_missing(matrix["user"], "user"))
    item, labels = pd.factorize(_checks.no_missing(matrix["item"], "item"))
    twice = pd.Series(user.astype(np.int64) * len(labels) + item).duplicated().to_numpy()
    _checks.refuse(twice, matrix["item"], "item", "each (user, item) cell may come once only")
    rng = np.random.default_rng(seed)
    liking = standardised(pd.Series(y).rank().to_numpy())
    by_item = standardised(np.bincount(item, liking) / np.bincount(item))
    z = (by_item + rng.normal(size=len(labels))) / math.sqrt(2)
    score = popularity * z[item] + 2 * c * liking
    full = matrix[["user", "item", outcome]].reset_index(drop=True)
    truth = {"mean": float(y.mean())}
    if impressions is None:
        p = mixed * share + (1 - mixed) * _coins(score, share)
        rows = np.flatnonzero(rng.random(len(y)) < p)
    else:
        p, known = _softmax(score, user), np.bincount(user)
        p = mixed / known[user] + (1 - mixed) * p
        rows = rng.choice(len(y), size=count(impressions, "impressions"), p=p / p.sum())
        truth["uniform"] = float((np.bincount(user, y) / known).mean())
        truth["logging"] = float(np.bincount(user, p * y).mean())
    full.insert(2, "propensity", p)
    tables = {"full": full, "items": pd.DataFrame({"item": labels, "popularity": z})}
    data = full.iloc[rows].reset_index(drop=True)
    hidden = pd.DataFrame({"liking": liking[rows]})
    return World(data, "item", outcome, ("user",), truth, hidden, tables)


def _coins(score: np.ndarray, share: float) -> np.ndarray:
    """expit(alpha + score), with alpha such that the mean is ``share``."""
    from scipy.optimize import brentq

    reach = float(np.abs(score).max()) + abs(math.log(share / (1 - share))) + 1
    return expit(brentq(lambda a: expit(a + score).mean() - share, -reach, reach) + score)


def _softmax(score: np.ndarray, group: np.ndarray) -> np.ndarray:
    weight = np.exp(score - pd.Series(score).groupby(group).transform("max").to_numpy())
    return weight / np.bincount(group, weight)[group]
