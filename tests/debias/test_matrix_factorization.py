"""Weighted matrix factorisation: gradient, invariances, recovery, and what weights are for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad
from scipy.stats import binom

from causalrec_utils.debias import MatrixFactorization, select
from causalrec_utils.debias._factorization import objective

N, M = 60, 40


def long(truth: np.ndarray, seen: np.ndarray) -> pd.DataFrame:
    """Ratings of the seen cells, one a row."""
    u, i = np.nonzero(seen)
    return pd.DataFrame({"user": u, "item": i, "rating": truth[u, i]})


def full(model: MatrixFactorization, shape: tuple[int, int] = (N, M)) -> np.ndarray:
    """Predictions of all cells."""
    u, i = np.indices(shape)
    return model.predict(u.ravel(), i.ravel()).reshape(shape)


@pytest.fixture
def ratings() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return long(rng.integers(1, 6, (N, M)).astype(float), rng.random((N, M)) < 0.3)


@pytest.mark.parametrize("factors", [0, 3])
def test_gradient(factors: int) -> None:
    rng = np.random.default_rng(1)
    n, m, width, rows = 5, 4, 1 + factors, 30
    data = (
        rng.integers(0, n, rows),
        rng.integers(0, m, rows),
        rng.normal(size=rows),
        rng.uniform(0.5, 3, rows),
        (n, m, width),
        0.7,
    )
    theta = rng.normal(size=1 + (n + m) * width)
    error = check_grad(
        lambda t: objective(t, *data)[0], lambda t: objective(t, *data)[1], theta, epsilon=1e-6
    )
    assert error < 1e-3
    assert np.linalg.norm(objective(theta, *data)[1]) > 10


def test_biases_alone_are_weighted_ridge_regression(ratings) -> None:
    from sklearn.linear_model import Ridge

    w = np.random.default_rng(2).uniform(0.5, 4, len(ratings))
    model = MatrixFactorization(factors=0, penalty=3, normalize=False).fit(ratings, weights=w)
    x = pd.get_dummies(ratings[["user", "item"]].astype(str)).to_numpy(float)
    ridge = Ridge(alpha=3).fit(x, ratings["rating"], sample_weight=w)
    ours = model.predict(ratings["user"], ratings["item"])
    assert ours == pytest.approx(ridge.predict(x), abs=2e-3)


def test_constant_weights_are_no_weights(ratings) -> None:
    plain = MatrixFactorization(factors=2).fit(ratings)
    same = MatrixFactorization(factors=2).fit(ratings, weights=np.full(len(ratings), 8.0))
    assert np.array_equal(full(plain), full(same))
    raw = MatrixFactorization(factors=2, normalize=False)
    assert not np.allclose(full(raw.fit(ratings, weights=np.full(len(ratings), 8.0))), full(plain))


def test_raw_weights_are_the_same_model_at_a_scaled_penalty(ratings) -> None:
    w = np.random.default_rng(3).uniform(1, 9, len(ratings))
    own = MatrixFactorization(factors=0, penalty=2).fit(ratings, weights=w)
    raw = MatrixFactorization(factors=0, penalty=2 * w.mean(), normalize=False)
    assert full(raw.fit(ratings, weights=w)) == pytest.approx(full(own), abs=1e-3)


def test_order_of_rows_changes_no_digit(ratings) -> None:
    w = np.random.default_rng(4).uniform(1, 9, len(ratings))
    order = np.random.default_rng(5).permutation(len(ratings))
    one = MatrixFactorization(factors=2).fit(ratings, weights=w)
    two = MatrixFactorization(factors=2).fit(ratings.iloc[order], weights=w[order])
    assert np.array_equal(full(one), full(two))


def test_names_of_users_and_items_do_not_matter(ratings) -> None:
    renamed = ratings.assign(
        user=[f"u{u:03d}" for u in ratings["user"]], item=ratings["item"] + 500
    )
    one = MatrixFactorization(factors=2).fit(ratings)
    two = MatrixFactorization(factors=2).fit(renamed)
    assert np.array_equal(
        one.predict(ratings["user"], ratings["item"]), two.predict(renamed["user"], renamed["item"])
    )


def test_adding_a_constant_to_ratings_adds_it_to_predictions(ratings) -> None:
    one = MatrixFactorization(factors=0).fit(ratings)
    two = MatrixFactorization(factors=0).fit(ratings.assign(rating=ratings["rating"] + 10))
    assert full(two) == pytest.approx(full(one) + 10, abs=2e-3)


def test_a_double_row_is_a_double_weight(ratings) -> None:
    w = np.where(np.arange(len(ratings)) % 3 == 0, 2.0, 1.0)
    twice = pd.concat([ratings, ratings[::3]])
    settings = {"factors": 0, "normalize": False}
    one = MatrixFactorization(**settings).fit(ratings, weights=w)
    two = MatrixFactorization(**settings).fit(twice)
    assert full(one) == pytest.approx(full(two), abs=1e-3)


def test_low_rank_truth_is_recovered_from_all_cells() -> None:
    rng = np.random.default_rng(6)
    truth = 3 + rng.normal(size=(N, 2)) @ rng.normal(size=(2, M)) + rng.normal(size=(N, 1))
    model = MatrixFactorization(factors=2, penalty=1e-3).fit(long(truth, np.ones((N, M), bool)))
    assert np.sqrt(np.mean((full(model) - truth) ** 2)) < 0.02
    flat = MatrixFactorization(factors=0, penalty=1e-3).fit(long(truth, np.ones((N, M), bool)))
    assert np.sqrt(np.mean((full(flat) - truth) ** 2)) > 0.5


def test_unknown_labels_get_the_known_part(ratings) -> None:
    model = MatrixFactorization(factors=2).fit(ratings)
    assert model.predict([-5], [-5]) == pytest.approx(model.intercept_)
    assert model.predict([0], [-5]) == pytest.approx(model.intercept_ + model.user_[0, 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ratings": pd.DataFrame({"user": [1], "item": [1]})}, "column 'rating': is missing"),
        ({"ratings": pd.DataFrame({"user": [], "item": [], "rating": []})}, "at least one row"),
        (
            {"ratings": pd.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [1, np.inf]})},
            r"'rating': must be finite .*first offending row: 1",
        ),
        (
            {"ratings": pd.DataFrame({"user": [1, None], "item": [1, 2], "rating": [1, 2]})},
            r"'user': must not be missing; first offending row: 1",
        ),
        ({"weights": [1.0, 0.0]}, r"'weights': must be in \(0, inf\); first offending row: 1"),
        ({"weights": [1.0]}, r"'weights': must have one value for each of the 2 rows, got 1"),
    ],
)
def test_bad_ratings_and_weights(change, message) -> None:
    good = pd.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [3, 4]})
    for call in (MatrixFactorization().fit, lambda ratings, **k: select(ratings, folds=2, **k)):
        with pytest.raises(ValueError, match=message):
            call(**{"ratings": good, **change})


def test_bad_settings(ratings) -> None:
    for settings, message in (
        ({"factors": -1}, "factors must be at least 0"),
        ({"penalty": 0}, "penalty must be above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            MatrixFactorization(**settings)
    with pytest.raises(ValueError, match=r"folds must be between 2 and the \d+ ratings, got 1"):
        select(ratings, folds=1)
    model = MatrixFactorization(factors=0).fit(ratings)
    with pytest.raises(ValueError, match="users and items differ in length: 2 and 1"):
        model.predict([1, 2], [1])


def mnar(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, np.ndarray]:
    """Low-rank truth, ratings with noise, seen more often the better they are; known chances."""
    truth = 3 + rng.normal(0, 0.6, (N, 2)) @ rng.normal(0, 0.6, (2, M)) + rng.normal(0, 0.5, M)
    rating = truth + rng.normal(0, 0.7, (N, M))
    p = 0.03 + 0.5 / (1 + np.exp(-2.5 * (rating - 4)))
    seen = rng.random((N, M)) < p
    return truth, rating, long(rating, seen), p[seen]


def wins(runs: int) -> tuple[int, int]:
    """Worlds in which weighting brings evaluation, and training, closer to the truth."""
    rng = np.random.default_rng(7)
    evaluation = training = 0
    for _ in range(runs):
        truth, rating, seen, p = mnar(rng)
        guess = np.full((N, M), 3.0)
        loss = (3.0 - seen["rating"].to_numpy()) ** 2
        true_loss = np.mean((guess - rating) ** 2)
        ips = np.sum(loss / p) / (N * M)
        evaluation += abs(ips - true_loss) < abs(loss.mean() - true_loss)
        error = [
            np.mean(
                (full(MatrixFactorization(factors=2, penalty=4).fit(seen, weights=w)) - truth) ** 2
            )
            for w in (None, 1 / p)
        ]
        training += error[1] < error[0]
    return evaluation, training


def test_known_propensities_help_evaluation_and_training() -> None:
    # Far more often than the coin flips of weights that do nothing.
    least = binom.isf(1e-4, 25, 0.5)
    evaluation, training = wins(25)
    assert evaluation > least
    assert training > least


@pytest.mark.coverage_suite
def test_known_propensities_help_in_at_least_nine_worlds_of_ten() -> None:
    least = binom.ppf(1e-4, 300, 0.9)
    assert min(wins(300)) > least


def test_ips_evaluation_is_unbiased_with_known_propensities() -> None:
    rng = np.random.default_rng(8)
    rating = rng.normal(3, 1, 2000)
    p = 0.05 + 0.6 / (1 + np.exp(-2 * (rating - 4)))
    loss = (rating - 3) ** 2
    seen = rng.random((4000, 2000)) < p
    ips = (seen * (loss / p)).mean(axis=1)
    z = (ips.mean() - loss.mean()) / (ips.std(ddof=1) / np.sqrt(len(ips)))
    assert abs(z) < 4
    naive = (seen * loss).sum(axis=1) / seen.sum(axis=1)
    assert naive.mean() - loss.mean() > 0.2


def test_select_takes_the_best_score_and_uses_the_weights(ratings) -> None:
    rng = np.random.default_rng(9)
    *_, seen, p = mnar(rng)
    model, table = select(seen, factors=(0, 2), penalties=(1.0, 50.0), folds=3)
    assert (model.factors, model.penalty) == (table["factors"][0], table["penalty"][0])
    assert table["score"].is_monotonic_increasing
    assert len(table) == 4
    again = MatrixFactorization(factors=model.factors, penalty=model.penalty).fit(seen)
    assert np.array_equal(full(again), full(model))
    weighted = select(seen, weights=1 / p, factors=(0,), penalties=(1.0,), folds=3)[1]
    constant = select(
        seen, weights=np.full(len(seen), 3.0), factors=(0,), penalties=(1.0,), folds=3
    )
    plain = select(seen, factors=(0,), penalties=(1.0,), folds=3)[1]
    assert constant[1]["score"][0] == pytest.approx(plain["score"][0])
    assert weighted["score"][0] != pytest.approx(plain["score"][0], rel=0.05)


def test_score_is_the_weighted_error_of_models_fitted_with_weights_on_the_other_folds() -> None:
    *_, seen, p = mnar(np.random.default_rng(10))
    w, folds = 1 / p, 3
    fold = np.random.default_rng(5).permutation(np.arange(len(seen)) % folds)
    loss = np.zeros(len(seen))
    for f in range(folds):
        part, rest = seen[fold == f], seen[fold != f]
        fitted = MatrixFactorization(factors=0, penalty=2.0).fit(rest, weights=w[fold != f])
        loss[fold == f] = (part["rating"] - fitted.predict(part["user"], part["item"])) ** 2
    table = select(seen, weights=w, factors=(0,), penalties=(2.0,), folds=folds, seed=5)[1]
    assert table["score"][0] == pytest.approx(np.average(loss, weights=w))
