"""Ranking, choosing, the value of an experiment, and Pareto fronts."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm

from causalrec_utils.interventions import (
    Candidates,
    choose,
    pareto_front,
    rank,
    search_front,
    value_of_experiment,
)


def given(value: list[float], sd: float = 0.1, shared: float = 0.0) -> Candidates:
    k = len(value)
    names = tuple("abcdefgh"[:k])
    covariance = sd**2 * ((1 - shared) * np.eye(k) + shared)
    return Candidates(names, np.array(value), covariance, 100, "m")


def test_the_critical_value_is_that_of_independent_normals() -> None:
    found = given([0.0] * 5)
    table = rank(found)
    c = (table["high"] - table["effect"]).iloc[0] / 0.1
    assert c == pytest.approx(norm.ppf((1 + 0.95 ** (1 / 5)) / 2), abs=0.03)
    alone = rank(found, simultaneous=False)
    assert (alone["high"] - alone["effect"]).iloc[0] / 0.1 == pytest.approx(1.96, abs=0.001)
    # Estimates that move together need less room.
    tied = rank(given([0.0] * 5, shared=0.95))
    assert (tied["high"] < table["high"]).all()


def test_ranks_hold_the_order_and_far_apart_is_certain() -> None:
    table = rank(given([0.0, 5.0, -5.0]))
    assert table.index.tolist() == ["b", "a", "c"]
    assert table[["rank_low", "rank_high"]].values.tolist() == [[1, 1], [2, 3], [4, 4]]
    assert table["may_be_best"].tolist() == [True, False, False]
    same = rank(given([0.2] * 4, sd=1.0))
    assert same["may_be_best"].all() and (same["rank_high"] == 5).all()


def test_control_may_be_the_best() -> None:
    table = rank(given([-1.0, -2.0]))
    assert not table["may_be_best"].any() and table.attrs["control_may_be_best"]
    assert table["rank_low"].tolist() == [2, 3]
    assert not rank(given([-1.0, 1.0])).attrs["control_may_be_best"]
    # One candidate against control: excluded from 1.645 standard errors on.
    for value, possible in ((0.160, True), (0.169, False)):
        assert rank(given([value])).attrs["control_may_be_best"] == possible


def test_the_best_stays_in_the_set() -> None:
    """With all equal, any is best, and each stays with the nominal probability or more."""
    rng = np.random.default_rng(0)
    covariance = 0.01 * (np.eye(6) + 1)
    for level, name in ((1.0, "a"), (0.0, "control")):
        kept = 0
        for seed in range(100):
            value = rng.multivariate_normal(np.full(6, level), covariance)
            table = rank(Candidates(tuple("abcdef"), value, covariance, 100, "m"), seed=seed)
            possible = dict(table["may_be_best"]) | {"control": table.attrs["control_may_be_best"]}
            kept += possible[name]
        assert kept >= 100 * 0.95 - 4 * np.sqrt(100 * 0.05 * 0.95)


def test_choose_is_exact_for_one() -> None:
    found = given([0.1], sd=0.2)
    table = choose(found, costs={"a": 0.05}, draws=200_000)
    z = 0.05 / 0.2
    assert table.loc["a", "p_best"] == pytest.approx(norm.cdf(z), abs=0.005)
    loss = 0.2 * (norm.pdf(z) - z * norm.sf(z))
    assert table.loc["a", "expected_loss"] == pytest.approx(loss, abs=0.002)
    assert table["p_best"].sum() == pytest.approx(1)


def test_a_prior_pulls_to_its_mean() -> None:
    table = choose(given([1.0, 0.0], sd=0.1), prior=(0.0, 0.1))
    assert table.loc["a", "net"] == pytest.approx(0.5)
    assert table.loc["a", "stderr"] == pytest.approx(np.sqrt(0.005))
    flat = choose(given([1.0, 0.0], sd=0.1), prior=(0.0, 1e6))
    assert flat.loc["a", "net"] == pytest.approx(1.0)


def test_each_candidate_may_have_a_prior_of_its_own() -> None:
    found = given([1.0, 0.0, 0.4], sd=0.3, shared=0.5)
    common = choose(found, prior=(0.2, 0.1))
    pd.testing.assert_frame_equal(common, choose(found, prior=dict.fromkeys("cba", (0.2, 0.1))))
    # A prior is one more estimate, independent of the first: weigh both by their precision.
    prior = {"c": (0.1, 0.2), "a": (0.5, 0.1), "b": (-0.3, 0.4)}
    m, s = np.array([prior[name] for name in found.names]).T
    first, second = np.linalg.inv(found.covariance), np.diag(s**-2)
    covariance = np.linalg.inv(first + second)
    value = covariance @ (first @ found.value + second @ m)
    pooled = Candidates(found.names, value, (covariance + covariance.T) / 2, 100, "pooled")
    pd.testing.assert_frame_equal(choose(found, prior=prior), choose(pooled), rtol=1e-6)
    options = {"sizes": [50], "noise": 1.0, "units": 10_000, "costs": {"a": 0.1}}
    told = value_of_experiment(found, prior=prior, **options)
    pd.testing.assert_frame_equal(told, value_of_experiment(pooled, **options), rtol=1e-6)


def test_value_of_an_experiment_is_exact_for_one() -> None:
    """The unit normal loss, as Raiffa and Schlaifer give it."""
    found, noise, units, n = given([0.03], sd=0.1), 1.0, 50_000, 500
    table = value_of_experiment(found, [n], noise=noise, units=units, fixed_cost=10.0, draws=10**5)
    omega = 2 * noise**2 / n
    sd = 0.01 / np.sqrt(0.01 + omega)
    z = 0.03 / sd
    after = 0.03 + sd * (norm.pdf(z) - z * norm.sf(z))
    first = n * 0.03 + (units - 2 * n) * after - 10.0
    row = table.loc[n]
    assert row["act_now"] == pytest.approx(units * 0.03)
    assert row["experiment_first"] == pytest.approx(first, abs=5 * row["stderr"] + 1)
    assert row["gain"] == pytest.approx(row["experiment_first"] - row["act_now"])
    perfect = 0.03 + 0.1 * (norm.pdf(0.3) - 0.3 * norm.sf(0.3))
    assert table.loc[np.inf, "experiment_first"] == pytest.approx(units * perfect, rel=0.01)


def test_no_experiment_beats_knowing_and_noise_makes_it_worthless() -> None:
    found = given([0.1, 0.0, -0.1])
    table = value_of_experiment(found, [10, 100, 1000], noise=1.0, units=100_000)
    assert (table["gain"] <= table.loc[np.inf, "gain"] + 4 * table["stderr"]).all()
    assert value_of_experiment(found, [100], noise=1e6, units=100_000).loc[100, "gain"] < 0


def test_belief_matches_simulated_experiments() -> None:
    """Draw truth, run the experiment, update by Bayes, choose: the average is what was foretold."""
    found, noise, n, units = given([0.05, 0.0], sd=0.1), 1.0, 200, 10_000
    foretold = value_of_experiment(found, [n], noise=noise, units=units, draws=10**5).loc[n]
    rng = np.random.default_rng(0)
    omega = noise**2 / n * (np.eye(2) + 1)
    truth = multivariate_normal(found.value, found.covariance).rvs(20_000, random_state=rng)
    seen = truth + multivariate_normal(np.zeros(2), omega).rvs(20_000, random_state=rng)
    gain = found.covariance @ np.linalg.inv(found.covariance + omega)
    after = found.value + (seen - found.value) @ gain.T
    pick = after.argmax(axis=1)
    got = np.where(after.max(axis=1) > 0, truth[np.arange(len(truth)), pick], 0.0)
    totals = n * truth.sum(axis=1) + (units - 3 * n) * got
    stderr = totals.std() / np.sqrt(len(totals)) + foretold["stderr"]
    assert abs(totals.mean() - foretold["experiment_first"]) < 4.5 * stderr


def test_front_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(0, 6, size=(60, 3)), columns=["a", "b", "c"])
    score = table.to_numpy() * [1, -1, 1]
    beaten = [any((s >= row).all() and (s > row).any() for s in score) for row in score]
    front = pareto_front(table, maximise=["a", "c"], minimise=["b"])
    assert front.tolist() == [not b for b in beaten]


def test_search_finds_a_known_front_and_repeats() -> None:
    def evaluate(s: dict[str, float]) -> dict[str, float]:
        off = 0.0 if s["kind"] == "good" else 1.0
        return {"gain": s["x"] - off, "cost": s["x"] ** 2 + off}

    space = {"x": (0.0, 1.0), "kind": ["bad", "good"]}
    options = {"maximise": ["gain"], "minimise": ["cost"], "trials": 60}
    found = search_front(evaluate, space, seed=1, **options)
    assert set(found.loc[found["front"], "kind"]) == {"good"}
    pd.testing.assert_frame_equal(found, search_front(evaluate, space, seed=1, **options))


def test_the_search_leaves_logging_as_it_was() -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    with pytest.raises(ValueError, match="objective 'b' must be a finite number"):
        search_front(lambda s: {"a": 1.0}, {"x": (0.0, 1.0)}, maximise=["a", "b"], trials=5)
    assert optuna.logging.get_verbosity() == before


def test_bad_input() -> None:
    found = given([0.1, 0.2])
    with pytest.raises(ValueError, match="costs must be one of a, b; got 'z'"):
        choose(found, costs={"z": 1.0})
    with pytest.raises(ValueError, match="costs must be finite"):
        choose(found, costs={"a": np.nan})
    for prior, says in (
        ((0.0, 0.0), "prior of 'a': .*standard deviation above 0"),
        ({"a": (0.0, 1.0), "b": (0.0, -1.0)}, "prior of 'b': .*standard deviation above 0"),
        ({"a": (0.0, 1.0), "b": (np.nan, 1.0)}, "prior of 'b': its mean must be finite"),
        ({"a": (0.0, 1.0)}, "prior must name exactly a, b; got a"),
        ({"a": (0.0, 1.0), "b": (0.0, 1.0), "z": (0.0, 1.0)}, "exactly a, b; got a, b, z"),
    ):
        with pytest.raises(ValueError, match=says):
            choose(found, prior=prior)
    with pytest.raises(ValueError, match="noise must be above 0"):
        value_of_experiment(found, [10], noise=0.0, units=100)
    with pytest.raises(ValueError, match="40 units in each of 3 arms need 120 of the 100"):
        value_of_experiment(found, [40], noise=1.0, units=100)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\)"):
        rank(found, level=1.0)
    with pytest.raises(ValueError, match="difference is known exactly"):
        rank(Candidates(("a", "b"), np.zeros(2), np.ones((2, 2)), 9, "m"))
    table = pd.DataFrame({"a": [1.0, np.nan]})
    for names, says in (
        ([], "at least one"),
        (["a", "a"], "named once"),
        (["b"], "'b': is missing"),
    ):
        with pytest.raises(ValueError, match=says):
            pareto_front(table, maximise=names)
    with pytest.raises(ValueError, match="'a': must be finite.*row: 1"):
        pareto_front(table, maximise=["a"])
    for space, says in product([{"x": (1.0, 0.0)}], ["must increase"]):
        with pytest.raises(ValueError, match=says):
            search_front(lambda s: {"a": 1.0}, space, maximise=["a"])
    with pytest.raises(ValueError, match="at least one option"):
        search_front(lambda s: {"a": 1.0}, {"x": []}, maximise=["a"])
