"""From a table to checked arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import _checks

__all__: list[str] = []


@dataclass(frozen=True)
class Inputs:
    """Outcome (n,), treatment (n,), confounders (n, d), and the cluster of each row or None."""

    y: np.ndarray
    t: np.ndarray
    x: np.ndarray
    codes: np.ndarray | None
    treatment: str

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def arms(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of control and of treatment."""
        return self.t == 0, self.t == 1


def names_of(columns: str | Sequence[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def read(
    data: pd.DataFrame,
    treatment: str,
    outcome: str,
    confounders: str | Sequence[str],
    cluster: str | None,
    *,
    binary: bool = True,
) -> Inputs:
    """Check every column that is used; ``binary`` asks for a treatment of zeros and ones."""
    names = names_of(confounders)
    _checks.columns(data, [treatment, outcome, *names, *([] if cluster is None else [cluster])])
    for name in names:
        if name in (treatment, outcome):
            what = "treatment" if name == treatment else "outcome"
            _checks.fail(name, f"is the {what} and cannot be a confounder too")
        if names.count(name) > 1:
            _checks.fail(name, "is given more than once among the confounders")
    t = _checks.numeric(data[treatment], treatment)
    if binary:
        zero_or_one(t, treatment)
    elif len(t) == 0 or np.ptp(t) == 0:
        _checks.fail(treatment, "must vary")
    x = np.empty((len(t), len(names)))
    for j, name in enumerate(names):
        x[:, j] = _checks.numeric(data[name], name)
    y = _checks.numeric(data[outcome], outcome)
    codes = None if cluster is None else cluster_codes(data[cluster], cluster)
    return Inputs(y, t, x, codes, treatment)


def zero_or_one(t: np.ndarray, name: str) -> None:
    _checks.refuse((t != 0) & (t != 1), t, name, "must be 0 or 1")
    for arm in (0, 1):
        if not (t == arm).any():
            _checks.fail(name, f"must hold both 0 and 1, holds no {arm}")


def cluster_codes(values: pd.Series, name: str) -> np.ndarray:
    codes = pd.factorize(_checks.no_missing(values, name))[0]
    if codes.max() < 1:
        _checks.fail(name, "must hold at least 2 clusters")
    return codes


def enough(rows: int, needed: int, name: str, what: str) -> None:
    """Fewer rows than parameters is an error, not a wide interval."""
    if rows < needed:
        _checks.fail(name, f"{what} has {rows} rows and needs at least {needed}")
