"""What every estimator returns, and how it becomes an `Estimate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .. import _checks
from ..estimate import Estimate
from ._inputs import Inputs

__all__: list[str] = []

FEW_CLUSTERS = 30


@dataclass(frozen=True)
class Fit:
    r"""An estimate with its influence values.

    ``psi`` (n,) says how far each row moves the estimate: the error is their mean, up to smaller
    terms. Standard errors, with clusters or without, then need nothing else.
    ``variance`` replaces them where an estimator has no such values (matching).
    """

    value: float
    psi: np.ndarray | None
    estimand: str
    variance: float = float("nan")
    df: float | None = None
    n: int | None = None
    codes: np.ndarray | None = None
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def influence_variance(psi: np.ndarray, codes: np.ndarray | None) -> tuple[float, int]:
    """Variance of the mean of ``psi`` by row or by cluster, and the number of units."""
    sums = psi if codes is None else np.bincount(codes, psi)
    units = len(sums) if codes is None else len(np.unique(codes))
    return float(np.sum(sums**2)) / len(psi) ** 2 * units / (units - 1), units


def to_estimate(fit: Fit, d: Inputs, method: str, level: float) -> Estimate:
    from scipy.stats import t as student

    variance, df = fit.variance, fit.df
    diagnostics, warnings = dict(fit.diagnostics), fit.warnings
    if fit.psi is not None:
        variance, units = influence_variance(fit.psi, fit.codes)
        if fit.codes is not None:
            diagnostics["clusters"] = float(units)
            if units < FEW_CLUSTERS:
                warnings += (f"only {units} clusters",)
        df = min(df or np.inf, units - 1)
    if not variance > 0:
        _checks.fail(d.treatment, "the outcome does not vary enough for an interval")
    stderr = float(np.sqrt(variance))
    reach = float(student.isf((1 - level) / 2, df or d.n - 1)) * stderr
    value = float(fit.value)
    return Estimate(
        value,
        stderr,
        (value - reach, value + reach),
        level,
        d.n if fit.n is None else fit.n,
        method,
        fit.estimand,
        diagnostics,
        warnings,
    )
