"""Do the intervals hold the truth as often as they say? Monte Carlo with exact binomial bands.

Every world draws users from a population whose metric is known. Two-sided intervals must cover
within a band around the nominal 95 %, which allows for the Monte Carlo error of the study (1 in
10,000 false alarms) and for the 1.5 points that a bootstrap with 150 skewed users may be off.
Conservative intervals must cover at least 95 %, less the Monte Carlo error.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_utils import metrics

N_USERS, K = 150, 5
OFF = 0.015
ALPHA = 1e-4


def check(covered: list[bool], *, conservative: bool = False, off: float = OFF) -> None:
    runs, hits = len(covered), sum(covered)
    low = binom.ppf(ALPHA / 2, runs, 0.95 - (0 if conservative else off))
    high = runs if conservative else binom.ppf(1 - ALPHA / 2, runs, 0.95 + off)
    assert low <= hits <= high, f"covered {hits} of {runs}, allowed {low:.0f} to {high:.0f}"


def covers(estimate, truth: float) -> bool:
    return estimate.ci[0] <= truth <= estimate.ci[1]


def study(runs: int, seed: int, draw) -> list[bool]:
    rng = np.random.default_rng(seed)
    return [draw(rng) for _ in range(runs)]


# Fast studies run in every test run; the large ones only on demand.
RUNS = [
    pytest.param(200, id="fast"),
    pytest.param(2500, id="large", marks=pytest.mark.coverage_suite),
]
both = pytest.mark.parametrize("runs", RUNS)


def ranking_world(rng: np.random.Generator, n: int, skill: float = 1.0):
    """Users of different taste for 12 items; a recommender that knows the taste in part."""
    taste = rng.normal(-1.2, 1.2, (n, 1)) + rng.normal(0, 1, (n, 12))
    liked = rng.random((n, 12)) < 1 / (1 + np.exp(-taste))
    score = skill * taste + rng.normal(0, 1, (n, 12))
    u, i = np.indices(score.shape)
    shown = pd.DataFrame({"user": u.ravel(), "item": i.ravel(), "score": score.ravel()})
    return shown, shown.loc[liked.ravel(), ["user", "item"]]


@pytest.fixture(scope="module")
def ranking_truth():
    shown, liked = ranking_world(np.random.default_rng(99), 60_000)
    return metrics.per_user(shown, liked, K).mean()


RANKING = ("precision", "recall", "f1", "ndcg", "auc")


@both
def test_ranking_metrics(runs, ranking_truth):
    rng = np.random.default_rng(1)
    covered = {name: [] for name in RANKING}
    for _ in range(runs):
        report = metrics.ranking_report(*ranking_world(rng, N_USERS), K, n_boot=500, seed=rng)
        for name in RANKING:
            covered[name].append(covers(report[name], ranking_truth[name]))
    for name in RANKING:
        check(covered[name])


@both
def test_paired_comparison(runs):
    """The worse recommender shows the better one's list with noise added: paired, not equal."""

    def draw(rng, n=N_USERS):
        shown, liked = ranking_world(rng, n)
        noisy = shown.assign(score=shown["score"] + rng.normal(0, 1.5, len(shown)))
        return metrics.per_user(shown, liked, K), metrics.per_user(noisy, liked, K)

    a, b = draw(np.random.default_rng(98), 60_000)
    truth = (a["ndcg"] - b["ndcg"]).mean()

    def one(rng):
        return covers(metrics.compare(*draw(rng), "ndcg", n_boot=500, seed=rng), truth)

    check(study(runs, 2, one))


@both
def test_few_users(runs):
    """The reason for Student's t and BCa: 30 users with a skewed metric."""

    def one(rng):
        a = pd.DataFrame({"user": range(30), "m": rng.beta(0.8, 3.2, 30)})
        return covers(metrics.compare(a, a.assign(m=0.0), "m", n_boot=500, seed=rng), 0.2)

    check(study(runs, 3, one))


def click_log(rng: np.random.Generator) -> pd.DataFrame:
    """Heavy users click less; the rate over impressions is 0.08, that over users is 0.11."""
    heavy = rng.random(N_USERS) < 0.3
    views = 1 + rng.poisson(np.where(heavy, 40, 8))
    rate = rng.beta(1, np.where(heavy, 15.666667, 5.922077))
    user = np.repeat(np.arange(N_USERS), views)
    return pd.DataFrame({"user": user, "click": rng.random(len(user)) < rate[user]})


CTR = (0.3 * 41 * (1 / 16.666667) + 0.7 * 9 * (1 / 6.922077)) / (0.3 * 41 + 0.7 * 9)


@both
def test_click_through_rate_by_user(runs):
    def one(rng):
        log = click_log(rng)
        return covers(metrics.click_through_rate(log, user="user", n_boot=500, seed=rng), CTR)

    check(study(runs, 4, one))


def test_ignoring_users_does_not_cover():
    covered = study(200, 5, lambda rng: covers(metrics.click_through_rate(click_log(rng)), CTR))
    with pytest.raises(AssertionError, match="covered"):
        check(covered)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.3])
def test_click_through_rate_of_rows(rate):
    """One number of clicks is all that can vary, so the coverage is exact: no simulation."""
    coverage = 0.0
    for clicks in range(201):
        log = pd.DataFrame({"click": [clicks], "views": [200]})
        estimate = metrics.click_through_rate(log, impressions="views")
        coverage += binom.pmf(clicks, 200, rate) * covers(estimate, rate)
    assert 0.93 < coverage < 0.97


N_ITEMS = 40


def rated_world(rng: np.random.Generator):
    """Ratings that are seen more often when high, and a prediction of 4 for everything."""
    level = rng.normal(3, 0.7, (N_USERS, 1))
    rating = level + rng.normal(0, 1, (N_USERS, N_ITEMS))
    p = 0.08 + 0.5 / (1 + np.exp(-2 * (rating - 3.5)))
    seen = rng.random(p.shape) < p
    u, i = np.nonzero(seen)
    frame = pd.DataFrame({"user": u, "item": i, "rating": rating[seen], "p": p[seen]})
    return frame.assign(prediction=4.0)


@pytest.mark.parametrize("cells", [None, (N_USERS, N_ITEMS)], ids=["snips", "ips"])
@both
def test_weighted_rating_errors(runs, cells):
    options = {"propensity": "p", "cells": cells, "n_boot": 500}
    truth = 1 + 0.49 + 1  # variance within, variance between, squared mean error
    mse, rmse = [], []
    rng = np.random.default_rng(7)
    for _ in range(runs):
        data = rated_world(rng)
        mse.append(covers(metrics.mse(data, seed=rng, **options), truth))
        rmse.append(covers(metrics.rmse(data, seed=rng, **options), np.sqrt(truth)))
    check(mse)
    check(rmse)


@both
def test_unweighted_rating_error(runs):
    """Mean absolute error where every pair is equally likely to be seen: half-normal mean."""

    def one(rng):
        user = np.repeat(np.arange(N_USERS), 1 + rng.poisson(6, N_USERS))
        error = rng.normal(0, np.sqrt(0.5), N_USERS)[user] + rng.normal(0, np.sqrt(0.5), len(user))
        data = pd.DataFrame({"user": user, "prediction": error, "rating": 0.0})
        return covers(metrics.mae(data, n_boot=500, seed=rng), np.sqrt(2 / np.pi))

    check(study(runs, 8, one))


@both
def test_satisfaction(runs):
    """Weighted: the mean rating of whole lists (3.0), although high ratings are seen more often."""
    u, i = np.indices((N_USERS, K))
    shown = pd.DataFrame({"user": u.ravel(), "item": i.ravel(), "rank": 1 + i.ravel()})

    def one(rng):
        ratings = rated_world(rng)
        estimate = metrics.satisfaction(shown, ratings, K, propensity="p", n_boot=500, seed=rng)
        return covers(estimate, 3.0)

    check(study(runs, 9, one))


def scored_log(rng: np.random.Generator, n: int) -> pd.DataFrame:
    user = np.repeat(np.arange(n), 1 + rng.poisson(7, n))
    shift = rng.normal(0, 1, n)[user]
    label = rng.random(len(user)) < 1 / (1 + np.exp(1 - shift))
    score = 0.5 * shift + label + rng.normal(0, 1, len(user))
    return pd.DataFrame({"user": user, "label": label.astype(int), "score": score})


@pytest.mark.parametrize("pooled", [False, True])
@both
def test_auc(runs, pooled):
    options = {"pooled": pooled, "n_boot": 500}
    truth = metrics.auc(scored_log(np.random.default_rng(97), 100_000), pooled=True).value
    if not pooled:
        # Within a user the shift is the same for both classes: P(N(1, 2) > 0).
        truth = 0.7602499389065233

    def one(rng):
        return covers(metrics.auc(scored_log(rng, N_USERS), seed=rng, **options), truth)

    check(study(runs, 10 + pooled, one))


@both
def test_catalogue_coverage_is_conservative(runs):
    """Two kinds of users who share favourites, so the items of a list depend on each other."""
    appeal = np.random.default_rng(96).normal(0, 2.5, (2, 300))

    def lists(rng):
        kind = (rng.random(N_USERS) < 0.3).astype(int)
        score = appeal[kind] + rng.gumbel(size=(N_USERS, 300))
        return np.argsort(-score, axis=1)[:, :K]

    def one(rng):
        item = lists(rng)
        u, r = np.indices(item.shape)
        shown = pd.DataFrame({"user": u.ravel(), "item": item.ravel(), "rank": r.ravel() + 1})
        return covers(metrics.catalogue_coverage(shown, range(300), K), truth)

    rng = np.random.default_rng(95)
    truth = np.mean([len(np.unique(lists(rng))) / 300 for _ in range(500)])
    check(study(runs, 12, one), conservative=True)


BINS = {"n_bins": 10, "binning": "uniform"}


def predicted(rng: np.random.Generator, tilt: float, n: int = N_USERS) -> pd.DataFrame:
    """True rate p + tilt (p - 0.5) where p is predicted; users differ in their p."""
    user = np.repeat(np.arange(n), 1 + rng.poisson(7, n))
    p = np.clip(rng.beta(2, 2, n)[user] + rng.uniform(-0.2, 0.2, len(user)), 0.01, 0.99)
    rate = np.clip(p + tilt * (p - 0.5), 0, 1)
    outcome = (rng.random(len(user)) < rate).astype(int)
    return pd.DataFrame({"user": user, "probability": p, "rate": rate, "outcome": outcome})


@pytest.mark.parametrize("tilt", [0.0, 0.2, -0.6])
@both
def test_calibration_is_conservative(runs, tilt):
    many = predicted(np.random.default_rng(95), tilt, 200_000)
    b = np.minimum((many["probability"] * 10).astype(int), 9)
    gap = (many["probability"] - many["rate"]).groupby(b).sum()
    truth = gap.abs().sum() / len(many)

    def one(rng):
        data = predicted(rng, tilt)
        estimate = metrics.calibration(data, user="user", n_boot=500, seed=rng, **BINS)
        return covers(estimate, truth)

    check(study(runs, 13, one), conservative=True)


@both
def test_calibration_interval_starts_at_zero_for_a_perfect_model(runs):
    """As a test of perfect calibration the interval keeps its level: 5 % false alarms."""

    def one(rng):
        data = predicted(rng, 0.0)
        return metrics.calibration(data, user="user", n_boot=500, seed=rng, **BINS).ci[0] == 0

    check(study(runs, 14, one), off=0.02)


@both
def test_proper_scores(runs):
    many = predicted(np.random.default_rng(94), 0.2, 200_000)
    p, q = many["probability"], many["rate"]
    truth = {
        metrics.brier: np.mean(q * (1 - p) ** 2 + (1 - q) * p**2),
        metrics.log_loss: -np.mean(q * np.log(p) + (1 - q) * np.log(1 - p)),
    }
    covered = {score: [] for score in truth}
    rng = np.random.default_rng(15)
    for _ in range(runs):
        data = predicted(rng, 0.2)
        for score, value in truth.items():
            covered[score].append(covers(score(data, user="user", n_boot=500, seed=rng), value))
    for hits in covered.values():
        check(hits)


@both
def test_bins_of_the_calibration_table(runs):
    def one(rng):
        data = predicted(rng, 0.0).assign(probability=0.5)
        table = metrics.calibration_table(data, user="user", n_boot=500, seed=rng)
        return bool(table["ci_low"][0] <= 0.5 <= table["ci_high"][0])

    check(study(runs, 16, one))
