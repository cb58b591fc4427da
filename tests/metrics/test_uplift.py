"""Uplift metrics against their definitions, and their intervals against known effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_utils import metrics

FUNCTIONS = [metrics.qini, metrics.uplift_curve, metrics.uplift_table]


def trial(n: int, rng: np.random.Generator, p: float = 0.4) -> pd.DataFrame:
    """A randomised trial with effect 1 + x; the prediction knows x with noise."""
    x = rng.normal(size=n)
    t = (rng.random(n) < p).astype(int)
    y = 2 * x + t * (1 + x) + rng.normal(size=n)
    return pd.DataFrame({"effect": x + rng.normal(size=n), "treatment": t, "outcome": y})


# The rank of s = x + noise has covariance with x of 1 / (2 sqrt(pi)) per unit of sd(s), so:
QINI = 1 / (2 * np.sqrt(np.pi) * np.sqrt(2))


def check_band(covered: int, runs: int, nominal: float = 0.95, off: float = 0.015) -> None:
    low = binom.ppf(5e-5, runs, nominal - off)
    high = binom.ppf(1 - 5e-5, runs, min(nominal + off, 1))
    assert low <= covered <= high, f"covered {covered} of {runs}, allowed {low} to {high}"


def test_pehe_is_the_root_mean_squared_error():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    assert metrics.pehe(a, b) == pytest.approx(np.sqrt(np.mean((a - b) ** 2)))
    assert metrics.pehe(a, a) == 0
    assert metrics.pehe(a + 3, a) == pytest.approx(3)


def test_curve_ends_at_the_difference_in_means_and_qini_is_its_area():
    data = trial(2000, np.random.default_rng(1))
    curve = metrics.uplift_curve(data, points=2000)
    arms = data.groupby("treatment")["outcome"].mean()
    assert curve["gain"].iloc[-1] == pytest.approx(arms[1] - arms[0])
    q = metrics.qini(data)
    assert q.value == pytest.approx((curve["gain"] - curve["random"]).mean(), abs=2e-3)
    assert q.diagnostics["auuc"] == pytest.approx(curve["gain"].mean(), abs=2e-3)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_the_order_counts_and_rows_may_be_shuffled(function):
    data = trial(600, np.random.default_rng(2))
    again = data.sample(frac=1, random_state=0)
    stretched = again.assign(effect=np.exp(again["effect"]))
    a, b = function(data), function(stretched)
    if function is metrics.qini:
        assert a.value == pytest.approx(b.value)
        assert a.ci == pytest.approx(b.ci)
    else:
        drop = ["predicted"] if function is metrics.uplift_table else []
        pd.testing.assert_frame_equal(a.drop(columns=drop), b.drop(columns=drop))


def test_a_ranking_turned_round_gains_the_opposite_and_no_ranking_gains_nothing():
    data = trial(1000, np.random.default_rng(3))
    turned = metrics.qini(data.assign(effect=-data["effect"]))
    assert turned.value == pytest.approx(-metrics.qini(data).value)
    assert metrics.qini(data.assign(effect=1.0)).value == pytest.approx(0, abs=1e-12)
    flat = metrics.uplift_curve(data.assign(effect=1.0))
    np.testing.assert_allclose(flat["gain"], flat["random"])


def test_scale_and_shift_of_the_outcome():
    data = trial(500, np.random.default_rng(4))
    moved = data.assign(outcome=5 + 2 * data["outcome"])
    assert metrics.qini(moved).value == pytest.approx(2 * metrics.qini(data).value)
    a, b = metrics.uplift_table(data), metrics.uplift_table(moved)
    np.testing.assert_allclose(b["measured"], 2 * a["measured"])


@pytest.mark.parametrize(
    "runs", [400, pytest.param(4000, marks=pytest.mark.coverage_suite)], ids=["fast", "large"]
)
def test_intervals_cover(runs):
    rng = np.random.default_rng(5)
    population = trial(2_000_000, rng)
    cut = population["effect"].quantile(0.7)
    # E[1 + x; s > cut], with E[x | s] = s / 2
    s = population["effect"].to_numpy()
    gain = float(np.mean((s > cut) * (1 + s / 2)))
    hits = {"qini": 0, "curve": 0, "table": 0}
    for _ in range(runs):
        data = trial(500, rng)
        low, high = metrics.qini(data, propensity=0.4).ci
        hits["qini"] += low <= QINI <= high
        row = metrics.uplift_curve(data, points=10, propensity=0.4).iloc[2]
        hits["curve"] += row["low"] <= gain <= row["high"]
        table = metrics.uplift_table(data, bins=1).iloc[0]
        hits["table"] += table["low"] <= 1 <= table["high"]
    for name, count in hits.items():
        check_band(count, runs, off=0.02 if name == "curve" else 0.015)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("treatment", 2, r"'treatment': must be 0 or 1; first offending row: 3 \(value 2"),
        ("outcome", np.nan, "'outcome': must be finite.*row: 3"),
        ("effect", np.inf, "'effect': must be finite.*row: 3"),
    ],
)
def test_bad_rows_are_named(function, column, value, rule):
    data = trial(100, np.random.default_rng(6)).astype(float)
    data.loc[3, column] = value
    with pytest.raises(ValueError, match=rule):
        function(data)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_arm_or_a_missing_column_is_an_error(function):
    data = trial(100, np.random.default_rng(7))
    with pytest.raises(ValueError, match="'treatment': must hold both 0 and 1"):
        function(data.assign(treatment=1))
    with pytest.raises(ValueError, match="'effect': is missing"):
        function(data.drop(columns="effect"))


def test_bad_options():
    data = trial(30, np.random.default_rng(8))
    with pytest.raises(ValueError, match="propensity must be in"):
        metrics.qini(data, propensity=1.0)
    with pytest.raises(ValueError, match="points must be between 1 and the 30 rows"):
        metrics.uplift_curve(data, points=31)
    with pytest.raises(ValueError, match="fewer than 2 rows in an arm; use fewer bins"):
        metrics.uplift_table(data, bins=20)
    with pytest.raises(ValueError, match="'effect': must have one value for each of the 3 rows"):
        metrics.pehe([1.0, 2.0], [1.0, 2.0, 3.0])
