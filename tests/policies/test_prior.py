"""Beta priors from earlier tasks: what they recover, and what they are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import betaln, expit
from scipy.stats import betabinom, binom, norm, wilcoxon

from causalrec_utils.policies import BernoulliThompson, BetaPrior, fit_beta_prior

ALPHA, BETA = 3.0, 57.0


def tasks(
    n_tasks: int, arms: int, rng: np.random.Generator, trials: int = 300
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rate = rng.beta(ALPHA, BETA, n_tasks * arms)
    n = rng.integers(trials // 2, 2 * trials, len(rate))
    return rng.binomial(n, rate), n, np.repeat(np.arange(n_tasks), arms)


def test_recovers_the_prior() -> None:
    y, n, task = tasks(4000, 3, np.random.default_rng(0))
    alpha, beta = fit_beta_prior(y, n, task=task).arms(1)
    assert alpha[0] == pytest.approx(ALPHA, rel=0.05) and beta[0] == pytest.approx(BETA, rel=0.05)


def test_the_maximum_of_the_likelihood() -> None:
    y, n, _ = tasks(60, 3, np.random.default_rng(1))
    prior = fit_beta_prior(y, n)

    def likelihood(mean: float, kappa: float) -> float:
        return float(betabinom.logpmf(y, n, kappa * mean, kappa * (1 - mean)).sum())

    mean, kappa = float(expit(prior.intercept)), prior.concentration
    best = likelihood(mean, kappa)
    for m in (0.98, 1, 1.02):
        for c in (0.95, 1, 1.05):
            assert likelihood(mean * m, kappa * c) <= best + 1e-9
    assert {e.estimand: e.value for e in prior.estimates} == {
        "mean rate": pytest.approx(mean),
        "concentration": pytest.approx(kappa),
    }


def test_gradient() -> None:
    from causalrec_utils.policies._prior import _log_likelihood

    rng = np.random.default_rng(2)
    y, n, _ = tasks(5, 1, rng)
    x = rng.normal(size=(5, 2))
    theta = np.array([-2.5, 3.0, 0.3, -0.2])
    value, slope = _log_likelihood(theta, y, n, x)
    for j, mine in ((0, slope[:, 0]), (1, slope[:, 1]), (2, slope[:, 0] * x[:, 0])):
        step = 1e-6 * np.eye(4)[j]
        ends = [_log_likelihood(theta + s, y, n, x)[0] for s in (step, -step)]
        assert mine == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-6)
    p = expit(theta[0] + x @ theta[2:])
    a, b = np.exp(3.0) * p, np.exp(3.0) * (1 - p)
    assert value == pytest.approx(betaln(y + a, n - y + b) - betaln(a, b))


@pytest.mark.parametrize(
    "worlds", [200, pytest.param(2000, marks=pytest.mark.coverage_suite)], ids=["fast", "many"]
)
@pytest.mark.parametrize("copies", [1, 2], ids=["independent", "arms of a task alike"])
def test_intervals_cover(worlds: int, copies: int) -> None:
    """Also where the arms of a task share one rate: the variance is clustered by task."""
    rng = np.random.default_rng(3)
    hits = np.zeros(2)
    for _ in range(worlds):
        rate = np.repeat(rng.beta(ALPHA, BETA, 200), copies)
        n = rng.integers(150, 600, len(rate))
        task = np.repeat(np.arange(200), copies)
        prior = fit_beta_prior(rng.binomial(n, rate), n, task=task)
        for j, truth in enumerate((ALPHA / (ALPHA + BETA), ALPHA + BETA)):
            low, high = prior.estimates[j].ci
            hits[j] += low <= truth <= high
    low, high = binom.interval(1 - 1e-4, worlds, 0.94)
    assert (low <= hits).all() and (hits <= high).all()


def test_features_are_recovered_and_help() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3000, 4)) * [1, 5, 1, 1] + [0, 3, 0, 0]
    w = np.array([0.5, -0.1, 0.0, 0.0])
    mean = expit(-2.5 + x @ w)
    n = np.full(3000, 400)
    y = rng.binomial(n, rng.beta(80 * mean, 80 * (1 - mean)))
    task = np.repeat(np.arange(1000), 3)
    prior = fit_beta_prior(y, n, features=x, task=task)
    assert prior.coefficients == pytest.approx(w, abs=0.04)
    assert prior.intercept == pytest.approx(-2.5, abs=0.1)
    assert prior.concentration == pytest.approx(80, rel=0.1)
    fresh = np.array([[1.0, 3, 0, 0], [-1.0, 3, 0, 0]])
    alpha, beta = prior.arms(fresh)
    assert alpha + beta == pytest.approx(prior.concentration)
    assert alpha / (alpha + beta) == pytest.approx(expit(-2.5 + fresh @ w), rel=0.05)
    plain = fit_beta_prior(y, n, task=task)
    assert plain.concentration < prior.concentration  # what features explain is no spread


def test_useless_features_are_shrunk_away() -> None:
    rng = np.random.default_rng(5)
    y, n, task = tasks(60, 3, rng)
    x = rng.normal(size=(180, 60))
    prior = fit_beta_prior(y, n, features=x, task=task)
    assert prior.penalty >= 100 and np.abs(prior.coefficients).max() < 0.05
    assert prior.held_out is not None
    assert prior.held_out[prior.penalty] == max(prior.held_out.values())
    assert prior.held_out[prior.penalty] > prior.held_out[0.1]


def test_units_of_features_and_order_of_arms_do_not_matter() -> None:
    rng = np.random.default_rng(6)
    y, n, task = tasks(50, 2, rng)
    x = rng.normal(size=(100, 3))
    base = fit_beta_prior(y, n, features=x, task=task, penalties=[1.0])
    moved = fit_beta_prior(y, n, features=x * [1, 10, 0.1] + 5, task=task, penalties=[1.0])
    for ours, theirs in zip(base.arms(x), moved.arms(x * [1, 10, 0.1] + 5), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    order = rng.permutation(100)
    shuffled = fit_beta_prior(y[order], n[order], features=x[order], penalties=[1.0])
    assert shuffled.arms(x)[0] == pytest.approx(base.arms(x)[0], rel=1e-3)


def test_arms_that_do_not_differ() -> None:
    rng = np.random.default_rng(7)
    n = np.full(500, 1000)
    prior = fit_beta_prior(np.full(500, 50), n)  # less spread than chance makes
    assert prior.concentration == pytest.approx(1e7)
    rate, kappa = prior.estimates
    assert rate.value == pytest.approx(0.05, rel=1e-3) and np.isfinite(rate.ci).all()
    assert np.isnan(kappa.ci).all()
    some = fit_beta_prior(rng.binomial(n, 0.05), n)
    assert some.concentration > 500


def test_a_learned_prior_lowers_regret() -> None:
    """Later tasks of the same family: paired differences of regret against a flat prior."""
    rng = np.random.default_rng(8)
    prior = fit_beta_prior(*tasks(300, 3, rng)[:2])
    k = 15
    alpha, beta = prior.arms(k)
    lower = []
    for seed in range(150):
        rate = rng.beta(ALPHA, BETA, k)
        regret = []
        for policy in (
            BernoulliThompson(range(k), alpha=alpha, beta=beta),
            BernoulliThompson(range(k)),
        ):
            play, total = np.random.default_rng(seed), 0.0
            for _ in range(40):
                taken = policy.act(25, seed=play)
                total += float((rate.max() - rate[taken]).sum())
                policy.update(taken, play.random(25) < rate[taken])
            regret.append(total)
        lower.append(regret[1] - regret[0])
    assert wilcoxon(lower, alternative="greater").pvalue < 1e-4
    assert np.mean(lower) / (np.std(lower) / np.sqrt(150)) > norm.isf(1e-4)


def test_bad_input() -> None:
    def says(text: str, y: Any = (1, 2), n: Any = (9, 9), **options: Any) -> None:
        with pytest.raises(ValueError, match=text):
            fit_beta_prior(list(y), list(n), **options)

    says(r"column 'trials': must be in \[1, inf\); .*row: 1", n=(9, 0))
    says(r"column 'successes': must be in \[0, inf\); .*row: 0", y=(-1, 0))
    says("column 'successes': must not exceed trials; .*row: 1", y=(1, 10))
    says("column 'successes': must be whole numbers; .*row: 1", y=(1, 1.5))
    says("column 'successes': must have one value for each of the 2 rows", y=(1, 2, 3))
    says("needs some successes and some failures", y=(0, 0))
    says("needs some successes and some failures", y=(9, 9))
    says("need at least 2 tasks", task=["t", "t"])
    says("column 'task': must not be missing; .*row: 1", task=["t", None])
    says("column 'task': must have one value for each of the 2 rows", task=["t"])
    says(r"features must have shape \(2, d\), got \(2,\)", features=[1, 2])
    says("column 'feature 1': must be finite .*row: 0", features=[[1, np.nan], [1, 2]])
    says("features need at least 5 tasks, got 2", features=[[1], [2]])
    says(r"level must be in \(0, 1\)", level=1)
    many = {"y": [1, 2, 3, 4, 5], "n": [9] * 5, "features": np.eye(5)}
    says("column 'penalties': must be in .*row: 1", **many, penalties=[1, 0])
    prior = BetaPrior(-3.0, np.array([0.5]), 50.0)
    with pytest.raises(ValueError, match="features must have 1 columns, got 2"):
        prior.arms(np.ones((3, 2)))
    with pytest.raises(ValueError, match="fitted without features; give the number of arms"):
        BetaPrior(-3.0, np.empty(0), 50.0).arms(np.ones((3, 2)))
