"""Observational impressions: what is shown depends on what would have been liked anyway."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from .. import _checks
from ._world import (
    Seed,
    World,
    among,
    between,
    count,
    expose,
    exposure_logit,
    probit_effect,
    respond,
)

__all__ = ["confounded", "ihdp"]

# fmt: off
IHDP = [
    "bw", "b.head", "preterm", "birth.o", "nnhealth", "momage", "sex", "twin", "b.marr", "mom.lths",
    "mom.hs", "mom.scoll", "cig", "first", "booze", "drugs", "work.dur", "prenatal", "site1",
    "site2", "site3", "site4", "site5", "site6", "site7",
]
# fmt: on
FORMS = ("linear", "nonlinear")
Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _index(taste: np.ndarray, quality: np.ndarray, form: str) -> np.ndarray:
    """Mean 0 and variance 1 under standard normal taste and quality, in both forms."""
    if form == "linear":
        return (taste + quality) / math.sqrt(2)
    square = (quality**2 - 1) / math.sqrt(2)
    return (taste + quality + taste * quality + square) / 2


def _modifier(taste: np.ndarray, quality: np.ndarray, form: str) -> np.ndarray:
    if form == "linear":
        return (taste + quality) / math.sqrt(2)
    return np.tanh(2 * taste) * (1 + quality / 2)


def _normal_mean(f: Surface, taste_mean: float) -> float:
    """Expectation of f(taste, quality) by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(128)
    weights = weights / weights.sum()
    return float(weights @ f((nodes + taste_mean)[:, None], nodes[None, :]) @ weights)


def confounded(
    n: int,
    *,
    effect: float = 0.5,
    heterogeneity: float = 0.5,
    confounding: float = 0.7,
    overlap: float = 1.0,
    hidden: float = 0.0,
    outcome: str = "continuous",
    outcome_model: str = "linear",
    propensity_model: str = "linear",
    p: int = 5,
    baseline: float = 0.0,
    noise: float = 1.0,
    taste_mean: float = 0.0,
    seed: Seed,
) -> World:
    r"""Impressions that a recommender chose: taste and quality drive both exposure and outcome.

    .. math::

        m &= \sqrt{1 - h^2}\,(\sqrt{0.7}\,g(\text{taste}, \text{quality}) + \sqrt{0.3}\,r) + h u\\
        e &= \text{expit}\big((c\,m + \sqrt{1 - c^2}\,\text{placement}) / \text{overlap}\big),
             \quad T \sim \text{Bernoulli}(e)\\
        \tau &= \text{effect} + \text{heterogeneity} \cdot k(\text{taste}, \text{quality}),
             \quad Y(t) = \text{baseline} + m + t\,\tau + \text{noise} \cdot \epsilon

    All covariates, u and :math:`\epsilon` are independent standard normal (taste has mean
    ``taste_mean``); r is a weighted sum of the covariates ``x3``, ``x4`` ... and m, e have
    their own g. Linear: g = k = (taste + quality)/√2. Nonlinear:
    g = (taste + quality + taste·quality + (quality² − 1)/√2)/2, k = tanh(2 taste)(1 + quality/2).
    A binary outcome is 1 where the continuous one, with noise 1, is above 0 (a probit model).

    Introduced in section 2.1.

    Parameters
    ----------
    n : int
        Impressions.
    effect, heterogeneity : float
        The effect at the average user and item, and how much it varies; on the probit scale for a
        binary outcome.
    confounding : float
        c in [0, 1]: how far exposure follows m. At 0 it follows ``placement`` alone, which has no
        bearing on the outcome, and the difference in means is unbiased.
    overlap : float
        Above 0. Small values push propensities to 0 and 1; ``inf`` is a fair coin.
    hidden : float
        h in [0, 1]: weight of the confounder u that is not in the data.
    outcome : {"continuous", "binary"}
        Column ``satisfaction``, or column ``clicked``.
    outcome_model, propensity_model : {"linear", "nonlinear"}
        Form of g in the outcome (with k), and in the propensity.
    p : int
        Covariates in the data, at least 3: taste, quality, ``x3`` ..., and placement.
    baseline, noise : float
        Intercept, and standard deviation of the noise.
    taste_mean : float
        Mean of taste: another population, to which effects may have to be transported.
    seed : int or Generator
        Seed of all draws.

    Returns
    -------
    World
        ``ate`` is the population's, by quadrature; ``att`` that of the treated rows. ``cate`` is
        given the observed covariates, ``propensity`` given these and ``hidden["u"]``.

    Raises
    ------
    ValueError
        If an option is outside its range.

    Examples
    --------
    >>> world = confounded(50_000, effect=0.5, confounding=0.7, seed=1)
    >>> by_arm = world.data.groupby("shown")["satisfaction"].mean()
    >>> print(f"naive {by_arm[1] - by_arm[0]:.1f}, true {world.ate:.1f}")
    naive 1.2, true 0.5
    """
    count(n, "n"), count(p, "p", 3)
    binary = _checks.choice(outcome, "outcome", ("continuous", "binary")) == "binary"
    _checks.choice(outcome_model, "outcome_model", FORMS)
    _checks.choice(propensity_model, "propensity_model", FORMS)
    h = between(hidden, "hidden", 0, 1)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((p, n)).T  # by column, as pandas keeps it
    x[:, 0] += taste_mean
    names = ("taste", "quality", *(f"x{j}" for j in range(3, p)), "placement")
    taste, quality, placement = x[:, 0], x[:, 1], x[:, -1]
    weights = 1 / np.arange(1, p - 2)
    rest = x[:, 2:-1] @ (weights / np.linalg.norm(weights)) if p > 3 else np.zeros(n)
    share = 0.7 if p > 3 else 1.0
    u = rng.standard_normal(n)
    seen = math.sqrt(1 - h * h)

    def level(index: np.ndarray) -> np.ndarray:
        return seen * (math.sqrt(share) * index + math.sqrt(1 - share) * rest)

    score = level(_index(taste, quality, propensity_model)) + h * u
    propensity, shown = expose(rng, exposure_logit(score, placement, confounding, overlap))
    mean = baseline + level(_index(taste, quality, outcome_model))
    tau = effect + heterogeneity * _modifier(taste, quality, outcome_model)
    y0, y1 = respond(rng, mean + h * u, tau, binary, noise)
    cate = probit_effect(mean, tau, h * h) if binary else tau

    def population(t: np.ndarray, q: np.ndarray) -> np.ndarray:
        k = effect + heterogeneity * _modifier(t, q, outcome_model)
        if not binary:
            return k
        known = baseline + seen * math.sqrt(share) * _index(t, q, outcome_model)
        return probit_effect(known, k, h * h + seen**2 * (1 - share))

    data = pd.DataFrame(x, columns=list(names), copy=False)
    column = "clicked" if binary else "satisfaction"
    data["shown"], data[column] = shown, np.where(shown, y1, y0)
    of_row = probit_effect(mean + h * u, tau) if binary else tau
    truth = {"ate": _normal_mean(population, taste_mean), "att": among(of_row, shown)}
    unseen = pd.DataFrame({"y0": y0, "y1": y1, "cate": cate, "propensity": propensity, "u": u})
    return World(data, "shown", column, names, truth, unseen)


def ihdp(*, seed: int) -> World:
    r"""Real infants and a real programme, simulated test scores: Hill's response surface B.

    .. math:: Y(0) = e^{(X + W)\beta} + \epsilon, \quad Y(1) = X\beta - \omega + \epsilon

    with random :math:`\beta`, and :math:`\omega` such that the treated gain 4 on average. The 747
    children and their covariates are those of the Infant Health and Development Program; dropping
    the treated children of non-white mothers made exposure unbalanced.

    Introduced in section 5.2.2.

    Parameters
    ----------
    seed : int
        Draws the coefficients and the noise; the children stay the same.

    Returns
    -------
    World
        Effects are those of these 747 children. No propensity is known.

    Notes
    -----
    Data generator and covariates: econml. Source: Hill, "Bayesian nonparametric modeling for causal
    inference", Journal of Computational and Graphical Statistics 20(1), 2011.

    Examples
    --------
    >>> world = ihdp(seed=0)
    >>> len(world.data), len(world.confounders), round(world.att, 6)
    (747, 25, 4.0)
    """
    from econml.data.dgps import ihdp_surface_B

    outcome, treated, x, effect = ihdp_surface_B(random_state=seed)
    data = pd.DataFrame(x[:, 1:], columns=IHDP)  # the first column is the intercept
    data["treated"], data["score"] = treated.astype(int), outcome
    y0 = outcome - treated * effect
    hidden = pd.DataFrame({"y0": y0, "y1": y0 + effect, "cate": effect})
    truth = {"ate": float(effect.mean()), "att": among(effect, treated)}
    return World(data, "treated", "score", tuple(IHDP), truth, hidden)
