"""Tables of recommendations: checks, codes, and positions with ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import _checks

__all__ = [
    "binary",
    "encode",
    "mean_over_ties",
    "pair_codes",
    "positions",
    "scores",
    "top",
]


def binary(values: np.ndarray, name: str) -> np.ndarray:
    """The values, if all are 0 or 1."""
    _checks.refuse((values != 0) & (values != 1), values, name, "must be 0 or 1")
    return values


def encode(name: str, *columns: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """Sorted labels, and the integer codes of each column in them; one type for all columns."""
    arrays = [_checks.no_missing(c, name) for c in columns]
    kinds = {a.dtype.kind in "biuf" for a in arrays if len(a)}
    if len(kinds) > 1:
        types = " and ".join(str(a.dtype) for a in arrays)
        _checks.fail(name, f"must have the same type in all tables, got {types}")
    codes, labels = pd.factorize(np.concatenate(arrays), sort=True)
    return labels, np.split(codes, np.cumsum([len(a) for a in arrays])[:-1])


def pair_codes(user: np.ndarray, item: np.ndarray, n_items: int, items: Any) -> np.ndarray:
    """One integer a (user, item) pair; a pair that comes twice is an error."""
    pairs = user.astype(np.int64) * n_items + item
    twice = pd.Series(pairs).duplicated().to_numpy()
    _checks.refuse(twice, items, "item", "each (user, item) pair may come once only")
    return pairs


def positions(group: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places that each row may take in its group, best score first: from first to last - 1.

    Places count from 0. Rows with equal scores share the same range of places.
    """
    n = len(score)
    order = np.lexsort((-score, group))
    g, s = group[order], score[order]
    new_group, new_tie = np.ones(n, bool), np.ones(n, bool)
    new_group[1:] = g[1:] != g[:-1]
    new_tie[1:] = new_group[1:] | (s[1:] != s[:-1])
    group_start = np.maximum.accumulate(np.where(new_group, np.arange(n), 0))
    starts = np.flatnonzero(new_tie)
    tie = np.cumsum(new_tie) - 1
    first, last = np.empty(n, int), np.empty(n, int)
    first[order] = starts[tie] - group_start
    last[order] = np.append(starts[1:], n)[tie] - group_start
    return first, last


def mean_over_ties(first: np.ndarray, last: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """Mean worth of the places that a row may take; places beyond ``worth`` are worth 0."""
    total, k = np.concatenate([[0.0], np.cumsum(worth)]), len(worth)
    single = total[np.minimum(last, k)] - total[np.minimum(first, k)]
    return single / (last - first)


def scores(recommended: pd.DataFrame, user: np.ndarray) -> np.ndarray:
    """Values to sort by, highest first: minus ``rank`` if that column is there, else ``score``."""
    if "rank" not in recommended.columns:
        _checks.columns(recommended, ["score"])
        return _checks.numeric(recommended["score"], "score")
    rank = _checks.numeric(recommended["rank"], "rank")
    first, last = positions(user, -rank)
    bad = (rank != first + 1) | (last - first > 1)
    _checks.refuse(bad, rank, "rank", "must be 1, 2, 3, ... for each user, without repeats or gaps")
    return -rank


def top(k: int) -> int:
    """Length of the list."""
    if isinstance(k, bool) or int(k) != k or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, got {k}")
    return int(k)
