"""What all policies share, and those that do not learn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from causalrec_utils.policies import (
    BernoulliThompson,
    EpsilonGreedy,
    LinUCB,
    Policy,
    TablePolicy,
    Uniform,
)

ACTIONS = ["a", "b", "c"]


def trained() -> list[Policy]:
    """One of each, having learned something, with some ties."""
    greedy = EpsilonGreedy(ACTIONS, epsilon=0.3)
    greedy.update(["a", "b", "c", "a", "b"], [1, 1, 0, 0, 0])
    thompson = BernoulliThompson(ACTIONS, alpha=[1, 2, 3], beta=2.0)
    thompson.update(["a", "a", "c"], [1, 0, 0])
    return [Uniform(ACTIONS), TablePolicy(pd.Series([0.5, 0.5, 0.0], ACTIONS)), greedy, thompson]


@pytest.mark.parametrize("policy", trained(), ids=lambda p: type(p).__name__)
def test_draws_follow_the_probabilities(policy: Policy) -> None:
    p = policy.prob(ACTIONS)
    assert p.sum() == pytest.approx(1) and (p >= 0).all()
    n = 20_000
    count = Counter(policy.act(n, seed=3).tolist())
    seen = np.array([count[a] for a in ACTIONS])
    assert (seen[p == 0] == 0).all()
    assert chisquare(seen[p > 0], n * p[p > 0]).pvalue > 1e-4


@pytest.mark.parametrize("policy", trained(), ids=lambda p: type(p).__name__)
def test_draws_depend_on_the_seed_alone(policy: Policy) -> None:
    state = np.random.get_state()[1].copy()
    one, two, other = (policy.act(50, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    rng = np.random.default_rng(1)
    assert np.array_equal(one, policy.act(50, seed=rng))
    assert not np.array_equal(one, policy.act(50, seed=rng))
    assert np.array_equal(state, np.random.get_state()[1])


@pytest.mark.parametrize("policy", trained(), ids=lambda p: type(p).__name__)
def test_unknown_and_missing_actions(policy: Policy) -> None:
    with pytest.raises(ValueError, match="column 'actions': .*knows; first offending row: 2 .*'z'"):
        policy.prob(["a", "b", "z", "y"])
    with pytest.raises(ValueError, match="column 'actions': must not be missing; .*row: 1 "):
        policy.prob(["a", None])
    for labels in (pd.Categorical(["a", "c"]), pd.Series(["a", "c"], dtype="str"), ("a", "c")):
        assert np.array_equal(policy.prob(labels), policy.prob(["a", "c"]))
    assert len(policy.prob([])) == 0


def test_labels_of_any_type() -> None:
    assert Uniform([3, 7]).prob(np.array([7, 3, 3], dtype="int16")).tolist() == [0.5] * 3
    assert Uniform(["x"]).act(2).tolist() == ["x", "x"]
    with pytest.raises(ValueError, match="actions must differ; 3 comes twice"):
        Uniform([3, 3])
    with pytest.raises(ValueError, match="at least one action"):
        Uniform([])


def test_the_bare_interface() -> None:
    with pytest.raises(TypeError, match="gives no probabilities"):
        Policy(["a"]).prob(["a"])
    with pytest.raises(TypeError, match="does not act"):
        Policy(["a"]).act(1)
    assert Uniform(["a"]).update(["a"], [1]) is None


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.5, 0.6, 0.0], "column '0': probabilities must add up to 1, got 1.1"),
        ([-0.1, 0.6, 0.5], r"column '0': must be in \[0, 1\]; first offending row: 0"),
        ([0.5, np.nan, 0.5], "column '0': must be finite .*; first offending row: 1"),
    ],
)
def test_tables(values: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TablePolicy(pd.DataFrame({0: values}, index=ACTIONS))


def test_table_of_slots() -> None:
    policy = TablePolicy(pd.DataFrame({1: [0.9, 0.1], 2: [0.2, 0.8]}, index=["a", "b"]))
    assert policy.prob(["b", "b", "a"], position=np.array([2, 1, 2])).tolist() == [0.8, 0.1, 0.2]
    with pytest.raises(ValueError, match="position is needed: the table has 2 slots"):
        policy.prob(["a"])
    with pytest.raises(ValueError, match="column 'position': must be a slot .*row: 1 .*3"):
        policy.prob(["a", "a"], position=[1, 3])
    with pytest.raises(ValueError, match="several slots can't act"):
        policy.act(1)


def test_a_table_that_is_off_by_rounding_still_acts() -> None:
    policy = TablePolicy(pd.Series([0.3333333, 0.3333333, 0.3333333], ACTIONS))
    assert set(policy.act(100)) == set(ACTIONS)


def test_epsilon_greedy_tries_everything_first_and_splits_ties() -> None:
    policy = EpsilonGreedy(ACTIONS, epsilon=0.0)
    assert policy.prob(ACTIONS).tolist() == pytest.approx([1 / 3] * 3)
    policy.update(["a"], [1])
    assert policy.prob(ACTIONS).tolist() == [0, 0.5, 0.5]
    policy.update(["b", "c"], [1, 0])
    assert policy.prob(ACTIONS).tolist() == [0.5, 0.5, 0]
    with pytest.raises(ValueError, match=r"epsilon must be in \[0, 1\], got 1.5"):
        EpsilonGreedy(ACTIONS, epsilon=1.5)
    with pytest.raises(ValueError, match="column 'rewards': must be finite .*row: 1"):
        policy.update(["a", "b"], [1, np.nan])
    with pytest.raises(ValueError, match="column 'rewards': must have one value for each of the 2"):
        policy.update(["a", "b"], [1])


class Reference:
    """LinUCB as the paper prints it: one row at a time, inverse matrices."""

    def __init__(self, k: int, d: int, alpha: float) -> None:
        self.a = [np.eye(d) for _ in range(k)]
        self.b = [np.zeros(d) for _ in range(k)]
        self.alpha = alpha

    def scores(self, x: np.ndarray) -> np.ndarray:
        out = []
        for a, b in zip(self.a, self.b, strict=True):
            inverse = np.linalg.inv(a)
            out.append(x @ inverse @ b + self.alpha * np.sqrt(x @ inverse @ x))
        return np.array(out)

    def update(self, action: int, x: np.ndarray, r: float) -> None:
        self.a[action] += np.outer(x, x)
        self.b[action] += r * x


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0])
def test_linucb_is_the_paper_s_algorithm(alpha: float) -> None:
    rng = np.random.default_rng(0)
    k, d = 4, 3
    policy, reference = LinUCB(range(k), dim=d, alpha=alpha), Reference(k, d, alpha)
    for _ in range(30):
        x = rng.normal(size=(7, d))
        actions = rng.integers(k, size=7)
        rewards = x[:, 0] * actions + rng.normal(size=7)
        policy.update(actions, rewards, context=x)
        for row in zip(actions, x, rewards, strict=True):
            reference.update(*row)
        asked = rng.normal(size=(5, d))
        best = np.array([np.argmax(reference.scores(row)) for row in asked])
        assert np.array_equal(policy.act(5, context=asked, seed=rng), best)
        for a in range(k):
            assert np.array_equal(policy.prob(np.full(5, a), context=asked), best == a)


def test_linucb_breaks_ties_evenly() -> None:
    policy = LinUCB(ACTIONS, dim=1)
    x = np.ones((30_000, 1))
    assert policy.prob(["a", "b", "c"], context=x[:3]).tolist() == pytest.approx([1 / 3] * 3)
    count = Counter(policy.act(len(x), context=x, seed=0).tolist())
    assert chisquare([count[a] for a in ACTIONS]).pvalue > 1e-4
    policy.update(["c"] * 50, [-1] * 50, context=x[:50])
    assert policy.prob(["a", "b", "c"], context=x[:3]).tolist() == [0.5, 0.5, 0]
    count = Counter(policy.act(len(x), context=x, seed=0).tolist())
    assert count["c"] == 0 and chisquare([count[a] for a in "ab"]).pvalue > 1e-4
    policy.update(["a"] * 500, [2] * 500, context=x[:500])
    policy.update(["b"] * 500, [5] * 500, context=x[:500])
    assert set(policy.act(10, context=x[:10])) == {"b"}


def test_linucb_checks_its_context() -> None:
    policy = LinUCB(ACTIONS, dim=2)
    for context in (None, np.ones((2, 3)), np.ones((3, 2))):
        with pytest.raises(ValueError, match=r"context must have shape \(2, 2\)"):
            policy.prob(["a", "b"], context=context)
    with pytest.raises(ValueError, match="column 'context 1': must be finite .*row: 1"):
        policy.act(2, context=np.array([[1, 1], [1, np.nan]]))
    with pytest.raises(ValueError, match="alpha must be at least 0"):
        LinUCB(ACTIONS, dim=2, alpha=-1)
