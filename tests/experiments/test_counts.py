"""Rates from counts: parity, exact coverage, splitting, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from causalrec_utils.experiments import (
    compare_rates,
    compare_rates_table,
    rate_difference,
    split_counts,
    split_half,
)

COUNTS = ([60, 3, 0, 900], [3000, 100, 50, 20_000], [40, 1, 2, 1000], [3100, 120, 60, 21_000])


def newcombe(x1: float, n1: float, x2: float, n2: float, level: float) -> tuple[float, float]:
    """Newcombe's method 10, written out from scipy's Wilson intervals."""
    (l1, u1), (l2, u2) = (
        stats.binomtest(x, n).proportion_ci(level, "wilson") for x, n in ((x1, n1), (x2, n2))
    )
    p1, p2 = x1 / n1, x2 / n2
    low = p1 - p2 - np.hypot(p1 - l1, u2 - p2)
    return low, p1 - p2 + np.hypot(u1 - p1, p2 - l2)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_newcombe_from_wilson(level: float) -> None:
    table = compare_rates_table(*COUNTS, level=level)
    for row, counts in zip(table.itertuples(), zip(*COUNTS, strict=True), strict=True):
        assert (row.low, row.high) == pytest.approx(newcombe(*counts, level), abs=1e-12)


def test_the_example_in_the_docstring() -> None:
    low, high = newcombe(60, 3000, 40, 3000, 0.95)
    assert compare_rates(60, 3000, 40, 3000).ci == pytest.approx((low, high))


def test_wald_p_value_and_lift_against_references() -> None:
    wald = compare_rates_table(*COUNTS, method="wald")
    lift = compare_rates_table(*COUNTS, relative=True)
    for i, (x1, n1, x2, n2) in enumerate(zip(*COUNTS, strict=True)):
        p1, p2 = x1 / n1, x2 / n2
        se = np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
        assert wald["stderr"][i] == pytest.approx(se)
        assert wald["high"][i] == pytest.approx(p1 - p2 + stats.norm.ppf(0.975) * se)
        assert wald["p_value"][i] == pytest.approx(proportions_ztest([x1, x2], [n1, n2])[1])
        low, high = confint_proportions_2indep(x1, n1, x2, n2, compare="ratio", alpha=0.05)
        assert (lift["low"][i], lift["high"][i]) == pytest.approx((low - 1, high - 1))
        value = (x1 + 0.5) / (n1 + 0.5) / ((x2 + 0.5) / (n2 + 0.5)) - 1
        assert lift["value"][i] == pytest.approx(value)


@pytest.mark.parametrize("method", ["newcombe", "wald"])
def test_swapping_arms_flips_the_sign(method: str) -> None:
    t, n_t, c, n_c = COUNTS
    a = compare_rates_table(t, n_t, c, n_c, method=method)
    b = compare_rates_table(c, n_c, t, n_t, method=method)
    np.testing.assert_allclose(b[["value", "low", "high"]], -a[["value", "high", "low"]])
    np.testing.assert_allclose(b["p_value"], a["p_value"])


def test_scalar_call_equals_the_table() -> None:
    e = compare_rates(3, 100, 1, 120)
    row = compare_rates_table(*COUNTS).iloc[1]
    assert (e.value, *e.ci) == pytest.approx((row["value"], row["low"], row["high"]))
    assert e.warnings == ("the treatment has only 3 clicks", "the control has only 1 clicks")
    assert e.estimand == "difference of rates"
    assert e.n == 220


def exact_coverage(p_t: float, p_c: float, n_t: int, n_c: int, truth: float, **options) -> float:
    """Sum of the binomial probabilities of all counts whose interval holds the truth."""
    x, y = np.meshgrid(np.arange(n_t + 1), np.arange(n_c + 1), indexing="ij")
    weight = np.outer(stats.binom.pmf(x[:, 0], n_t, p_t), stats.binom.pmf(y[0], n_c, p_c))
    keep = weight > 1e-13
    shape = np.full(keep.sum(), n_t), np.full(keep.sum(), n_c)
    t = compare_rates_table(x[keep], shape[0], y[keep], shape[1], **options)
    return float(weight[keep][(t["low"] <= truth) & (truth <= t["high"])].sum())


@pytest.mark.parametrize(("p_t", "p_c"), [(0.02, 0.015), (0.05, 0.05), (0.3, 0.2)])
@pytest.mark.parametrize(("n_t", "n_c"), [(400, 400), (600, 250)])
def test_exact_coverage(p_t: float, p_c: float, n_t: int, n_c: int) -> None:
    """No simulation: the coverage is summed over every possible pair of counts."""
    options = {"p_t": p_t, "p_c": p_c, "n_t": n_t, "n_c": n_c}
    assert 0.943 < exact_coverage(**options, truth=p_t - p_c) < 0.97
    assert 0.94 < exact_coverage(**options, truth=p_t / p_c - 1, relative=True) < 0.975


def test_wald_fails_where_newcombe_holds() -> None:
    options = {"p_t": 0.004, "p_c": 0.001, "n_t": 400, "n_c": 150, "truth": 0.003}
    assert exact_coverage(**options, method="wald") < 0.85
    assert exact_coverage(**options, method="newcombe") > 0.94


@pytest.mark.parametrize("method", ["newcombe", "wald"])
@pytest.mark.parametrize("trials", [4000, pytest.param(200_000, marks=pytest.mark.coverage_suite)])
def test_coverage_at_upworthy_like_counts(in_band, method: str, trials: int) -> None:
    rng = np.random.default_rng(1)
    n_t, n_c = rng.integers(20_000, 40_000, size=(2, trials))
    p_t, p_c = rng.uniform(0.02, 0.04, size=(2, trials))
    t = compare_rates_table(rng.binomial(n_t, p_t), n_t, rng.binomial(n_c, p_c), n_c, method=method)
    hits = int(((t["low"] <= p_t - p_c) & (p_t - p_c <= t["high"])).sum())
    in_band(hits, trials, 0.95)
    lift = compare_rates_table(
        rng.binomial(n_t, p_t), n_t, rng.binomial(n_c, p_c), n_c, relative=True
    )
    truth = p_t / p_c - 1
    in_band(int(((lift["low"] <= truth) & (truth <= lift["high"])).sum()), trials, 0.95)


def test_rate_difference_has_no_false_certainty() -> None:
    value, stderr = rate_difference([[0, 2], [5, 9]], [100, 200], [[0, 0], [4, 4]], [90, 180])
    assert value.shape == stderr.shape == (2, 2)
    assert value[0, 0] == 0 and stderr[0, 0] > 0
    big, wald = (
        rate_difference([5000], [100_000], [4000], [100_000]),
        compare_rates_table([5000], [100_000], [4000], [100_000], method="wald"),
    )
    assert big[0] == pytest.approx(wald["value"]) and big[1] == pytest.approx(
        wald["stderr"], rel=1e-3
    )


def test_split_keeps_totals_and_order() -> None:
    clicks = pd.Series([50, 0, 7], index=["x", "y", "z"])
    impressions = [1001, 30, 7]
    x, m = split_counts(clicks, impressions, parts=3, seed=1)
    assert x.sum(axis=1).tolist() == [50, 0, 7]
    assert m.sum(axis=1).tolist() == impressions
    assert (m.max(axis=1) - m.min(axis=1) <= 1).all()
    assert (x <= m).all() and (x[2] == m[2]).all()
    half = split_half(clicks, impressions, seed=1)
    assert half.index.tolist() == ["x", "y", "z"]
    assert (half["clicks_a"] + half["clicks_b"]).tolist() == [50, 0, 7]


def test_split_is_hypergeometric() -> None:
    """The law of every part, also the later ones, by a chi-square test with error 1e-4."""
    x, _ = split_counts(np.full(40_000, 6), np.full(40_000, 30), parts=3, seed=2)
    law = stats.hypergeom(30, 6, 10).pmf(np.arange(7)) * 40_000
    for part in x.T:
        assert stats.chisquare(np.bincount(part, minlength=7), law).pvalue > 1e-4


def test_halves_are_independent_given_the_rate(in_band) -> None:
    """Thinned binomials behave as two experiments: intervals for no difference keep their level."""
    rng = np.random.default_rng(3)
    n = np.full(4000, 3000)
    half = split_half(rng.binomial(n, 0.04), n, seed=4)
    t = compare_rates_table(*(half[k] for k in half.columns))
    in_band(int((t["low"] * t["high"] <= 0).sum()), 4000, 0.95)


GOOD = {"clicks_t": [5, 6], "n_t": [50, 60], "clicks_c": [4, 4], "n_c": [40, 40]}
BAD = [
    ({"clicks_t": [5, -1]}, r"'clicks_t': must be in \[0, inf\).*row: 1 \(value -1"),
    ({"clicks_c": [4, 41]}, r"'clicks_c': clicks must not exceed n_c \(40\).*row: 1 \(value 41"),
    ({"clicks_c": [4.5, 4]}, r"'clicks_c': must be whole numbers.*row: 0 \(value 4.5"),
    ({"n_t": [50, np.nan]}, r"'n_t': must be finite.*row: 1 "),
    ({"n_c": [40, 0], "clicks_c": [4, 0]}, r"'n_c': must be in \[1, inf\).*row: 1 \(value 0"),
    ({"clicks_c": [4]}, r"'clicks_c': must have one value for each of the 2 rows, got 1"),
    ({"n_c": [40]}, r"'n_c': must have one value for each of the 2 rows, got 1"),
    ({"method": "exact"}, r"method must be one of newcombe, wald; got 'exact'"),
    ({"level": 0.0}, r"level must be in \(0, 1\)"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_counts(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_rates_table(**{**GOOD, **change})


def test_bad_splits() -> None:
    with pytest.raises(ValueError, match=r"'clicks': clicks must not exceed.*row: 1"):
        split_half([1, 9], [5, 8], seed=0)
    with pytest.raises(ValueError, match=r"'impressions': must be in \[3, inf\).*row: 1"):
        split_counts([1, 1], [5, 2], parts=3, seed=0)
    with pytest.raises(ValueError, match="parts must be at least 2, got 1"):
        split_counts([1], [5], parts=1, seed=0)
    with pytest.raises(ValueError, match=r"'n_t'.*row: 1"):
        rate_difference([1, 2], [5, 0], [1, 1], [5, 5])
