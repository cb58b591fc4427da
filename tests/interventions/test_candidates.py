"""Effects of several interventions, estimated together: right on average, and right in spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_utils import interventions, simulate
from causalrec_utils.interventions import Candidates, bootstrap_candidates, candidates

EFFECTS = {"coupon": 0.1, "mail": 0.0, "shelf": 0.3}


def world(n: int, seed: int, **options: Any) -> simulate.World:
    return simulate.interventions_world(n, effects=EFFECTS, seed=seed, **options)


def fit(w: simulate.World, method: str = "aipw", **options: Any) -> Candidates:
    x = () if method == "naive" else w.confounders
    return candidates(
        w.data, w.treatment, w.outcome, x, control="control", method=method, **options
    )


def test_naive_is_the_difference_of_means() -> None:
    w = world(900, 0, confounding=0.0)
    found = fit(w, "naive")
    groups = w.data.groupby(w.treatment)[w.outcome]
    means = groups.mean()
    np.testing.assert_allclose(found.value, means[list(EFFECTS)] - means["control"])
    error = groups.var(ddof=0) / groups.size()
    np.testing.assert_allclose(
        np.diag(found.covariance), error[list(EFFECTS)] + error["control"], 0.01
    )
    np.testing.assert_allclose(found.covariance[0, 1], error["control"], rtol=0.01)


def test_confounding_fools_means_only() -> None:
    w = world(5_000, 1, confounding=1.0)
    truth = np.array([w.truth[name] for name in EFFECTS])
    for method, right in (("naive", False), ("model", True), ("aipw", True)):
        found = fit(w, method)
        assert (np.abs(found.value - truth) < 4.5 * found.stderr).all() == right


def test_logged_propensities_are_used() -> None:
    w = world(4000, 2)
    taken = w.data[w.treatment].to_numpy()
    p = np.select(
        [taken == a for a in ("control", *EFFECTS)],
        [w.hidden[f"p_{a}"] for a in ("control", *EFFECTS)],
    )
    found = candidates(
        w.data.assign(p=p), w.treatment, w.outcome, control="control", propensity="p"
    )
    truth = np.array(list(EFFECTS.values()))
    assert (np.abs(found.value - truth) < 4.5 * found.stderr).all()
    assert (np.abs(fit(w, "naive").value - truth) > 4.5 * fit(w, "naive").stderr).any()


def test_shift_and_scale_of_the_outcome() -> None:
    w = world(600, 3)
    moved = w.data.assign(satisfaction=5 - 2 * w.data["satisfaction"])
    for method in ("naive", "model", "aipw"):
        x = () if method == "naive" else w.confounders
        a, b = (
            candidates(d, w.treatment, w.outcome, x, control="control", method=method)
            for d in (w.data, moved)
        )
        tolerance = 0.02 if method == "aipw" else 1e-8  # boosting and ridge grids are not exact
        np.testing.assert_allclose(b.value, -2 * a.value, atol=tolerance)
        np.testing.assert_allclose(b.stderr, 2 * a.stderr, rtol=tolerance)


def test_clusters_widen_what_repeats() -> None:
    w = world(300, 4, confounding=0.0)
    four = pd.concat([w.data.assign(user=range(300))] * 4, ignore_index=True)
    options = {"control": "control", "method": "naive"}
    rows = candidates(four, w.treatment, w.outcome, **options)
    users = candidates(four, w.treatment, w.outcome, cluster="user", **options)
    once = candidates(w.data, w.treatment, w.outcome, **options)
    np.testing.assert_allclose(users.stderr, once.stderr, rtol=0.01)
    np.testing.assert_allclose(rows.stderr, once.stderr / 2, rtol=0.01)


def test_bootstrap_agrees_with_the_formula_for_means() -> None:
    w = world(600, 5, confounding=0.0)

    def difference(d: pd.DataFrame) -> dict[str, float]:
        means = d.groupby(w.treatment)[w.outcome].mean()
        return {name: means[name] - means["control"] for name in EFFECTS}

    found, exact = bootstrap_candidates(w.data, difference, draws=400), fit(w, "naive")
    np.testing.assert_allclose(found.value, exact.value)
    np.testing.assert_allclose(found.stderr, exact.stderr, rtol=0.15)
    with pytest.raises(ValueError, match="estimate named"):
        bootstrap_candidates(w.data, lambda d: {str(d.iloc[0, 0]): 1.0})
    with pytest.raises(ValueError, match="finite effects"):
        bootstrap_candidates(w.data, lambda d: {"a": np.nan})


RUNS = [
    pytest.param(40, id="fast"),
    pytest.param(400, id="large", marks=pytest.mark.coverage_suite),
]


@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize("method", ["naive", "model", "aipw"])
def test_intervals_cover_one_by_one_and_all_at_once(runs: int, method: str) -> None:
    low, high = binom.ppf([5e-5, 1 - 5e-5], runs, 0.95)
    alone, together, best = np.zeros(3, int), 0, 0
    for seed in range(runs):
        w = world(500, 100 + seed, confounding=0.0 if method == "naive" else 0.5)
        options = {"models": "linear"} if method == "aipw" else {}
        found = fit(w, method, seed=seed, **options)
        truth = np.array(list(EFFECTS.values()))
        alone += np.abs(found.value - truth) <= 1.96 * found.stderr
        table = interventions.rank(found, seed=seed).loc[list(EFFECTS)]
        together += bool(((table["low"] <= truth) & (truth <= table["high"])).all())
        best += bool(table.loc["shelf", "may_be_best"])
    assert (low <= alone).all() and (alone <= high).all(), alone / runs
    assert low <= together <= high, together / runs
    assert best >= low, best / runs


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        ({"satisfaction": np.nan}, {}, "'satisfaction': must be finite.*row: 3"),
        ({"taste": np.inf}, {}, "'taste': must be finite.*row: 3"),
        ({"intervention": None}, {}, "'intervention': must not be missing.*row: 3"),
        ({"intervention": "rare"}, {}, "needs at least 20 rows, but 'rare' has 1"),
        ({}, {"control": "nothing"}, "control 'nothing' is not among its values"),
        ({}, {"method": "dr"}, "method must be one of aipw, model, naive"),
        ({}, {"models": "forest"}, "models must be one of linear, boosting"),
        ({}, {"folds": 1}, "folds must be at least 2"),
        ({}, {"propensity": "taste"}, r"'taste': must be in \(0, 1\]"),
        ({}, {"propensity": "p"}, "'p': is missing"),
        ({}, {"propensity": "taste", "method": "model"}, "'model' does not use propensities"),
        ({}, {"cluster": "taste", "method": "model"}, "'model' has no standard errors by cluster"),
    ],
)
def test_bad_input(change: dict[str, Any], options: dict[str, Any], says: str) -> None:
    w = world(400, 6)
    data = w.data.copy()
    for column, value in change.items():
        data.loc[3, column] = value
    with pytest.raises(ValueError, match=says):
        candidates(
            data, w.treatment, w.outcome, w.confounders, **({"control": "control"} | options)
        )


def test_bad_shapes() -> None:
    with pytest.raises(ValueError, match=r"value of shape \(2,\)"):
        Candidates(("a", "b"), np.zeros(3), np.eye(2), 9, "m")
    with pytest.raises(ValueError, match="symmetric"):
        Candidates(("a", "b"), np.zeros(2), np.array([[1, 2], [0, 1.0]]), 9, "m")
    with pytest.raises(ValueError, match="name must be one of a, b"):
        Candidates(("a", "b"), np.zeros(2), np.eye(2), 9, "m").estimate("c")
