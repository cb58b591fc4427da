"""Parity, invariances and bad input of `experiments.analyze`."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from hypothesis import given, settings
from scipy import stats

from causalrec_utils import Estimate
from causalrec_utils.experiments import analyze

RATIO = ("clicks", "views")


def outcome(e: Estimate) -> tuple[float, ...]:
    return e.value, e.stderr, *e.ci, e.diagnostics["p_value"]


def tea(data: pd.DataFrame, metric: object) -> object:
    coded = data.assign(arm=(data["arm"] == "new").astype(int))
    return tt.Experiment({"m": metric}, variant="arm").analyze(coded)["m"]


def test_welch_is_scipys_welch(units: pd.DataFrame) -> None:
    new, old = (units.loc[units["arm"] == k, "y"] for k in ("new", "control"))
    reference = stats.ttest_ind(new, old, equal_var=False)
    e = analyze(units, "arm", "y", level=0.9)
    interval = reference.confidence_interval(0.9)
    assert e.value == pytest.approx(new.mean() - old.mean(), rel=1e-12)
    assert e.ci == pytest.approx((interval.low, interval.high), rel=1e-10)
    assert e.diagnostics["p_value"] == pytest.approx(reference.pvalue, rel=1e-9)
    assert e.diagnostics["df"] == pytest.approx(reference.df, rel=1e-10)
    assert (e.n, e.level, e.estimand) == (900, 0.9, "difference in means")


@pytest.mark.parametrize("metric", ["y", RATIO])
@pytest.mark.parametrize("relative", [False, True])
def test_mean_ratio_and_lift_agree_with_tea_tasting(units, metric, relative) -> None:
    e = analyze(units, "arm", metric, relative=relative)
    r = tea(units, tt.Mean(metric) if metric == "y" else tt.RatioOfMeans(*metric))
    kind = "rel_effect_size" if relative else "effect_size"
    assert e.value == pytest.approx(getattr(r, kind), rel=1e-9)
    # tea-tasting's relative interval: log scale too, with its own degrees of freedom.
    ends = (getattr(r, f"{kind}_ci_lower"), getattr(r, f"{kind}_ci_upper"))
    assert e.ci == pytest.approx(ends, rel=2e-3 if relative else 1e-9)


@pytest.mark.parametrize(
    ("metric", "covariate", "reference"),
    [
        ("y", "before", tt.Mean("y", "before")),
        (RATIO, "before", tt.RatioOfMeans(*RATIO, "before")),
        (RATIO, ("before", "days"), tt.RatioOfMeans(*RATIO, "before", "days")),
    ],
)
def test_cuped_is_close_to_tea_tastings(units, metric, covariate, reference) -> None:
    """Not equal: theirs fits one slope on the pooled arms, ours minimises the variance."""
    units["days"] = 1.0 + np.arange(len(units)) % 5
    e, r = analyze(units, "arm", metric, covariate=covariate), tea(units, reference)
    assert e.value == pytest.approx(r.effect_size, abs=0.1 * e.stderr)
    assert e.ci[0] == pytest.approx(r.effect_size_ci_lower, abs=0.15 * e.stderr)
    assert e.ci[1] == pytest.approx(r.effect_size_ci_upper, abs=0.15 * e.stderr)


def test_cuped_is_lins_regression(units: pd.DataFrame) -> None:
    import statsmodels.api as sm

    d = (units["arm"] == "new").to_numpy(float)
    x = units["before"].to_numpy() - units["before"].mean()
    fit = sm.OLS(units["y"].to_numpy(), sm.add_constant(np.c_[d, x, d * x])).fit(cov_type="HC2")
    e = analyze(units, "arm", "y", covariate="before")
    assert e.value == pytest.approx(fit.params[1], abs=0.05 * e.stderr)
    assert e.stderr == pytest.approx(fit.bse[1], rel=0.02)


def test_cuped_with_theta_known_by_hand(units: pd.DataFrame) -> None:
    by = units.groupby("arm")[["y", "before"]]
    cov, n = by.cov(), by.size()
    top = sum(cov.loc[(k, "y"), "before"] / n[k] for k in n.index)
    theta = top / sum(cov.loc[(k, "before"), "before"] / n[k] for k in n.index)
    adjusted = units.assign(z=units["y"] - theta * units["before"])
    e, by_hand = analyze(units, "arm", "y", covariate="before"), analyze(adjusted, "arm", "z")
    assert outcome(e) == pytest.approx(outcome(by_hand), rel=1e-9)
    assert e.diagnostics["theta"] == pytest.approx(theta)


@pytest.mark.parametrize("metric", ["y", RATIO])
def test_cuped_removes_variance_and_never_adds(units, metric) -> None:
    plain = analyze(units, "arm", metric)
    rng = np.random.default_rng(0)
    for column in (units["before"], rng.normal(size=len(units)), rng.exponential(size=len(units))):
        e = analyze(units.assign(x=column), "arm", metric, covariate="x")
        assert e.stderr <= plain.stderr * (1 + 1e-12)
        assert e.diagnostics["variance_reduction"] >= 0
    assert e.value == pytest.approx(plain.value, abs=0.2 * plain.stderr)  # irrelevant covariate
    assert e.stderr == pytest.approx(plain.stderr, rel=0.01)


def test_one_pooled_slope_would_add_variance_where_ours_does_not() -> None:
    """Opposite slopes and unequal arms: the case in which pooled adjustment hurts."""
    rng = np.random.default_rng(3)
    d = np.r_[np.ones(2000), np.zeros(18_000)]
    x = rng.normal(size=20_000)
    y = np.where(d == 1, -3 * x, 1 * x) + rng.normal(size=20_000)
    data = pd.DataFrame({"arm": np.where(d == 1, "new", "control"), "x": x, "y": y})
    plain = analyze(data, "arm", "y")
    pooled = tea(data, tt.Mean("y", "x"))
    ours = analyze(data, "arm", "y", covariate="x")
    width = pooled.effect_size_ci_upper - pooled.effect_size_ci_lower
    assert width > plain.ci[1] - plain.ci[0] > ours.ci[1] - ours.ci[0]


def test_clusters_of_one_row_change_nothing(units: pd.DataFrame) -> None:
    data = units.assign(row=np.arange(len(units)))
    for options in ({}, {"covariate": "before"}, {"relative": True}):
        plain = analyze(data, "arm", "y", **options)
        clustered = analyze(data, "arm", "y", cluster="row", **options)
        assert outcome(clustered) == pytest.approx(outcome(plain), rel=1e-9)


@pytest.mark.parametrize("cluster", ["user", "day"])
def test_cluster_stderr_is_statsmodels(units: pd.DataFrame, cluster: str) -> None:
    import statsmodels.api as sm

    d = (units["arm"] == "new").to_numpy(float)
    groups = pd.factorize(units[cluster])[0]
    fit = sm.OLS(units["y"].to_numpy(), sm.add_constant(d)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    e = analyze(units, "arm", "y", cluster=cluster)
    assert e.value == pytest.approx(fit.params[1], rel=1e-10)
    counts = units.groupby("arm")[cluster].nunique()
    # Ours corrects each arm's variance by G / (G - 1), at most this much in all.
    assert 1 <= e.stderr / fit.bse[1] <= math.sqrt(1.5 * counts.min() / (counts.min() - 1))
    assert e.n == 900


def test_cluster_stderr_exactly_when_arms_have_equally_many_clusters() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    user = rng.integers(0, 80, size=2000)
    data = pd.DataFrame({"arm": user % 2, "user": user, "y": rng.normal(size=80)[user]})
    data["y"] += rng.normal(size=2000)
    fit = sm.OLS(data["y"].to_numpy(), sm.add_constant(data["arm"].to_numpy(float))).fit(
        cov_type="cluster", cov_kwds={"groups": user, "use_correction": False}
    )
    e = analyze(data, "arm", "y", cluster="user")
    assert e.stderr == pytest.approx(fit.bse[1] * math.sqrt(40 / 39), rel=1e-9)
    assert e.stderr > 2 * analyze(data, "arm", "y").stderr


def test_clusters_in_both_arms_cancel_what_they_share() -> None:
    rng = np.random.default_rng(6)
    day = np.repeat(np.arange(60), 40)
    data = pd.DataFrame({"arm": np.arange(2400) % 2, "day": day})
    data["y"] = 5 * rng.normal(size=60)[day] + rng.normal(size=2400)
    e = analyze(data, "arm", "y", cluster="day")
    means = data.groupby(["day", "arm"])["y"].mean().unstack()
    paired = stats.ttest_rel(means[1], means[0])
    assert e.value / e.stderr == pytest.approx(paired.statistic, rel=1e-9)
    assert e.diagnostics["p_value"] == pytest.approx(paired.pvalue, rel=1e-9)


def test_cuped_within_shared_clusters_is_a_regression_of_daily_differences() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(6)
    day = np.repeat(np.arange(60), 40)
    data = pd.DataFrame({"arm": np.arange(2400) % 2, "day": day})
    data["x"] = rng.normal(size=60)[day] + rng.normal(size=2400)
    data["y"] = 2 * data["x"] + 5 * rng.normal(size=60)[day] + rng.normal(size=2400)
    means = data.groupby(["day", "arm"])[["y", "x"]].mean().unstack()
    differences = {k: (means[k, 1] - means[k, 0]).to_numpy() for k in "yx"}
    fit = sm.OLS(differences["y"], sm.add_constant(differences["x"])).fit()
    e = analyze(data, "arm", "y", cluster="day", covariate="x")
    assert e.value == pytest.approx(fit.params[0], rel=1e-9)
    assert e.diagnostics["theta"] == pytest.approx(fit.params[1], rel=1e-9)
    assert e.stderr == pytest.approx(np.std(fit.resid, ddof=1) / np.sqrt(60), rel=1e-9)


CASES = [
    {"metric": "y"},
    {"metric": RATIO},
    {"metric": "y", "covariate": "before"},
    {"metric": RATIO, "covariate": ("before", "views")},
    {"metric": "y", "cluster": "user"},
    {"metric": "y", "cluster": "day", "covariate": "before"},
    {"metric": "y", "sequential": True, "tightest_at": 500},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_swapping_arms_flips_the_sign(units: pd.DataFrame, case: dict) -> None:
    a = analyze(units, "arm", control="control", treatment="new", **case)
    b = analyze(units, "arm", control="new", treatment="control", **case)
    assert (b.value, *b.ci) == pytest.approx((-a.value, -a.ci[1], -a.ci[0]), rel=1e-9)
    assert b.diagnostics["p_value"] == pytest.approx(a.diagnostics["p_value"], rel=1e-9)
    up = analyze(units, "arm", control="control", treatment="new", relative=True, **case)
    down = analyze(units, "arm", control="new", treatment="control", relative=True, **case)
    ends = 1 / (1 + down.value), 1 / (1 + down.ci[1]), 1 / (1 + down.ci[0])
    assert (1 + up.value, 1 + up.ci[0], 1 + up.ci[1]) == pytest.approx(ends, rel=1e-9)


@pytest.mark.parametrize("case", CASES, ids=str)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(shift=st.floats(-50, 50), scale=st.floats(0.01, 100))
def test_shift_and_scale(case: dict, shift: float, scale: float) -> None:
    data = make()
    a = analyze(data, "arm", **case)
    top = "y" if case["metric"] == "y" else "clicks"
    # A shift by one unit a row: of the mean, or of the ratio through its denominator.
    unit = 1.0 if top == "y" else data["views"]
    moved = data.assign(**{top: scale * data[top] + shift * unit, "before": 7 * data["before"] + 2})
    if isinstance(case.get("covariate"), tuple):
        moved["before"] = 7 * data["before"] + 2 * data["views"]
    b = analyze(moved, "arm", **case)
    assert b.value == pytest.approx(scale * a.value, rel=1e-6, abs=1e-8)
    assert b.ci == pytest.approx((scale * a.ci[0], scale * a.ci[1]), rel=1e-6, abs=1e-8)


def make() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    n = 240
    treated = np.arange(n) % 2
    frame = pd.DataFrame({"arm": treated, "before": rng.normal(size=n)})
    frame["y"] = frame["before"] + rng.normal(size=n) + 0.3 * treated
    frame["views"] = rng.integers(1, 9, size=n)
    frame["clicks"] = rng.binomial(frame["views"], 0.4)
    frame["user"] = np.arange(n) // 8 * 2 + treated
    frame["day"] = np.arange(n) % 40
    return frame


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("relative", [False, True])
def test_p_value_matches_the_interval(units: pd.DataFrame, case: dict, relative: bool) -> None:
    """The interval at level one minus the p-value ends at zero."""
    if case.get("sequential"):
        e = analyze(units, "arm", relative=relative, **case)
        assert (e.diagnostics["p_value"] < 0.05) == (not e.ci[0] <= 0 <= e.ci[1])
        return
    p = analyze(units, "arm", relative=relative, **case).diagnostics["p_value"]
    e = analyze(units, "arm", relative=relative, level=1 - p, **case)
    assert min(abs(e.ci[0]), abs(e.ci[1])) < 1e-6 * e.stderr


@pytest.mark.parametrize("level", [0.8, 0.99])
@pytest.mark.parametrize("tightest_at", [300, 9000])
def test_always_valid_p_value_at_the_end_of_the_interval(units, level, tightest_at) -> None:
    options = {"sequential": True, "tightest_at": tightest_at, "level": level}
    low = analyze(units, "arm", "y", **options).ci[0]
    moved = units.assign(y=units["y"] - low * (units["arm"] == "new"))
    e = analyze(moved, "arm", "y", **options)
    assert e.ci[0] == pytest.approx(0, abs=1e-9)
    assert e.diagnostics["p_value"] == pytest.approx(1 - level, rel=1e-6)


@pytest.mark.parametrize("order", range(2))
def test_order_of_rows_and_index_do_not_matter(units: pd.DataFrame, order: int) -> None:
    shuffled = units.sample(frac=1, random_state=order)
    for case in CASES:
        a, b = analyze(units, "arm", **case), analyze(shuffled, "arm", **case)
        assert outcome(a) == pytest.approx(outcome(b), rel=1e-9)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("relative", [False, True])
def test_ibis_table_gives_the_same(units: pd.DataFrame, case: dict, relative: bool) -> None:
    import ibis

    table = ibis.memtable(units.reset_index(drop=True))
    a = analyze(units, "arm", relative=relative, **case)
    b = analyze(table, "arm", relative=relative, **case)
    assert outcome(b) == pytest.approx(outcome(a), rel=1e-9)
    assert dict(b.diagnostics) == pytest.approx(dict(a.diagnostics), rel=1e-9)
    assert (a.n, a.method) == (b.n, b.method)


def test_sequential_interval_is_wider_and_says_so(units: pd.DataFrame) -> None:
    plain = analyze(units, "arm", "y")
    always = analyze(units, "arm", "y", sequential=True, tightest_at=900)
    assert always.value == plain.value
    assert always.ci[0] < plain.ci[0] and always.ci[1] > plain.ci[1]
    assert always.method == "Welch, always-valid"


def test_weak_data_is_warned_about() -> None:
    data = pd.DataFrame({"arm": ["a"] * 5 + ["b"] * 40, "y": [0.0] * 5 + [0.0, 1.0] * 20})
    e = analyze(data, "arm", "y")
    assert e.warnings == ("arm 'a' has only 5 units", "the metric does not vary in arm 'a'")


def put(column: pd.Series, row: int, value: object) -> pd.Series:
    values = column.astype(object).to_numpy(copy=True)
    values[row] = value
    return pd.Series(values, index=column.index)


BAD = [
    ("y", lambda d: d.assign(y=put(d.y, 4, np.nan)), {}, r"'y': must be finite.*row: 4 "),
    ("y", lambda d: d.assign(y=put(d.y, 7, np.inf)), {}, r"'y': must be finite.*row: 7 "),
    ("y", lambda d: d.assign(y=put(d.y, 2, "x")), {}, r"'y': must be numbers.*row: 2 .*'x'"),
    ("y", lambda d: d.assign(arm=put(d.arm, 3, None)), {}, r"'arm': must not be missing.*row: 3 "),
    ("y", lambda d: d.assign(user=put(d.user, 6, None)), {"cluster": "user"}, r"'user'.*row: 6 "),
    (
        "y",
        lambda d: d.assign(before=put(d.before, 5, np.nan)),
        {"covariate": "before"},
        r"'before': must be finite.*row: 5 ",
    ),
    (RATIO, lambda d: d.assign(views=put(d.views, 9, -1.0)), {}, r"'views'.*\[0, inf\).*row: 9 "),
    (RATIO, lambda d: d.assign(views=0.0), {}, r"'views': must not be 0 throughout arm"),
    ("y", lambda d: d[d.arm == "new"], {}, r"'arm': must hold at least two arms.*'new'"),
    ("y", lambda d: d.assign(arm=put(d.arm, 0, "c")), {}, r"holds 3 arms.*control= and treatment="),
    (
        "y",
        lambda d: d.assign(arm=put(d.arm, 0, "c")),
        {"control": "control", "treatment": "c"},
        r"'arm': arm 'c' must have at least 2 units, has 1",
    ),
    ("y", lambda d: d, {"control": "old"}, r"'arm': arm 'old' is not in the data.*'control'"),
    ("y", lambda d: d, {"control": "new", "treatment": "new"}, r"'arm'.*must differ.*'new'"),
    ("y", lambda d: d.assign(before=2.5), {"covariate": "before"}, r"'before'.*must vary"),
    ("y", lambda d: d.assign(before=0.1), {"covariate": "before"}, r"'before'.*must vary"),
    ("y", lambda d: d.assign(y=1.0), {}, r"'y': must vary within the arms"),
    ("y", lambda d: d.assign(y=0.1), {}, r"'y': must vary within the arms"),
    ("y", lambda d: d.assign(y=0.1), {"relative": True}, r"'y': must vary within the arms"),
    ("y", lambda d: d.assign(y=-d.y), {"relative": True}, r"'y': must have a positive mean"),
    ("absent", lambda d: d, {}, r"'absent': is missing"),
    ("y", lambda d: d, {"level": 1.0}, r"level must be in \(0, 1\), got 1.0"),
    ("y", lambda d: d, {"sequential": True, "tightest_at": 0}, r"tightest_at must be above 0"),
    (("y",), lambda d: d, {}, r"pair \(numerator, denominator\)"),
    (
        "y",
        lambda d: d.assign(user=np.where(d.arm == "new", 1, d.user)),
        {"cluster": "user"},
        r"'arm': arm 'new' must have at least 2 clusters, has 1",
    ),
]


@pytest.mark.parametrize(("metric", "change", "options", "message"), BAD)
def test_bad_input(units: pd.DataFrame, metric, change, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        analyze(change(units), "arm", metric, **options)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [("y", np.nan, "must be finite"), ("arm", None, "missing"), ("views", -1.0, "denominators")],
)
def test_bad_rows_of_an_ibis_table_are_counted(units, column, value, rule) -> None:
    import ibis

    data = units.reset_index(drop=True)
    data.loc[[3, 8], column] = value
    metric = RATIO if column == "views" else "y"
    with pytest.raises(ValueError, match=f"column '{column}': .*{rule}.*; 2 rows break this rule"):
        analyze(ibis.memtable(data), "arm", metric)
