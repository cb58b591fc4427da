"""`benchmark`: how fast a model reads and writes on this machine, and how much memory it takes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ._model import LanguageModel

__all__ = ["benchmark"]

WORDS = "the listener rated this record and wrote down why it was played again"


def _peak_megabytes() -> float:
    """Most memory that this process has had so far; not known on Windows."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3  # bytes there, kilobytes here


def benchmark(
    model: LanguageModel, *, prompts: int = 8, words: int = 100, max_tokens: int = 32
) -> pd.Series:
    """Measure a model that runs here, past the cache.

    Introduced in section 1.1.

    Parameters
    ----------
    model : LanguageModel
        One with its weights here, not on a server.
    prompts, words : int
        How many prompts in the batch, and of how many words.
    max_tokens : int
        Longest answer, in tokens.

    Returns
    -------
    pandas.Series
        ``load_seconds`` (0 if the weights were read before), ``parameters``,
        ``prompt_tokens_per_second``, ``new_tokens_per_second`` (of all prompts together),
        ``peak_megabytes`` (of the whole process since it began; NaN on Windows).

    Raises
    ------
    TypeError
        If the model runs on a server.

    Examples
    --------
    >>> from causalrec_utils import llm
    >>> llm.benchmark(llm.load("http://localhost:11434/v1", model="llama3"))
    Traceback (most recent call last):
        ...
    TypeError: llama3 at http://localhost:11434/v1 runs on a server: its weights are not here
    """
    import pandas as pd

    start = time.perf_counter()
    was_loaded = "local" in vars(model)
    local = model.local
    loading = 0.0 if was_loaded else time.perf_counter() - start
    text = " ".join((WORDS.split() * (words // 13 + 1))[:words])
    greedy: dict[str, Any] = {"system": None, "temperature": 0.0, "seed": None, "stop": []}
    asked = [{"prompt": f"{i} {text}", **greedy} for i in range(prompts)]

    def seconds(tokens: int) -> tuple[float, int]:
        begin = time.perf_counter()
        answers = local.generate([{**request, "max_tokens": tokens} for request in asked])
        written = sum(len(local.tokenizer(answer).input_ids) for _, answer in answers)
        return time.perf_counter() - begin, written

    read = sum(len(local.tokens(request, 0)) for request in asked)
    seconds(1)  # the first call also sets up memory
    reading, first = seconds(1)
    both, written = seconds(max_tokens)
    return pd.Series(
        {
            "load_seconds": round(loading, 2),
            "parameters": sum(weights.numel() for weights in local.model.parameters()),
            "prompt_tokens_per_second": round(read / reading, 1),
            "new_tokens_per_second": round(max(written - first, 0) / max(both - reading, 1e-9), 1),
            "peak_megabytes": round(_peak_megabytes(), 1),
        },
        name=model.name,
    )
