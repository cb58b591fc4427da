"""Error of predicted ratings, over the observed pairs or (weighted) over all pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from ._bootstrap import by_user, ratio, sum_by
from ._lists import encode

__all__ = ["mae", "mse", "overlap", "rmse", "weights"]


def weights(data: pd.DataFrame, propensity: str | None) -> np.ndarray:
    """One over the propensity of each row, or ones."""
    if propensity is None:
        return np.ones(len(data))
    _checks.columns(data, [propensity])
    p = _checks.numeric(data[propensity], propensity)
    return 1 / _checks.within(p, propensity, 0, 1, open_low=True)


def overlap(w: np.ndarray) -> dict[str, float]:
    """Effective sample size and the largest share of the weights."""
    share = w / w.sum()
    return {"ess": float(1 / np.sum(share**2)), "max_weight_share": float(share.max())}


def _rating_error(
    data: pd.DataFrame,
    name: str,
    prediction: str,
    rating: str,
    user: str,
    propensity: str | None,
    cells: tuple[int, int] | None,
    **options: Any,
) -> Estimate:
    _checks.columns(data, [prediction, rating, user])
    if not len(data):
        raise ValueError("data must hold at least one rating")
    error = _checks.numeric(data[prediction], prediction) - _checks.numeric(data[rating], rating)
    loss = np.abs(error) if name == "MAE" else error**2
    w = weights(data, propensity)
    users, (u,) = encode(user, data[user])
    sums = sum_by(u, len(users), loss * w, w)
    method = "mean of observed" if propensity is None else "snips"
    if cells is not None:
        if propensity is None:
            raise ValueError("cells is for inverse propensity scoring: name a propensity column")
        n_users, n_items = cells
        if n_users < len(users) or n_items * n_users < len(data):
            raise ValueError(f"cells must be (users, items) that hold all rows, got {cells}")
        # A user without ratings adds nothing to the sum, but is one of those averaged over.
        sums = np.vstack([sums, np.zeros((n_users - len(users), 2))])
        sums[:, 1] = n_items
        method = "ips"
    return by_user(
        sums,
        (lambda totals: np.sqrt(ratio(totals))) if name == "RMSE" else ratio,
        estimand=name,
        method=method,
        diagnostics={"rows": float(len(data)), **overlap(w)},
        **options,
    )


def mae(
    data: pd.DataFrame,
    *,
    prediction: str = "prediction",
    rating: str = "rating",
    user: str = "user",
    propensity: str | None = None,
    cells: tuple[int, int] | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    r"""Mean absolute error of predicted ratings.

    Three estimators, over observed pairs with loss :math:`\delta` and chance :math:`p` to be seen:

    .. math::
        \text{naive: } \frac{\sum \delta}{\sum 1}, \qquad
        \text{SNIPS: } \frac{\sum \delta / p}{\sum 1 / p}, \qquad
        \text{IPS: } \frac{1}{U I} \sum \frac{\delta}{p}

    The naive one is the error on pairs that people chose to rate. The other two estimate the error
    over *all* user-item pairs; IPS is unbiased, SNIPS has a small bias and much less variance.

    Introduced in section 1.2; the weighted forms in section 4.1.

    Parameters
    ----------
    data : DataFrame
        One row an observed rating.
    prediction, rating, user : str
        Columns: two finite numbers, and who.
    propensity : str, optional
        Column with the probability in (0, 1] that the pair is observed; taken as known, so the
        interval leaves out what its estimation adds. Gives SNIPS.
    cells : (int, int), optional
        All users and all items, also those without a rating: gives IPS.
    level, n_boot, seed
        Nominal coverage, resamples of users, randomness.

    Returns
    -------
    Estimate
        ``n`` counts users. Diagnostics: ``rows``, and ``ess`` and ``max_weight_share`` of the
        weights.

    Raises
    ------
    ValueError
        If a column is missing, a value is not finite, a propensity is outside (0, 1], ``cells`` is
        too small or given without a propensity, or there is no row.

    Notes
    -----
    Schnabel, Swaminathan, Singh, Chandak and Joachims, "Recommendations as treatments: debiasing
    learning and evaluation", ICML 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user": [1, 1, 2], "prediction": [4.0, 3.0, 2.0],
    ...                      "rating": [5, 3, 4], "p": [0.5, 0.5, 0.25]})
    >>> mae(seen).value, mae(seen, propensity="p").value
    (1.0, 1.25)
    >>> mae(seen, propensity="p", cells=(2, 4)).value
    1.25
    """
    options = {"level": level, "n_boot": n_boot, "seed": seed}
    return _rating_error(data, "MAE", prediction, rating, user, propensity, cells, **options)


def mse(
    data: pd.DataFrame,
    *,
    prediction: str = "prediction",
    rating: str = "rating",
    user: str = "user",
    propensity: str | None = None,
    cells: tuple[int, int] | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    """Mean squared error of predicted ratings.

    Estimators, parameters and errors as in `mae`. Introduced in section 1.2.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user": [1, 2], "prediction": [4.0, 2.0], "rating": [5, 4]})
    >>> mse(seen).value
    2.5
    """
    options = {"level": level, "n_boot": n_boot, "seed": seed}
    return _rating_error(data, "MSE", prediction, rating, user, propensity, cells, **options)


def rmse(
    data: pd.DataFrame,
    *,
    prediction: str = "prediction",
    rating: str = "rating",
    user: str = "user",
    propensity: str | None = None,
    cells: tuple[int, int] | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    """Square root of the mean squared error of predicted ratings.

    Estimators, parameters and errors as in `mae`. Introduced in section 1.2.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user": [1, 2], "prediction": [4.0, 2.0], "rating": [5, 9]})
    >>> rmse(seen).value
    5.0
    """
    options = {"level": level, "n_boot": n_boot, "seed": seed}
    return _rating_error(data, "RMSE", prediction, rating, user, propensity, cells, **options)
