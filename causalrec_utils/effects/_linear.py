"""Estimators that are least squares: difference in means, regression, IV, front door, DiD."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .. import _checks
from ._fit import Fit, influence_variance
from ._inputs import Inputs, cluster_codes, enough, zero_or_one

__all__: list[str] = []

WEAK = 10.0  # first-stage F below which Wald intervals are known to mislead


def _ols(y: np.ndarray, design: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (k,) and their influence values (n, k), scaled so that they give HC2."""
    import statsmodels.api as sm
    from threadpoolctl import threadpool_limits

    n, k = design.shape
    enough(n, k + 1, name, f"a regression with {k} coefficients")
    # On a busy machine the threads of one small decomposition wait for each other, up to a second.
    with threadpool_limits(1 if n * k < 1_000_000 else None):
        result = sm.OLS(y, design).fit()
    bread = design @ result.normalized_cov_params
    leverage = np.clip(np.einsum("ij,ij->i", bread, design), 0, 1 - 1e-9)
    return result.params, n * bread * (result.resid / np.sqrt(1 - leverage))[:, None]


def _with_constant(*columns: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(columns[0])), *columns])


def regression(d: Inputs, target: str = "ATE") -> Fit:
    """Least squares with every confounder interacted with treatment (Lin, 2013)."""
    for label, arm in zip(("control", "treated"), d.arms, strict=True):
        enough(int(arm.sum()), d.x.shape[1] + 2, d.treatment, f"the {label} arm")
    weight = np.ones(d.n) if target == "ATE" else d.t / d.t.mean()
    x = d.x - np.average(d.x, axis=0, weights=weight)
    design = _with_constant(d.t, x, d.t[:, None] * x)
    _identified(d.t, d.x, d.treatment)
    b, psi = _ols(d.y, design, d.treatment)
    # The centre of x is estimated too: where effects differ, its error moves the average.
    centre = weight * (x @ b[2 + x.shape[1] :])
    return Fit(b[1], psi[:, 1] + centre, target, df=d.n - design.shape[1], codes=d.codes)


def _identified(t: np.ndarray, x: np.ndarray, name: str) -> None:
    design = _with_constant(x)
    rest = t - design @ np.linalg.lstsq(design, t, rcond=None)[0]
    if np.var(rest) < 1e-10 * max(np.var(t), 1e-300):
        _checks.fail(name, "is a linear function of the confounders: no variation is left")


def iv(d: Inputs, instruments: list[str], data: pd.DataFrame) -> Fit:
    """Two-stage least squares; confounders enter both stages."""
    z = np.column_stack([_checks.numeric(data[name], name) for name in instruments])
    for j, name in enumerate(instruments):
        _identified(z[:, j], d.x, name)
    first, psi_first = _ols(d.t, _with_constant(d.x, z), d.treatment)
    fitted = _with_constant(d.x, z) @ first
    _identified(fitted, d.x, d.treatment)
    design = _with_constant(d.x, fitted)
    b, psi = _ols(d.y, design, d.treatment)
    # The second stage's own residuals hold the fitted treatment; the outcome's error does not.
    bread = np.linalg.pinv(design.T @ design)[-1] @ design.T
    psi = d.n * bread * (d.y - _with_constant(d.x, d.t) @ b)
    q = len(instruments)
    strength = psi_first[:, -q:]
    if d.codes is not None:
        strength = np.column_stack([np.bincount(d.codes, s) for s in strength.T])
    cov = strength.T @ strength / d.n**2
    try:
        f = float(first[-q:] @ np.linalg.solve(cov, first[-q:])) / q
    except np.linalg.LinAlgError:  # an instrument that is the treatment leaves no residual
        f = np.inf
    diagnostics = {"first_stage_f": f}
    if q == 1:
        diagnostics["first_stage"] = float(first[-1])
    weak = () if f >= WEAK else (f"weak instrument (first-stage F = {f:.1f})",)
    return Fit(
        b[-1],
        psi,
        "LATE",
        df=d.n - design.shape[1],
        codes=d.codes,
        diagnostics=diagnostics,
        warnings=weak,
    )


def front_door(d: Inputs, mediator: np.ndarray) -> Fit:
    """Effect on the mediator times the mediator's effect, averaged over treatment."""
    a, psi_a = _ols(mediator, _with_constant(d.t, d.x), d.treatment)
    t = d.t - d.t.mean()
    b, psi_b = _ols(d.y, _with_constant(mediator, t, mediator * t, d.x), d.treatment)
    slope = psi_b[:, 1] + b[3] * t  # the mean of treatment, where t is centred, is estimated too
    return Fit(
        a[1] * b[1],
        b[1] * psi_a[:, 1] + a[1] * slope,
        "ATE",
        df=d.n - 4 - d.x.shape[1],
        codes=d.codes,
        diagnostics={"effect_on_mediator": float(a[1]), "effect_of_mediator": float(b[1])},
    )


def did(d: Inputs, data: pd.DataFrame, unit: str, time: str, cluster: str | None) -> Fit:
    """Change of treated units minus change of the others, adjusted for what they were before."""
    when, moments = pd.factorize(_checks.no_missing(data[time], time), sort=True)
    who = cluster_codes(data[unit], unit)
    start = int(when[d.t == 1].min())
    after = when >= start
    treated = np.bincount(who, d.t) > 0
    wrong = treated[who] & (d.t != after)
    rule = f"must be 0 before {time} {moments[start]} and 1 from then on in each treated unit"
    _checks.refuse(wrong, d.t, d.treatment, f"{rule} (one start for all)")
    rows = np.column_stack([np.bincount(who, ~after), np.bincount(who, after)])
    lone = (rows == 0).any(axis=1)[who]
    _checks.refuse(
        lone, data[unit], unit, f"must have rows before and from {time} {moments[start]}"
    )
    codes = None
    if cluster is not None:
        outer = cluster_codes(data[cluster], cluster)
        codes = np.zeros(len(rows), int)
        codes[who] = outer
        _checks.refuse(codes[who] != outer, data[cluster], cluster, f"must be one for each {unit}")
    x = _mean_by(who, d.x, ~after, rows[:, 0])

    def change(before: np.ndarray, later: np.ndarray) -> Fit:
        means = [_mean_by(who, d.y[:, None], m, np.bincount(who, m)) for m in (before, later)]
        y = (means[1] - means[0])[:, 0]
        return regression(Inputs(y, treated.astype(float), x, codes, d.treatment), "ATT")

    fit = change(~after, after)
    diagnostics = {"units_treated": float(treated.sum()), "units_control": float((~treated).sum())}
    zero_or_one(treated.astype(float), d.treatment)
    early = when < start // 2
    late = ~early & ~after
    if all((np.bincount(who, m) > 0).all() for m in (early, late)):
        pre = change(early, late)
        variance, _ = influence_variance(np.asarray(pre.psi), codes)
        diagnostics |= {"pretrend": pre.value, "pretrend_stderr": float(np.sqrt(variance))}
    return replace(fit, n=d.n, diagnostics=diagnostics)


def _mean_by(who: np.ndarray, x: np.ndarray, use: np.ndarray, count: np.ndarray) -> np.ndarray:
    sums = [np.bincount(who, column * use, minlength=len(count)) for column in x.T]
    return np.column_stack(sums) / count[:, None] if sums else np.empty((len(count), 0))
