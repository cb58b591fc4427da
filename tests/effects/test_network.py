"""`effects.effect_network`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from causalrec_utils import effects, metrics


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1000))
    t = (rng.random(1000) < 1 / (1 + np.exp(-a))).astype(int)
    truth = 1 + a
    y = a + b + truth * t + rng.normal(0, 0.5, 1000)
    return pd.DataFrame({"a": a, "b": b, "t": t, "y": y}), truth


def fit(frame, seed=0, **options):
    return effects.effect_network(frame, "t", "y", ["a", "b"], seed=seed, **options)


def test_finds_the_effect(data):
    frame, truth = data
    model = fit(frame)
    assert metrics.pehe(model.effect(frame), truth) < 0.4
    estimate = model.ate(frame)
    assert abs(estimate.value - truth.mean()) < 4 * estimate.stderr
    assert model.method == "network" and model.scores is None


def test_same_seed_same_model_and_nothing_global_moves(data):
    frame, _ = data
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    a, b = (fit(frame, steps=60).effect(frame) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert not np.array_equal(a, fit(frame, seed=1, steps=60).effect(frame))


def test_units_do_not_count(data):
    frame, _ = data
    moved = frame.assign(y=10 + 4 * frame["y"], a=1000 * frame["a"] - 3)
    a, b = fit(frame, steps=100).effect(frame), fit(moved, steps=100).effect(moved)
    np.testing.assert_allclose(b, 4 * a, atol=0.02)


def test_rows_are_predicted_one_by_one(data):
    frame, _ = data
    model = fit(frame, steps=60)
    whole = model.effect(frame)
    np.testing.assert_allclose(model.effect(frame.iloc[[7]]), whole[[7]], rtol=1e-4, atol=1e-5)


def test_a_constant_feature_is_harmless(data):
    frame, _ = data
    model = effects.effect_network(frame.assign(one=1.0), "t", "y", ["a", "one"], seed=0, steps=30)
    assert np.isfinite(model.effect(frame.assign(one=1.0))).all()


def test_bad_input(data):
    frame, _ = data
    with pytest.raises(ValueError, match="'t': must be 0 or 1; first offending row: 0"):
        fit(frame.assign(t=frame["t"] + 0.5))
    with pytest.raises(ValueError, match="'y': must be finite.*row: 2"):
        fit(frame.assign(y=frame["y"].where(frame.index != 2)))
    with pytest.raises(ValueError, match="steps must be at least 1|steps must be"):
        fit(frame, steps=0)
    with pytest.raises(ValueError, match="'network' has no valid interval"):
        fit(frame, steps=10).effect_interval(frame)
