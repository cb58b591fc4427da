"""Several candidate interventions, one of them the best."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ._world import Seed, World, between, count, positive

__all__ = ["interventions_world"]


def interventions_world(
    n: int,
    *,
    effects: int | Mapping[str, float] = 10,
    spread: float = 0.2,
    heterogeneity: float = 0.0,
    confounding: float = 0.7,
    overlap: float = 1.0,
    noise: float = 1.0,
    seed: Seed,
) -> World:
    r"""Users who got one of k interventions or none; who got which depends on what they are like.

    .. math::

        m = \tfrac{1}{\sqrt 3}(\text{taste} + \text{activity} + \text{tenure}), \qquad
        P(A = a \mid x) \propto \exp(c\,g_a\,m / \text{overlap}), \qquad
        Y(a) = m + \text{effect}_a + \text{heterogeneity} \cdot h_a^\top x + \text{noise} \cdot
               \epsilon

    with x, g and :math:`\epsilon` standard normal, h_a of length 1. Those interventions look good
    that the heavy users get (large g). With ``confounding=0`` the data are an experiment.

    Introduced in section 5.2.1.

    Parameters
    ----------
    n : int
        Users.
    effects : int or mapping of str to float
        How many interventions, ``i1``, ``i2`` ..., with effects from N(0, spread²); or their
        effects against ``control``, by name.
    spread : float
        Standard deviation of random effects.
    heterogeneity : float
        Standard deviation of each effect over users.
    confounding : float
        c in [0, 1].
    overlap : float
        Above 0; smaller values make the choice more one-sided.
    noise : float
        Standard deviation of the noise.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``truth`` maps each intervention to its effect against control. ``hidden`` has ``y_NAME``
        and ``p_NAME``, outcome and probability of each intervention and of control.

    Examples
    --------
    >>> world = interventions_world(1000, effects={"coupon": 0.1, "new shelf": 0.3}, seed=0)
    >>> max(world.truth, key=world.truth.get), sorted(world.data["intervention"].unique())
    ('new shelf', ['control', 'coupon', 'new shelf'])
    """
    count(n, "n")
    rng = np.random.default_rng(seed)
    if not isinstance(effects, Mapping):
        drawn = between(spread, "spread", 0) * rng.normal(size=count(effects, "effects"))
        effects = {f"i{a + 1}": float(value) for a, value in enumerate(drawn)}
    if "control" in effects or not effects:
        raise ValueError("effects must name at least one intervention, and none 'control'")
    names, values = ["control", *effects], np.array([0.0, *effects.values()])
    k = len(names)
    x = rng.standard_normal((3, n)).T
    m = x.sum(axis=1) / np.sqrt(3)
    strength = between(confounding, "confounding", 0, 1) / positive(overlap, "overlap")
    logits = strength * np.outer(m, rng.normal(size=k))
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    # The last sum may round to just below 1, and no draw may fall beyond it.
    chosen = np.minimum((p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), k - 1)
    direction = rng.normal(size=(3, k))
    direction *= heterogeneity / np.linalg.norm(direction, axis=0)
    direction[:, 0] = 0
    draws = between(noise, "noise", 0) * rng.standard_normal(n)
    y = (m + draws)[:, None] + values + x @ direction
    covariates = ("taste", "activity", "tenure")
    data = pd.DataFrame(x, columns=list(covariates), copy=False)
    data["intervention"] = np.array(names)[chosen]
    data["satisfaction"] = y[np.arange(n), chosen]
    hidden = pd.DataFrame(
        np.hstack([y, p]), columns=[f"{kind}_{a}" for kind in "yp" for a in names]
    )
    return World(data, "intervention", "satisfaction", covariates, dict(effects), hidden)
