"""Several arms and many p-values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from causalrec_utils.experiments import adjust, analyze, analyze_arms


def arms(seed: int, sizes: tuple[int, ...] = (300, 200, 250, 150), lift: float = 0.0):
    rng = np.random.default_rng(seed)
    label = np.repeat(list("abcdef")[: len(sizes)], sizes)
    x = rng.normal(size=len(label))
    y = 5 + x + rng.normal(size=len(label)) + lift * (label == "b")
    user = np.arange(len(label)) // 5
    return pd.DataFrame({"arm": label, "x": x, "y": y, "user": user})


@pytest.mark.parametrize("sizes", [(400, 400, 400, 400), (900, 300, 500)])
def test_dunnett_is_scipys_in_large_samples(sizes: tuple[int, ...]) -> None:
    data = arms(0, sizes)
    by = data.groupby("arm")["y"]  # equal variances exactly: scipy pools them, ours does not
    data["y"] = (data["y"] - by.transform("mean")) / by.transform("std")
    data["y"] += data["arm"].map({"a": 0.0, "b": 0.17, "c": 0.1, "d": -0.15})
    groups = [g["y"].to_numpy() for _, g in data.groupby("arm")]
    reference = stats.dunnett(*groups[1:], control=groups[0], rng=np.random.default_rng(0))
    interval = reference.confidence_interval(0.95)
    es = analyze_arms(data, "arm", "y", control="a")
    for i, e in enumerate(es.values()):
        ends = interval.low[i], interval.high[i]
        assert e.ci == pytest.approx(ends, abs=0.015 * e.stderr)
        assert e.diagnostics["p_value"] == pytest.approx(reference.pvalue[i], abs=0.002)


def test_equal_variances_give_the_tabulated_dunnett_quantile() -> None:
    """Dunnett (1955), three treatments, infinite degrees of freedom, 95 %: 2.35."""
    e = analyze_arms(arms(1, (9000,) * 4), "arm", "y", control="a")["b"]
    z = stats.norm.isf((1 - e.diagnostics["pointwise_level"]) / 2)
    assert z == pytest.approx(2.35, abs=0.006)


def test_one_treatment_is_plain_analyze() -> None:
    data = arms(2, (80, 90))
    plain = analyze(data, "arm", "y")
    for method in ("dunnett", "bonferroni"):
        e = analyze_arms(data, "arm", "y", control="a", method=method)["b"]
        assert e.ci == pytest.approx(plain.ci, rel=1e-6)
        assert e.diagnostics["p_value"] == pytest.approx(plain.diagnostics["p_value"], rel=1e-6)


def test_bonferroni_is_wider_and_is_analyze_at_the_split_level() -> None:
    data = arms(3)
    dunnett = analyze_arms(data, "arm", "y", control="a", covariate="x")
    bonferroni = analyze_arms(data, "arm", "y", control="a", covariate="x", method="bonferroni")
    for label, e in bonferroni.items():
        plain = analyze(
            data, "arm", "y", control="a", treatment=label, covariate="x", level=1 - 0.05 / 3
        )
        assert e.ci == pytest.approx(plain.ci, rel=1e-9)
        assert e.level == 0.95
        assert e.ci[0] < dunnett[label].ci[0] and e.ci[1] > dunnett[label].ci[1]


@pytest.mark.parametrize("method", ["dunnett", "bonferroni"])
@pytest.mark.parametrize("options", [{}, {"relative": True}, {"cluster": "user"}], ids=str)
def test_adjusted_p_value_matches_the_interval(method: str, options: dict) -> None:
    data = arms(4, lift=0.5)
    p = analyze_arms(data, "arm", "y", control="a", method=method, **options)["b"]
    p = p.diagnostics["p_value"]
    e = analyze_arms(data, "arm", "y", control="a", method=method, level=1 - p, **options)["b"]
    assert min(abs(e.ci[0]), abs(e.ci[1])) < 1e-6 * e.stderr


@pytest.mark.parametrize("method", ["dunnett", "bonferroni"])
@pytest.mark.parametrize("trials", [500, pytest.param(10_000, marks=pytest.mark.coverage_suite)])
def test_all_intervals_cover_together(in_band, method: str, trials: int) -> None:
    hits = 0
    rng = np.random.default_rng(5)
    label = np.repeat(list("abcd"), (200, 120, 150, 100))
    scale = np.repeat([1.0, 2.0, 1.0, 0.5], (200, 120, 150, 100))
    for _ in range(trials):
        data = pd.DataFrame({"arm": label, "y": scale * rng.normal(size=len(label))})
        es = analyze_arms(data, "arm", "y", control="a", method=method)
        hits += all(e.ci[0] <= 0 <= e.ci[1] for e in es.values())
    if method == "dunnett":
        in_band(hits, trials, 0.95)
    else:
        assert hits >= stats.binom.ppf(1e-4, trials, 0.95)


@pytest.mark.parametrize(
    ("method", "reference"),
    [("holm", "holm"), ("bonferroni", "bonferroni"), ("bh", "fdr_bh"), ("by", "fdr_by")],
)
def test_adjust_is_multipletests(method: str, reference: str) -> None:
    p = np.random.default_rng(0).uniform(size=40) ** 3
    np.testing.assert_allclose(adjust(p, method), multipletests(p, method=reference)[1])


def test_adjust_by_hand() -> None:
    p = [0.01, 0.04, 0.03]
    assert adjust(p, "holm") == pytest.approx([0.03, 0.06, 0.06])
    assert adjust(p, "bh") == pytest.approx([0.03, 0.04, 0.04])
    assert adjust(p, "hochberg") == pytest.approx([0.03, 0.04, 0.04])


BAD = [
    (lambda: adjust([0.1, 1.2]), r"'pvalues': must be in \[0, 1\].*row: 1 \(value 1.2"),
    (lambda: adjust([0.1, np.nan]), r"'pvalues': must be finite.*row: 1 "),
    (lambda: adjust([]), "'pvalues': must hold at least one value"),
    (lambda: adjust([0.1], "fisher"), "method must be one of holm.*got 'fisher'"),
    (lambda: analyze_arms(arms(0), "arm", "y", control="z"), "'arm': arm 'z' is not in the data"),
    (lambda: analyze_arms(arms(0), "arm", "y", control="a", method="x"), "method must be one of"),
    (lambda: analyze_arms(arms(0), "arm", "y", control="a", level=2), r"level must be in \(0, 1\)"),
    (
        lambda: analyze_arms(arms(0, (9, 9, 1)), "arm", "y", control="a"),
        "'arm': arm 'c' must have at least 2 units, has 1",
    ),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
