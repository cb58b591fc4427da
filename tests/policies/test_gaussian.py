"""Softmax, Gaussian and linear Thompson sampling: probabilities against closed forms."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom, chisquare, multivariate_normal

from causalrec_utils.policies import (
    GaussianThompson,
    LinearThompson,
    LinUCB,
    Policy,
    Softmax,
)

ACTIONS = ["a", "b", "c"]


def simulated(mean: np.ndarray, sd: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    best = np.argmax(mean + sd * rng.standard_normal((n, len(mean))), axis=1)
    return np.bincount(best, minlength=len(mean))


def trained_softmax() -> Softmax:
    policy = Softmax(ACTIONS, temperature=0.3)
    policy.update(["a", "b", "c", "a"], [1, 0.5, 0.0, 0.0])
    return policy


def trained_gaussian() -> GaussianThompson:
    policy = GaussianThompson(ACTIONS, mean=[0, 0.1, 0.2], sd=[1, 2, 0.5], noise=0.7)
    policy.update(["a", "b", "c", "a"], [1, 0.5, 0.0, 0.0])
    return policy


def trained_linear(k: int = 3, d: int = 2) -> LinearThompson:
    rng = np.random.default_rng(0)
    policy = LinearThompson(list("abcdefgh"[:k]), dim=d, prior_sd=2.0, noise=0.8)
    actions = rng.choice(policy.actions, 30)
    policy.update(actions, rng.normal(size=30), context=rng.normal(size=(30, d)))
    return policy


@pytest.mark.parametrize(
    "policy", [trained_softmax(), trained_gaussian()], ids=["softmax", "gaussian"]
)
def test_draws_follow_the_probabilities(policy: Policy) -> None:
    p = policy.prob(ACTIONS)
    assert p.sum() == pytest.approx(1, abs=1e-6)
    n = 20_000
    count = Counter(policy.act(n, seed=3).tolist())
    assert chisquare([count[a] for a in ACTIONS], n * p / p.sum()).pvalue > 1e-4


def test_linear_draws_follow_the_probabilities_in_their_context() -> None:
    policy = trained_linear()
    for row in ([1.0, 0.0], [1.0, -2.0]):
        x = np.tile(row, (20_000, 1))
        p = policy.prob(ACTIONS, context=x[:3])
        assert p.sum() == pytest.approx(1, abs=1e-6)
        count = Counter(policy.act(len(x), context=x, seed=1).tolist())
        assert chisquare([count[a] for a in ACTIONS], len(x) * p / p.sum()).pvalue > 1e-4


def test_softmax_is_the_formula() -> None:
    policy = trained_softmax()
    odds = np.exp(np.array([0.5, 0.5, 0.0]) / 0.3)
    assert policy.prob(ACTIONS) == pytest.approx(odds / odds.sum())
    fresh = Softmax(ACTIONS, temperature=1e-6)
    fresh.update(["b"], [-1e6])
    assert fresh.prob(ACTIONS).tolist() == [0.5, 0, 0.5]  # what was never tried comes first
    fresh.update(["a", "c"], [1e6, 0])
    assert fresh.prob(ACTIONS).tolist() == [1, 0, 0]  # no overflow


def test_gaussian_posterior_is_conjugate() -> None:
    """One reward at a time or all at once: the textbook formula, precision by precision."""
    policy = GaussianThompson(["a"], mean=0.3, sd=2.0, noise=0.5)
    rewards = np.array([1.0, -0.2, 0.4])
    mean, precision = 0.3, 1 / 4
    for r in rewards:
        policy.update(["a"], [r])
        mean = (mean * precision + r / 0.25) / (precision + 1 / 0.25)
        precision += 1 / 0.25
    got = policy.posterior()
    assert got[0][0] == pytest.approx(mean) and got[1][0] == pytest.approx(precision**-0.5)


@pytest.mark.parametrize("ratio", [1.0, 0.3, 0.03, 1e-3])
def test_two_actions_in_closed_form(ratio: float) -> None:
    for gap in (0.0, 0.2, 1.5, 4.0):
        policy = GaussianThompson(["a", "b"], mean=[gap, 0.0], sd=[1.0, ratio])
        want = ndtr(gap / np.hypot(1, ratio))
        exact = 1e-6 if ratio >= 0.02 else 4e-4
        assert policy.prob(["a", "b"]) == pytest.approx([want, 1 - want], abs=exact)


def test_three_actions_against_the_bivariate_normal() -> None:
    m, s = np.array([0.1, 0.4, -0.3]), np.array([1.0, 0.4, 0.7])
    got = GaussianThompson(ACTIONS, mean=m, sd=s).prob(ACTIONS)
    for a in range(3):
        b, c = (i for i in range(3) if i != a)
        cov = [[s[a] ** 2 + s[b] ** 2, s[a] ** 2], [s[a] ** 2, s[a] ** 2 + s[c] ** 2]]
        both = multivariate_normal(mean=[m[b] - m[a], m[c] - m[a]], cov=cov).cdf([0, 0])
        assert got[a] == pytest.approx(both, abs=1e-6)


def test_quadrature_against_simulation() -> None:
    rng = np.random.default_rng(1)
    n = 200_000
    for spread in (0.1, 1.0, 3.0):
        m, s = rng.normal(0, spread, 8), rng.gamma(2, 0.3, 8) + 0.02
        p = GaussianThompson(range(8), mean=m, sd=s).prob(range(8))
        assert p.sum() == pytest.approx(1, abs=1e-5)
        low, high = binom.interval(1 - 1e-6, n, np.clip(p, 0, 1))
        seen = simulated(m, s, n, rng)
        assert ((low <= seen) & (seen <= high)).all()


def test_linear_quadrature_against_coefficients_drawn_from_the_posterior() -> None:
    """Whole coefficient vectors are drawn, not the scores that the quadrature works on."""
    policy, rng, n = trained_linear(k=5), np.random.default_rng(2), 100_000
    x = rng.normal(size=(3, 2))
    scores = np.empty((3, 5, n))
    for a, (gram, moment) in enumerate(zip(policy.gram, policy.moment, strict=True)):
        cov = np.linalg.inv(gram) * policy.noise**2
        draws = rng.multivariate_normal(np.linalg.solve(gram, moment), cov, size=n)
        scores[:, a] = x @ draws.T
    best = scores.argmax(axis=1)
    for i in range(3):
        p = policy.prob(policy.actions, context=np.tile(x[i], (5, 1)))
        low, high = binom.interval(1 - 1e-6, n, p)
        seen = np.bincount(best[i], minlength=5)
        assert ((low <= seen) & (seen <= high)).all()


def test_linear_posterior_is_that_of_bayesian_regression() -> None:
    policy, rng = LinearThompson(["a"], dim=2, prior_sd=0.5, noise=0.3), np.random.default_rng(3)
    x, r = rng.normal(size=(20, 2)), rng.normal(size=20)
    policy.update(["a"] * 20, r, context=x)
    precision = np.eye(2) / 0.25 + x.T @ x / 0.09
    asked = rng.normal(size=(4, 2))
    ((mean, sd),) = policy._normals(asked)
    assert mean == pytest.approx(asked @ np.linalg.solve(precision, x.T @ r / 0.09))
    want = np.sqrt(np.einsum("nd,de,ne->n", asked, np.linalg.inv(precision), asked))
    assert sd == pytest.approx(want)


def test_one_constant_feature_is_the_gaussian_policy() -> None:
    linear = LinearThompson(ACTIONS, dim=1, prior_sd=1.5, noise=0.6)
    plain = GaussianThompson(ACTIONS, sd=1.5, noise=0.6)
    actions, rewards = ["a", "b", "a", "c"], [0.2, 1.0, 0.4, -1.0]
    linear.update(actions, rewards, context=np.ones((4, 1)))
    plain.update(actions, rewards)
    assert linear.prob(ACTIONS, context=np.ones((3, 1))) == pytest.approx(plain.prob(ACTIONS))


@pytest.mark.parametrize("kind", ["softmax", "gaussian", "linear", "linucb"])
def test_order_of_actions_and_of_rows_does_not_matter(kind: str) -> None:
    rng = np.random.default_rng(4)
    x, rewards = rng.normal(size=(40, 2)), rng.normal(size=40)
    taken = rng.choice(ACTIONS, 40)

    def probabilities(actions: list[str], order: np.ndarray) -> np.ndarray:
        policy: Any = {
            "softmax": lambda: Softmax(actions, temperature=0.4),
            "gaussian": lambda: GaussianThompson(actions),
            "linear": lambda: LinearThompson(actions, dim=2),
            "linucb": lambda: LinUCB(actions, dim=2),
        }[kind]()
        policy.update(taken[order], rewards[order], context=x[order])
        return policy.prob(taken, context=x)

    base = probabilities(ACTIONS, np.arange(40))
    other = probabilities(["c", "a", "b"], rng.permutation(40))
    assert other == pytest.approx(base, abs=1e-9)


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from causalrec_utils.policies import _quadrature

    policy, x = trained_linear(), np.random.default_rng(5).normal(size=(50, 2))
    whole = policy.prob(["b"] * 50, context=x)
    monkeypatch.setattr(_quadrature, "BLOCK", 100)
    assert policy.prob(["b"] * 50, context=x) == pytest.approx(whole, abs=1e-12)


def test_memory_does_not_grow_with_rows_times_actions() -> None:
    import tracemalloc

    policy = LinearThompson(range(300), dim=1)
    x = np.ones((4_000, 1))
    tracemalloc.start()
    policy.act(len(x), context=x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * 4_000  # not even one byte for each pair


def test_thompson_learns() -> None:
    rng = np.random.default_rng(6)
    policy = GaussianThompson(ACTIONS, noise=0.5)
    for _ in range(60):
        taken = policy.act(10, seed=rng)
        policy.update(taken, np.where(taken == "c", 0.5, 0.0) + rng.normal(0, 0.5, 10))
    assert policy.prob(["c"])[0] > 0.95


def test_bad_input() -> None:
    def says(text: str, make: Any) -> None:
        with pytest.raises(ValueError, match=text):
            make()

    says(
        "temperature must be a finite number above 0, got 0", lambda: Softmax(["a"], temperature=0)
    )
    says("noise must be a finite", lambda: GaussianThompson(["a"], noise=-1))
    says(
        r"column 'sd': must be in \(0, inf\); .*row: 1", lambda: GaussianThompson([1, 2], sd=[1, 0])
    )
    says(
        "column 'mean': must be finite .*row: 1", lambda: GaussianThompson([1, 2], mean=[1, np.nan])
    )
    says("prior_sd must be a finite", lambda: LinearThompson(["a"], dim=1, prior_sd=0))
    says("noise must be a finite", lambda: LinearThompson(["a"], dim=1, noise=np.inf))
    linear = trained_linear()
    says(r"context must have shape \(1, 2\)", lambda: linear.prob(["a"]))
    zero = np.array([[1.0, 1.0], [0.0, 0.0]])
    for ask in (linear.act, lambda n, context: linear.prob(["a"] * n, context=context)):
        says("column 'context': must not be 0 .*row: 1", lambda a=ask: a(2, context=zero))
    says("column 'rewards': must be finite .*row: 0", lambda: linear.update(["a"], [np.inf]))
