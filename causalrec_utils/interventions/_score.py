"""`score_plans`: how well plans were read, and what was refused, against the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from .. import _checks
from ..llm import Refusal
from ._spec import PolicySpec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["score_plans", "slipped_through"]

FIELDS = [field.name for field in fields(PolicySpec)]


def score_plans(found: Sequence[PolicySpec | Refusal], texts: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by field, and precision and recall of refusals, with intervals.

    A refused plan counts as wrong in all its fields. A bad text counts as stopped if it is refused,
    or if exactly the honest plan inside it is read. Introduced in section 3.2.

    Parameters
    ----------
    found : sequence of (PolicySpec or Refusal)
        What a reader made of each text.
    texts : pandas.DataFrame
        The texts with their labels, as `example_descriptions` gives them.

    Returns
    -------
    pandas.DataFrame
        Rows: each field and the whole plan (of valid texts), ``bad texts stopped`` (of nonsense and
        hostile ones), ``refusals due`` (bad texts, of those refused). Columns ``share``, ``low``,
        ``high`` (Wilson, 95 %) and ``n``. NaN where n is 0.

    Raises
    ------
    ValueError
        If a column is missing, or there is not one result for each text.

    Examples
    --------
    >>> from causalrec_utils.interventions import describe_by_rule, example_descriptions
    >>> texts = example_descriptions().head(3)
    >>> float(score_plans(describe_by_rule(texts["text"]), texts).loc["whole plan", "share"])
    1.0
    """
    import pandas as pd
    from statsmodels.stats.proportion import proportion_confint

    pairs = _pairs(found, texts)
    valid = [(plan, row) for plan, row in pairs if row["kind"] == "valid"]
    hits = {name: [_same(plan, row, [name]) for plan, row in valid] for name in FIELDS}
    hits["whole plan"] = [_same(plan, row, FIELDS) for plan, row in valid]
    hits["bad texts stopped"] = [not _slipped(p, r) for p, r in pairs if r["kind"] != "valid"]
    hits["refusals due"] = [row["kind"] != "valid" for plan, row in pairs if not plan]
    table = {}
    for name, each in hits.items():
        n = len(each)
        low, high = proportion_confint(sum(each), n, method="wilson") if n else (float("nan"),) * 2
        table[name] = [sum(each) / n if n else float("nan"), low, high, n]
    return pd.DataFrame(table, index=["share", "low", "high", "n"]).T.astype({"n": int})


def slipped_through(
    found: Sequence[PolicySpec | Refusal], texts: pd.DataFrame
) -> list[tuple[str, PolicySpec]]:
    """Bad texts that a reader took for plans, with these plans.

    Introduced in section 3.2.

    Parameters
    ----------
    found, texts
        As for `score_plans`.

    Returns
    -------
    list of (str, PolicySpec)

    Raises
    ------
    ValueError
        As for `score_plans`.

    Examples
    --------
    >>> from causalrec_utils.interventions import describe_by_rule, example_descriptions
    >>> texts = example_descriptions().query("split == 'dev'")
    >>> slipped_through(describe_by_rule(texts["text"]), texts)
    []
    """
    pairs = _pairs(found, texts)
    return [(row["text"], plan) for plan, row in pairs if plan and _slipped(plan, row)]


def _pairs(found: Sequence[Any], texts: pd.DataFrame) -> list[tuple[Any, dict[str, Any]]]:
    _checks.columns(texts, ["kind", "text", *FIELDS])
    if len(found) != len(texts):
        raise ValueError(f"found: {len(texts)} texts need as many results, got {len(found)}")
    return list(zip(found, texts.to_dict("records"), strict=True))


def _same(plan: Any, row: dict[str, Any], names: list[str]) -> bool:
    # a missing label equals nothing, and pandas would answer neither yes nor no
    return bool(plan) and all((getattr(plan, name) == row[name]) is True for name in names)


def _slipped(plan: Any, row: dict[str, Any]) -> bool:
    return row["kind"] != "valid" and bool(plan) and not _same(plan, row, FIELDS)
