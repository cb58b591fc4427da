"""Click-through rate, satisfaction, rating error: parity, properties, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, root_mean_squared_error
from statsmodels.stats.proportion import proportion_confint

from causalrec_utils import metrics

FAST = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def ratings(seed: int, n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user": rng.integers(0, 30, n),
            "prediction": rng.normal(3, 1, n),
            "rating": rng.integers(1, 6, n),
            "p": rng.uniform(0.1, 1, n),
        }
    )


def test_wilson_agrees_with_statsmodels():
    log = pd.DataFrame({"click": [1] * 7 + [0] * 193})
    estimate = metrics.click_through_rate(log, level=0.9)
    assert estimate.ci == pytest.approx(proportion_confint(7, 200, 0.1, "wilson"))
    assert (estimate.value, estimate.n) == (0.035, 200)


def test_aggregated_and_single_impressions_agree():
    rng = np.random.default_rng(0)
    log = pd.DataFrame({"user": rng.integers(0, 40, 500), "click": rng.random(500) < 0.2})
    groups = log.groupby("user").agg(click=("click", "sum"), views=("click", "size"))
    groups = groups.reset_index()
    for user in (None, "user"):
        single = metrics.click_through_rate(log, user=user)
        grouped = metrics.click_through_rate(groups, impressions="views", user=user)
        assert grouped == single


def test_clustering_widens_the_interval_when_users_differ():
    rng = np.random.default_rng(1)
    rate = rng.beta(0.3, 0.7, 60)
    log = pd.DataFrame({"user": np.repeat(np.arange(60), 50)})
    log["click"] = rng.random(len(log)) < rate[log["user"]]
    rows = np.ptp(metrics.click_through_rate(log).ci)
    users = np.ptp(metrics.click_through_rate(log, user="user").ci)
    assert users > 3 * rows


@pytest.mark.parametrize(
    ("ours", "sklearns"),
    [
        (metrics.mae, mean_absolute_error),
        (metrics.mse, mean_squared_error),
        (metrics.rmse, root_mean_squared_error),
    ],
)
def test_rating_errors_agree_with_sklearn(ours, sklearns):
    data = ratings(2)
    y, z = data["rating"], data["prediction"]
    assert ours(data).value == pytest.approx(sklearns(y, z))
    weighted = sklearns(y, z, sample_weight=1 / data["p"])
    assert ours(data, propensity="p").value == pytest.approx(weighted)


@FAST
@given(seed=seeds)
def test_rating_error_properties(seed):
    data = ratings(seed)
    loss = (data["prediction"] - data["rating"]).abs()
    snips = metrics.mae(data, propensity="p", n_boot=100)
    assert loss.min() <= snips.value <= loss.max()
    # A constant propensity changes nothing; a scaled error scales the metric.
    naive = metrics.mae(data, n_boot=100)
    constant = metrics.mae(data.assign(p=0.5), propensity="p", n_boot=100)
    assert constant.value == pytest.approx(naive.value)
    assert constant.ci == pytest.approx(naive.ci)
    scaled = data.assign(prediction=10 * data["prediction"], rating=10 * data["rating"])
    assert metrics.rmse(scaled, n_boot=100).value == pytest.approx(
        10 * metrics.rmse(data, n_boot=100).value
    )
    shuffled = data.sample(frac=1, random_state=1).assign(user=lambda d: 500 - d["user"])
    assert metrics.mse(shuffled, n_boot=100).ci == pytest.approx(
        metrics.mse(data, n_boot=100).ci, rel=1e-9
    )


def test_ips_counts_the_users_without_ratings():
    data = ratings(3)
    ips = metrics.mse(data, propensity="p", cells=(50, 20))
    expected = np.sum((data["prediction"] - data["rating"]) ** 2 / data["p"]) / (50 * 20)
    assert ips.value == pytest.approx(expected)
    assert (ips.n, ips.method) == (50, "ips")


def test_debiased_errors_find_the_error_over_all_cells():
    rng = np.random.default_rng(4)
    n_users, n_items = 300, 60
    rating = rng.integers(1, 6, (n_users, n_items))
    p = np.array([0.05, 0.05, 0.1, 0.4, 0.7])[rating - 1]  # high ratings are seen more often
    u, i = np.nonzero(rng.random(p.shape) < p)
    data = pd.DataFrame({"user": u, "prediction": 4.5, "rating": rating[u, i], "p": p[u, i]})
    truth = np.mean((4.5 - rating) ** 2)
    naive = metrics.mse(data)
    assert not naive.ci[0] <= truth <= naive.ci[1]
    for options in ({}, {"cells": (n_users, n_items)}):
        estimate = metrics.mse(data, propensity="p", **options)
        assert abs(estimate.value - truth) < 4 * estimate.stderr
        assert abs(estimate.value - truth) < abs(naive.value - truth) / 4


def test_satisfaction_by_hand():
    shown = pd.DataFrame(
        {"user": [1, 1, 1, 2, 3], "item": [7, 8, 9, 7, 8], "rank": [1, 2, 3, 1, 1]}
    )
    stars = pd.DataFrame(
        {"user": [1, 1, 1, 2], "item": [7, 8, 9, 7], "rating": [5, 2, 1, 4], "p": [1, 0.25, 1, 0.5]}
    )
    plain = metrics.satisfaction(shown, stars, 2)
    assert plain.value == pytest.approx((5 + 2 + 4) / 3)
    assert plain.n == 2
    assert plain.diagnostics["share_rated"] == pytest.approx(3 / 4)
    assert plain.warnings[0] == "75% of the recommended places were rated, the rest may differ"
    weighted = metrics.satisfaction(shown, stars, 2, propensity="p")
    assert weighted.value == pytest.approx((5 + 4 * 2 + 2 * 4) / 7)
    assert weighted.diagnostics["ess"] == pytest.approx(7**2 / (1 + 16 + 4))
    assert metrics.satisfaction(shown, stars, 2, threshold=4).value == pytest.approx(2 / 3)
    assert metrics.satisfaction(shown, stars, 3).value == pytest.approx(12 / 4)
    # With three ties for two places, each of the three counts two thirds.
    tied = shown.drop(columns="rank").assign(score=0.0)
    expected = (2 / 3 * (5 + 2 + 1) + 4) / 3
    assert metrics.satisfaction(tied, stars, 2).value == pytest.approx(expected)


@FAST
@given(seed=seeds)
def test_satisfaction_is_bounded_by_the_ratings(seed):
    rng = np.random.default_rng(seed)
    pairs = pd.DataFrame({"user": np.repeat(range(20), 8), "item": np.tile(range(8), 20)})
    shown = pairs.assign(score=np.floor(3 * rng.random(160)))
    rating, p = rng.normal(size=160), rng.uniform(0.1, 1, 160)
    stars = pairs.assign(rating=rating, p=p).sample(60, random_state=seed)
    estimate = metrics.satisfaction(shown, stars, 4, propensity="p", n_boot=100)
    assert stars["rating"].min() <= estimate.value <= stars["rating"].max()


LOG = pd.DataFrame({"user": [1, 1, 2], "click": [0, 1, 0], "views": [1, 2, 3]})


@pytest.mark.parametrize(
    ("log", "options", "message"),
    [
        (LOG.drop(columns="click"), {}, "column 'click': is missing"),
        (LOG.assign(click=[0, 2, 0]), {}, r"'click': must be 0 or 1; .*row: 1 \(value 2.0\)"),
        (LOG.assign(click=[0, 1, np.nan]), {}, "'click': must be finite.*row: 2"),
        (
            LOG.assign(click=[0, 3, 0]),
            {"impressions": "views"},
            r"'click': must be at most the impressions; .*row: 1 \(value 3.0\)",
        ),
        (
            LOG.assign(click=[0.5, 1, 1]),
            {"impressions": "views"},
            r"'click': must be whole numbers of at least 0; .*row: 0 \(value 0.5\)",
        ),
        (
            LOG.assign(views=[1, -1, 1]),
            {"impressions": "views"},
            r"'views': must be whole numbers of at least 0; .*row: 1 \(value -1.0\)",
        ),
        (LOG.assign(user=[1, None, 2]), {"user": "user"}, "'user': must not be missing; .*row: 1"),
        (LOG[:0], {}, "log must hold at least one impression"),
        (LOG, {"level": 0}, "level must be in"),
    ],
)
def test_bad_log(log, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.click_through_rate(log, **options)


RATED = pd.DataFrame(
    {"user": [1, 1, 2], "prediction": [4.0, 3, 2], "rating": [5, 3, 4], "p": [0.5, 0.5, 0.25]}
)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (RATED.drop(columns="rating"), {}, "column 'rating': is missing"),
        (RATED.assign(rating=[1, np.nan, 1]), {}, "'rating': must be finite.*row: 1"),
        (RATED.assign(prediction=["a", "b", "c"]), {}, "'prediction': must be numbers; .*row: 0"),
        (RATED, {"propensity": "q"}, "column 'q': is missing"),
        (
            RATED.assign(p=[0.5, 0, 1]),
            {"propensity": "p"},
            r"'p': must be in \(0, 1\]; .*row: 1 \(value 0.0\)",
        ),
        (RATED.assign(p=[0.5, 1, 1.5]), {"propensity": "p"}, r"'p': must be in \(0, 1\].*row: 2"),
        (RATED, {"cells": (2, 3)}, "cells is for inverse propensity scoring"),
        (RATED, {"propensity": "p", "cells": (1, 9)}, r"cells must be \(users, items\) that hold"),
        (RATED[:0], {}, "data must hold at least one rating"),
    ],
)
@pytest.mark.parametrize("metric", [metrics.mae, metrics.mse, metrics.rmse])
def test_bad_ratings(metric, data, options, message):
    with pytest.raises(ValueError, match=message):
        metric(data, **options)


def test_bad_satisfaction_input():
    shown = pd.DataFrame({"user": [1, 2], "item": [7, 7], "rank": [1, 1]})
    stars = pd.DataFrame({"user": [1, 2], "item": [7, 7], "rating": [5, 2], "p": [0.2, 2]})
    with pytest.raises(ValueError, match=r"'p': must be in \(0, 1\]; .*row: 1 \(value 2.0\)"):
        metrics.satisfaction(shown, stars, 1, propensity="p")
    with pytest.raises(ValueError, match="'item': each .* may come once only; .*row: 1"):
        metrics.satisfaction(shown, stars.assign(user=1), 1)
    with pytest.raises(ValueError, match="no recommended .* pair has a rating"):
        metrics.satisfaction(shown, stars.assign(item=8), 1)
    with pytest.raises(ValueError, match="'rating': must be finite.*row: 0"):
        metrics.satisfaction(shown, stars.assign(rating=[np.inf, 1]), 1)
