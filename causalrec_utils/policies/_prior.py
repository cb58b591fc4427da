"""Meta-learned priors: what earlier tests teach about the click rates of a new test's arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks
from ..estimate import Estimate

PENALTIES = tuple(10.0**power for power in range(-1, 6))
LOWEST, HIGHEST = np.log(1e-3), np.log(1e7)  # of the concentration, on the log scale
FOLDS = 5


@dataclass(frozen=True)
class BetaPrior:
    r"""Click rates of a new arm: Beta with mean :math:`\sigma(c + x^\top w)`, one concentration.

    Introduced in section 5.2.3.

    Parameters
    ----------
    intercept : float
        c, on the logit scale.
    coefficients : array of shape (d,)
        w, for the features as they are given; empty without features.
    concentration : float
        Alpha plus beta: the number of impressions that the prior is worth.
    penalty : float
        Ridge penalty that was chosen; 0 without features.
    held_out : mapping of float to float
        For each penalty tried, the mean log-likelihood an arm of held-out tasks.
    estimates : tuple of Estimate
        Without features: the mean rate and the concentration with intervals (clustered by task).

    Examples
    --------
    >>> prior = BetaPrior(-3.0, np.array([0.5]), 50.0)
    >>> alpha, beta = prior.arms(np.array([[0.0], [2.0]]))
    >>> alpha.round(2).tolist(), (alpha + beta).round(2).tolist()
    ([2.37, 5.96], [50.0, 50.0])
    """

    intercept: float
    coefficients: np.ndarray
    concentration: float
    penalty: float = 0.0
    held_out: dict[float, float] | None = None
    estimates: tuple[Estimate, ...] = ()

    def arms(self, arms: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Alpha and beta of a new task's arms, for `BernoulliThompson`.

        Parameters
        ----------
        arms : int or array of shape (k, d)
            Number of arms, or their features if the prior was fitted with features.

        Returns
        -------
        alpha, beta : arrays of shape (k,)
        """
        from scipy.special import expit

        d = len(self.coefficients)
        if d:
            x = _features(arms, None)
            if x.shape[1] != d:
                raise ValueError(f"features must have {d} columns, got {x.shape[1]}")
            mean = expit(self.intercept + x @ self.coefficients)
        elif not isinstance(arms, int | np.integer):
            raise ValueError("the prior was fitted without features; give the number of arms")
        else:
            mean = np.full(arms, expit(self.intercept))
        return self.concentration * mean, self.concentration * (1 - mean)


def fit_beta_prior(
    successes: Any,
    trials: Any,
    *,
    features: Any = None,
    task: Any = None,
    penalties: Sequence[float] = PENALTIES,
    level: float = 0.95,
    seed: int | np.random.Generator = 0,
) -> BetaPrior:
    r"""Learn a Beta prior from the arms of earlier tasks, by maximum marginal likelihood.

    Arm i with :math:`n_i` trials has :math:`y_i \sim \mathrm{Binomial}(n_i, p_i)` successes and
    :math:`p_i \sim \mathrm{Beta}(\kappa m_i, \kappa(1-m_i))` with
    :math:`m_i = \sigma(c + x_i^\top w)`. The rates :math:`p_i` are integrated out (beta-binomial);
    c, w and :math:`\kappa` maximise the likelihood less :math:`\lambda |w|^2/2`, w in units of
    standardised features, with :math:`\lambda` chosen by held-out tasks. Introduced in
    section 5.2.3.

    Parameters
    ----------
    successes, trials : arrays of shape (n,)
        One value an arm: counts of clicks and of impressions, trials at least 1.
    features : array of shape (n, d), optional
        What is known of an arm before it is played, such as an embedding of its text.
    task : array of shape (n,), optional
        Test that the arm belongs to; by default each arm is a task of its own.
    penalties : sequence of float
        Candidates for :math:`\lambda`, above 0; used with features only.
    level : float
        Nominal coverage of the intervals.
    seed : int or numpy.random.Generator
        For the folds of tasks.

    Returns
    -------
    BetaPrior

    Raises
    ------
    ValueError
        If a count is negative or not whole, successes exceed trials, all arms have no success or
        nothing else, there are fewer than 2 tasks (5 with features), or a feature is not finite.

    Notes
    -----
    Empirical Bayes for a multi-task bandit. That a prior learned from earlier tasks lowers the
    regret of Thompson sampling in later ones: Kveton, Konobeev, Zaheer, Hsu, Mladenov, Boutilier
    and Szepesvari (2021), "Meta-Thompson sampling", ICML. It helps where later tasks come from the
    family of the earlier ones. If arms differ no more than chance makes them, the concentration
    ends at its upper bound of 1e7 and has no interval.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rate = rng.beta(2, 98, size=2000)
    >>> prior = fit_beta_prior(rng.binomial(500, rate), np.full(2000, 500))
    >>> [round(float(x[0]), 1) for x in prior.arms(1)]
    [2.0, 95.9]
    """
    from threadpoolctl import threadpool_limits

    y, n = _counts(successes, trials)
    _checks.level(level)
    groups = np.arange(len(y)) if task is None else _tasks(task, len(y))
    x = np.empty((len(y), 0)) if features is None else _features(features, len(y))
    if groups.max() < 1:
        raise ValueError("need at least 2 tasks")
    with threadpool_limits(1):  # the steps are small: threads would only wait for each other
        if not x.shape[1]:
            theta = _fit(y, n, x, 0.0)
            estimates = _intervals(theta, y, n, groups, level)
            kappa = float(np.exp(theta[1]))
            return BetaPrior(float(theta[0]), np.empty(0), kappa, estimates=estimates)
        held_out = _held_out(y, n, x, groups, penalties, np.random.default_rng(seed))
        best = max(held_out, key=held_out.__getitem__)
        centre, scale = _scaling(x)
        theta = _fit(y, n, (x - centre) / scale, best)
    w = theta[2:] / scale
    return BetaPrior(float(theta[0] - centre @ w), w, float(np.exp(theta[1])), best, held_out)


def _log_likelihood(
    theta: np.ndarray, y: np.ndarray, n: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each arm's log-likelihood (without the binomial factor), its gradient in logit and log κ."""
    from scipy.special import betaln, digamma, expit

    m, kappa = expit(theta[0] + x @ theta[2:]), np.exp(theta[1])
    m = np.clip(m, 1e-12, 1 - 1e-12)
    a, b = kappa * m, kappa * (1 - m)
    by_a = digamma(y + a) - digamma(a)
    by_b = digamma(n - y + b) - digamma(b)
    by_sum = digamma(n + kappa) - digamma(kappa)
    slope = np.column_stack(
        [kappa * m * (1 - m) * (by_a - by_b), a * by_a + b * by_b - kappa * by_sum]
    )
    return betaln(y + a, n - y + b) - betaln(a, b), slope


def _fit(
    y: np.ndarray, n: np.ndarray, x: np.ndarray, penalty: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Intercept, log concentration, coefficients."""
    from scipy.optimize import minimize
    from scipy.special import logit

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _log_likelihood(theta, y, n, x)
        w = theta[2:]
        grown = np.concatenate([slope.sum(axis=0), slope[:, 0] @ x - penalty * w])
        return (penalty * w @ w / 2 - value.sum()) / len(y), -grown / len(y)

    if start is None:
        mean = y.sum() / n.sum()
        start = np.zeros(2 + x.shape[1])
        start[:2] = logit(mean), -np.log(min(mean, 1 - mean))
    bounds = [(None, None), (LOWEST, HIGHEST), *[(None, None)] * x.shape[1]]
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    edge = found.x.copy()
    edge[1] = HIGHEST
    # Where arms do not differ the likelihood flattens out, and the search stops anywhere.
    return edge if loss(edge)[0] <= found.fun + 1e-9 else found.x


def _held_out(
    y: np.ndarray,
    n: np.ndarray,
    x: np.ndarray,
    groups: np.ndarray,
    penalties: Sequence[float],
    rng: np.random.Generator,
) -> dict[float, float]:
    """Mean log-likelihood an arm of held-out tasks, by penalty."""
    size = int(groups.max()) + 1
    if size < FOLDS:
        raise ValueError(f"features need at least {FOLDS} tasks, got {size}")
    tried = _checks.numeric(list(penalties), "penalties")
    _checks.within(tried, "penalties", 0, open_low=True)
    fold = rng.permutation(np.arange(size) % FOLDS)[groups]
    total = dict.fromkeys(tried.tolist(), 0.0)
    for k in range(FOLDS):
        train, test = fold != k, fold == k
        centre, scale = _scaling(x[train])
        z = (x - centre) / scale
        theta = None
        for penalty in sorted(total, reverse=True):  # each fit starts where the last one ended
            theta = _fit(y[train], n[train], z[train], penalty, theta)
            total[penalty] += _log_likelihood(theta, y[test], n[test], z[test])[0].sum()
    return {penalty: float(value / len(y)) for penalty, value in total.items()}


def _intervals(
    theta: np.ndarray, y: np.ndarray, n: np.ndarray, groups: np.ndarray, level: float
) -> tuple[Estimate, ...]:
    """Mean rate and concentration; sandwich variance, since the arms of a task go together."""
    from scipy.special import expit
    from scipy.stats import norm

    x = np.empty((len(y), 0))
    step = 1e-4
    bend = np.array(
        [
            _log_likelihood(theta + e, y, n, x)[1].sum(axis=0)
            - _log_likelihood(theta - e, y, n, x)[1].sum(axis=0)
            for e in step * np.eye(2)
        ]
    ) / (2 * step)
    slope = _log_likelihood(theta, y, n, x)[1]
    size = int(groups.max()) + 1
    by_task = np.column_stack([np.bincount(groups, s, size) for s in slope.T])
    meat = by_task.T @ by_task * size / (size - 1)
    if theta[1] == HIGHEST:  # all arms alike: the likelihood is flat in the concentration
        stderr = np.array([np.sqrt(meat[0, 0]) / abs(bend[0, 0]), np.nan])
    else:
        bread = np.linalg.inv(bend)
        stderr = np.sqrt(np.diag(bread @ meat @ bread.T))
    z = float(norm.ppf(0.5 + level / 2))
    low, high = theta - z * stderr, theta + z * stderr
    mean, kappa = float(expit(theta[0])), float(np.exp(theta[1]))

    def estimate(value: float, se: float, ends: np.ndarray, name: str) -> Estimate:
        ci = (float(ends[0]), float(ends[1]))
        return Estimate(value, float(se), ci, level, len(y), "beta-binomial likelihood", name)

    return (
        estimate(mean, mean * (1 - mean) * stderr[0], expit([low[0], high[0]]), "mean rate"),
        estimate(kappa, kappa * stderr[1], np.exp([low[1], high[1]]), "concentration"),
    )


def _scaling(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = x.std(axis=0)
    return x.mean(axis=0), np.where(scale > 0, scale, 1.0)


def _counts(successes: Any, trials: Any) -> tuple[np.ndarray, np.ndarray]:
    n = _checks.within(_checks.numeric(trials, "trials"), "trials", 1)
    y = _checks.within(_checks.numeric(successes, "successes", n=len(n)), "successes", 0)
    for name, values in (("trials", n), ("successes", y)):
        _checks.refuse(values != np.round(values), values, name, "must be whole numbers")
    _checks.refuse(y > n, y, "successes", "must not exceed trials")
    if not 0 < y.sum() < n.sum():
        raise ValueError("column 'successes': needs some successes and some failures")
    return y, n


def _tasks(task: Any, n: int) -> np.ndarray:
    codes = np.unique(_checks.no_missing(task, "task"), return_inverse=True)[1]
    return _checks.numeric(codes, "task", n=n).astype(int)


def _features(features: Any, n: int | None) -> np.ndarray:
    x = np.asarray(features, float)
    if x.ndim != 2 or (n is not None and len(x) != n):
        want = "(arms, d)" if n is None else f"({n}, d)"
        raise ValueError(f"features must have shape {want}, got {x.shape}")
    for j in np.flatnonzero(~np.isfinite(x).all(axis=0)):
        _checks.numeric(x[:, j], f"feature {j}")
    return x
