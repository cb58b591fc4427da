"""Peeking, and the sequence of intervals that survives it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from scipy.stats import binom

from causalrec_utils.experiments import (
    analyze,
    confidence_sequence,
    rate_difference,
    split_counts,
)


def published(value: float, stderr: float, n: float, tightest_at: float, alpha: float) -> tuple:
    """Waudby-Smith et al. (2024), with rho found by a search instead of a formula."""

    def radius(rho2: float, t: float) -> float:
        inside = 2 * (t * rho2 + 1) / (t**2 * rho2) * np.log(np.sqrt(t * rho2 + 1) / alpha)
        return float(np.sqrt(inside))

    best = optimize.minimize_scalar(
        lambda log_rho2: np.log(radius(np.exp(log_rho2), tightest_at)),
        bounds=(-30, 5),
        method="bounded",
        options={"xatol": 1e-10},
    )
    reach = radius(np.exp(best.x), n) * stderr * np.sqrt(n)  # sigma is stderr * sqrt(n)
    return value - reach, value + reach


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
@pytest.mark.parametrize("n", [50, 1000, 80_000])
def test_it_is_the_published_interval(alpha: float, n: int) -> None:
    low, high = confidence_sequence(0.3, 0.1, n, tightest_at=1000, level=1 - alpha)
    assert (low, high) == pytest.approx(published(0.3, 0.1, n, 1000, alpha), rel=1e-5)


def test_tightest_where_asked() -> None:
    n = np.arange(100, 5000)
    factor = []
    for tightest_at in (500, 1000, 2000):
        low, high = confidence_sequence(
            np.zeros(len(n)), np.ones(len(n)), n, tightest_at=tightest_at, running=False
        )
        factor.append(high)
    assert np.argmin(factor, axis=0)[n == 1000] == 1
    assert np.argmin(factor, axis=0)[n == 500] == 0


def test_wider_than_a_single_look_by_a_bounded_price() -> None:
    n = np.geomspace(200, 5000, 50)
    _, high = confidence_sequence(np.zeros(50), np.ones(50), n, tightest_at=1000, running=False)
    assert (high > stats.norm.isf(0.025)).all() and (high < 1.8 * stats.norm.isf(0.025)).all()


def streams(trials: int, looks: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of standard normal data at cumulative sizes ``looks``, and their standard errors."""
    rng = np.random.default_rng(seed)
    steps = np.diff(looks, prepend=0)
    total = np.cumsum(rng.normal(size=(trials, len(looks))) * np.sqrt(steps), axis=1)
    return total / looks, np.broadcast_to(1 / np.sqrt(looks), total.shape)


@pytest.mark.parametrize("trials", [4000, pytest.param(200_000, marks=pytest.mark.coverage_suite)])
def test_ten_looks_at_nothing_reject_one_time_in_five(in_band, trials: int) -> None:
    """Armitage, McPherson, Rowe (1969): 0.193 for ten looks at 5 %."""
    value, stderr = streams(trials, np.arange(1, 11) * 300.0, seed=0)
    rejects = (abs(value) > stats.norm.isf(0.025) * stderr).any(axis=1)
    in_band(int(rejects.sum()), trials, 0.193)


@pytest.mark.parametrize("truth", [0.0, -3.0])
@pytest.mark.parametrize("trials", [3000, pytest.param(40_000, marks=pytest.mark.coverage_suite)])
def test_covers_at_all_looks_together(trials: int, truth: float) -> None:
    looks = np.unique(np.geomspace(10, 10**6, 500).astype(int)).astype(float)
    value, stderr = streams(trials, looks, seed=1)
    low, high = confidence_sequence(value + truth, stderr, looks, tightest_at=500)
    missed = int(((truth < low) | (truth > high)).any(axis=1).sum())
    assert missed <= binom.isf(1e-4, trials, 0.05)
    assert missed >= 0.025 * trials  # not wasteful: most of the error rate is used


@pytest.mark.parametrize("trials", [1500, pytest.param(20_000, marks=pytest.mark.coverage_suite)])
def test_peeking_at_click_rates(trials: int) -> None:
    """A/A tests made by splitting one arm in two: as a chapter would do it."""
    rng = np.random.default_rng(2)
    impressions = rng.integers(30_000, 60_000, size=trials)
    clicks, shown = split_counts(rng.binomial(impressions, 0.015), impressions, parts=20, seed=rng)
    (x_t, x_c), (n_t, n_c) = (
        (np.cumsum(a[:, :10], axis=1), np.cumsum(a[:, 10:], axis=1)) for a in (clicks, shown)
    )
    value, stderr = rate_difference(x_t, n_t, x_c, n_c)
    fixed = (abs(value) > stats.norm.isf(0.025) * stderr).any(axis=1).mean()
    low, high = confidence_sequence(value, stderr, n_t + n_c, tightest_at=40_000)
    always = ((low > 0) | (high < 0)).any(axis=1)
    assert 0.15 < fixed < 0.24
    assert always.sum() <= binom.isf(1e-4, trials, 0.05)


@pytest.mark.parametrize(
    "case",
    [
        {"metric": "y"},
        {"metric": "y", "covariate": "x"},
        {"metric": ("y", "d")},
        {"metric": "y", "relative": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("trials", [100, pytest.param(3000, marks=pytest.mark.coverage_suite)])
def test_analyze_may_be_looked_at_often(trials: int, case: dict) -> None:
    rng = np.random.default_rng(3)
    looks = np.unique(np.geomspace(200, 2000, 8).astype(int))
    missed = 0
    for _ in range(trials):
        data = pd.DataFrame({"arm": rng.permutation(2000) % 2, "x": rng.normal(size=2000)})
        data["d"] = rng.integers(1, 4, size=2000)
        data["y"] = (3 + data["x"] + rng.exponential(size=2000)) * data["d"]
        es = [analyze(data[:n], "arm", sequential=True, tightest_at=800, **case) for n in looks]
        missed += any(not e.ci[0] <= 0 <= e.ci[1] for e in es)
    assert missed <= binom.isf(1e-4, trials, 0.05)


def test_running_intervals_only_shrink_and_shapes_broadcast() -> None:
    value, stderr = streams(20, np.arange(1.0, 31), seed=4)
    low, high = confidence_sequence(value, stderr, np.arange(1, 31), tightest_at=10)
    assert low.shape == (20, 30)
    assert (np.diff(low, axis=1) >= 0).all() and (np.diff(high, axis=1) <= 0).all()
    one = confidence_sequence(value[3], stderr[3], np.arange(1, 31), tightest_at=10)
    np.testing.assert_array_equal(low[3], one[0])


def test_symmetry_shift_and_scale() -> None:
    value, stderr = streams(5, np.arange(1.0, 31), seed=5)
    n = np.arange(1, 31)
    low, high = confidence_sequence(value, stderr, n, tightest_at=10)
    flipped = confidence_sequence(-value, stderr, n, tightest_at=10)
    np.testing.assert_allclose(flipped, (-high, -low))
    moved = confidence_sequence(7 * value + 2, 7 * stderr, n, tightest_at=10)
    np.testing.assert_allclose(moved, (7 * low + 2, 7 * high + 2))


def test_nothing_varied_means_nothing_is_known() -> None:
    low, high = confidence_sequence([0.0, 0.1], [0.0, 0.2], [5, 10], tightest_at=10)
    assert (low[0], high[0]) == (-np.inf, np.inf) and np.isfinite(high[1])


GOOD = {"value": [0.1, 0.2], "stderr": [0.1, 0.1], "n": [10, 20], "tightest_at": 10}
BAD = [
    ({"value": [0.1, np.nan]}, r"'value': must be finite.*row: 1 "),
    ({"stderr": [-0.1, 0.1]}, r"'stderr': must be finite and at least 0.*row: 0 \(value -0.1"),
    ({"n": [0, 20]}, r"'n': must be above 0.*row: 0 \(value 0.0"),
    ({"n": [20, 10]}, r"'n': must not fall.*row: 1 \(value 10.0"),
    ({"tightest_at": 0}, "tightest_at must be above 0, got 0"),
    ({"level": 1.5}, r"level must be in \(0, 1\), got 1.5"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confidence_sequence(**{**GOOD, **change})
