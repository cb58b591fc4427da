"""`choose` what to ship now, and `value_of_experiment`: whether to find out more first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from .. import _checks
from ._candidates import Candidates

__all__ = ["choose", "value_of_experiment"]

Prior = tuple[float, float] | Mapping[str, tuple[float, float]]


def choose(
    found: Candidates,
    *,
    costs: Mapping[str, float] | None = None,
    prior: Prior | None = None,
    draws: int = 20_000,
    seed: int | np.random.Generator = 0,
) -> pd.DataFrame:
    r"""Interventions by expected net benefit, with the chance and the price of being wrong.

    Effects are believed to be normal around the estimates :math:`\hat\tau` with covariance
    :math:`\Sigma`. With a prior :math:`N(m_a, s_a^2)` for each they are pulled towards it, which is
    what makes the largest of many believable:

    .. math::
        E[\tau \mid \hat\tau] = m + S (S + \Sigma)^{-1} (\hat\tau - m), \qquad S = \text{diag}(s^2)

    Doing nothing is one of the choices.

    Introduced in section 5.2.1.

    Parameters
    ----------
    found : Candidates
        Estimates and covariances.
    costs : mapping of str to float, optional
        Cost a unit, in units of the outcome; 0 for whatever is not named.
    prior : (float, float) or mapping of str to (float, float), optional
        Mean and standard deviation (above 0) of effects before any data: one pair for all, or a
        pair for each by name, as from a model of their texts. None: flat.
    draws : int
        From the belief.
    seed : int or numpy.random.Generator
        For them.

    Returns
    -------
    pandas.DataFrame
        By choice (``do nothing`` among them), best first: ``net`` benefit expected a unit,
        ``stderr`` of it, ``p_best``, and ``expected_loss``: how much a unit one expects to lose to
        the choice that is truly best.

    Raises
    ------
    ValueError
        If costs name an intervention that is not there or are not finite; if a prior leaves out an
        intervention, names another, is not finite, or has a standard deviation not above 0.

    Examples
    --------
    >>> two = Candidates(("coupon", "shelf"), np.array([0.5, 0.3]), np.eye(2) / 100, 50, "A/B test")
    >>> choose(two, costs={"coupon": 0.4}).index.tolist()
    ['shelf', 'coupon', 'do nothing']
    >>> choose(two, prior={"coupon": (0.0, 0.1), "shelf": (0.3, 0.1)})["net"].round(2).to_dict()
    {'shelf': 0.3, 'coupon': 0.25, 'do nothing': 0.0}
    """
    mean, covariance = belief(found, costs, prior)
    rng = np.random.default_rng(seed)
    net = np.column_stack([_normal(mean, covariance, draws, rng), np.zeros(draws)])
    best = net.max(axis=1)
    expected = np.append(mean, 0.0)
    winner = np.bincount(net.argmax(axis=1), minlength=net.shape[1]) / draws
    return pd.DataFrame(
        {
            "net": expected,
            "stderr": np.append(np.sqrt(np.diag(covariance)), 0.0),
            "p_best": winner,
            "expected_loss": best.mean() - net.mean(axis=0),
        },
        index=pd.Index([*found.names, "do nothing"], name="choice"),
    ).sort_values("net", ascending=False, kind="stable")


def value_of_experiment(
    found: Candidates,
    sizes: Sequence[int],
    *,
    noise: float,
    units: int,
    costs: Mapping[str, float] | None = None,
    fixed_cost: float = 0.0,
    prior: Prior | None = None,
    draws: int = 20_000,
    seed: int | np.random.Generator = 0,
) -> pd.DataFrame:
    r"""What running an experiment first is worth, beside acting now on what is believed.

    Acting now gives :math:`N \max(0, \max_a m_a)` to N units, with m the expected net benefits. An
    experiment with n units an arm, control too, gives these units what their arm gives, and the
    other :math:`N - n(k+1)` the choice that looks best afterwards:

    .. math::
        n \sum_a m_a + (N - n(k+1))\, E[\max(0, \max_a M_a)] - \text{fixed cost},
        \qquad M \sim N\big(m,\ \Sigma (\Sigma + \Omega)^{-1} \Sigma\big)

    M is the belief after the data, as it is known before them; :math:`\Sigma` is the covariance
    of the present belief and :math:`\Omega` that of the experiment's estimates.

    Introduced in section 5.2.1.

    Parameters
    ----------
    found : Candidates
        What is known now.
    sizes : sequence of int
        Units an arm to consider, at least 1 each.
    noise : float
        Standard deviation of the outcome in an arm, above 0.
    units : int
        All units that the decision is for, those of the experiment included.
    costs, prior, draws, seed
        As for `choose`.
    fixed_cost : float
        Of running an experiment at all, in units of the outcome.

    Returns
    -------
    pandas.DataFrame
        By size: ``act_now`` and ``experiment_first`` (expected totals), ``gain`` between them and
        its Monte Carlo error ``stderr``. The last row, size ``inf``, knows the truth for free: no
        experiment can gain more.

    Raises
    ------
    ValueError
        If a size needs more units than there are, or ``noise`` is not above 0; and as `choose`.

    Notes
    -----
    Raiffa, Schlaifer (1961), "Applied statistical decision theory". Effects in the experiment are
    taken to be those of later users too.

    Examples
    --------
    >>> one = Candidates(("shelf",), np.array([0.0]), np.array([[1.0]]), 50, "A/B test")
    >>> value_of_experiment(one, [100], noise=1.0, units=10_000)["gain"].round(-2).tolist()
    [3900.0, 4000.0]
    """
    if not noise > 0:
        raise ValueError(f"noise must be above 0, got {noise}")
    k = len(found.names)
    for n in sizes:
        if n < 1 or n * (k + 1) > units:
            raise ValueError(
                f"{n} units in each of {k + 1} arms need {n * (k + 1)} of the {units} units, and "
                "an arm needs one at least"
            )
    mean, covariance = belief(found, costs, prior)
    rng = np.random.default_rng(seed)
    now = units * max(0.0, mean.max())
    standard = rng.normal(size=(draws // 2, k))
    standard = np.vstack([standard, -standard])  # in pairs: the mean is then exact
    rows = {}
    for size in [*map(float, sizes), np.inf]:
        omega = noise**2 / size * (np.eye(k) + 1)
        known = covariance @ np.linalg.solve(covariance + omega, covariance)
        after = mean + standard @ _root(known).T
        value = np.maximum(after.max(axis=1), 0.0)
        pairs = (value[: draws // 2] + value[draws // 2 :]) / 2
        spent = 0.0 if size == np.inf else size
        rest = units - spent * (k + 1)
        first = spent * mean.sum() + rest * value.mean() - (fixed_cost if spent else 0.0)
        rows[size] = [now, first, first - now, rest * pairs.std(ddof=1) / np.sqrt(len(pairs))]
    columns = ["act_now", "experiment_first", "gain", "stderr"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.rename_axis("size")


def belief(
    found: Candidates,
    costs: Mapping[str, float] | None,
    prior: Prior | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of net benefits."""
    paid = dict(costs or {})
    for name, cost in paid.items():
        _checks.choice(name, "costs", found.names)
        if not np.isfinite(cost):
            raise ValueError(f"costs must be finite, got {cost} for {name!r}")
    mean, covariance = np.asarray(found.value, float), np.asarray(found.covariance, float)
    if prior is not None:
        each = prior if isinstance(prior, Mapping) else dict.fromkeys(found.names, prior)
        if set(each) != set(found.names):
            raise ValueError(
                f"prior must name exactly {', '.join(found.names)}; got {', '.join(each)}"
            )
        for name, (centre, spread) in each.items():
            if not (np.isfinite(centre) and 0 < spread < np.inf):
                raise ValueError(
                    f"prior of {name!r}: its mean must be finite and its standard deviation above "
                    f"0, got {(centre, spread)}"
                )
        centre, spread = np.array([each[name] for name in found.names], float).T
        wide = np.diag(spread**2)
        gain = np.linalg.solve(covariance + wide, wide).T
        mean = centre + gain @ (mean - centre)
        covariance = wide - gain @ wide
    return mean - [paid.get(name, 0.0) for name in found.names], covariance


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return vectors * np.sqrt(np.maximum(values, 0))


def _normal(
    mean: np.ndarray, covariance: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    return mean + rng.normal(size=(draws, len(mean))) @ _root(covariance).T
