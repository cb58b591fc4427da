"""`Choice`: which option a model prefers, by how much, and whether order had a say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Choice", "combine", "decide", "listing", "orders"]


@dataclass(frozen=True)
class Choice:
    """One answer of `LanguageModel.choose`.

    Introduced in section 2.2.

    Parameters
    ----------
    answer : str or None
        The option with the highest score; None if the margin is below the threshold, or if the best
        options have exactly the same score.
    options : tuple of str
        All options, in the order in which they were given.
    scores : tuple of float
        Corrected log-likelihood of each option, in nats; see `LanguageModel.choose`.
    margin : float
        Probability of the best option less that of the second, in [0, 1], where probabilities are
        the softmax of the scores. Nothing makes them calibrated.
    agreement : float
        Share of the orders (or of the combined choices) in which the option that is best now was
        best too; 1 if there was only one.
    first_bias : float or None
        By how much an option's score rises when it is listed first, on average over options, in
        nats. None where options weren't listed, or not each one first equally often.
    method : str
        How the scores were made.

    Examples
    --------
    >>> from causalrec_utils.llm import Choice
    >>> choice = Choice("yes", ("no", "yes"), (-1.5, -0.5), margin=0.46)
    >>> round(choice.probabilities["yes"], 3)
    0.731
    """

    answer: str | None
    options: tuple[str, ...]
    scores: tuple[float, ...]
    margin: float
    agreement: float = 1.0
    first_bias: float | None = None
    method: str = "length"

    @property
    def probabilities(self) -> dict[str, float]:
        """Softmax of the scores, by option."""
        return dict(zip(self.options, _softmax(self.scores), strict=True))


def _softmax(scores: Sequence[float]) -> list[float]:
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = math.fsum(weights)  # exact, so that order can't change a digit
    return [weight / total for weight in weights]


def decide(
    options: Sequence[str], scores: Sequence[float], abstain: float | None, method: str
) -> Choice:
    """The choice that scores lead to."""
    ranked = sorted(_softmax(scores), reverse=True)
    margin = ranked[0] - ranked[1]
    best = options[max(range(len(scores)), key=scores.__getitem__)]
    sure = margin > 0 and (abstain is None or margin >= abstain)
    return Choice(
        best if sure else None, tuple(options), tuple(scores), margin=margin, method=method
    )


def orders(options: Sequence[str]) -> list[tuple[str, ...]]:
    """Orders to list options in: each option once in each place, whatever order was given."""
    fixed = sorted(options)
    return [tuple(fixed[shift:] + fixed[:shift]) for shift in range(len(fixed))]


def listing(prompt: str, options: Sequence[str]) -> str:
    """A prompt with its options below it."""
    return "\n".join([prompt, "", "Choose one of these answers:", *(f"- {o}" for o in options)])


def _best(options: Sequence[str], scores: Sequence[float]) -> list[str]:
    top = max(scores)
    return [option for option, score in zip(options, scores, strict=True) if score == top]


def _first_bias(choices: Sequence[Choice]) -> float | None:
    firsts = [choice.options[0] for choice in choices]
    options = sorted(set(choices[0].options))
    if len({firsts.count(option) for option in options}) > 1:
        return None
    gaps = []
    for option in options:
        scores = [choice.scores[choice.options.index(option)] for choice in choices]
        first = [s for s, f in zip(scores, firsts, strict=True) if f == option]
        later = [s for s, f in zip(scores, firsts, strict=True) if f != option]
        gaps.append(math.fsum(first) / len(first) - math.fsum(later) / len(later))
    return math.fsum(gaps) / len(gaps)


def combine(
    choices: Sequence[Choice],
    *,
    abstain: float | None = None,
    options: Sequence[str] | None = None,
) -> Choice:
    """Average choices between the same options: a question asked in several orders or wordings.

    The score of each option is its mean over the choices. If a question names two things, ask it
    with both orders and combine the answers: the result can't depend on the order, and
    ``agreement`` tells how often it would have. Introduced in section 2.2.

    Parameters
    ----------
    choices : sequence of Choice
        At least one; all with the same options, in any order.
    abstain : float, optional
        Smallest margin, in [0, 1], that gives an answer.
    options : sequence of str, optional
        Order of the options in the result; that of the first choice by default.

    Returns
    -------
    Choice

    Raises
    ------
    ValueError
        If there is no choice, or options differ.

    Examples
    --------
    >>> from causalrec_utils.llm import Choice, combine
    >>> first = Choice("yes", ("yes", "no"), (-0.5, -1.0), margin=0.2)
    >>> second = Choice("no", ("no", "yes"), (-0.25, -2.0), margin=0.7)
    >>> both = combine([first, second])
    >>> both.answer, both.agreement, both.first_bias
    ('no', 0.5, 1.125)
    """
    if not choices:
        raise ValueError("choices must not be empty")
    names = tuple(choices[0].options if options is None else options)
    for row, choice in enumerate(choices):
        if sorted(choice.options) != sorted(names):
            raise ValueError(f"choice {row} has the options {choice.options}, expected {names}")
    means = [
        math.fsum(c.scores[c.options.index(option)] for c in choices) / len(choices)
        for option in names
    ]
    mean = decide(names, means, abstain, choices[0].method)
    each = [_best(choice.options, choice.scores) for choice in choices]
    same = max(each.count([winner]) for winner in _best(names, means))
    return Choice(
        mean.answer,
        names,
        mean.scores,
        margin=mean.margin,
        agreement=same / len(choices),
        first_bias=_first_bias(choices) if len(choices) > 1 else None,
        method=mean.method,
    )
