"""Calibration error, table and proper scores: parity, properties, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from causalrec_utils import metrics

FAST = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def predictions(seed: int, n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, n)
    outcome = (rng.random(n) < p).astype(int)
    return pd.DataFrame({"user": rng.integers(0, 80, n), "probability": p, "outcome": outcome})


def test_table_agrees_with_sklearn():
    data = predictions(0)
    table = metrics.calibration_table(data, n_bins=8, binning="uniform")
    rate, mean = calibration_curve(
        data["outcome"], data["probability"], n_bins=8, strategy="uniform"
    )
    assert table["outcome"].to_numpy() == pytest.approx(rate)
    assert table["probability"].to_numpy() == pytest.approx(mean)
    assert table["n"].sum() == len(data)
    ece = np.sum(table["n"] * (table["probability"] - table["outcome"]).abs()) / len(data)
    estimate = metrics.calibration(data, n_bins=8, binning="uniform")
    assert estimate.value == pytest.approx(ece)
    assert estimate.diagnostics["mean_gap"] == pytest.approx(
        data["probability"].mean() - data["outcome"].mean()
    )


def test_quantile_bins_hold_equal_numbers():
    table = metrics.calibration_table(predictions(0), n_bins=8)
    assert len(table) == 8
    assert table["n"].between(74, 76).all()
    assert (table["low"] <= table["probability"]).all()
    assert (table["probability"] <= table["high"]).all()


def test_scores_agree_with_sklearn():
    data = predictions(1)
    y, p = data["outcome"], data["probability"]
    assert metrics.brier(data).value == pytest.approx(brier_score_loss(y, p))
    assert metrics.log_loss(data, user="user").value == pytest.approx(sklearn_log_loss(y, p))


@FAST
@given(seed=seeds, n_bins=st.integers(1, 20), binning=st.sampled_from(["quantile", "uniform"]))
def test_calibration_properties(seed, n_bins, binning):
    data = predictions(seed, 100)
    options = {"n_bins": n_bins, "binning": binning, "user": "user", "n_boot": 100}
    a = metrics.calibration(data, **options)
    assert 0 <= a.ci[0] <= a.value <= a.ci[1] <= 1
    assert a.value >= abs(a.diagnostics["mean_gap"]) - 1e-12
    assert a.diagnostics["debiased"] >= 0
    shuffled = data.sample(frac=1, random_state=1).assign(user=lambda d: 900 - d["user"])
    b = metrics.calibration(shuffled, **options)
    assert b.value == pytest.approx(a.value)
    assert b.ci == pytest.approx(a.ci, rel=1e-9, abs=1e-12)
    twice = pd.concat([data, data.assign(user=data["user"] + 1000)])
    assert metrics.calibration(twice, **options).value == pytest.approx(a.value)
    # Swapping the classes swaps the sign of every gap. The edges are drawn anew, so one bin only.
    other = data.assign(probability=1 - data["probability"], outcome=1 - data["outcome"])
    one = {"n_bins": 1, "n_boot": 100}
    assert metrics.calibration(other, **one).value == pytest.approx(
        metrics.calibration(data, **one).value
    )


def test_bias_of_the_plug_in_is_seen():
    truth_is_zero = [metrics.calibration(predictions(s), n_bins=20, n_boot=200) for s in range(20)]
    plain = np.mean([e.value for e in truth_is_zero])
    debiased = np.mean([e.diagnostics["debiased"] for e in truth_is_zero])
    assert all(e.diagnostics["bias"] > 0 for e in truth_is_zero)
    assert debiased < 0.75 * plain


def test_equal_probabilities_are_one_bin():
    data = predictions(2).assign(probability=0.2)
    assert len(metrics.calibration_table(data)) == 1
    assert metrics.calibration(data).value == pytest.approx(abs(0.2 - data["outcome"].mean()))


def test_certain_predictions_score_zero():
    data = predictions(3)
    data["probability"] = data["outcome"].astype(float)
    for score in (metrics.calibration, metrics.brier, metrics.log_loss):
        assert score(data).value == 0


ROWS = pd.DataFrame({"probability": [0.1, 0.9, 1.0], "outcome": [0, 1, 1]})


@pytest.mark.parametrize(
    "score",
    [metrics.calibration, metrics.calibration_table, metrics.brier, metrics.log_loss],
)
@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (ROWS.drop(columns="outcome"), {}, "column 'outcome': is missing"),
        (ROWS, {"user": "user"}, "column 'user': is missing"),
        (
            ROWS.assign(probability=[0.1, 1.2, 0.5]),
            {},
            r"'probability': must be in \[0, 1\]; .*row: 1 \(value 1.2\)",
        ),
        (ROWS.assign(probability=[np.nan, 1, 1]), {}, "'probability': must be finite.*row: 0"),
        (ROWS.assign(outcome=[0, 1, 3]), {}, r"'outcome': must be 0 or 1; .*row: 2 \(value 3.0\)"),
        (ROWS[:0], {}, "data must hold at least one row"),
    ],
)
def test_bad_predictions(score, data, options, message):
    with pytest.raises(ValueError, match=message):
        score(data, **options)


def test_bad_options():
    with pytest.raises(ValueError, match="binning must be one of quantile, uniform; got 'equal'"):
        metrics.calibration(ROWS, binning="equal")
    with pytest.raises(ValueError, match="n_bins must be at least 1, got 0"):
        metrics.calibration_table(ROWS, n_bins=0)
    rule = r"'probability': an outcome that happened must have a positive.*row: 2 \(value 1.0\)"
    with pytest.raises(ValueError, match=rule):
        metrics.log_loss(ROWS.assign(outcome=[0, 1, 0]))
