"""Tests known by their counts alone: clicks and impressions of each arm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate

__all__ = [
    "compare_rates",
    "compare_rates_table",
    "rate_difference",
]

METHODS = ("newcombe", "wald")
FEW_CLICKS = 5


def compare_rates_table(
    clicks_t: Any,
    n_t: Any,
    clicks_c: Any,
    n_c: Any,
    *,
    method: str = "newcombe",
    relative: bool = False,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Difference of two click rates, for many tests at once.

    Parameters
    ----------
    clicks_t, n_t, clicks_c, n_c : array_like, shape (m,)
        Clicks and impressions of the treatment and of the control in each test; whole numbers.
    method : {"newcombe", "wald"}
        Interval of the difference. ``"newcombe"`` joins the two arms' Wilson intervals and keeps
        its level at small counts; ``"wald"`` does not and is there to show it.
    relative : bool
        Relative lift, treatment / control - 1, instead of the difference; the interval is then
        normal on the log scale after adding half a click to each arm, and so is the value;
        ``method`` is not used.
    level : float
        Nominal coverage of each interval, taken alone.

    Returns
    -------
    pandas.DataFrame
        Columns ``value``, ``stderr``, ``low``, ``high``, ``p_value``, ``rate_t``, ``rate_c``. The
        p-value is that of the z test with pooled variance, whatever the method.

    Raises
    ------
    ValueError
        Negative or fractional counts, more clicks than impressions, no impressions, lengths that
        differ, an unknown method, a level outside (0, 1).

    Notes
    -----
    Assumes that impressions are independent: where one person sees several, the intervals are too
    narrow.

    Source: Newcombe (1998), Interval estimation for the difference between independent
    proportions: comparison of eleven methods, Statistics in Medicine; Katz, Baptista, Azen, Pike
    (1978), Obtaining confidence intervals for the risk ratio in cohort studies, Biometrics.
    Intervals computed by statsmodels. Introduced in section 3.1.

    Examples
    --------
    >>> t = compare_rates_table([60, 45], [3000, 3000], [40, 44], [3000, 3100])
    >>> t[["low", "high"]].round(4)
          low    high
    0  0.0002  0.0133
    1 -0.0053  0.0070
    """
    from scipy.stats import norm
    from statsmodels.stats.proportion import confint_proportions_2indep

    _checks.choice(method, "method", METHODS)
    alpha = 1 - _checks.level(level)
    x_t, m_t = checked_counts(clicks_t, n_t, "clicks_t", "n_t")
    x_c, m_c = checked_counts(clicks_c, n_c, "clicks_c", "n_c", n=len(x_t))
    rate_t, rate_c = x_t / m_t, x_c / m_c
    if relative:
        low, high = confint_proportions_2indep(
            x_t, m_t, x_c, m_c, method="log-adjusted", compare="ratio", alpha=alpha
        )
        value = np.sqrt(low * high) - 1
        stderr = (1 + value) * np.log(high / low) / (2 * norm.isf(alpha / 2))
        low, high = low - 1, high - 1
    else:
        name = {"newcombe": "newcomb", "wald": "wald"}[method]
        low, high = confint_proportions_2indep(
            x_t, m_t, x_c, m_c, method=name, compare="diff", alpha=alpha
        )
        value = rate_t - rate_c
        stderr = np.sqrt(rate_t * (1 - rate_t) / m_t + rate_c * (1 - rate_c) / m_c)
    pooled = (x_t + x_c) / (m_t + m_c)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / m_t + 1 / m_c))
    z = np.divide(rate_t - rate_c, spread, out=np.zeros_like(spread), where=spread > 0)
    return pd.DataFrame(
        {
            "value": value,
            "stderr": stderr,
            "low": low,
            "high": high,
            "p_value": 2 * norm.sf(np.abs(z)),
            "rate_t": rate_t,
            "rate_c": rate_c,
        }
    )


def compare_rates(
    clicks_t: int,
    n_t: int,
    clicks_c: int,
    n_c: int,
    *,
    method: str = "newcombe",
    relative: bool = False,
    level: float = 0.95,
) -> Estimate:
    """Difference of two click rates in one test.

    Parameters
    ----------
    clicks_t, n_t, clicks_c, n_c : int
        Clicks and impressions of the treatment and of the control.
    method, relative, level
        As in `compare_rates_table`.

    Returns
    -------
    Estimate
        Estimand ``"difference of rates"`` or ``"relative difference of rates"``.

    Raises
    ------
    ValueError
        As `compare_rates_table`.

    Notes
    -----
    Source: see `compare_rates_table`. Introduced in section 3.1.

    Examples
    --------
    >>> compare_rates(60, 3000, 40, 3000)
    difference of rates by newcombe: 0.00667, 95% interval [0.000156, 0.0133], n = 6,000
    """
    table = compare_rates_table(
        [clicks_t], [n_t], [clicks_c], [n_c], method=method, relative=relative, level=level
    )
    row = {k: float(v) for k, v in table.iloc[0].items()}
    few = [
        f"the {name} has only {clicks} clicks"
        for name, clicks in (("treatment", clicks_t), ("control", clicks_c))
        if clicks < FEW_CLICKS
    ]
    return Estimate(
        row["value"],
        row["stderr"],
        (row["low"], row["high"]),
        level,
        int(n_t + n_c),
        "log ratio" if relative else method,
        "relative difference of rates" if relative else "difference of rates",
        {k: row[k] for k in ("p_value", "rate_t", "rate_c")},
        tuple(few),
    )


def rate_difference(
    clicks_t: Any, n_t: Any, clicks_c: Any, n_c: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Differences of click rates and their standard errors, as `confidence_sequence` wants them.

    Parameters
    ----------
    clicks_t, n_t, clicks_c, n_c : array_like, any shapes that broadcast together
        Cumulative clicks and impressions at each look.

    Returns
    -------
    value, stderr : numpy.ndarray
        The variance is taken at rates with one click and one non-click added to each arm, so that
        an early look without clicks is not taken for certainty.

    Raises
    ------
    ValueError
        As `compare_rates_table`; rows are counted over the flattened array.

    Notes
    -----
    Source: Agresti, Caffo (2000), Simple and effective confidence intervals for proportions and
    differences of proportions result from adding two successes and two failures, The American
    Statistician (its variance; the difference itself is left alone).
    Introduced in section 3.1.

    Examples
    --------
    >>> value, stderr = rate_difference([3, 9], [100, 300], [1, 6], [100, 300])
    >>> value.round(3), stderr.round(4)
    (array([0.02, 0.01]), array([0.0239, 0.0135]))
    """
    arrays = np.broadcast_arrays(clicks_t, n_t, clicks_c, n_c)
    shape = arrays[0].shape
    flat = [np.asarray(a).reshape(-1) for a in arrays]
    x_t, m_t = checked_counts(flat[0], flat[1], "clicks_t", "n_t")
    x_c, m_c = checked_counts(flat[2], flat[3], "clicks_c", "n_c")
    variance = np.zeros(len(x_t))
    for x, m in ((x_t, m_t), (x_c, m_c)):
        rate = (x + 1) / (m + 2)
        variance += rate * (1 - rate) / m
    return (x_t / m_t - x_c / m_c).reshape(shape), np.sqrt(variance).reshape(shape)


def whole_numbers(values: Any, name: str, *, n: int | None = None) -> np.ndarray:
    array = _checks.within(_checks.numeric(values, name, n=n), name, 0)
    bad = array != np.floor(array)
    if bad.any():
        row = int(np.argmax(bad))
        _checks.fail(name, "must be whole numbers", row, array[row].item())
    return array


def checked_counts(
    clicks: Any, impressions: Any, name: str, n_name: str, *, n: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    x = whole_numbers(clicks, name, n=n)
    m = whole_numbers(impressions, n_name, n=len(x))
    _checks.within(m, n_name, 1, math.inf)
    if (x > m).any():
        row = int(np.argmax(x > m))
        _checks.fail(name, f"clicks must not exceed {n_name} ({m[row]:g})", row, x[row].item())
    return x, m
