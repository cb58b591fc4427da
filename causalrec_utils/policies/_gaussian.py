"""Policies for rewards of any size: softmax, Thompson sampling with Gaussian and linear models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import _checks
from ._base import Learner, MeanLearner, check_context
from ._choose import draw_largest
from ._linear import add_moments, check_gram, posteriors
from ._quadrature import Normals, largest_probability


class Softmax(MeanLearner):
    r"""Boltzmann exploration: actions in proportion to :math:`\exp(\hat\mu_a/\tau)`.

    Here :math:`\hat\mu_a` is the mean reward of action a so far and :math:`\tau` the temperature,
    in units of the reward. Actions never tried come first, evenly. Introduced in section 3.1.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.
    temperature : float
        Above 0; the higher, the more even.

    Raises
    ------
    ValueError
        If the temperature is not above 0, or a reward is not a finite number.

    Notes
    -----
    Sutton and Barto (2018), "Reinforcement learning: an introduction", section 2.8, for the rule.

    Examples
    --------
    >>> policy = Softmax(["a", "b"], temperature=0.5)
    >>> policy.update(["a", "b"], [1, 0])
    >>> policy.prob(["a", "b"]).round(3).tolist()
    [0.881, 0.119]
    """

    _options = ("temperature",)

    def __init__(self, actions: Sequence[Any], *, temperature: float) -> None:
        super().__init__(actions)
        self.temperature = positive(temperature, "temperature")

    def _probabilities(self) -> np.ndarray:
        never = self.count == 0
        if never.any():
            return never / never.sum()
        mean = self.total / self.count
        odds = np.exp((mean - mean.max()) / self.temperature)
        return odds / odds.sum()


class GaussianThompson(MeanLearner):
    r"""Thompson sampling for rewards with Gaussian noise: draw each mean, play the largest.

    After n rewards that add up to s, the posterior of an action's mean is Gaussian with precision
    :math:`1/\mathrm{sd}^2 + n/\mathrm{noise}^2` and mean
    :math:`(\mathrm{mean}/\mathrm{sd}^2 + s/\mathrm{noise}^2)` over that precision. Probabilities
    are computed by quadrature, never by simulation. Introduced in section 3.1.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.
    mean, sd : float or array of shape (k,)
        Prior of each action's mean reward, in units of the reward; sd above 0.
    noise : float
        Standard deviation of a reward around its mean, taken as known; above 0.

    Raises
    ------
    ValueError
        If sd or noise is not above 0, or a reward is not a finite number.

    Notes
    -----
    Thompson (1933), "On the likelihood that one unknown probability exceeds another in view of the
    evidence of two samples", Biometrika; Agrawal and Goyal (2013), "Further optimal regret bounds
    for Thompson sampling", AISTATS, for Gaussian priors. Probabilities are exact to about 1e-7
    unless one posterior is over 50 times narrower than another; then to 4e-4.

    Examples
    --------
    >>> policy = GaussianThompson(["a", "b"], mean=0.0, sd=1.0, noise=1.0)
    >>> policy.update(["a"] * 8, [0.5] * 8)
    >>> policy.prob(["a", "b"]).round(3).tolist()
    [0.663, 0.337]
    """

    _options = ("mean", "sd", "noise")

    def __init__(
        self, actions: Sequence[Any], *, mean: Any = 0.0, sd: Any = 1.0, noise: float = 1.0
    ) -> None:
        super().__init__(actions)
        k = len(self.actions)
        self.mean = _checks.numeric(np.array(np.broadcast_to(mean, k), float), "mean")
        self.sd = _checks.numeric(np.array(np.broadcast_to(sd, k), float), "sd")
        _checks.within(self.sd, "sd", 0, open_low=True)
        self.noise = positive(noise, "noise")

    def posterior(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each action's mean reward, shapes (k,)."""
        precision = 1 / self.sd**2 + self.count / self.noise**2
        mean = (self.mean / self.sd**2 + self.total / self.noise**2) / precision
        return mean, 1 / np.sqrt(precision)

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        asked, inverse = np.unique(self.rows_of(actions), return_inverse=True)
        means, sds = self.posterior()

        def normals(among: np.ndarray) -> Normals:
            one = np.ones(len(among))
            return ((m * one, s * one) for m, s in zip(means, sds, strict=True))

        return largest_probability(normals, asked)[inverse]

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        pairs = zip(*self.posterior(), strict=True)
        return draw_largest((m + s * rng.standard_normal(n) for m, s in pairs), n)


class LinearThompson(Learner):
    r"""Thompson sampling with a Bayesian linear regression for each action.

    The reward of action a in context x is :math:`x^\top\theta_a` plus Gaussian noise, and
    :math:`\theta_a \sim N(0, \mathrm{prior\_sd}^2 I)` before any data. Each row draws its own
    :math:`\theta_a` from the posterior and plays the action with the largest
    :math:`x^\top\theta_a`. Probabilities are computed by quadrature on the logged action, with a
    running product over the others. Introduced in section 3.1.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.
    dim : int
        Length d of the context; include a constant feature.
    prior_sd : float
        Prior standard deviation of each coefficient, above 0.
    noise : float
        Standard deviation of a reward around its mean, taken as known; above 0.

    Raises
    ------
    ValueError
        If prior_sd or noise is not above 0, or the context has another shape, a missing value or
        a row of zeros.

    Notes
    -----
    Agrawal and Goyal (2013), "Thompson sampling for contextual bandits with linear payoffs", ICML;
    there all actions share one coefficient vector, here each has its own, as in LinUCB (Li, Chu,
    Langford and Schapire, 2010). Accuracy of probabilities: see `GaussianThompson`. Memory of
    ``prob`` grows neither with the number of actions nor, beyond the result, with that of rows.

    Examples
    --------
    >>> policy = LinearThompson(["a", "b"], dim=1)
    >>> policy.update(["a"] * 8, [0.5] * 8, context=np.ones((8, 1)))
    >>> policy.prob(["a", "b"], context=np.ones((2, 1))).round(3).tolist()
    [0.663, 0.337]
    """

    _options = ("dim", "prior_sd", "noise")
    _learned = ("gram", "moment")

    def __init__(
        self, actions: Sequence[Any], *, dim: int, prior_sd: float = 1.0, noise: float = 1.0
    ) -> None:
        super().__init__(actions)
        self.dim = dim
        self.prior_sd, self.noise = positive(prior_sd, "prior_sd"), positive(noise, "noise")
        # In units of the noise, so that the sums are those of LinUCB.
        self.gram = np.tile(np.eye(dim) * (noise / prior_sd) ** 2, (len(self.actions), 1, 1))
        self.moment = np.zeros((len(self.actions), dim))

    def _context(self, context: np.ndarray | None, n: int) -> np.ndarray:
        x = check_context(context, n, self.dim)
        # Every action's draw would be exactly 0 there.
        _checks.refuse(
            (x == 0).all(axis=1), x, "context", "must not be 0 throughout; add a constant"
        )
        return x

    def _normals(self, x: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for mean, width in posteriors(self.gram, self.moment, x):
            yield mean, self.noise * width

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        rows = self.rows_of(actions)
        x = self._context(context, len(rows))
        return largest_probability(lambda among: self._normals(x[among]), rows)

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        x = self._context(context, n)
        return draw_largest((m + s * rng.standard_normal(n) for m, s in self._normals(x)), n)

    def _learn(self, rows: np.ndarray, rewards: np.ndarray, context: np.ndarray | None) -> None:
        x = check_context(context, len(rows), self.dim)
        add_moments(self.gram, self.moment, rows, rewards, x)

    def _check_learned(self) -> None:
        check_gram(self.gram)


def positive(value: float, name: str) -> float:
    """A finite number above 0."""
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be a finite number above 0, got {value}")
    return value
