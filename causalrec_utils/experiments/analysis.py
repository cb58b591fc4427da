"""Two arms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks
from ..estimate import Estimate
from . import _arms
from ._arms import Column
from .sequential import critical, p_value

__all__ = ["analyze"]

FEW_UNITS = 30


def analyze(
    data: Any,
    arm: str,
    metric: Column,
    *,
    control: Any = None,
    treatment: Any = None,
    covariate: Column | None = None,
    cluster: str | None = None,
    relative: bool = False,
    sequential: bool = False,
    tightest_at: int = 10_000,
    level: float = 0.95,
) -> Estimate:
    r"""Treatment minus control in a randomised test.

    .. math:: \bar y_t - \bar y_c - \theta(\bar x_t - \bar x_c)
              \pm t_{\nu}\sqrt{s_t^2 / n_t + s_c^2 / n_c}

    with the residual variances :math:`s^2` and Welch's degrees of freedom; :math:`\theta` is 0
    without a covariate.

    Parameters
    ----------
    data : pandas.DataFrame or ibis table
        One row a unit, or with ``cluster`` one row an event. An ibis table is reduced to its
        moments (with ``cluster``, to its cluster sums) where it lies.
    arm : str
        Column with the arm of each row.
    metric : str or (str, str)
        Column to average; or numerator and denominator of a ratio metric (clicks, impressions),
        whose arms are compared as ratios of sums, by the delta method.
    control, treatment : optional
        Labels of the arms. With two arms they may be left out: the first in sorted order is then
        the control.
    covariate : str or (str, str), optional
        CUPED: a column (or ratio) fixed before the test began. Its coefficient minimises the
        variance of the difference.
    cluster : str, optional
        Column of the unit that was randomised, or that rows depend through (user, day). Clusters
        may have rows in both arms.
    relative : bool
        Relative lift, treatment / control - 1, by the delta method on the log scale. Both means
        must be positive.
    sequential : bool
        An interval that stays valid however often one looks, instead of Welch's.
    tightest_at : int
        For ``sequential``: number of units (clusters, if given) in both arms together at which
        that interval is narrowest. Fix it before the test begins and keep it at each look.
    level : float
        Nominal coverage.

    Returns
    -------
    Estimate
        Estimand ``"difference in means"``, ``"difference of ratios"``, or the same with
        ``"relative"`` in front. Diagnostics: both arms' means and units, ``df``, ``p_value``
        (below ``1 - level`` exactly where the interval excludes zero), and with a covariate
        ``theta`` and ``variance_reduction``.

    Raises
    ------
    ValueError
        Fewer than two arms; more than two and none named; an arm that is not in the data; fewer
        than 2 units in an arm; missing or infinite values; a metric or covariate that does not
        vary; a negative denominator; a level outside (0, 1).

    Notes
    -----
    Assumes units (clusters) independent, arms assigned at random, and one arm's outcomes untouched
    by the other arm.

    Source: Welch (1947), Biometrika; Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity of
    online controlled experiments by utilizing pre-experiment data, WSDM (CUPED); Deng, Knoblich, Lu
    (2018), Applying the delta method in metric analytics, KDD (ratios, clusters); Lin (2013),
    Agnostic notes on regression adjustments to experimental data, Annals of Applied Statistics (why
    the coefficient is not the pooled one); for ``sequential`` see `confidence_sequence`.
    Introduced in section 3.1.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> d = pd.DataFrame({"arm": ["a", "b"] * 500, "before": rng.normal(size=1000)})
    >>> d["y"] = d["before"] + 0.5 * (d["arm"] == "b") + rng.normal(size=1000)
    >>> analyze(d, "arm", "y", covariate="before")
    difference in means by CUPED: 0.423, 95% interval [0.296, 0.550], n = 1,000
    """
    _checks.level(level)
    found = _arms.arms(data, arm, metric, covariate, cluster)
    control, treatment = _two(found, arm, control, treatment)
    pair = found[treatment], found[control]
    c = _arms.contrast(arm, *pair, metric, covariate, relative)
    units = sum(a.units for a in pair)
    if sequential:
        p = float(p_value(c.value / c.stderr, units, tightest_at, level))
        reach = float(critical(units, tightest_at, level))
    else:
        p, reach = student(c, level)
    method = method_name(metric, covariate, cluster, "always-valid" if sequential else None)
    return to_estimate(c, pair, reach, p, level, method, metric, covariate, relative)


def present(found: dict[Any, Any], arm: str, label: Any) -> None:
    if label not in found:
        _checks.fail(arm, f"arm {label!r} is not in the data; it holds {list(found)}")


def _two(found: dict[Any, Any], arm: str, control: Any, treatment: Any) -> tuple[Any, Any]:
    labels = list(found)
    if len(labels) > 2 and (control is None or treatment is None):
        _checks.fail(arm, f"holds {len(labels)} arms {labels}; name control= and treatment=")
    for label in (control, treatment):
        if label is not None:
            present(found, arm, label)
    if control is None:
        control = next(k for k in labels if k != treatment)
    if treatment is None:
        treatment = next(k for k in labels if k != control)
    if control == treatment:
        _checks.fail(arm, f"control and treatment must differ, both are {control!r}")
    return control, treatment


def student(c: _arms.Contrast, level: float) -> tuple[float, float]:
    from scipy.stats import t

    return float(2 * t.sf(abs(c.value / c.stderr), c.df)), float(t.isf((1 - level) / 2, c.df))


def method_name(
    metric: Column, covariate: Column | None, cluster: str | None, extra: str | None
) -> str:
    base = "Welch" if isinstance(metric, str) else "delta method"
    parts = ["CUPED" if covariate is not None else base]
    if cluster is not None:
        parts.append(f"clustered by {cluster}")
    if extra is not None:
        parts.append(extra)
    return ", ".join(parts)


def to_estimate(
    c: _arms.Contrast,
    pair: tuple[_arms.Arm, _arms.Arm],
    reach: float,
    p: float,
    level: float,
    method: str,
    metric: Column,
    covariate: Column | None,
    relative: bool,
) -> Estimate:
    value, stderr = c.value, c.stderr
    low, high = value - reach * stderr, value + reach * stderr
    if relative:
        value, low, high = (float(np.expm1(v)) for v in (value, low, high))
        stderr *= 1 + value
    diagnostics = {
        "mean_treatment": c.mean_treatment,
        "mean_control": c.mean_control,
        "units_treatment": float(pair[0].units),
        "units_control": float(pair[1].units),
        "df": c.df,
        "p_value": p,
    }
    if covariate is not None:
        diagnostics |= {"theta": c.theta, "variance_reduction": c.reduction}
    variances = (c.variance_treatment, c.variance_control)
    warnings = [
        f"arm {a.label!r} has only {a.units} {'units' if a.sums is None else 'clusters'}"
        for a in pair
        if a.units < FEW_UNITS
    ] + [
        f"the metric does not vary in arm {a.label!r}"
        for a, v in zip(pair, variances, strict=True)
        if v == 0
    ]
    kind = "difference in means" if isinstance(metric, str) else "difference of ratios"
    return Estimate(
        value,
        stderr,
        (low, high),
        level,
        sum(a.rows for a in pair),
        method,
        f"relative {kind}" if relative else kind,
        diagnostics,
        tuple(warnings),
    )
