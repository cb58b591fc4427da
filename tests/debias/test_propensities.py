"""Propensities: what they must be on data where the answer is known, and bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_utils.debias import propensity_logistic, propensity_naive_bayes


@pytest.fixture
def world() -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Every cell of a table, and which of them were seen: more often the higher the rating."""
    rng = np.random.default_rng(0)
    n, m = 200, 150
    cells = pd.DataFrame({"user": np.repeat(np.arange(n), m), "item": np.tile(np.arange(m), n)})
    cells["rating"] = rng.choice([1, 2, 3, 4, 5], size=n * m, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    cells["p"] = 0.02 * cells["rating"]
    seen = cells[rng.random(n * m) < cells["p"]]
    return cells, seen, n * m


def test_naive_bayes_finds_the_true_chances(world) -> None:
    cells, seen, size = world
    p = propensity_naive_bayes(seen, cells, cells=size)
    ratio = pd.Series(p / seen["p"].to_numpy()).groupby(seen["rating"].to_numpy()).first()
    assert ratio.between(0.85, 1.15).all()


def test_naive_bayes_reweights_to_the_random_sample_exactly(world) -> None:
    cells, seen, size = world
    survey = cells.sample(400, random_state=1)
    p = propensity_naive_bayes(seen, survey, cells=size)
    assert np.sum(1 / p) == pytest.approx(size)
    assert np.average(seen["rating"], weights=1 / p) == pytest.approx(survey["rating"].mean())


def test_naive_bayes_without_selection_is_the_share_of_rated_cells() -> None:
    table = pd.DataFrame({"rating": [1, 2, 2, 3]})
    assert propensity_naive_bayes(table, table, cells=40) == pytest.approx(0.1)


def test_naive_bayes_follows_its_rows(world) -> None:
    cells, seen, size = world
    p = propensity_naive_bayes(seen, cells, cells=size)
    order = np.random.default_rng(2).permutation(len(seen))
    shuffled = propensity_naive_bayes(seen.iloc[order], cells.iloc[::-1], cells=size)
    assert np.array_equal(shuffled, p[order])


def test_naive_bayes_says_which_value_is_missing_from_the_sample() -> None:
    seen, survey = pd.DataFrame({"rating": [1, 2, 9]}), pd.DataFrame({"rating": [1, 2]})
    with pytest.raises(ValueError, match=r"'rating': each value must .*offending row: 2 .*9"):
        propensity_naive_bayes(seen, survey, cells=30)
    assert (propensity_naive_bayes(seen, survey, cells=300, smoothing=1) > 0).all()


def test_naive_bayes_refuses_chances_above_one() -> None:
    seen, survey = pd.DataFrame({"rating": [1, 5, 5]}), pd.DataFrame({"rating": [1] * 99 + [5]})
    with pytest.raises(ValueError, match=r"'rating': propensity .*above 1.*offending row: 1"):
        propensity_naive_bayes(seen, survey, cells=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cells": 1}, "cells must be at least the 2 ratings, got 1"),
        ({"smoothing": -1}, "smoothing must be at least 0"),
        ({"rating": "stars"}, "column 'stars': is missing"),
        ({"ratings": pd.DataFrame({"rating": [1, np.nan]})}, "'rating': must be finite.*row: 1"),
        ({"unbiased": pd.DataFrame({"rating": []})}, "'rating': both tables need at least one"),
    ],
)
def test_naive_bayes_bad_input(change, message) -> None:
    table = pd.DataFrame({"rating": [1, 2]})
    with pytest.raises(ValueError, match=message):
        propensity_naive_bayes(**{"ratings": table, "unbiased": table, "cells": 20, **change})


@pytest.fixture
def features() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(3)
    who = pd.DataFrame({"age": rng.normal(size=120), "place": rng.choice(list("abc"), 120)})
    return who, pd.DataFrame({"price": rng.normal(size=80)}, index=[f"i{k}" for k in range(80)])


def _observed(p: np.ndarray, what: pd.DataFrame, seed: int) -> pd.DataFrame:
    u, i = np.nonzero(np.random.default_rng(seed).random(p.shape) < p)
    return pd.DataFrame({"user": u, "item": what.index[i]})


def test_logistic_recovers_the_model_that_made_the_data(features) -> None:
    who, what = features
    shift = who["place"].map({"a": 0.0, "b": 1.0, "c": -1.0}).to_numpy()
    logit = -2 + 0.8 * who["age"].to_numpy() + shift
    p = 1 / (1 + np.exp(-(logit[:, None] - 0.7 * what["price"].to_numpy())))
    found = propensity_logistic(_observed(p, what, 4), who, what)
    assert found.shape == p.shape
    assert ((found > 0) & (found < 1)).all()
    assert np.abs(found - p).max() < 0.08
    assert np.corrcoef(found.ravel(), p.ravel())[0, 1] > 0.99


def test_logistic_matches_the_observed_share_and_forgets_features_under_penalty(features) -> None:
    who, what = features
    seen = _observed(np.full((120, 80), 0.1), what, 5)
    found = propensity_logistic(seen, who, what)
    assert found.mean() == pytest.approx(len(seen) / (120 * 80), abs=1e-4)
    assert np.ptp(propensity_logistic(seen, who, what, penalty=1e8)) < 1e-3


def test_logistic_ignores_the_order_of_rows(features) -> None:
    who, what = features
    seen = _observed(np.full((120, 80), 0.1), what, 6)
    assert np.array_equal(
        propensity_logistic(seen, who, what), propensity_logistic(seen[::-1], who, what)
    )


def _bad(**change):
    who, what = pd.DataFrame({"x": [0.0, 1.0]}), pd.DataFrame({"y": [0.0, 1.0]})
    seen = pd.DataFrame({"user": [0, 1], "item": [0, 1]})
    given = {"observed": seen, "user_features": who, "item_features": what}
    return propensity_logistic(**{**given, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penalty": 0}, "penalty must be above 0"),
        ({"observed": pd.DataFrame({"user": [0], "thing": [1]})}, "column 'item': is missing"),
        (
            {"observed": pd.DataFrame({"user": [0, 7], "item": [0, 1]})},
            r"'user': must have a row of features; first offending row: 1 \(value 7\)",
        ),
        (
            {"observed": pd.DataFrame({"user": [0, 1, 0], "item": [1, 1, 1]})},
            r"'user': a \(user, item\) cell must come once; first offending row: 2",
        ),
        ({"observed": pd.DataFrame({"user": [], "item": []})}, "some cells must be rated"),
        (
            {"item_features": pd.DataFrame({"y": [0.0, np.nan]})},
            "'y': must not be missing; first offending row: 1",
        ),
    ],
)
def test_logistic_bad_input(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        _bad(**change)
