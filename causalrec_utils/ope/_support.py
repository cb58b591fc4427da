"""What the target policy plays and the log never shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .. import _checks
from ..logs import BanditLog

if TYPE_CHECKING:
    import ibis

    from ..policies import Policy


def support(
    log: BanditLog | pd.DataFrame | ibis.Table,
    policy: Policy,
    *,
    action: str | None = None,
    position: str | None = None,
) -> pd.Series:
    r"""Mass that a policy puts on actions which the log never shows.

    For each action a: the share of rows, weighted by :math:`\pi_e(a|k)`, whose slot k never shows
    it. On that mass no weight can help: importance weighting takes it as worth 0, doubly robust
    estimators rest on the outcome model alone. Introduced in section 3.1.

    Parameters
    ----------
    log : BanditLog, pandas.DataFrame or ibis.Table
        One row a decision.
    policy : Policy
        The target policy; one that needs no context.
    action : str, optional
        Column of the action; the log's, or ``"action"``.
    position : str, optional
        Column of the slot; the log's, or none.

    Returns
    -------
    pandas.Series
        By action, largest first; empty if the log supports the policy. Its sum is the mass of the
        target outside the log's support.

    Raises
    ------
    ValueError
        If a column is missing, an action or slot is missing, or the log has no rows.

    Examples
    --------
    >>> from causalrec_utils.policies import TablePolicy
    >>> log = pd.DataFrame({"action": ["a", "b"], "reward": [1, 0], "propensity": [0.5, 0.5]})
    >>> support(log, TablePolicy(pd.Series({"a": 0.5, "b": 0.2, "c": 0.3}))).to_dict()
    {'c': 0.3}
    """
    if isinstance(log, BanditLog):
        table, action, position = log.table, action or log.action, position or log.position
    else:
        table, action = log, action or "action"
    keys = [action] if position is None else [position, action]
    _checks.columns(table, keys)
    if isinstance(table, pd.DataFrame):
        for name in keys:
            _checks.no_missing(table[name], name)
        shown = table.groupby(keys, observed=True).size().reset_index(name="_rows")
    else:
        shown = table.group_by(keys).aggregate(_rows=table.count()).execute()
    if len(shown) == 0:
        raise ValueError("the log has no rows")
    mass = pd.Series(0.0, index=pd.Index(policy.actions))
    slots = [(None, shown)] if position is None else shown.groupby(position, observed=True)
    for slot, part in slots:
        never = mass.index[~mass.index.isin(part[action])]
        where = None if position is None else np.full(len(never), slot)
        share = part["_rows"].sum() / shown["_rows"].sum()
        mass[never] += policy.prob(never, position=where) * share
    return mass[mass > 0].sort_values(ascending=False)


def target_of(
    log: BanditLog | pd.DataFrame | ibis.Table, policy: Policy
) -> tuple[np.ndarray, pd.Series]:
    """Probability of each logged action under a policy, and what the log lacks of it."""
    is_log = isinstance(log, BanditLog)
    table = log.table if is_log else log
    if not isinstance(table, pd.DataFrame):
        raise ValueError("target_prob: for a table in a database, give a column name")
    missing = support(log, policy)
    action, position = (log.action, log.position) if is_log else ("action", None)
    slots = None if position is None else table[position]
    policy.rows_of(table[action], action)  # names the column where an action is unknown
    return policy.prob(table[action], position=slots), missing
