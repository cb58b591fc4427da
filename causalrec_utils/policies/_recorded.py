"""Sentence embeddings of Upworthy's headlines: slow to compute, so from a record."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["recorded_components"]


def component_key(headline: str) -> str:
    """Name of a headline in the record: ten hexadecimal digits."""
    return hashlib.sha256(headline.encode()).hexdigest()[:10]


def recorded_components(headlines: Iterable[str]) -> pd.DataFrame:
    """Principal components of the embeddings of Upworthy's headlines, computed once and kept.

    Made with ``all-minilm-l6-v2`` by ``benchmarks/section_523.py``; the directions come from the
    earlier weeks of section 5.2.3 alone. Each is stored in 255 steps. Introduced in section 5.2.3.

    Parameters
    ----------
    headlines : iterable of str
        Of the arms of section 5.2.3.

    Returns
    -------
    pandas.DataFrame
        One row a headline, one column a component. ``attrs`` holds ``mean`` (d,) and ``directions``
        (d, components) that make them from an embedding, and ``step`` (components,), the rounding.

    Raises
    ------
    ValueError
        If a headline is not in the record; the message names its row.

    Examples
    --------
    >>> recorded_components(["A Headline"])
    Traceback (most recent call last):
        ...
    ValueError: row 0: 'A Headline' is not in the record
    """
    import pandas as pd

    record = json.loads((files(__package__) / "recorded.json").read_text(encoding="utf-8"))
    step = np.array(record["step"])
    stored = np.frombuffer(base64.b64decode(record["components"]), np.int8)
    place = {key: row for row, key in enumerate(record["keys"])}
    found = []
    for row, headline in enumerate(headlines):
        if (key := component_key(headline)) not in place:
            raise ValueError(f"row {row}: {headline!r} is not in the record")
        found.append(place[key])
    frame = pd.DataFrame(stored.reshape(-1, len(step))[found] * step)
    frame.attrs |= {"mean": np.array(record["mean"]), "step": step}
    frame.attrs["directions"] = np.array(record["directions"])
    return frame
