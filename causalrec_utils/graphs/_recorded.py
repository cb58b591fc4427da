"""What a language model says of pairs and whole networks: slow to ask, so from a record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import permutations
from typing import Any

import numpy as np

from .. import _checks
from ..llm import Choice
from ..llm import combine as combine_choices

__all__ = ["RecordedExpert", "recorded_expert", "recorded_pairs", "recorded_wordings"]

NETWORKS = ("asia", "sachs", "alarm")


def _record() -> dict[str, Any]:
    return json.loads((files(__package__) / "recorded.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class RecordedExpert:
    """A language model that answered before; `elicit` takes it in place of one.

    Introduced in section 2.2.

    Parameters
    ----------
    question : str
        The only prompt that was asked.
    scores : mapping of str to float
        Log-likelihood a token of each statement after it.
    weights : str
        What stands for the model in the cache of answers: ``key`` of a
        `causalrec_utils.llm.LanguageModel` with the same weights.

    Examples
    --------
    >>> expert = RecordedExpert("True?", {"a causes b": -1.0, "b causes a": -2.0}, "no model")
    >>> expert.choose("True?", ["b causes a", "a causes b"]).answer
    'a causes b'
    """

    question: str
    scores: Mapping[str, float]
    weights: str

    def choose(self, prompt: str, options: Sequence[str]) -> Choice:
        """The statement that scored best, among some.

        Parameters
        ----------
        prompt : str
            The recorded question.
        options : sequence of str
            Recorded statements.

        Returns
        -------
        Choice

        Raises
        ------
        ValueError
            If the question or a statement is not in the record.

        Examples
        --------
        >>> recorded_expert("asia").choose("Why?", ["a causes b", "b causes a"])
        Traceback (most recent call last):
            ...
        ValueError: prompt must be 'Which statement is true?', which was recorded; got 'Why?'
        """
        if prompt != self.question:
            raise ValueError(
                f"prompt must be {self.question!r}, which was recorded; got {prompt!r}"
            )
        for row, option in enumerate(options):
            if option not in self.scores:
                raise ValueError(f"options, row {row}: {option!r} is not in the record")
        scores = tuple(self.scores[option] for option in options)
        return combine_choices([Choice(None, tuple(options), scores, margin=0.0)])


def recorded_expert(network: str) -> RecordedExpert:
    """What a small language model makes of each pair of a network's variables.

    Made with ``smollm2-135m`` by ``benchmarks/section_22.py``, where it is said how. Introduced in
    section 2.2.

    Parameters
    ----------
    network : {"asia", "sachs", "alarm"}
        As in `causalrec_utils.datasets.load_network`, whose descriptions the statements use.

    Returns
    -------
    RecordedExpert
        Its scores hold ``"x causes y"`` for each ordered pair, and ``"neither causes the other"``.

    Raises
    ------
    ValueError
        If the network is none of these.

    Examples
    --------
    >>> expert = recorded_expert("asia")
    >>> len(expert.scores)
    57
    """
    record = _record()
    about = record["about"]
    found = record["networks"][_checks.choice(network, "network", NETWORKS)]
    scores = {
        about["causes"].format(a=found["texts"][i], b=found["texts"][j]): found["scores"][i][j]
        for i, j in permutations(range(len(found["nodes"])), 2)
    }
    scores[about["neither"]] = found["neither"]
    return RecordedExpert(about["question"], scores, about["weights"])


def recorded_pairs() -> np.ndarray:
    """Log odds of yes that a small language model gave for each named pair, in either order.

    Made with ``smollm2-135m`` by ``benchmarks/section_22.py``. Introduced in section 2.2.

    Returns
    -------
    array of shape (108, 2)
        Rows as in `causalrec_utils.datasets.load_causal_pairs`; answers to its ``question_ab`` and
        ``question_ba``.

    Examples
    --------
    >>> recorded_pairs().shape
    (108, 2)
    """
    return np.array(_record()["pairs"])


def recorded_wordings(task: str) -> list[dict[str, Any]]:
    """How other wordings of two questions of section 2.2 did, so that no choice stays hidden.

    Made with ``smollm2-135m`` by ``benchmarks/section_22.py``. Introduced in section 2.2.

    Parameters
    ----------
    task : {"tone", "pairs"}
        ``"tone"``: the tone of 160 headings that are not in the section's study, with
        ``auc``, ``low`` and ``high``. ``"pairs"``: the named pairs, with ``right``, their number,
        and ``yes``, the share of questions answered yes, or None.

    Returns
    -------
    list of dict
        One for each ``wording``.

    Raises
    ------
    ValueError
        If the task is neither.

    Examples
    --------
    >>> len(recorded_wordings("tone"))
    4
    """
    _checks.choice(task, "task", ("tone", "pairs"))
    return _record()["tone" if task == "tone" else "others"]
