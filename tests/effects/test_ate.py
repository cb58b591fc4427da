"""Properties of `ate`, and equality with reference implementations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LinearRegression, LogisticRegression

from causalrec_utils import effects, simulate
from causalrec_utils.effects._nuisance import assign_folds
from tests.effects.ate_worlds import LINEAR, by_user, shown, wavy

COLUMN = {"treatment": "shown", "outcome": "satisfaction", "confounders": ["taste", "quality"]}
OPTIONS = {
    "difference_in_means": {},
    "regression": {},
    "matching": {},
    "ipw": {},
    "aipw": LINEAR,
    "dml": LINEAR,
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return shown(600, np.random.default_rng(3))[0]


def design(data: pd.DataFrame, *columns: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(data)), *columns])


@pytest.mark.parametrize("method", OPTIONS)
def test_shift_and_scale_of_the_outcome(data: pd.DataFrame, method: str) -> None:
    a = effects.ate(data, **COLUMN, method=method, **OPTIONS[method])
    moved = data.assign(satisfaction=-3 * data["satisfaction"] + 7)
    b = effects.ate(moved, **COLUMN, method=method, **OPTIONS[method])
    assert b.value == pytest.approx(-3 * a.value, rel=1e-6)
    assert b.stderr == pytest.approx(3 * a.stderr, rel=1e-6)
    assert (a.estimand, a.n, a.method) == (b.estimand, 600, method)


@pytest.mark.parametrize("method", ["difference_in_means", "regression", "matching", "ipw"])
def test_order_and_swapped_arms(data: pd.DataFrame, method: str) -> None:
    a = effects.ate(data, **COLUMN, method=method)
    b = effects.ate(data.sample(frac=1, random_state=1), **COLUMN, method=method)
    c = effects.ate(data.assign(shown=1 - data["shown"]), **COLUMN, method=method)
    assert (b.value, b.stderr) == pytest.approx((a.value, a.stderr))
    assert (c.value, c.stderr) == pytest.approx((-a.value, a.stderr), rel=1e-5)


@pytest.mark.parametrize("method", OPTIONS)
def test_same_seed_same_estimate(data: pd.DataFrame, method: str) -> None:
    a, b = (effects.ate(data, **COLUMN, method=method, **OPTIONS[method]) for _ in range(2))
    assert a == b


@pytest.mark.parametrize("method", ["regression", "ipw", "aipw", "dml"])
def test_each_row_a_cluster_is_no_cluster(data: pd.DataFrame, method: str) -> None:
    table = data.assign(row=np.arange(len(data)))
    a = effects.ate(table, **COLUMN, method=method, **OPTIONS[method])
    b = effects.ate(table, **COLUMN, method=method, cluster="row", **OPTIONS[method])
    assert b.stderr == pytest.approx(a.stderr, rel=0.05)
    assert b.diagnostics["clusters"] == 600


def test_difference_in_means_is_neyman(data: pd.DataFrame) -> None:
    e = effects.ate(data, **COLUMN, method="difference_in_means")
    arms = [g["satisfaction"] for _, g in data.groupby("shown")]
    assert e.value == pytest.approx(arms[1].mean() - arms[0].mean())
    variance = sum(a.var() / len(a) for a in arms) * 600 / 599
    assert e.stderr == pytest.approx(variance**0.5)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_regression_is_the_mean_of_its_predictions(data: pd.DataFrame, target: str) -> None:
    e = effects.ate(data, **COLUMN, method="regression", target=target)
    x, y, t = data[["taste", "quality"]], data["satisfaction"], data["shown"] == 1
    gap = np.subtract(*(LinearRegression().fit(x[a], y[a]).predict(x) for a in (t, ~t)))
    assert e.value == pytest.approx(gap[t].mean() if target == "ATT" else gap.mean())


def test_constant_effect_regression_has_the_error_of_statsmodels(data: pd.DataFrame) -> None:
    t, x = data["shown"], data[["taste", "quality"]] - data[["taste", "quality"]].mean()
    fitted = sm.OLS(data["satisfaction"], design(data, t, x, x.mul(t, axis=0))).fit(cov_type="HC2")
    e = effects.ate(data, **COLUMN, method="regression")
    # The centre of x is uncertain too, so the error is larger, by little.
    assert fitted.bse.iloc[1] < e.stderr < 1.2 * fitted.bse.iloc[1]


def test_dml_is_econmls(data: pd.DataFrame) -> None:
    from econml.dml import LinearDML

    ours = effects.ate(data, **COLUMN, method="dml", seed=5, **LINEAR)
    t, x, y = (data[c].to_numpy(float) for c in ("shown", ["taste", "quality"], "satisfaction"))
    fold = assign_folds(t, None, 3, np.random.default_rng(5))
    cv = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]
    peer = LinearDML(
        model_y=LinearRegression(), model_t=LogisticRegression(), discrete_treatment=True, cv=cv
    ).fit(y, t, W=x)
    assert ours.value == pytest.approx(float(peer.intercept_), rel=1e-3)
    assert ours.stderr == pytest.approx(float(peer.intercept__inference().stderr), rel=0.01)


def test_aipw_is_econmls(data: pd.DataFrame) -> None:
    from econml.dr import LinearDRLearner

    ours = effects.ate(data, **COLUMN, method="aipw", seed=5, **LINEAR)
    t, x, y = (data[c].to_numpy(float) for c in ("shown", ["taste", "quality"], "satisfaction"))
    fold = assign_folds(t, None, 3, np.random.default_rng(5))
    cv = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]
    peer = LinearDRLearner(
        model_regression=LinearRegression(), model_propensity=LogisticRegression(), cv=cv
    ).fit(y, t, W=x)
    # econml fits one outcome model with the treatment as a column, so only nearly the same.
    assert abs(ours.value - float(peer.intercept_(T=1))) < 0.3 * ours.stderr
    assert ours.stderr == pytest.approx(float(peer.intercept__inference(T=1).stderr), rel=0.1)


def test_iv_is_two_stage_least_squares() -> None:
    from statsmodels.sandbox.regression.gmm import IV2SLS

    d = simulate.instrument(700, effect=4.0, seed=1).data
    t, z, y = (d[c].to_numpy(float) for c in ("shown", "nudge", "satisfaction"))
    peer = IV2SLS(y, design(d, d["taste"], t), design(d, d["taste"], z)).fit()
    e = effects.ate(d, "shown", "satisfaction", "taste", method="iv", instrument="nudge")
    assert e.value == pytest.approx(peer.params[-1])
    assert e.stderr == pytest.approx(peer.bse[-1], rel=0.15)  # robust against classical
    assert e.estimand == "LATE"
    assert e.diagnostics["first_stage_f"] > 10
    assert not e.warnings


def test_a_weak_instrument_warns() -> None:
    d = simulate.instrument(700, seed=1).data
    d["nudge"] = np.random.default_rng(0).permutation(d["nudge"])
    e = effects.ate(d, "shown", "satisfaction", "taste", method="iv", instrument="nudge")
    assert "weak instrument" in e.warnings[0]


def test_did_is_the_difference_of_four_means_and_sees_a_trend() -> None:
    roles = ("shown", "satisfaction")
    d = simulate.panel(400, periods=6, start=4, seed=2).data
    e = effects.ate(d, *roles, method="did", unit="user", time="period")
    treated = d.groupby("user")["shown"].transform("max") == 1
    after = d["period"] >= d.loc[d["shown"] == 1, "period"].min()
    m = d.groupby([treated.to_numpy(), after.to_numpy()])["satisfaction"].mean()
    four = m[True, True] - m[True, False] - m[False, True] + m[False, False]
    assert e.value == pytest.approx(four)
    assert e.estimand == "ATT"
    assert abs(e.diagnostics["pretrend"]) < 4 * e.diagnostics["pretrend_stderr"]
    d.loc[treated, "satisfaction"] += d["period"]
    drifting = effects.ate(d, *roles, method="did", unit="user", time="period").diagnostics
    assert drifting["pretrend"] > 4 * drifting["pretrend_stderr"]


def test_front_door_needs_no_confounder_and_others_fail() -> None:
    world = simulate.front_door(20_000, seed=4)
    call = (world.data, world.treatment, world.outcome, "taste")
    e = effects.ate(*call, method="front_door", mediator="noticed")
    naive = effects.ate(*call, method="regression")
    assert abs(e.value - world.ate) < 4 * e.stderr
    assert abs(naive.value - world.ate) > 6 * naive.stderr


def test_default_models_find_what_is_not_linear() -> None:
    data, roles, truth = wavy(np.random.default_rng(0), 4000)
    default = effects.ate(data, **roles)
    linear = effects.ate(data, **roles, method="regression")
    assert abs(default.value - truth) < 3 * default.stderr
    assert abs(linear.value - truth) > 6 * linear.stderr
    assert default.diagnostics["r2_y"] > 0.3


def test_causal_forest_is_near_aipw(data: pd.DataFrame) -> None:
    forest = effects.ate(data, **COLUMN, method="causal_forest", **LINEAR)
    aipw = effects.ate(data, **COLUMN, **LINEAR)
    assert abs(forest.value - aipw.value) < aipw.stderr
    assert forest.stderr == pytest.approx(aipw.stderr, rel=0.2)


@pytest.mark.parametrize("method", ["ipw", "aipw"])
def test_trimming_is_asked_for_and_counted(data: pd.DataFrame, method: str) -> None:
    options = LINEAR if method == "aipw" else {}
    whole = effects.ate(data, **COLUMN, method=method, **options)
    part = effects.ate(data, **COLUMN, method=method, trim=0.2, **options)
    assert whole.n == 600
    assert whole.diagnostics["n_trimmed"] == 0
    assert part.diagnostics["n_trimmed"] > 0
    assert part.n == 600 - part.diagnostics["n_trimmed"]
    assert part.estimand == "ATE where propensity is in [0.2, 0.8]"


def test_trimmed_estimates_agree(data: pd.DataFrame) -> None:
    ipw = effects.ate(data, **COLUMN, method="ipw", trim=0.3)
    aipw = effects.ate(data, **COLUMN, method="aipw", trim=0.3, **LINEAR)
    assert ipw.diagnostics["n_trimmed"] > 50
    assert abs(ipw.value - aipw.value) < aipw.stderr
    assert ipw.stderr == pytest.approx(aipw.stderr, rel=0.2)


def test_a_few_clusters_are_too_few(data: pd.DataFrame) -> None:
    table = data.assign(week=np.arange(600) % 3)
    with pytest.raises(ValueError, match="'shown': has 3 clusters, too few for 5 folds"):
        effects.ate(table, **COLUMN, cluster="week")
    e = effects.ate(table, **COLUMN, method="regression", cluster="week")
    assert e.warnings == ("only 3 clusters",)
    with pytest.raises(ValueError, match="'week': must hold at least 2 clusters"):
        effects.ate(data.assign(week=1), **COLUMN, cluster="week")


def test_little_overlap_warns() -> None:
    data, roles, _ = shown(2000, np.random.default_rng(0), overlap=0.25)
    e = effects.ate(data, **roles, method="ipw")
    assert "little overlap" in e.warnings[0]
    assert e.diagnostics["ess"] < 1000
    assert e.diagnostics["min_propensity"] < 0.01


def test_folds_hold_whole_clusters_and_both_arms() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(60, size=900)
    t = (rng.random(60) < 0.3).astype(float)[codes]
    fold = assign_folds(t, codes, 5, rng)
    assert all(len(np.unique(fold[codes == c])) == 1 for c in np.unique(codes))
    assert all(0 < t[fold == f].mean() < 1 for f in range(5))


def test_clusters_widen_the_interval() -> None:
    data, roles, _ = by_user(np.random.default_rng(0))
    alone, by = (effects.ate(data, **roles, method="ipw", cluster=c) for c in (None, "user"))
    assert by.value == alone.value
    assert by.stderr > 1.4 * alone.stderr


def spoil(data: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    data = data.astype({column: object})
    data.iloc[row, data.columns.get_loc(column)] = value
    return data


@pytest.mark.parametrize(
    ("column", "row", "value", "rule"),
    [
        ("shown", 7, 2, r"'shown': must be 0 or 1; first offending row: 7 \(value 2.0\)"),
        ("shown", 3, np.nan, r"'shown': must be finite .*row: 3"),
        ("satisfaction", 4, np.inf, r"'satisfaction': must be finite .*row: 4"),
        ("taste", 9, "jazz", r"'taste': must be numbers; .*row: 9 \(value 'jazz'\)"),
    ],
)
def test_bad_values(data: pd.DataFrame, column: str, row: int, value: object, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        effects.ate(spoil(data, column, row, value), **COLUMN)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"method": "magic"}, "method must be one of difference_in_means"),
        ({"level": 1.0}, "level must be in"),
        ({"instrument": "quality"}, "instrument= is an option of iv, not of aipw"),
        ({"trim": 0.1, "method": "regression"}, "trim= is an option of ipw, aipw, causal_forest"),
        ({"trim": 0.6}, "trim must be in"),
        ({"trim": 0.4999999}, "leaves no row"),
        ({"method": "iv"}, "'iv' needs instrument="),
        ({"method": "did", "unit": "taste"}, "'did' needs time="),
        ({"method": "front_door"}, "'front_door' needs mediator="),
        ({"method": "front_door", "mediator": "none"}, "'none': is missing"),
        ({"method": "ipw", "confounders": ()}, "'ipw' adjusts for confounders; none are given"),
        ({"confounders": "shown"}, "'shown': is the treatment"),
        ({"confounders": ["taste", "taste"]}, "'taste': is given more than once"),
        ({"confounders": "genre"}, "'genre': is missing"),
        ({"method": "matching", "cluster": "quality"}, "no standard error by cluster"),
        ({"target": "LATE"}, "target must be one of ATE, ATT"),
        ({"model_y": "magic"}, "model_y must be one of linear, boosting"),
        ({"model_t": 3}, "model_t must be a scikit-learn estimator"),
        ({"folds": 1}, "folds must be at least 2"),
    ],
)
def test_bad_options(data: pd.DataFrame, options: dict, rule: str) -> None:
    settings = COLUMN | ({} if options.get("method") else LINEAR) | options
    with pytest.raises(ValueError, match=rule):
        effects.ate(data, **settings)


@pytest.mark.parametrize("method", OPTIONS)
def test_one_arm_and_too_few_rows(data: pd.DataFrame, method: str) -> None:
    options = OPTIONS[method]
    with pytest.raises(ValueError, match="'shown': must (hold both 0 and 1, holds no 0|vary)"):
        effects.ate(data.assign(shown=1), **COLUMN, method=method, **options)
    few = data.groupby("shown").head(1)
    with pytest.raises(ValueError, match="'shown': .* needs at least"):
        effects.ate(few, **COLUMN, method=method, **options)


def test_arms_that_confounders_separate(data: pd.DataFrame) -> None:
    split = data.assign(shown=(data["taste"] > 0).astype(int))
    with pytest.raises(ValueError, match="separate the arms"):
        effects.ate(split, **COLUMN, method="ipw")
    with pytest.raises(ValueError, match="linear function of the confounders"):
        effects.ate(data.assign(taste=data["shown"]), **COLUMN, method="regression")


def test_did_wants_one_start() -> None:
    d = simulate.panel(60, periods=6, start=3, seed=2).data
    call = {"method": "did", "unit": "user", "time": "period"}
    off = d.copy()
    off.loc[off.index[off["shown"] == 1][-1], "shown"] = 0
    with pytest.raises(ValueError, match="'shown': must be 0 before period .*one start for all"):
        effects.ate(off, "shown", "satisfaction", **call)
    lone = d.drop(d.index[(d["user"] == d["user"].iloc[0]) & (d["period"] >= 3)])
    with pytest.raises(ValueError, match="'user': must have rows before and from period"):
        effects.ate(lone, "shown", "satisfaction", **call)
