"""The policy interface, and policies that do not learn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from .. import _checks

Seed = int | np.random.Generator
VERSION = 1  # of the form of states


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
        return self.actions[self._draw(n, context, np.random.default_rng(seed))]

    def update(self, actions: Any, rewards: Any, *, context: np.ndarray | None = None) -> None:
        """Learn from rewards; a fixed policy does not."""

    def state(self) -> dict[str, Any]:
        """All that the policy is, in plain numbers, texts and lists; `from_state` restores it."""
        options = {name: getattr(self, name) for name in (*self._options, *self._learned)}
        parts = {"actions": self._index, **options}
        head: dict[str, Any] = {"policy": type(self).__name__, "version": VERSION}
        return head | {name: jsonable(part, name) for name, part in parts.items()}

    def to_json(self) -> str:
        """The state as JSON; `from_json` restores it."""
        return json.dumps(self.state(), allow_nan=False)

    # What a policy fills in: the names of its constructor's options and of what it learned (arrays
    # of the shape that the constructor gives them), how it draws, and how it learns, both in
    # positions of actions.
    _options: ClassVar[tuple[str, ...]] = ()
    _learned: ClassVar[tuple[str, ...]] = ()

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        raise TypeError(f"{type(self).__name__} does not act")

    @classmethod
    def _build(cls, parts: dict[str, Any]) -> Any:
        """A policy from the parts of its state."""
        learned = {name: parts.pop(name) for name in cls._learned}
        policy = cls(parts.pop("actions"), **parts)
        for name, value in learned.items():
            array, like = np.asarray(value, float), getattr(policy, name)
            if array.shape != like.shape or not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite numbers of shape {like.shape}")
            setattr(policy, name, array)
        policy._check_learned()
        return policy

    def _check_learned(self) -> None:
        """Raise if what was restored can't have been learned."""


class Learner(Policy):
    """A policy that learns from the rewards of actions."""

    def update(self, actions: Any, rewards: Any, *, context: np.ndarray | None = None) -> None:
        rows = self.rows_of(actions)
        self._learn(rows, _checks.numeric(rewards, "rewards", n=len(rows)), context)

    def _learn(self, rows: np.ndarray, rewards: np.ndarray, context: np.ndarray | None) -> None:
        raise TypeError(f"{type(self).__name__} does not learn")


class MeanLearner(Learner):
    """A learner that keeps, for each action, how many rewards it had and what they add up to."""

    _learned = ("count", "total")

    def __init__(self, actions: Sequence[Any]) -> None:
        super().__init__(actions)
        self.count = np.zeros(len(self.actions))
        self.total = np.zeros(len(self.actions))

    def _probabilities(self) -> np.ndarray:
        """Of every action; the same in each row."""
        raise TypeError(f"{type(self).__name__} gives no probabilities")

    def prob(
        self, actions: Any, *, position: Any = None, context: np.ndarray | None = None
    ) -> np.ndarray:
        return self._probabilities()[self.rows_of(actions)]

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        return rng.choice(len(self._index), size=n, p=self._probabilities())

    def _learn(self, rows: np.ndarray, rewards: np.ndarray, context: np.ndarray | None) -> None:
        self.count += np.bincount(rows, minlength=len(self.count))
        self.total += np.bincount(rows, rewards, len(self.total))

    def _check_learned(self) -> None:
        _checks.within(self.count, "count", 0)


def jsonable(value: Any, name: str) -> Any:
    """Labels, numbers or an array as JSON has them."""
    items = value.tolist() if isinstance(value, np.ndarray | pd.Index) else _checks.plain(value)
    for item in items if isinstance(items, list) else [items]:
        if not isinstance(item, str | int | float | list | None):
            raise TypeError(f"{name}: {type(item).__name__} has no JSON form; got {item!r}")
    return items


def frame(values: Any, index: list[Any], columns: list[Any]) -> pd.DataFrame:
    """A table from its saved parts; pandas would repeat a single row as often as needed."""
    if (shape := np.shape(values)) != (want := (len(index), len(columns))):
        raise ValueError(f"table must have shape {want}, got {shape}")
    return pd.DataFrame(values, index=index, columns=columns)


def check_context(context: np.ndarray | None, n: int, dim: int) -> np.ndarray:
    """Context as floats of shape (n, dim), all finite."""
    x = np.asarray(context if context is not None else np.empty(0), float)
    if x.shape != (n, dim):
        raise ValueError(f"context must have shape ({n}, {dim}), got {x.shape}")
    if not np.isfinite(x).all():
        for j in range(dim):
            _checks.numeric(x[:, j], f"context {j}")
    return x


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

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(len(self._index), size=n)


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

    def _draw(self, n: int, context: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        if self.table.shape[1] != 1:
            raise ValueError("slots are not independent draws: a table of several slots can't act")
        p = self.table.iloc[:, 0].to_numpy(float)
        return rng.choice(len(p), size=n, p=p / p.sum())

    def state(self) -> dict[str, Any]:
        columns, table = self.table.columns, self.table.to_numpy(float)
        parts = {"positions": jsonable(columns, "positions"), "table": table.tolist()}
        return super().state() | parts

    @classmethod
    def _build(cls, parts: dict[str, Any]) -> TablePolicy:
        index, columns = parts.pop("actions"), parts.pop("positions")
        return cls(frame(parts.pop("table"), index, columns), **parts)
