"""The best policy under floors, a budget and fairness between groups: a linear programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ._segments import PRICE_COLUMNS, SegmentPolicy


@dataclass
class Row:
    """One inequality: coefficients @ x is at most ``limit`` (floors are stated as negatives)."""

    kind: str
    which: Any
    coefficients: np.ndarray
    limit: float


def constrain(
    values: pd.DataFrame,
    *,
    weights: pd.Series | Mapping[Any, float],
    floors: pd.Series | Mapping[Any, float] | None = None,
    costs: pd.DataFrame | pd.Series | Mapping[Any, float] | None = None,
    budget: float | None = None,
    groups: pd.Series | Mapping[Any, Any] | None = None,
    max_gap: float | None = None,
) -> SegmentPolicy:
    r"""Best policy by segment under exposure floors, a budget and fairness between groups.

    .. math:: \max_\pi \sum_s w_s \sum_a \pi(a|s)\, v_{sa}
        \quad\text{with}\quad \sum_s w_s \pi(a|s) \ge f_a,\quad
        \sum_s w_s \sum_a \pi(a|s)\, c_{sa} \le B,\quad |V_g - V_h| \le \delta,

    where :math:`V_g` is the mean value in the segments of group g. Introduced in section 5.2.1.

    Parameters
    ----------
    values : pandas.DataFrame
        Expected reward of each action (columns) in each segment (index); taken as known.
    weights : Series or mapping
        Share of decisions by segment, at least 0; scaled to add up to 1.
    floors : Series or mapping, optional
        Least share of all decisions by action, in [0, 1]; actions left out have none.
    costs : DataFrame, Series or mapping, optional
        Cost of a decision by action, or by segment and action; needed with a budget.
    budget : float, optional
        Largest mean cost a decision.
    groups : Series or mapping, optional
        Group of each segment; needed with max_gap.
    max_gap : float, optional
        Largest difference of mean value between two groups, at least 0.

    Returns
    -------
    SegmentPolicy
        ``value`` is the largest expected reward; ``prices`` has a row for each constraint with its
        limit, what is used of it, and its shadow price: what one unit of relief would add to the
        value (a lower floor, a larger budget, a larger gap), for small changes.

    Raises
    ------
    ValueError
        If an input is not finite, a segment or action is unknown or missing, an option lacks its
        partner, or no policy meets the constraints: the message says which kinds collide.

    Notes
    -----
    Solved by HiGHS: Huangfu and Hall (2018), "Parallelizing the dual revised simplex method",
    Mathematical Programming Computation. Exposure constraints on rankings: Singh and Joachims
    (2018), "Fairness of exposure in rankings", KDD.

    Examples
    --------
    >>> values = pd.DataFrame({"hit": [0.5, 0.4], "niche": [0.1, 0.3]}, index=["new", "loyal"])
    >>> policy = constrain(values, weights={"new": 0.5, "loyal": 0.5}, floors={"niche": 0.2})
    >>> policy.table.round(2).to_numpy().tolist()
    [[1.0, 0.0], [0.6, 0.4]]
    >>> policy.prices[["which", "price"]].round(3).to_numpy().tolist()
    [['niche', 0.1]]
    """
    v, w = _values(values), _by_label(weights, values.index, "weights")
    _checks.within(w, "weights", 0)
    if not w.sum() > 0:
        raise ValueError("weights must not all be 0")
    w = w / w.sum()
    for one, other, names in ((budget, costs, "budget"), (max_gap, groups, "max_gap")):
        if (one is None) != (other is None):
            partner = "costs" if names == "budget" else "groups"
            raise ValueError(f"{names} and {partner} need each other")
    rows = _floors(floors, values, w)
    if budget is not None:
        cost = _costs(costs, values)
        coefficients = np.append((w[:, None] * cost).ravel(), 0.0)
        rows.append(Row("budget", "all", coefficients, _finite(budget, "budget")))
    if max_gap is not None:
        rows += _gaps(groups, values, v, w, _finite(max_gap, "max_gap"))
    solved = _solve(v, w, rows)
    if solved.status == 2:
        raise ValueError(_collision(v, w, rows))
    if solved.status != 0:
        raise RuntimeError(f"HiGHS: {solved.message}")
    p = np.clip(solved.x[:-1].reshape(v.shape), 0, 1)
    table = pd.DataFrame(p / p.sum(axis=1, keepdims=True), values.index, values.columns)
    prices = _prices(rows, solved, max_gap)
    return SegmentPolicy(table, value=float(-solved.fun), prices=prices)


def _solve(v: np.ndarray, w: np.ndarray, rows: list[Row]) -> Any:
    """The programme in π(a|s), row by row, and one free number: the least value of any group."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack, kron

    segments, k = v.shape
    ones = kron(np.eye(segments), np.ones((1, k)), format="csr")
    programme = partial(
        linprog,
        np.append(-(w[:, None] * v).ravel(), 0.0),
        A_ub=np.array([row.coefficients for row in rows]) if rows else None,
        b_ub=[row.limit for row in rows] if rows else None,
        A_eq=hstack([ones, csr_array((segments, 1))], format="csr"),
        b_eq=np.ones(segments),
        bounds=[(0, 1)] * v.size + [(None, None)],
        method="highs",
    )
    solved = programme()
    # Presolve may find "infeasible or unbounded" (4) and stop; this programme is bounded.
    return programme(options={"presolve": False}) if solved.status == 4 else solved


def _floors(floors: Any, values: pd.DataFrame, w: np.ndarray) -> list[Row]:
    least = pd.Series({} if floors is None else dict(floors), dtype=float)
    _checks.within(_checks.numeric(least.to_numpy(), "floors"), "floors", 0, 1)
    columns = values.columns.get_indexer(least.index)
    _checks.refuse(columns < 0, least.index, "floors", "must name an action of the values")
    rows = []
    for label, column, limit in zip(least.index, columns, least, strict=True):
        coefficients = np.zeros(values.shape)
        coefficients[:, column] = -w
        rows.append(Row("floor", label, np.append(coefficients, 0.0), -limit))
    return rows


def _gaps(groups: Any, values: pd.DataFrame, v: np.ndarray, w: np.ndarray, gap: float) -> list[Row]:
    """Each group's value lies between a free number and that number plus the gap."""
    if gap < 0:
        raise ValueError(f"max_gap must be at least 0, got {gap}")
    label = pd.Series(dict(groups)).reindex(values.index)
    _checks.no_missing(label.to_numpy(), "groups")
    rows = []
    for group in label.unique():
        share = w * (label == group).to_numpy()
        if share.sum() == 0:
            continue  # nobody is there
        value = (share[:, None] * v / share.sum()).ravel()
        rows.append(Row("gap", group, np.append(value, -1.0), gap))
        rows.append(Row("gap", group, np.append(-value, 1.0), 0.0))
    return rows


def _prices(rows: list[Row], solved: Any, max_gap: float | None) -> pd.DataFrame:
    table = []
    for i, row in enumerate(rows):
        if row.kind == "gap":
            continue
        sign = -1.0 if row.kind == "floor" else 1.0
        used = float(row.coefficients @ solved.x)
        price = max(0.0, -float(solved.ineqlin.marginals[i]))
        table.append([row.kind, row.which, sign * row.limit, sign * used, price])
    pairs = [i for i, row in enumerate(rows) if row.kind == "gap"]
    if pairs:
        value = [float(rows[i].coefficients[:-1] @ solved.x[:-1]) for i in pairs[::2]]
        price = max(0.0, -float(sum(solved.ineqlin.marginals[i] for i in pairs[::2])))
        table.append(["gap", "groups", max_gap, max(value) - min(value), price])
    return pd.DataFrame(table, columns=PRICE_COLUMNS)


KINDS = {"floor": "exposure floors", "budget": "the budget", "gap": "the gap between groups"}


def _collision(v: np.ndarray, w: np.ndarray, rows: list[Row]) -> str:
    """Which kinds of constraints can't hold together: the smallest such set."""
    kinds = [kind for kind in KINDS if any(row.kind == kind for row in rows)]
    sets = (c for size in range(1, len(kinds) + 1) for c in combinations(kinds, size))
    for some in sets:
        among = [row for row in rows if row.kind in some]
        if _solve(v, w, among).status == 2:
            break
    names = " and ".join(KINDS[kind] for kind in some)
    if some == ("floor",):
        total = -sum(row.limit for row in among)
        return f"no policy meets exposure floors: they add up to {total:g}, more than 1"
    text = f"no policy meets {names}" + (" together" if len(some) > 1 else "")
    for row in among:
        if row.kind == "budget":
            others = [r for r in among if r is not row]
            cheapest = _solve(-row.coefficients[:-1].reshape(v.shape), np.ones(len(w)), others)
            text += f": the least cost is {cheapest.fun:g}, the budget {row.limit:g}"
    return text


def _values(values: pd.DataFrame) -> np.ndarray:
    if values.empty or values.index.has_duplicates or values.columns.has_duplicates:
        raise ValueError("values needs different segments as rows, different actions as columns")
    for name, column in values.items():
        _checks.numeric(column, f"value of {name!r}")
    return values.to_numpy(float)


def _by_label(given: Any, labels: pd.Index, name: str) -> np.ndarray:
    """One number for each label, in the labels' order."""
    series = pd.Series(dict(given), dtype=float)
    lost = labels[~labels.isin(series.index)]
    odd = series.index[~series.index.isin(labels)]
    for some, what in ((lost, "lacks"), (odd, "has the unknown label")):
        if len(some):
            raise ValueError(f"{name} {what} {_checks.plain(some[0])!r}")
    return _checks.numeric(series.reindex(labels).to_numpy(), name)


def _costs(costs: Any, values: pd.DataFrame) -> np.ndarray:
    if not isinstance(costs, pd.DataFrame):
        return np.tile(_by_label(costs, values.columns, "costs"), (len(values), 1))
    table = costs.reindex(index=values.index, columns=values.columns)
    return np.column_stack([_checks.numeric(c, f"cost of {name!r}") for name, c in table.items()])


def _finite(value: float, name: str) -> float:
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)
