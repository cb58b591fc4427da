"""Policies from models: any scoring function, and trees with rules that can be read."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from causalrec_utils.policies import ModelPolicy, PolicyTree

ACTIONS = ["a", "b", "c"]


def score(action: Any, x: np.ndarray) -> np.ndarray:
    return {"a": x[:, 0], "b": x[:, 1], "c": np.zeros(len(x))}[action]


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_model_policy_draws_follow_its_probabilities(
    epsilon: float, temperature: float | None
) -> None:
    policy = ModelPolicy(ACTIONS, score=score, epsilon=epsilon, temperature=temperature)
    n = 20_000
    for row in ([0.4, 0.1], [0.4, 0.4], [0.0, 0.0]):
        x = np.tile(row, (n, 1))
        p = policy.prob(ACTIONS, context=x[:3])
        scores = np.array([*row, 0.0])
        best = scores == scores.max()
        odds = best if temperature is None else np.exp(scores / temperature)
        assert p == pytest.approx(epsilon / 3 + (1 - epsilon) * odds / odds.sum())
        count = Counter(policy.act(n, context=x, seed=2).tolist())
        seen = np.array([count[a] for a in ACTIONS])
        assert (seen[p == 0] == 0).all()
        if (p > 0).sum() > 1:
            assert chisquare(seen[p > 0], n * p[p > 0]).pvalue > 1e-4


def test_softmax_of_a_model_does_not_overflow_and_ignores_a_shift() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2))
    base = ModelPolicy(ACTIONS, score=score, temperature=1e-3).prob(ACTIONS, context=x)
    moved = ModelPolicy(ACTIONS, score=lambda a, z: score(a, z) + 1e4, temperature=1e-3)
    assert moved.prob(ACTIONS, context=x) == pytest.approx(base, abs=1e-6)


def test_order_of_actions_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    x, asked = rng.normal(size=(50, 2)), rng.choice(ACTIONS, 50)
    for options in ({}, {"temperature": 0.3}):
        p, q = (
            ModelPolicy(order, score=score, **options).prob(asked, context=x)
            for order in (ACTIONS, ["c", "b", "a"])
        )
        assert p == pytest.approx(q)


def test_model_policy_checks() -> None:
    x = np.ones((2, 2))
    for context, got in ((None, "none"), (x[:1], "1")):
        with pytest.raises(ValueError, match=f"context must have 2 rows, got {got}"):
            ModelPolicy(ACTIONS, score=score).act(2, context=context)
    broken = ModelPolicy(ACTIONS, score=lambda a, z: np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="column \"score of 'a'\": must be finite .*row: 1"):
        broken.prob(["a", "b"], context=x)
    short = ModelPolicy(ACTIONS, score=lambda a, z: np.zeros(1))
    with pytest.raises(ValueError, match="score of 'a'.*one value for each of the 2 rows"):
        short.prob(["a", "b"], context=x)
    with pytest.raises(ValueError, match=r"epsilon must be in \[0, 1\]"):
        ModelPolicy(ACTIONS, score=score, epsilon=2)
    with pytest.raises(ValueError, match="temperature must be a finite number above 0"):
        ModelPolicy(ACTIONS, score=score, temperature=0)


def world(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Context and doubly robust scores: b where x > 0.3; else c where z > 0.7, else a."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(n, 3))
    best = np.where(x[:, 0] > 0.3, 1, np.where(x[:, 1] > 0.7, 2, 0))
    return x, (best[:, None] == np.arange(3)) + rng.normal(0, 0.5, (n, 3))


def fitted(**options: Any) -> PolicyTree:
    return PolicyTree(ACTIONS, features=["x", "z", "noise"], **options).fit(*world(3000, 0))


def test_tree_finds_the_rule() -> None:
    tree = fitted()
    fresh, _ = world(2000, 1)
    best = np.where(fresh[:, 0] > 0.3, "b", np.where(fresh[:, 1] > 0.7, "c", "a"))
    assert (tree.act(2000, context=fresh) == best).mean() > 0.97
    assert np.array_equal(tree.prob(best, context=fresh), tree.act(2000, context=fresh) == best)
    lines = tree.rules().splitlines()
    assert len(lines) == 3 and {line.split("play ")[1][:3] for line in lines} == set(
        map(repr, ACTIONS)
    )
    assert "noise" not in tree.rules() and "always" not in tree.rules()


def test_rules_say_what_the_tree_does() -> None:
    tree, (x, _) = fitted(max_depth=3), world(500, 2)
    table = pd.DataFrame(x, columns=["x", "z", "noise"])
    acts = tree.act(500, context=x)
    covered = np.zeros(500, int)
    for line in tree.rules().splitlines():
        where, play = line.split(": play ")
        rows = table.eval(where).to_numpy()
        # Rounded thresholds may move a row that lies on them.
        assert (acts[rows] == play.split("'")[1]).mean() > 0.97
        covered += rows
    assert (covered == 1).all()


def test_no_tree_of_the_depth_is_better_on_one_feature() -> None:
    """Depth 1, brute force over all cuts of all features and both actions of each side."""
    rng = np.random.default_rng(3)
    x, scores = rng.integers(0, 6, size=(300, 2)) * 1.0, rng.normal(size=(300, 2))
    scores[:, 0] += 0.6 * (x[:, 1] > 2)
    tree = PolicyTree(["a", "b"], features=["x", "z"], max_depth=1, min_rows=1).fit(x, scores)
    rows = (tree.act(300, context=x) == "b").astype(int)
    got = scores[np.arange(300), rows].sum()
    best = scores.sum(axis=0).max()
    for j in range(2):
        for cut in range(5):
            low = x[:, j] <= cut
            best = max(best, scores[low].sum(axis=0).max() + scores[~low].sum(axis=0).max())
    assert got == pytest.approx(best)


def test_a_question_that_changes_nothing_is_dropped() -> None:
    x, _ = world(500, 4)
    scores = np.column_stack([np.zeros(500), 1 + x[:, 0], np.zeros(500)])
    tree = PolicyTree(ACTIONS, features=["x", "z", "noise"]).fit(x, scores)
    assert tree.rules() == "always: play 'b' (100.0% of rows)"
    assert set(tree.act(10, context=x[:10])) == {"b"}


def test_tree_explores() -> None:
    tree, (x, _) = fitted(epsilon=0.3), world(1, 5)
    x = np.tile(x, (30_000, 1))
    p = tree.prob(ACTIONS, context=x[:3])
    assert sorted(p) == pytest.approx([0.1, 0.1, 0.8])
    count = Counter(tree.act(len(x), context=x, seed=0).tolist())
    assert chisquare([count[a] for a in ACTIONS], len(x) * p).pvalue > 1e-4


def test_leaves_are_large_enough() -> None:
    tree = fitted(max_depth=4, min_rows=200)
    assert tree.nodes is not None
    leaves = tree.nodes[tree.nodes[:, 0] == -1]
    assert (leaves[:, 5] * 3000 >= 200 - 1e-9).all() and leaves[:, 5].sum() == pytest.approx(1)


def test_tree_checks() -> None:
    x, scores = world(50, 6)
    tree = PolicyTree(ACTIONS, features=["x", "z", "noise"])
    for ask in (lambda: tree.act(2, context=x[:2]), tree.rules):
        with pytest.raises(ValueError, match="not fitted"):
            ask()
    with pytest.raises(ValueError, match=r"scores must have shape \(50, 3\), got \(50, 2\)"):
        tree.fit(x, scores[:, :2])
    with pytest.raises(ValueError, match=r"context must have shape \(50, 3\)"):
        tree.fit(x[:, :2], scores)
    scores[7, 1] = np.nan
    with pytest.raises(ValueError, match="column \"score of 'b'\": must be finite .*row: 7"):
        tree.fit(x, scores)
    with pytest.raises(ValueError, match="min_rows is 20, but there are 5 rows"):
        tree.fit(x[:5], scores[:5])
    for options, says in (
        ({"max_depth": 0}, "max_depth must be at least 1"),
        ({"min_rows": 0}, "min_rows must be at least 1"),
        ({"epsilon": -1}, "epsilon must be in"),
        ({"features": []}, "features must name at least one"),
    ):
        with pytest.raises(ValueError, match=says):
            PolicyTree(ACTIONS, **{"features": ["x"], **options})
