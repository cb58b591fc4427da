"""Structural causal models against closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalrec_utils.graphs import CausalGraph, fit_scm

GRAPH = CausalGraph.parse("taste -> shown -> watched; taste -> watched")


def linear(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """shown = taste + e, watched = 1 + 2 shown - taste + e; the shift is in shown's mechanism."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=n)
    shown = taste + shift + rng.normal(size=n)
    watched = 1 + 2 * shown - taste + rng.normal(size=n)
    return pd.DataFrame({"taste": taste, "shown": shown, "watched": watched})


def clicks(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=n)
    click = rng.random(n) < 1 / (1 + np.exp(-(taste - 1)))
    return pd.DataFrame({"taste": taste, "click": click})


KINDS = {"shown": "linear", "watched": "linear"}


def test_interventions_match_the_closed_form() -> None:
    scm = fit_scm(GRAPH, linear(20_000, 0), mechanisms=KINDS)
    units = scm.do({"shown": 3.0}, n=40_000)
    assert (units["shown"] == 3).all()
    se = np.sqrt(2 / 40_000 + 20 / 20_000)
    assert abs(units["watched"].mean() - 7) < 4 * se
    assert units["watched"].std() == pytest.approx(np.sqrt(2), rel=0.03)
    assert abs(units["taste"].mean()) < 0.05  # causes don't move
    seen = scm.do({}, n=40_000)
    assert np.corrcoef(seen["taste"], seen["shown"])[0, 1] == pytest.approx(np.sqrt(0.5), abs=0.02)


def test_counterfactuals_keep_each_unit_s_noise() -> None:
    data = linear(20_000, 1)
    scm = fit_scm(GRAPH, data, mechanisms=KINDS)
    rows = data.tail(50)
    world = scm.counterfactual(rows, {"shown": 0.0})
    truth = rows["watched"] - 2 * rows["shown"]
    assert world.index.equals(rows.index)
    assert np.abs(world["watched"] - truth).max() < 0.1
    same = scm.counterfactual(rows, {})
    pd.testing.assert_frame_equal(same, rows[list(GRAPH.nodes)])


def test_counterfactuals_of_a_click_are_probabilities_that_never_turn() -> None:
    data = clicks(20_000, 2)
    graph = CausalGraph.parse("taste -> click")
    scm = fit_scm(graph, data, mechanisms={"click": "logistic"})
    rows = data.head(200)
    up = scm.counterfactual(rows, {"taste": 3.0}, draws=400)["click"]
    clicked = rows["click"] & (rows["taste"] < 3)
    assert (up[clicked] == 1).all()
    p = 1 / (1 + np.exp(1 - rows["taste"]))
    q = 1 / (1 + np.exp(1 - 3.0))
    expected = ((q - p) / (1 - p))[~rows["click"]]
    assert np.abs(up[~rows["click"]] - expected).max() < 0.12
    unchanged = scm.counterfactual(rows, {})["click"]
    assert (unchanged == rows["click"]).all()


def test_a_curve_is_noticed_and_a_line_is_not_bent() -> None:
    rng = np.random.default_rng(0)
    data = linear(1_000, 0)
    data["watched"] = np.sin(2 * data["shown"]) + 0.1 * rng.normal(size=1_000)
    scm = fit_scm(GRAPH, data)
    assert scm.mechanisms == {"taste": "empirical", "shown": "linear", "watched": "boosting"}


def test_attribution_finds_the_cause_and_adds_up() -> None:
    old, new = linear(3_000, 3), linear(3_000, 4, shift=-0.5)
    scm = fit_scm(GRAPH, old, mechanisms=KINDS)
    parts = scm.attribute_change(old, new, "watched", resamples=20, n=4_000)
    assert set(parts) == set(GRAPH.nodes)
    total = sum(part.value for part in parts.values())
    assert total == pytest.approx(new["watched"].mean() - old["watched"].mean(), abs=0.1)
    assert abs(parts["shown"].value + 1) < 4 * parts["shown"].stderr
    assert parts["shown"].ci[1] < -0.5
    assert abs(parts["taste"].value) < 0.2 and abs(parts["watched"].value) < 0.2
    upstream = scm.attribute_change(old, new, "shown", resamples=2, n=500)
    assert set(upstream) == {"taste", "shown"}


def coverage(worlds: int, n: int) -> None:
    hits = {"effect": 0, "change": 0}
    for seed in range(worlds):
        old, new = linear(n, 2 * seed), linear(n, 2 * seed + 1, shift=-0.5)
        scm = fit_scm(GRAPH, old, mechanisms=KINDS, seed=seed)
        effect = scm.effect("watched", {"shown": 1}, {"shown": 0}, resamples=30, n=500)
        hits["effect"] += effect.ci[0] <= 2 <= effect.ci[1]
        change = scm.attribute_change(old, new, "watched", resamples=30, n=1_000)["shown"]
        hits["change"] += change.ci[0] <= -1 <= change.ci[1]
    # 30 resamples give a standard error with about 13 % noise of its own: 94 % is what a normal
    # interval then reaches.
    low, high = stats.binom.ppf([1e-4 / 2, 1 - 1e-4 / 2], worlds, 0.94)
    assert all(low <= hit <= high for hit in hits.values()), hits


def test_intervals_cover_in_a_few_worlds() -> None:
    coverage(12, 300)


@pytest.mark.coverage_suite
def test_intervals_cover() -> None:
    coverage(400, 300)


def test_answers_repeat_and_leave_global_randomness_alone() -> None:
    data = linear(500, 5)
    np.random.seed(7)
    state = np.random.get_state()[1].tolist()
    first = fit_scm(GRAPH, data, mechanisms=KINDS, seed=1)
    second = fit_scm(GRAPH, data, mechanisms=KINDS, seed=1)
    pd.testing.assert_frame_equal(first.do({"shown": 1}, n=100), second.do({"shown": 1}, n=100))
    a, b = (s.effect("watched", {"shown": 1}, {"shown": 0}, resamples=3) for s in (first, second))
    assert a == b
    assert np.random.get_state()[1].tolist() == state


def test_text_without_parents_is_a_cause_like_any_other() -> None:
    rng = np.random.default_rng(0)
    device = rng.choice(["phone", "tv"], size=4_000)
    data = pd.DataFrame({"device": device, "watched": (device == "tv") * 2.0})
    data["watched"] += rng.normal(size=4_000)
    scm = fit_scm(CausalGraph.parse("device -> watched"), data)
    assert scm.do({"device": "tv"})["watched"].mean() == pytest.approx(2, abs=0.15)  # type: ignore


@pytest.mark.parametrize(
    ("graph", "change", "message"),
    [
        ("taste -> shown -- watched", {}, "needs a DAG"),
        ("taste -> shown <-> watched", {}, "needs a DAG"),
        ("taste -> shown -> bought", {}, "column 'bought': is missing"),
        ("taste -> shown", {"shown": [0.0, np.nan, 1.0]}, "column 'shown'.*row: 1"),
        ("taste -> shown", {"shown": ["a", "b", "c"]}, "column 'shown': must be numbers"),
    ],
)
def test_bad_input_is_refused(graph: str, change: dict, message: str) -> None:
    data = linear(3, 0).assign(**change)
    with pytest.raises(ValueError, match=message):
        fit_scm(CausalGraph.parse(graph), data)


def test_bad_requests_are_refused() -> None:
    data = linear(50, 0)
    with pytest.raises(ValueError, match="without latent"):
        fit_scm(CausalGraph.parse("taste -> shown", latent=["taste"]), data)
    with pytest.raises(ValueError, match="mechanism of 'shown' must be one of"):
        fit_scm(GRAPH, data, mechanisms={"shown": "magic"})
    scm = fit_scm(GRAPH, data, mechanisms=KINDS)
    with pytest.raises(ValueError, match="values: 'bought' is not a node"):
        scm.do({"bought": 1})
    with pytest.raises(ValueError, match="target: 'bought' is not a node"):
        scm.attribute_change(data, data, "bought")
