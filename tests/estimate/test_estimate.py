from __future__ import annotations

import json
import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import norm

from causalrec_utils import Estimate, Grade

NAN = math.nan
SOURCE = "on-policy mean"


def estimate(value: float = 0.5, low: float = 0.3, high: float = 0.7, **options: Any) -> Estimate:
    given = {"n": 1000, "method": "ips", "estimand": "policy value", **options}
    return Estimate(value, 0.1, (low, high), 0.95, **given)


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match=r"interval is inverted: \[0.7, 0.3\]"):
        estimate(low=0.7, high=0.3)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 95"):
        Estimate(0.5, 0.1, (0.3, 0.7), 95, n=1, method="", estimand="")
    with pytest.raises(ValueError, match="truth must be finite"):
        estimate().grade(NAN, source=SOURCE)
    with pytest.raises(ValueError, match="stderr of the truth must be at least 0"):
        estimate().grade(0.5, source=SOURCE, stderr=-0.1)
    with pytest.raises(AttributeError):
        estimate().value = 1.0  # type: ignore[misc]


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(-2, 2))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_known_truth_is_covered_if_the_interval_holds_it(
    value: float, below: float, above: float, truth: float
) -> None:
    e = estimate(value, value - below, value + above)
    grade = e.grade(truth, source=SOURCE)
    assert grade.covered == (value - below <= truth <= value + above)
    assert grade.verdict == ("covered" if grade.covered else "MISSED")
    assert grade.error == value - truth


@pytest.mark.parametrize(("truth", "covered"), [(0.48, False), (0.42, False), (0.35, True)])
def test_an_interval_that_does_not_hold_its_estimate(truth: float, covered: bool) -> None:
    assert estimate(0.45, 0.3, 0.4).grade(truth, source=SOURCE).covered is covered


def test_ends_of_the_interval_belong_to_it() -> None:
    e = estimate(0.1 + 0.2, 0.1, 0.7)
    assert e.grade(0.1, source=SOURCE).covered and e.grade(0.7, source=SOURCE).covered


def test_measured_truth_widens_the_interval_of_the_difference() -> None:
    e = estimate()
    for stderr in (0.05, 0.1, 0.3):
        reach = math.hypot(0.2, norm.ppf(0.975) * stderr)
        for side in (-1, 1):
            assert e.grade(0.5 + side * reach * 0.999, source=SOURCE, stderr=stderr).covered
            assert not e.grade(0.5 + side * reach * 1.001, source=SOURCE, stderr=stderr).covered


def test_measured_truth_is_covered_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    n, hits = 4000, 0
    for a, b in rng.normal(0, (0.1, 0.05), size=(n, 2)):
        e = estimate(a, a - 0.196, a + 0.196)
        hits += e.grade(b, source=SOURCE, stderr=0.05).covered
    from scipy.stats import binom

    low, high = binom.interval(1 - 1e-4, n, 0.95)
    assert low <= hits <= high


def test_without_interval_or_truth() -> None:
    none = estimate(low=NAN, high=NAN).grade(0.4, source=SOURCE)
    assert none.covered is None and none.verdict == "no interval"
    assert "no interval" in repr(estimate(low=NAN, high=NAN))
    told = estimate().without_truth("nobody randomised", label="mine")
    assert told.covered is None and told.verdict == "no truth"
    assert repr(told) == "mine: 0.500 [0.300, 0.700], no truth to grade it: nobody randomised"
    assert math.isnan(told.relative_error) or told.relative_error


def test_relative_error() -> None:
    assert estimate(0.5).grade(0.4, source=SOURCE).relative_error == pytest.approx(0.25)
    assert estimate(0.5).grade(-0.4, source=SOURCE).relative_error == pytest.approx(2.25)
    assert math.isnan(estimate(0.5).grade(0.0, source=SOURCE).relative_error)


def test_text_and_picture() -> None:
    e = estimate(warnings=("few clicks",))
    text = repr(e)
    assert text.startswith("policy value by ips: 0.500, 95% interval [0.300, 0.700], n = 1,000")
    assert text.endswith("; warning: few clicks")
    data, meta = e._repr_mimebundle_()
    assert data["text/plain"] == text and "<svg" in data["text/html"]
    assert meta["application/vnd.causalrec.estimate+json"]["method"] == "ips"
    unsafe = estimate(method="<script>")
    assert "<script>" not in unsafe._repr_mimebundle_()[0]["text/html"]
    assert "<svg" in estimate(NAN, NAN, NAN)._repr_mimebundle_()[0]["text/html"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.123"),
        (0.000123456, "0.000123"),
        (-12.3456, "-12.3"),
        (1234567.8, "1,234,568"),
        (0.0, "0"),
        (-0.0, "0"),
        (1e-15, "0"),
        (NAN, "–"),
        (None, "–"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    from causalrec_utils.estimate._show import number

    assert number(value) == text


@pytest.mark.parametrize(
    "grade",
    [
        estimate().grade(0.6, source=SOURCE, stderr=0.02, label="mine", foil=True),
        estimate(np.float64(0.5), NAN, NAN, n=np.int64(7)).grade(0.6, source=SOURCE),
        estimate().without_truth("no truth"),
    ],
)
def test_stored_grades_read_back_the_same(grade: Grade) -> None:
    stored = json.loads(json.dumps(grade.to_dict(), allow_nan=False))
    again = Grade.from_dict(stored)
    assert again.to_dict() == grade.to_dict()
    assert again.verdict == grade.verdict and repr(again) == repr(grade)


def test_what_a_displayed_grade_carries() -> None:
    data, meta = estimate().grade(0.9, source="<b>")._repr_mimebundle_()
    row = meta["application/vnd.causalrec.grade+json"][0]
    assert row["value"] == 0.5 and row["truth"] == 0.9 and row["low"] == 0.3
    assert "✗ missed" in data["text/html"] and "<b>" not in data["text/html"]
