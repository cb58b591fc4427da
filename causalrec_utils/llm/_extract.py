"""`extract_many`: from texts to objects of a schema, or a refusal; never something in between."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from . import _numbers
from ._schema import Field, fields_of
from ._text import PromptTooLong

if TYPE_CHECKING:
    from ._choice import Choice
    from ._model import LanguageModel

__all__ = ["Refusal", "extract_many"]

T = TypeVar("T")
ABSENT = "not stated"
GREEDY: dict[str, Any] = {"max_tokens": 24, "temperature": 0.0, "seed": None, "stop": []}


@dataclass(frozen=True)
class Refusal:
    """Why nothing was extracted from a text. It counts as false: ``if found: ...``.

    Introduced in section 3.2.

    Parameters
    ----------
    reason : str
        In one line.
    field : str or None
        The field that could not be filled, if it was one.

    Examples
    --------
    >>> from causalrec_utils.llm import Refusal
    >>> bool(Refusal("nothing was found", "discount"))
    False
    """

    reason: str
    field: str | None = None

    def __bool__(self) -> bool:
        return False


def _prompt(text: str, question: str, options: Sequence[str] = ()) -> str:
    lines = ["Text:", text, "", f"Question about the text: {question}"]
    if options:
        lines.append(f"Answer with one of: {', '.join(options)}.")
    return "\n".join(lines)


def _ask_closed(
    model: LanguageModel, text: str, asked: list[tuple[str, list[str]]], **settings: Any
) -> list[Choice]:
    """Choices for (question, options), each compared with the same question without the text."""
    if model.endpoint:
        prompts = [_prompt(text, question) for question, _ in asked]
        return model.choose_many(prompts, [o for _, o in asked], **settings)
    return model.choose_many(
        [_prompt(text, question, options) for question, options in asked],
        [options for _, options in asked],
        correction="surface",
        premise=[_prompt("(none)", question, options) for question, options in asked],
        **settings,
    )


def _options(field: Field, text: str) -> list[str] | None:
    """Options of a closed question; None if the answer has to be written."""
    if field.values:
        options = list(field.values)
    elif field.grounded and field.kind != "text":
        options = _numbers.in_text(text, field.kind)
    else:
        return None
    return [*options, ABSENT] if field.optional else options


def _closed(field: Field, answer: str | None) -> Any:
    """Value of an option."""
    if answer is None or (field.optional and answer == ABSENT):
        return None
    return field.values[answer] if field.values else _number(field, answer)


def _number(field: Field, answer: str) -> int | float | None:
    if not _numbers.whole(answer, field.kind):
        return None
    return int(answer) if field.kind == "integer" else float(answer)


def _written(field: Field, answer: str, text: str) -> Any:
    """Value of an answer that the model wrote."""
    answer = answer.strip()
    if field.kind != "text":
        return _number(field, answer)
    if not field.grounded:
        return answer or None
    answer = answer.strip(" .\"'")
    words = r"\s+".join(map(re.escape, answer.split()))
    found = re.search(words, text, re.IGNORECASE) if words else None
    return " ".join(found.group().split()) if found else None


def _write(model: LanguageModel, text: str, field: Field, **settings: Any) -> str:
    """Let the model write a number or a line."""
    prompt = _prompt(text, f"{field.question} Answer with {_form(field)} only.")
    if field.kind == "text" or model.endpoint:
        return model.generate([prompt], max_tokens=field.max_tokens, stop="\n", **settings)[0]
    request = {"prompt": prompt, "number": field.kind, "system": settings["system"]}
    return model.ask("generate", [{**GREEDY, **request}], settings["cache"])[0]


def _form(field: Field) -> str:
    if field.kind != "text":
        return f"one {field.kind}"
    return "words of the text" if field.grounded else "one line"


def _fill(
    model: LanguageModel,
    text: str,
    fields: list[Field],
    gate: str | None,
    abstain: float | None,
    **settings: Any,
) -> dict[str, Any] | Refusal:
    if not text.strip():
        return Refusal("the text is empty")
    if gate:
        choice = _ask_closed(model, text, [(gate, ["yes", "no"])], abstain=abstain, **settings)[0]
        if choice.answer != "yes":
            said = "no" if choice.answer else "neither yes nor no"
            return Refusal(f"the model says {said} to: {gate}")
    options = {field.name: _options(field, text) for field in fields}
    closed = [field for field in fields if len(options[field.name] or []) > 1]
    asked = [(field.question, options[field.name] or []) for field in closed]
    choices = dict(
        zip(
            [field.name for field in closed],
            _ask_closed(model, text, asked, abstain=abstain, **settings) if asked else [],
            strict=True,
        )
    )
    values: dict[str, Any] = {}
    for field in fields:
        some = options[field.name]
        if field.name in choices:
            answer = choices[field.name].answer
            if answer is None and not field.optional:
                return Refusal(f"margin {choices[field.name].margin:.2f} is too small", field.name)
        elif some is None:
            answer = None
        else:  # the only number in the text, or none
            answer = some[0] if some else None
        if some is None:
            values[field.name] = _written(field, _write(model, text, field, **settings), text)
        else:
            values[field.name] = _closed(field, answer)
        if problem := field.problem(values[field.name]):
            return Refusal(problem, field.name)
    return values


def extract_many(
    self: LanguageModel,
    texts: Sequence[str],
    schema: type[T],
    *,
    gate: str | None = None,
    abstain: float | None = None,
    system: str | None = None,
    cache: str | None = None,
) -> list[T | Refusal]:
    """Fill a schema from each text, one question a field.

    A field with options, and yes or no, is a choice between them, corrected by the same question
    without the text ("surface" in `choose_many`). A number is a choice between the numbers that the
    text states; text is written by the model and must occur in the text word for word. With
    ``grounded=False`` in a field's metadata, numbers and text are written freely: a number with
    only those tokens allowed that keep it one, a text up to the end of the line. Every value is
    checked, however it came about, before the object is made. Introduced in section 3.2.

    Parameters
    ----------
    texts : sequence of str
        Any texts, hostile or not.
    schema : type
        A dataclass. Its fields are `Literal`, `Enum`, bool, int, float or str, or one of these
        ``| None`` (None where nothing is stated). Metadata of a field: ``question`` (what to ask
        for it), ``min``, ``max``, ``grounded``, ``max_tokens``.
    gate : str, optional
        Question with yes or no that comes first; a text that gets no "yes" is refused.
    abstain : float, optional
        Smallest margin of a choice, in [0, 1]; below it a field is None if it may be, or else the
        text is refused.
    system : str, optional
        Instruction that comes before each question.
    cache : {"use", "refresh", "off"}, optional
        As chosen in `load` by default.

    Returns
    -------
    list of (object of type ``schema``, or Refusal)
        A refusal names the field and the reason. A ``ValueError`` that the schema itself raises is
        a refusal too, and so is a text that is too long.

    Raises
    ------
    TypeError
        If the schema holds what can't be extracted, or a text is no text.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from causalrec_utils import llm
    >>> @dataclass
    ... class Discount:
    ...     percent: int
    >>> llm.load().extract_many(["  "], Discount)
    [Refusal(reason='the text is empty', field=None)]
    """
    fields = fields_of(schema)
    settings: dict[str, Any] = {"system": system, "cache": cache}
    results: list[T | Refusal] = []
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {row}: must be text, got {type(text).__name__}")
        try:
            filled = _fill(self, text, fields, gate, abstain, **settings)
        except PromptTooLong as error:
            filled = Refusal(str(error))
        results.append(filled if isinstance(filled, Refusal) else _make(schema, filled))
    return results


def _make(schema: type[T], values: dict[str, Any]) -> T | Refusal:
    try:
        return schema(**values)
    except ValueError as error:  # the schema's own checks, which may look at several fields
        return Refusal(str(error))
