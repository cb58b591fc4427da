"""Each check says which column, which rule, and the first row, counted by position."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import _checks


@pytest.mark.parametrize(
    "values",
    [
        [1, 0, 1],
        (1.0, 0.0, 1.0),
        np.array([1, 0, 1], dtype="int8"),
        np.array([True, False, True]),
        pd.Series([1, 0, 1], index=[9, 8, 7]),
        pd.Series([1, 0, 1], dtype="Int64"),
        pd.Series([True, False, True], dtype="boolean"),
        pd.Series([Decimal("1"), Decimal("0"), Decimal("1.0")]),
        pd.Series([1, 0, 1], dtype="category"),
        np.array([1, 0, 1], dtype=object),
    ],
)
def test_numbers_of_many_kinds(values: Any) -> None:
    got = _checks.numeric(values, "x", n=3)
    assert got.dtype == float and got.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1, np.nan, np.nan], "must be finite (no NaN, no infinity); first offending row: 1"),
        ([1, 2, -np.inf], "must be finite (no NaN, no infinity); first offending row: 2"),
        (pd.Series([1, pd.NA, 3], dtype="Int64"), "must be finite (no NaN, no infinity)"),
        ([1, None, 3], "must be finite (no NaN, no infinity); first offending row: 1"),
        (["1", "two", "3"], "must be numbers; first offending row: 1 (value 'two')"),
        (["1", None, "three"], "must be numbers; first offending row: 2 (value 'three')"),
        (pd.date_range("2020-01-01", periods=3), "must be numbers, got datetime64"),
        (np.array([1j, 2, 3]), "must be numbers, got complex128"),
        ([[1, 2, 3]], "must be one-dimensional, got shape (1, 3)"),
        (5.0, "must be one-dimensional, got shape ()"),
        ([1, 2], "must have one value for each of the 3 rows, got 2"),
    ],
)
def test_what_is_not_a_number(values: Any, says: str) -> None:
    with pytest.raises(ValueError) as error:
        _checks.numeric(values, "x", n=3)
    assert str(error.value).startswith(f"column 'x': {says}")


def test_numbers_are_not_copied_without_need() -> None:
    x = np.array([0.5, 1.0])
    assert _checks.numeric(x, "x") is x


def test_ranges() -> None:
    x = np.array([0.0, 0.5, 1.0])
    assert _checks.within(x, "p", 0, 1) is x
    with pytest.raises(
        ValueError, match=r"column 'p': must be in \(0, 1\]; .*row: 0 \(value 0.0\)"
    ):
        _checks.within(x, "p", 0, 1, open_low=True)
    with pytest.raises(ValueError, match=r"must be in \[0, 0.5\]; first offending row: 2"):
        _checks.within(x, "p", 0, 0.5)
    with pytest.raises(ValueError, match=r"must be in \(0, inf\); first offending row: 0"):
        _checks.within(x, "p", 0, open_low=True)


def test_labels() -> None:
    assert _checks.no_missing(["a", "b"], "arm").tolist() == ["a", "b"]
    for gap in (None, np.nan, pd.NA, pd.NaT):
        with pytest.raises(ValueError, match="column 'arm': must not be missing; .*row: 1"):
            _checks.no_missing(np.array(["a", gap], dtype=object), "arm")


def test_columns() -> None:
    table = pd.DataFrame({"a": [1], "b": [2]})
    _checks.columns(table, ["a", "b"])
    with pytest.raises(ValueError, match="column 'c': is missing; the table has a, b"):
        _checks.columns(table, ["a", "c"])


def test_options() -> None:
    assert _checks.level(0.9) == 0.9
    for bad in (0, 1, 95, np.nan):
        with pytest.raises(ValueError, match=r"level must be in \(0, 1\)"):
            _checks.level(bad)
    assert _checks.choice("a", "way", ["a", "b"]) == "a"
    with pytest.raises(ValueError, match="way must be one of a, b; got 'c'"):
        _checks.choice("c", "way", ["a", "b"])
