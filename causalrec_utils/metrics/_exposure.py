"""Which part of the catalogue is shown at all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from ._lists import encode, mean_over_ties, pair_codes, positions, scores, top

__all__ = ["catalogue_coverage"]


def catalogue_coverage(
    recommended: pd.DataFrame,
    catalogue: Iterable[Any],
    k: int = 10,
    *,
    level: float = 0.95,
) -> Estimate:
    r"""Share of the catalogue that appears in the first ``k`` places of at least one list.

    .. math:: \Big|\bigcup_u L_u^k\Big| \Big/ |\text{catalogue}|

    This is the standard definition. Some texts, the source of this book among them, call the share
    that is *not* recommended "coverage"; that is one minus this number.

    For the lists at hand the number is exact. The interval is for what another sample of *as many*
    users would show: coverage grows with the number of users, so compare systems on equal numbers.
    A bootstrap would be wrong here: a resample repeats users, hence shows fewer distinct items,
    and its interval lies too low. Deleting one user at a time does not have that flaw, and the
    variance from it errs on the safe side for any statistic (Efron and Stein), so the interval
    covers at least its level.

    Introduced in section 1.2.

    Parameters
    ----------
    recommended : DataFrame
        Columns ``user``, ``item``, and ``rank`` or ``score``, as in `per_user`.
    catalogue : iterable of items
        Everything that could have been recommended; repeats count once.
    k : int
        Length of the list.
    level : float
        Nominal coverage of the interval, which is cut at 0 and 1.

    Returns
    -------
    Estimate
        ``n`` counts the users with a list. Where scores tie across place ``k``, the expected
        value under random order of the ties.

    Raises
    ------
    ValueError
        If the catalogue is empty, an item is not in it, or the table breaks a rule of `per_user`.

    Notes
    -----
    Definition: Ge, Delgado-Battenfeld and Jannach, "Beyond accuracy: evaluating recommender
    systems by coverage and serendipity", RecSys 2010. Interval: Efron and Stein, "The jackknife
    estimate of variance", Annals of Statistics 9(3), 1981.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"user": [1, 1, 2, 2], "item": list("abac"), "rank": [1, 2, 1, 2]})
    >>> catalogue_coverage(shown, "abcd", k=2).value
    0.75
    """
    k = top(k)
    _checks.level(level)
    _checks.columns(recommended, ["user", "item"])
    users, (u,) = encode("user", recommended["user"])
    known = pd.unique(pd.Series(list(catalogue)))
    if not len(known):
        raise ValueError("catalogue must hold at least one item")
    items, (i, listed) = encode("item", recommended["item"], known)
    _checks.refuse(~np.isin(i, listed), recommended["item"], "item", "must be in the catalogue")
    pair_codes(u, i, len(items), recommended["item"])
    chance = mean_over_ties(*positions(u, scores(recommended, u)), np.ones(k))

    # An item stays unseen if no list surely holds it and all lists that may hold it do not.
    n, m = len(users), len(items)
    sure = chance == 1
    log_missed = np.log1p(-np.where(sure, 0.0, chance))
    n_sure, log_unseen = np.bincount(i[sure], minlength=m), np.bincount(i, log_missed, m)
    value = float(np.sum(1 - (n_sure == 0) * np.exp(log_unseen)) / m)
    # What is lost with a user: his items that every other list misses.
    missed_by_others = (n_sure[i] - sure == 0) * np.exp(log_unseen[i] - log_missed)
    lost = np.bincount(u, chance * missed_by_others, n) / m
    stderr, ci, said = _jackknife(value, lost, level)
    notes = {"items_shown": value * m, "items": float(m)}
    return Estimate(value, stderr, ci, level, n, "distinct items", f"coverage@{k}", notes, said)


def _jackknife(
    value: float, lost: np.ndarray, level: float
) -> tuple[float, tuple[float, float], tuple[str, ...]]:
    from scipy.stats import t

    n = len(lost)
    spread = np.sum((lost - lost.mean()) ** 2) if n else 0.0
    if n < 2 or spread == 0:
        return math.nan, (math.nan, math.nan), ("too few users that differ: no interval",)
    stderr = math.sqrt((n - 1) / n * spread)
    reach = float(t.ppf(0.5 + level / 2, n - 1)) * stderr
    return stderr, (max(value - reach, 0.0), min(value + reach, 1.0)), ()
