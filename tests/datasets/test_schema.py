"""Every rule of the schema check: the message names file, column, rule and first offending row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalrec_utils.datasets._schema import Column, SchemaError, conform

SOURCE = Path("folder/log.csv")
COLUMNS = {
    "item": Column("int", 0, 9),
    "propensity": Column("float", 0, 1, open_low=True),
    "when": Column("time"),
    "arm": Column("category", values=("a", "b")),
    "text": Column("str"),
    "note": Column("str", missing=True),
    "won": Column("bool"),
}


def table(**changes: object) -> pd.DataFrame:
    good = {
        "item": [1, 2, 3],
        "propensity": [0.5, 1.0, 0.1],
        "when": ["2020-01-01T00:00:00Z", "2020-01-02 03:04:05.678+00:00", "2020-01-03"],
        "arm": ["a", "b", "a"],
        "text": ["x", "y", "z"],
        "note": ["x", None, "z"],
        "won": ["True", "false", "TRUE"],
    }
    return pd.DataFrame(good | changes)


def test_types_and_order():
    frame = table().assign(extra=1)[["won", "extra", *[c for c in COLUMNS if c != "won"]]]
    typed = conform(frame, COLUMNS, source=SOURCE, rows=3)
    assert list(typed.columns) == list(COLUMNS)
    assert typed["item"].dtype == np.int64
    assert typed["propensity"].dtype == np.float64
    assert isinstance(typed["when"].dtype, pd.DatetimeTZDtype)
    assert list(typed["arm"].cat.categories) == ["a", "b"]
    assert typed["won"].tolist() == [True, False, True]
    assert typed["note"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("column", "values", "rule", "row"),
    [
        ("item", [1, 2, 10], r"must be in \[0, 9\]", 2),
        ("item", [1, -1, 3], r"must be in \[0, 9\]", 1),
        ("item", [1, 2.5, 3], "must be whole numbers", 1),
        ("item", [1, np.nan, 3], "must be finite", 1),
        ("item", ["1", "x", "3"], "must be numbers", 1),
        ("propensity", [0.5, 0.0, 0.1], r"must be in \(0, 1\]", 1),
        ("propensity", [0.5, 0.2, 1.1], r"must be in \(0, 1\]", 2),
        ("when", ["2020-01-01", "2020-13-01", "2020-01-03"], "must be a date and time", 1),
        ("arm", ["a", "b", "c"], "must be one of 'a', 'b'", 2),
        ("arm", ["a", None, "b"], "must not be missing", 1),
        ("text", [None, "y", "z"], "must not be missing", 0),
        ("won", ["True", "maybe", "False"], "must be true or false", 1),
    ],
)
def test_message_names_file_column_rule_and_row(column, values, rule, row):
    with pytest.raises(SchemaError, match=rf"log\.csv: column '{column}': .*{rule}.*row: {row} "):
        conform(table(**{column: values}), COLUMNS, source=SOURCE)


def test_row_is_counted_by_position():
    frame = table(item=[1, 2, 99])
    frame.index = pd.Index([7, 8, 9])
    with pytest.raises(SchemaError, match="row: 2 "):
        conform(frame, COLUMNS, source=SOURCE)


def test_missing_column_and_number_of_rows():
    with pytest.raises(SchemaError, match=r"log\.csv: column 'arm': is missing; the table has"):
        conform(table().drop(columns="arm"), COLUMNS, source=SOURCE)
    with pytest.raises(SchemaError, match="must have 4 rows, got 3"):
        conform(table(), COLUMNS, source=SOURCE, rows=4)
    with pytest.raises(SchemaError, match="no rows"):
        conform(table().iloc[:0], COLUMNS, source=SOURCE)


def test_numbers_that_may_be_missing():
    frame = pd.DataFrame({"price": [1.5, None, 2.0], "rank": [3, None, 4]})
    rules = {"price": Column("float", 0, missing=True), "rank": Column("int", 0, missing=True)}
    typed = conform(frame, rules, source=SOURCE)
    assert typed["price"].isna().tolist() == typed["rank"].isna().tolist() == [False, True, False]
    assert typed["rank"].dtype == "Int64" and typed["rank"].tolist()[2] == 4
    frame.loc[2, "price"] = -1.0
    with pytest.raises(SchemaError, match=r"column 'price': must be in \[0, inf\); .*row: 2 "):
        conform(frame, rules, source=SOURCE)
    frame.loc[2, ["price", "rank"]] = [1.0, 2.5]
    with pytest.raises(SchemaError, match="column 'rank': must be whole numbers; .*row: 2 "):
        conform(frame, rules, source=SOURCE)


def test_a_missing_number_is_no_value_of_the_range():
    frame = pd.DataFrame({"share": [0.2, None]})
    for low, high in ((-1, 0.5), (0.1, 0.3)):
        rule = Column("float", low, high, open_low=True, missing=True)
        typed = conform(frame, {"share": rule}, source=SOURCE)
        assert typed["share"].isna().tolist() == [False, True]
