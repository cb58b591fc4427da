"""What each estimator is, written once for NumPy arrays and for ibis expressions.

Every estimator of a policy's value is a ratio of means, mean(num) / mean(den), of per-row scores
built from the weight w = target probability / propensity, the reward r, the predicted reward q of
the logged action and the predicted value v of the target policy. Estimators that shrink weights
trade bias for variance; the two further scores `lower` and `upper` bound the value from both
sides, whatever was shrunk away, as long as mean rewards stay within given bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Column = Any  # a NumPy array or an ibis expression


class Rows(NamedTuple):
    """Per-row inputs; `q` and `v` are None without an outcome model."""

    w: Column
    r: Column
    q: Column | None = None
    v: Column | None = None
    mean_w: Column | None = None  # mean weight of the row's embedding (mips)
    mean_r: Column | None = None  # mean reward of the row's embedding (mips)


class Score(NamedTuple):
    """One ratio of means; a `den` of None stands for the constant 1."""

    num: Column
    den: Column | None = None


@dataclass(frozen=True)
class Tuning:
    """How strongly weights are shrunk, and where mean rewards can lie."""

    clip: float
    switch: float
    shrinkage: float
    low: float
    high: float
    q_low: float = math.nan  # where predictions lie
    q_high: float = math.nan


class Ops(NamedTuple):
    """The two functions that differ between NumPy and ibis."""

    where: Callable[[Column, Column, Column], Column]
    least: Callable[[Column, Column], Column]


NUMPY = Ops(np.where, np.minimum)


def ibis_ops() -> Ops:
    import ibis

    return Ops(ibis.ifelse, ibis.least)


def shrunk_weight(name: str, w: Column, t: Tuning, ops: Ops) -> Column:
    """The weight that a biased estimator uses in place of w; never above w."""
    if name == "clipped_ips":
        return ops.least(w, t.clip)
    if name == "switch_dr":
        return ops.where(w <= t.switch, w, 0.0)
    return w / (1 + w * w / t.shrinkage)  # dros


def point(name: str, x: Rows, t: Tuning, ops: Ops) -> Score:
    """The score whose (ratio of) mean is the estimate."""
    if name == "ips":
        return Score(x.w * x.r)
    if name == "snips":
        return Score(x.w * x.r, x.w)
    if name == "clipped_ips":
        return Score(shrunk_weight(name, x.w, t, ops) * x.r)
    if name == "dm":
        return Score(x.v)
    if name == "dr":
        return Score(x.v + x.w * (x.r - x.q))
    if name in ("switch_dr", "dros"):
        return Score(x.v + shrunk_weight(name, x.w, t, ops) * (x.r - x.q))
    if name == "mips":
        # The second term has mean zero. It carries the noise of the estimated marginal weights, so
        # that the variance of the score is the variance of the estimator.
        return Score(x.mean_w * x.r + x.mean_r * (x.w - x.mean_w))
    raise ValueError(f"unknown estimator {name!r}; known: {', '.join(ESTIMATORS)}")


def bounds(name: str, x: Rows, t: Tuning, ops: Ops) -> tuple[Score, Score] | None:
    """Scores whose means bound the value from below and above; None for unbiased estimators.

    The mass that shrinking took away, or that the log never shows, is 1 - E[g(w)]. It is worth at
    least `low` and at most `high` a unit; for models, that minus what the model predicted.
    """
    if name not in BIASED:
        return None
    g = shrunk_weight(name, x.w, t, ops)
    if name == "clipped_ips":
        return Score(t.low + g * (x.r - t.low)), Score(t.high + g * (x.r - t.high))
    centre = x.v + g * (x.r - x.q)
    below, above = t.q_high - t.low, t.high - t.q_low
    return Score(centre - below * (1 - g)), Score(centre + above * (1 - g))


ESTIMATORS = ("ips", "snips", "clipped_ips", "dm", "dr", "switch_dr", "dros", "mips")
BIASED = ("clipped_ips", "switch_dr", "dros")
NEED_MODEL = ("dm", "dr", "switch_dr", "dros")
