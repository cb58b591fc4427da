"""Every attack of `refute` passes sound estimates and fails broken ones."""

from __future__ import annotations

import logging
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from causalrec_utils.effects import e_value, omitted_variable_bounds, refute, robustness_value
from tests.effects.ate_worlds import LINEAR, by_user, wavy

ROLES = {"treatment": "t", "outcome": "y", "confounders": ["a", "b"]}
REFITTED = ["placebo treatment", "random common cause", "subset"]


def clean(rng: np.random.Generator, n: int = 400, effect: float = 1.0) -> pd.DataFrame:
    a, b = rng.normal(size=(2, n))
    t = (rng.random(n) < 1 / (1 + np.exp(-0.6 * a - 0.3 * b))).astype(int)
    before = a + b + rng.normal(size=n)
    y = a + 0.5 * b + effect * t + rng.normal(size=n)
    return pd.DataFrame({"a": a, "b": b, "t": t, "before": before, "y": y})


@pytest.mark.parametrize(
    ("method", "options"),
    [("regression", {}), ("ipw", {}), ("matching", {}), ("aipw", LINEAR), ("dml", LINEAR)],
)
def test_sound_estimates_survive(method: str, options: dict) -> None:
    failed = pd.Series(0, index=[*REFITTED, "negative control"])
    for seed in range(3):
        data = clean(np.random.default_rng(seed))
        call = {"method": method, "negative_control": "before", "repeats": 6, "seed": seed}
        table = refute(data, **ROLES, **call, **options)
        failed += ~table["passed"].loc[failed.index].astype(bool)
        assert table["passed"].loc[["robustness value", "E-value"]].isna().all()
    assert failed.max() <= 1  # by chance; a broken estimate fails in each of the worlds


def test_placebo_fails_where_seen_confounding_stays() -> None:
    data, roles, _ = wavy(np.random.default_rng(0), 1500)
    placebo = "placebo treatment"
    assert not refute(data, **roles, method="regression").loc[placebo, "passed"]
    assert not refute(data, **roles, method="difference_in_means").loc[placebo, "passed"]
    forest = {"model_y": "boosting", "model_t": "boosting", "folds": 2, "repeats": 3}
    assert refute(data, **roles, method="aipw", **forest).loc[placebo, "passed"]


def test_placebo_treats_whole_clusters() -> None:
    data, roles, _ = by_user(np.random.default_rng(0))
    table = refute(data, **roles, method="regression", cluster="user", seed=1)
    assert table["passed"].iloc[:3].all()
    # The spread of the placebo estimates is that of an effect on 80 users, not on 480 rows.
    assert table.loc["placebo treatment", "high"] - table.loc["placebo treatment", "low"] > 0.7


@pytest.mark.parametrize("test", ["random common cause", "subset"])
def test_too_many_columns_for_the_rows(test: str) -> None:
    """Models that learned little: the estimate hangs on how much data there was."""
    fails = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(80, 25))
        data = pd.DataFrame(x).add_prefix("x")
        names = list(data.columns)
        data["t"] = (rng.random(80) < 1 / (1 + np.exp(-x[:, 0]))).astype(int)
        data["y"] = 2 * x[:, 0] + data["t"] + rng.normal(size=80)
        table = refute(data, "t", "y", names, method="dml", repeats=6, **LINEAR)
        fails += not table.loc[test, "passed"]
    assert fails >= 2


def test_negative_control_sees_a_hidden_confounder_and_refitting_does_not() -> None:
    data = clean(np.random.default_rng(0), 1500)
    call = {"method": "ipw", "negative_control": "before"}
    table = refute(data, "t", "y", ["b"], **call)
    assert not table.loc["negative control", "passed"]
    assert table.loc[REFITTED, "passed"].all()


def test_a_small_effect_does_not_survive_a_hidden_cause() -> None:
    small, large = (clean(np.random.default_rng(0), 2000, effect) for effect in (0.2, 2.0))
    tables = [refute(d, **ROLES, method="regression", repeats=2) for d in (small, large)]
    assert [t.loc["omitted variable", "passed"] for t in tables] == [False, True]
    for test in ("robustness value", "E-value"):
        assert tables[0].loc[test, "estimate"] < tables[1].loc[test, "estimate"]
        assert tables[1].loc[test, "low"] < tables[1].loc[test, "estimate"]


def test_dowhys_placebo_fails_sound_data_under_propensity_weighting() -> None:
    """dowhy 0.14 weighs placebo treatments by the propensity of the real one; here it is refitted.

    If this test fails, dowhy is mended, and section 2.3 has to say so.
    """
    from dowhy import CausalModel

    data = clean(np.random.default_rng(0), 2000).astype({"t": bool})
    logging.getLogger("dowhy").setLevel(logging.ERROR)
    model = CausalModel(data, "t", "y", common_causes=["a", "b"])
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    estimate = model.estimate_effect(estimand, method_name="backdoor.propensity_score_weighting")
    peer = model.refute_estimate(
        estimand,
        estimate,
        method_name="placebo_treatment_refuter",
        placebo_type="permute",
        num_simulations=5,
    )
    assert estimate.value == pytest.approx(1, abs=0.2)
    assert abs(peer.new_effect) > 0.5
    ours = refute(data, **ROLES, method="ipw", repeats=10).loc["placebo treatment"]
    assert ours["passed"]
    assert abs(ours["estimate"]) < 0.05


def test_binary_outcomes_use_the_risk_ratio() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": rng.normal(size=40_000)})
    data["t"] = rng.integers(2, size=len(data))
    data["y"] = (rng.random(len(data)) < 0.2 + 0.2 * data["t"]).astype(int)
    table = refute(data, "t", "y", "a", method="regression", repeats=2)
    assert table.loc["E-value", "estimate"] == pytest.approx(e_value(2), rel=0.05)


def test_e_value_and_robustness_value_of_the_papers() -> None:
    assert e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert e_value(1) == 1
    assert e_value(1 / 3) == pytest.approx(e_value(3))
    # Direct harm in Darfur: t 4.18 with 783 degrees of freedom.
    assert robustness_value(4.18, 783) == pytest.approx(0.139, abs=5e-4)
    assert robustness_value(4.18, 783, alpha=0.05) == pytest.approx(0.076, abs=5e-4)
    assert robustness_value(1.5, 783, alpha=0.05) == 0
    assert robustness_value(-4.18, 783) == robustness_value(4.18, 783)


def test_robustness_value_is_the_strength_that_ends_the_effect() -> None:
    t, df = 5.0, 200.0
    r = robustness_value(t, df)
    assert math.sqrt(df) * math.sqrt(r * r / (1 - r)) == pytest.approx(t)


def test_bounds_find_what_a_twin_of_the_yardstick_would_do() -> None:
    """Two confounders of equal strength: leave one out, and the other one tells its bias."""
    rng = np.random.default_rng(0)
    n = 100_000
    x = rng.normal(size=(n, 2))
    t = x.sum(axis=1) + 2 * rng.normal(size=n)
    y = t + x.sum(axis=1) + rng.normal(size=n)
    data = pd.DataFrame({"seen": x[:, 0], "hidden": x[:, 1], "t": t, "y": y})
    row = omitted_variable_bounds(data, "t", "y", "seen").loc["seen"]
    short = sm.OLS(y, np.column_stack([np.ones(n), t, x[:, 0]])).fit()
    assert short.params[1] > 1.15
    # A bound: the share of the outcome counts what the yardstick shares with the treatment too.
    assert 0.9 < row["estimate"] < 1.02
    assert row["survives"]
    assert row["low"] < row["estimate"] < row["high"]


def test_bounds_are_what_the_worst_hidden_cause_does() -> None:
    """Build that cause from the two shares, add it to the regression, and compare."""
    data = clean(np.random.default_rng(0), 300)
    row = omitted_variable_bounds(data, **ROLES).loc["b"]
    x, t, y = (data[c].to_numpy(float) for c in (["a", "b"], "t", "y"))
    observed = np.column_stack([np.ones(300), x])

    def rest(v: np.ndarray, design: np.ndarray) -> np.ndarray:
        v = v - design @ np.linalg.lstsq(design, v, rcond=None)[0]
        return v / np.linalg.norm(v)

    both = np.column_stack([observed, t])
    of_y = rest(y, both)
    other = rest(np.random.default_rng(1).normal(size=300), np.column_stack([both, y]))
    r_d, r_y = row["r2_treatment"], row["r2_outcome"]
    beyond = np.sqrt(r_y) * of_y + np.sqrt(1 - r_y) * other
    hidden = np.sqrt(r_d) * rest(t, observed) + np.sqrt(1 - r_d) * beyond
    long = sm.OLS(y, np.column_stack([both, hidden])).fit()
    low, high = long.conf_int()[3]
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx((long.params[3], low, high))


def test_bounds_mirror_and_grow() -> None:
    data = clean(np.random.default_rng(0), 2000)
    table = omitted_variable_bounds(data, **ROLES)
    mirrored = omitted_variable_bounds(data.assign(y=-data["y"]), **ROLES)
    assert table.index[0] == "a"
    np.testing.assert_allclose(mirrored["estimate"], -table["estimate"])
    assert (mirrored["survives"] == table["survives"]).all()
    weaker = omitted_variable_bounds(data, **ROLES, strength=0.5)
    assert (weaker["estimate"] > table["estimate"]).all()
    endless = omitted_variable_bounds(data, **ROLES, strength=30).loc["a"]
    assert not endless["survives"]
    assert math.isinf(endless["low"])


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"confounders": ()}, "needs at least one confounder"),
        ({"method": "iv"}, "method must be one of"),
        ({"repeats": 1}, "repeats must be at least 2"),
        ({"alpha": 0.7}, "alpha must be in"),
        ({"negative_control": "a"}, "'a': has another role"),
        ({"negative_control": "none"}, "'none': is missing"),
    ],
)
def test_bad_options(options: dict, rule: str) -> None:
    data = clean(np.random.default_rng(0), 100)
    with pytest.raises(ValueError, match=rule):
        refute(data, **(ROLES | {"method": "regression", "repeats": 2} | options))


def test_bad_input_of_the_sensitivity_functions() -> None:
    data = clean(np.random.default_rng(0), 100)
    with pytest.raises(ValueError, match="risk_ratio must be above 0"):
        e_value(0)
    with pytest.raises(ValueError, match="df must be above 1"):
        robustness_value(2, 1)
    with pytest.raises(ValueError, match="strength must be above 0"):
        omitted_variable_bounds(data, **ROLES, strength=0)
    with pytest.raises(ValueError, match="needs an observed confounder"):
        omitted_variable_bounds(data, "t", "y", ())
    with pytest.raises(ValueError, match="'t': a regression with 4 coefficients has 5 rows"):
        omitted_variable_bounds(data.head(5), **ROLES)


def test_folds_of_clusters_are_random_and_balanced() -> None:
    """Two draws of halves share half their rows, and treatment is spread evenly over folds."""
    from causalrec_utils.effects._nuisance import assign_folds

    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(400), 5)
    t = (rng.random(2000) < np.repeat(rng.random(400), 5)).astype(float)
    for values, groups in ((t, codes), (rng.normal(size=2000), None)):
        one, two = (assign_folds(values, groups, 2, np.random.default_rng(s)) for s in (1, 2))
        assert 0.4 < np.mean(one == two) < 0.6
        assert abs(values[one == 0].mean() - values[one == 1].mean()) < 0.05
    assert all(len(set(one[codes == c])) == 1 for c, one in [(7, assign_folds(t, codes, 3, rng))])
