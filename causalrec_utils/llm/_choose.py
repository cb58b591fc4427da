"""`choose_many`: from prompts and options to choices, by likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import _checks
from ._choice import Choice, combine, decide, listing, orders
from ._local import DIGITS, Request

if TYPE_CHECKING:
    from ._model import LanguageModel

__all__ = ["check_prompts", "choose_many"]

CORRECTIONS = ("length", "surface", "none")


def choose_many(
    self: LanguageModel,
    prompts: Sequence[str],
    options: Sequence[str] | Sequence[Sequence[str]],
    *,
    correction: str = "length",
    listed: bool = False,
    abstain: float | None = None,
    system: str | None = None,
    premise: str | Sequence[str] = "Answer:",
    cache: str | None = None,
) -> list[Choice]:
    r"""Choose one of several answers to each prompt, by how likely the model finds them.

    With option :math:`o` of :math:`n` tokens, prompt :math:`x` and premise :math:`d`, the score
    is

    =========  =============================================================================
    none       :math:`\log p(o|x)`: long answers and rare words lose
    length     :math:`\log p(o|x) / n`
    surface    :math:`\log p(o|x) - \log p(o|d)`: how much the question raises the option's
               likelihood over that in a like text without the question
    =========  =============================================================================

    The result doesn't depend on the order of the options. The tokens that all prompts begin
    with, and each prompt for its options, are read once. A server is shown the options with
    letters, each option once in each place, and scored by the likelihoods that it reports for
    the letters; by the letters that it answers if it reports none. Introduced in section 2.2.

    Parameters
    ----------
    prompts : sequence of str
        The questions.
    options : sequence of str, or sequence of sequences of str
        At least two different answers; the same for all prompts, or some for each.
    correction : {"length", "surface", "none"}
        See above. A server's letters all have length 1, and know no "surface".
    listed : bool
        Whether to show the options below the prompt: once in each cyclic order, with scores
        averaged over orders. ``Choice.agreement`` and ``Choice.first_bias`` tell what order did.
    abstain : float, optional
        Smallest margin, in [0, 1], that gives an answer; below it, ``answer`` is None.
    system : str, optional
        Instruction that comes before each prompt.
    premise : str or sequence of str
        For "surface": the text without the question, for all prompts or for each.
    cache : {"use", "refresh", "off"}, optional
        As chosen in `load` by default.

    Returns
    -------
    list of Choice
        One for each prompt.

    Raises
    ------
    ValueError
        If an argument breaks its rule; `PromptTooLong`, with the number of tokens.
    ModelUnavailable
        If the model or its server can't be had.

    Notes
    -----
    Holtzman, West, Shwartz, Choi and Zettlemoyer (2021), "Surface Form Competition: Why the
    Highest Probability Answer Isn't Always Right", for "surface".

    Examples
    --------
    >>> from causalrec_utils import llm
    >>> llm.load().choose_many(["Who?"], ["me", "you"], correction="all")
    Traceback (most recent call last):
        ...
    ValueError: correction must be one of length, surface, none; got 'all'
    """
    texts = check_prompts(prompts)
    each = _check_options(options, len(texts))
    _checks.choice(correction, "correction", CORRECTIONS)
    if abstain is not None and not 0 <= abstain <= 1:
        raise ValueError(f"abstain must be in [0, 1], got {abstain}")
    if self.endpoint and correction == "surface":
        raise ValueError(
            'correction="surface" needs likelihoods of the options, and servers give none'
        )
    listed = listed or self.endpoint is not None
    shown = [orders(o) if listed else [tuple(sorted(o))] for o in each]
    requests: list[Request] = []
    for text, variants in zip(texts, shown, strict=True):
        for order in variants:
            ask = listing(text, order) if listed and not self.endpoint else text
            named = list(order) if self.endpoint else sorted(order)
            requests.append({"prompt": ask, "system": system, "options": named})
    bases: list[Request] = []
    if correction == "surface":
        premises = [premise] * len(texts) if isinstance(premise, str) else check_prompts(premise)
        if len(premises) != len(texts):
            raise ValueError(f"premise: {len(texts)} prompts need as many, got {len(premises)}")
        for text, names in zip(premises, each, strict=True):
            bases.append({"prompt": text, "system": system, "options": sorted(names)})
    answers = iter(self.ask("score", requests + bases, cache))
    asked = [[next(answers) for _ in variants] for variants in shown]
    result = []
    for row, (names, variants) in enumerate(zip(each, shown, strict=True)):
        base = next(answers) if bases else None
        choices = []
        for order, answer in zip(variants, asked[row], strict=True):
            named = list(order) if self.endpoint else sorted(order)
            scores = dict(zip(named, _corrected(answer, base, correction), strict=True))
            method = "letters" if self.endpoint else correction
            choices.append(decide(order, [scores[o] for o in order], None, method))
        result.append(combine(choices, abstain=abstain, options=names))
    return result


def _corrected(answer: Any, base: Any, correction: str) -> list[float]:
    if correction == "length":
        return [round(total / count, DIGITS) for total, count in answer]
    if correction == "surface":
        pairs = zip(answer, base, strict=True)
        return [round(total - prior, DIGITS) for (total, _), (prior, _) in pairs]
    return [total for total, _ in answer]


def check_prompts(prompts: str | Sequence[str]) -> list[str]:
    """Prompts as a list, each of them text that says something."""
    texts = [prompts] if isinstance(prompts, str) else list(prompts)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"prompt {row}: must be text, got {type(text).__name__}")
        if not text.strip():
            raise ValueError(f"prompt {row}: must not be empty")
    return texts


def _check_options(options: Sequence[Any], n: int) -> list[list[str]]:
    if isinstance(options, str):
        raise TypeError("options must be a sequence of texts, got one text")
    shared = all(isinstance(option, str) for option in options)
    each = [list(options)] * n if shared else [list(some) for some in options]
    if len(each) != n:
        raise ValueError(f"options must be given for each of the {n} prompts, got {len(each)}")
    for row, names in enumerate(each):
        where = f"options of prompt {row}"
        if len(names) < 2:
            raise ValueError(f"{where}: at least two are needed, got {len(names)}")
        for name in names:
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"{where}: {name!r} is not an answer")
            if names.count(name) > 1:
                raise ValueError(f"{where}: {name!r} is there twice")
    return each
