"""Actions that the target plays and the log never shows, and other weaknesses that are said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import ope
from causalrec_utils.logs import BanditLog
from causalrec_utils.policies import BernoulliThompson, TablePolicy, Uniform

LOG = pd.DataFrame(
    {
        "item": ["a", "b", "a", "b", "a", "a"],
        "slot": [1, 1, 2, 2, 1, 2],
        "reward": [1, 0, 1, 0, 0, 1],
        "propensity": [0.5] * 6,
        "q": [0.5] * 6,
        "v": [0.5] * 6,
    }
)
ROLES = {"action": "item", "position": "slot"}
COVERED = TablePolicy(pd.DataFrame({1: [0.9, 0.1], 2: [0.2, 0.8]}, index=["a", "b"]))
BEYOND = TablePolicy(pd.DataFrame({1: [0.7, 0.1, 0.2], 2: [0.2, 0.2, 0.6]}, index=["a", "b", "c"]))


@pytest.mark.parametrize("where", ["memory", "database"])
def test_mass_outside_the_log(where: str, to_duckdb: Callable[[pd.DataFrame], Any]) -> None:
    log = BanditLog(LOG if where == "memory" else to_duckdb(LOG), **ROLES)
    assert ope.support(log, COVERED).empty
    assert ope.support(log, BEYOND).to_dict() == pytest.approx({"c": 0.5 * 0.2 + 0.5 * 0.6})
    assert ope.support(log.table, Uniform(["a", "b", "c", "d"]), action="item").to_dict() == {
        "c": 0.25,
        "d": 0.25,
    }


@pytest.mark.parametrize("where", ["memory", "database"])
def test_an_action_is_looked_for_in_each_slot(
    where: str, to_duckdb: Callable[[pd.DataFrame], Any]
) -> None:
    rows = LOG[~((LOG.item == "b") & (LOG.slot == 2))]
    log = BanditLog(rows if where == "memory" else to_duckdb(rows), **ROLES)
    got = ope.support(log, COVERED)
    assert got.to_dict() == pytest.approx({"b": 0.8 * 2 / 5})  # 2 of 5 rows are of slot 2


def test_policy_as_target_is_its_probabilities() -> None:
    log = BanditLog(LOG, **ROLES)
    p = COVERED.prob(LOG["item"], position=LOG["slot"])
    got = ope.evaluate(log, COVERED, estimators=["ips"])["ips"]
    want = ope.evaluate(log, p, estimators=["ips"])["ips"]
    assert (got.value, got.ci) == (want.value, want.ci)
    assert got.diagnostics["unsupported"] == 0 and "unsupported" not in want.diagnostics


@pytest.mark.parametrize("name", ["ips", "snips", "dr", "mips"])
def test_never_logged_is_an_error_where_the_value_is_undefined(name: str) -> None:
    with pytest.raises(ValueError) as error:
        ope.evaluate(
            BanditLog(LOG, **ROLES),
            BEYOND,
            estimators=["dm", name],
            q_logged="q",
            v_target="v",
            embedding="item",
        )
    text = str(error.value)
    assert "column 'item'" in text and "must be logged wherever the target plays it" in text
    assert "'c'" in text and "0.4 of the target's mass" in text


@pytest.mark.parametrize("name", ["dm", "clipped_ips", "switch_dr", "dros"])
def test_never_logged_is_a_warning_where_it_is_bounded_or_modelled(name: str) -> None:
    log = BanditLog(LOG, **ROLES)
    got = ope.evaluate(log, BEYOND, estimators=[name], q_logged="q", v_target="v")[name]
    assert got.diagnostics["unsupported"] == pytest.approx(0.4)
    assert any("40.0% of the time" in w for w in got.warnings)


def test_plain_frames_and_learning_policies_serve_as_well() -> None:
    policy = BernoulliThompson(["a", "b"])
    rows = LOG.rename(columns={"item": "action"})
    assert ope.evaluate(rows, policy, estimators=["ips"])["ips"].value == pytest.approx(0.5)


def test_a_logged_action_that_the_policy_does_not_know_is_an_error() -> None:
    short = TablePolicy(pd.Series({"a": 1.0}))
    with pytest.raises(ValueError, match=r"column 'item': .*knows; first offending row: 1 .*'b'"):
        ope.evaluate(BanditLog(LOG, action="item"), short, estimators=["ips"])


def test_policies_need_a_table_in_memory(to_duckdb: Callable[[pd.DataFrame], Any]) -> None:
    with pytest.raises(ValueError, match="target_prob: .* give a column name"):
        ope.evaluate(BanditLog(to_duckdb(LOG), **ROLES), COVERED, estimators=["ips"])


def test_support_of_an_empty_log() -> None:
    with pytest.raises(ValueError, match="no rows"):
        ope.support(LOG.head(0), COVERED, action="item")


def warned(rows: pd.DataFrame, word: str, cluster: str | None = None) -> bool:
    e = ope.evaluate(rows, "target", estimators=["ips"], cluster=cluster)["ips"]
    return any(word in w for w in e.warnings)


@pytest.mark.parametrize("cluster", [None, "user"])
def test_mean_weight_far_from_one_is_said(cluster: str | None, log: pd.DataFrame) -> None:
    assert not warned(log, "mean weight", cluster)
    assert warned(log.assign(propensity=log.propensity * 0.8), "mean weight", cluster)


def test_a_heavy_row_is_said(log: pd.DataFrame) -> None:
    assert not warned(log, "of the weight")
    heavy = log.copy()
    heavy.loc[10, ["propensity", "target"]] = [1e-3, 0.9]
    assert warned(heavy, "of the weight")


def test_an_interval_without_width_is_said(log: pd.DataFrame) -> None:
    assert not warned(log, "no meaning")
    assert warned(log.assign(reward=0), "no meaning")


def test_the_unseen_part_is_within_the_bounds() -> None:
    """Whatever the missing action is worth, the interval of clipped_ips and models holds it."""
    rng = np.random.default_rng(0)
    a = rng.integers(2, size=20_000)
    log = pd.DataFrame({"action": np.array(["a", "b"])[a], "propensity": 0.5})
    log["reward"] = (rng.random(len(a)) < 0.5).astype(int)
    log = log.assign(q=0.5, v=0.5)
    target = TablePolicy(pd.Series({"a": 0.3, "b": 0.3, "c": 0.4}))
    names = ["clipped_ips", "switch_dr", "dros"]
    for e in ope.evaluate(log, target, estimators=names, q_logged="q", v_target="v").values():
        for worth in (0.0, 1.0):
            truth = 0.6 * 0.5 + 0.4 * worth
            assert e.ci[0] <= truth <= e.ci[1]
        assert e.ci[1] - e.ci[0] < 0.45
