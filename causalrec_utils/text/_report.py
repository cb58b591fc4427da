"""How much personal data the rules find, and how much of what they find is personal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from .. import _checks
from ._inputs import as_texts
from ._redact import KINDS, Span, redact

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["redaction_report"]


def redaction_report(
    labelled: Iterable[tuple[str, Mapping[str, Sequence[Span]]]],
    *,
    kinds: Iterable[str] = KINDS,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Recall and precision of `redact` on texts whose personal data are marked.

    Recall: the share of marked spans of which *every* character is redacted, under whatever kind (a
    number that leaks half is a leak). Precision: the share of found spans that overlap a marked one
    of the same kind. Intervals are Wilson's and take the spans as independent.
    Introduced in section 1.1.

    Parameters
    ----------
    labelled : iterable of (str, dict of str to list of (int, int))
        A text, and start and end of its personal data by kind; what `redact` gives as ``found``.
    kinds : iterable of str
        Kinds to look for and to judge.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Index ``kind``; columns ``marked``, ``found``, ``recall``, ``recall_low``, ``recall_high``,
        ``precision``, ``precision_low``, ``precision_high``. Missing where there is nothing to
        divide by.

    Raises
    ------
    ValueError
        If a kind is unknown, or a marked span lies outside its text or is empty.

    Examples
    --------
    >>> labelled = [("mail jo@example.com", {"email": [(5, 19)]}), ("I met Jo", {"name": [(6, 8)]})]
    >>> redaction_report(labelled).loc[["email", "name"], ["marked", "found", "recall"]]
           marked  found  recall
    kind
    email       1      1     1.0
    name        1      0     0.0
    """
    import pandas as pd

    _checks.level(level)
    asked = [_checks.choice(kind, "kinds", KINDS) for kind in kinds]
    pairs = list(labelled)
    texts = as_texts(text for text, _ in pairs)
    counts = {kind: [0, 0, 0, 0] for kind in asked}  # marked, of these hidden, found, of these true
    for row, ((text, marked), result) in enumerate(
        zip(pairs, redact(texts, kinds=asked), strict=True)
    ):
        _check_spans(text, marked, row)
        everywhere = [span for spans in result.found.values() for span in spans]
        hidden = {at for start, end in everywhere for at in range(start, end)}
        for kind in asked:
            true, found = marked.get(kind, ()), result.found.get(kind, ())
            count = counts[kind]
            count[0] += len(true)
            count[1] += sum(hidden.issuperset(range(start, end)) for start, end in true)
            count[2] += len(found)
            count[3] += sum(any(a < end and start < b for a, b in true) for start, end in found)
    rows = {
        kind: {
            "marked": n_marked,
            "found": n_found,
            **_share("recall", n_hidden, n_marked, level),
            **_share("precision", n_true, n_found, level),
        }
        for kind, (n_marked, n_hidden, n_found, n_true) in counts.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("kind")


def _check_spans(text: str, marked: Mapping[str, Sequence[Span]], row: int) -> None:
    for kind, spans in marked.items():
        _checks.choice(kind, "kinds", KINDS)
        for start, end in spans:
            if not 0 <= start < end <= len(text):
                _checks.fail("labelled", "spans must lie in their text", row, (start, end))


def _share(name: str, hits: int, total: int, level: float) -> dict[str, float]:
    if total == 0:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), float("nan"))
    from scipy.stats import binomtest

    low, high = binomtest(hits, total).proportion_ci(level, method="wilson")
    return {name: hits / total, f"{name}_low": float(low), f"{name}_high": float(high)}
