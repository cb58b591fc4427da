"""Input checks, all in one place, so that every message names the column, the rule and the row.

Rows are counted from 0 by position, whatever the index of the table is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd


def plain(value: Any) -> Any:
    """A NumPy scalar as a Python one, which prints as itself."""
    return value.item() if isinstance(value, np.generic) else value


def fail(name: str, rule: str, row: int | None = None, value: Any = None) -> None:
    """Raise the one kind of error that bad input gets."""
    where = "" if row is None else f"; first offending row: {row} (value {plain(value)!r})"
    raise ValueError(f"column {name!r}: {rule}{where}")


def refuse(bad: np.ndarray, values: Any, name: str, rule: str) -> None:
    """Raise for the first row where ``bad`` is true."""
    if bad.any():
        row = int(np.argmax(bad))
        fail(name, rule, row, np.asarray(values)[row])


def columns(data: pd.DataFrame, names: Iterable[str]) -> None:
    """Every name must be a column."""
    for name in names:
        if name not in data.columns:
            have = ", ".join(map(str, list(data.columns)[:12]))
            raise ValueError(f"column {name!r}: is missing; the table has {have}")


def numeric(values: Any, name: str, *, n: int | None = None) -> np.ndarray:
    """A one-dimensional array of finite floats, of length ``n`` if given."""
    array = np.asarray(values)
    if array.ndim != 1:
        fail(name, f"must be one-dimensional, got shape {array.shape}")
    if n is not None and len(array) != n:
        fail(name, f"must have one value for each of the {n} rows, got {len(array)}")
    if array.dtype.kind in "mMc":  # pandas would turn dates into nanoseconds
        fail(name, f"must be numbers, got {array.dtype}")
    if array.dtype.kind not in "biuf":
        converted = pd.to_numeric(pd.Series(array), errors="coerce").to_numpy(float)
        missing = np.asarray(pd.isna(array))
        refuse(np.isnan(converted) & ~missing, array, name, "must be numbers")
        array = converted
    array = array.astype(float, copy=False)
    refuse(~np.isfinite(array), array, name, "must be finite (no NaN, no infinity)")
    return array


def within(
    values: np.ndarray,
    name: str,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
) -> np.ndarray:
    """All values in [low, high], or in (low, high] with ``open_low``."""
    bad = (values <= low if open_low else values < low) | (values > high)
    bracket = "(" if open_low else "["
    close = ")" if high == np.inf else "]"
    refuse(bad, values, name, f"must be in {bracket}{low:g}, {high:g}{close}")
    return values


def no_missing(values: Any, name: str) -> np.ndarray:
    """Any type, but nothing missing (labels of actions, arms, users)."""
    array = np.asarray(values)
    refuse(np.asarray(pd.isna(array)), array, name, "must not be missing")
    return array


def level(value: float) -> float:
    """Nominal coverage of an interval."""
    if not 0 < value < 1:
        raise ValueError(f"level must be in (0, 1), got {value}")
    return float(value)


def choice(value: str, name: str, options: Iterable[str]) -> str:
    """One of a list of names."""
    options = list(options)
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(options)}; got {value!r}")
    return value
