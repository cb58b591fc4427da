"""Rank probabilities of Beta variables, against closed forms and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaln
from scipy.stats import binom

from causalrec_utils.policies import BernoulliThompson, rank_probabilities


def larger(a1: int, b1: float, a2: float, b2: float) -> float:
    """P(first > second) in closed form, for a whole number a1."""
    i = np.arange(a1)
    terms = betaln(a2 + i, b1 + b2) - np.log(b1 + i) - betaln(1 + i, b1) - betaln(a2, b2)
    return float(np.exp(terms).sum())


@pytest.mark.parametrize(
    "case", [(1, 1, 1, 1), (3, 5, 2, 7), (40, 60, 30, 70), (4, 900, 9, 1500), (2, 1e5, 5, 1e5)]
)
def test_two_actions(case: tuple[int, float, float, float]) -> None:
    a1, b1, a2, b2 = case
    got = rank_probabilities(np.array([a1, a2]), np.array([b1, b2]), 2)
    assert got[0, 0] == pytest.approx(larger(a1, b1, a2, b2), abs=1e-5)
    assert got.sum(axis=0) == pytest.approx([1, 1])
    assert got.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_maximum_of_powers() -> None:
    """For Beta(a, 1), P(i is the largest) is a_i over the sum of all a."""
    a = np.array([0.2, 1.0, 3.0, 7.5, 0.5])
    got = rank_probabilities(a, np.ones(5), 1)[:, 0]
    assert np.allclose(got, a / a.sum(), atol=1e-5)


def test_equal_actions_share_every_slot() -> None:
    assert np.allclose(rank_probabilities(np.full(7, 2.0), np.full(7, 30.0), 7), 1 / 7, atol=1e-9)


def test_all_slots_together_hold_each_action_once() -> None:
    rng = np.random.default_rng(0)
    p = rank_probabilities(rng.uniform(0.5, 9, 6), rng.uniform(1, 300, 6), 6)
    assert np.allclose(p.sum(axis=1), 1, atol=1e-4)


def test_simulation() -> None:
    rng = np.random.default_rng(1)
    k, slots, n = 10, 3, 200_000
    alpha, beta = rng.gamma(2, 2, k) + 0.1, rng.gamma(2, 100, k) + 1
    p = rank_probabilities(alpha, beta, slots)
    order = np.argsort(-rng.beta(alpha, beta, size=(n, k)), axis=1)[:, :slots]
    for slot in range(slots):
        seen = np.bincount(order[:, slot], minlength=k)
        low, high = binom.interval(1 - 1e-6, n, p[:, slot])
        assert ((low <= seen) & (seen <= high)).all()


def test_very_different_actions() -> None:
    """Mass far out in others' tails is not lost between grid points."""
    alpha, beta = np.array([5000.0, 1.0, 50.0]), np.array([5000.0, 1.0, 100.0])
    p = rank_probabilities(alpha, beta, 3)
    rng = np.random.default_rng(2)
    order = np.argsort(-rng.beta(alpha, beta, size=(200_000, 3)), axis=1)
    for slot in range(3):
        assert np.allclose(np.bincount(order[:, slot], minlength=3) / 2e5, p[:, slot], atol=0.006)


def test_slots_must_exist() -> None:
    for slots in (0, 3):
        with pytest.raises(ValueError, match=f"need between 1 and 2 slots, got {slots}"):
            rank_probabilities(np.ones(2), np.ones(2), slots)


def test_posterior_counts_clicks() -> None:
    policy = BernoulliThompson(["a", "b"], alpha=[1, 2], beta=3.0)
    policy.update(["a", "a", "b", "a"], [1, 0, 1, 0])
    assert policy.alpha.tolist() == [2, 3] and policy.beta.tolist() == [5, 3]
    table = policy.table([1, 2]).table
    assert table.loc["a", 1] == pytest.approx(table.loc["b", 2], abs=1e-5)
    assert policy.prob(["a", "b"]) == pytest.approx(table[1].to_numpy())
    with pytest.raises(ValueError, match=r"use table\(positions\)"):
        policy.prob(["a"], position=[1])


def test_bad_input() -> None:
    policy = BernoulliThompson(["a", "b"])
    with pytest.raises(ValueError, match=r"column 'rewards': must be in \[0, 1\]; .*row: 1"):
        policy.update(["a", "b"], [1, 2])
    for name in ("alpha", "beta"):
        with pytest.raises(ValueError, match=rf"column '{name}': must be in \(0, inf\); .*row: 1"):
            BernoulliThompson(["a", "b"], **{name: [1, 0]})
