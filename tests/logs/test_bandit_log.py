from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_utils.logs import BanditLog

FINITE = "must be finite (no NaN, no infinity)"
ROLES = {"position": "slot", "cluster": "user"}


@pytest.fixture
def rows() -> pd.DataFrame:
    n = 12
    return pd.DataFrame(
        {
            "action": list("abc") * 4,
            "reward": np.arange(n) % 2 * 1.0,
            "propensity": np.linspace(0.1, 1, n),
            "slot": np.arange(n) % 3 * 1.0,
            "user": [f"u{i // 2}" for i in range(n)],
        },
        index=np.arange(n)[::-1] + 50,
    )


@pytest.fixture(params=["memory", "database"])
def put(request: Any, to_duckdb: Callable[[pd.DataFrame], Any]) -> Callable[[pd.DataFrame], Any]:
    return to_duckdb if request.param == "database" else lambda frame: frame


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("reward", np.nan, FINITE),
        ("reward", np.inf, FINITE),
        ("propensity", np.nan, FINITE),
        ("propensity", 0.0, "must be in (0, 1]"),
        ("propensity", -1.0, "must be in (0, 1]"),
        ("propensity", 1.5, "must be in (0, 1]"),
        ("action", None, "must not be missing"),
        ("slot", np.nan, "must not be missing"),
        ("user", None, "must not be missing"),
    ],
)
def test_rules(
    rows: pd.DataFrame, put: Callable[..., Any], column: str, value: Any, rule: str
) -> None:
    rows.iloc[[4, 6], rows.columns.get_loc(column)] = value
    with pytest.raises(ValueError) as error:
        BanditLog(put(rows), **ROLES)
    start = f"column {column!r}: {rule}; first offending row: 4 (value "
    assert str(error.value).startswith(start)


@pytest.mark.parametrize("column", ["action", "reward", "propensity", "slot", "user"])
def test_missing_columns(rows: pd.DataFrame, put: Callable[..., Any], column: str) -> None:
    with pytest.raises(ValueError, match=f"column '{column}': is missing; the table has"):
        BanditLog(put(rows.drop(columns=column)), **ROLES)


@pytest.mark.parametrize("column", ["reward", "propensity"])
def test_words_are_not_numbers(rows: pd.DataFrame, put: Callable[..., Any], column: str) -> None:
    with pytest.raises(ValueError, match=f"column '{column}': must be numbers"):
        BanditLog(put(rows.assign(**{column: "high"})), **ROLES)


def test_same_words_from_memory_and_database(rows: pd.DataFrame, put: Callable[..., Any]) -> None:
    log = BanditLog(put(rows), **ROLES)
    assert len(log) == 12
    assert repr(log) == "BanditLog: 12 rows, 3 actions, mean reward 0.5"
    assert log.in_memory == isinstance(log.table, pd.DataFrame)


def test_columns_by_role(rows: pd.DataFrame) -> None:
    assert BanditLog(rows).columns == ["action", "reward", "propensity"]
    same = BanditLog(rows, cluster="action")
    assert same.columns == ["action", "reward", "propensity"]


def test_files_are_opened_where_they_are(rows: pd.DataFrame, tmp_path: Path) -> None:
    import duckdb

    for part, frame in enumerate((rows[:7], rows[7:])):
        frame.to_parquet(tmp_path / f"part-{part}.parquet", index=False)
    log = BanditLog.from_parquet(tmp_path / "part-*.parquet", **ROLES)
    assert not log.in_memory and len(log) == 12

    with duckdb.connect(str(tmp_path / "logs.duckdb")) as connection:
        connection.register("frame", rows)
        connection.execute("create table shown as select * from frame")
    log = BanditLog.from_duckdb(tmp_path / "logs.duckdb", "shown", **ROLES)
    assert len(log) == 12 and log.cluster == "user"
    with pytest.raises(Exception, match="read-only"):
        log.table.get_backend().raw_sql("create table other as select 1 as x")


def test_bad_rows_in_a_file_are_found_in_its_order(rows: pd.DataFrame, tmp_path: Path) -> None:
    many = pd.concat([rows] * 20_000, ignore_index=True)
    many.loc[[200_123, 230_000], "propensity"] = 0.0
    many.to_parquet(tmp_path / "many.parquet", index=False, row_group_size=10_000)
    with pytest.raises(ValueError, match=r"column 'propensity': .*first offending row: 200123 "):
        BanditLog.from_parquet(tmp_path / "many.parquet")
