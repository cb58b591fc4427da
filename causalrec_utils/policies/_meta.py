"""Gradient-based meta-learning: a start from which a few steps on a new task's data lead far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ._prior import _counts, _features, _tasks
from ._tasks import _blocks

__all__ = ["MetaPrior", "fit_meta_prior"]


@dataclass(frozen=True)
class MetaPrior:
    r"""A small network whose last layer takes a few gradient steps in each new task.

    .. math::

        \phi(x) = (1, \tanh(Wx + b)), \qquad
        m_a(\delta) = \sigma\big(\phi(x_a)^\top (u + \delta)\big), \qquad
        p_a \mid \delta \sim \mathrm{Beta}(\kappa m_a(\delta), \kappa (1 - m_a(\delta)))

    All arms of a task share :math:`\delta`. It starts at 0 and takes ``steps`` gradient steps on
    the task's counts so far. Their loss is
    :math:`-\sum_a c_a\, \ell_a(\delta) + \tfrac12 \sum_j \tau_j \delta_j^2`, where
    :math:`\ell_a` is the binomial log-likelihood of arm a and
    :math:`c_a = (\kappa+1)/(\kappa+n_a)` counts many trials of one arm for less, since an arm is
    one draw from the task's family (with it, :math:`\ell_a` has the variance of the beta-binomial).
    The step in coordinate j is a learned rate over the curvature,
    :math:`\rho / h_j` with :math:`h_j = \tau_j + \sum_a c_a n_a m_a (1 - m_a) \phi_j(x_a)^2`.

    What remains uncertain is drawn: :math:`\delta \sim N(\hat\delta, \mathrm{diag}(1/h))`. That
    :math:`\delta` was learned from all arms, and an arm's own counts are added to its Beta, is no
    double use: the posterior of all rates is
    :math:`p(\delta \mid y) \prod_a p(p_a \mid \delta, y_a)`. Introduced in section 5.2.3.

    Parameters
    ----------
    body : array of shape (h, d + 1)
        W and, last, b, for the features as they are given; h = 0 without features.
    head : array of shape (h + 1,)
        u; the first is the intercept, on the logit scale.
    precision : array of shape (h + 1,)
        :math:`\tau`: one over the variance of :math:`\delta` between tasks.
    concentration : float
        :math:`\kappa`: the number of trials that the prior of an arm is worth, its task known.
    rate : float
        :math:`\rho`, above 0 and at most 1.
    steps : int
        Gradient steps in a new task; 0 for no adaptation.
    held_out : float
        Mean log-likelihood an arm of tasks that were held out of training.

    Examples
    --------
    >>> prior = MetaPrior(np.empty((0, 1)), np.array([-3.0]), np.array([4.0]), 100.0)
    >>> alpha, beta = prior.arms(2)
    >>> alpha.round(2).tolist()
    [4.74, 4.74]
    >>> alpha, beta = prior.arms(2, successes=[0, 60], trials=[0, 600])
    >>> alpha.round(2).tolist()  # one arm did well: so may the other
    [7.65, 7.65]
    """

    body: np.ndarray
    head: np.ndarray
    precision: np.ndarray
    concentration: float
    rate: float = 1.0
    steps: int = 3
    held_out: float = float("nan")

    def arms(
        self,
        arms: int | np.ndarray,
        successes: Any = None,
        trials: Any = None,
        *,
        draws: int | None = None,
        seed: int | np.random.Generator = 0,
    ) -> tuple[np.ndarray, np.ndarray]:
        r"""Alpha and beta of a task's arms, given what all arms of the task have shown.

        Add an arm's own successes and failures for its posterior.

        Parameters
        ----------
        arms : int or array of shape (..., k, d)
            Number of arms, or their features if the prior was fitted with features. Leading
            dimensions are tasks.
        successes, trials : arrays of shape (..., k), optional
            Counts so far; none by default.
        draws : int, optional
            Draw this many :math:`\delta`, as an honest posterior needs; by default the best guess.
        seed : int or numpy.random.Generator
            For them.

        Returns
        -------
        alpha, beta : arrays of shape (..., k), or (draws, ..., k)

        Raises
        ------
        ValueError
            If features do not have the shape that the prior was fitted with.
        """
        from scipy.special import expit

        phi = self.represent(arms)
        zero = np.zeros(phi.shape[:-1])
        y, n = (zero if z is None else np.asarray(z, float) for z in (successes, trials))
        c = (self.concentration + 1) / (self.concentration + n)
        base, y, n = phi @ self.head, c * y, c * n
        delta, bend = np.zeros((*y.shape[:-1], len(self.head))), self.precision
        for step in range(self.steps + 1):
            m = expit(base + (delta[..., None, :] * phi).sum(axis=-1))
            bend = self.precision + ((n * m * (1 - m))[..., None] * phi**2).sum(axis=-2)
            if step < self.steps:
                slope = ((n * m - y)[..., None] * phi).sum(axis=-2) + self.precision * delta
                delta = delta - self.rate * slope / bend
        if draws is not None:
            noise = np.random.default_rng(seed).normal(size=(draws, *delta.shape))
            delta = delta + noise / np.sqrt(bend if self.steps else self.precision)
        mean = expit(base + (delta[..., None, :] * phi).sum(axis=-1))
        return self.concentration * mean, self.concentration * (1 - mean)

    def represent(self, arms: int | np.ndarray) -> np.ndarray:
        """What the body makes of the arms, a leading 1 included, shape (..., k, h + 1)."""
        hidden, d = len(self.body), self.body.shape[1] - 1
        if not hidden:
            if not isinstance(arms, int | np.integer):
                raise ValueError("the prior was fitted without features; give the number of arms")
            return np.ones((arms, 1))
        x = np.asarray(arms, float)
        if x.ndim < 2 or x.shape[-1] != d:
            raise ValueError(f"features must have shape (..., k, {d}), got {x.shape}")
        out = np.tanh(x @ self.body[:, :-1].T + self.body[:, -1])
        return np.concatenate([np.ones((*x.shape[:-1], 1)), out], axis=-1)

    def state(self) -> dict[str, Any]:
        """All that the prior is, in plain numbers and lists; `from_state` restores it."""
        parts = asdict(self)
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in parts.items()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> MetaPrior:
        """The prior whose ``state()`` this is, also after a way through JSON.

        Parameters
        ----------
        state : mapping
            As ``state()`` gave it.

        Returns
        -------
        MetaPrior

        Raises
        ------
        ValueError
            If a part has the wrong shape or is not finite.
        """
        parts = dict(state)
        head, precision, body = (
            np.asarray(parts[name], float) for name in ("head", "precision", "body")
        )
        if not body.size:
            body = np.empty((0, 1))  # no rows: a list has lost their length
        if body.ndim != 2 or not np.isfinite(body).all():
            raise ValueError(f"body must be finite numbers of shape (h, d + 1), got {body.shape}")
        shape = (len(body) + 1,)
        for name, x in (("head", head), ("precision", precision)):
            if x.shape != shape or not np.isfinite(x).all():
                raise ValueError(f"{name} must be finite numbers of shape {shape}")
        for name in ("concentration", "rate"):
            if not np.isfinite(parts[name]):
                raise ValueError(f"{name} must be finite, got {parts[name]}")
        return cls(**parts | {"head": head, "body": body, "precision": precision})


def fit_meta_prior(
    successes: Any,
    trials: Any,
    *,
    task: Any,
    features: Any = None,
    hidden: int = 8,
    steps: int = 3,
    penalty: float = 1e-2,
    iterations: int = 300,
    seed: int = 0,
) -> MetaPrior:
    r"""Learn, over many tasks, the start and the step sizes from which a few steps do best.

    Each task's trials are split at random: a part *s* (none at times, never more than half) stands
    for what a bandit has seen, the rest *q* for its future. The outer loss is that of the future,

    .. math:: -\frac1{|A|}\sum_a \log \int \mathrm{BetaBin}\big(y^q_a;\ n^q_a,\
              \kappa m_a(\delta) + y^s_a,\ \kappa(1 - m_a(\delta)) + n^s_a - y^s_a\big)\,
              N(\delta; \hat\delta^s, \mathrm{diag}(1/h^s))\, d\delta

    with :math:`\hat\delta^s` after the inner steps of `MetaPrior` on the part s, and the integral
    by Gauss-Hermite quadrature. It is differentiated *through* these steps, second derivatives
    included, with respect to body, head, precisions, concentration and rate. A fifth of the tasks
    is held out; the start that does best on them is kept. Introduced in section 5.2.3.

    Parameters
    ----------
    successes, trials : arrays of shape (n,)
        One value an arm; trials at least 1.
    task : array of shape (n,)
        Test that the arm belongs to.
    features : array of shape (n, d), optional
        What is known of an arm before it is played.
    hidden : int
        h, width of the body; ignored without features.
    steps : int
        Inner gradient steps; 0 learns a prior that does not adapt.
    penalty : float
        Of the sum of squares of body and head (intercept apart), for standardised features.
    iterations : int
        Steps of the outer optimiser (Adam), each on at most 128 tasks.
    seed : int
        For initial weights, splits and batches. On one machine the same seed gives the same prior.

    Returns
    -------
    MetaPrior

    Raises
    ------
    ValueError
        If a count is negative or not whole, successes exceed trials, there are fewer than 5 tasks,
        or a feature is not finite; steps or penalty negative, hidden or iterations below 1.

    Notes
    -----
    Finn, Abbeel and Levine (2017), "Model-agnostic meta-learning", ICML; Raghu, Raghu, Bengio and
    Vinyals (2020), "Rapid learning or feature reuse?", ICLR, for adapting the last layer only;
    Li, Zhou, Chen and Li (2017), "Meta-SGD", for learned step sizes; Grant et al. (2018),
    "Recasting gradient-based meta-learning as hierarchical Bayes", ICLR, for why a few steps from
    a learned start act like a prior.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rate = np.repeat(rng.beta(4, 76, size=200), 3)  # the arms of a task are alike
    >>> clicks = rng.binomial(500, rate)
    >>> prior = fit_meta_prior(clicks, np.full(600, 500), task=np.repeat(np.arange(200), 3))
    >>> alpha, beta = prior.arms(2, successes=[0, 60], trials=[0, 600])
    >>> bool(0.06 < (alpha / (alpha + beta))[0] < 0.11)
    True
    """
    y, n = _counts(successes, trials)
    groups = _tasks(task, len(y))
    if groups.max() < 4:
        raise ValueError(f"need at least 5 tasks, got {groups.max() + 1}")
    x = np.empty((len(y), 0)) if features is None else _features(features, len(y))
    for name, count in (("hidden", hidden), ("iterations", iterations)):
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    for name, value in (("steps", steps), ("penalty", penalty)):
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    centre, scale = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    from . import _meta_torch

    start = (y.sum() / n.sum(), hidden if x.shape[1] else 0, steps)
    z = (x - centre) / scale
    best = _meta_torch.train(y, n, z, _blocks(groups), start, penalty, iterations, seed)
    body = best.pop("body")
    w = body[:, :-1] / scale
    shifted = np.column_stack([w, body[:, -1] - w @ centre])
    return MetaPrior(shifted, steps=steps, **best)
