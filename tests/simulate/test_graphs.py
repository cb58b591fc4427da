"""Graph worlds, the funnel, and many interventions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import simulate
from causalrec_utils.simulate._funnel import NODES

WEIGHTS = {
    ("taste", "exposure"): 1.0,
    ("taste", "click"): -0.7,
    ("exposure", "dwell"): 0.5,
    ("dwell", "click"): 2.0,
    ("exposure", "click"): 0.25,
}


def test_effects_are_sums_over_paths() -> None:
    world = simulate.latent_graph(WEIGHTS, n=10, seed=0)
    assert world.effect("exposure", "click") == pytest.approx(0.5 * 2.0 + 0.25)
    assert world.effect("taste", "click") == pytest.approx(1.0 * 1.25 - 0.7)
    assert world.effect("click", "taste") == 0
    mean = world.mean({"exposure": 2.0, "dwell": -1.0})
    assert mean["click"] == pytest.approx(-2 + 0.5) and mean["taste"] == 0


@pytest.mark.parametrize("noise", ["normal", "uniform", "laplace"])
def test_samples_follow_the_model(near, noise: str) -> None:
    world = simulate.latent_graph(WEIGHTS, noise=noise, latent=["taste"], n=50_000, seed=1)
    do = {"exposure": 1.5}
    rows = world.sample(50_000, do=do, seed=2)
    for name, mean in world.mean(do).items():
        near(rows[name], mean)
    assert (rows["exposure"] == 1.5).all()
    # With taste hidden, seeing is not doing: slope 1.25 - 0.7/2.
    b = np.polyfit(world.data["exposure"], world.data["click"], 1)[0]
    assert b == pytest.approx(world.effect("exposure", "click") - 0.35, abs=0.06)
    own = world.data["dwell"] - 0.5 * world.data["exposure"]
    assert own.var() == pytest.approx(1, abs=0.05)
    kurtosis = {"normal": 3.0, "uniform": 1.8, "laplace": 6.0}[noise]
    assert (own**4).mean() == pytest.approx(kurtosis, rel=0.12)


def test_latent_variables_are_kept_apart() -> None:
    world = simulate.latent_graph(WEIGHTS, latent=["taste"], n=20, seed=0)
    assert "taste" not in world.data and world.hidden.columns.tolist() == ["taste"]
    assert world.confounded_pairs == [("click", "exposure")]
    assert set(world.variables) == {"taste", "exposure", "dwell", "click"}
    full = simulate.latent_graph(WEIGHTS, n=20, seed=0)
    pd.testing.assert_frame_equal(full.data[world.data.columns], world.data)


def test_random_graphs() -> None:
    names = list("abcdef")
    world = simulate.latent_graph(names, latent=2, density=0.5, n=30, seed=3)
    assert world.data.columns.tolist() == names and world.latent == ("u1", "u2")
    order = list(world.variables)
    assert all(order.index(a) < order.index(b) for a, b in world.edges)
    assert all(0.5 <= abs(w) <= 1.5 for w in world.weights.values())
    assert len([e for e in world.edges if e[0] == "u1"]) == 2
    assert simulate.latent_graph(names, density=0, n=5, seed=0).edges == []
    assert len(simulate.latent_graph(names, density=1, n=5, seed=0).edges) == 15
    again = simulate.latent_graph(names, latent=2, density=0.5, n=30, seed=3)
    pd.testing.assert_frame_equal(world.data, again.data)
    share = np.mean(
        [len(simulate.latent_graph(names, density=0.3, n=1, seed=s).edges) for s in range(200)]
    )
    assert share == pytest.approx(4.5, abs=0.6)


def test_bad_graphs() -> None:
    with pytest.raises(ValueError, match="cycle among a, b"):
        simulate.latent_graph({("a", "b"): 1.0, ("b", "a"): 1.0}, seed=0)
    with pytest.raises(ValueError, match="latent must be one of a, b; got 'c'"):
        simulate.latent_graph({("a", "b"): 1.0}, latent=["c"], seed=0)
    with pytest.raises(ValueError, match="noise must be one of normal"):
        simulate.latent_graph(["a", "b"], noise="t", seed=0)
    with pytest.raises(ValueError, match="column 'z': is missing"):
        simulate.latent_graph(["a", "b"], seed=0).mean({"z": 1.0})


def test_funnel_narrows() -> None:
    rows = simulate.funnel(20_000, seed=0).before
    assert ((rows["noticed"] >= rows["clicked"]) & (rows["clicked"] >= rows["purchased"])).all()
    assert ((rows["dwell"] > 0) == (rows["clicked"] == 1)).all()
    assert 0.005 < rows["purchased"].mean() < rows["clicked"].mean() < rows["noticed"].mean() < 0.8


def test_counterfactuals_keep_the_noise() -> None:
    world = simulate.funnel(5000, seed=1)
    pd.testing.assert_frame_equal(world.counterfactual({}), world.before)
    seen = world.counterfactual({"noticed": 1})
    pd.testing.assert_frame_equal(seen[["relevance"]], world.before[["relevance"]])
    assert (seen["clicked"] >= world.before["clicked"]).all()
    already = world.before["noticed"] == 1
    pd.testing.assert_frame_equal(seen[already], world.before[already])
    unseen = world.counterfactual({"noticed": 0})
    assert unseen[["clicked", "dwell", "purchased"]].eq(0).all().all()


def test_one_change_explains_all() -> None:
    world = simulate.funnel(50_000, changes={"clicked": -0.5}, seed=2)
    shares = world.attribution("purchased", seed=0)
    assert shares.index.tolist() == list(NODES) and (shares.drop("clicked") == 0).all()
    drop = world.after["purchased"].mean() - world.before["purchased"].mean()
    error = np.sqrt((world.after["purchased"].var() + world.before["purchased"].var()) / 50_000)
    assert shares["clicked"] < -5 * error and abs(shares["clicked"] - drop) < 5 * error
    assert world.attribution("noticed", seed=0)["clicked"] == 0  # upstream of the change


def test_several_changes_share() -> None:
    """Where all is linear, each change keeps its own part; elsewhere the parts add up."""
    world = simulate.funnel(10, changes={"relevance": 0.5, "prominence": -1.0}, seed=0)
    shares = world.attribution("prominence", seed=0)
    assert shares["relevance"] == pytest.approx(0.3) and shares["prominence"] == pytest.approx(-1)
    changes = {"relevance": 0.5, "prominence": -1.0, "clicked": 0.4}
    world = simulate.funnel(200_000, changes=changes, seed=1)
    shares = world.attribution(seed=2)
    whole = world.after["clicked"].mean() - world.before["clicked"].mean()
    assert shares.sum() == pytest.approx(whole, abs=0.006)
    assert shares["prominence"] < -0.02 and shares["relevance"] > 0.02 and shares["clicked"] > 0.02
    alone = simulate.funnel(10, changes={"relevance": 0.5}, seed=0).attribution(seed=2)
    assert shares["relevance"] != pytest.approx(alone["relevance"], rel=1e-3)


def test_bad_funnels() -> None:
    with pytest.raises(ValueError, match="variable must be one of relevance.*got 'x'"):
        simulate.funnel(10, changes={"x": 1.0}, seed=0)
    with pytest.raises(ValueError, match="variable must be one of relevance.*got 'x'"):
        simulate.funnel(10, seed=0).counterfactual({"x": 1.0})
    with pytest.raises(ValueError, match="outcome must be one of relevance.*got 'x'"):
        simulate.funnel(10, seed=0).attribution("x", seed=0)


def test_interventions_have_the_effects_they_are_given(near) -> None:
    effects = {"coupon": 0.1, "shelf": -0.2, "mail": 0.4}
    world = simulate.interventions_world(50_000, effects=effects, heterogeneity=0.5, seed=0)
    assert world.truth == effects
    arms = ["control", *effects]
    p = world.hidden[[f"p_{a}" for a in arms]]
    np.testing.assert_allclose(p.sum(axis=1), 1)
    for a in arms:
        taken = world.data["intervention"] == a
        near((taken - p[f"p_{a}"]) * p[f"p_{a}"], 0)
        y = world.hidden[f"y_{a}"]
        assert world.data.loc[taken, "satisfaction"].equals(y[taken].rename("satisfaction"))
        gain = y - world.hidden["y_control"]
        near(gain, effects.get(a, 0.0))
        assert gain.std() == pytest.approx(0.5 if a in effects else 0, abs=0.02)
        near(taken / p[f"p_{a}"] * world.data["satisfaction"], effects.get(a, 0.0))


def test_only_confounded_interventions_mislead() -> None:
    def off(confounding: float) -> np.ndarray:
        world = simulate.interventions_world(50_000, confounding=confounding, seed=1)
        by = world.data.groupby("intervention")["satisfaction"]
        stderr = np.sqrt(by.var() / by.size())
        z = {
            a: (by.mean()[a] - by.mean()["control"] - v) / np.hypot(stderr[a], stderr["control"])
            for a, v in world.truth.items()
        }
        return np.abs(list(z.values()))

    assert off(0.0).max() < 4 and off(0.9).max() > 10


def test_an_experiment_on_the_same_interventions() -> None:
    world = simulate.interventions_world(100, seed=2)
    trial = simulate.interventions_world(100, effects=world.truth, confounding=0, seed=3)
    assert trial.truth == world.truth and len(world.truth) == 10
    np.testing.assert_allclose(trial.hidden["p_control"], 1 / 11)
