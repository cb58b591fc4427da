"""Retention as an outcome: pseudo-observations, one number a user however long he was followed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _checks

__all__ = ["pseudo_observations"]

VALUES = ("survival", "restricted_mean")
CELLS = 2**22  # of an array (kinds of users × times) that is held at once


def pseudo_observations(
    duration: Any, event: Any, *, horizon: float, value: str = "survival"
) -> np.ndarray:
    r"""What each user adds to the Kaplan-Meier estimate: an outcome where some are still there.

    .. math:: \hat\theta_i = n\,\hat\theta - (n - 1)\,\hat\theta_{-i}

    with :math:`\hat\theta` the share :math:`\hat S(h)` still there after the horizon h, or the
    restricted mean :math:`\int_0^h \hat S(t)\,dt` (expected time of presence up to h), and
    :math:`\hat\theta_{-i}` the same without user i. In large samples its mean given covariates
    is the share (or time) given covariates, so it can stand for the outcome in `ate`, `cate` and
    `refute`. Without censoring before the horizon it is what was seen: 1 if still there, else 0;
    or the time.

    Introduced in section 4.2.

    Parameters
    ----------
    duration : array of shape (n,)
        Time from the start until the user left or was last seen, above 0.
    event : array of shape (n,)
        1 if the user left then, 0 if he was still there (censored).
    horizon : float
        h, in units of ``duration``. A user who leaves exactly at h is not there after it.
    value : {"survival", "restricted_mean"}
        What is estimated.

    Returns
    -------
    array of shape (n,)
        Finite, but not within [0, 1] or [0, h]: the mean is what counts.

    Raises
    ------
    ValueError
        If a duration is not above 0, an event is not 0 or 1, or the curve is not known up to the
        horizon: one of the two users followed longest was last seen before it, and had not left.

    Notes
    -----
    Censoring must be unrelated to leaving, to treatment and to covariates, as it is where all are
    followed to the same date and joined at dates that have nothing to do with them.

    Source: Andersen, Syriopoulou and Parner (2017), "Causal inference in survival analysis using
    pseudo-observations", Statistics in Medicine 36(17).

    Examples
    --------
    >>> pseudo_observations([1, 2, 3, 3], [1, 1, 0, 0], horizon=2).round(2).tolist()
    [0.0, 0.0, 1.0, 1.0]
    >>> pseudo_observations([1, 2, 3, 3], [1, 0, 1, 0], horizon=3).round(2).tolist()
    [0.0, 0.5, -0.5, 1.5]
    """
    _checks.choice(value, "value", VALUES)
    t = _checks.within(_checks.numeric(duration, "duration"), "duration", 0, open_low=True)
    left = _checks.numeric(event, "event", n=len(t))
    _checks.refuse((left != 0) & (left != 1), left, "event", "must be 0 or 1")
    if not 0 < horizon < math.inf:
        raise ValueError(f"horizon must be above 0, got {horizon}")
    if len(t) < 2:
        raise ValueError(f"need at least 2 rows, got {len(t)}")
    seen = (t >= np.sort(t)[-2]) & (t < horizon) & (left == 0)
    rule = f"the curve is unknown up to the horizon {horizon:g}: the longest followed did not leave"
    _checks.refuse(seen, t, "duration", rule)

    left, t = left * (t <= horizon), np.minimum(t, horizon)
    times = np.unique(t[left == 1])
    at_risk = len(t) - np.searchsorted(np.sort(t), times)
    leavers = np.bincount(np.searchsorted(times, t[left == 1]), minlength=len(times))
    gaps = np.diff(np.concatenate([[0.0], times, [horizon]]))

    def summary(risk: np.ndarray, gone: np.ndarray) -> np.ndarray:
        # Where nobody is at risk the curve is 0 already, for all who were followed longest left.
        curve = np.cumprod(1 - gone / np.maximum(risk, 1), axis=-1)
        if value == "survival":
            return curve[..., -1] if len(times) else np.ones(risk.shape[:-1])
        return gaps[0] + curve @ gaps[1:]

    whole = summary(at_risk, leavers)
    kinds, kind = np.unique(np.column_stack([t, left]), axis=0, return_inverse=True)
    without = np.empty(len(kinds))
    step = max(1, CELLS // max(len(times), 1))
    for start in range(0, len(kinds), step):
        until, gone = kinds[start : start + step, :1], kinds[start : start + step, 1:]
        risk = at_risk - (until >= times)
        without[start : start + step] = summary(risk, leavers - gone * (until == times))
    return len(t) * whole - (len(t) - 1) * without[kind.ravel()]
