"""From moments or units to intervals. Lower and upper ends may rest on different scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _scores
from ._moments import Moments


@dataclass(frozen=True)
class Limits:
    """Values, standard errors and interval ends by score key (``name``, ``name/low`` ...)."""

    points: dict[str, float]
    errors: dict[str, float]
    lower: dict[str, float]
    upper: dict[str, float]

    def value(self, name: str) -> float:
        return self.points[name]

    def stderr(self, name: str) -> float:
        return self.errors[name]

    def ci(self, name: str) -> tuple[float, float]:
        """The bounds' own ends, but never less than the interval around the point."""
        low = self.lower.get(f"{name}/low", self.lower[name])
        high = self.upper.get(f"{name}/high", self.upper[name])
        point = self.points[name]
        return min(low, self.lower[name], point), max(high, self.upper[name], point)


def keys(columns: Any) -> list[str]:
    """The scores that have columns; the weight is only for diagnostics."""
    names = [c.removesuffix(".num") for c in columns if c.endswith(".num")]
    return [name for name in names if name != "weight"]


def ratio(m: Moments, key: str) -> tuple[float, float]:
    """Ratio of means and its delta-method standard error."""
    num, var_num = m.mean[f"{key}.num"], m.var[f"{key}.num"]
    if f"{key}.den" not in m.mean:
        return num, math.sqrt(var_num / m.units)
    den, var_den = m.mean[f"{key}.den"], m.var[f"{key}.den"]
    cov = (m.var[f"{key}.sum"] - var_num - var_den) / 2
    value = num / den
    variance = max(var_num - 2 * value * cov + value**2 * var_den, 0.0)
    return value, math.sqrt(variance / m.units) / abs(den)


def normal(m: Moments, level: float, *, clustered: bool) -> Limits:
    """Normal limits; Student's t over clusters, which may be few."""
    from scipy.special import ndtri, stdtrit

    tail = 0.5 + level / 2
    z = float(stdtrit(m.units - 1, tail) if clustered else ndtri(tail))
    pairs = {key: ratio(m, key) for key in keys(m.mean)}
    return Limits(
        {k: v for k, (v, _) in pairs.items()},
        {k: s for k, (_, s) in pairs.items()},
        {k: v - z * s for k, (v, s) in pairs.items()},
        {k: v + z * s for k, (v, s) in pairs.items()},
    )


def bernstein(
    m: Moments,
    level: float,
    reward_bounds: tuple[float, float] | None,
    tuning: _scores.Tuning,
    *,
    max_weight: float,
) -> Limits:
    """Empirical Bernstein limits, each end at (1 - level) / 2 (Maurer and Pontil 2009, thm 4).

    Weights are at most 1 / (smallest propensity in the log), which is taken as the smallest there
    is.
    """
    if reward_bounds is None:
        raise ValueError("the Bernstein interval needs reward_bounds when rewards leave [0, 1]")
    low, high = reward_bounds

    def spread(weight: float, origin: float) -> float:
        return weight * (max(high - origin, 0) - min(low - origin, 0))

    ranges = {
        "ips": spread(max_weight, 0),
        "clipped_ips": spread(tuning.clip, 0),
        "clipped_ips/low": spread(tuning.clip, tuning.low),
        "clipped_ips/high": spread(tuning.clip, tuning.high),
    }
    log_term = math.log(2 / ((1 - level) / 2))
    points, errors, lower, upper = {}, {}, {}, {}
    for key in keys(m.mean):
        if key not in ranges:
            raise ValueError(
                f"no Bernstein interval for {key.split('/')[0]}: ips, clipped_ips only"
            )
        value, stderr = ratio(m, key)
        slack = 7 * ranges[key] * log_term / (3 * (m.units - 1))
        reach = stderr * math.sqrt(2 * log_term) + slack
        points[key], errors[key] = value, stderr
        lower[key], upper[key] = value - reach, value + reach
    return Limits(points, errors, lower, upper)


def bootstrap(
    units: dict[str, np.ndarray], level: float, n_boot: int, seed: int | np.random.Generator
) -> Limits:
    """Percentile limits over resampled units, one draw of units for all scores."""
    if n_boot < 2:
        raise ValueError(f"n_boot must be at least 2, got {n_boot}")
    rng = np.random.default_rng(seed)
    names = [c for c in units if c.endswith((".num", ".den"))]
    stacked = np.stack([units[c] for c in names])
    n = stacked.shape[1]
    draws = np.stack([stacked[:, rng.integers(n, size=n)].mean(axis=1) for _ in range(n_boot)])
    drawn = dict(zip(names, draws.T, strict=True))
    full = dict(zip(names, stacked.mean(axis=1), strict=True))
    points, errors, lower, upper = {}, {}, {}, {}
    for key in keys(names):
        with np.errstate(divide="ignore", invalid="ignore"):
            values = drawn[f"{key}.num"] / drawn.get(f"{key}.den", 1.0)
        points[key] = float(full[f"{key}.num"] / full.get(f"{key}.den", 1.0))
        if not np.isfinite(values).all():
            raise ValueError(f"{key}: a resample has no weight at all; use the normal interval")
        errors[key] = float(values.std(ddof=1))
        tails = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        lower[key], upper[key] = map(float, tails)
    return Limits(points, errors, lower, upper)
