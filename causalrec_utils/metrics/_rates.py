"""Rates and means over logged rows: clicks and satisfaction."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from ._bootstrap import by_user, ratio, sum_by
from ._errors import overlap, weights
from ._lists import binary, encode, mean_over_ties, pair_codes, positions, scores, top

__all__ = ["click_through_rate", "satisfaction"]


def click_through_rate(
    log: pd.DataFrame,
    *,
    click: str = "click",
    impressions: str | None = None,
    user: str | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    r"""Clicks for each impression.

    .. math:: \sum_i c_i \Big/ \sum_i v_i

    Introduced in section 1.2.

    Parameters
    ----------
    log : DataFrame
        One row an impression, or one row a group of impressions.
    click : str
        Column of 0 and 1; of counts, with ``impressions``.
    impressions : str, optional
        Column of impressions a row. Default: one.
    user : str, optional
        Who saw it. Given, users are resampled with all their rows. Without it, impressions count
        as independent and the interval is Wilson's: right only if people appear about once.
    level, n_boot, seed
        Nominal coverage, resamples of users, randomness.

    Returns
    -------
    Estimate
        ``n`` counts impressions without ``user``, users with it.

    Raises
    ------
    ValueError
        If a column is missing, a click is not 0 or 1, or counts are not whole numbers with
        0 <= clicks <= impressions; if there is no impression at all.

    Notes
    -----
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Examples
    --------
    >>> import pandas as pd
    >>> click_through_rate(pd.DataFrame({"click": [0, 1, 0, 0]}))
    click-through rate by mean of rows: 0.250, 95% interval [0.0456, 0.699], n = 4
    """
    _checks.level(level)
    _checks.columns(log, [c for c in (click, impressions, user) if c is not None])
    clicks = _checks.numeric(log[click], click)
    views = np.ones(len(log))
    if impressions is not None:
        views = _checks.numeric(log[impressions], impressions)
        _whole(views, impressions)
        _whole(clicks, click)
    else:
        binary(clicks, click)
    _checks.refuse(clicks > views, clicks, click, "must be at most the impressions")
    if not views.sum():
        raise ValueError("log must hold at least one impression")
    totals = {"clicks": float(clicks.sum()), "impressions": float(views.sum())}
    if user is None:
        return _wilson(int(clicks.sum()), int(views.sum()), level, totals)
    users, (u,) = encode(user, log[user])
    return by_user(
        sum_by(u, len(users), clicks, views),
        ratio,
        estimand="click-through rate",
        method="ratio of sums by user",
        level=level,
        n_boot=n_boot,
        seed=seed,
        diagnostics=totals,
    )


def _whole(values: np.ndarray, name: str) -> None:
    bad = (values < 0) | (values != np.floor(values))
    _checks.refuse(bad, values, name, "must be whole numbers of at least 0")


def _wilson(clicks: int, views: int, level: float, notes: dict[str, float]) -> Estimate:
    from scipy.stats import binomtest

    low, high = binomtest(clicks, views).proportion_ci(level, method="wilson")
    share = clicks / views
    stderr = math.sqrt(share * (1 - share) / views)
    ci = (float(low), float(high))
    return Estimate(share, stderr, ci, level, views, "mean of rows", "click-through rate", notes)


def satisfaction(
    recommended: pd.DataFrame,
    ratings: pd.DataFrame,
    k: int = 10,
    *,
    rating: str = "rating",
    threshold: float | None = None,
    propensity: str | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    r"""Mean rating of what was recommended and then rated.

    Over pairs that are in the first ``k`` places and have a rating :math:`y`,

    .. math:: \sum w\, y \Big/ \sum w, \qquad w = 1 \text{ or } 1 / p

    People rate what they chose to try, and they try what they expect to like. So the plain mean
    tells about the *rated* part of the lists and is usually too high for all of them. With the
    probability :math:`p` that a pair gets rated, weighting by :math:`1/p` (self-normalised) gives
    the mean over the whole lists, provided that every recommended pair had a positive chance, and
    that the rating and being rated are independent given what the propensity knows.

    Introduced in section 1.2.

    Parameters
    ----------
    recommended, k
        As in `per_user`.
    ratings : DataFrame
        Columns ``user``, ``item``, the rating, and the propensity if one is named.
    rating : str
        Column with the rating, any finite number.
    threshold : float, optional
        Report the share of ratings of at least this much instead of the mean.
    propensity : str, optional
        Column with the probability in (0, 1] that the pair was rated; taken as known.
    level, n_boot, seed
        Nominal coverage, resamples of users, randomness.

    Returns
    -------
    Estimate
        ``n`` counts users with a rated recommendation. Diagnostics: ``share_rated`` of the
        recommended places, ``rated_pairs``, ``ess`` and ``max_weight_share`` of the weights.

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, a propensity is outside (0, 1], a pair comes
        twice, or no recommended pair was rated.

    Notes
    -----
    Schnabel, Swaminathan, Singh, Chandak and Joachims, "Recommendations as treatments: debiasing
    learning and evaluation", ICML 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"user": [1, 1, 2], "item": [7, 8, 7], "rank": [1, 2, 1]})
    >>> stars = pd.DataFrame({"user": [1, 2, 2], "item": [7, 7, 9], "rating": [5, 2, 4]})
    >>> satisfaction(shown, stars).value
    3.5
    """
    k = top(k)
    _checks.columns(recommended, ["user", "item"])
    _checks.columns(ratings, ["user", "item", rating])
    y = _checks.numeric(ratings[rating], rating)
    if threshold is not None:
        y = (y >= threshold).astype(float)
    weight = weights(ratings, propensity)
    users, (u, ru) = encode("user", recommended["user"], ratings["user"])
    items, (i, ri) = encode("item", recommended["item"], ratings["item"])
    pairs = pair_codes(u, i, len(items), recommended["item"])
    index = pd.Index(pair_codes(ru, ri, len(items), ratings["item"])).get_indexer(pairs)
    in_list = mean_over_ties(*positions(u, scores(recommended, u)), np.ones(k))
    rated = (index >= 0) & (in_list > 0)
    if not rated.any():
        raise ValueError("no recommended (user, item) pair has a rating")
    share = float(in_list[rated].sum() / in_list.sum())
    w = in_list[rated] * weight[index[rated]]
    sums = sum_by(u[rated], len(users), w * y[index[rated]], w)
    said: tuple[str, ...] = ()
    if share < 1 and propensity is None:
        said = (f"{share:.0%} of the recommended places were rated, the rest may differ",)
    return by_user(
        sums[sums[:, 1] > 0],
        ratio,
        estimand=f"satisfaction@{k}",
        method="mean of rated" if propensity is None else "snips",
        level=level,
        n_boot=n_boot,
        seed=seed,
        diagnostics={"share_rated": share, "rated_pairs": float(rated.sum()), **overlap(w)},
        warnings=said,
    )
