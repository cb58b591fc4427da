"""Worlds that hold a way out of hidden confounding: an instrument, a mediator, a time before."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from ._world import Seed, World, among, between, count, expit, expose, exposure_logit

__all__ = ["front_door", "instrument", "natural_experiment", "panel"]


def natural_experiment(
    n: int,
    *,
    effect: float = 0.5,
    heterogeneity: float = 0.0,
    confounding: float = 0.7,
    overlap: float = 1.0,
    strength: float = 2.0,
    exclusion: float = 0.0,
    bypass: float = 0.0,
    trend_gap: float = 0.0,
    seed: Seed,
) -> World:
    r"""One data set with a hidden confounder and three ways around it.

    .. math::

        \text{nudge} &\sim \text{Bernoulli}(\tfrac12), \qquad
        e = \text{expit}\big((c\,\tfrac{\text{taste} + u}{\sqrt 2} + \sqrt{1 - c^2}\,v)
            / \text{overlap} + \text{strength} \cdot \text{nudge}\big)\\
        \text{shown} &\sim \text{Bernoulli}(e), \qquad
        \text{noticed} \sim \text{Bernoulli}(0.2 + 0.6\,\text{shown})\\
        \text{before} &= \text{taste} + u + \epsilon_0, \qquad \tau = \text{effect}
            + \text{heterogeneity}\,u\\
        \text{satisfaction} &= \text{taste} + (1 + \text{trend gap})\,u
            + \tfrac{\tau - \text{bypass}}{0.6}\,(\text{noticed} - 0.2)
            + \text{bypass}\,\text{shown} + \text{exclusion}\,\text{nudge} + \epsilon_1

    with taste, u, v and the noise standard normal. The last three options each break one way out:
    ``exclusion`` the instrument, ``bypass`` the front door, ``trend_gap`` the comparison with
    before (the hidden u then also drives the change over time).

    Introduced in section 5.2.2.

    Parameters
    ----------
    n : int
        Users.
    effect, heterogeneity : float
        Effect of being shown, through all paths, at the average u, and its slope in u.
    confounding, overlap : float
        As in `confounded`; here half of the confounding is hidden.
    strength : float
        Of the nudge, on the logit of being shown.
    exclusion, bypass, trend_gap : float
        Violations; 0 means that the assumption holds.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``truth`` has ``ate``, ``att``, and ``late``, the effect among those whom the nudge moves.
        ``confounders`` is ``("taste",)``, which does not suffice.

    Examples
    --------
    >>> world = natural_experiment(100_000, effect=0.5, seed=0)
    >>> d = world.data.groupby("nudge")[["satisfaction", "shown"]].mean().diff().loc[1]
    >>> print(f"ratio of differences by nudge: {d['satisfaction'] / d['shown']:.1f}")
    ratio of differences by nudge: 0.5
    """
    count(n, "n")
    rng = np.random.default_rng(seed)
    taste, u, placement, before, noise = rng.standard_normal((5, n))
    nudge = rng.integers(2, size=n)
    score = (taste + u) / math.sqrt(2)
    logit = exposure_logit(score, placement, confounding, overlap)
    e_off, e_on = expit(logit), expit(logit + strength)
    propensity, shown = expose(rng, logit + strength * nudge)
    luck = rng.random(n)
    noticed0, noticed1 = (luck < 0.2).astype(int), (luck < 0.8).astype(int)
    tau = effect + heterogeneity * u
    payoff = (tau - bypass) / 0.6
    # Less 0.2, so that a heterogeneous payoff does not make those not shown change over time.
    start = taste + (1 + trend_gap) * u + exclusion * nudge + noise - 0.2 * payoff
    y0, y1 = start + payoff * noticed0, start + payoff * noticed1 + bypass
    data = pd.DataFrame(
        {
            "taste": taste,
            "nudge": nudge,
            "shown": shown,
            "noticed": np.where(shown, noticed1, noticed0),
            "before": taste + u + before,
            "satisfaction": np.where(shown, y1, y0),
        }
    )
    moved = e_on - e_off
    late = float(tau @ moved / moved.sum()) if strength else math.nan
    truth = {"ate": float(effect), "att": among(tau, shown), "late": late}
    hidden = {"y0": y0, "y1": y1, "effect": tau, "cate": effect, "propensity": propensity, "u": u}
    return World(data, "shown", "satisfaction", ("taste",), truth, pd.DataFrame(hidden))


def _view(world: World, columns: list[str]) -> World:
    truth = {k: v for k, v in world.truth.items() if k != "late" or "nudge" in columns}
    return replace(world, data=world.data[[*columns, "shown", "satisfaction"]], truth=truth)


def instrument(n: int, *, seed: Seed, **options: float) -> World:
    """Users who were nudged at random: the columns taste and nudge of `natural_experiment`.

    Introduced in section 5.2.2.

    Parameters
    ----------
    n, seed
        As in `natural_experiment`.
    **options : float
        Others of its options, such as ``strength``, and ``exclusion``, which breaks the instrument.

    Returns
    -------
    World
        Instrument ``nudge``; ``truth["late"]`` is what it identifies.

    Examples
    --------
    >>> instrument(1000, seed=0).data.columns.tolist()
    ['taste', 'nudge', 'shown', 'satisfaction']
    """
    return _view(natural_experiment(n, seed=seed, **options), ["taste", "nudge"])


def front_door(n: int, *, seed: Seed, **options: float) -> World:
    """All of the effect runs through noticing: taste and noticed of `natural_experiment`.

    Introduced in section 5.1.1.

    Parameters
    ----------
    n, seed
        As in `natural_experiment`. There is no nudge.
    **options : float
        Others of its options, such as ``bypass``, which breaks the front door.

    Returns
    -------
    World
        Mediator ``noticed``.

    Examples
    --------
    >>> front_door(1000, seed=0).data.columns.tolist()
    ['taste', 'noticed', 'shown', 'satisfaction']
    """
    world = natural_experiment(n, seed=seed, **{"strength": 0.0, **options})
    return _view(world, ["taste", "noticed"])


def panel(
    n_users: int,
    *,
    periods: int = 8,
    start: int = 4,
    effect: float = 0.5,
    confounding: float = 0.7,
    season: float = 0.1,
    trend_gap: float = 0.0,
    noise: float = 1.0,
    seed: Seed,
) -> World:
    r"""Users over time; some get a new recommender from period ``start`` on.

    .. math::

        \text{treated}_i &\sim \text{Bernoulli}\big(\text{expit}(c\,u_i
            + \sqrt{1 - c^2}\,v_i)\big), \qquad
        \text{shown}_{it} = \text{treated}_i\,[t \ge \text{start}]\\
        Y_{it} &= u_i + \text{season}\,t + \text{trend gap}\,\text{treated}_i\,(t - \text{start})
            + \text{effect}\,\text{shown}_{it} + \text{noise}\,\epsilon_{it}

    Levels u differ between the groups, so comparing users is biased; the season moves all, so
    comparing before and after is biased; the difference in differences is not, unless
    ``trend_gap`` makes the trends differ.

    Introduced in section 5.2.2.

    Parameters
    ----------
    n_users, periods, start : int
        Users; periods 0, 1 ...; first period of the treatment.
    effect, season, trend_gap, noise : float
        As in the formula; season and gap are per period.
    confounding : float
        c in [0, 1]: how far treatment follows the user's level.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        One row a user and period, with columns user, period, treated, post, shown, satisfaction.

    Raises
    ------
    ValueError
        If ``start`` leaves no period before or none after.

    Examples
    --------
    >>> world = panel(5000, effect=0.5, seed=0)
    >>> m = world.data.groupby(["treated", "post"])["satisfaction"].mean()
    >>> print(f"{(m[1, 1] - m[1, 0]) - (m[0, 1] - m[0, 0]):.1f}")
    0.5
    """
    count(n_users, "n_users"), count(periods, "periods", 2)
    between(count(start, "start"), "start", 1, periods - 1)
    rng = np.random.default_rng(seed)
    level, placement = rng.standard_normal((2, n_users))
    propensity, treated = expose(rng, exposure_logit(level, placement, confounding, 1.0))
    user, period = np.repeat(np.arange(n_users), periods), np.tile(np.arange(periods), n_users)
    post = (period >= start).astype(int)
    gap = trend_gap * treated[user] * (period - start)
    draws = between(noise, "noise", 0) * rng.standard_normal(n_users * periods)
    y0 = level[user] + season * period + gap + draws
    data = pd.DataFrame({"user": user, "period": period, "treated": treated[user], "post": post})
    data["shown"] = data["treated"] * post
    data["satisfaction"] = y0 + effect * data["shown"]
    hidden = pd.DataFrame({"y0": y0, "y1": y0 + effect, "cate": float(effect)})
    hidden["propensity"], hidden["level"] = propensity[user], level[user]
    truth = {"ate": float(effect), "att": float(effect)}
    return World(data, "shown", "satisfaction", (), truth, hidden)
