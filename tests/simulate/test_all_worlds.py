"""What every world promises: reproducible, complete, the truth kept apart."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import simulate
from causalrec_utils.simulate import World

COVARIATES = pd.DataFrame(np.random.default_rng(9).gamma(2, size=(400, 3)), columns=list("abc"))
TEXTS = [f"story {i}" for i in range(400)]
MATRIX = pd.DataFrame(
    {
        "user": np.repeat(np.arange(40), 25),
        "item": np.tile(np.arange(25), 40),
        "watch_ratio": np.random.default_rng(8).gamma(2, size=1000),
    }
)
MAKERS: dict[str, Callable[..., World]] = {
    "confounded": lambda seed: simulate.confounded(300, seed=seed),
    "semi_synthetic": lambda seed: simulate.semi_synthetic(COVARIATES, seed=seed),
    "text_confounded": lambda seed: simulate.text_confounded(TEXTS, COVARIATES["a"], seed=seed),
    "instrument": lambda seed: simulate.instrument(300, seed=seed),
    "front_door": lambda seed: simulate.front_door(300, seed=seed),
    "natural_experiment": lambda seed: simulate.natural_experiment(300, seed=seed),
    "panel": lambda seed: simulate.panel(50, seed=seed),
    "interventions_world": lambda seed: simulate.interventions_world(300, seed=seed),
    "recommender": lambda seed: simulate.recommender(300, n_users=20, n_items=10, seed=seed),
    "feedback_loop": lambda seed: simulate.feedback_loop(
        n_users=20, n_items=30, months=3, seed=seed
    ),
    "interference": lambda seed: simulate.interference(n_users=100, seed=seed),
    "cluster": lambda seed: simulate.interference(n_users=100, design="cluster", seed=seed),
    "carry_over": lambda seed: simulate.carry_over(n_users=50, weeks=6, seed=seed),
    "autoplay": lambda seed: simulate.recommender(
        300, n_users=20, n_items=10, autoplay=True, seed=seed
    ),
    "video_retention": lambda seed: simulate.video_retention(300, seed=seed),
    "exposure": lambda seed: simulate.exposure(MATRIX, seed=seed),
    "impressions": lambda seed: simulate.exposure(MATRIX, impressions=300, seed=seed),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_seed_makes_the_world(name: str) -> None:
    make = MAKERS[name]
    world, again, other = make(3), make(np.random.default_rng(3)), make(4)
    pd.testing.assert_frame_equal(world.data, again.data)
    pd.testing.assert_frame_equal(world.hidden, again.hidden)
    assert world.truth == again.truth
    for table in world.tables:
        pd.testing.assert_frame_equal(world.tables[table], again.tables[table])
    assert not world.data.equals(other.data)


@pytest.mark.parametrize("name", MAKERS)
def test_data_are_complete_and_the_truth_is_apart(name: str) -> None:
    world = MAKERS[name](0)
    assert len(world.data) > 0 and not world.data.isna().any().any()
    assert world.data.index.equals(world.hidden.index)
    assert not set(world.data.columns) & set(world.hidden.columns)
    assert {world.treatment, world.outcome, *world.confounders} <= set(world.data.columns)
    assert all(np.isfinite(v) for v in world.truth.values())


PLAIN = ["confounded", "semi_synthetic", "text_confounded", "instrument", "front_door", "panel"]


@pytest.mark.parametrize("name", [*PLAIN, "natural_experiment", "carry_over", "video_retention"])
def test_consistency_and_experiment(name: str) -> None:
    """The outcome that is seen is the potential outcome of what was done."""
    world = MAKERS[name](1)
    for data in (world.data, world.experiment(seed=5)):
        expected = np.where(data[world.treatment] == 1, world.y1, world.y0)
        np.testing.assert_allclose(data[world.outcome], expected, atol=1e-12)
    assert world.experiment(share=1, seed=0)[world.treatment].eq(1).all()
    assert world.experiment(share=0, seed=0)[world.treatment].eq(0).all()


def test_an_experiment_finds_the_effect(difference) -> None:
    world = simulate.confounded(20_000, seed=2)
    value, stderr = difference(world.experiment(seed=0), "shown", "satisfaction")
    assert abs(value - world.ate) < 4 * stderr
    value, stderr = difference(world.data, "shown", "satisfaction")
    assert value - world.ate > 10 * stderr


def test_a_frozen_world_says_what_it_does_not_know() -> None:
    world = simulate.interference(n_users=60, seed=0)
    with pytest.raises(AttributeError):
        world.outcome = "x"  # type: ignore[misc]
    with pytest.raises(ValueError, match="'y1' is not known here; hidden are y_none, y_all"):
        world.experiment(seed=0)
    with pytest.raises(ValueError, match="'att' is not known here; known are ate, direct"):
        _ = world.att


def test_a_million_impressions_fit_into_memory() -> None:
    tracemalloc.start()
    worlds = [
        lambda: simulate.confounded(1_000_000, p=20, seed=0),
        lambda: simulate.recommender(1_000_000, n_users=200, n_items=100, seed=0),
    ]
    for make in worlds:
        assert len(make().data) == 1_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5e9


BAD = [
    (lambda: simulate.confounded(0, seed=0), "n must be a whole number of at least 1, got 0"),
    (lambda: simulate.confounded(9.5, seed=0), "n must be a whole number"),
    (lambda: simulate.confounded(9, p=2, seed=0), "p must be a whole number of at least 3"),
    (lambda: simulate.confounded(9, confounding=2, seed=0), r"confounding must be in \[0, 1\]"),
    (lambda: simulate.confounded(9, overlap=0, seed=0), "overlap must be above 0, got 0"),
    (lambda: simulate.confounded(9, hidden=-1, seed=0), r"hidden must be in \[0, 1\], got -1"),
    (lambda: simulate.confounded(9, noise=-1, seed=0), r"noise must be in \[0, inf\]"),
    (lambda: simulate.confounded(9, outcome="x", seed=0), "outcome must be one of continuous"),
    (lambda: simulate.confounded(9, outcome_model="x", seed=0), "outcome_model must be one of"),
    (lambda: simulate.confounded(9, propensity_model="x", seed=0), "propensity_model must be"),
    (lambda: simulate.confounded(9, seed=0).experiment(share=2, seed=0), r"share must be in \[0"),
    (lambda: simulate.semi_synthetic(COVARIATES.assign(a=1), seed=0), "'a': must vary"),
    (lambda: simulate.semi_synthetic(COVARIATES[:0], seed=0), "at least one row"),
    (
        lambda: simulate.semi_synthetic(COVARIATES.assign(shown=1), seed=0),
        "'shown': is a name that the world gives",
    ),
    (
        lambda: simulate.semi_synthetic(
            COVARIATES.assign(b=COVARIATES["b"].where(lambda b: b.index != 7)), seed=0
        ),
        "'b': must be finite.*row: 7",
    ),
    (lambda: simulate.semi_synthetic(COVARIATES, overlap=0, seed=0), "overlap must be above 0"),
    (lambda: simulate.text_confounded(["a", "b"], [1], seed=0), "'attribute': must have one"),
    (lambda: simulate.text_confounded(["a", None], [1, 0], seed=0), "'texts'.*missing.*row: 1"),
    (lambda: simulate.text_confounded(["a", "b"], [1, 1], seed=0), "'attribute': must vary"),
    (lambda: simulate.natural_experiment(9, overlap=-1, seed=0), "overlap must be above 0"),
    (lambda: simulate.panel(9, start=8, seed=0), r"start must be in \[1, 7\], got 8"),
    (lambda: simulate.panel(9, periods=1, seed=0), "periods must be a whole number of at least 2"),
    (lambda: simulate.interventions_world(9, effects=0, seed=0), "effects must be a whole number"),
    (lambda: simulate.interventions_world(9, effects={}, seed=0), "at least one intervention"),
    (lambda: simulate.interventions_world(9, effects={"control": 1}, seed=0), "none 'control'"),
    (lambda: simulate.recommender(9, overlap=2, seed=0), r"overlap must be in \[0, 1\]"),
    (lambda: simulate.recommender(9, positions=0, seed=0), "positions must be a whole number"),
    (lambda: simulate.feedback_loop("best", seed=0), "policy must be one of random, popular"),
    (lambda: simulate.feedback_loop(k=11, n_items=10, seed=0), r"k must be in \[1, 10\]"),
    (
        lambda: simulate.feedback_loop(lambda c, s, r: c[:2], n_users=5, n_items=12, seed=0),
        r"finite scores of shape \(5, 12\)",
    ),
    (
        lambda: simulate.feedback_loop(lambda c, s, r: c * np.nan, n_users=5, n_items=12, seed=0),
        "finite scores",
    ),
    (
        lambda: simulate.interference(pd.DataFrame({"user": [1, 2], "friend": [2, 2]}), seed=0),
        r"'friend': must be another user.*row: 1 \(value 2\)",
    ),
    (
        lambda: simulate.interference(
            pd.DataFrame({"user": [1, 2], "friend": [2, 9]}),
            activity=pd.Series([0.1, 0.3], index=[1, 2]),
            seed=0,
        ),
        r"'friend': must have an activity.*row: 1 \(value 9\)",
    ),
    (lambda: simulate.interference(pd.DataFrame({"user": [1]}), seed=0), "'friend': is missing"),
    (lambda: simulate.interference(design="x", seed=0), "design must be one of individual"),
    (lambda: simulate.carry_over(decay=1, seed=0), r"decay must be in \[0, 1\), got 1"),
    (lambda: simulate.carry_over(regime="x", seed=0), "regime must be one of adaptive, fixed"),
    (
        lambda: simulate.carry_over(pd.Series([1, np.nan]), seed=0),
        "'taste': must be finite.*row: 1",
    ),
    (lambda: simulate.exposure(MATRIX, share=1, seed=0), r"share must be in \(0, 1\)"),
    (lambda: simulate.exposure(MATRIX, outcome="x", seed=0), "'x': is missing"),
    (lambda: simulate.exposure(MATRIX[:0], seed=0), "'watch_ratio': must hold at least one cell"),
    (
        lambda: simulate.exposure(pd.concat([MATRIX, MATRIX[3:4]]), seed=0),
        r"'item': each \(user, item\) cell may come once only.*row: 1000 \(value 3\)",
    ),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
