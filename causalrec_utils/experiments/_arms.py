"""From rows to the difference between two arms.

Each arm is reduced to the mean and covariance of four numbers a unit: numerator and denominator
of the metric, numerator and denominator of the covariate. A plain mean has denominator 1. With
clusters the unit is the cluster and the four numbers are its sums, so that a mean over rows becomes
a ratio of cluster sums and nothing else changes. Every estimator of `analyze` is then one delta
method on these moments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks

__all__: list[str] = []

Column = str | tuple[str, str]
DEFAULTS = {"numerator": 0.0, "denominator": 1.0, "covariate": 0.0, "covariate_denominator": 1.0}
ROLES = tuple(DEFAULTS)
# A variance below this share of the squared mean is the rounding error of a constant column.
ROUNDING = 1e-24


@dataclass(frozen=True)
class Arm:
    """Moments of one arm: ``mean`` (4,), ``cov`` (4, 4), ``units`` behind them, and ``rows``.

    Where clusters were asked for, ``clusters`` (units,) names them and ``sums`` (units, 4) holds
    their sums.
    """

    label: Any
    rows: int
    units: int
    mean: np.ndarray
    cov: np.ndarray
    clusters: np.ndarray | None = None
    sums: np.ndarray | None = None


@dataclass(frozen=True)
class Contrast:
    """Treatment minus control on the working scale (log ratio where ``relative``)."""

    value: float
    variance_treatment: float
    variance_control: float
    covariance: float
    df: float
    theta: float
    reduction: float
    mean_treatment: float
    mean_control: float

    @property
    def stderr(self) -> float:
        both = self.variance_treatment + self.variance_control - 2 * self.covariance
        return float(np.sqrt(max(both, 0.0)))


def pair(column: Column | None) -> tuple[str | None, str | None]:
    """A column name, or (numerator, denominator), as a pair."""
    if column is None or isinstance(column, str):
        return column, None
    if len(column) != 2:
        raise ValueError(f"a ratio metric is a pair (numerator, denominator), got {column!r}")
    return column[0], column[1]


def arms(
    data: Any, arm: str, metric: Column, covariate: Column | None, cluster: str | None
) -> dict[Any, Arm]:
    """Checked moments of every arm in a DataFrame or an ibis table."""
    names = dict(zip(ROLES, (*pair(metric), *pair(covariate)), strict=True))
    used = [name for name in names.values() if name is not None]
    _checks.columns(data, [arm, *used, *([] if cluster is None else [cluster])])
    if isinstance(data, pd.DataFrame):
        found = _from_frame(data, arm, names, cluster)
    else:
        _check_table(data, [arm, *([] if cluster is None else [cluster])], used, names)
        found = _from_table(data, arm, names, cluster)
    if len(found) < 2:
        _checks.fail(arm, f"must hold at least two arms, holds only {list(found)}")
    return found


def _from_frame(
    data: pd.DataFrame, arm: str, names: dict[str, str | None], cluster: str | None
) -> dict[Any, Arm]:
    codes, labels = pd.factorize(_checks.no_missing(data[arm], arm), sort=True)
    clusters = None
    if cluster is not None:
        clusters = pd.factorize(_checks.no_missing(data[cluster], cluster))[0]
    values = np.empty((len(data), len(ROLES)))
    for j, (role, name) in enumerate(names.items()):
        if name is None:
            values[:, j] = DEFAULTS[role]
            continue
        values[:, j] = _checks.numeric(data[name], name)
        if role.endswith("denominator"):
            _checks.within(values[:, j], name, 0)
    found = {}
    for k, label in enumerate(labels.tolist()):
        part, ids = values[codes == k], None
        rows = len(part)
        if clusters is not None:
            ids, of = np.unique(clusters[codes == k], return_inverse=True)
            part = np.column_stack([np.bincount(of, weights=column) for column in part.T])
        found[label] = _arm(label, rows, part, ids)
    return found


def _arm(label: Any, rows: int, values: np.ndarray, clusters: np.ndarray | None) -> Arm:
    units = len(values)
    cov = np.cov(values, rowvar=False) if units > 1 else np.zeros((4, 4))
    sums = None if clusters is None else values
    return Arm(label, rows, units, values.mean(axis=0), cov, clusters, sums)


def _check_table(
    table: Any, labels: list[str], numbers: list[str], names: dict[str, str | None]
) -> None:
    """The same rules as one query; a table has no row order, so rows are counted, not named."""
    bad = {f"missing {name}": table[name].isnull().sum() for name in labels}
    for number in numbers:
        value = table[number].cast("float64")
        bad[f"broken {number}"] = (value.isnull() | value.isnan() | value.isinf()).sum()
    for role, name in names.items():
        if role.endswith("denominator") and name is not None:
            bad[f"negative {name}"] = (table[name] < 0).sum()
    rules = {
        "missing": "must not be missing",
        "broken": "must be finite (no NaN, no infinity)",
        "negative": "denominators must be in [0, inf)",
    }
    counts = table.aggregate(**bad).to_pandas().iloc[0]
    for key, count in counts.items():
        kind, name = str(key).split(" ", 1)
        if count and count > 0:
            _checks.fail(name, f"{rules[kind]}; {int(count)} rows break this rule")


def _from_table(
    table: Any, arm: str, names: dict[str, str | None], cluster: str | None
) -> dict[Any, Arm]:
    used = {role: name for role, name in names.items() if name is not None}
    if cluster is not None:
        sums = {r: table[n].cast("float64").sum() for r, n in used.items()}
        keyed = table.group_by(arm=table[arm], cluster=table[cluster])
        frame = keyed.aggregate(**sums, rows=table.count()).to_pandas()
        for role in set(ROLES) - set(used):
            frame[role] = DEFAULTS[role] * frame["rows"]
        return {
            label: _arm(
                label,
                int(part["rows"].sum()),
                part[list(ROLES)].to_numpy(float),
                part["cluster"].to_numpy(),
            )
            for label, part in frame.groupby("arm", sort=True)
        }

    from tea_tasting.aggr import read_aggregates

    columns = sorted(set(used.values()))
    pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
    read = read_aggregates(
        table, arm, has_count=True, mean_cols=columns, var_cols=columns, cov_cols=pairs
    )
    found = {}
    for label in sorted(read):
        one = read[label]
        mean, cov = np.array(list(DEFAULTS.values())), np.zeros((4, 4))
        for i, a in enumerate(ROLES):
            if a in used:
                mean[i] = one.mean(used[a])
            for j, b in enumerate(ROLES):
                if a in used and b in used and one.count() > 1:
                    same = used[a] == used[b]
                    cov[i, j] = one.var(used[a]) if same else one.cov(used[a], used[b])
        found[label] = Arm(label, one.count(), one.count(), mean, cov)
    return found


def contrast(
    arm: str,
    treatment: Arm,
    control: Arm,
    metric: Column,
    covariate: Column | None,
    relative: bool,
) -> Contrast:
    r"""Delta method for :math:`f(r_t) - f(r_c) - \theta (x_t - x_c)`.

    ``f`` is the identity, or the logarithm where ``relative``. ``theta`` minimises the variance of
    the difference, so that the adjustment never adds variance in large samples, whatever the
    allocation; with one slope fitted on the pooled arms it could.
    """
    name = pair(metric)[0]
    for one in (treatment, control):
        if one.units < 2:
            what = "units" if one.sums is None else "clusters"
            _checks.fail(arm, f"arm {one.label!r} must have at least 2 {what}, has {one.units}")
        for bottom, mean in ((pair(metric)[1], one.mean[1]), (pair(covariate)[1], one.mean[3])):
            if bottom is not None and not mean > 0:
                _checks.fail(bottom, f"must not be 0 throughout arm {one.label!r}")
    slopes, covariate_slopes, levels, x = [], [], [], []
    for one in (treatment, control):
        top, bottom, x_top, x_bottom = one.mean
        ratio = top / bottom
        scale = ratio if relative else 1.0
        if relative and not ratio > 0:
            rule = f"must have a positive mean in arm {one.label!r} for a relative lift"
            _checks.fail(str(name), f"{rule}, has {ratio:g}")
        levels.append(ratio)
        x.append(x_top / x_bottom)
        slopes.append(np.array([1, -ratio, 0, 0]) / bottom / scale)
        covariate_slopes.append(np.array([0, 0, 1, -x[-1]]) / x_bottom)
    cross = _cross(treatment, control)

    def covariance(a: list[np.ndarray], b: list[np.ndarray]) -> tuple[float, float, float]:
        first = a[0] @ treatment.cov @ b[0] / treatment.units
        second = a[1] @ control.cov @ b[1] / control.units
        return first, second, (a[0] @ cross @ b[1] + b[0] @ cross @ a[1]) / 2

    def total(parts: tuple[float, float, float]) -> float:
        return parts[0] + parts[1] - 2 * parts[2]

    parts = covariance(slopes, slopes)
    plain, theta, reduction = total(parts), 0.0, 0.0
    if covariate is not None:
        spread = total(covariance(covariate_slopes, covariate_slopes))
        if not spread > ROUNDING * max(abs(x[0]), abs(x[1])) ** 2:
            _checks.fail(str(pair(covariate)[0]), "a covariate must vary within the arms")
        theta = total(covariance(slopes, covariate_slopes)) / spread
        adjusted = [s - theta * c for s, c in zip(slopes, covariate_slopes, strict=True)]
        parts = covariance(adjusted, adjusted)
        reduction = 1 - total(parts) / plain if plain > 0 else 0.0
    size = 1.0 if relative else max(abs(levels[0]), abs(levels[1]))
    if not total(parts) > ROUNDING * size**2:
        _checks.fail(str(name), "must vary within the arms; without variation there is no interval")
    values = np.log(levels) if relative else levels
    return Contrast(
        value=float(values[0] - values[1] - theta * (x[0] - x[1])),
        variance_treatment=float(parts[0]),
        variance_control=float(parts[1]),
        covariance=float(parts[2]),
        df=_degrees_of_freedom(parts, treatment.units, control.units),
        theta=float(theta),
        reduction=float(reduction),
        mean_treatment=float(levels[0]),
        mean_control=float(levels[1]),
    )


def _cross(treatment: Arm, control: Arm) -> np.ndarray:
    """Covariance of the two arms' means through clusters that have rows in both arms."""
    if treatment.sums is None or control.sums is None:
        return np.zeros((4, 4))
    ids = np.asarray(treatment.clusters), np.asarray(control.clusters)
    _, i, j = np.intersect1d(*ids, assume_unique=True, return_indices=True)
    left, right = treatment.sums[i] - treatment.mean, control.sums[j] - control.mean
    # The same small-sample correction as in the arms' own covariances: without it, large shared
    # errors would not cancel.
    freedom = math.sqrt((treatment.units - 1) * (control.units - 1))
    return left.T @ right / freedom / math.sqrt(treatment.units * control.units)


def _degrees_of_freedom(parts: tuple[float, float, float], n_t: int, n_c: int) -> float:
    """Welch-Satterthwaite; with shared clusters the arms are not independent, so the smaller."""
    if parts[2]:
        return float(min(n_t, n_c) - 1)
    return (parts[0] + parts[1]) ** 2 / (parts[0] ** 2 / (n_t - 1) + parts[1] ** 2 / (n_c - 1))
