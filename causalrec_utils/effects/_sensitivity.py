"""How strong would a hidden cause have to be? E-values and omitted-variable bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from . import _inputs

__all__ = ["e_value", "omitted_variable_bounds", "robustness_value"]


def e_value(risk_ratio: float) -> float:
    r"""Risk ratio that a hidden cause needs with treatment *and* outcome to explain an effect.

    .. math:: E = RR + \sqrt{RR (RR - 1)}

    for :math:`RR \ge 1`; a smaller one is inverted first.

    Parameters
    ----------
    risk_ratio : float
        Adjusted risk ratio, above 0. Give the end of the interval that is nearer to 1 for the
        E-value of the interval.

    Returns
    -------
    float
        At least 1. At 1 nothing needs explaining.

    Raises
    ------
    ValueError
        If the risk ratio is not above 0.

    Notes
    -----
    Source: VanderWeele, Ding (2017), Sensitivity analysis in observational research: introducing
    the E-value, Annals of Internal Medicine. Introduced in section 2.3.

    Examples
    --------
    >>> round(e_value(3.9), 2)
    7.26
    >>> e_value(0.5) == e_value(2)
    True
    """
    if not 0 < risk_ratio < math.inf:
        raise ValueError(f"risk_ratio must be above 0, got {risk_ratio}")
    ratio = max(risk_ratio, 1 / risk_ratio)
    return ratio + math.sqrt(ratio * (ratio - 1))


def robustness_value(t: float, df: float, *, q: float = 1.0, alpha: float | None = None) -> float:
    r"""Share of residual variance that a hidden cause needs of treatment *and* outcome.

    .. math:: RV = \tfrac12 \left(\sqrt{f^4 + 4 f^2} - f^2\right), \qquad
              f = q |t| / \sqrt{df} - t^*_{\alpha, df-1} / \sqrt{df - 1}

    Parameters
    ----------
    t : float
        t statistic of the treatment in the regression with all observed confounders.
    df : float
        Residual degrees of freedom of that regression, above 1.
    q : float
        Share of the estimate to take away; 1 brings it to zero.
    alpha : float, optional
        Ask instead when the effect stops being significant at this level.

    Returns
    -------
    float
        Between 0 (nothing is needed) and 1.

    Raises
    ------
    ValueError
        If ``df`` is not above 1.

    Notes
    -----
    Source: Cinelli, Hazlett (2020), Making sense of sensitivity: extending omitted variable bias,
    Journal of the Royal Statistical Society B. Introduced in section 2.3.

    Examples
    --------
    >>> round(robustness_value(4.18, 783), 3)
    0.139
    """
    from scipy.stats import t as student

    if not df > 1:
        raise ValueError(f"df must be above 1, got {df}")
    f = q * abs(t) / math.sqrt(df)
    if alpha is not None:
        f -= float(student.isf(alpha / 2, df - 1)) / math.sqrt(df - 1)
    f2 = max(f, 0.0) ** 2
    return (math.sqrt(f2**2 + 4 * f2) - f2) / 2


def omitted_variable_bounds(
    data: pd.DataFrame,
    treatment: str,
    outcome: str,
    confounders: str | Sequence[str],
    *,
    strength: float = 1.0,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""The effect, had a hidden cause as strong as each observed confounder been left out.

    In the linear regression of the outcome on treatment and confounders, a hidden cause that
    explains a share :math:`R^2_D` of what is left of the treatment and :math:`R^2_Y` of what is
    left of the outcome moves the coefficient by at most

    .. math:: se \sqrt{df}\, \sqrt{R^2_Y R^2_D / (1 - R^2_D)}

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit.
    treatment, outcome : str
        Columns of numbers.
    confounders : str or sequence of str
        Observed confounders; each serves as the yardstick in turn.
    strength : float
        The hidden cause is this many times as strong as the yardstick, above 0.
    level : float
        Nominal coverage of the adjusted interval.

    Returns
    -------
    pandas.DataFrame
        A row for each confounder, the most damaging first: ``r2_treatment``, ``r2_outcome`` (what
        the hidden cause would explain), ``estimate``, ``low``, ``high`` (moved towards zero, and
        past it where the hidden cause is strong enough) and ``survives`` (the interval still keeps
        to its side of zero). Where so strong a cause would explain all of the treatment, nothing
        bounds the estimate: the interval is then infinite.

    Raises
    ------
    ValueError
        A bad column; no confounder; fewer rows than parameters; a strength that is not above 0.

    Notes
    -----
    Classical standard errors, as in the source: a row counts as independent.

    Source: Cinelli, Hazlett (2020), Making sense of sensitivity: extending omitted variable bias,
    Journal of the Royal Statistical Society B. Introduced in section 2.3.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> d = pd.DataFrame({"x": rng.normal(size=500)})
    >>> d["t"] = (rng.normal(size=500) + d["x"] / 3 > 0).astype(int)
    >>> d["y"] = d["t"] + d["x"] / 3 + rng.normal(size=500)
    >>> omitted_variable_bounds(d, "t", "y", "x")["survives"].to_dict()
    {'x': True}
    """
    from scipy.stats import t as student

    _checks.level(level)
    if not strength > 0:
        raise ValueError(f"strength must be above 0, got {strength}")
    d = _inputs.read(data, treatment, outcome, confounders, None, binary=False)
    names = _inputs.names_of(confounders)
    if not names:
        raise ValueError("omitted_variable_bounds needs an observed confounder as a yardstick")
    effect = linear_fit(d)
    b, stderr, df = float(effect.params[1]), float(effect.bse[1]), float(effect.df_resid)
    of_outcome = _partial_r2(effect.tvalues[2:], df)
    of_treatment = _partial_r2(_least_squares(d.t, d.x, treatment).tvalues[1:], df + 1)
    r2_d = strength * of_treatment / (1 - of_treatment)
    # What the yardstick leaves of the treatment bounds how far a hidden cause can overlap with it.
    shared = strength * of_treatment**2 / (1 - of_treatment)
    shared = shared / np.maximum(1 - strength * of_treatment, 1e-12)
    boundless = (r2_d >= 1) | (shared >= 1)
    r2_d, shared = np.where(boundless, 0, r2_d), np.where(boundless, 0, shared)
    r2_y = (math.sqrt(strength) + np.sqrt(shared)) ** 2 / (1 - shared)
    r2_y = np.minimum(r2_y * of_outcome / (1 - of_outcome), 1.0)
    sign = math.copysign(1, b)
    moved = b - sign * stderr * np.sqrt(df * r2_y * r2_d / (1 - r2_d))
    wide = stderr * np.sqrt((1 - r2_y) / (1 - r2_d) * df / (df - 1))
    reach = float(student.isf((1 - level) / 2, df - 1)) * wide
    r2_d, r2_y = np.where(boundless, 1, r2_d), np.where(boundless, 1, r2_y)
    moved, reach = np.where(boundless, 0, moved), np.where(boundless, np.inf, reach)
    table = pd.DataFrame(
        {
            "r2_treatment": r2_d,
            "r2_outcome": r2_y,
            "estimate": moved,
            "low": moved - reach,
            "high": moved + reach,
            "survives": sign * moved > reach,
        },
        index=pd.Index(names, name="as strong as"),
    )
    return table.sort_values(["survives", "estimate"], ascending=[True, b > 0])


def linear_fit(d: _inputs.Inputs) -> Any:
    """Least squares of the outcome on constant, treatment and confounders."""
    return _least_squares(d.y, np.column_stack([d.t, d.x]), d.treatment)


def _least_squares(y: np.ndarray, x: np.ndarray, name: str) -> Any:
    import statsmodels.api as sm

    _inputs.enough(len(y), x.shape[1] + 3, name, f"a regression with {x.shape[1] + 1} coefficients")
    return sm.OLS(y, np.column_stack([np.ones(len(y)), x])).fit()


def _partial_r2(t: np.ndarray, df: float) -> np.ndarray:
    return np.asarray(t**2 / (t**2 + df))
