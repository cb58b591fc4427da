"""Recommend, consume, retrain: what a policy does to its own data over months."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from .. import _checks
from ._recommender import catalogue, relevance_of
from ._world import Seed, World, between, count

__all__ = ["LOOP_POLICIES", "feedback_loop"]

Policy = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _random(clicks: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.random(clicks.shape)


def _popular(clicks: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clicks by item, whatever it took to collect them."""
    return np.broadcast_to(clicks.sum(axis=0).astype(float), clicks.shape)


def _personal(clicks: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Click rate of the item, plus how the user departs from it, smoothed to rank 8."""
    from threadpoolctl import threadpool_limits

    rate = (clicks.sum(axis=0) + 1) / (shown.sum(axis=0) + 3)
    surprise = clicks - shown * rate
    with threadpool_limits(1):  # the matrix is small: threads would only wait for each other
        _, v = np.linalg.eigh(surprise.T @ surprise)
    own = surprise @ v[:, -8:] @ v[:, -8:].T
    return rate + 0.2 * own / max(own.std(), 1e-12)


LOOP_POLICIES: Mapping[str, Policy] = {
    "random": _random,
    "popular": _popular,
    "personal": _personal,
}


def feedback_loop(
    policy: str | Policy = "personal",
    *,
    n_users: int = 500,
    n_items: int = 300,
    months: int = 12,
    k: int = 10,
    explore: float = 0.0,
    pull: float = 0.0,
    drift: float = 0.0,
    position_bias: float = 0.5,
    seed: Seed,
) -> World:
    r"""Months in which a recommender learns from the clicks that its own lists produced.

    Each month the policy scores all items from the clicks so far, each user sees the k best, then

    .. math::

        \text{clicked} \sim \text{Bernoulli}(\text{position}^{-\text{bias}} \rho_{ui}), \qquad
        \text{taste}_u \leftarrow (1 - \text{pull})\,\text{taste}_u + \text{pull}\,\ell_u\,
            \overline{\text{attributes}}(\text{clicked}) + \text{drift}\,\epsilon

    and taste returns to its former length :math:`\ell_u`: only its direction moves. :math:`\rho` is
    as in `recommender`. Month 0 is random: there is nothing to learn from yet.

    Introduced in section 3.3.

    Parameters
    ----------
    policy : str or callable
        A name in ``LOOP_POLICIES`` (random, popular, personal), or a function of clicks and
        impressions so far, both (n_users, n_items), and a generator, that returns scores of the
        same shape. Wrap a named one to change it.
    n_users, n_items, months, k : int
        Sizes; k is the length of a list.
    explore : float
        In [0, 1]: share of slots filled at random instead.
    pull : float
        In [0, 1]: how far taste moves towards what was clicked; narrows what users want.
    drift : float
        Size of a random walk of taste.
    position_bias : float
        Exponent; 0 means that all positions are noticed.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``data``: month, user, item, position, clicked. ``hidden``: relevance of each row at that
        time. ``tables["items"]``: quality and attributes. ``tables["months"]``, for each month:
        ``welfare``, the mean relevance of what was shown; ``before``, the same by the taste that
        users came with; ``best``, that of the k most relevant; ``clicks`` a slot; ``coverage`` of
        the catalogue; ``gini`` of impressions over items; ``diversity``, the mean cosine distance
        of attributes within a list. ``truth["welfare"]`` is the mean after month 0.

    Raises
    ------
    ValueError
        If an option is outside its range, or a policy returns scores of another shape or not
        finite.

    Notes
    -----
    Source: Chaney, Stewart and Engelhardt, "How algorithmic confounding in recommendation systems
    increases homogeneity and decreases utility", RecSys 2018.

    Examples
    --------
    >>> world = feedback_loop("popular", months=4, seed=0)
    >>> world.tables["months"]["coverage"].round(2).tolist()
    [1.0, 0.03, 0.03, 0.03]
    """
    if isinstance(policy, str):
        policy = LOOP_POLICIES[_checks.choice(policy, "policy", LOOP_POLICIES)]
    between(explore, "explore", 0, 1), between(pull, "pull", 0, 1), between(drift, "drift", 0)
    count(months, "months"), between(count(k, "k"), "k", 1, n_items)
    rng = np.random.default_rng(seed)
    taste, attributes, quality = catalogue(rng, n_users, n_items)
    length = np.linalg.norm(taste, axis=1, keepdims=True)
    at_first = relevance_of(taste, attributes, quality)
    clicks, shown = (np.zeros((n_users, n_items), int) for _ in range(2))
    noticed = np.arange(1.0, k + 1) ** -between(position_bias, "position_bias", 0)
    user, position = np.repeat(np.arange(n_users), k), np.tile(np.arange(1, k + 1), n_users)
    logs, steps = [], []
    for month in range(months):
        relevance = relevance_of(taste, attributes, quality)
        scores = (policy if month else _random)(clicks.copy(), shown.copy(), rng)
        lists = _lists(rng, np.asarray(scores, float), clicks.shape, k, explore)
        liked = np.take_along_axis(relevance, lists, axis=1)
        clicked = (rng.random(liked.shape) < noticed * liked).astype(int)
        clicks[user, lists.ravel()] += clicked.ravel()
        shown[user, lists.ravel()] += 1
        row = {"month": month, "user": user, "item": lists.ravel(), "position": position}
        row |= {"clicked": clicked.ravel(), "relevance": liked.ravel()}
        logs.append(pd.DataFrame(row))
        best = np.partition(relevance, n_items - k, axis=1)[:, n_items - k :]
        step = {"month": month, "welfare": liked.mean(), "best": best.mean()}
        step["before"] = np.take_along_axis(at_first, lists, axis=1).mean()
        steps.append(step | {"clicks": clicked.mean()} | _spread(lists, attributes))
        seen = np.einsum("uk,ukd->ud", clicked, attributes[lists])
        total = clicked.sum(axis=1, keepdims=True)
        target = np.where(total, length * seen / np.maximum(total, 1), taste)
        taste = (1 - pull) * taste + pull * target + drift * rng.normal(size=taste.shape)
        taste *= length / np.linalg.norm(taste, axis=1, keepdims=True)
    rows = pd.concat(logs, ignore_index=True)
    by_month = pd.DataFrame(steps)
    items = pd.DataFrame(attributes, columns=[f"a{d}" for d in range(attributes.shape[1])])
    tables = {"months": by_month, "items": items.assign(quality=quality)}
    truth = {"welfare": float(by_month["welfare"].iloc[1:].mean())}
    data, hidden = rows.drop(columns="relevance"), rows[["relevance"]]
    return World(data, "item", "clicked", ("user",), truth, hidden, tables)


def _lists(
    rng: np.random.Generator, scores: np.ndarray, shape: tuple[int, int], k: int, explore: float
) -> np.ndarray:
    """The k best of each user, best first, ties by lot; some slots go to other items at random."""
    if scores.shape != shape or not np.isfinite(scores).all():
        raise ValueError(f"a policy must return finite scores of shape {shape}")
    order = np.lexsort((rng.random(shape), -scores), axis=1)
    explored = rng.random((shape[0], k)) < explore
    kept = k - explored.sum(axis=1, keepdims=True)
    place = np.arange(shape[1])
    key = np.where(place < kept, place, shape[1] + rng.random(shape))
    chosen = np.take_along_axis(order, np.argsort(key, axis=1)[:, :k], axis=1)
    lists = np.empty_like(chosen)
    np.put_along_axis(lists, np.argsort(explored, axis=1, kind="stable"), chosen, axis=1)
    return lists


def _spread(lists: np.ndarray, attributes: np.ndarray) -> dict[str, float]:
    """Coverage, Gini index of impressions, and mean distance of two items in a list."""
    n_items, k = len(attributes), lists.shape[1]
    share = np.sort(np.bincount(lists.ravel(), minlength=n_items)) / lists.size
    gini = 1 - 2 * (share.cumsum().sum() - 0.5) / n_items
    a = attributes / np.linalg.norm(attributes, axis=1, keepdims=True)
    total = np.linalg.norm(a[lists].sum(axis=1), axis=1) ** 2  # sum of cosines, own ones included
    alike = (total.mean() - k) / (k * (k - 1)) if k > 1 else 1.0
    return {"coverage": float((share > 0).mean()), "gini": float(gini), "diversity": 1 - alike}
