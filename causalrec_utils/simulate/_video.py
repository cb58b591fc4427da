"""A new ranking of videos: minutes today, satisfaction, and who comes back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ._world import Seed, World, between, count, expit, exposure_logit

__all__ = ["video_retention"]


def video_retention(
    n_users: int = 4000,
    *,
    days: int = 30,
    lift: float = 0.15,
    regret: float = 1.0,
    confounding: float = 0.7,
    seed: Seed,
) -> World:
    r"""Users of a video app under one of two rankings: more minutes today, or more days.

    .. math::

        T_i &\sim \text{Bernoulli}\big(\text{expit}(c\,a_i + \sqrt{1 - c^2}\,v_i)\big)\\
        M_i &= 15 \exp(0.5\,a_i + \text{lift}\,T_i + 0.5\,\epsilon_i), \qquad
        S_i = \eta_i - \text{regret}\,T_i\\
        P(\text{left on day } k) &= \text{expit}(-3.2 - 0.8\,a_i - 0.5\,S_i)

    M is minutes on the first day, S what the user says in a survey (both standard normal terms are
    the user's own under either ranking), a is activity before, standard normal. The ranking moves
    leaving through satisfaction alone, and minutes directly. Users joined at different times, so
    they are followed for different numbers of days, between half and twice ``days``.

    Introduced in section 4.3.

    Parameters
    ----------
    n_users : int
        Users.
    days : int
        Horizon of the truth.
    lift : float
        Effect of the new ranking on the logarithm of minutes.
    regret : float
        How much satisfaction it costs.
    confounding : float
        c in [0, 1]: how far active users got the new ranking first; 0 is an experiment.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``data``, one row a user: activity, new_ranking, minutes, satisfaction, days (seen), left
        (1: left after that many days; 0: still there when last seen). ``truth``, means over these
        users: ``ate``, effect on minutes of the first day; ``retention``, on the share still there
        after ``days``; ``present``, on the expected days of presence within ``days``; ``total``, on
        the expected minutes within ``days``, if a user's minutes stay as on the first day.
        ``hidden``: y0, y1 (minutes), propensity, hazard0, hazard1 (chance to leave, a day).
        ``tables``: ``survival``, the share present after each day under ``old`` and ``new``.

    Raises
    ------
    ValueError
        If an option is outside its range.

    Examples
    --------
    >>> world = video_retention(seed=0)
    >>> world.truth["ate"] > 0, world.truth["retention"] < 0, world.truth["total"] < 0
    (True, True, True)
    """
    count(n_users, "n_users"), count(days, "days", 2), between(lift, "lift")
    between(regret, "regret", 0)
    rng = np.random.default_rng(seed)
    activity, placement, luck, own = rng.normal(size=(4, n_users))
    propensity = expit(exposure_logit(activity, placement, confounding, 1.0))
    new = rng.random(n_users) < propensity
    minutes = 15 * np.exp(0.5 * activity + 0.5 * luck)
    minutes = np.column_stack([minutes, minutes * np.exp(lift)])
    hazard = expit(-3.2 - 0.8 * activity[:, None] - 0.5 * (own[:, None] - [0, regret]))
    arm, rows = new.astype(int), np.arange(n_users)
    stay = rng.geometric(hazard[rows, arm])
    followed = rng.integers(-(-days // 2), 2 * days, size=n_users, endpoint=True)
    data = pd.DataFrame(
        {
            "activity": activity,
            "new_ranking": arm,
            "minutes": minutes[rows, arm],
            "satisfaction": own - regret * new,
            "days": np.minimum(stay, followed),
            "left": (stay <= followed).astype(int),
        }
    )
    alive = (1 - hazard[:, :, None]) ** np.arange(days + 1)  # user, ranking, day
    present = alive[:, :, :-1].sum(axis=2)
    curves = alive.mean(axis=0)
    truth = {
        "ate": minutes[:, 1] - minutes[:, 0],
        "retention": alive[:, 1, -1] - alive[:, 0, -1],
        "present": present[:, 1] - present[:, 0],
        "total": (minutes * present) @ [-1, 1],
    }
    hidden = {"y0": minutes[:, 0], "y1": minutes[:, 1], "propensity": propensity}
    hidden |= {"hazard0": hazard[:, 0], "hazard1": hazard[:, 1]}
    survival = {"day": np.arange(days + 1), "old": curves[0], "new": curves[1]}
    known = {name: float(gain.mean()) for name, gain in truth.items()}
    tables = {"survival": pd.DataFrame(survival)}
    frame = pd.DataFrame(hidden)
    return World(data, "new_ranking", "minutes", ("activity",), known, frame, tables)
