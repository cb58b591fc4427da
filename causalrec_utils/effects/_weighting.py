"""Estimators built on a propensity: IPW, AIPW, causal forest; and double machine learning."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from .. import _checks
from . import _nuisance
from ._fit import Fit
from ._inputs import Inputs, enough
from ._nuisance import Model

__all__: list[str] = []

OVERLAP = 0.1  # propensities in [0.1, 0.9] count as overlap (Crump, Hotz, Imbens, Mitnik 2009)
EXTREME = 0.01


@dataclass(frozen=True)
class Settings:
    """Options of `ate` that these estimators share."""

    target: str = "ATE"
    model_y: Model = None
    model_t: Model = None
    folds: int | None = None
    trim: float | None = None


def make_folds(d: Inputs, folds: int | None, rng: np.random.Generator) -> np.ndarray:
    """Five folds; two for large tables, where half of the rows teach the models enough."""
    k = (5 if d.n <= 200_000 else 2) if folds is None else folds
    for label, arm in zip(("control", "treated"), d.arms, strict=True):
        enough(int(arm.sum()), 4 * k, d.treatment, f"the {label} arm, with {k} folds,")
    if d.codes is not None and d.codes.max() + 1 < k:
        _checks.fail(d.treatment, f"has {d.codes.max() + 1} clusters, too few for {k} folds")
    return _nuisance.assign_folds(d.t, d.codes, k, rng)


def _weights(e: np.ndarray, t: np.ndarray, target: str) -> np.ndarray:
    if target == "ATE":
        return t / e + (1 - t) / (1 - e)
    return t + (1 - t) * e / (1 - e)


def _overlap(e: np.ndarray, d: Inputs, how: Settings) -> tuple:
    """Rows to keep, the estimand's name, diagnostics and warnings."""
    keep, estimand, target, trim = np.ones(d.n, bool), how.target, how.target, how.trim
    if trim is not None:
        if not 0 < trim < 0.5:
            raise ValueError(f"trim must be in (0, 0.5), got {trim}")
        keep = (e >= trim) & (e <= 1 - trim)
        estimand = f"{target} where propensity is in [{trim:g}, {1 - trim:g}]"
        for arm in (0, 1):
            if not (keep & (d.t == arm)).any():
                _checks.fail(d.treatment, f"trimming at {trim:g} leaves no row with {arm}")
    outside = (e <= 0) | (e >= 1)
    _checks.refuse(
        outside & keep, e, d.treatment, "propensities must be in (0, 1): the arms do not overlap"
    )
    w = _weights(e[keep], d.t[keep], target)
    diagnostics = {
        "ess": float(w.sum() ** 2 / (w**2).sum()),
        "overlap": float(np.mean((e >= OVERLAP) & (e <= 1 - OVERLAP))),
        "min_propensity": float(e.min()),
        "max_propensity": float(e.max()),
        "n_trimmed": float(d.n - keep.sum()),
    }
    low, high = float(e[keep].min()), float(e[keep].max())
    near = (high if target == "ATT" else max(1 - low, high)) > 1 - EXTREME
    doubts = (f"propensities reach from {low:.2g} to {high:.4g}: little overlap",) if near else ()
    return keep, estimand, diagnostics, doubts


def ipw(d: Inputs, rng: np.random.Generator, how: Settings) -> Fit:
    """Weighted difference in means, weights normalised in each arm (Hájek)."""
    if how.model_t is None:
        e, design, score = _logistic(d)
    else:
        e = _nuisance.treatment(d, make_folds(d, how.folds, rng), how.model_t, rng)
    keep, estimand, diagnostics, doubts = _overlap(e, d, how)
    diagnostics["auc_t"] = _auc(d.t, e)
    sign = np.where(d.t == 1, 1.0, -1.0)
    e = np.where(keep, e, 0.5)
    w = keep * _weights(e, d.t, how.target)
    total = np.where(d.t == 1, (w * d.t).mean(), (w * (1 - d.t)).mean())
    centred = d.y - np.where(
        d.t == 1, np.average(d.y, weights=w * d.t), np.average(d.y, weights=w * (1 - d.t))
    )
    value = float(np.mean(sign * w / total * d.y))
    psi = sign * w / total * centred
    if how.model_t is None:
        # Propensities are estimated: that noise is part of the estimate (and usually helps).
        slope = w * np.where(d.t == 1, e - 1, e) if how.target == "ATE" else w * (1 - d.t)
        psi = psi + score @ ((sign * slope / total * centred) @ design / d.n)
    return Fit(
        value,
        psi,
        estimand,
        n=int(keep.sum()),
        codes=d.codes,
        diagnostics=diagnostics,
        warnings=doubts,
    )


def _logistic(d: Inputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maximum-likelihood propensities, the design, and influence values of the coefficients."""
    import statsmodels.api as sm

    scale = d.x.std(axis=0)
    x = (d.x - d.x.mean(axis=0))[:, scale > 0] / scale[scale > 0]
    design = np.column_stack([np.ones(d.n), x])
    enough(d.n, 2 * design.shape[1], d.treatment, f"a logistic model of {design.shape[1]} terms")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # separation, which is an error below
        result = sm.GLM(d.t, design, family=sm.families.Binomial()).fit(maxiter=50)
        e = result.fittedvalues
    if not result.converged or min(e.min(), 1 - e.max()) < 1e-8:
        rule = "the confounders separate the arms, so no logistic propensity fits"
        _checks.fail(d.treatment, f"{rule}; drop confounders or give a penalised model_t=")
    bread = np.linalg.pinv((design * (e * (1 - e))[:, None]).T @ design / d.n)
    return e, design, ((d.t - e)[:, None] * design) @ bread


def _auc(t: np.ndarray, e: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(t, e))


def _doubly_robust(d: Inputs, e: np.ndarray, m: np.ndarray, how: Settings) -> Fit:
    """Mean of the efficient scores."""
    keep, estimand, diagnostics, doubts = _overlap(e, d, how)
    diagnostics |= {
        "r2_y": _nuisance.r_squared(d.y, _nuisance.own_arm(m, d.t)),
        "auc_t": _auc(d.t, e),
    }
    t, y, e, m = d.t[keep], d.y[keep], e[keep], m[keep]
    if how.target == "ATE":
        residual = y - _nuisance.own_arm(m, t)
        score = m[:, 1] - m[:, 0] + residual * np.where(t == 1, 1 / e, -1 / (1 - e))
        share = np.ones_like(t)
    else:
        score = (y - m[:, 0]) * np.where(t == 1, 1.0, -e / (1 - e)) / t.mean()
        share = t / t.mean()
    value = float(score.mean())
    return Fit(
        value,
        score - value * share,
        estimand,
        n=int(keep.sum()),
        codes=None if d.codes is None else d.codes[keep],
        diagnostics=diagnostics,
        warnings=doubts,
    )


def aipw(d: Inputs, rng: np.random.Generator, how: Settings) -> Fit:
    """Augmented inverse-propensity weighting, cross-fitted."""
    fold = make_folds(d, how.folds, rng)
    e = _nuisance.treatment(d, fold, how.model_t, rng)
    return _doubly_robust(d, e, _nuisance.outcome_by_arm(d, fold, how.model_y, rng), how)


def causal_forest(d: Inputs, rng: np.random.Generator, how: Settings) -> Fit:
    """Doubly robust scores around the effects of an honest forest that never saw the row."""
    from econml.grf import CausalForest

    fold = make_folds(d, how.folds, rng)
    e = _nuisance.treatment(d, fold, how.model_t, rng)
    y = _nuisance.outcome(d, fold, how.model_y, rng)
    effect = np.empty(d.n)
    for f in range(fold.max() + 1):
        train = fold != f
        forest = CausalForest(inference=False, random_state=int(rng.integers(2**31)))
        forest.fit(d.x[train], (d.t - e)[train], (d.y - y)[train])
        effect[~train] = forest.predict(d.x[~train])[:, 0]
    m = np.column_stack([y - e * effect, y + (1 - e) * effect])
    return _doubly_robust(d, e, m, how)


def dml(d: Inputs, rng: np.random.Generator, how: Settings) -> Fit:
    """Outcome residuals on treatment residuals (partially linear model)."""
    binary = bool(np.isin(d.t, (0, 1)).all())
    fold = (
        make_folds(d, how.folds, rng)
        if binary
        else _nuisance.assign_folds(d.t, d.codes, how.folds or 5, rng)
    )
    e = _nuisance.treatment(d, fold, how.model_t, rng)
    m = _nuisance.outcome(d, fold, how.model_y, rng)
    t, y = d.t - e, d.y - m
    power = float(np.mean(t**2))
    if power < 1e-10 * np.var(d.t):
        _checks.fail(d.treatment, "the confounders predict it fully: no variation is left")
    value = float(np.mean(t * y)) / power
    diagnostics = {"r2_y": _nuisance.r_squared(d.y, m), "r2_t": _nuisance.r_squared(d.t, e)}
    estimand = "overlap-weighted ATE" if binary else "average effect of one unit"
    if binary:
        diagnostics |= _overlap(np.clip(e, 1e-12, 1 - 1e-12), d, how)[2]
    return Fit(value, t * (y - value * t) / power, estimand, codes=d.codes, diagnostics=diagnostics)
