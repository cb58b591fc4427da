"""`elicit`: ask a language model what causes what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from ..llm import Choice
from ..llm import combine as combine_choices
from ._graph import CausalGraph, Edge
from ._orient import Work

__all__ = ["elicit"]

QUESTION = "Consider {a} and {b}. Which statement is true?"
CAUSES = "{a} causes {b}"
NEITHER = "neither causes the other"


def elicit(
    llm: Any,
    variables: Sequence[str],
    *,
    descriptions: Mapping[str, str] | None = None,
    pairs: Iterable[tuple[str, str]] | None = None,
    question: str = QUESTION,
    causes: str = CAUSES,
    neither: str | None = NEITHER,
    abstain: float | None = None,
    **settings: Any,
) -> CausalGraph:
    """Ask a language model about each pair of variables: does one cause the other?

    Each pair is asked about with either name first, and the scores are averaged, so that the order
    of the variables can't matter. Then arrows enter the graph from the surest to the least sure;
    one that would close a cycle is left out and noted.

    A model that is asked about pairs doesn't tell direct causes from indirect ones. With ``pairs``
    from the skeleton that data gave, it needn't: see `combine`.

    Parameters
    ----------
    llm : LanguageModel
        From `causalrec_utils.llm.load`, or anything with its ``choose(prompt, options)`` that
        returns a `causalrec_utils.llm.Choice`; ``choose_many`` is used where there is one.
    variables : sequence of str
        Nodes of the graph.
    descriptions : mapping of str to str, optional
        What the model should read in place of a name; distinct.
    pairs : iterable of (str, str), optional
        The pairs to ask about; all by default. ``graph.skeleton()`` fits.
    question, causes : str
        The prompt, and the option for a direction; ``{a}`` and ``{b}`` stand for the variables.
    neither : str or None
        The option for no edge; None leaves only the two directions.
    abstain : float, optional
        Smallest margin, in [0, 1], that gives an answer; other pairs are ``undecided``.
    **settings
        Passed to ``choose``, such as ``correction`` and ``system``.

    Returns
    -------
    CausalGraph
        Arrows, with the model's margins as ``confidence`` (not calibrated), and ``undecided``.

    Raises
    ------
    ValueError
        Fewer than two variables, a name twice, an unknown name, two equal descriptions.

    Notes
    -----
    Source: Kıcıman, Ness, Sharma and Tan (2023), Causal reasoning and large language models:
    opening a new frontier for causality, arXiv:2305.00050. Introduced in section 2.2.

    Examples
    --------
    >>> class Alphabet:  # thinks that names cause the names after them
    ...     def choose(self, prompt, options):
    ...         scores = tuple(float(o.split()[0] < o.split()[-1]) for o in options)
    ...         best = options[scores.index(max(scores))]
    ...         return Choice(best, tuple(options), scores, margin=0.5)
    >>> elicit(Alphabet(), ["b", "a"], neither=None)
    CausalGraph of 2 nodes, 1 edges
      a -> b  (0.46)
    """
    names = tuple(variables)
    texts = {name: (descriptions or {}).get(name, name) for name in names}
    if len(names) < 2:
        raise ValueError(f"variables: at least two are needed, got {len(names)}")
    if len(set(names)) < len(names):
        raise ValueError(f"variables: {max(names, key=names.count)!r} is there twice")
    if len(set(texts.values())) < len(names):
        raise ValueError("descriptions must differ, or the answers can't be told apart")
    asked = _pairs(names, pairs)
    prompts, options = [], []
    for a, b in asked:
        for first, second in ((a, b), (b, a)):
            x, y = texts[first], texts[second]
            prompts.append(question.format(a=x, b=y))
            both = [causes.format(a=x, b=y), causes.format(a=y, b=x)]
            options.append([*both, *([neither] if neither is not None else [])])
    if hasattr(llm, "choose_many"):
        answers = llm.choose_many(prompts, options, **settings) if prompts else []
    else:
        answers = [llm.choose(p, o, **settings) for p, o in zip(prompts, options, strict=True)]
    arrows: list[tuple[float, str, str]] = []
    undecided = []
    for row, (a, b) in enumerate(asked):
        choice: Choice = combine_choices(answers[2 * row : 2 * row + 2], abstain=abstain)
        forward, backward = options[2 * row][:2]
        if choice.answer is None:
            undecided.append((a, b))
        elif choice.answer == forward:
            arrows.append((choice.margin, a, b))
        elif choice.answer == backward:
            arrows.append((choice.margin, b, a))
    return _acyclic(names, arrows, tuple(undecided))


def _pairs(
    names: tuple[str, ...], pairs: Iterable[tuple[str, str]] | None
) -> list[tuple[str, str]]:
    """Pairs sorted within and among themselves, so that the order given has no part in this."""
    wanted = combinations(names, 2) if pairs is None else pairs
    found = set()
    for pair in wanted:
        a, b = sorted(pair)
        for name in (a, b):
            if name not in names:
                raise ValueError(f"pairs: {name!r} is not among the variables")
        found.add((a, b))
    return sorted(found)


def _acyclic(
    names: tuple[str, ...],
    arrows: list[tuple[float, str, str]],
    undecided: tuple[tuple[str, str], ...],
) -> CausalGraph:
    work, confidence, notes = Work(CausalGraph(names)), {}, []
    for margin, cause, effect in sorted(arrows, key=lambda arrow: (-arrow[0], arrow[1:])):
        if work.orient(cause, effect):
            confidence[Edge(cause, "->", effect)] = margin
        else:
            notes.append(
                f"{cause} -> {effect} ({margin:.2f}) left out: it closes a cycle with surer edges"
            )
    return CausalGraph(
        names, tuple(confidence), confidence=confidence, undecided=undecided, notes=tuple(notes)
    )
