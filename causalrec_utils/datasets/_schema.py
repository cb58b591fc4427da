"""One check for every table that is read: columns, types, ranges, number of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .. import _checks as check

__all__ = ["Column", "SchemaError", "conform"]


class SchemaError(ValueError):
    """A file does not hold the table that it should; the message names file, column, rule, row."""


@dataclass(frozen=True)
class Column:
    """What one column must be.

    ``kind`` is ``int``, ``float``, ``bool``, ``str``, ``category`` or ``time``; ``low`` and
    ``high`` are inclusive unless ``open_low``; ``values`` lists what a category may be. Whole
    numbers that may be missing have the type ``Int64``.
    """

    kind: str
    low: float = -np.inf
    high: float = np.inf
    open_low: bool = False
    missing: bool = False
    values: tuple[str, ...] | None = None


def _numbers(values: pd.Series, name: str, rule: Column) -> pd.Series:
    missing = values.isna().to_numpy() & rule.missing
    array = check.numeric(np.where(missing, 0, values) if missing.any() else values, name)
    array = np.where(missing, np.nan, array)  # every comparison with it is false: it passes
    check.within(array, name, rule.low, rule.high, open_low=rule.open_low)
    if rule.kind == "float":
        return pd.Series(array, index=values.index)
    whole = (array == np.floor(array)) | missing
    if not whole.all():
        row = int(np.argmin(whole))
        check.fail(name, "must be whole numbers", row, float(array[row]))
    return pd.Series(array, index=values.index).astype("Int64" if missing.any() else "int64")


def _times(values: pd.Series, name: str) -> pd.Series:
    times = pd.to_datetime(values, utc=True, format="ISO8601", errors="coerce")
    if times.isna().any():
        row = int(np.argmax(times.isna()))
        check.fail(name, "must be a date and time", row, values.iloc[row])
    return times


def _labels(values: pd.Series, name: str, rule: Column) -> pd.Series:
    if not rule.missing:
        check.no_missing(values, name)
    if rule.values is not None:
        strange = ~values.isin(rule.values).to_numpy()
        if strange.any():
            row = int(np.argmax(strange))
            allowed = ", ".join(map(repr, rule.values))
            check.fail(name, f"must be one of {allowed}", row, values.iloc[row])
    if rule.kind == "category":
        return values.astype(pd.CategoricalDtype(rule.values) if rule.values else "category")
    return values.astype("str")


def _booleans(values: pd.Series, name: str) -> pd.Series:
    if values.dtype == bool:
        return values
    words = values.astype("str").str.lower()
    strange = ~words.isin(["true", "false"]).to_numpy()
    if strange.any():
        row = int(np.argmax(strange))
        check.fail(name, "must be true or false", row, values.iloc[row])
    return words == "true"


def conform(
    frame: pd.DataFrame, columns: Mapping[str, Column], *, source: Path, rows: int | None = None
) -> pd.DataFrame:
    """The table with typed columns in the order of ``columns``, or a `SchemaError`."""
    try:
        check.columns(frame, columns)
        if rows is not None and len(frame) != rows:
            raise ValueError(f"must have {rows:,} rows, got {len(frame):,}")
        if len(frame) == 0:
            raise ValueError("the table has no rows")
        typed = {}
        for name, rule in columns.items():
            values = frame[name].reset_index(drop=True)
            if rule.kind in ("int", "float"):
                typed[name] = _numbers(values, name, rule)
            elif rule.kind == "time":
                typed[name] = _times(values, name)
            elif rule.kind == "bool":
                typed[name] = _booleans(values, name)
            else:
                typed[name] = _labels(values, name, rule)
    except ValueError as error:
        raise SchemaError(f"{source}: {error}") from error
    return pd.DataFrame(typed)
