"""Recommendations week after week: carry-over, feedback from listening to exposure, retention."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .. import _checks
from ._world import Seed, World, between, count, expit, standardised

__all__ = ["carry_over"]

REGIMES = ("adaptive", "fixed")


def carry_over(
    taste: pd.Series | None = None,
    *,
    n_users: int = 1000,
    weeks: int = 20,
    regime: str = "adaptive",
    effect: float = 0.5,
    decay: float = 0.5,
    retention: float = 0.3,
    confounding: float = 0.7,
    mood: float = 0.0,
    seed: Seed,
) -> World:
    r"""Listeners who get a recommendation in some weeks, remember it, and stay or leave.

    .. math::

        T_{it} &\sim \text{Bernoulli}\big(\text{expit}(c\,(0.6\,\text{taste}_i
            + 0.4\,Y_{i,t-1}) + \sqrt{1 - c^2}\,v_{it})\big), \qquad
        S_{it} = \text{decay}\,S_{i,t-1} + T_{it}\\
        Y_{it} &= \text{taste}_i + \text{effect}\,S_{it} + \epsilon_{it}, \qquad
        \epsilon_{it} = \text{mood}\,\epsilon_{i,t-1} + \sqrt{1 - \text{mood}^2}\,\nu_{it}\\
        P(\text{left}_{it}) = \text{expit}(-3 - 0.5\,\text{taste}_i - \text{retention}\,S_{it})

    A user who left has no further rows. With mood above 0, listening in the week before is moved by
    earlier recommendations, and it tells of this week's listening too: a confounder on the path of
    the effect, which regression can neither leave out nor hold fixed.

    Under the fixed regime week 0 decides once for all weeks, by taste alone
    (:math:`c\,\text{taste}_i + \sqrt{1 - c^2}\,v_i`): two arms of users.

    Introduced in section 4.2.

    Parameters
    ----------
    taste : Series, optional
        A number for each user, indexed by user, which will be standardised; say real listening. By
        default standard normal for ``n_users`` users.
    n_users, weeks : int
        Sizes; whoever is still there after the last week is censored.
    regime : {"adaptive", "fixed"}
        Whether recommendations are decided each week or once.
    effect, decay, retention : float
        Effect on listening in the same week; share that is left a week later, in [0, 1); effect on
        the log-odds of leaving.
    confounding : float
        c in [0, 1]; at 0 recommendations are as good as random.
    mood : float
        Share of this week's mood that is left a week later, in [0, 1).
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``data``, one row a user and week while there: user, week, taste, before (listening of the
        week before), recommended, listening, left. ``truth``: ``ate``, the effect of this week's
        recommendation on this week's listening; ``always``, mean listening over the weeks, always
        against never recommended, ``long_run`` its limit; ``retention`` and ``weeks``, always
        against never: share still there after the last week, and expected weeks of presence.
        ``hidden``: y0, y1, cate (given the past), propensity, stock S.
        ``tables``: ``users`` (user, taste, weeks, left, recommended: share of weeks) and
        ``survival``, the share present in each week under ``never`` and ``always``.

    Raises
    ------
    ValueError
        If ``taste`` is not finite or an option is outside its range.

    Examples
    --------
    >>> world = carry_over(effect=0.5, decay=0.5, seed=0)
    >>> world.truth["ate"], world.truth["long_run"]
    (0.5, 1.0)
    >>> world.tables["users"].columns.tolist()
    ['user', 'taste', 'weeks', 'left', 'recommended']
    """
    fixed = _checks.choice(regime, "regime", REGIMES) == "fixed"
    c = between(confounding, "confounding", 0, 1)
    for name, share in (("decay", decay), ("mood", mood)):
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be in [0, 1), got {share}")
    count(weeks, "weeks")
    rng = np.random.default_rng(seed)
    if taste is None:
        users, level = np.arange(count(n_users, "n_users")), rng.normal(size=n_users)
    else:
        users, level = taste.index.to_numpy(), standardised(_checks.numeric(taste, "taste"))
    n, rest = len(level), math.sqrt(1 - c * c)
    e_fixed = expit(c * level + rest * rng.normal(size=n))
    arm = rng.random(n) < e_fixed
    epsilon, stock, present = rng.normal(size=n), np.zeros(n), np.ones(n, bool)
    before = level + epsilon
    parts = []
    for week in range(weeks):
        placement, luck, leave = rng.normal(size=n), rng.random(n), rng.random(n)
        e = expit(c * (0.6 * level + 0.4 * before) + rest * placement)
        e, t = (e_fixed, arm) if fixed else (e, luck < e)
        epsilon = mood * epsilon + math.sqrt(1 - mood * mood) * rng.normal(size=n)
        y0 = level + effect * decay * stock + epsilon
        stock = decay * stock + t
        listening = y0 + effect * t
        left = leave < _hazard(level, stock, retention)
        row = {"user": users, "week": week, "taste": level, "before": before}
        row |= {"recommended": t.astype(int), "listening": listening, "left": left.astype(int)}
        row |= {"y0": y0, "y1": y0 + effect, "cate": float(effect), "propensity": e, "stock": stock}
        parts.append(pd.DataFrame(row)[present])
        before, present = listening, present & ~left
    rows = pd.concat(parts, ignore_index=True)
    unseen = ["y0", "y1", "cate", "propensity", "stock"]
    by_user = rows.groupby("user", sort=False)
    table = by_user.agg(
        taste=("taste", "first"),
        weeks=("week", "size"),
        left=("left", "max"),
        recommended=("recommended", "mean"),
    ).reset_index()
    survival, stocks = _regimes(level, weeks, decay, retention)
    change = survival["always"] - survival["never"]
    truth = {
        "ate": float(effect),
        "always": float(effect * stocks.mean()),
        "long_run": float(effect / (1 - decay)),
        "retention": float(change.iloc[-1]),
        "weeks": float(change.iloc[:-1].sum()),
    }
    tables = {"users": table, "survival": survival}
    data, hidden = rows.drop(columns=unseen), rows[unseen]
    names = ("taste",) if fixed else ("taste", "before")
    return World(data, "recommended", "listening", names, truth, hidden, tables)


def _hazard(level: np.ndarray, stock: np.ndarray | float, retention: float) -> np.ndarray:
    return expit(-3 - 0.5 * level - retention * stock)


def _regimes(
    level: np.ndarray, weeks: int, decay: float, retention: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """Expected share present at the start of each week and after the last; stock under always."""
    stocks = np.cumsum(decay ** np.arange(weeks))
    curves = {"week": np.arange(weeks + 1)}
    for name, path in (("never", np.zeros(weeks)), ("always", stocks)):
        stay = np.array([1 - _hazard(level, s, retention) for s in path])
        curves[name] = np.append(1.0, stay.cumprod(axis=0).mean(axis=1))
    return pd.DataFrame(curves), stocks
