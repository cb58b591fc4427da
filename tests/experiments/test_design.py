"""Power and sample size against references and simulation; sample-ratio check; bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from causalrec_utils.experiments import (
    minimum_detectable_effect,
    power,
    sample_ratio_check,
    sample_size,
)


@pytest.mark.parametrize("share", [0.5, 0.2])
@pytest.mark.parametrize("level", [0.9, 0.99])
def test_power_of_means_is_statsmodels(share: float, level: float) -> None:
    for effect in (0.0, 0.3, 1.0):
        reference = TTestIndPower().power(
            effect / 2, 400 * share, 1 - level, ratio=(1 - share) / share
        )
        assert power(effect, 400, sd=2.0, share=share, level=level) == pytest.approx(reference)


def test_power_of_rates_by_the_textbook_formula() -> None:
    p1, p2, m = 0.012, 0.01, 40_000
    pooled = (p1 + p2) / 2
    null = stats.norm.isf(0.025) * np.sqrt(2 * pooled * (1 - pooled) / m)
    sd = np.sqrt((p1 * (1 - p1) + p2 * (1 - p2)) / m)
    by_hand = stats.norm.sf((null - 0.002) / sd) + stats.norm.cdf((-null - 0.002) / sd)
    assert power(0.002, 2 * m, rate=p2) == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize("kind", [{"sd": 1.0}, {"rate": 0.2}])
def test_power_without_effect_is_the_error_rate(kind: dict) -> None:
    assert power(0.0, 1000, level=0.9, **kind) == pytest.approx(0.1)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999999])
@pytest.mark.parametrize("n", [4, 7, 60, 10**4, 10**8, 10**12])
def test_power_rises_to_one_without_gaps(n: int, level: float) -> None:
    """The non-central t that lies beneath gives NaN for large effects; ours must not."""
    p = power(np.r_[0, np.geomspace(1e-9, 1e9, 3000)], n, sd=1.0, level=level)
    assert p[0] == pytest.approx(1 - level) and p[-1] == pytest.approx(1)
    assert (np.diff(p) > -1e-9).all()


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("target", [0.5, 0.9])
@pytest.mark.parametrize(("effect", "kind"), [(0.1, {"sd": 1.5}), (0.004, {"rate": 0.02})])
def test_the_three_functions_are_inverse_to_each_other(effect, kind, target, share) -> None:
    n = sample_size(effect, target=target, share=share, **kind)
    assert power(effect, n, share=share, **kind) >= target
    assert power(effect, n - 1, share=share, **kind) < target
    found = minimum_detectable_effect(n, target=target, share=share, **kind)
    assert found == pytest.approx(effect, rel=1e-3)
    assert found <= effect


def test_negative_effects_and_scale() -> None:
    assert power(-0.3, 200, sd=1.0) == pytest.approx(power(0.3, 200, sd=1.0))
    assert sample_size(-0.3, sd=1.0) == sample_size(3.0, sd=10.0)
    assert sample_size(-0.002, rate=0.01) < sample_size(0.002, rate=0.01)
    assert sample_size(50.0, sd=1.0) <= 10


@pytest.mark.parametrize("trials", [4000, pytest.param(100_000, marks=pytest.mark.coverage_suite)])
def test_power_is_how_often_the_test_rejects(in_band, trials: int) -> None:
    rng = np.random.default_rng(8)
    y, x = rng.normal(0.5, size=(trials, 30)), rng.normal(size=(trials, 70))
    p = stats.ttest_ind(y, x, axis=1).pvalue
    in_band(int((p < 0.05).sum()), trials, power(0.5, 100, sd=1.0, share=0.3))
    n = 30_000
    a, b = rng.binomial(n, 0.036, size=trials) / n, rng.binomial(n, 0.032, size=trials) / n
    z = (a - b) / np.sqrt((a + b) * (1 - (a + b) / 2) / n)
    in_band(int((abs(z) > stats.norm.isf(0.025)).sum()), trials, power(0.004, 2 * n, rate=0.032))


BAD = [
    (lambda: power(0.1, 100), "exactly one of sd .* and rate"),
    (lambda: power(0.1, 100, sd=1.0, rate=0.1), "exactly one of sd .* and rate"),
    (lambda: power(0.1, 100, sd=0.0), "sd must be above 0 and finite, got 0.0"),
    (lambda: power(0.1, 100, rate=1.0), r"rate must be in \(0, 1\), got 1.0"),
    (lambda: power(0.1, 100, sd=1.0, share=1.0), r"share must be in \(0, 1\), got 1.0"),
    (lambda: power(0.1, 100, sd=1.0, level=95), r"level must be in \(0, 1\), got 95"),
    (lambda: power(0.1, [100, 3], sd=1.0), r"'n': must be in \[4, inf\).*row: 1 \(value 3.0"),
    (lambda: power([0.1, np.nan], 100, sd=1.0), r"'effect': must be finite.*row: 1 "),
    (lambda: power([0.1, 0.95], 100, rate=0.1), r"'effect': must be in .*row: 1 \(value 0.95"),
    (lambda: power(-0.1, 100, rate=0.1), r"'effect': must be in .*row: 0 "),
    (lambda: sample_size(0.0, sd=1.0), "effect must not be 0"),
    (lambda: sample_size(1e-9, sd=1.0), "more than 1e\\+12 units"),
    (lambda: sample_size(0.1, sd=1.0, target=0.01), r"target must be in \(0.05, 1\), got 0.01"),
    (lambda: minimum_detectable_effect(8, rate=0.9), "n = 8 is too small"),
    (lambda: minimum_detectable_effect(3, sd=1.0), r"'n': must be in \[4, inf\)"),
    (lambda: sample_ratio_check([5]), "'counts': must hold at least two arms, holds 1"),
    (lambda: sample_ratio_check([0, 0]), "'counts': must hold at least one unit"),
    (lambda: sample_ratio_check([5, -2]), r"'counts': must be in \[0, inf\).*row: 1 "),
    (lambda: sample_ratio_check([5.5, 2]), "'counts': must be whole numbers.*row: 0 "),
    (lambda: sample_ratio_check([5, 2], [1, 0]), r"'expected': must be in \(0, inf\).*row: 1 "),
    (lambda: sample_ratio_check([5, 2], [1]), "'expected': must have one value for each of the 2"),
    (lambda: sample_ratio_check({"a": 5, "b": 2}, {"a": 1}), r"mapping with the arms \['a', 'b'\]"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_sample_ratio_check_is_scipys_chi_square_and_ignores_order() -> None:
    r = sample_ratio_check({"a": 480, "b": 1040, "c": 500}, {"b": 2, "c": 1, "a": 1})
    reference = stats.chisquare([480, 1040, 500], np.array([1, 2, 1]) * 505)
    assert r["p_value"] == pytest.approx(reference.pvalue)
    assert r["largest_deviation"] == pytest.approx(480 / 505 - 1)
    assert sample_ratio_check([480, 1040, 500], [1, 2, 1]) == r


def test_sample_ratio_check_keeps_its_error_rate(in_band) -> None:
    counts = np.random.default_rng(1).multinomial(5000, [0.2, 0.5, 0.3], size=3000)
    p = [sample_ratio_check(c, [2, 5, 3])["p_value"] for c in counts]
    in_band(int((np.array(p) >= 0.05).sum()), 3000, 0.95)
