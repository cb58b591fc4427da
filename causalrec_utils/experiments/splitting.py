"""Real counts dealt at random into parts that are as good as separate experiments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from .counts import checked_counts

__all__ = ["split_counts", "split_half"]


def split_counts(
    clicks: Any, impressions: Any, *, parts: int, seed: int | np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Deal each arm's impressions at random into equal parts, and its clicks with them.

    Given the total counts this is exactly what shuffling the single impressions would do, so the
    parts are as good as separate experiments. Cumulative sums over parts are looks at a running
    test; two groups of parts of the same arm are an A/A test.

    Parameters
    ----------
    clicks, impressions : array_like, shape (m,)
        Counts of each arm.
    parts : int
        Number of parts, at least 2. Where it does not divide the impressions, the first parts get
        one more.
    seed : int or numpy.random.Generator

    Returns
    -------
    clicks, impressions : numpy.ndarray of int, shape (m, parts)

    Raises
    ------
    ValueError
        As `compare_rates_table`; or fewer than 2 parts, or an arm with fewer impressions than
        parts.

    Notes
    -----
    Hypergeometric, one part after the other. Introduced in section 3.1.

    Examples
    --------
    >>> clicks, impressions = split_counts([50], [1000], parts=4, seed=0)
    >>> impressions, int(clicks.sum())
    (array([[250, 250, 250, 250]]), 50)
    """
    x, m = checked_counts(clicks, impressions, "clicks", "impressions")
    if parts < 2:
        raise ValueError(f"parts must be at least 2, got {parts}")
    _checks.within(m, "impressions", parts)
    rng = np.random.default_rng(seed)
    left_x, left_m = x.astype(np.int64), m.astype(np.int64)
    size = left_m[:, None] // parts + (np.arange(parts) < (left_m % parts)[:, None])
    dealt = np.zeros_like(size)
    for k in range(parts):
        dealt[:, k] = rng.hypergeometric(left_x, left_m - left_x, size[:, k])
        left_x, left_m = left_x - dealt[:, k], left_m - size[:, k]
    return dealt, size


def split_half(clicks: Any, impressions: Any, *, seed: int | np.random.Generator) -> pd.DataFrame:
    """Split each arm's impressions at random into two halves: choose on one, measure on the other.

    Parameters
    ----------
    clicks, impressions : array_like, shape (m,)
        Counts of each arm. If a Series, its index is kept.
    seed : int or numpy.random.Generator

    Returns
    -------
    pandas.DataFrame
        Columns ``clicks_a``, ``impressions_a``, ``clicks_b``, ``impressions_b``, in the order of
        the input. Of an odd number of impressions half A has one more.

    Raises
    ------
    ValueError
        As `split_counts`.

    Notes
    -----
    See `split_counts`. Introduced in section 3.1.

    Examples
    --------
    >>> split_half([10, 0], [101, 40], seed=0)["impressions_a"].tolist()
    [51, 20]
    """
    x, m = split_counts(clicks, impressions, parts=2, seed=seed)
    return pd.DataFrame(
        {
            "clicks_a": x[:, 0],
            "impressions_a": m[:, 0],
            "clicks_b": x[:, 1],
            "impressions_b": m[:, 1],
        },
        index=clicks.index if isinstance(clicks, pd.Series) else None,
    )
