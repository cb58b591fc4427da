"""`evaluate`: from a log and a target policy to estimates with intervals and diagnostics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from ..logs import BanditLog
from ..policies import Policy
from . import _inputs, _intervals, _scores
from ._inputs import Columns
from ._moments import Moments, from_arrays, from_table
from ._support import target_of

if TYPE_CHECKING:
    import ibis

__all__ = ["evaluate"]

DEFAULT = ("ips", "snips", "dr")


def evaluate(
    log: BanditLog | pd.DataFrame | ibis.Table,
    target_prob: str | np.ndarray | Policy,
    *,
    reward: str | None = None,
    propensity: str | np.ndarray | None = None,
    q_logged: str | np.ndarray | None = None,
    v_target: str | np.ndarray | None = None,
    estimators: Sequence[str] = DEFAULT,
    level: float = 0.95,
    cluster: str | None = None,
    interval: str = "normal",
    reward_bounds: tuple[float, float] | None = None,
    mean_bounds: tuple[float, float] | None = None,
    clip: float = 10.0,
    switch: float = 10.0,
    shrinkage: float = 100.0,
    embedding: str | Sequence[str] | None = None,
    n_boot: int = 2000,
    seed: int | np.random.Generator = 0,
) -> dict[str, Estimate]:
    r"""Estimate the value that a target policy would have had, from another policy's log.

    With weight :math:`w_i = \pi_e(a_i|x_i) / \pi_0(a_i|x_i)`, reward :math:`r_i`, predicted reward
    of the logged action :math:`\hat q_i` and predicted value of the target
    :math:`\hat v_i = \sum_a \pi_e(a|x_i)\,\hat q(x_i, a)`, the estimators are means of

    ============  ==========================================================================
    ips           :math:`w r`
    snips         :math:`w r`, divided by the mean of :math:`w`
    clipped_ips   :math:`\min(w, \mathrm{clip})\, r`
    dm            :math:`\hat v` (no interval: the model's own error is not in the data)
    dr            :math:`\hat v + w (r - \hat q)`
    switch_dr     :math:`\hat v + 1[w \le \mathrm{switch}]\, w (r - \hat q)`
    dros          :math:`\hat v + \lambda w / (w^2 + \lambda)\, (r - \hat q)`, shrinkage λ
    mips          :math:`\bar w(e) r`, the mean weight of all rows with the same embedding e
    ============  ==========================================================================

    Never an (n × actions) array: one scan checks the rows, one adds them up. A table in a database
    is reduced to one row of sums there. Introduced in section 3.1.

    Parameters
    ----------
    log : BanditLog, pandas.DataFrame or ibis.Table
        One row a decision. A `BanditLog` brings its own column names and cluster.
    target_prob : str, array of shape (n,) or Policy
        Probability in [0, 1] with which the target policy takes the *logged* action. For a table in
        a database: a column name. A `Policy` that needs no context (a `TablePolicy`, say) is asked
        for these probabilities, and for what the log never shows (see `support`).
    reward : str, optional
        Column of the reward; ``"reward"`` by default.
    propensity : str or array of shape (n,), optional
        Probability in (0, 1] with which the logging policy took the logged action; column
        ``"propensity"`` by default.
    q_logged, v_target : str or array of shape (n,), optional
        Predictions of an outcome model, in units of the reward; needed by dm, dr, switch_dr, dros.
        Fit the model on other rows (`outcome_model` does), or intervals are too narrow.
    estimators : sequence of str
        Names from the table above. If left out, dr is among them where predictions are given.
    level : float
        Nominal coverage.
    cluster : str, optional
        Column of the unit whose rows depend on each other; intervals are then by unit (Student's t
        with one degree of freedom less than there are units).
    interval : {"normal", "bootstrap", "bernstein"}
        Normal: from the variance of the scores. Bootstrap: percentiles over resampled units.
        Bernstein: holds for every n, but is wide (ips and clipped_ips only, independent rows). It
        takes the smallest propensity in the log for the smallest that there is. The bootstrap of a
        table in a database needs ``cluster``: the sums of each unit are fetched.
    reward_bounds : tuple of float, optional
        Smallest and largest possible reward; (0, 1) if all rewards lie there. Needed by Bernstein.
    mean_bounds : tuple of float, optional
        Smallest and largest possible *mean* reward given context and action (for instance: no item
        has a click rate above 5 %). Estimators that shrink weights give intervals that hold for
        every world within these bounds (and for every prediction within the range of ``q_logged``
        and ``v_target``). ``reward_bounds`` by default.
    clip, switch, shrinkage : float
        Largest weight of clipped_ips, largest weight of switch_dr, λ of dros; above 0.
    embedding : str or sequence of str, optional
        For mips: columns that describe the action (category, price band, position) and also any
        context that either policy looks at. Assumes that the action moves the reward only through
        them.
    n_boot : int
        Bootstrap resamples.
    seed : int or numpy.random.Generator
        For the bootstrap.

    Returns
    -------
    dict of str to Estimate
        Estimand ``"policy value"``, in units of the reward. Diagnostics: ``ess`` (effective sample
        size, rows), ``mean_weight`` (1 if propensities are right and the log covers the target),
        ``max_weight``, ``max_weight_share`` (share of all weight on one row), ``rewarded`` (rows
        with a reward other than 0), ``units``; for shrunk weights ``bias_bound``; for a `Policy`
        ``unsupported`` (mass of the target on actions that the log never shows).

    Raises
    ------
    ValueError
        If an input breaks its rule (column, rule and first offending row are named), if the target
        never plays what was logged, so that nothing can be estimated, or if a `Policy` plays what
        was never logged, unless the estimator bounds or models that part (clipped_ips, dm,
        switch_dr, dros), which then warns.

    Notes
    -----
    Horvitz and Thompson (1952) for ips; Swaminathan and Joachims (2015) for snips; Dudík, Langford
    and Li (2011) for dm and dr; Wang, Agarwal and Dudík (2017) for switch_dr; Su, Dimakopoulou,
    Krishnamurthy and Dudík (2020) for dros; Saito and Joachims (2022) for mips; Maurer and Pontil
    (2009), "Empirical Bernstein bounds and sample variance penalization", for the Bernstein
    interval.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame(
    ...     {"reward": [1, 0, 0, 1], "propensity": [0.5] * 4, "new": [0.9, 0.1, 0.1, 0.9]}
    ... )
    >>> evaluate(log, "new", estimators=["ips", "snips"])["ips"].value
    0.9
    """
    if not isinstance(log, BanditLog):
        propensity = "propensity" if propensity is None else propensity
        reward = reward or "reward"
        table = log
    else:
        table = log.table
        reward = reward or log.reward
        propensity = log.propensity if propensity is None else propensity
        cluster = cluster or log.cluster
    if estimators is DEFAULT and (q_logged is None or v_target is None):
        estimators = DEFAULT[:2]
    estimators = _known(estimators, q_logged, v_target, embedding)
    _checks.level(level)
    _checks.choice(interval, "interval", ("normal", "bootstrap", "bernstein"))
    for name, value in (("clip", clip), ("switch", switch), ("shrinkage", shrinkage)):
        if not value > 0:
            raise ValueError(f"{name} must be above 0, got {value}")
    unsupported = None
    if isinstance(target_prob, Policy):
        target_prob, missing = target_of(log, target_prob)
        unsupported = float(missing.sum())
        if len(missing) and not set(estimators) <= {*_scores.BIASED, "dm"}:
            column = log.action if isinstance(log, BanditLog) else "action"
            first = _checks.plain(missing.index[0])
            _checks.fail(
                column,
                f"must be logged wherever the target plays it, but {first!r} never is "
                f"and has {missing.iloc[0]:.3g} of the target's mass ({unsupported:.3g} in all)",
            )
    given = {"target": target_prob, "r": reward, "p": propensity, "q": q_logged, "v": v_target}
    given = {k: x for k, x in given.items() if x is not None}
    embeddings = [embedding] if isinstance(embedding, str) else list(embedding or ())
    _checks.columns(table, [x for x in given.values() if isinstance(x, str)])
    _checks.columns(table, [*embeddings, *([cluster] if cluster else [])])

    in_memory = isinstance(table, pd.DataFrame)
    read = _inputs.from_frame if in_memory else _inputs.from_ibis
    inputs = read(table, given, embeddings, cluster)
    tuning, reward_bounds = _tuning(
        inputs, (clip, switch, shrinkage), estimators, reward, reward_bounds, mean_bounds
    )
    ops = _scores.NUMPY if in_memory else _scores.ibis_ops()
    columns = _columns_of(estimators, tuning, ops, by_cluster=cluster is not None)
    if in_memory:
        moments = from_arrays(inputs.columns, columns, inputs.codes)
    else:
        moments = from_table(table, inputs.columns, columns, cluster)
    if not moments.sum_w > 0:
        _checks.fail(
            _inputs.name_of(target_prob, "target"),
            "the target plays none of the logged actions (all probabilities are 0), so its value "
            "can't be estimated",
        )
    if moments.units < 2:
        raise ValueError(
            f"need at least 2 {'clusters' if cluster else 'rows'}, got {moments.units}"
        )

    if interval == "normal":
        limits = _intervals.normal(moments, level, clustered=cluster is not None)
    elif interval == "bernstein":
        if cluster is not None:
            raise ValueError("the Bernstein interval needs independent rows: leave cluster out")
        limits = _intervals.bernstein(
            moments, level, reward_bounds, tuning, max_weight=1 / inputs.min_p
        )
    else:
        units = _units(table, inputs, columns, cluster)
        limits = _intervals.bootstrap(units, level, n_boot, seed)
    return {name: _estimate(name, moments, limits, level, unsupported) for name in estimators}


def _known(names: Sequence[str], q_logged: Any, v_target: Any, embedding: Any) -> list[str]:
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        _checks.choice(name, "estimators", _scores.ESTIMATORS)
    need = [name for name in names if name in _scores.NEED_MODEL]
    if need and v_target is None:
        raise ValueError(f"{need[0]} needs v_target (see outcome_model)")
    if any(name != "dm" for name in need) and q_logged is None:
        raise ValueError(f"{need[-1]} needs q_logged (see outcome_model)")
    if "mips" in names and not embedding:
        raise ValueError("mips needs embedding: the columns that describe the action")
    return names


def _tuning(
    inputs: _inputs.Inputs,
    strength: tuple[float, float, float],
    estimators: Sequence[str],
    reward: str,
    reward_bounds: tuple[float, float] | None,
    mean_bounds: tuple[float, float] | None,
) -> tuple[_scores.Tuning, tuple[float, float] | None]:
    """Bounds where none are given, and what the bias of shrunk weights rests on."""
    low, high = inputs.reward
    if reward_bounds is None and low >= 0 and high <= 1:
        reward_bounds = (0.0, 1.0)
    reward_bounds = _inputs.bounds(reward_bounds, "reward_bounds", inputs.reward)
    means = _inputs.bounds(mean_bounds, "mean_bounds") or reward_bounds
    if means is None:
        if set(estimators) & set(_scores.BIASED):
            raise ValueError(
                f"column {reward!r}: rewards outside [0, 1]; give mean_bounds or reward_bounds, "
                "without which the bias of shrunk weights has no bound"
            )
        means = (math.nan, math.nan)
    return _scores.Tuning(*strength, *means, *(inputs.predicted or means)), reward_bounds


def _columns_of(
    estimators: Iterable[str], tuning: _scores.Tuning, ops: _scores.Ops, *, by_cluster: bool
) -> Callable[[Columns], Columns]:
    """Score columns ``.num``, ``.den`` and ``.sum``, whose variance gives their covariance."""

    def columns(x: Columns) -> Columns:
        rows = _scores.Rows(x["w"], x["r"], *(x.get(k) for k in ("q", "v", "mean_w", "mean_r")))
        scores = {"weight": _scores.Score(rows.w)}
        for name in estimators:
            scores[name] = _scores.point(name, rows, tuning, ops)
            if two := _scores.bounds(name, rows, tuning, ops):
                scores |= {f"{name}/low": two[0], f"{name}/high": two[1]}
        out: Columns = {}
        for key, (num, den) in scores.items():
            out[f"{key}.num"] = num
            if den is not None or by_cluster:
                out[f"{key}.den"] = 1.0 if den is None else den
                out[f"{key}.sum"] = num + (1.0 if den is None else den)
        return out

    return columns


def _units(
    table: Any,
    inputs: _inputs.Inputs,
    columns: Callable[[Columns], Columns],
    cluster: str | None,
) -> dict[str, np.ndarray]:
    """Score columns summed by unit, in memory, for the bootstrap."""
    scores = columns(inputs.columns)
    if isinstance(table, pd.DataFrame):
        scores = {k: np.broadcast_to(s, len(table)) for k, s in scores.items()}
        codes = inputs.codes
        return scores if codes is None else {k: np.bincount(codes, s) for k, s in scores.items()}
    if cluster is None:
        raise ValueError("bootstrap over a table in a database needs cluster: its sums are fetched")
    safe = {f"s{i}": 1.0 * s for i, s in enumerate(scores.values())}
    rows = table.select(unit=table[cluster], **safe)
    sums = (
        rows.group_by("unit")
        .aggregate(**{k: rows[k].sum() for k in safe})
        .order_by("unit")
        .execute()
    )
    return {name: sums[k].to_numpy(float) for name, k in zip(scores, safe, strict=True)}


def _estimate(
    name: str, m: Moments, limits: _intervals.Limits, level: float, unsupported: float | None
) -> Estimate:
    value, stderr = limits.value(name), limits.stderr(name)
    low, high = limits.ci(name)
    warnings = []
    mean_w, se_w = _intervals.ratio(m, "weight")
    diagnostics = {
        "ess": m.sum_w**2 / m.sum_w2,
        "mean_weight": mean_w,
        "max_weight": m.max_w,
        "max_weight_share": m.max_w / m.sum_w,
        "rewarded": float(m.rewarded),
        "units": float(m.units),
    }
    if name in _scores.BIASED:
        pair = _intervals.ratio(m, f"{name}/low")[0], _intervals.ratio(m, f"{name}/high")[0]
        diagnostics["bias_bound"] = max(value - pair[0], pair[1] - value)
    if abs(mean_w - 1) > 4 * se_w + 1e-9:
        warnings.append(
            f"mean weight {mean_w:.3f} is not 1: propensities are off, or the target plays what "
            "the log never shows"
        )
    if diagnostics["max_weight_share"] > 0.05:
        warnings.append(f"one row carries {diagnostics['max_weight_share']:.0%} of the weight")
    if unsupported is not None:
        diagnostics["unsupported"] = unsupported
    if unsupported:
        warnings.append(
            f"the target plays what the log never shows {unsupported:.1%} of the time; that part "
            "rests on bounds or on the model alone"
        )
    if stderr == 0 and name != "dm":
        warnings.append("all scores are equal, so the interval has no meaning: too few rewards")
    if name == "dm":
        stderr = low = high = math.nan
        warnings.append("the outcome model is held fixed, so there is no interval; see bootstrap")
    return Estimate(
        value,
        stderr,
        (low, high),
        level,
        m.rows,
        name,
        "policy value",
        diagnostics,
        tuple(warnings),
    )
