"""`LanguageModel`: checks questions, looks answers up on disk, asks the model for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

from .. import _checks
from . import _answers, _choose, _extract, _states
from ._choice import Choice
from ._choose import check_prompts
from ._endpoint import Endpoint
from ._extract import Refusal
from ._local import Local, Request
from ._sources import FolderSource, GgufSource, HubSource

__all__ = ["CACHE", "LanguageModel"]

CACHE = ("use", "refresh", "off")
T = TypeVar("T")


class LanguageModel:
    """A language model that answers questions; made by `load`.

    Equal questions to equal weights get the answer that is on disk; the weights themselves are read
    at the first question that has none. Introduced in section 1.1.

    Examples
    --------
    >>> from causalrec_utils import llm
    >>> model = llm.load("smollm2-135m", cache="off")
    >>> model.choose("Is water wet?", ["yes"])
    Traceback (most recent call last):
        ...
    ValueError: options of prompt 0: at least two are needed, got 1
    """

    def __init__(
        self,
        name: str,
        *,
        source: GgufSource | FolderSource | HubSource | None = None,
        settings: dict[str, Any] | None = None,
        endpoint: Endpoint | None = None,
        cache: str = "use",
    ) -> None:
        self.name = name
        self.cache = cache
        self.endpoint = endpoint
        self._source = source
        self._settings = settings or {}

    def __repr__(self) -> str:
        return f"LanguageModel({self.name!r})"

    @cached_property
    def key(self) -> str:
        """What stands for the model in the cache: hash of the weights, or address and name."""
        if self.endpoint:
            return self.endpoint.key
        assert self._source is not None
        return f"{self._source.key} {self._settings['dtype']}"

    @cached_property
    def local(self) -> Local:
        """Weights and tokeniser, read on first use."""
        if self._source is None:
            raise TypeError(f"{self.name} runs on a server: its weights are not here")
        return Local(self._source.folder(), **self._settings)

    def ask(self, kind: str, requests: list[Request], cache: str | None) -> list[Any]:
        """Answers of the backend to requests, from disk where they are known.

        Parameters
        ----------
        kind : {"generate", "score", "states"}
            Method of the backend.
        requests : list of dict
            What it takes; equal ones are asked once.
        cache : {"use", "refresh", "off"} or None
            As for `generate`.

        Returns
        -------
        list
            What it gives, one for each request.
        """
        how = _checks.choice(self.cache if cache is None else cache, "cache", CACHE)
        keys = [_answers.key_of(self.key, kind, request) for request in requests]
        answers = _answers.read(dict.fromkeys(keys)) if how == "use" else {}
        todo = {k: r for k, r in zip(keys, requests, strict=True) if k not in answers}
        if todo:
            from tqdm import tqdm

            names = list(todo)
            stream = getattr(self.endpoint or self.local, kind)(list(todo.values()))
            with tqdm(total=len(todo), desc=kind, disable=None, leave=False) as bar:
                fresh: dict[str, Any] = {}
                try:
                    for row, answer in stream:
                        fresh[names[row]] = answer
                        bar.update()
                finally:  # what was answered before an interruption is kept
                    if fresh and how != "off":
                        _answers.write(fresh)
            answers.update(fresh)
        return [answers[key] for key in keys]

    def generate(
        self,
        prompts: str | Sequence[str],
        *,
        max_tokens: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        system: str | None = None,
        stop: str | Sequence[str] | None = None,
        cache: str | None = None,
    ) -> str | list[str]:
        """Continue prompts, through the model's chat template if it has one.

        Introduced in section 1.1.

        Parameters
        ----------
        prompts : str or sequence of str
            One prompt, or many; many are read in batches, which changes answers by rounding only.
        max_tokens : int
            Longest answer, in tokens.
        temperature : float
            0 takes the most likely token each time; above, tokens are drawn from the softmax of the
            logits divided by it.
        seed : int
            For drawing. An answer depends on seed and prompt, not on the other prompts.
        system : str, optional
            Instruction that comes before each prompt.
        stop : str or sequence of str, optional
            Texts that end an answer and are left out of it.
        cache : {"use", "refresh", "off"}, optional
            As chosen in `load` by default.

        Returns
        -------
        str or list of str
            One answer for each prompt, without spaces around it.

        Raises
        ------
        ValueError
            If an argument breaks its rule; `PromptTooLong`, with the number of tokens.
        ModelUnavailable
            If the model or its server can't be had.

        Examples
        --------
        >>> from causalrec_utils import llm
        >>> llm.load().generate(["one", ""])
        Traceback (most recent call last):
            ...
        ValueError: prompt 1: must not be empty
        """
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {max_tokens}")
        if temperature < 0:
            raise ValueError(f"temperature must not be negative, got {temperature}")
        stops = [stop] if isinstance(stop, str) else list(stop or [])
        if "" in stops:
            raise ValueError("stop must not be empty text")
        common = {
            "system": system,
            "max_tokens": int(max_tokens),
            "temperature": float(temperature),
            "seed": int(seed) if temperature else None,  # no part in greedy answers
            "stop": stops,
        }
        requests = [{"prompt": prompt, **common} for prompt in check_prompts(prompts)]
        answers = self.ask("generate", requests, cache)
        return answers[0] if isinstance(prompts, str) else answers

    def choose(self, prompt: str, options: Sequence[str], **settings: Any) -> Choice:
        """Choose one of several answers to one prompt; see `choose_many`.

        Introduced in section 1.1.

        Parameters
        ----------
        prompt : str
            The question.
        options : sequence of str
            At least two different answers.
        **settings
            As for `choose_many`.

        Returns
        -------
        Choice

        Examples
        --------
        >>> from causalrec_utils import llm
        >>> llm.load().choose("Which?", ["this", "this"])
        Traceback (most recent call last):
            ...
        ValueError: options of prompt 0: 'this' is there twice
        """
        return self.choose_many([prompt], options, **settings)[0]

    choose_many = _choose.choose_many

    def extract(self, text: str, schema: type[T], **settings: Any) -> T | Refusal:
        """Fill a schema from one text; see `extract_many`.

        Introduced in section 3.2.

        Parameters
        ----------
        text : str
            Any text, hostile or not.
        schema : type
            A dataclass.
        **settings
            As for `extract_many`.

        Returns
        -------
        object of type ``schema``, or Refusal

        Examples
        --------
        >>> from causalrec_utils import llm
        >>> llm.load().extract("", int)
        Traceback (most recent call last):
            ...
        TypeError: schema must be a dataclass, got <class 'int'>
        """
        return self.extract_many([text], schema, **settings)[0]

    extract_many = _extract.extract_many

    states = _states.states
