"""Truth against Monte Carlo, and what confounding and overlap do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import simulate
from causalrec_utils.simulate import World

OPTIONS = [
    {},
    {"p": 3, "taste_mean": 1.0},
    {"outcome_model": "nonlinear", "propensity_model": "nonlinear", "taste_mean": 0.5},
    {"outcome": "binary", "baseline": -1.0},
    {"outcome": "binary", "outcome_model": "nonlinear", "hidden": 0.6, "p": 8, "taste_mean": 0.7},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_truth_is_what_potential_outcomes_average_to(near, options: dict) -> None:
    world = simulate.confounded(200_000, seed=0, **options)
    gain = world.y1 - world.y0
    near(gain, world.ate)
    near(world.cate, world.ate)
    treated = world.data["shown"] == 1
    if "outcome" in options:
        near(gain[treated], world.att)
    else:
        assert world.att == pytest.approx(gain[treated].mean())
    near((gain - world.cate) * world.cate, 0)  # the effect is right at each level, not on average
    near((world.data["shown"] - world.propensity) * world.propensity, 0)


def test_the_hidden_confounder_is_averaged_out_of_a_binary_cate(near) -> None:
    """Redrawing u while taste and quality stay: the mean gain of a narrow cell is its CATE."""
    world = simulate.confounded(
        400_000, p=3, outcome="binary", hidden=0.8, heterogeneity=0, baseline=0.5, seed=1
    )
    index = (world.data["taste"] + world.data["quality"]) / np.sqrt(2)
    for low in (-1.5, 0.0, 1.5):
        cell = index.between(low, low + 0.1).to_numpy()
        near((world.y1 - world.y0 - world.cate)[cell], 0)


@pytest.mark.parametrize("form", ["linear", "nonlinear"])
@pytest.mark.parametrize("outcome", ["continuous", "binary"])
def test_naive_is_biased_with_confounding_and_only_then(difference, form, outcome) -> None:
    biases = []
    for c in (0.0, 0.4, 0.9):
        world = simulate.confounded(
            40_000, confounding=c, outcome=outcome, outcome_model=form, seed=3
        )
        value, stderr = difference(world.data, "shown", world.outcome)
        biases.append((value - world.ate) / stderr)
    assert abs(biases[0]) < 4
    assert 8 < biases[1] < biases[2]


def test_without_confounding_propensities_still_vary() -> None:
    assert simulate.confounded(5000, confounding=0, seed=0).propensity.std() > 0.15


def worlds(**options: float) -> list[World]:
    covariates = pd.DataFrame(np.random.default_rng(0).normal(size=(5000, 4)), columns=list("abcd"))
    return [
        simulate.confounded(5000, seed=0, **options),
        simulate.semi_synthetic(covariates, seed=0, **options),
        simulate.text_confounded(["t"] * 5000, covariates["a"], seed=0, **options),
    ]


def test_overlap_moves_propensities() -> None:
    for poor, good, coin in zip(
        worlds(overlap=0.2), worlds(overlap=2.0), worlds(overlap=np.inf), strict=True
    ):
        spread = [np.quantile(w.propensity, 0.95) for w in (poor, good, coin)]
        assert spread[0] > 0.99 and 0.6 < spread[1] < 0.8 and spread[2] == 0.5


def test_inverse_true_propensities_undo_the_confounding(near) -> None:
    for world in worlds(confounding=0.9, overlap=1.5):
        t, y, e = world.data["shown"], world.data[world.outcome], world.propensity
        near(t * y / e - (1 - t) * y / (1 - e) - (world.cate - world.ate), world.ate)


def test_adjusting_suffices_unless_a_confounder_hides(ols) -> None:
    off = {}
    for hidden in (0.0, 0.7):
        world = simulate.confounded(20_000, heterogeneity=0, hidden=hidden, seed=5)
        b, se = ols(world.data, "satisfaction", "shown", *world.confounders)
        off[hidden] = (b[0] - 0.5) / se[0]
    assert abs(off[0.0]) < 4 and off[0.7] > 10


def test_p_counts_the_covariates() -> None:
    world = simulate.confounded(10, p=20, seed=0)
    assert world.data.shape == (10, 22) and len(world.confounders) == 20
    assert list(world.data.columns[:3]) == ["taste", "quality", "x3"]


@pytest.mark.parametrize("outcome", ["continuous", "binary"])
def test_real_covariates(near, difference, outcome: str) -> None:
    rng = np.random.default_rng(1)
    covariates = pd.DataFrame(
        {"plays": rng.gamma(1, 100, size=30_000), "premium": rng.random(30_000) < 0.3},
        index=np.arange(30_000) + 7,
    )
    world = simulate.semi_synthetic(covariates, heterogeneity=0.3, outcome=outcome, seed=2)
    pd.testing.assert_frame_equal(world.data[["plays", "premium"]], covariates)
    assert world.confounders == ("plays", "premium")
    near(world.y1 - world.y0 - world.cate, 0)
    assert world.ate == pytest.approx(world.cate.mean())
    value, stderr = difference(world.data, "shown", world.outcome)
    assert value - world.ate > 10 * stderr


@pytest.mark.parametrize("n", [None, 30_000])
@pytest.mark.parametrize("outcome", ["continuous", "binary"])
def test_the_attribute_of_the_text_is_the_confounder(near, difference, outcome, n) -> None:
    rng = np.random.default_rng(2)
    number = rng.random(20_000) < 0.3
    texts = np.where(number, "7 ways", "a way")
    options = {"heterogeneity": 0.2, "outcome": outcome, "n": n}
    world = simulate.text_confounded(texts, number, seed=3, **options)
    assert world.data.columns.tolist() == ["text", "shown", world.outcome]
    assert (world.data["text"].eq("7 ways") == (world.hidden["attribute"] > 0)).all()
    near(world.y1 - world.y0, world.ate)
    value, stderr = difference(world.data, "shown", world.outcome)
    assert value - world.ate > 8 * stderr
    adjusted = [  # the oracle: compare within the two kinds of text
        difference(part, "shown", world.outcome) + (len(part) / len(world.data),)
        for _, part in world.data.groupby("text")
    ]
    value = sum(d * w for d, _, w in adjusted)
    assert abs(value - world.ate) < 4 * np.sqrt(sum((s * w) ** 2 for _, s, w in adjusted)) + 0.005
    world = simulate.text_confounded(texts, number, confounding=0, seed=4, **options)
    value, stderr = difference(world.data, "shown", world.outcome)
    assert abs(value - world.ate) < 4 * stderr


def test_drawing_impressions_leaves_the_truth_of_the_texts() -> None:
    texts, a = ["x", "y", "z"], [0, 1, 5]
    options = {"heterogeneity": 1.0, "outcome": "binary"}
    world = simulate.text_confounded(texts, a, seed=0, **options)
    drawn = simulate.text_confounded(texts, a, n=50, seed=1, **options)
    assert drawn.ate == pytest.approx(world.ate) and drawn.cate.mean() != world.ate


def test_ihdp_is_econmls() -> None:
    from econml.data.dgps import ihdp_surface_B

    world = simulate.ihdp(seed=4)
    y, t, x, effect = ihdp_surface_B(random_state=4)
    np.testing.assert_array_equal(world.data["score"], y)
    np.testing.assert_array_equal(world.data["treated"], t)
    np.testing.assert_array_equal(world.data[list(world.confounders)], x[:, 1:])
    np.testing.assert_allclose(world.y1 - world.y0, effect)
    np.testing.assert_allclose(np.where(t == 1, world.y1, world.y0), y)
    assert world.ate == pytest.approx(effect.mean()) and world.att == pytest.approx(4)
    assert world.data["preterm"].std() > 0.9 and set(world.data["site1"]) == {0, 1}
    with pytest.raises(ValueError, match="'propensity' is not known here"):
        _ = world.propensity
