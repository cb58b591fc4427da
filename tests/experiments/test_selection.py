"""Shrinkage and the winner's curse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm
from statsmodels.stats.meta_analysis import combine_effects

from causalrec_utils.experiments import shrink, split_half, winners_curse


def world(seed: int, m: int, tau: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    stderr = rng.uniform(0.5, 2.0, size=m)
    truth = rng.normal(0.7, tau, size=m)
    return truth, rng.normal(truth, stderr), stderr


def test_mean_and_sd_by_brute_force() -> None:
    """The posterior of each effect, summed over a plane of (mu, tau), nothing done by formula."""
    truth, y, s = world(4, 8)
    mu = np.linspace(-15, 16, 400)[:, None, None]
    u = (np.arange(1500) + 0.5)[:, None] / 1500
    tau = 2 * u / (1 - u)
    log_p = norm.logpdf(y, mu, np.hypot(s, tau)).sum(axis=-1) - 2 * np.log1p(-u[:, 0])
    p = np.exp(log_p - log_p.max())[..., None]
    p /= p.sum()
    b = s**2 / (s**2 + tau**2)
    mean = y - b * (y - mu)
    first = (p * mean).sum(axis=(0, 1))
    second = (p * (mean**2 + s**2 * (1 - b))).sum(axis=(0, 1))
    t = shrink(y, s, level=0.9)
    np.testing.assert_allclose(t["mean"], first, atol=2e-3)
    np.testing.assert_allclose(t["sd"], np.sqrt(second - first**2), rtol=3e-3)
    for column, q in (("low", 0.05), ("high", 0.95)):
        end = t[column].to_numpy()
        reached = (p * norm.cdf(end, mean, np.sqrt(s**2 * (1 - b)))).sum(axis=(0, 1))
        np.testing.assert_allclose(reached, q, atol=1e-3)
    assert t.attrs["mu"] == pytest.approx((p * mu).sum(), abs=2e-3)


def test_with_many_tests_it_is_empirical_bayes() -> None:
    """Paule and Mandel's tau, by statsmodels, plugged into the formula."""
    _, y, s = world(4, 4000)
    index = np.arange(4000) + 7
    t = shrink(pd.Series(y, index=index), s)
    reference = combine_effects(y, s**2, method_re="iterated", atol=1e-8, maxiter=1000)
    assert t.attrs["tau"] == pytest.approx(np.sqrt(reference.tau2), rel=0.02)
    assert t.attrs["mu"] == pytest.approx(reference.mean_effect_re, abs=1e-3)
    b = s**2 / (s**2 + reference.tau2)
    np.testing.assert_allclose(t["mean"], y - b * (y - reference.mean_effect_re), atol=0.07)
    np.testing.assert_allclose(t["weight"], 1 - b, atol=0.02)
    assert t.index.tolist() == index.tolist()


def test_shift_scale_and_sign() -> None:
    _, y, s = world(5, 40)
    base = shrink(y, s)[["mean", "low", "high"]].to_numpy()
    moved = shrink(1e-4 * y + 3, 1e-4 * s)[["mean", "low", "high"]].to_numpy()
    np.testing.assert_allclose((moved - 3) * 1e4, base, rtol=1e-5, atol=1e-6)
    flipped = shrink(-y, s)[["mean", "high", "low"]].to_numpy()
    np.testing.assert_allclose(-flipped, base, rtol=1e-8)


def test_no_spread_means_nearly_one_mean_and_still_an_interval() -> None:
    rng = np.random.default_rng(6)
    y, s = rng.normal(3.0, 1.0, size=3000), np.ones(3000)
    t = shrink(y, s)
    assert t.attrs["tau"] < 0.2
    assert np.ptp(t["mean"]) < 0.05 * np.ptp(y)
    assert (t["sd"] > 0).all()


def test_no_noise_means_no_shrinkage() -> None:
    y = np.array([1.0, 5.0, -3.0, 2.0])
    np.testing.assert_allclose(shrink(y, np.full(4, 1e-4))["mean"], y, atol=1e-6)


@pytest.mark.parametrize("m", [4, 20])
@pytest.mark.parametrize("batches", [400, pytest.param(6000, marks=pytest.mark.coverage_suite)])
def test_coverage_over_the_prior(m: int, batches: int) -> None:
    """Truths *and* tau are drawn anew, tau from the flat prior of the method (cut off far out).

    Intervals of a batch share tau and mu, so the error is taken between batches.
    """
    taus = 60 * (np.arange(batches) + 0.5) / batches
    shares = []
    for seed, tau in enumerate(taus):
        truth, y, s = world(1000 + seed, m, tau)
        t = shrink(y, s, level=0.9)
        shares.append(((t["low"] <= truth) & (truth <= t["high"])).mean())
    error = np.std(shares, ddof=1) / np.sqrt(batches)
    assert abs(np.mean(shares) - 0.9) < 4 * error


@pytest.mark.parametrize("tau", [0.6, 3.0])
@pytest.mark.parametrize("batches", [5, pytest.param(150, marks=pytest.mark.coverage_suite)])
def test_coverage_at_one_tau_with_many_tests(tau: float, batches: int) -> None:
    shares = []
    for seed in range(batches):
        truth, y, s = world(seed, 2000, tau)
        t = shrink(y, s)
        shares.append(((t["low"] <= truth) & (truth <= t["high"])).mean())
    error = np.std(shares, ddof=1) / np.sqrt(batches)
    assert abs(np.mean(shares) - 0.95) < 4 * error + 0.003


@pytest.mark.parametrize("tests", [4000, pytest.param(100_000, marks=pytest.mark.coverage_suite)])
def test_the_largest_are_too_large_until_shrunk(in_band, tests: int) -> None:
    truth, y, s = world(9, tests)
    t = shrink(y, s)
    top = np.argsort(-y)[: tests // 10]
    raw = (y - truth)[top].mean()
    left = (t["mean"].to_numpy() - truth)[top]
    assert raw > 0.8
    assert abs(left.mean()) < 4 * left.std() / np.sqrt(len(top))
    hits = ((t["low"] <= truth) & (truth <= t["high"])).to_numpy()[top]
    in_band(int(hits.sum()), len(top), 0.95)
    naive = (np.abs(y - truth) <= 1.96 * s)[top]
    assert naive.sum() < binom.ppf(1e-4, len(top), 0.95)


@pytest.mark.parametrize(("arms", "spread"), [(2, 1.0), (4, 0.5), (9, 0.0)])
def test_winners_curse_by_simulation(arms: int, spread: float) -> None:
    rng = np.random.default_rng(1)
    truth = spread * rng.normal(size=(200_000, arms))
    seen = truth + 2.0 * rng.normal(size=truth.shape)
    best = seen.argmax(axis=1)[:, None]
    lead = {
        "measured": np.take_along_axis(seen, best, 1),
        "true": np.take_along_axis(truth, best, 1),
    }
    curse = winners_curse(arms, stderr=2.0, spread=spread)
    for name, values in lead.items():
        error = values.std() / np.sqrt(len(values))
        assert abs(curse[name] - values.mean()) <= 4 * error
    assert curse["bias"] == pytest.approx(curse["measured"] - curse["true"])
    assert curse["exaggeration"] == pytest.approx(1 + 4 / spread**2 if spread else np.inf)


def test_split_half_sees_the_curse_and_the_other_half_does_not() -> None:
    """The lead on the choosing half is what the formula says; on the fresh half it is true."""
    rng = np.random.default_rng(2)
    tests, arms, n, rate, spread = 4000, 4, 6000, 0.05, 0.004
    p = rate + spread * rng.normal(size=(tests, arms))
    half = split_half(rng.binomial(n, p).ravel(), np.full(tests * arms, n), seed=3)
    a, b = (
        (half[f"clicks_{k}"] / half[f"impressions_{k}"]).to_numpy().reshape(tests, arms)
        for k in "ab"
    )
    best = a.argmax(axis=1)[:, None]
    lead_a, lead_b, truth = (
        (np.take_along_axis(x, best, 1) - x.mean(axis=1, keepdims=True)).mean() for x in (a, b, p)
    )
    curse = winners_curse(arms, stderr=np.sqrt(rate * (1 - rate) / (n / 2)), spread=spread)
    assert lead_a == pytest.approx(curse["measured"], rel=0.03)
    assert lead_b == pytest.approx(truth, rel=0.03)
    assert lead_b == pytest.approx(curse["true"], rel=0.04)


BAD = [
    (lambda: shrink([1.0, np.nan, 2], [1, 1, 1]), r"'estimates': must be finite.*row: 1 "),
    (lambda: shrink([1.0, 3, 2], [1, 1, 0]), r"'stderr': must be in \(0, inf\).*row: 2 \(value 0"),
    (lambda: shrink([1.0, 3, 2], [1, 1]), "'stderr': must have one value for each of the 3 rows"),
    (lambda: shrink([1.0, 3], [1, 1]), "'estimates': needs at least 3 estimates, got 2"),
    (lambda: shrink([1.0, 3, 2], [1, 1, 1], level=0), r"level must be in \(0, 1\), got 0"),
    (lambda: winners_curse(1, 1.0, 1.0), "arms must be at least 2, got 1"),
    (lambda: winners_curse(3, 0.0, 1.0), "stderr must be above 0 and finite, got 0.0"),
    (lambda: winners_curse(3, 1.0, -1.0), "spread must be at least 0 and finite, got -1.0"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
