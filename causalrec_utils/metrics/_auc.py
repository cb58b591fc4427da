"""Area under the ROC curve, within users and pooled over them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from ._bootstrap import mean_over_users, sum_by
from ._lists import binary, encode, positions

__all__ = ["auc", "auc_by_group"]


def auc_by_group(
    group: np.ndarray, n: int, first: np.ndarray, last: np.ndarray, positive: np.ndarray
) -> np.ndarray:
    """AUC of each of ``n`` groups from the places of its rows; NaN where one class is missing."""
    above = (first + last - 1) / 2  # rows above, a tie counting half
    pos, neg = np.bincount(group, positive, n), np.bincount(group, ~positive, n)
    wins = pos * neg - np.bincount(group, above * positive, n) + pos * (pos - 1) / 2
    with np.errstate(invalid="ignore"):
        return wins / (pos * neg)


def auc(
    data: pd.DataFrame,
    *,
    label: str = "label",
    score: str = "score",
    user: str = "user",
    pooled: bool = False,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    r"""Chance that a positive row has a higher score than a negative one; ties count half.

    Within users (the default): the AUC of each user, averaged over users. This is what a ranking
    for one user can gain from. Pooled: over all pairs of rows, which also rewards a model for
    knowing which *users* click more, although no list is made better by that.

    Introduced in section 1.2.

    Parameters
    ----------
    data : DataFrame
        One row a scored (user, item) pair.
    label, score, user : str
        Columns: 0 or 1, any finite number (only its order matters), and who.
    pooled : bool
        Pool the rows of all users.
    level, n_boot, seed
        Nominal coverage, resamples of users, randomness. The pooled interval needs no resampling:
        it comes from each user's part in the variance (Obuchowski), with Student's t on the logit
        scale.

    Returns
    -------
    Estimate
        Within users: those with rows of one class only are left out and counted. ``nan`` if
        there is no user, or (pooled) no pair of rows, to compare.

    Raises
    ------
    ValueError
        If a column is missing, a label is not 0 or 1, or a score is not finite.

    Notes
    -----
    Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53(2), 1997.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"user": [1, 1, 2, 2], "label": [0, 1, 0, 1],
    ...                     "score": [0.1, 0.4, 0.5, 0.8]})
    >>> auc(log).value, auc(log, pooled=True).value
    (1.0, 0.75)
    """
    _checks.level(level)
    _checks.columns(data, [label, score, user])
    y = binary(_checks.numeric(data[label], label), label)
    s = _checks.numeric(data[score], score)
    users, (u,) = encode(user, data[user])
    positive = y == 1
    if pooled:
        return _pooled(u, len(users), s, positive, level)
    first, last = positions(u, s)
    values = auc_by_group(u, len(users), first, last, positive)
    return mean_over_users(values, estimand="AUC", level=level, n_boot=n_boot, seed=seed)


def _pooled(
    u: np.ndarray, n: int, score: np.ndarray, positive: np.ndarray, level: float
) -> Estimate:
    from scipy.stats import t

    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    value = stderr = math.nan
    ci = (math.nan, math.nan)
    said: tuple[str, ...] = ("no pair of a positive and a negative row",)
    if n_pos and n_neg:
        # Rows of the other class above each row: its place among all minus that within its class.
        first, last = positions(np.zeros_like(u), score)
        class_first, class_last = positions(positive.astype(int), score)
        above = (first + last - class_first - class_last) / 2
        value = float(1 - above[positive].mean() / n_neg)
        placement = np.where(positive, 1 - above / n_neg, above / n_pos) - value
        placement /= np.where(positive, n_pos, n_neg)
        said = ("too few users that differ: no interval",)
        if n > 1 and 0 < value < 1:
            by_user = sum_by(u, n, placement)[:, 0]
            stderr = math.sqrt(n / (n - 1) * np.sum(by_user**2))
            reach = t.ppf(0.5 + level / 2, n - 1) * stderr / (value * (1 - value))
            ends = math.log(value / (1 - value)) + np.array([-reach, reach])
            low, high = 0.5 + np.tanh(ends / 2) / 2  # the logistic function, without overflow
            ci, said = (float(low), float(high)), ()
    notes = {"positives": float(n_pos), "negatives": float(n_neg)}
    return Estimate(value, stderr, ci, level, n, "pooled rows", "AUC", notes, said)
