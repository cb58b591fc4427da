"""Several arms against a control, and many p-values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import _checks
from ..estimate import Estimate
from . import _arms
from ._arms import Column
from .analysis import method_name, present, student, to_estimate

__all__ = ["adjust", "analyze_arms"]

ADJUSTMENTS = {
    "holm": "holm",
    "bonferroni": "bonferroni",
    "hochberg": "simes-hochberg",
    "bh": "fdr_bh",
    "by": "fdr_by",
}


def analyze_arms(
    data: Any,
    arm: str,
    metric: Column,
    *,
    control: Any,
    method: str = "dunnett",
    covariate: Column | None = None,
    cluster: str | None = None,
    relative: bool = False,
    level: float = 0.95,
) -> dict[Any, Estimate]:
    r"""Every arm against one control, with intervals that hold together.

    The intervals are `analyze`'s at a higher pointwise level, chosen so that *all* cover with
    probability ``level``: for ``"dunnett"`` from the joint normal law of the differences, whose
    correlation :math:`v_c / \sqrt{(v_c + v_i)(v_c + v_j)}` comes from the shared control.

    Parameters
    ----------
    data, arm, metric, covariate, cluster, relative
        As in `analyze`.
    control : label
        The arm that all others are compared with.
    method : {"dunnett", "bonferroni"}
        ``"bonferroni"`` needs no joint law and is a little wider. Use it where clusters have rows
        in more than one arm.
    level : float
        Probability that all intervals cover.

    Returns
    -------
    dict of label to Estimate
        ``level`` is the simultaneous one; diagnostics hold ``pointwise_level`` and the adjusted
        ``p_value``.

    Raises
    ------
    ValueError
        As `analyze`; or an unknown method.

    Notes
    -----
    Source: Dunnett (1955), A multiple comparison procedure for comparing several treatments with a
    control, Journal of the American Statistical Association; here without its assumption of equal
    variances, so the joint law is that of large samples. Introduced in section 3.1.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> d = pd.DataFrame({"arm": ["a", "b", "c"] * 300})
    >>> d["y"] = np.random.default_rng(0).normal(size=900) + (d["arm"] == "c")
    >>> analyze_arms(d, "arm", "y", control="a")["c"]
    difference in means by Welch, dunnett: 1.13, 95% interval [0.951, 1.30], n = 600
    """
    _checks.level(level)
    _checks.choice(method, "method", ("dunnett", "bonferroni"))
    found = _arms.arms(data, arm, metric, covariate, cluster)
    present(found, arm, control)
    base = found.pop(control)
    contrasts = {
        k: _arms.contrast(arm, a, base, metric, covariate, relative) for k, a in found.items()
    }
    joint = _joint(list(contrasts.values())) if method == "dunnett" else _independent(len(found))
    pointwise = _solve(joint, level)
    name = method_name(metric, covariate, cluster, method)
    estimates = {}
    for label, c in contrasts.items():
        p, reach = student(c, pointwise)
        pair = found[label], base
        e = to_estimate(c, pair, reach, 1 - joint(1 - p), level, name, metric, covariate, relative)
        estimates[label] = replace(
            e, diagnostics=dict(e.diagnostics) | {"pointwise_level": pointwise}
        )
    return estimates


def adjust(pvalues: Any, method: str = "holm") -> np.ndarray:
    """Adjusted p-values for many tests.

    Parameters
    ----------
    pvalues : array_like, shape (m,)
        In [0, 1].
    method : {"holm", "bonferroni", "hochberg", "bh", "by"}
        The first three bound the chance of *any* false rejection, ``"bh"`` and ``"by"`` the
        expected share of false ones among the rejections (``"by"`` under any dependence).

    Returns
    -------
    numpy.ndarray, shape (m,)
        Reject where it is at most the chosen error rate.

    Raises
    ------
    ValueError
        A p-value missing or outside [0, 1]; an unknown method; no p-values.

    Notes
    -----
    Source: Holm (1979), Scandinavian Journal of Statistics; Benjamini, Hochberg (1995), Journal of
    the Royal Statistical Society B; computed by statsmodels. Introduced in section 3.1.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03], "holm")
    array([0.03, 0.06, 0.06])
    """
    from statsmodels.stats.multitest import multipletests

    _checks.choice(method, "method", ADJUSTMENTS)
    values = _checks.within(_checks.numeric(pvalues, "pvalues"), "pvalues", 0, 1)
    if not len(values):
        _checks.fail("pvalues", "must hold at least one value")
    return multipletests(values, method=ADJUSTMENTS[method])[1]


def _joint(contrasts: list[_arms.Contrast]) -> Callable[[float], float]:
    """Joint law of the differences: coverage as a function of the pointwise level.

    Given the control's error the differences are independent, so one dimension is left to
    integrate, by Gauss-Hermite quadrature.
    """
    from scipy.special import ndtr, ndtri

    share = np.array(
        [c.variance_control / (c.variance_control + c.variance_treatment) for c in contrasts]
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    shift, scale = np.sqrt(share)[:, None] * nodes, np.sqrt(1 - share)[:, None]

    def coverage(pointwise: float) -> float:
        z = -ndtri((1 - pointwise) / 2)
        inside = ndtr((z - shift) / scale) - ndtr((-z - shift) / scale)
        return float(np.sum(weights * np.prod(inside, axis=0)) / np.sum(weights))

    return coverage


def _independent(m: int) -> Callable[[float], float]:
    return lambda pointwise: max(0.0, 1 - m * (1 - pointwise))


def _solve(joint: Callable[[float], float], level: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda p: joint(p) - level, level / 2, 1 - 1e-15, xtol=1e-15))
