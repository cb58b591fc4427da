"""Policies by segment, and the linear programme that finds the best one under constraints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from causalrec_utils.policies import SegmentPolicy, constrain, replay

S, A = ["s1", "s2"], ["a", "b"]
VALUES = pd.DataFrame([[0.5, 0.2], [0.4, 0.3]], S, A)
HALF = {"s1": 0.5, "s2": 0.5}


def value(table: np.ndarray, values: np.ndarray, w: np.ndarray) -> float:
    return float((w[:, None] * table * values).sum())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_brute_force(seed: int) -> None:
    """Two segments, two actions: no feasible policy on a fine grid is better, by any constraint."""
    rng = np.random.default_rng(seed)
    v, w = rng.random((2, 2)), rng.dirichlet([2, 2])
    cost, floor = rng.random((2, 2)), rng.uniform(0, 0.5, 2)
    budget, gap = rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.5)
    p, q = np.meshgrid(np.linspace(0, 1, 201), np.linspace(0, 1, 201))
    tables = np.stack([p, 1 - p, q, 1 - q], axis=-1).reshape(-1, 2, 2)
    means, spent = ((tables * each).sum(axis=2) @ w for each in (v, cost))
    gaps = np.abs(np.diff((tables * v).sum(axis=2), axis=1)[:, 0])
    met = (w @ tables >= floor).all(axis=1) & (spent <= budget) & (gaps <= gap)
    best = means[met].max() if met.any() else -np.inf
    options: dict[str, Any] = {
        "weights": dict(zip(S, w, strict=True)),
        "floors": dict(zip(A, floor, strict=True)),
        "costs": pd.DataFrame(cost, S, A),
        "budget": budget,
        "groups": {"s1": "g", "s2": "h"},
        "max_gap": gap,
    }
    frame = pd.DataFrame(v, S, A)
    try:
        policy = constrain(frame, **options)
    except ValueError as error:
        assert "no policy meets" in str(error) and best == -np.inf
        return
    p = policy.table.to_numpy()
    assert policy.value == pytest.approx(value(p, v, w))
    assert policy.value >= best - 1e-9
    if best > -np.inf:
        assert policy.value - best < 0.05  # the grid is only so fine
    assert (w @ p >= floor - 1e-7).all() and value(p, cost, w) <= budget + 1e-7
    assert abs(np.diff((p * v).sum(axis=1))[0]) <= gap + 1e-7


def test_without_constraints_each_segment_gets_its_best() -> None:
    rng = np.random.default_rng(0)
    values = pd.DataFrame(rng.random((6, 5)))
    policy = constrain(values, weights=dict.fromkeys(range(6), 2.0))
    assert np.array_equal(policy.table.to_numpy().argmax(axis=1), values.to_numpy().argmax(axis=1))
    assert policy.value == pytest.approx(values.max(axis=1).mean()) and len(policy.prices) == 0


def test_order_of_segments_and_actions_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    values = pd.DataFrame(rng.random((5, 4)), list("vwxyz"), A + ["c", "d"])
    weights = pd.Series(rng.random(5), values.index)
    options: dict[str, Any] = {
        "floors": {"a": 0.1, "d": 0.3},
        "costs": pd.Series(rng.random(4), values.columns),
        "budget": 0.45,
        "groups": pd.Series([1, 1, 2, 2, 3], values.index),
        "max_gap": 0.2,
    }
    base = constrain(values, weights=weights, **options)
    turned = values.iloc[::-1, [2, 0, 3, 1]]
    other = constrain(turned, weights=weights.sample(frac=1, random_state=0), **options)
    assert other.value == pytest.approx(base.value)
    price = other.prices.set_index("which")["price"]
    assert price[base.prices["which"]].to_numpy() == pytest.approx(base.prices["price"])
    values, weights = values.head(2), weights.head(2)
    base = constrain(values, weights=weights, floors={"a": 0.1, "d": 0.3})
    other = constrain(values.iloc[::-1, ::-1], weights=weights, floors={"d": 0.3, "a": 0.1})
    assert np.allclose(other.table.loc[values.index, values.columns], base.table, atol=1e-7)


@pytest.mark.parametrize("kind", ["floor", "budget", "gap"])
def test_shadow_prices_are_what_relief_would_bring(kind: str) -> None:
    rng = np.random.default_rng(2)
    values = pd.DataFrame(rng.random((6, 3)), columns=list("abc"))
    cost = pd.DataFrame(values.to_numpy() * 2 + rng.random((6, 3)), columns=list("abc"))
    weights = dict(enumerate(rng.dirichlet(np.ones(6))))

    def solve(relief: float) -> SegmentPolicy:
        options: dict[str, Any] = {
            "floor": {"floors": {"a": 0.5 - relief, "b": 0.2}},
            "budget": {"costs": cost, "budget": 1.2 + relief},
            "gap": {"groups": dict(enumerate("xxyyzz")), "max_gap": 0.15 + relief},
        }[kind]
        return constrain(values, weights=weights, **options)

    base = solve(0.0)
    row = base.prices[base.prices["constraint"] == kind].iloc[0]
    gained = solve(1e-4).value - base.value
    assert row["price"] == pytest.approx(gained / 1e-4, rel=1e-3) and row["price"] > 0.01
    assert row["used"] == pytest.approx(row["limit"], abs=1e-7)
    assert row["limit"] == {"floor": 0.5, "budget": 1.2, "gap": 0.15}[kind]
    slack = constrain(values, weights=weights, floors={"a": 0.0}, costs=cost, budget=100)
    assert slack.prices["price"].tolist() == pytest.approx([0, 0])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"floors": {"a": 0.7, "b": 0.6}}, "exposure floors: they add up to 1.3, more than 1"),
        (
            {"costs": {"a": 3, "b": 1}, "budget": 0.5},
            "no policy meets the budget: the least cost is 1, the budget 0.5",
        ),
        (
            {"costs": {"a": 3, "b": 1}, "budget": 1.5, "floors": {"a": 0.5}},
            "no policy meets exposure floors and the budget together: the least cost is 2, the bud",
        ),
        (
            {"groups": {"s1": 1, "s2": 2}, "max_gap": 0.0, "floors": {"a": 0.95}},
            "no policy meets exposure floors and the gap between groups together",
        ),
        (
            {
                "groups": {"s1": 1, "s2": 2},
                "max_gap": 0.0,
                "floors": {"a": 0.95},
                "costs": {"a": 3, "b": 1},
                "budget": 5.0,
            },
            "no policy meets exposure floors and the gap between groups together$",
        ),
    ],
)
def test_what_cannot_hold_is_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        constrain(VALUES, weights=HALF, **options)


def test_bad_input() -> None:
    def says(text: str, values: pd.DataFrame = VALUES, weights: Any = HALF, **options: Any) -> None:
        with pytest.raises(ValueError, match=text):
            constrain(values, weights=weights, **options)

    says("column \"value of 'a'\": must be finite .*row: 1", VALUES.assign(a=[1.0, np.nan]))
    says("values needs different segments", pd.concat([VALUES, VALUES]))
    says("weights lacks 's2'", weights={"s1": 1})
    says("weights has the unknown label 's9'", weights={**HALF, "s9": 1})
    says("column 'weights': must be in .*row: 1", weights={"s1": 1, "s2": -1})
    says("weights must not all be 0", weights={"s1": 0, "s2": 0})
    says("budget and costs need each other", budget=1.0)
    says("budget and costs need each other", costs={"a": 1, "b": 1})
    says("max_gap and groups need each other", max_gap=1.0)
    says("budget must be finite", budget=np.nan, costs={"a": 1, "b": 1})
    says("max_gap must be at least 0", max_gap=-0.1, groups={"s1": 1, "s2": 1})
    says("column 'groups': must not be missing; .*row: 1", max_gap=0.1, groups={"s1": 1})
    says("column 'floors': must name an action .*row: 0 .*'z'", floors={"z": 0.1})
    says(r"column 'floors': must be in \[0, 1\]; .*row: 0", floors={"a": 1.2})
    says("costs lacks 'b'", budget=1.0, costs={"a": 1})
    says("column \"cost of 'a'\": must be finite .*row: 1", budget=1, costs=VALUES.head(1))


def test_segment_policy_acts_by_segment() -> None:
    p = np.array([[0.7, 0.3, 0.0], [0.0, 0.0, 1.0], [0.2, 0.0, 0.8]])
    policy = SegmentPolicy(pd.DataFrame(p, [10, 20, 30], list("abc")))
    n = 30_000
    segment = np.tile([10, 20, 30], n)
    drawn = policy.act(3 * n, context=segment, seed=0)
    for s, row in zip([10, 20, 30], p, strict=True):
        count = np.array([(drawn[segment == s] == a).sum() for a in "abc"])
        assert (count[row == 0] == 0).all()
        if (row > 0).sum() > 1:
            assert chisquare(count[row > 0], n * row[row > 0]).pvalue > 1e-4
        asked = np.full(3, s)
        assert policy.prob(list("abc"), context=asked).tolist() == row.tolist()
        assert policy.prob(list("abc"), context=asked[:, None].astype(float)).sum() == 1


def test_segment_policy_in_replay() -> None:
    rng = np.random.default_rng(3)
    n = 4000
    log = pd.DataFrame({"action": rng.choice(A, n), "segment": rng.choice(S, n)})
    log["reward"] = (log.action == "a") * (log.segment == "s1") * 1.0
    policy = SegmentPolicy(pd.DataFrame([[1.0, 0.0], [0.0, 1.0]], S, A))
    got = replay(policy, log, context=["segment"])
    want = (log.action == "a") == (log.segment == "s1")
    assert np.array_equal(got.matched, np.flatnonzero(want))


def test_segment_policy_checks() -> None:
    policy = SegmentPolicy(pd.DataFrame([[0.7, 0.3], [0.5, 0.5]], S, A))
    with pytest.raises(ValueError, match="column 'context': must be a segment .*row: 1 .*'s3'"):
        policy.act(2, context=["s1", "s3"])
    with pytest.raises(ValueError, match="column 'context': must not be missing; .*row: 0"):
        policy.prob(["a"], context=[None])
    for context in (None, ["s1"], np.array([["s1", "s1"], ["s1", "s1"]])):
        with pytest.raises(ValueError, match="one segment for each of 2 rows"):
            policy.act(2, context=context)
    with pytest.raises(ValueError, match="column \"segment 's2'\": probabilities must add up to 1"):
        SegmentPolicy(pd.DataFrame([[0.7, 0.3], [0.5, 0.4]], S, A))
    with pytest.raises(ValueError, match="segments must differ"):
        SegmentPolicy(pd.DataFrame([[0.7, 0.3], [0.5, 0.5]], ["s", "s"], A))
