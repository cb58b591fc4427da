"""A policy from any model that scores actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import _checks
from ._base import Policy
from ._choose import best_probability, draw_best, draw_largest, softmax_probability
from ._gaussian import positive

Score = Callable[[Any, np.ndarray], np.ndarray]


class ModelPolicy(Policy):
    r"""Plays what a model scores highest, or actions in proportion to :math:`\exp(score/\tau)`.

    :math:`\pi(a|x) = \varepsilon/k + (1-\varepsilon)\,g(a|x)`, where g puts all on the best scores
    (ties shared evenly) or, with a temperature :math:`\tau`, is their softmax. Actions are scored
    one after the other. Introduced in section 3.1.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.
    score : callable
        From the label of an action and the context (rows as the policy was given them) to one
        finite number a row, such as a predicted reward.
    epsilon : float
        Probability of any action instead, in [0, 1]. Above 0, the policy's log supports every
        action.
    temperature : float, optional
        Of the softmax, above 0, in units of the score; without it the policy is greedy.

    Raises
    ------
    ValueError
        If epsilon or temperature is out of range, no context is given, or a score is not finite.

    Notes
    -----
    The state holds all but the model: give `from_state` the ``score`` again.

    Examples
    --------
    >>> policy = ModelPolicy(["a", "b"], score=lambda a, x: x[:, 0] * (a == "b"), epsilon=0.1)
    >>> policy.prob(["b", "b"], context=np.array([[1.0], [-1.0]])).round(2).tolist()
    [0.95, 0.05]
    """

    _options = ("epsilon", "temperature")

    def __init__(
        self,
        actions: Sequence[Any],
        *,
        score: Score,
        epsilon: float = 0.0,
        temperature: float | None = None,
    ) -> None:
        super().__init__(actions)
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon must be in [0, 1], got {epsilon}")
        self.score, self.epsilon = score, epsilon
        self.temperature = None if temperature is None else positive(temperature, "temperature")

    def _scores(self, context: np.ndarray | None, n: int) -> Iterator[np.ndarray]:
        if context is None or len(context) != n:
            got = "none" if context is None else len(context)
            raise ValueError(f"context must have {n} rows, got {got}")
        for action in self.actions:
            name = f"score of {_checks.plain(action)!r}"
            score = _checks.numeric(self.score(action, context), name, n=n)
            yield score if self.temperature is None else score / self.temperature

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        rows = self.rows_of(actions)
        choose = best_probability if self.temperature is None else softmax_probability
        chosen = choose(self._scores(context, len(rows)), rows)
        return self.epsilon / len(self.actions) + (1 - self.epsilon) * chosen

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        scores = self._scores(context, n)
        if self.temperature is None:
            rows = draw_best(scores, n, rng)
        else:  # the largest of scores with Gumbel noise is a draw from their softmax
            rows = draw_largest((s + rng.gumbel(size=n) for s in scores), n)
        anything = rng.integers(len(self.actions), size=n)
        return np.where(rng.random(n) < self.epsilon, anything, rows)

    @classmethod
    def _build(cls, parts: dict[str, Any]) -> ModelPolicy:
        if "score" not in parts:
            raise ValueError("the model is not part of the state; give it as score=...")
        return super()._build(parts)
