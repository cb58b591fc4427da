"""Top-k lists against the items that turned out to be relevant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..estimate import Estimate
from ._bootstrap import mean_over_users
from ._exposure import catalogue_coverage
from ._users import per_user

__all__ = ["f1", "ndcg", "precision", "ranking_report", "recall"]

_AT_K = ("precision", "recall", "f1", "ndcg")


def _summary(table: pd.DataFrame, name: str, k: int, **options: Any) -> Estimate:
    without = table["n_relevant"] == 0
    notes = {
        "users_without_relevant": float(without.sum()),
        "users_without_list": float((table["n_recommended"] == 0).sum()),
        "users_short_list": float(table["n_recommended"].between(1, k - 1).sum()),
    }
    rule = "counted as 0" if name == "precision" else "left out"
    said = (f"{without.sum():,} users without relevant items {rule}",) if without.any() else ()
    estimand = f"{name}@{k}" if name in _AT_K else f"{name} within lists"
    values = table[name].to_numpy()
    return mean_over_users(values, estimand=estimand, diagnostics=notes, warnings=said, **options)


def ranking_report(
    recommended: pd.DataFrame,
    relevant: pd.DataFrame,
    k: int = 10,
    *,
    catalogue: Iterable[Any] | None = None,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> dict[str, Estimate]:
    """All ranking metrics at once, from one `per_user` table.

    Introduced in section 1.2.

    Parameters
    ----------
    recommended, relevant, k
        As in `per_user`.
    catalogue : iterable of items, optional
        Adds ``coverage``, see `catalogue_coverage`.
    level, n_boot, seed
        Nominal coverage of the intervals, number of resamples of users, randomness.

    Returns
    -------
    dict of str to Estimate
        ``precision, recall, f1, ndcg, auc`` and, with a catalogue, ``coverage``. Each is the mean
        over the users for whom it is defined; the diagnostics count the others.

    Raises
    ------
    ValueError
        As `per_user` and `catalogue_coverage`.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"user": [1, 1, 2, 3], "item": [7, 8, 7, 9], "rank": [1, 2, 1, 1]})
    >>> liked = pd.DataFrame({"user": [1, 2, 3], "item": [8, 9, 9]})
    >>> report = ranking_report(shown, liked, k=2, catalogue=range(10))
    >>> {name: round(e.value, 2) for name, e in report.items()}
    {'precision': 0.33, 'recall': 0.67, 'f1': 0.44, 'ndcg': 0.54, 'auc': 0.0, 'coverage': 0.3}
    """
    table = per_user(recommended, relevant, k)
    options = {"level": level, "n_boot": n_boot, "seed": seed}
    report = {name: _summary(table, name, k, **options) for name in (*_AT_K, "auc")}
    if catalogue is not None:
        report["coverage"] = catalogue_coverage(recommended, catalogue, k, level=level)
    return report


def precision(
    recommended: pd.DataFrame,
    relevant: pd.DataFrame,
    k: int = 10,
    *,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    """Share of the first ``k`` places that hold a relevant item, averaged over users.

    Parameters, rules and errors as in `per_user` and `ranking_report`. Users without relevant
    items count as 0. Introduced in section 1.2.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"user": [1, 2, 3], "item": [7, 7, 9], "score": [0.9, 0.2, 0.4]})
    >>> liked = pd.DataFrame({"user": [1, 2, 3], "item": [8, 7, 9]})
    >>> round(precision(shown, liked, k=1).value, 2)
    0.67
    """
    table = per_user(recommended, relevant, k)
    return _summary(table, "precision", k, level=level, n_boot=n_boot, seed=seed)


def recall(
    recommended: pd.DataFrame,
    relevant: pd.DataFrame,
    k: int = 10,
    *,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    """Share of a user's relevant items that the first ``k`` places hold, averaged over users.

    Parameters, rules and errors as in `per_user` and `ranking_report`. Users without relevant
    items are left out and counted. Introduced in section 1.2.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"user": [1, 2], "item": [7, 7], "score": [0.9, 0.2]})
    >>> liked = pd.DataFrame({"user": [1, 1, 2], "item": [7, 8, 7]})
    >>> recall(shown, liked, k=1).value
    0.75
    """
    table = per_user(recommended, relevant, k)
    return _summary(table, "recall", k, level=level, n_boot=n_boot, seed=seed)


def f1(
    recommended: pd.DataFrame,
    relevant: pd.DataFrame,
    k: int = 10,
    *,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    """Harmonic mean of a user's precision and recall, averaged over users.

    The mean of the users' F1, which is not the F1 of the mean precision and recall. Parameters,
    rules and errors as in `per_user` and `ranking_report`. Users without relevant items are left
    out and counted. Introduced in section 1.2.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"user": [1, 2], "item": [7, 7], "score": [0.9, 0.2]})
    >>> liked = pd.DataFrame({"user": [1, 1, 2], "item": [7, 8, 7]})
    >>> round(f1(shown, liked, k=1).value, 2)
    0.83
    """
    table = per_user(recommended, relevant, k)
    return _summary(table, "f1", k, level=level, n_boot=n_boot, seed=seed)


def ndcg(
    recommended: pd.DataFrame,
    relevant: pd.DataFrame,
    k: int = 10,
    *,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    """Discounted gain of the list as a share of the best possible list's, averaged over users.

    Parameters, formula, rules and errors as in `per_user` and `ranking_report`. Users without
    relevant items are left out and counted. Introduced in section 1.2.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"user": [1, 1], "item": [7, 8], "rank": [1, 2]})
    >>> liked = pd.DataFrame({"user": [1, 1], "item": [7, 8], "gain": [1, 3]})
    >>> round(ndcg(shown, liked, k=2).value, 3)
    0.797
    """
    table = per_user(recommended, relevant, k)
    return _summary(table, "ndcg", k, level=level, n_boot=n_boot, seed=seed)
