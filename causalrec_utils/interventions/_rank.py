"""`rank`: which intervention is best, and which may be, when many were looked at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import _checks
from ._candidates import Candidates

__all__ = ["rank"]

DRAWS = 20_000
BLOCK = 2_000  # draws held at once: pairs grow with the square of candidates


def rank(
    found: Candidates,
    *,
    level: float = 0.95,
    simultaneous: bool = True,
    seed: int | np.random.Generator = 0,
) -> pd.DataFrame:
    r"""Interventions from best to worst, with intervals that hold for all of them at once.

    Who picks the largest of k estimates picks luck too, and its own interval does not know that.
    Here the interval of each is :math:`\hat\tau_a \pm c\,s_a`, with c the quantile of
    :math:`\max_a |z_a|` for z normal with the estimates' correlations, so that all k hold their
    truth at once with probability ``level``. Ranks come from the same kind of bound over all
    pairs, control included. ``may_be_best`` keeps whatever no other beats by more than chance
    allows when it is itself the best; the best one stays with probability ``level``.

    Introduced in section 5.2.1.

    Parameters
    ----------
    found : Candidates
        Estimates and covariances.
    level : float
        Nominal coverage, jointly.
    simultaneous : bool
        False gives each interval alone (c is the normal quantile), and ranks and ``may_be_best``
        from pairs that are compared one at a time: too bold, for comparison.
    seed : int or numpy.random.Generator
        For the draws that give c.

    Returns
    -------
    pandas.DataFrame
        By intervention, best first: ``effect``, ``stderr``, ``low``, ``high``, ``rank_low``,
        ``rank_high`` (1 is best; control takes part), ``may_be_best``. Its
        ``attrs["control_may_be_best"]`` says the same of control: the set of possible winners is
        not complete without it.

    Notes
    -----
    Large samples. Hsu (1981), "Simultaneous confidence intervals for all distances from the
    'best'", Annals of Statistics, for the set; Mogstad, Romano, Shaikh, Wilhelm (2024),
    "Inference for ranks with applications to mobility across neighbourhoods and academic
    achievement across countries", Review of Economic Studies, for ranks.

    Examples
    --------
    >>> two = Candidates(("coupon", "shelf"), np.array([0.1, 0.9]), np.eye(2) / 100, 50, "A/B test")
    >>> rank(two)[["rank_low", "rank_high", "may_be_best"]].values.tolist()
    [[1, 1, True], [2, 3, False]]
    """
    from scipy.stats import norm

    _checks.level(level)
    rng = np.random.default_rng(seed)
    k = len(found.names)
    # Control joins as an effect of 0 without error.
    value = np.append(found.value, 0.0)
    covariance = np.zeros((k + 1, k + 1))
    covariance[:k, :k] = found.covariance
    apart = value - value[:, None]  # [a, b]: how far b is above a
    variance = np.diag(covariance) + np.diag(covariance)[:, None] - 2 * covariance
    scale = np.sqrt(np.maximum(variance, 0))
    np.fill_diagonal(scale, np.inf)
    if (scale <= 0).any():
        raise ValueError("two interventions have the same error: their difference is known exactly")
    if simultaneous:
        single, pair, above = _quantiles(found, scale, level, rng)
    else:
        single = pair = float(norm.isf((1 - level) / 2))
        above = np.full(k + 1, float(norm.isf(1 - level)))
    t = apart / scale
    better, worse = (t > pair).sum(axis=1), (t < -pair).sum(axis=1)
    possible = (t <= above[:, None]).all(axis=1)
    table = pd.DataFrame(
        {
            "effect": found.value,
            "stderr": found.stderr,
            "low": found.value - single * found.stderr,
            "high": found.value + single * found.stderr,
            "rank_low": 1 + better[:k],
            "rank_high": k + 1 - worse[:k],
            "may_be_best": possible[:k],
        },
        index=pd.Index(found.names, name="intervention"),
    )
    table = table.sort_values("effect", ascending=False, kind="stable")
    table.attrs["control_may_be_best"] = bool(possible[k])
    return table


def _quantiles(
    found: Candidates, scale: np.ndarray, level: float, rng: np.random.Generator
) -> tuple[float, float, np.ndarray]:
    """Of the largest |error| of a single one, of any pair, and of the others above each."""
    k = len(found.names)
    values, vectors = np.linalg.eigh(found.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    single, pair, above = [], [], []
    for _ in range(DRAWS // BLOCK):
        # Draws in the last axis: the maxima then run over whole rows, several times as fast.
        errors = np.zeros((k + 1, BLOCK))
        errors[:k] = (rng.normal(size=(BLOCK, k)) @ root.T).T
        t = (errors[None, :] - errors[:, None]) / scale[:, :, None]
        single.append(np.abs(errors[:k] / found.stderr[:, None]).max(axis=0))
        above.append(t.max(axis=1))
        pair.append(above[-1].max(axis=0))  # each pair is there in both directions
    c, p = (float(np.quantile(np.concatenate(draws), level)) for draws in (single, pair))
    return c, p, np.quantile(np.concatenate(above, axis=1), level, axis=1)
