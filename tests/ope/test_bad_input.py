"""Every rule on input: the message names the column, the rule and the first offending row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import ope
from causalrec_utils.logs import BanditLog
from causalrec_utils.policies import LinUCB, TablePolicy, Uniform

NAMES = ["ips", "snips", "clipped_ips", "dr", "dros", "mips"]
MODEL = {"q_logged": "q", "v_target": "v", "embedding": "e", "estimators": NAMES}
FINITE = "must be finite (no NaN, no infinity)"


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 40
    numbers = {c: rng.uniform(0.2, 0.8, n) for c in ("propensity", "target", "q", "v", "reward")}
    labels = {c: np.array(["x", "y"])[rng.integers(2, size=n)] for c in ("e", "user", "action")}
    return pd.DataFrame({**numbers, **labels}, index=np.arange(n) + 100)


@pytest.fixture(params=["memory", "database"])
def put(request: Any, to_duckdb: Callable[[pd.DataFrame], Any]) -> Callable[[pd.DataFrame], Any]:
    return to_duckdb if request.param == "database" else lambda frame: frame


def message(call: Callable[..., Any], *args: Any, **options: Any) -> str:
    with pytest.raises(ValueError) as error:
        call(*args, **options)
    return str(error.value)


def spoiled(rows: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """The value in rows 7 and 9 by position."""
    rows = rows.copy()
    rows.iloc[[7, 9], rows.columns.get_loc(column)] = value
    return rows


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        *((c, v, FINITE) for c in ("reward", "propensity", "target", "q", "v")
          for v in (np.nan, np.inf, -np.inf)),
        ("propensity", 0.0, "must be in (0, 1]"),
        ("propensity", -0.1, "must be in (0, 1]"),
        ("propensity", 1.01, "must be in (0, 1]"),
        ("target", -0.01, "must be in [0, 1]"),
        ("target", 1.01, "must be in [0, 1]"),
        ("user", None, "must not be missing"),
        ("e", None, "must not be missing"),
    ],
)  # fmt: skip
def test_values(
    rows: pd.DataFrame, put: Callable[..., Any], column: str, value: Any, rule: str
) -> None:
    text = message(ope.evaluate, put(spoiled(rows, column, value)), "target",
                   cluster="user", **MODEL)  # fmt: skip
    assert text.startswith(f"column {column!r}: {rule}; first offending row: 7 (value ")


def test_missing_cluster_among_numbers(to_duckdb: Callable[[pd.DataFrame], Any]) -> None:
    """In a database NaN is a value of its own, not a NULL."""
    table = to_duckdb(pd.DataFrame({"reward": 1.0, "propensity": 0.5, "t": 0.5}, index=range(5)))
    table = table.mutate(user=table["t"].sqrt() * float("nan"))
    text = message(ope.evaluate, table, "t", estimators=["ips"], cluster="user")
    assert text.startswith("column 'user': must not be missing; first offending row: 0")


@pytest.mark.parametrize("column", ["reward", "propensity", "target", "q", "v", "e", "user"])
def test_missing_columns(rows: pd.DataFrame, put: Callable[..., Any], column: str) -> None:
    table = put(rows.drop(columns=column))
    text = message(ope.evaluate, table, "target", cluster="user", **MODEL)
    assert text.startswith(f"column {column!r}: is missing")


@pytest.mark.parametrize("column", ["reward", "target"])
def test_words_are_not_numbers(rows: pd.DataFrame, put: Callable[..., Any], column: str) -> None:
    words = rows.assign(**{column: ["one"] * len(rows)})
    text = message(ope.evaluate, put(words), "target", **MODEL)
    assert text.startswith(f"column {column!r}: must be numbers")


@pytest.mark.parametrize("key", ["target_prob", "propensity", "q_logged", "v_target"])
def test_arrays(rows: pd.DataFrame, key: str) -> None:
    given = {"target_prob": "target", "propensity": "propensity", **MODEL}
    short = {**given, key: np.full(39, 0.5)}
    text = message(lambda **k: ope.evaluate(rows, **k), **short)
    assert text == f"column {key!r}: must have one value for each of the 40 rows, got 39"
    bad = np.full(40, 0.5)
    bad[7] = np.nan
    text = message(lambda **k: ope.evaluate(rows, **k), **{**given, key: bad})
    assert text == f"column {key!r}: {FINITE}; first offending row: 7 (value nan)"


def test_empty_and_single(rows: pd.DataFrame, put: Callable[..., Any]) -> None:
    assert "no rows" in message(ope.evaluate, put(rows.head(0)), "target", **MODEL)
    assert "at least 2 rows, got 1" in message(ope.evaluate, put(rows.head(1)), "target", **MODEL)
    one = put(rows.assign(user="me"))
    assert "at least 2 clusters, got 1" in message(
        ope.evaluate, one, "target", cluster="user", **MODEL
    )


def test_target_that_plays_nothing_logged(rows: pd.DataFrame, put: Callable[..., Any]) -> None:
    text = message(ope.evaluate, put(rows.assign(target=0.0)), "target", **MODEL)
    assert text.startswith("column 'target': the target plays none of the logged actions")


def test_rewards_beyond_bounds(rows: pd.DataFrame, put: Callable[..., Any]) -> None:
    euros = put(rows.assign(reward=rows.reward * 30))
    for name in ("clipped_ips", "dros"):
        text = message(ope.evaluate, euros, "target", **{**MODEL, "estimators": [name]})
        assert text.startswith("column 'reward': rewards outside [0, 1]; give mean_bounds")
    assert ope.evaluate(euros, "target", estimators=["ips"])["ips"].value > 1
    text = message(ope.evaluate, euros, "target", reward_bounds=(0, 10), **MODEL)
    assert "reach outside reward_bounds (0, 10)" in text
    text = message(ope.evaluate, euros, "target", mean_bounds=(1, 0), **MODEL)
    assert "mean_bounds must be (smallest, largest)" in text
    text = message(ope.evaluate, euros, "target", estimators=["ips"], interval="bernstein")
    assert "needs reward_bounds" in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"estimators": ["ipw"]}, "estimators must be one of ips, snips"),
        ({"interval": "exact"}, "interval must be one of normal, bootstrap, bernstein"),
        ({"level": 1.0}, "level must be in (0, 1), got 1.0"),
        ({"clip": 0.0}, "clip must be above 0"),
        ({"switch": -1.0}, "switch must be above 0"),
        ({"shrinkage": np.nan}, "shrinkage must be above 0"),
        ({"estimators": ["dr"], "v_target": None}, "dr needs v_target"),
        ({"estimators": ["dm", "dr"], "q_logged": None}, "dr needs q_logged"),
        ({"estimators": ["mips"], "embedding": None}, "mips needs embedding"),
        ({"interval": "bernstein", "estimators": ["snips"]}, "no Bernstein interval for snips"),
        ({"interval": "bernstein", "estimators": ["ips"], "cluster": "user"}, "independent rows"),
        ({"interval": "bootstrap", "n_boot": 1}, "n_boot must be at least 2"),
    ],
)
def test_options(rows: pd.DataFrame, options: dict[str, Any], says: str) -> None:
    assert says in message(ope.evaluate, rows, "target", **{**MODEL, **options})


def test_a_resample_without_weight_is_an_error(rows: pd.DataFrame) -> None:
    few = rows.head(3).assign(target=[0.0, 0.0, 0.5])
    text = message(ope.evaluate, few, "target", estimators=["snips"], interval="bootstrap")
    assert "a resample has no weight" in text


def test_database_wants_columns_and_clusters(
    rows: pd.DataFrame, to_duckdb: Callable[[pd.DataFrame], Any]
) -> None:
    table = to_duckdb(rows)
    for key in ("q_logged", "v_target"):
        text = message(ope.evaluate, table, "target", **{**MODEL, key: rows["q"].to_numpy()})
        assert text.startswith(f"{key}: for a table in a database, give a column name")
    text = message(ope.evaluate, table, "target", estimators=["ips"], interval="bootstrap")
    assert "needs cluster" in text


def test_outcome_model(rows: pd.DataFrame) -> None:
    policy = Uniform(["x", "y"])
    bad = spoiled(rows, "reward", np.nan)
    assert f"column 'reward': {FINITE}; first offending row: 7" in message(
        ope.outcome_model, bad, policy
    )
    assert "column 'action': is missing" in message(
        ope.outcome_model, rows.drop(columns="action"), policy
    )
    bad = spoiled(rows, "user", None)
    assert "column 'user': must not be missing; first offending row: 7" in message(
        ope.outcome_model, bad, policy, cluster="user"
    )
    assert "folds must be between 2 and the 40 rows" in message(
        ope.outcome_model, rows, policy, folds=41
    )
    assert "folds must be between 2 and the 2 rows or clusters" in message(
        ope.outcome_model, rows, policy, cluster="user"
    )
    assert "need a model" in message(ope.outcome_model, rows, policy, features=["e"])


def test_marginalize(rows: pd.DataFrame) -> None:
    even = TablePolicy(pd.DataFrame({1: [0.5, 0.5], 2: [0.5, 0.5]}, index=["x", "y"]))
    for examination in ([1.0], [1.0, 0.0], [1.0, 2.0, 3.0]):
        text = message(ope.marginalize, rows, even, even, examination)
        assert "examination needs one number above 0 for each slot" in text
    text = message(ope.marginalize, spoiled(rows, "action", "z"), even, even, [1, 1])
    assert text.startswith("column 'action': must be an action that the policy knows")
    assert "first offending row: 7 (value 'z')" in text


def test_bootstrap(rows: pd.DataFrame) -> None:
    assert "no rows" in message(ope.bootstrap, rows.head(0), len)
    assert "column 'day': is missing" in message(ope.bootstrap, rows, len, cluster="day")
    assert "n_boot must be at least 2" in message(ope.bootstrap, rows, len, n_boot=0)
    assert "not finite" in message(ope.bootstrap, rows, lambda d: np.nan)
    bad = spoiled(rows, "user", None)
    assert "column 'user': must not be missing; first offending row: 7" in message(
        ope.bootstrap, bad, len, cluster="user"
    )


def test_a_log_is_checked_once_more_when_its_table_is_not(rows: pd.DataFrame) -> None:
    """A DataFrame can change after the log was made."""
    log = BanditLog(rows)
    rows.iloc[7, rows.columns.get_loc("propensity")] = 0.0
    text = message(ope.evaluate, log, "target", estimators=["ips"])
    assert text.startswith("column 'propensity': must be in (0, 1]; first offending row: 7")


def test_policies_that_need_context_say_so(rows: pd.DataFrame) -> None:
    text = message(ope.evaluate, rows, LinUCB(["x", "y"], dim=2), estimators=["ips"])
    assert text.startswith("context must have shape")
