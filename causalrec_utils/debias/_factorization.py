"""Matrix factorisation by weighted least squares, and the choice of its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks

__all__ = ["MatrixFactorization", "select"]


@dataclass
class MatrixFactorization:
    r"""Ratings as biases and latent factors, fitted by weighted least squares.

    .. math::
        \hat r_{ui} = \mu + b_u + c_i + p_u^\top q_i, \qquad
        \min \sum w_{ui} (r_{ui} - \hat r_{ui})^2
             + \lambda \sum (\lVert b \rVert^2 + \lVert c \rVert^2
                             + \lVert P \rVert^2 + \lVert Q \rVert^2)

    With :math:`w = 1/p` and correct propensities the loss estimates the loss over *all* cells, not
    only over those that people chose to rate. Introduced in section 4.1.

    Parameters
    ----------
    factors : int
        Length of the latent vectors; 0 leaves the biases alone.
    penalty : float
        λ, above 0, in units of squared error of one rating.
    normalize : bool
        Divide the weights by their mean, as self-normalised estimators do, so that ``penalty``
        means the same whatever the scale of the weights.
    max_iter : int
        Largest number of L-BFGS iterations.
    seed : int or numpy.random.Generator
        For the small random start of the factors.

    Notes
    -----
    Koren, Bell and Volinsky (2009), "Matrix factorization techniques for recommender systems",
    Computer; propensity weights: Schnabel et al. (2016). Labels that were not in the training data
    get zero effects, which is what the penalty would give them.

    Examples
    --------
    >>> seen = pd.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], "rating": [5, 3, 4, 2]})
    >>> model = MatrixFactorization(factors=0, penalty=1e-6).fit(seen)
    >>> model.predict([1, 2, 9], [1, 2, 2]).round(2).tolist()
    [5.0, 2.0, 2.5]
    """

    factors: int = 5
    penalty: float = 5.0
    normalize: bool = True
    max_iter: int = 1000
    seed: int | np.random.Generator = 0

    def __post_init__(self) -> None:
        if self.factors < 0:
            raise ValueError(f"factors must be at least 0, got {self.factors}")
        if not self.penalty > 0:
            raise ValueError(f"penalty must be above 0, got {self.penalty}")

    def fit(self, ratings: pd.DataFrame, *, weights: Any = None) -> MatrixFactorization:
        """Fit to ratings.

        Parameters
        ----------
        ratings : pandas.DataFrame
            Columns ``user``, ``item`` and ``rating``, one row an observed rating.
        weights : array of shape (n,), optional
            Above 0; one over the propensity to debias. All 1 by default.

        Returns
        -------
        MatrixFactorization
            Itself, with ``intercept_``, ``users_``, ``items_`` (labels) and ``user_``, ``item_``
            (one row a label: bias, then factors).

        Raises
        ------
        ValueError
            If there is no rating, a rating or weight is not finite, or a weight is not above 0.
        """
        from scipy.optimize import minimize
        from threadpoolctl import threadpool_limits

        r, w = _read(ratings, weights)
        u, self.users_ = pd.factorize(ratings["user"], sort=True)
        i, self.items_ = pd.factorize(ratings["item"], sort=True)
        order = np.lexsort((w, r, i, u))  # so that the order of the rows changes no digit
        u, i, r, w = u[order], i[order], r[order], w[order]
        w = w / w.mean() if self.normalize else w
        n, m = len(self.users_), len(self.items_)
        width = 1 + self.factors
        # A stable start: plain averages, and factors too small to matter yet.
        start = np.random.default_rng(self.seed).normal(0, 0.1, size=(n + m, width))
        start[:, 0] = 0
        theta = np.concatenate([[np.average(r, weights=w)], start.ravel()])
        with threadpool_limits(1):  # the vectors are short: threads would only wait for each other
            result = minimize(
                lambda t: objective(t, u, i, r, w, (n, m, width), self.penalty),
                theta,
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": self.max_iter, "maxfun": 2 * self.max_iter, "ftol": 1e-10},
            )
        self.intercept_, table = float(result.x[0]), result.x[1:].reshape(n + m, width)
        self.user_, self.item_ = table[:n], table[n:]
        return self

    def predict(self, users: Any, items: Any) -> np.ndarray:
        """Predicted rating of each pair.

        Parameters
        ----------
        users, items : arrays of shape (n,)
            Labels.

        Returns
        -------
        array of shape (n,)
            Not cut to the range of the ratings.
        """
        a = _effects(self.users_, self.user_, users, "user")
        b = _effects(self.items_, self.item_, items, "item")
        if len(a) != len(b):
            raise ValueError(f"users and items differ in length: {len(a)} and {len(b)}")
        return self.intercept_ + a[:, 0] + b[:, 0] + np.einsum("nk,nk->n", a[:, 1:], b[:, 1:])


def _effects(known: Any, table: np.ndarray, labels: Any, name: str) -> np.ndarray:
    codes = pd.Index(known).get_indexer(_checks.no_missing(labels, name))
    return np.vstack([table, np.zeros(table.shape[1])])[codes]  # -1, unknown, is the row of zeros


def _read(ratings: pd.DataFrame, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    _checks.columns(ratings, ["user", "item", "rating"])
    if len(ratings) == 0:
        raise ValueError("column 'rating': needs at least one row")
    for name in ("user", "item"):
        _checks.no_missing(ratings[name], name)
    r = _checks.numeric(ratings["rating"], "rating")
    w = _checks.numeric(np.ones(len(r)) if weights is None else weights, "weights", n=len(r))
    return r, _checks.within(w, "weights", 0, open_low=True)


def objective(
    theta: np.ndarray,
    u: np.ndarray,
    i: np.ndarray,
    r: np.ndarray,
    w: np.ndarray,
    shape: tuple[int, int, int],
    penalty: float,
) -> tuple[float, np.ndarray]:
    """Penalised weighted loss and its gradient; ``theta`` is the intercept, then one row a label.

    Source: the gradient is that of the formula in `MatrixFactorization`, whose only user this is.
    """
    from scipy.sparse import csr_array

    n, m, width = shape
    table = theta[1:].reshape(n + m, width)
    a, b = table[:n], table[n:]
    error = theta[0] + a[u, 0] + b[i, 0] + np.einsum("nk,nk->n", a[u, 1:], b[i, 1:]) - r
    loss = w @ error**2 + penalty * np.sum(table**2)
    slope = csr_array((2 * w * error, (u, i)), shape=(n, m))
    gradient = 2 * penalty * table
    gradient[:n, 0] += slope.sum(axis=1)
    gradient[n:, 0] += slope.sum(axis=0)
    gradient[:n, 1:] += slope @ b[:, 1:]
    gradient[n:, 1:] += slope.T @ a[:, 1:]
    return float(loss), np.concatenate([[slope.sum()], gradient.ravel()])


def select(
    ratings: pd.DataFrame,
    *,
    weights: Any = None,
    factors: Sequence[int] = (0, 2, 5),
    penalties: Sequence[float] = (1.0, 2.0, 5.0, 10.0),
    folds: int = 4,
    seed: int = 0,
) -> tuple[MatrixFactorization, pd.DataFrame]:
    r"""Choose factors and penalty by weighted cross-validation, then fit to all ratings.

    The score of a held-out fold is the self-normalised estimate of the error over all cells,
    :math:`\sum w (r - \hat r)^2 / \sum w`, so the choice needs no randomised ratings.
    Introduced in section 4.1.

    Parameters
    ----------
    ratings, weights
        As in `MatrixFactorization.fit`.
    factors, penalties : sequences
        Values to try, all combinations.
    folds : int
        Between 2 and the number of ratings.
    seed : int
        For the folds and the start of each fit.

    Returns
    -------
    model : MatrixFactorization
        The combination with the smallest score, fitted to all rows.
    table : pandas.DataFrame
        Columns ``factors``, ``penalty``, ``score``, best first.

    Raises
    ------
    ValueError
        If ``folds`` does not fit, or as `MatrixFactorization.fit`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> seen = pd.DataFrame({"user": np.repeat(range(20), 10), "item": list(range(10)) * 20})
    >>> seen["rating"] = seen["item"] % 5 + rng.normal(0, 0.1, 200)
    >>> select(seen, factors=[0], penalties=[0.1, 100])[0].penalty
    0.1
    """
    r, w = _read(ratings, weights)
    if not 2 <= folds <= len(r):
        raise ValueError(f"folds must be between 2 and the {len(r)} ratings, got {folds}")
    fold = np.random.default_rng(seed).permutation(np.arange(len(r)) % folds)
    rows = []
    for k in factors:
        for penalty in penalties:
            model = MatrixFactorization(factors=k, penalty=penalty, seed=seed)
            loss = 0.0
            for f in range(folds):
                held = fold == f
                part = ratings[held]
                fitted = replace(model).fit(ratings[~held], weights=w[~held])
                loss += w[held] @ (r[held] - fitted.predict(part["user"], part["item"])) ** 2
            rows.append({"factors": k, "penalty": penalty, "score": loss / w.sum()})
    table = pd.DataFrame(rows).sort_values("score", ignore_index=True)
    best = MatrixFactorization(
        factors=int(table["factors"].iloc[0]), penalty=float(table["penalty"].iloc[0]), seed=seed
    )
    return best.fit(ratings, weights=weights), table
