"""Do events that were given probability p happen a share p of the time?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from ._bootstrap import by_user, ratio, resample_totals, sum_by
from ._lists import binary, encode
from ._rates import click_through_rate

__all__ = ["brier", "calibration", "calibration_table", "log_loss"]


def _read(
    data: pd.DataFrame, probability: str, outcome: str, user: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Probabilities, outcomes, user codes, number of users; each row is a user if none is named."""
    _checks.columns(data, [c for c in (probability, outcome, user) if c is not None])
    if not len(data):
        raise ValueError("data must hold at least one row")
    p = _checks.numeric(data[probability], probability)
    _checks.within(p, probability, 0, 1)
    y = binary(_checks.numeric(data[outcome], outcome), outcome)
    if user is None:
        return p, y, np.arange(len(p)), len(p)
    users, (u,) = encode(user, data[user])
    return p, y, u, len(users)


def _edges(p: np.ndarray, n_bins: int, binning: str) -> np.ndarray:
    _checks.choice(binning, "binning", ("quantile", "uniform"))
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, got {n_bins}")
    edges = np.linspace(0, 1, n_bins + 1)
    if binning == "quantile":
        inner = np.unique(np.quantile(p, edges[1:-1], method="inverted_cdf"))
        edges = np.concatenate([[0.0], inner[(inner > 0) & (inner < 1)], [1.0]])
    return edges


def _bins(p: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each probability: [low, high), the last one [low, 1]."""
    return np.searchsorted(edges[1:-1], p, side="right")


def calibration(
    data: pd.DataFrame,
    *,
    probability: str = "probability",
    outcome: str = "outcome",
    user: str | None = None,
    n_bins: int = 10,
    binning: str = "quantile",
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    r"""Expected calibration error: how far predicted and observed rates are apart, over bins.

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \left|\bar p_b - \bar y_b\right|

    The value errs upwards: noise in a bin counts as error, whatever its sign, so even a perfect
    model gets more than 0. A bootstrap of the value would add that noise a second time. The
    interval here resamples the signed gaps :math:`g_b = n_b (\bar p_b - \bar y_b) / n` instead. By
    the triangle inequality the value is never farther from the truth than
    :math:`\sum_b |\hat g_b - g_b|`, so a quantile of that distance on both sides covers the truth
    at least at its level, also where the truth is 0. The price is width: with more bins, or fewer
    events, it gets long. The interval starts at 0 if the data can't reject perfect calibration.

    The bins are taken as given, and error inside a bin can cancel: the true ECE of the bins is at
    most the true error of the model.

    Introduced in section 1.2.

    Parameters
    ----------
    data : DataFrame
        One row a prediction.
    probability, outcome : str
        Columns: predicted probability in [0, 1], and 0 or 1.
    user : str, optional
        Who; resampled as a whole. Without it rows count as independent.
    n_bins : int
        Number of bins.
    binning : str
        ``"quantile"``: equal numbers of rows (click probabilities crowd near 0); equal edges are
        merged. ``"uniform"``: equal widths.
    level, n_boot, seed
        Nominal coverage, resamples of users, randomness.

    Returns
    -------
    Estimate
        ``n`` counts users. Diagnostics: ``bins``, ``mean_gap`` (mean prediction minus mean
        outcome), ``bias`` (the bootstrap's estimate of how far the value errs upwards) and
        ``debiased`` (value minus bias, at least 0).

    Raises
    ------
    ValueError
        If a column is missing, a probability is outside [0, 1], an outcome is not 0 or 1, or there
        is no row.

    Notes
    -----
    Bias of the plug-in value: Kumar, Liang and Ma, "Verified uncertainty calibration",
    NeurIPS 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"probability": [0.2] * 10 + [0.6] * 10,
    ...                     "outcome": [1] + [0] * 9 + [1] * 6 + [0] * 4})
    >>> round(calibration(log, n_bins=5, binning="uniform").value, 3)
    0.05
    """
    _checks.level(level)
    p, y, u, n = _read(data, probability, outcome, user)
    edges = _edges(p, n_bins, binning)
    m = len(edges) - 1
    gaps = np.bincount(u * m + _bins(p, edges), p - y, minlength=n * m).reshape(n, m)
    sums = np.column_stack([gaps, np.bincount(u, minlength=n)])
    sums = sums[np.lexsort(sums.T)]
    total = sums.sum(axis=0)
    replicates = resample_totals(sums, n_boot=n_boot, seed=seed)
    gap, moved = total[:-1] / total[-1], replicates[:, :-1] / replicates[:, -1:]
    value = float(np.abs(gap).sum())
    errors = np.abs(moved).sum(axis=1)
    reach = float(np.quantile(np.abs(moved - gap).sum(axis=1), level))
    bias = float(errors.mean() - value)
    notes = {
        "bins": float(m),
        "mean_gap": float(gap.sum()),
        "bias": bias,
        "debiased": max(value - bias, 0.0),
    }
    ci = (max(value - reach, 0.0), min(value + reach, 1.0))
    said: tuple[str, ...] = ()
    if n == 1:
        ci, said = (np.nan, np.nan), ("one user: resampling cannot give an interval",)
    stderr = float(errors.std(ddof=1))
    return Estimate(
        value, stderr, ci, level, n, f"{m} bins", "expected calibration error", notes, said
    )


def calibration_table(
    data: pd.DataFrame,
    *,
    probability: str = "probability",
    outcome: str = "outcome",
    user: str | None = None,
    n_bins: int = 10,
    binning: str = "quantile",
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Predicted and observed rate in each bin: what a reliability plot shows.

    Parameters and errors as in `calibration`. Introduced in section 1.2.

    Returns
    -------
    DataFrame
        One row a bin that is not empty: edges ``low`` and ``high`` ([low, high), the last one
        closed), ``n`` rows, ``probability`` and ``outcome`` (means), and ``ci_low``, ``ci_high``
        of the outcome rate. Each interval is for one bin alone, as in `click_through_rate`:
        Wilson's without ``user``, by user with it.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"probability": [0.2] * 4 + [0.6] * 4,
    ...                     "outcome": [0, 1, 0, 0, 1, 1, 0, 1]})
    >>> table = calibration_table(log, n_bins=2, binning="uniform")
    >>> table[["low", "high", "n", "probability", "outcome"]].round(2)
       low  high  n  probability  outcome
    0  0.0   0.5  4          0.2     0.25
    1  0.5   1.0  4          0.6     0.75
    """
    p, y, u, _ = _read(data, probability, outcome, user)
    edges = _edges(p, n_bins, binning)
    rows = []
    log = pd.DataFrame({"p": p, "click": y, "user": u})
    for b, part in log.groupby(_bins(p, edges)):
        rate = click_through_rate(
            part, user=None if user is None else "user", level=level, n_boot=n_boot, seed=seed
        )
        rows.append(
            {
                "low": edges[b],
                "high": edges[b + 1],
                "n": len(part),
                "probability": part["p"].mean(),
                "outcome": rate.value,
                "ci_low": rate.ci[0],
                "ci_high": rate.ci[1],
            }
        )
    return pd.DataFrame(rows)


def brier(
    data: pd.DataFrame,
    *,
    probability: str = "probability",
    outcome: str = "outcome",
    user: str | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    r"""Mean squared difference between predicted probability and outcome.

    .. math:: \frac1n \sum_i (p_i - y_i)^2

    Lowest for the true probabilities, so it can rank models; ECE can't (predicting the base rate
    for everyone has an ECE of 0). Parameters as in `calibration`. Introduced in section 1.2.

    Returns
    -------
    Estimate
        ``n`` counts users.

    Notes
    -----
    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78(1), 1950.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"probability": [0.2, 0.6], "outcome": [0, 1]})
    >>> round(brier(log).value, 3)
    0.1
    """
    p, y, u, n = _read(data, probability, outcome, user)
    return _mean_loss((p - y) ** 2, u, n, "Brier score", level=level, n_boot=n_boot, seed=seed)


def log_loss(
    data: pd.DataFrame,
    *,
    probability: str = "probability",
    outcome: str = "outcome",
    user: str | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    r"""Mean negative log-likelihood of the outcomes, in nats.

    .. math:: -\frac1n \sum_i y_i \log p_i + (1 - y_i) \log(1 - p_i)

    Parameters as in `calibration`, but probabilities must give each outcome that happened a
    positive chance: nothing is clipped. Introduced in section 1.2.

    Returns
    -------
    Estimate
        ``n`` counts users.

    Raises
    ------
    ValueError
        As `calibration`, and if an outcome happened that had probability 0.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"probability": [0.2, 0.6], "outcome": [0, 1]})
    >>> round(log_loss(log).value, 3)
    0.367
    """
    p, y, u, n = _read(data, probability, outcome, user)
    likelihood = np.where(y == 1, p, 1 - p)
    rule = "an outcome that happened must have a positive probability"
    _checks.refuse(likelihood == 0, p, probability, rule)
    loss = -np.log(likelihood)
    return _mean_loss(loss, u, n, "log loss", level=level, n_boot=n_boot, seed=seed)


def _mean_loss(
    loss: np.ndarray,
    u: np.ndarray,
    n: int,
    estimand: str,
    *,
    level: float,
    n_boot: int,
    seed: int | np.random.Generator,
) -> Estimate:
    return by_user(
        sum_by(u, n, loss, np.ones(len(loss))),
        ratio,
        estimand=estimand,
        method="mean of rows",
        level=level,
        n_boot=n_boot,
        seed=seed,
        diagnostics={"rows": float(len(loss))},
    )
