"""A policy with one row of probabilities for each segment of users."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ._base import Policy, frame, jsonable


class SegmentPolicy(Policy):
    """Fixed probabilities of actions in each segment; the context is the segment.

    Introduced in section 5.2.1.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each segment, a column for each action; each row adds up to 1.
    value : float, optional
        Expected reward a decision, where known (`constrain` gives it).
    prices : pandas.DataFrame, optional
        Constraints and their shadow prices (`constrain` gives them).

    Raises
    ------
    ValueError
        If a probability is negative or a row does not add up to 1, if segments come twice, or a
        segment is unknown.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [0.9, 0.2], "b": [0.1, 0.8]}, index=["new", "loyal"])
    >>> SegmentPolicy(table).prob(["a", "b"], context=["new", "loyal"]).tolist()
    [0.9, 0.8]
    """

    def __init__(
        self,
        table: pd.DataFrame,
        *,
        value: float | None = None,
        prices: pd.DataFrame | None = None,
    ) -> None:
        super().__init__(table.columns)
        if table.index.has_duplicates or len(table) == 0:
            raise ValueError("segments must differ, and there must be at least one")
        for label, row in table.iterrows():
            p = _checks.numeric(row.to_numpy(), f"segment {_checks.plain(label)!r}")
            _checks.within(p, f"segment {_checks.plain(label)!r}", 0, 1)
            if abs(p.sum() - 1) > 1e-6:
                rule = f"probabilities must add up to 1, got {p.sum():.6f}"
                _checks.fail(f"segment {_checks.plain(label)!r}", rule)
        self.table = table.astype(float)
        self.value, self.prices = value, prices

    @property
    def segments(self) -> np.ndarray:
        """Labels of the segments."""
        return self.table.index.to_numpy()

    def _rows(self, context: Any, n: int) -> np.ndarray:
        labels = np.asarray(context if context is not None else [])
        if labels.shape not in ((n,), (n, 1)):
            raise ValueError(f"context must be one segment for each of {n} rows")
        labels = _checks.no_missing(labels.reshape(n), "context")
        rows = self.table.index.get_indexer(labels)
        _checks.refuse(rows < 0, labels, "context", "must be a segment that the policy knows")
        return rows

    def prob(self, actions: Any, *, position: Any = None, context: Any = None) -> np.ndarray:
        columns = self.rows_of(actions)
        return self.table.to_numpy()[self._rows(context, len(columns)), columns]

    def _draw(self, n: int, context: Any, rng: np.random.Generator) -> np.ndarray:
        rows, k = self._rows(context, n), len(self.actions)
        below = self.table.to_numpy().cumsum(axis=1)
        below /= below[:, -1:]
        # Segment s owns (s, s + 1] of one long line, so that one search serves all rows.
        line = (below + np.arange(len(below))[:, None]).ravel()
        found = np.searchsorted(line, rng.random(n) + rows, side="right") - rows * k
        return np.minimum(found, k - 1)

    def state(self) -> dict[str, Any]:
        prices = None
        if self.prices is not None:
            prices = [[_checks.plain(v) for v in row] for row in self.prices.to_numpy(object)]
        return super().state() | {
            "segments": jsonable(self.table.index, "segments"),
            "table": self.table.to_numpy().tolist(),
            "value": self.value,
            "prices": prices,
        }

    @classmethod
    def _build(cls, parts: dict[str, Any]) -> SegmentPolicy:
        index, columns = parts.pop("segments"), parts.pop("actions")
        table = frame(parts.pop("table"), index, columns)
        prices = parts.pop("prices")
        if prices is not None:
            prices = pd.DataFrame(prices, columns=PRICE_COLUMNS)
        return cls(table, prices=prices, **parts)


PRICE_COLUMNS = ["constraint", "which", "limit", "used", "price"]
