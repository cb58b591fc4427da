"""`effects.cate` and what every `EffectModel` keeps to."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.linear_model import LinearRegression, LogisticRegression

from causalrec_utils import effects, metrics
from causalrec_utils.effects import _learners, _nuisance

METHODS = ["s", "t", "x", "dr", "linear_dml", "causal_forest", "network"]
FEATURES = ["a", "b"]


def world(n: int, seed: int, *, nonlinear: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    """Confounded by a and c; the effect depends on a."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(3, n))
    t = (rng.random(n) < 1 / (1 + np.exp(-0.7 * a - 0.7 * c))).astype(int)
    effect = 1 + (2 * (a > 0) if nonlinear else a)
    y = a + b + c + effect * t + rng.normal(size=n)
    return pd.DataFrame({"a": a, "b": b, "c": c, "t": t, "y": y}), effect


@pytest.fixture(scope="module")
def data():
    return world(1000, 0)


@pytest.fixture(scope="module")
def fits(data):
    """Every method, fitted once."""
    x = ["a", "b", "c"]
    return {m: effects.cate(data[0], "t", "y", x, method=m, seed=1) for m in METHODS}


@pytest.fixture(scope="module")
def auto(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        return effects.cate(data[0], "t", "y", ["a", "b", "c"], seed=0)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_most_of_the_effect(data, fits, method):
    frame, truth = data
    predicted = fits[method].effect(frame)
    assert predicted.shape == (len(frame),)
    constant = metrics.pehe(np.full(len(frame), truth.mean()), truth)
    assert metrics.pehe(predicted, truth) < 0.6 * constant
    assert abs(predicted.mean() - truth.mean()) < 0.25


@pytest.mark.parametrize("method", ["dr", "linear_dml", "causal_forest"])
def test_other_confounders_are_adjusted_for(data, method):
    frame, truth = data
    adjusted = effects.cate(frame, "t", "y", FEATURES, ["a", "b", "c"], method=method)
    naive = effects.cate(frame, "t", "y", FEATURES, method=method)
    assert adjusted.features == ("a", "b")
    error = abs(adjusted.effect(frame).mean() - truth.mean())
    assert error < 0.2 < abs(naive.effect(frame).mean() - truth.mean())


def test_outcome_scale_and_shift(data):
    frame, _ = data
    moved = frame.assign(y=10 + 3 * frame["y"])
    for method in ("t", "linear_dml"):
        a = effects.cate(frame, "t", "y", FEATURES, method=method).effect(frame)
        b = effects.cate(moved, "t", "y", FEATURES, method=method).effect(frame)
        np.testing.assert_allclose(b, 3 * a, atol=0.02)


def test_same_seed_same_effects_and_index_does_not_count(data):
    frame, _ = data
    a = effects.cate(frame, "t", "y", FEATURES, method="causal_forest", seed=3).effect(frame)
    renamed = frame.set_index(frame.index[::-1])
    b = effects.cate(renamed, "t", "y", FEATURES, method="causal_forest", seed=3).effect(renamed)
    np.testing.assert_allclose(a, b, rtol=1e-9)  # trees are summed in the order they finish


def test_auto_is_near_the_best_and_shows_its_scores(data, fits, auto):
    frame, truth = data
    losses = [metrics.pehe(model.effect(frame), truth) for model in fits.values()]
    # Measured against what there is to know: here the best method is all but exact.
    assert metrics.pehe(auto.effect(frame), truth) < min(losses) + 0.1 * truth.std()
    assert set(auto.scores.index) == set(METHODS)
    assert auto.scores["weight"].sum() == pytest.approx(1)
    assert (auto.scores["weight"] >= 0).all()
    assert auto.scores["r_loss"].is_monotonic_increasing


def test_auto_with_other_confounders_compares_only_what_can_adjust(data):
    model = effects.cate(data[0], "t", "y", FEATURES, ["c"])
    assert set(model.scores.index) == {"dr", "linear_dml", "causal_forest"}


def test_stacking_finds_the_mixture_that_made_the_data():
    from causalrec_utils.effects._cate import stack

    rng = np.random.default_rng(0)
    columns = rng.normal(size=(4000, 4))
    y = columns @ [0.7, 0.3, 0, 0] + 0.3 * rng.normal(size=4000)
    np.testing.assert_allclose(stack(y, columns), [0.7, 0.3, 0, 0], atol=0.03)


def test_ate_on_the_training_rows_is_aipw_whatever_the_method(data, fits):
    frame, truth = data
    a, b = fits["s"].ate(frame), fits["linear_dml"].ate(frame)
    assert (a.value, a.stderr) == pytest.approx((b.value, b.stderr))
    assert (a.estimand, a.n) == ("ATE", len(frame))
    assert a.ci[0] < truth.mean() < a.ci[1]
    new, _ = world(500, 7)
    assert fits["s"].ate(new).stderr > a.stderr


AT = pd.DataFrame({"a": [-0.5, 0.0, 0.7], "b": [0.0, 0.5, 0.0]})
BAND = 5e-5  # error of each end
# Coverage at nominal 95 %, at least and at most. A forest's is a promise to large tables only.
SHARE = {"linear_dml": (0.95, 0.95), "causal_forest": (0.90, 0.95)}


@pytest.fixture
def no_search(monkeypatch):
    """Nuisance models that are right in each arm, without a search: many worlds in little time."""
    y, t = LinearRegression(), LogisticRegression()
    models = _learners.Models(y, t, y, y)
    monkeypatch.setattr(_learners, "choose_models", lambda d, seed: models)
    kinds = {"classifier": t, "regressor": y}
    monkeypatch.setattr(_nuisance, "candidates", lambda kind, n: {"linear": kinds[kind]})


def large(method):
    return pytest.param(method, 400, id=f"{method}-large", marks=pytest.mark.coverage_suite)


@pytest.mark.parametrize(
    ("method", "runs"),
    [("linear_dml", 40), ("causal_forest", 12), large("linear_dml"), large("causal_forest")],
)
def test_intervals_cover(no_search, method, runs):
    """At points inside the data, with 500 rows: see the notes of `cate`."""
    hits, average = np.zeros(len(AT), int), 0
    for seed in range(runs):
        frame, _ = world(500, 1000 + seed)
        model = effects.cate(frame, "t", "y", FEATURES, ["c"], method=method, seed=seed)
        low, high = model.effect_interval(AT)
        hits += (low <= 1 + AT["a"]) & (1 + AT["a"] <= high)
        ci = model.ate(frame).ci
        average += ci[0] <= 1 <= ci[1]
    low, high = SHARE[method]
    least, most = binom.ppf(BAND, runs, low), binom.ppf(1 - BAND, runs, high)
    assert (least <= hits).all() and (hits <= most).all(), hits / runs
    least, most = binom.ppf(BAND, runs, 0.95), binom.ppf(1 - BAND, runs, 0.95)
    assert least <= average <= most, average / runs


def test_kinds_of_models_are_compared_on_few_rows(monkeypatch):
    monkeypatch.setattr(_learners, "COMPARED", 90)
    parts = list(_learners.FewRows().split(np.zeros((1000, 2))))
    assert len(parts) == 3
    held_out = np.concatenate([test for _, test in parts])
    assert len(set(held_out)) == 90
    for train, test in parts:
        assert set(train) == set(held_out) - set(test)


def test_one_thread_holds_for_pools_that_are_loaded_late():
    """Threads that wait for each other made small fits ten times slower."""
    code = (
        "from causalrec_utils.effects import _nuisance\n"
        "from threadpoolctl import threadpool_info\n"
        "with _nuisance.threads(1000):\n"
        "    import sklearn.ensemble\n"
        "    pools = threadpool_info()\n"
        "    assert any(p['user_api'] == 'openmp' for p in pools)\n"
        "    assert all(p['num_threads'] == 1 for p in pools), pools\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_wider_level_gives_wider_interval(data):
    frame, _ = data
    model = effects.cate(frame, "t", "y", FEATURES, ["c"], method="linear_dml")
    narrow, wide = (model.effect_interval(frame, level=v) for v in (0.8, 0.99))
    assert (wide[0] < narrow[0]).all() and (narrow[1] < wide[1]).all()


def test_no_interval_says_which_methods_have_one(auto, data):
    with pytest.raises(ValueError, match="'auto' has no valid .*causal_forest and linear_dml do"):
        auto.effect_interval(data[0])


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"t": 2}, r"'t': must be 0 or 1; first offending row: 5 \(value 2"),
        ({"y": np.nan}, "'y': must be finite.*row: 5"),
        ({"a": np.inf}, "'a': must be finite.*row: 5"),
        ({"c": np.nan}, "'c': must be finite.*row: 5"),
    ],
)
def test_bad_rows_are_named(data, change, rule):
    frame = data[0].astype(float)
    for column, value in change.items():
        frame.loc[5, column] = value
    with pytest.raises(ValueError, match=rule):
        effects.cate(frame, "t", "y", FEATURES, ["c"], method="linear_dml")


def test_bad_arguments(data):
    frame, _ = data
    with pytest.raises(ValueError, match="'z': is missing"):
        effects.cate(frame, "t", "y", ["z"])
    with pytest.raises(ValueError, match="'t': is the treatment and cannot be a feature too"):
        effects.cate(frame, "t", "y", ["a", "t"])
    with pytest.raises(ValueError, match="features must name at least one column"):
        effects.cate(frame, "t", "y", [])
    with pytest.raises(ValueError, match="method must be one of s, t, x"):
        effects.cate(frame, "t", "y", FEATURES, method="forest")
    with pytest.raises(ValueError, match="'x' adjusts for features only.*dr, linear_dml"):
        effects.cate(frame, "t", "y", FEATURES, ["c"], method="x")
    with pytest.raises(ValueError, match="'t': must hold both 0 and 1"):
        effects.cate(frame.assign(t=0), "t", "y", FEATURES)
    with pytest.raises(ValueError, match="the treated arm, with 5 folds, has 3 rows"):
        effects.cate(frame.assign(t=np.arange(len(frame)) < 3), "t", "y", FEATURES)
    model = effects.cate(frame, "t", "y", FEATURES, method="linear_dml")
    with pytest.raises(ValueError, match="'b': is missing"):
        model.effect(frame[["a"]])
    with pytest.raises(ValueError, match="at least 2 rows"):
        model.ate(frame.head(1))
