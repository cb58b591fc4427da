"""What a language model makes of headlines and descriptions: slow to compute, so from a record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..llm import Refusal
from ._spec import PolicySpec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["headline_key", "recorded_headline_scores", "recorded_plans"]


def _record() -> dict[str, Any]:
    return json.loads((files(__package__) / "recorded.json").read_text(encoding="utf-8"))


def headline_key(test: str, headline: str) -> str:
    """Name of one arm in the record.

    Introduced in section 3.2.

    Parameters
    ----------
    test, headline : str
        As in `causalrec_utils.datasets.load_upworthy`.

    Returns
    -------
    str
        Ten hexadecimal digits.

    Examples
    --------
    >>> headline_key("a test", "A Headline")
    '5d39ca5d71'
    """
    return hashlib.sha256(f"{test} {headline}".encode()).hexdigest()[:10]


def recorded_headline_scores(tests: Sequence[str], headlines: Sequence[str]) -> pd.DataFrame:
    """What a small language model makes of Upworthy's headlines, computed once and kept.

    Made with ``smollm2-135m`` by ``benchmarks/section_32.py``, where it is said how. Compare scores
    within one test only. Introduced in section 3.2.

    Parameters
    ----------
    tests, headlines : sequence of str
        Arms of section 3.2.

    Returns
    -------
    pandas.DataFrame
        ``choose``: log-likelihood of the headline, per token; missing for the training weeks.
        ``curious``: log odds of yes to a question. ``states``: log odds of a click, up to a
        constant, by a ridge on hidden states (out of fold for the training weeks). ``attrs`` holds
        what was asked, as ``choose`` and ``attributes``, and ``layer`` and ``coefficients`` behind
        the states.

    Raises
    ------
    ValueError
        If an arm is not in the record; the message names its row.

    Examples
    --------
    >>> recorded_headline_scores(["no such test"], ["A Headline"])
    Traceback (most recent call last):
        ...
    ValueError: row 0: 'A Headline' is not in the record
    """
    import pandas as pd

    record = _record()
    pairs = list(zip(tests, headlines, strict=True))
    keys = [headline_key(*pair) for pair in pairs]
    for row, key in enumerate(keys):
        if key not in record["scores"]:
            raise ValueError(f"row {row}: {pairs[row][1]!r} is not in the record")
    rows = [record["scores"][key] for key in keys]
    scores = pd.DataFrame(rows, columns=record["columns"], dtype=float)
    scores.attrs.update(record["about"])
    return scores


def recorded_plans(*, gated: bool = False) -> list[PolicySpec | Refusal]:
    """What `describe` made of the test texts of `example_descriptions`, computed once and kept.

    With ``smollm2-135m``, by ``benchmarks/section_32.py``. Introduced in section 3.2.

    Parameters
    ----------
    gated : bool
        Whether the model was first asked if the text is a plan.

    Returns
    -------
    list of (PolicySpec or Refusal)
        One for each test text, in their order.

    Examples
    --------
    >>> len(recorded_plans())
    64
    """
    found = _record()["gated" if gated else "plans"]
    return [Refusal(**values) if "reason" in values else PolicySpec(**values) for values in found]
