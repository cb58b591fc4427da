"""The bootstrap by user that the metrics share.

Every metric here is a smooth function of sums over users, so a bootstrap sample needs only the
number of times that each user was drawn, and one matrix product gives the resampled sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from .. import _checks
from ..estimate import Estimate

__all__ = ["by_user", "mean_over_users", "ratio", "resample_totals", "sum_by"]

# Below this many users that matter, Monte Carlo coverage falls clearly under the nominal level.
FEW_USERS = 10


def ratio(totals: np.ndarray) -> np.ndarray:
    """First total over the second."""
    return totals[..., 0] / totals[..., 1]


def sum_by(codes: np.ndarray, n: int, *columns: np.ndarray) -> np.ndarray:
    """Sums of row values by user code: an (n, number of columns) table."""
    return np.column_stack([np.bincount(codes, c, minlength=n) for c in columns])


def resample_totals(
    sums: np.ndarray, *, n_boot: int, seed: int | np.random.Generator
) -> np.ndarray:
    """Totals of ``n_boot`` samples of users with replacement: an (n_boot, columns) table."""
    if n_boot < 100:
        raise ValueError(f"n_boot must be at least 100, got {n_boot}")
    rng = np.random.default_rng(seed)
    n = len(sums)
    batch = max(1, 200_000 // n)  # counts of one batch stay in the processor cache
    totals = []
    for start in range(0, n_boot, batch):
        b = min(batch, n_boot - start)
        drawn = rng.integers(0, n, size=(b, n)) + n * np.arange(b)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=b * n).reshape(b, n)
        totals.append(counts.astype(float) @ sums)
    return np.concatenate(totals)


def by_user(
    sums: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    estimand: str,
    method: str,
    level: float,
    n_boot: int,
    seed: int | np.random.Generator,
    diagnostics: Mapping[str, float] | None = None,
    warnings: tuple[str, ...] = (),
) -> Estimate:
    """A function of sums over users, with a BCa bootstrap interval.

    Plain percentile intervals are too short for few users and miss on one side for skewed metrics
    (with 25 users, a skewed recall is covered 88 % of the time at a nominal 95 %). BCa corrects
    the skewness; using Student's t instead of the normal quantile, times sqrt(n / (n - 1)),
    corrects the length. Together they come closest to the nominal level at every size tried.

    Parameters
    ----------
    sums : (n_users, m) array
        What each user adds to each total.
    statistic : callable
        From totals of shape (..., m) to values of shape (...).
    estimand, method, diagnostics, warnings
        As in `Estimate`. ``effective_users`` joins the diagnostics: how many users carry the
        variance. It is about n / 3 for a normally distributed metric, and about the number of hits
        for a rare hit.
    level, n_boot, seed
        Nominal coverage, number of resamples, randomness.

    Notes
    -----
    BCa: Efron, "Better bootstrap confidence intervals", JASA 82, 1987. Widening: Hesterberg,
    "What teachers should know about the bootstrap", The American Statistician 69, 2015.
    """
    _checks.level(level)
    # Sorted, so that neither the order of the rows nor the names of the users change a digit.
    sums = sums[np.lexsort(sums.T)]
    n = len(sums)
    notes = dict(diagnostics or {})

    def result(value: float, stderr: float, ci: tuple[float, float], *more: str) -> Estimate:
        return Estimate(value, stderr, ci, level, n, method, estimand, notes, (*warnings, *more))

    if n == 0:
        return result(math.nan, math.nan, (math.nan, math.nan), "no user to average over")
    total = sums.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(statistic(total))
        influence = statistic(total - sums)
    influence = influence.mean() - influence
    no_spread = n * np.abs(influence).max() <= 1e-9 * abs(value)
    if n == 1 or no_spread or not np.isfinite(influence).all():
        why = "too few users that differ: resampling cannot give an interval"
        return result(value, math.nan, (math.nan, math.nan), why)
    squares = np.sum(influence**2)
    notes["effective_users"] = float(squares**2 / np.sum(influence**4))
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = statistic(resample_totals(sums, n_boot=n_boot, seed=seed))
    undefined = np.isnan(replicates)
    if undefined.any():
        notes["undefined_resamples"] = float(undefined.mean())
        replicates = replicates[~undefined]
    acceleration = float(np.sum(influence**3) / (6 * squares**1.5))
    ci = _bca(replicates, value, acceleration, n, level)
    few = notes["effective_users"] < FEW_USERS
    about = f"the interval rests on about {notes['effective_users']:.0f} users"
    return result(value, float(np.std(replicates, ddof=1)), ci, *((about,) if few else ()))


def _bca(
    replicates: np.ndarray, value: float, acceleration: float, n: int, level: float
) -> tuple[float, float]:
    """Bias-corrected and accelerated interval, at a level widened for few users."""
    from scipy.stats import norm, t

    equal = np.isclose(replicates, value, rtol=1e-9, atol=1e-12)
    below = np.mean((replicates < value) & ~equal) + equal.mean() / 2
    edge = 0.5 / len(replicates)
    bias = norm.ppf(np.clip(below, edge, 1 - edge))
    reach = t.ppf(0.5 + level / 2, n - 1) * math.sqrt(n / (n - 1))
    z = bias + np.array([-reach, reach])
    # With a handful of users the correction can pass its pole; the extreme replicate is the limit.
    z = bias + z / np.maximum(1 - acceleration * z, 1e-6)
    low, high = np.quantile(replicates, norm.cdf(z))
    return float(low), float(high)


def mean_over_users(
    values: np.ndarray,
    *,
    estimand: str,
    method: str = "mean over users",
    level: float,
    n_boot: int,
    seed: int | np.random.Generator,
    diagnostics: Mapping[str, float] | None = None,
    warnings: tuple[str, ...] = (),
) -> Estimate:
    """Mean of one value a user; users where it is NaN (undefined) are counted and left out."""
    defined = ~np.isnan(values)
    notes = {"users_left_out": float((~defined).sum()), **(diagnostics or {})}
    return by_user(
        np.column_stack([values[defined], np.ones(defined.sum())]),
        ratio,
        estimand=estimand,
        method=method,
        level=level,
        n_boot=n_boot,
        seed=seed,
        diagnostics=notes,
        warnings=warnings,
    )
