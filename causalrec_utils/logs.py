"""A validated interaction log, in memory or in a database.

A bandit log records, for each decision, what was shown (action), what came of it (reward) and how
likely the logging policy was to show it (propensity). `BanditLog` checks these once, when it is
made, and remembers which column is which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from . import _checks

if TYPE_CHECKING:
    import ibis

__all__ = ["BanditLog"]


@dataclass(frozen=True, eq=False)
class BanditLog:
    """A log of decisions: which action, which reward, with which probability.

    Introduced in section 3.1.

    Parameters
    ----------
    table : pandas.DataFrame or ibis.Table
        One row a decision. A table in a database stays there.
    action : str
        Column of the action that was taken (an item, an arm).
    reward : str
        Column of the outcome; finite numbers (a click is 0 or 1).
    propensity : str
        Column of the probability with which the logging policy took that action, in (0, 1].
    position : str, optional
        Column of the slot in the list, where several actions are shown at once.
    cluster : str, optional
        Column of the unit whose rows depend on each other (user, day).

    Raises
    ------
    ValueError
        If a column is missing, a reward is not finite, a propensity is outside (0, 1], or an
        action, position or cluster is missing; the message names the column, the rule and the
        first offending row.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame(
    ...     {"action": ["a", "b", "a"], "reward": [1, 0, 0], "propensity": [0.5, 0.5, 0.5]}
    ... )
    >>> BanditLog(rows)
    BanditLog: 3 rows, 2 actions, mean reward 0.333
    >>> BanditLog(rows.assign(propensity=[0.5, 0.0, 0.5]))
    Traceback (most recent call last):
        ...
    ValueError: column 'propensity': must be in (0, 1]; first offending row: 1 (value 0.0)
    """

    table: pd.DataFrame | ibis.Table
    action: str = "action"
    reward: str = "reward"
    propensity: str = "propensity"
    position: str | None = None
    cluster: str | None = None

    def __post_init__(self) -> None:
        _checks.columns(self.table, self.columns)
        if self.in_memory:
            _checks.numeric(self.table[self.reward], self.reward)
            p = _checks.numeric(self.table[self.propensity], self.propensity)
            _checks.within(p, self.propensity, 0, 1, open_low=True)
            for name in filter(None, (self.action, self.position, self.cluster)):
                _checks.no_missing(self.table[name], name)
        else:
            labels = [c for c in (self.action, self.position, self.cluster) if c is not None]
            rules = column_rules(
                self.table, reward=self.reward, propensity=self.propensity, labels=labels
            )
            scan(self.table, rules)

    @property
    def in_memory(self) -> bool:
        """Whether the rows are a DataFrame; otherwise they are an ibis table."""
        return isinstance(self.table, pd.DataFrame)

    @property
    def columns(self) -> list[str]:
        """The columns that the log knows by role."""
        roles = (self.action, self.reward, self.propensity, self.position, self.cluster)
        return list(dict.fromkeys(c for c in roles if c is not None))

    @classmethod
    def from_parquet(cls, path: str | Path, **columns: str) -> BanditLog:
        """Open Parquet files without reading them into memory.

        Parameters
        ----------
        path : path
            A file or a glob pattern.
        **columns : str
            Column names by role, as in the class.

        Returns
        -------
        BanditLog
        """
        import ibis

        return cls(ibis.duckdb.connect().read_parquet(str(path)), **columns)

    @classmethod
    def from_duckdb(cls, path: str | Path, table: str, **columns: str) -> BanditLog:
        """Open one table of a DuckDB database file, read-only.

        Parameters
        ----------
        path : path
            The database file.
        table : str
            Name of the table.
        **columns : str
            Column names by role, as in the class.

        Returns
        -------
        BanditLog
        """
        import ibis

        return cls(ibis.duckdb.connect(str(path), read_only=True).table(table), **columns)

    def __len__(self) -> int:
        return len(self.table) if self.in_memory else int(self.table.count().execute())

    def __repr__(self) -> str:
        if self.in_memory:
            n, k = len(self.table), self.table[self.action].nunique()
            mean = self.table[self.reward].mean()
        else:
            t = self.table
            row = t.aggregate(
                n=t.count(), k=t[self.action].nunique(), mean=t[self.reward].mean()
            ).execute()
            n, k, mean = int(row.n[0]), int(row.k[0]), float(row["mean"][0])
        return f"BanditLog: {n:,} rows, {k} actions, mean reward {mean:.3g}"


def column_rules(
    table: ibis.Table,
    *,
    reward: str,
    propensity: str,
    labels: Iterable[str] = (),
    numbers: Iterable[str] = (),
) -> dict[tuple[str, str], Any]:
    """The same rules as for a DataFrame, as ibis expressions that are true where broken."""
    rules = {}
    for name in dict.fromkeys((reward, propensity, *numbers)):
        if not (table[name].type().is_numeric() or table[name].type().is_boolean()):
            _checks.fail(name, f"must be numbers, got a column of type {table[name].type()}")
        x = table[name].cast("float64")
        rules[(name, "must be finite (no NaN, no infinity)")] = x.isnull() | x.isnan() | x.isinf()
    p = table[propensity].cast("float64")
    rules[(propensity, "must be in (0, 1]")] = (p <= 0) | (p > 1)
    for name in labels:
        missing = table[name].isnull()
        if table[name].type().is_floating():
            missing = missing | table[name].isnan()
        rules[(name, "must not be missing")] = missing
    return rules


def scan(table: ibis.Table, rules: dict[tuple[str, str], Any], **aggregates: Any) -> pd.Series:
    """Check all rules and compute any aggregates in one scan; a broken rule costs a second one."""
    counts = {f"_broken{i}": table.count(where=bad) for i, bad in enumerate(rules.values())}
    row = table.aggregate(**counts, **aggregates).execute().iloc[0]
    for i, ((name, rule), bad) in enumerate(rules.items()):
        if row[f"_broken{i}"]:
            _point_out(table, name, rule, bad)
    return row


def _point_out(table: ibis.Table, name: str, rule: str, bad: Any) -> None:
    """Name the first bad row, in the order in which the database reads the table."""
    import ibis

    numbered = table.mutate(_bad=bad.fill_null(False)).mutate(_row=ibis.row_number())
    first = numbered.filter(numbered["_bad"]).order_by("_row").limit(1).execute().iloc[0]
    _checks.fail(name, rule, int(first["_row"]), first[name])
