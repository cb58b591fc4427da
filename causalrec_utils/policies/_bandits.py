"""Policies that learn: epsilon-greedy, Thompson sampling, LinUCB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ._base import Learner, MeanLearner, TablePolicy, check_context
from ._choose import best_probability, draw_best, draw_largest
from ._linear import add_moments, check_gram, posteriors


class EpsilonGreedy(MeanLearner):
    """The action with the best mean so far, or with probability ε any action.

    Introduced in section 3.1.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.
    epsilon : float
        Probability of exploring, in [0, 1].

    Examples
    --------
    >>> policy = EpsilonGreedy(["a", "b"], epsilon=0.1)
    >>> policy.update(["a", "b"], [1, 0])
    >>> policy.prob(["a", "b"]).round(2).tolist()
    [0.95, 0.05]
    """

    _options = ("epsilon",)

    def __init__(self, actions: Sequence[Any], *, epsilon: float = 0.1) -> None:
        super().__init__(actions)
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon must be in [0, 1], got {epsilon}")
        self.epsilon = epsilon

    def _probabilities(self) -> np.ndarray:
        mean = np.where(self.count > 0, self.total / np.maximum(self.count, 1), np.inf)
        best = mean == mean.max()  # actions never tried count as best, so each gets its turn
        return self.epsilon / len(best) + (1 - self.epsilon) * best / best.sum()


class BernoulliThompson(Learner):
    """Thompson sampling for clicks: draw each action's rate from its Beta posterior, play the best.

    With several slots, the actions with the highest draws fill the slots in order, so the policy
    has a probability for each action *in each slot*. These are computed by quadrature, not by
    simulation. Introduced in section 3.1.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.
    alpha, beta : float or array of shape (k,)
        Beta prior: clicks and non-clicks seen before the first one, above 0.

    Notes
    -----
    Thompson (1933), "On the likelihood that one unknown probability exceeds another".

    Examples
    --------
    >>> policy = BernoulliThompson(["a", "b"])
    >>> policy.update(["a"] * 10 + ["b"] * 10, [1] * 5 + [0] * 5 + [0] * 10)
    >>> bool(policy.prob(["a"])[0] > 0.95)
    True
    """

    _options = ("alpha", "beta")

    def __init__(self, actions: Sequence[Any], *, alpha: Any = 1.0, beta: Any = 1.0) -> None:
        super().__init__(actions)
        k = len(self.actions)
        self.alpha = np.array(np.broadcast_to(alpha, k), float)
        self.beta = np.array(np.broadcast_to(beta, k), float)
        for name, values in (("alpha", self.alpha), ("beta", self.beta)):
            _checks.within(_checks.numeric(values, name), name, 0, open_low=True)

    def table(self, positions: Sequence[Any] = (1,)) -> TablePolicy:
        """Probability of each action in each slot, as a fixed policy.

        Parameters
        ----------
        positions : sequence
            Labels of the slots, best first; no more than there are actions.

        Returns
        -------
        TablePolicy
        """
        probs = rank_probabilities(self.alpha, self.beta, len(positions))
        return TablePolicy(pd.DataFrame(probs, index=self._index, columns=list(positions)))

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        if position is not None:
            raise ValueError("probabilities by slot: use table(positions)")
        return rank_probabilities(self.alpha, self.beta, 1)[self.rows_of(actions), 0]

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        pairs = zip(self.alpha, self.beta, strict=True)
        return draw_largest((rng.beta(a, b, size=n) for a, b in pairs), n)

    def _learn(self, rows: np.ndarray, rewards: np.ndarray, context: np.ndarray | None) -> None:
        r, k = _checks.within(rewards, "rewards", 0, 1), len(self.alpha)
        self.alpha += np.bincount(rows, r, k)
        self.beta += np.bincount(rows, 1 - r, k)


def rank_probabilities(alpha: np.ndarray, beta: np.ndarray, slots: int) -> np.ndarray:
    r"""Probability that each Beta variable is the largest, the second largest, ...

    :math:`P(\mathrm{rank}_a = k) = \int f_a(x)\, P(N_{-a}(x) = k - 1)\,dx`, where the number
    :math:`N_{-a}(x)` of other variables that exceed x is a sum of independent Bernoulli variables,
    whose distribution a recursion gives exactly.

    Parameters
    ----------
    alpha, beta : arrays of shape (k,)
        Parameters of the independent Beta variables.
    slots : int
        Number of ranks, at most k.

    Returns
    -------
    array of shape (k, slots)
        Each column adds up to 1.

    Examples
    --------
    >>> rank_probabilities(np.array([1.0, 1.0]), np.array([1.0, 1.0]), 2).round(6).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    from scipy.stats import beta as beta_distribution

    k = len(alpha)
    if not 1 <= slots <= k:
        raise ValueError(f"need between 1 and {k} slots, got {slots}")
    # A grid of everyone's quantiles is fine wherever anyone's mass is, including the far tails.
    tails = np.logspace(-9, -2, 40)
    levels = np.unique(np.concatenate([tails, np.linspace(0.01, 0.99, 120), 1 - tails]))
    cells = beta_distribution.ppf(levels[:, None], alpha, beta).ravel()
    grid = np.unique(np.concatenate([[0.0], cells, [1.0]]))
    below = beta_distribution.cdf(grid[:, None], alpha, beta).T
    mass, exceed = np.diff(below), 1 - (below[:, 1:] + below[:, :-1]) / 2
    # before[a], after[a]: distribution of how many of the actions before / after a exceed x.
    before, after = np.zeros((2, k + 1, slots, len(grid) - 1))
    before[0, 0], after[k, 0] = 1.0, 1.0
    for a in range(k):
        before[a + 1] = _add(before[a], exceed[a])
        b = k - 1 - a
        after[b] = _add(after[b + 1], exceed[b])
    out = np.empty((k, slots))
    for a in range(k):
        for s in range(slots):
            others = sum(before[a, j] * after[a + 1, s - j] for j in range(s + 1))
            out[a, s] = mass[a] @ others
    return out / out.sum(axis=0)


def _add(counts: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Distribution of a count after one more Bernoulli(p), up to the last slot."""
    out = counts * (1 - p)
    out[1:] += counts[:-1] * p
    return out


class LinUCB(Learner):
    """A ridge regression for each action; play the highest upper confidence bound.

    The score of an action is :math:`x^\\top\\hat\\theta_a + \\alpha\\sqrt{x^\\top A_a^{-1} x}` with
    :math:`A_a = I + \\sum x x^\\top`. Introduced in section 3.1.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.
    dim : int
        Length d of the context; include a constant feature.
    alpha : float
        Width of the bound, at least 0.

    Notes
    -----
    Li, Chu, Langford and Schapire (2010), algorithm 1 (disjoint models). Ties are broken evenly.

    Examples
    --------
    >>> policy = LinUCB(["a", "b"], dim=1, alpha=0.0)
    >>> policy.update(["a", "b"], [1, 0], context=np.ones((2, 1)))
    >>> policy.act(2, context=np.ones((2, 1))).tolist()
    ['a', 'a']
    """

    _options = ("dim", "alpha")
    _learned = ("gram", "moment")

    def __init__(self, actions: Sequence[Any], *, dim: int, alpha: float = 1.0) -> None:
        super().__init__(actions)
        if not alpha >= 0:
            raise ValueError(f"alpha must be at least 0, got {alpha}")
        self.dim, self.alpha = dim, alpha
        self.gram = np.tile(np.eye(dim), (len(self.actions), 1, 1))
        self.moment = np.zeros((len(self.actions), dim))

    def _scores(self, x: np.ndarray) -> Iterator[np.ndarray]:
        """The upper bound of one action after the other, in each row."""
        for mean, width in posteriors(self.gram, self.moment, x):
            yield mean + self.alpha * width

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        rows = self.rows_of(actions)
        return best_probability(self._scores(check_context(context, len(rows), self.dim)), rows)

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        return draw_best(self._scores(check_context(context, n, self.dim)), n, rng)

    def _learn(self, rows: np.ndarray, rewards: np.ndarray, context: np.ndarray | None) -> None:
        x = check_context(context, len(rows), self.dim)
        add_moments(self.gram, self.moment, rows, rewards, x)

    def _check_learned(self) -> None:
        check_gram(self.gram)
