"""A recommender's log: taste, quality, popularity that feeds on itself, a known policy."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ._world import Seed, World, between, count, expit, standardised

__all__ = ["recommender"]

GENRES = 8


def catalogue(
    rng: np.random.Generator, n_users: int, n_items: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Taste (n_users, 8), attributes (n_items, 8), quality (n_items,).

    Attributes are mostly the item's genre, and taste times attributes has variance 1.
    """
    taste = rng.normal(size=(count(n_users, "n_users"), GENRES))
    blend = rng.normal(size=(count(n_items, "n_items", 2), GENRES)) / math.sqrt(GENRES)
    genre = np.eye(GENRES)[rng.integers(GENRES, size=n_items)]
    return taste, math.sqrt(0.8) * genre + math.sqrt(0.2) * blend, rng.normal(size=n_items)


def relevance_of(taste: np.ndarray, attributes: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """P(click | noticed) = expit(-1 + taste'attributes + 0.7 quality), shape (n_users, n_items)."""
    return expit(taste @ attributes.T + (0.7 * quality - 1))


def draw_rows(rng: np.random.Generator, p: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """One column for each of ``rows``, with the probabilities of that row of ``p``."""
    total = p.cumsum(axis=1)
    total /= total[:, -1:]
    # Adding the row number makes one increasing sequence, which one binary search serves.
    flat = (total + np.arange(len(p))[:, None]).ravel()
    found = np.searchsorted(flat, rows + rng.random(len(rows)), side="right")
    return np.clip(found - rows * p.shape[1], 0, p.shape[1] - 1)


def recommender(
    n: int,
    *,
    n_users: int = 1000,
    n_items: int = 500,
    confounding: float = 0.7,
    popularity: float = 0.5,
    overlap: float = 0.1,
    positions: int = 5,
    position_bias: float = 1.0,
    rounds: int = 5,
    autoplay: bool = False,
    seed: Seed,
) -> World:
    r"""The log of a recommender whose policy is known, with the outcome of every user and item.

    .. math::

        \rho_{ui} &= \text{expit}(-1 + a_{ui} + 0.7\,q_i), \qquad
            a_{ui} = \text{taste}_u^\top \text{attributes}_i\\
        \pi(i \mid u) &= (1 - \text{overlap})\,\text{softmax}_i\big(2 c\,a_{ui}
            + \text{popularity} \cdot z_i\big) + \text{overlap} / n_{\text{items}}\\
        \text{position} &\sim 1 + \text{Binomial}(K - 1, \text{expit}(-2 c\,a_{ui})), \qquad
        \text{clicked} \sim \text{Bernoulli}(\text{position}^{-\text{bias}} \rho_{ui})

    z is the standardised logarithm of one plus the item's clicks so far, updated after each of the
    rounds: popularity feeds on itself. A clicked item is watched for the share
    :math:`\rho_{ui}^{s}` of its length, :math:`s = (\text{duration}/30)^{0.3} e^{\epsilon/2}`, so
    long items collect watch time without being liked more. With autoplay every item starts by
    itself: nobody clicks, and all rows are watched for their share.

    Introduced in section 4.3.

    Parameters
    ----------
    n : int
        Impressions.
    n_users, n_items : int
        The truth holds a number for each pair.
    confounding : float
        c in [0, 1]: how far the policy, and the position, follow taste.
    popularity : float
        How far the policy follows clicks so far.
    overlap : float
        In [0, 1]: share of impressions that are uniformly random; 0 leaves only the softmax.
    positions : int
        K, slots of a list; 1 is the best.
    position_bias : float
        Exponent; 0 means that all positions are noticed.
    rounds : int
        How often the policy sees the clicks.
    autoplay : bool
        Whether items are watched without a click. Clicks are then hidden; they still say what the
        policy takes for popular.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``data``: round, user, item, position, propensity, duration, clicked, watch_time (seconds).
        ``tables``: ``relevance`` (n_users × n_items), the click probability at position 1;
        ``logging`` likewise, the mean policy over the rounds; ``items`` with quality, duration.
        ``truth``: clicks an impression at position 1 of the ``uniform`` and the ``logging`` policy.
        ``hidden``: ``noticed``, ``relevance``; with autoplay ``clicked``, and the outcome is
        ``watch_time``.

    Raises
    ------
    ValueError
        If an option is outside its range.

    Examples
    --------
    >>> world = recommender(20_000, n_users=100, n_items=50, seed=0)
    >>> world.data.columns.tolist()  # doctest: +NORMALIZE_WHITESPACE
    ['round', 'user', 'item', 'position', 'propensity', 'duration', 'clicked', 'watch_time']
    >>> world.truth["logging"] > world.truth["uniform"]
    True
    """
    c = between(confounding, "confounding", 0, 1)
    between(overlap, "overlap", 0, 1), between(position_bias, "position_bias", 0)
    count(n, "n"), count(positions, "positions"), count(rounds, "rounds")
    rng = np.random.default_rng(seed)
    taste, attributes, quality = catalogue(rng, n_users, n_items)
    affinity = taste @ attributes.T
    relevance = relevance_of(taste, attributes, quality)
    duration = 30 * np.exp(rng.normal(size=n_items))
    clicks, logging = np.zeros(n_items), np.zeros((n_users, n_items))
    parts = []
    for r, size in enumerate(len(part) for part in np.array_split(np.empty(n), rounds)):
        score = 2 * c * affinity + popularity * standardised(np.log1p(clicks))
        p = np.exp(score - score.max(axis=1, keepdims=True))
        p = (1 - overlap) * p / p.sum(axis=1, keepdims=True) + overlap / n_items
        logging += p * size / n
        user = rng.integers(n_users, size=size)
        item = draw_rows(rng, p, user)
        below = rng.binomial(positions - 1, expit(-2 * c * affinity[user, item]))
        noticed = rng.random(size) < (1.0 + below) ** -position_bias
        liked = relevance[user, item]
        clicked = (noticed & (rng.random(size) < liked)).astype(int)
        clicks += np.bincount(item, clicked, n_items)
        length = duration[item]
        share = liked ** ((length / 30) ** 0.3 * np.exp(rng.normal(size=size) / 2))
        part = {"round": r, "user": user, "item": item, "position": 1 + below}
        part |= {"propensity": p[user, item], "duration": length, "clicked": clicked}
        watched = share * length if autoplay else clicked * share * length
        part |= {"watch_time": watched, "noticed": noticed, "relevance": liked}
        parts.append(pd.DataFrame(part))
    rows = pd.concat(parts, ignore_index=True)
    unseen = ["noticed", "relevance", *(["clicked"] if autoplay else [])]
    hidden = rows[unseen].assign(noticed=rows["noticed"].astype(int))
    truth = {
        "uniform": float(relevance.mean()),
        "logging": float((logging * relevance).sum(axis=1).mean()),
    }
    tables = {
        "relevance": pd.DataFrame(relevance),
        "logging": pd.DataFrame(logging),
        "items": pd.DataFrame({"quality": quality, "duration": duration}),
    }
    data = rows.drop(columns=hidden.columns)
    outcome = "watch_time" if autoplay else "clicked"
    return World(data, "item", outcome, ("user",), truth, hidden, tables)
