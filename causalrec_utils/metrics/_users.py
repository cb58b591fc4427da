"""The table of metrics by user, and paired comparisons from it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from ._auc import auc_by_group
from ._bootstrap import mean_over_users
from ._lists import encode, mean_over_ties, pair_codes, positions, scores, top

__all__ = ["compare", "per_user"]


def per_user(recommended: pd.DataFrame, relevant: pd.DataFrame, k: int = 10) -> pd.DataFrame:
    r"""Every ranking metric for every user: the table that the averages come from.

    With :math:`h` hits among the first :math:`k` places and :math:`m` relevant items,

    .. math::
        P = h / k, \quad R = h / m, \quad F_1 = 2h / (k + m), \quad
        \mathrm{NDCG} = \frac{\sum_{r \le k} g_r / \log_2(r + 1)}
                             {\max_{\text{orders}} \sum_{r \le k} g_r / \log_2(r + 1)}

    Rules for the edges:

    - Users are those of either table. A user without a list has no hits.
    - A list shorter than ``k`` still counts ``k`` places: an empty place is not a hit.
    - A user without relevant items has precision 0 and no (NaN) recall, F1 and NDCG.
    - Tied scores give the *expected* metric under random order among the ties, so the order of the
      rows never matters.
    - ``auc`` uses all rows of the user's list, not only ``k``: the chance that a relevant item of
      the list stands above another one. NaN unless the list holds both kinds.

    Introduced in section 1.2.

    Parameters
    ----------
    recommended : DataFrame
        Columns ``user``, ``item`` and ``rank`` (1 is best) or ``score`` (highest is best). With
        both, ``rank`` is used: it is the order that was shown.
    relevant : DataFrame
        Columns ``user``, ``item`` and, for graded relevance, ``gain`` (at least 0; 0 means judged
        and not relevant). Gains enter NDCG as they are; pass ``2**grade - 1`` for that variant.
    k : int
        Length of the list.

    Returns
    -------
    DataFrame
        One row a user, sorted: ``user, n_recommended, n_relevant, hits, precision, recall, f1,
        ndcg, auc``.

    Raises
    ------
    ValueError
        For a missing column or value, a (user, item) pair that comes twice, ranks that are not
        1, 2, 3, ..., a negative gain, or labels of different types in the two tables.

    Notes
    -----
    NDCG: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS
    20(4), 2002. Ties: McSherry and Najork, "Computing information retrieval performance measures
    efficiently in the presence of tied scores", ECIR 2008.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"user": [1, 1, 2], "item": ["a", "b", "a"], "rank": [1, 2, 1]})
    >>> liked = pd.DataFrame({"user": [1, 2], "item": ["b", "c"]})
    >>> per_user(shown, liked, k=2)[["user", "hits", "precision", "recall", "ndcg"]].round(2)
       user  hits  precision  recall  ndcg
    0     1   1.0        0.5     1.0  0.63
    1     2   0.0        0.0     0.0  0.00
    """
    k = top(k)
    _checks.columns(recommended, ["user", "item"])
    _checks.columns(relevant, ["user", "item"])
    users, (u, ru) = encode("user", recommended["user"], relevant["user"])
    items, (i, ri) = encode("item", recommended["item"], relevant["item"])
    pairs = pair_codes(u, i, len(items), recommended["item"])
    relevant_pairs = pair_codes(ru, ri, len(items), relevant["item"])
    gain = np.ones(len(relevant))
    if "gain" in relevant.columns:
        gain = _checks.numeric(relevant["gain"], "gain")
        _checks.within(gain, "gain", low=0)
    score = scores(recommended, u)

    index = pd.Index(relevant_pairs).get_indexer(pairs)
    got = np.where(index >= 0, np.append(gain, 0.0)[index], 0.0)
    first, last = positions(u, score)
    in_list = mean_over_ties(first, last, np.ones(k))
    discount = 1 / np.log2(np.arange(2, k + 2))

    n = len(users)
    hits = np.bincount(u, in_list * (got > 0), n)
    m = np.bincount(ru, gain > 0, n)
    dcg = np.bincount(u, mean_over_ties(first, last, discount) * got, n)
    best = np.bincount(ru, mean_over_ties(*positions(ru, gain), discount) * gain, n)
    with np.errstate(invalid="ignore"):
        metrics = {
            "precision": hits / k,
            "recall": hits / m,
            "f1": np.where(m > 0, 2 * hits / (k + m), np.nan),
            # Summed in two orders, so a perfect list may come out as 1 + 1e-16.
            "ndcg": np.minimum(dcg / best, 1.0),
            "auc": auc_by_group(u, n, first, last, got > 0),
        }
    counts = {"n_recommended": np.bincount(u, minlength=n), "n_relevant": m.astype(int)}
    return pd.DataFrame({"user": users, **counts, "hits": hits, **metrics})


def compare(
    per_user_a: pd.DataFrame,
    per_user_b: pd.DataFrame,
    metric: str,
    *,
    level: float = 0.95,
    n_boot: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Estimate:
    r"""Mean difference of a metric between two recommenders, paired by user.

    .. math:: \frac1n \sum_u (a_u - b_u)

    Users differ more than recommenders do; pairing takes the users' part out of the interval, so
    this is far sharper than looking whether two separate intervals overlap.

    Introduced in section 1.2.

    Parameters
    ----------
    per_user_a, per_user_b : DataFrame
        From `per_user`, or any tables with ``user`` and the metric, over the same users.
    metric : str
        Column to compare.
    level, n_boot, seed
        As in `ranking_report`.

    Returns
    -------
    Estimate
        ``a - b``. Users for whom either side is undefined (NaN) are left out and counted.

    Raises
    ------
    ValueError
        If a column is missing, or a user comes twice or in one table only.

    Examples
    --------
    >>> import pandas as pd
    >>> a = pd.DataFrame({"user": [1, 2, 3], "ndcg": [0.5, 0.7, 0.2]})
    >>> b = pd.DataFrame({"user": [3, 1, 2], "ndcg": [0.1, 0.5, 0.5]})
    >>> round(compare(a, b, "ndcg").value, 2)
    0.1
    """
    for table in (per_user_a, per_user_b):
        _checks.columns(table, ["user", metric])
    labels, (ua, ub) = encode("user", per_user_a["user"], per_user_b["user"])
    sides = []
    for table, codes, other in ((per_user_a, ua, ub), (per_user_b, ub, ua)):
        bad = pd.Series(codes).duplicated().to_numpy() | ~np.isin(codes, other)
        _checks.refuse(bad, labels[codes], "user", "each user must come once in both tables")
        value = np.empty(len(labels))
        value[codes] = table[metric].to_numpy(float)
        sides.append(value)
    return mean_over_users(
        sides[0] - sides[1],
        estimand=f"difference in {metric}",
        method="paired by user",
        level=level,
        n_boot=n_boot,
        seed=seed,
    )
