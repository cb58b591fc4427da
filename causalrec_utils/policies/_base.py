"""The policy interface, and policies that do not learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks

Seed = int | np.random.Generator


class Policy:
    """What every policy has: a list of actions, and rows found by label.

    Parameters
    ----------
    actions : sequence
        Labels of the actions, all different.

    Examples
    --------
    >>> Policy(["a", "b", "a"])
    Traceback (most recent call last):
        ...
    ValueError: actions must differ; 'a' comes twice
    """

    def __init__(self, actions: Sequence[Any]) -> None:
        index = pd.Index(actions)
        if index.has_duplicates:
            twice = _checks.plain(index[index.duplicated()][0])
            raise ValueError(f"actions must differ; {twice!r} comes twice")
        if len(index) == 0:
            raise ValueError("a policy needs at least one action")
        self._index = index

    @property
    def actions(self) -> np.ndarray:
        """Labels of the actions, shape (k,)."""
        return self._index.to_numpy()

    def rows_of(self, actions: Any, name: str = "actions") -> np.ndarray:
        """Positions of the given labels among the policy's actions, shape (n,)."""
        labels = _checks.no_missing(actions, name)
        rows = self._index.get_indexer(labels)
        if (rows < 0).any():
            first = int(np.argmax(rows < 0))
            _checks.fail(name, "must be an action that the policy knows", first, labels[first])
        return rows

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        """Probability of the given action in each row, shape (n,)."""
        raise TypeError(f"{type(self).__name__} gives no probabilities")

    def act(self, n: int, *, context: np.ndarray | None = None, seed: Seed = 0) -> np.ndarray:
        """Draw an action for each of n rows, shape (n,)."""
        raise TypeError(f"{type(self).__name__} does not act")

    def update(self, actions: Any, rewards: Any, *, context: np.ndarray | None = None) -> None:
        """Learn from rewards; a fixed policy does not."""


class Uniform(Policy):
    """Each action with equal probability.

    Introduced in section 3.1.

    Parameters
    ----------
    actions : sequence
        Labels of the actions.

    Examples
    --------
    >>> Uniform(["a", "b", "c", "d"]).prob(["a", "c"]).tolist()
    [0.25, 0.25]
    """

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        return np.full(len(self.rows_of(actions)), 1 / len(self.actions))

    def act(self, n: int, *, context: np.ndarray | None = None, seed: Seed = 0) -> np.ndarray:
        return self.actions[np.random.default_rng(seed).integers(len(self.actions), size=n)]


class TablePolicy(Policy):
    """Fixed probabilities by action, and by slot where the policy fills several.

    Introduced in section 3.1.

    Parameters
    ----------
    table : pandas.Series or pandas.DataFrame
        Indexed by action; a column for each slot, named as in the log. Each column adds up to 1.

    Raises
    ------
    ValueError
        If a probability is negative or a column does not add up to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> slots = TablePolicy(pd.DataFrame({1: [0.9, 0.1], 2: [0.2, 0.8]}, index=["a", "b"]))
    >>> slots.prob(["a", "a"], position=[1, 2]).tolist()
    [0.9, 0.2]
    """

    def __init__(self, table: pd.Series | pd.DataFrame) -> None:
        super().__init__(table.index)
        self.table = table.to_frame() if isinstance(table, pd.Series) else table
        for name, column in self.table.items():
            p = _checks.numeric(column, str(name))
            _checks.within(p, str(name), 0, 1)
            if abs(p.sum() - 1) > 1e-6:
                _checks.fail(str(name), f"probabilities must add up to 1, got {p.sum():.6f}")

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        rows = self.rows_of(actions)
        if position is None:
            if self.table.shape[1] != 1:
                raise ValueError(f"position is needed: the table has {self.table.shape[1]} slots")
            return self.table.to_numpy()[rows, 0]
        slots = _checks.no_missing(position, "position")
        cols = self.table.columns.get_indexer(slots)
        if (cols < 0).any():
            first = int(np.argmax(cols < 0))
            _checks.fail("position", "must be a slot of the table", first, slots[first])
        return self.table.to_numpy()[rows, cols]

    def act(self, n: int, *, context: np.ndarray | None = None, seed: Seed = 0) -> np.ndarray:
        if self.table.shape[1] != 1:
            raise ValueError("slots are not independent draws: a table of several slots can't act")
        rng = np.random.default_rng(seed)
        p = self.table.iloc[:, 0].to_numpy(float)
        return self.actions[rng.choice(len(self.actions), size=n, p=p / p.sum())]
