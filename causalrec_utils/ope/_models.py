"""What estimators need besides the log: outcome models, coarser actions, refitting intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate

if TYPE_CHECKING:
    from ..policies import Policy, TablePolicy

__all__ = ["bootstrap", "marginalize", "outcome_model"]


def outcome_model(
    log: pd.DataFrame,
    policy: Policy,
    *,
    action: str = "action",
    reward: str = "reward",
    position: str | None = None,
    context: Sequence[str] = (),
    features: Sequence[str] = (),
    model: Any = None,
    folds: int = 5,
    cluster: str | None = None,
    seed: int | np.random.Generator = 0,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Cross-fitted reward predictions of the logged action and of the target policy.

    The two arrays are :math:`\hat q(x_i, a_i)` and :math:`\sum_a \pi_e(a|x_i)\,\hat q(x_i, a)`.
    Each row is predicted by a model that never saw it (nor any row of its cluster), which is what
    makes the intervals of doubly robust estimators honest. Actions are looped over, so memory does
    not grow with their number. Introduced in section 3.1.

    Parameters
    ----------
    log : pandas.DataFrame
        One row a decision.
    policy : Policy
        The target policy; its ``actions`` are the ones summed over.
    action, reward : str
        Columns.
    position : str, optional
        Column of the slot; a feature of the model, and passed to the policy.
    context : sequence of str
        Numeric columns that the policy looks at; features of the model as well.
    features : sequence of str
        Further columns for the model alone.
    model : scikit-learn estimator, optional
        Anything with ``fit`` and ``predict`` (or ``predict_proba``, for rewards that are classes,
        such as 0 and 1) on a frame with the columns action, position, context and features. By
        default the mean reward of each action in each slot, shrunk towards the overall mean as if
        10 more rows had it; context and features need a model.
    folds : int
        Number of folds, at least 2.
    cluster : str, optional
        Rows of one cluster stay in one fold.
    seed : int or numpy.random.Generator
        For the folds.

    Returns
    -------
    q_logged, v_target : arrays of shape (n,)

    Raises
    ------
    ValueError
        If a column is missing, a reward is not finite, there are fewer rows (or clusters) than
        folds, or context is given without a model.

    Examples
    --------
    >>> import pandas as pd
    >>> from causalrec_utils.policies import Uniform
    >>> log = pd.DataFrame({"action": ["a", "b"] * 500, "reward": [1.0, 0.0] * 500})
    >>> q, v = outcome_model(log, Uniform(["a", "b"]))
    >>> [round(float(x), 1) for x in (q[0], q[1], v[0])]
    [1.0, 0.0, 0.5]
    """
    others = [*([position] if position else []), *context, *features]
    _checks.columns(log, [action, *others, reward, *([cluster] if cluster else [])])
    if model is None and (context or features):
        raise ValueError("context and features need a model; the default one uses action and slot")
    y = _checks.numeric(log[reward], reward)
    fold = _folds(log, folds, cluster, seed)
    table = log[[action, *others]]
    # Rows that differ in nothing but the action have one value; without context these are few.
    state = np.arange(len(log))
    if not (context or features):
        state = pd.factorize(log[position])[0] if position else np.zeros(len(log), int)
    _, first = np.unique(state, return_index=True)
    q, v = np.empty(len(log)), np.empty(len(log))
    for k in range(folds):
        test = np.flatnonzero(fold == k)
        fitted = deepcopy(model or CellMeans()).fit(table[fold != k], y[fold != k])
        q[test] = _predict(fitted, table.iloc[test])
        states, inverse = np.unique(state[test], return_inverse=True)
        v[test] = _value(fitted, policy, table.iloc[first[states]], action, position, context)[
            inverse
        ]
    return q, v


def _value(
    fitted: Any,
    policy: Policy,
    rows: pd.DataFrame,
    action: str,
    position: str | None,
    context: Sequence[str],
) -> np.ndarray:
    given = {
        "position": rows[position].to_numpy() if position else None,
        "context": rows[list(context)].to_numpy(float) if context else None,
    }
    value = np.zeros(len(rows))
    for a in policy.actions:
        prob = policy.prob(np.full(len(rows), a), **given)
        value += prob * _predict(fitted, rows.assign(**{action: a}))
    return value


def _folds(
    log: pd.DataFrame, folds: int, cluster: str | None, seed: int | np.random.Generator
) -> np.ndarray:
    units = np.arange(len(log))
    if cluster is not None:
        units = pd.factorize(_checks.no_missing(log[cluster], cluster))[0]
    size = int(units.max()) + 1 if len(units) else 0
    if not 2 <= folds <= size:
        raise ValueError(f"folds must be between 2 and the {size} rows or clusters, got {folds}")
    rng = np.random.default_rng(seed)
    return rng.permutation(np.arange(size) % folds)[units]


class CellMeans:
    """Mean reward by cell (action, or action and slot), shrunk towards the overall mean."""

    strength = 10.0

    def fit(self, rows: pd.DataFrame, y: np.ndarray) -> CellMeans:
        self.overall = float(y.mean())
        cells = pd.Series(y).groupby([rows[c].to_numpy() for c in rows], observed=True)
        total, count = cells.sum(), cells.count()
        self.means = (total + self.strength * self.overall) / (count + self.strength)
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        keys = rows.iloc[:, 0] if rows.shape[1] == 1 else pd.MultiIndex.from_frame(rows)
        return self.means.reindex(keys).fillna(self.overall).to_numpy()


def _predict(model: Any, rows: pd.DataFrame) -> np.ndarray:
    if hasattr(model, "predict_proba"):
        return model.predict_proba(rows) @ np.asarray(model.classes_, float)
    return np.asarray(model.predict(rows), float)


def marginalize(
    log: pd.DataFrame,
    target: TablePolicy,
    logging: TablePolicy,
    examination: Sequence[float],
    *,
    action: str = "action",
) -> tuple[np.ndarray, np.ndarray]:
    r"""Position-based probabilities: both policies averaged over slots, weighted by examination.

    In the position-based click model a click needs the slot to be examined, with probability
    :math:`e_k`, and the item to be relevant, which the slot does not change. Then an item's slot is
    noise, and the weight of a row may be taken over all slots at once:
    :math:`\sum_k e_k \pi_e(a, k) / \sum_k e_k \pi_0(a, k)`. Pass the two arrays to `evaluate` as
    ``target_prob`` and ``propensity``, for ips. (The weights have mean 1, which snips, clipped_ips
    and the check of the mean weight rest on, only if the logging policy gives an item the same
    share of every slot, as a uniform one does.) Introduced in section 3.1.

    Parameters
    ----------
    log : pandas.DataFrame
        One row an impression of one item in one slot.
    target, logging : TablePolicy
        Probability of each item in each slot, under either policy.
    examination : sequence of float
        Examination probability of each slot, relative size only; above 0.
    action : str
        Column of the item.

    Returns
    -------
    target_prob, propensity : arrays of shape (n,)

    Raises
    ------
    ValueError
        If slots and examinations differ in number, or an item is unknown to a policy.

    Notes
    -----
    The weight is that of the estimator for the position-based click model in Li, Abbasi-Yadkori,
    Kveton, Muthukrishnan, Vinay and Wen (2018), "Offline evaluation of ranking policies with click
    models", KDD.

    Examples
    --------
    >>> import pandas as pd
    >>> from causalrec_utils.policies import TablePolicy
    >>> even = TablePolicy(pd.DataFrame({1: [0.5, 0.5], 2: [0.5, 0.5]}, index=["a", "b"]))
    >>> first = TablePolicy(pd.DataFrame({1: [1.0, 0.0], 2: [0.0, 1.0]}, index=["a", "b"]))
    >>> e, p = marginalize(pd.DataFrame({"action": ["a", "b"]}), first, even, [3, 1])
    >>> e.tolist(), p.tolist()
    ([0.75, 0.25], [0.5, 0.5])
    """
    share = np.asarray(examination, float)
    slots = {target.table.shape[1], logging.table.shape[1], len(share)}
    if len(slots) != 1 or not (share > 0).all():
        raise ValueError(
            f"examination needs one number above 0 for each slot; got {len(share)} numbers, "
            f"{target.table.shape[1]} target slots and {logging.table.shape[1]} logging slots"
        )
    share = share / share.sum()
    _checks.columns(log, [action])
    out = []
    for policy in (target, logging):
        rows = policy.rows_of(log[action], action)
        out.append((policy.table.to_numpy() @ share)[rows])
    return out[0], out[1]


def bootstrap(
    data: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], float],
    *,
    cluster: str | None = None,
    n_boot: int = 200,
    level: float = 0.95,
    method: str = "bootstrap",
    estimand: str = "policy value",
    seed: int | np.random.Generator = 0,
) -> Estimate:
    """An interval for anything that can be computed again on resampled rows.

    Use it where an estimator contains a fitted model (the direct method, say): ``statistic`` must
    *refit* that model on the rows it is given. Introduced in section 3.1.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a decision.
    statistic : callable
        From a frame like ``data`` to one number.
    cluster : str, optional
        Column of the unit to resample; rows by default. A unit drawn twice keeps one label, so a
        statistic that splits by cluster keeps its copies together.
    n_boot : int
        Resamples.
    level : float
        Nominal coverage of the percentile interval.
    method, estimand : str
        Labels of the estimate.
    seed : int or numpy.random.Generator
        For the resamples.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If the data has no rows, the cluster column is missing, or the statistic is not finite.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"x": range(100)})
    >>> bootstrap(data, lambda d: d["x"].mean(), estimand="mean").value
    49.5
    """
    _checks.level(level)
    if len(data) == 0:
        raise ValueError("the data has no rows")
    if n_boot < 2:
        raise ValueError(f"n_boot must be at least 2, got {n_boot}")
    rng = np.random.default_rng(seed)
    units = len(data)
    if cluster is not None:
        _checks.columns(data, [cluster])
        codes = pd.factorize(_checks.no_missing(data[cluster], cluster))[0]
        order = np.argsort(codes, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(codes))])
        units = len(starts) - 1
    values = np.empty(n_boot)
    for b in range(n_boot):
        drawn = rng.integers(units, size=units)
        rows = drawn
        if cluster is not None:
            rows = np.concatenate([order[starts[u] : starts[u + 1]] for u in drawn])
        values[b] = statistic(data.iloc[rows])
    value = float(statistic(data))
    if not np.isfinite([value, *values]).all():
        raise ValueError(f"{method}: the statistic is not finite on the data or on a resample")
    low, high = map(float, np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(
        value, float(values.std(ddof=1)), (low, high), level, len(data), method, estimand
    )
