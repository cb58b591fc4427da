"""The chance that a rating is seen: naive Bayes from a random sample, logistic from features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import _checks

__all__ = ["propensity_logistic", "propensity_naive_bayes"]


def propensity_naive_bayes(
    ratings: pd.DataFrame,
    unbiased: pd.DataFrame,
    *,
    cells: int,
    rating: str = "rating",
    smoothing: float = 0.0,
) -> np.ndarray:
    r"""Chance that a rating is seen, given its value, from a small randomised sample.

    .. math:: P(O = 1 \mid R = r) = \frac{P(R = r \mid O = 1)\, P(O = 1)}{P(R = r)}

    The first factor is the share of ``r`` among the ratings, the second the share of all cells that
    is rated; the denominator needs ratings of cells that were drawn at random. Assumes that nothing
    but the rating itself decides what is seen. Introduced in section 4.1.

    Parameters
    ----------
    ratings : pandas.DataFrame
        Self-selected ratings, one a row.
    unbiased : pandas.DataFrame
        Ratings of randomly drawn cells, from the same people and items.
    cells : int
        Number of (user, item) pairs that could have been rated, at least as many as were.
    rating : str
        Column of the rating in both tables; a few distinct values.
    smoothing : float
        Added to the count of each value in ``unbiased``; at least 0.

    Returns
    -------
    array of shape (n,)
        Propensity of each row of ``ratings``, in (0, 1].

    Raises
    ------
    ValueError
        If a rating never comes in ``unbiased`` (and nothing is added), or a propensity comes out
        above 1: the random sample is then too small for this method.

    Notes
    -----
    Marlin and Zemel (2009), "Collaborative prediction and ranking with non-random missing data",
    RecSys; Schnabel, Swaminathan, Singh, Chandak and Joachims (2016), "Recommendations as
    treatments: debiasing learning and evaluation", ICML.

    Examples
    --------
    >>> chosen = pd.DataFrame({"rating": [5, 5, 5, 1]})
    >>> drawn = pd.DataFrame({"rating": [5, 1, 1, 1]})
    >>> propensity_naive_bayes(chosen, drawn, cells=40).round(3).tolist()
    [0.3, 0.3, 0.3, 0.033]
    """
    for table in (ratings, unbiased):
        _checks.columns(table, [rating])
        if len(table) == 0:
            raise ValueError(f"column {rating!r}: both tables need at least one rating")
    if smoothing < 0:
        raise ValueError(f"smoothing must be at least 0, got {smoothing}")
    if cells < len(ratings):
        raise ValueError(f"cells must be at least the {len(ratings)} ratings, got {cells}")
    seen = _checks.numeric(ratings[rating], rating)
    drawn = _checks.numeric(unbiased[rating], rating)
    values, code = np.unique(np.concatenate([seen, drawn]), return_inverse=True)
    seen_code = code[: len(seen)]
    among_seen = np.bincount(seen_code, minlength=len(values)) / len(seen)
    counts = np.bincount(code[len(seen) :], minlength=len(values)) + smoothing
    absent = counts[seen_code] == 0
    if absent.any():
        row = int(np.argmax(absent))
        rule = "each value must also come in the randomised sample (or set smoothing)"
        _checks.fail(rating, rule, row, float(seen[row]))
    among_all = counts / counts.sum()
    p = (among_seen[seen_code] * len(seen) / cells) / among_all[seen_code]
    if (p > 1).any():
        row = int(np.argmax(p > 1))
        rule = f"propensity of this value comes out as {p[row]:.3g}, above 1: sample more at random"
        _checks.fail(rating, rule, row, float(seen[row]))
    return p


def propensity_logistic(
    observed: pd.DataFrame,
    user_features: pd.DataFrame,
    item_features: pd.DataFrame,
    *,
    penalty: float = 1.0,
) -> np.ndarray:
    r"""Chance that a cell is rated, by logistic regression on features of user and item.

    .. math:: \operatorname{logit} P(O_{ui} = 1) = \alpha + \beta^\top x_u + \gamma^\top z_i

    Needs no randomised sample, but assumes that, given these features, what is seen does not depend
    on the rating. Makes one row for each cell: meant for catalogues of thousands, not millions.
    Introduced in section 4.1.

    Parameters
    ----------
    observed : pandas.DataFrame
        Columns ``user`` and ``item``: the cells that were rated.
    user_features, item_features : pandas.DataFrame
        One row for each user or item, indexed by its label; numbers or categories, none missing.
    penalty : float
        Strength of the ridge penalty on the coefficients, above 0.

    Returns
    -------
    array of shape (n_users, n_items)
        Propensities in (0, 1); rows and columns in the order of the feature tables.

    Raises
    ------
    ValueError
        If a label is unknown to the features, a cell comes twice, all cells or none are rated, or a
        feature is missing.

    Notes
    -----
    Rosenbaum and Rubin (1983), "The central role of the propensity score in observational studies
    for causal effects", Biometrika; for ratings, Schnabel et al. (2016).

    Examples
    --------
    >>> who, what = pd.DataFrame({"age": [0, 1]}), pd.DataFrame({"red": [0, 1]})
    >>> p = propensity_logistic(pd.DataFrame({"user": [0, 1], "item": [1, 1]}), who, what)
    >>> bool((p[:, 1] > p[:, 0]).all())
    True
    """
    from sklearn.linear_model import LogisticRegression

    if not penalty > 0:
        raise ValueError(f"penalty must be above 0, got {penalty}")
    _checks.columns(observed, ["user", "item"])
    u = _codes(observed["user"], user_features.index, "user")
    i = _codes(observed["item"], item_features.index, "item")
    shape = len(user_features), len(item_features)
    y = np.zeros(shape)
    twice = pd.Series(u * shape[1] + i).duplicated().to_numpy()
    if twice.any():
        row = int(np.argmax(twice))
        _checks.fail("user", "a (user, item) cell must come once", row, observed["user"].iloc[row])
    y[u, i] = 1
    if y.min() == y.max():
        raise ValueError("some cells must be rated and some not")
    x, z = _design(user_features), _design(item_features)
    rows = np.hstack([np.repeat(x, shape[1], axis=0), np.tile(z, (shape[0], 1))])
    model = LogisticRegression(C=1 / penalty, max_iter=1000).fit(rows, y.ravel())
    return model.predict_proba(rows)[:, 1].reshape(shape)


def _codes(labels: Any, known: pd.Index, name: str) -> np.ndarray:
    values = _checks.no_missing(labels, name)
    codes = known.get_indexer(values)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        _checks.fail(name, "must have a row of features", row, values[row])
    return codes


def _design(features: pd.DataFrame) -> np.ndarray:
    for name in features.columns:
        _checks.no_missing(features[name], str(name))
    return pd.get_dummies(features, drop_first=True).to_numpy(float)
