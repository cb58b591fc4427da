"""Pseudo-observations against statsmodels' Kaplan-Meier, leave-one-out by hand, and known truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from statsmodels.duration.survfunc import SurvfuncRight

from causalrec_utils import effects, simulate
from causalrec_utils.effects import pseudo_observations


def kaplan_meier(duration, event, horizon, value):
    """By statsmodels: the curve at the horizon, or its area up to there."""
    curve = SurvfuncRight(np.asarray(duration, float), np.asarray(event))
    times, alive = curve.surv_times, curve.surv_prob
    if value == "survival":
        before = times <= horizon
        return alive[before][-1] if before.any() else 1.0
    steps = np.concatenate([[0.0], times[times < horizon], [horizon]])
    heights = np.concatenate([[1.0], alive[times < horizon]])
    return float(heights @ np.diff(steps))


def users(n=60, seed=0, decimals=1):
    rng = np.random.default_rng(seed)
    leave, seen = rng.exponential(2, n), rng.uniform(0.5, 6, n)
    duration = np.maximum(np.round(np.minimum(leave, seen), decimals), 0.1)
    return duration, (leave <= seen).astype(int)


@pytest.mark.parametrize("value", ["survival", "restricted_mean"])
@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("horizon", [0.5, 2.0, 3.3])
def test_it_is_the_jackknife_of_statsmodels(value, decimals, horizon):
    duration, event = users(decimals=decimals)
    n = len(duration)
    whole = kaplan_meier(duration, event, horizon, value)
    keep = ~np.eye(n, dtype=bool)
    without = [kaplan_meier(duration[k], event[k], horizon, value) for k in keep]
    expected = n * whole - (n - 1) * np.array(without)
    found = pseudo_observations(duration, event, horizon=horizon, value=value)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_without_censoring_it_is_what_was_seen():
    duration, _ = users(decimals=6)
    everybody_left = np.ones(len(duration), int)
    there = pseudo_observations(duration, everybody_left, horizon=1.5)
    np.testing.assert_allclose(there, duration > 1.5, atol=1e-12)
    time = pseudo_observations(duration, everybody_left, horizon=1.5, value="restricted_mean")
    np.testing.assert_allclose(time, np.minimum(duration, 1.5), atol=1e-12)


def test_what_comes_after_the_horizon_does_not_matter():
    duration, event = users()
    later = pseudo_observations(np.where(duration > 2, 9, duration), event, horizon=2)
    np.testing.assert_allclose(pseudo_observations(duration, event, horizon=2), later)


def test_order_of_users_does_not_matter_and_blocks_do_not_show(monkeypatch):
    duration, event = users(n=200, decimals=6)
    shuffled = np.random.default_rng(1).permutation(200)
    whole = pseudo_observations(duration, event, horizon=3)
    monkeypatch.setattr("causalrec_utils.effects._survival.CELLS", 500)
    found = pseudo_observations(duration[shuffled], event[shuffled], horizon=3)
    np.testing.assert_allclose(found, whole[shuffled], atol=1e-10)


@pytest.mark.parametrize(
    ("duration", "event", "horizon", "message"),
    [
        ([1, 0, 2], [1, 1, 0], 1, "'duration': must be in .0, .*row: 1"),
        ([1, np.nan, 2], [1, 1, 0], 1, "'duration': must be finite.*row: 1"),
        ([1, 2, 3], [1, 1, 2], 1, "'event': must be 0 or 1; first offending row: 2"),
        ([1, 2, 3], [1, 0], 1, "'event'"),
        ([1, 2, 3], [1, 1, 0], 0, "horizon must be above 0"),
        ([1, 2, 3], [1, 1, 0], np.inf, "horizon must be above 0"),
        ([1], [1], 1, "at least 2 rows"),
        ([1, 2, 3], [1, 1, 0], 4, "'duration': .*unknown up to the horizon 4.*row: 2"),
        ([1, 2, 3], [1, 0, 1], 4, "'duration': .*unknown up to the horizon 4.*row: 1"),
        ([1, 3, 3, 3], [1, 0, 1, 1], 4, "'duration': .*unknown up to the horizon 4.*row: 1"),
    ],
    ids=["zero", "nan", "two", "short", "no", "never", "one", "end", "second", "tied"],
)
def test_bad_input_is_named(duration, event, horizon, message):
    with pytest.raises(ValueError, match=message):
        pseudo_observations(duration, event, horizon=horizon)


def test_unknown_value():
    with pytest.raises(ValueError, match="value"):
        pseudo_observations([1, 2], [1, 1], horizon=1, value="median")


def covered(seeds, level=0.95):
    """Of worlds in which taste drives exposure and leaving, and users joined at random weeks."""
    hits = {"retention": 0, "weeks": 0}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        world = simulate.carry_over(n_users=600, weeks=10, regime="fixed", seed=rng)
        table = world.tables["users"].assign(recommended=lambda t: t["recommended"].astype(int))
        followed = rng.integers(4, 17, len(table))  # many joined too late to be seen for 10 weeks
        table["left"] = table["left"].where(table["weeks"] <= followed, 0)
        table["weeks"] = table["weeks"].clip(upper=followed)
        # The world ends after week 10: whoever is still there then was there all the time.
        for name, value in (("retention", "survival"), ("weeks", "restricted_mean")):
            y = pseudo_observations(table["weeks"], table["left"], horizon=10, value=value)
            estimate = effects.ate(table.assign(y=y), "recommended", "y", ["taste"], method="ipw")
            hits[name] += estimate.ci[0] <= world.truth[name] <= estimate.ci[1]
    return hits


def test_intervals_cover_in_confounded_worlds_with_censoring():
    low, high = binom.interval(1 - 1e-4, 40, 0.95)
    for hits in covered(range(40)).values():
        assert low <= hits <= high


def test_a_naive_share_is_biased_by_censoring():
    duration, event = users(n=4000, decimals=6)
    truth = np.exp(-3 / 2)
    found = pseudo_observations(duration, event, horizon=3).mean()
    naive = np.mean(np.where(event == 1, duration > 3, 1))  # "has not left yet" is not "stayed"
    assert abs(found - truth) < 0.03 < abs(naive - truth)


@pytest.mark.coverage_suite
def test_intervals_cover_400():
    low, high = binom.interval(1 - 1e-4, 400, 0.95)
    for hits in covered(range(1000, 1400)).values():
        assert low <= hits <= high


def test_pandas_columns_with_any_index_are_taken():
    duration, event = users()
    table = pd.DataFrame({"d": duration, "e": event}, index=range(5, 65))
    np.testing.assert_allclose(
        pseudo_observations(table["d"], table["e"], horizon=2),
        pseudo_observations(duration, event, horizon=2),
    )
