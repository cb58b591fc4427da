"""Ranking metrics: parity with scikit-learn, properties, edges, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm, t
from sklearn.metrics import f1_score, ndcg_score, precision_score, recall_score, roc_auc_score

from causalrec_utils import metrics

METRICS = ("precision", "recall", "f1", "ndcg")
N_ITEMS = 12


def world(seed: int, n_users: int = 25, *, ties: bool = False, graded: bool = True):
    """Scores of every item for every user, and gains of some."""
    rng = np.random.default_rng(seed)
    score = rng.random((n_users, N_ITEMS))
    if ties:
        score = np.floor(score * 4)
    gain = rng.integers(0, 4, (n_users, N_ITEMS)) * (rng.random((n_users, N_ITEMS)) < 0.4)
    if not graded:
        gain = (gain > 0).astype(int)
    return score, gain


def tables(score: np.ndarray, gain: np.ndarray):
    u, i = np.indices(score.shape)
    shown = pd.DataFrame({"user": u.ravel(), "item": i.ravel(), "score": score.ravel()})
    liked = pd.DataFrame({"user": u.ravel(), "item": i.ravel(), "gain": gain.ravel()})
    return shown, liked[liked["gain"] > 0]


@pytest.mark.parametrize("k", [1, 3, 5, N_ITEMS])
@pytest.mark.parametrize("ties", [False, True])
def test_ndcg_and_auc_agree_with_sklearn(k, ties):
    score, gain = world(1, ties=ties)
    table = metrics.per_user(*tables(score, gain), k)
    for row in table.itertuples():
        y, s = gain[row.user], score[row.user]
        if not y.any():
            assert np.isnan(row.ndcg)
            continue
        assert row.ndcg == pytest.approx(ndcg_score([y], [s], k=k), abs=1e-12)
        assert row.auc == pytest.approx(roc_auc_score(y > 0, s), abs=1e-12)


@pytest.mark.parametrize("k", [1, 4, N_ITEMS])
def test_precision_recall_f1_agree_with_sklearn(k):
    score, gain = world(2)
    table = metrics.per_user(*tables(score, gain), k)
    for row in table.itertuples():
        y = gain[row.user] > 0
        shown = np.zeros(N_ITEMS, bool)
        shown[np.argsort(-score[row.user])[:k]] = True
        assert row.precision == pytest.approx(precision_score(y, shown, zero_division=0))
        if y.any():
            assert row.recall == pytest.approx(recall_score(y, shown))
            assert row.f1 == pytest.approx(f1_score(y, shown))


def test_ties_give_the_expected_metric_under_random_order():
    score, gain = world(3, n_users=3, ties=True)
    tied = metrics.per_user(*tables(score, gain), 4)
    rng = np.random.default_rng(0)
    draws = [
        metrics.per_user(*tables(score + 1e-6 * rng.random(score.shape), gain), 4)
        for _ in range(300)
    ]
    for name in METRICS:
        values = np.array([d[name] for d in draws])
        se = values.std(axis=0) / np.sqrt(len(values))
        assert np.all(np.abs(values.mean(axis=0) - tied[name]) <= 4.5 * se + 1e-12)


def test_rank_and_score_give_the_same():
    score, gain = world(4)
    shown, liked = tables(score, gain)
    rank = shown.groupby("user")["score"].rank(ascending=False)
    ranked = shown.drop(columns="score").assign(rank=rank)
    a, b = metrics.per_user(shown, liked, 5), metrics.per_user(ranked, liked, 5)
    pd.testing.assert_frame_equal(a, b)
    # With both columns the rank decides.
    both = shown.assign(rank=rank, score=0.0)
    pd.testing.assert_frame_equal(a, metrics.per_user(both, liked, 5))


seeds = st.integers(0, 2**32 - 1)
FAST = settings(max_examples=30, deadline=None)


@FAST
@given(seed=seeds, k=st.integers(1, 15), ties=st.booleans())
def test_bounds(seed, k, ties):
    table = metrics.per_user(*tables(*world(seed, ties=ties)), k)
    for name in (*METRICS, "auc"):
        values = table[name].dropna()
        assert values.between(0, 1).all()
    defined = table.dropna(subset=["f1"])
    low = np.minimum(defined["precision"], defined["recall"])
    high = np.maximum(defined["precision"], defined["recall"])
    assert (defined["f1"] >= low - 1e-12).all()
    assert (defined["f1"] <= high + 1e-12).all()


@FAST
@given(seed=seeds, k=st.integers(1, 15))
def test_order_and_names_do_not_change_a_digit(seed, k):
    shown, liked = tables(*world(seed, ties=True))
    report = metrics.ranking_report(shown, liked, k, n_boot=100, catalogue=range(N_ITEMS))
    rng = np.random.default_rng(seed)
    user = {u: f"u{name}" for u, name in enumerate(rng.permutation(1000)[:25])}
    item = {i: f"i{name}" for i, name in enumerate(rng.permutation(N_ITEMS))}

    def renamed(table):
        table = table.sample(frac=1, random_state=int(rng.integers(2**31)))
        return table.assign(user=table["user"].map(user), item=table["item"].map(item))

    catalogue = item.values()
    other = metrics.ranking_report(
        renamed(shown), renamed(liked), k, n_boot=100, catalogue=catalogue
    )
    for name, estimate in report.items():
        assert other[name].value == pytest.approx(estimate.value, rel=1e-12)
        assert other[name].ci == pytest.approx(estimate.ci, rel=1e-9, nan_ok=True)


@FAST
@given(seed=seeds, k=st.integers(1, 15))
def test_perfect_ranking(seed, k):
    _, gain = world(seed)
    table = metrics.per_user(*tables(gain.astype(float), gain), k)
    assert table["ndcg"].dropna().to_numpy() == pytest.approx(1)
    assert (table["auc"].dropna() == 1).all()
    best = np.minimum(table["n_relevant"], k)
    assert table["hits"].to_numpy() == pytest.approx(best.to_numpy())


@FAST
@given(seed=seeds)
def test_monotone_relabelling_of_scores_changes_nothing(seed):
    score, gain = world(seed, ties=True)
    a = metrics.per_user(*tables(score, gain), 5)
    b = metrics.per_user(*tables(np.exp(score) - 7, gain), 5)
    pd.testing.assert_frame_equal(a, b)


@FAST
@given(seed=seeds)
def test_duplicating_every_user_leaves_the_values(seed):
    shown, liked = tables(*world(seed))
    twice = [pd.concat([t, t.assign(user=t["user"] + 1000)]) for t in (shown, liked)]
    a = metrics.ranking_report(shown, liked, 5, n_boot=100, catalogue=range(20))
    b = metrics.ranking_report(*twice, 5, n_boot=100, catalogue=range(20))
    for name in a:
        assert b[name].value == pytest.approx(a[name].value)


@FAST
@given(seed=seeds)
def test_comparison_is_antisymmetric_and_zero_for_identical_lists(seed):
    score, gain = world(seed)
    a = metrics.per_user(*tables(score, gain), 5)
    b = metrics.per_user(*tables(world(seed + 1)[0], gain), 5)
    same = metrics.compare(a, a.sample(frac=1, random_state=0), "ndcg")
    assert same.value == 0
    assert np.isnan(same.ci[0])  # no user differs, so nothing says how far another sample would
    ab, ba = (metrics.compare(x, y, "precision", n_boot=100) for x, y in ((a, b), (b, a)))
    assert ab.value == pytest.approx(-ba.value)
    assert ab.value == pytest.approx(a["precision"].mean() - b["precision"].mean())


def test_single_functions_agree_with_the_report():
    shown, liked = tables(*world(5))
    report = metrics.ranking_report(shown, liked, 4, seed=3)
    for name in METRICS:
        assert getattr(metrics, name)(shown, liked, 4, seed=3) == report[name]


def test_edges_are_counted_and_follow_the_rules():
    shown = pd.DataFrame({"user": ["a", "a", "b", "c"], "item": [1, 2, 1, 1], "rank": [1, 2, 1, 1]})
    # b has nothing relevant (a gain of 0 is a judgement, not a hit); d has no list.
    liked = pd.DataFrame({"user": ["a", "b", "c", "d"], "item": [2, 1, 1, 5], "gain": [1, 0, 2, 1]})
    table = metrics.per_user(shown, liked, 2).set_index("user")
    assert table["precision"].to_dict() == {"a": 0.5, "b": 0.0, "c": 0.5, "d": 0.0}
    assert table["recall"].drop("b").to_dict() == {"a": 1.0, "c": 1.0, "d": 0.0}
    assert table.loc["b", ["recall", "f1", "ndcg"]].isna().all()
    report = metrics.ranking_report(shown, liked, 2)
    assert report["precision"].n == 4
    assert report["recall"].n == 3
    assert report["recall"].diagnostics["users_left_out"] == 1
    expected = {"users_without_relevant": 1, "users_without_list": 1, "users_short_list": 2}
    assert expected.items() <= report["recall"].diagnostics.items()
    assert "1 users without relevant items counted as 0" in report["precision"].warnings
    assert "1 users without relevant items left out" in report["recall"].warnings


def test_nothing_defined_gives_nan_and_says_so():
    shown = pd.DataFrame({"user": [1], "item": [1], "score": [1.0]})
    liked = pd.DataFrame({"user": [1], "item": [2], "gain": [0]})
    estimate = metrics.recall(shown, liked, 1)
    assert np.isnan(estimate.value)
    assert estimate.n == 0
    assert "no user to average over" in estimate.warnings


def test_few_effective_users_are_warned_about():
    rng = np.random.default_rng(0)
    hit = np.zeros(500)
    hit[rng.choice(500, 4, replace=False)] = 1
    a = pd.DataFrame({"user": range(500), "recall": hit})
    estimate = metrics.compare(a, a.assign(recall=0.0), "recall")
    assert estimate.diagnostics["effective_users"] == pytest.approx(4, abs=0.2)
    assert estimate.warnings == ("the interval rests on about 4 users",)


def test_auc_within_and_pooled_agree_with_sklearn():
    rng = np.random.default_rng(6)
    n = 400
    log = pd.DataFrame(
        {
            "user": rng.integers(0, 30, n),
            "label": rng.integers(0, 2, n),
            "score": np.floor(rng.random(n) * 20),
        }
    )
    pooled = metrics.auc(log, pooled=True)
    assert pooled.value == pytest.approx(roc_auc_score(log["label"], log["score"]), abs=1e-12)
    both = [part for _, part in log.groupby("user") if part["label"].nunique() == 2]
    expected = np.mean([roc_auc_score(part["label"], part["score"]) for part in both])
    within = metrics.auc(log)
    assert within.value == pytest.approx(expected, abs=1e-12)
    assert within.n == len(both)
    assert within.diagnostics["users_left_out"] == log["user"].nunique() - len(both)


def test_pooled_auc_without_two_classes_is_nan():
    log = pd.DataFrame({"user": [1, 2], "label": [1, 1], "score": [0.1, 0.2]})
    assert np.isnan(metrics.auc(log, pooled=True).value)


def test_coverage_counts_distinct_items_and_handles_ties():
    shown, _ = tables(*world(7))
    top = shown.sort_values("score").groupby("user").tail(2)
    covered = metrics.catalogue_coverage(shown, range(40), 2)
    assert covered.value == pytest.approx(top["item"].nunique() / 40)
    # Two users, two tied items, one place: 1 - 1/4 chance for each item to be seen.
    tied = pd.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], "score": 0.0})
    assert metrics.catalogue_coverage(tied, [1, 2, 3, 4], 1).value == pytest.approx(2 * 0.75 / 4)


def test_coverage_jackknife_agrees_with_leaving_out_each_user():
    score, _ = world(8, n_users=6, ties=True)
    shown, _ = tables(score, score)
    left_out = [
        metrics.catalogue_coverage(shown[shown["user"] != u], range(N_ITEMS), 3).value
        for u in range(6)
    ]
    expected = np.sqrt(5 / 6 * np.sum((left_out - np.mean(left_out)) ** 2))
    estimate = metrics.catalogue_coverage(shown, range(N_ITEMS), 3)
    assert estimate.stderr == pytest.approx(expected)


SHOWN = pd.DataFrame({"user": [1, 1, 2], "item": [7, 8, 7], "rank": [1, 2, 1]})
LIKED = pd.DataFrame({"user": [1, 2], "item": [8, 9], "gain": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("shown", "liked", "message"),
    [
        (SHOWN.drop(columns="item"), LIKED, "column 'item': is missing"),
        (SHOWN.drop(columns="rank"), LIKED, "column 'score': is missing"),
        (SHOWN, LIKED.drop(columns="user"), "column 'user': is missing"),
        (
            SHOWN.assign(user=[1.0, np.nan, 2.0]),
            LIKED,
            "column 'user': must not be missing; first offending row: 1",
        ),
        (
            SHOWN.assign(item=[7, 7, 7]),
            LIKED,
            r"column 'item': each \(user, item\) pair may come once only; "
            r"first offending row: 1 \(value 7\)",
        ),
        (
            SHOWN,
            LIKED.assign(user=2, item=9),
            r"'item': each \(user, item\) pair may come once only; first offending row: 1",
        ),
        (
            SHOWN.assign(rank=[1, 3, 1]),
            LIKED,
            r"column 'rank': must be 1, 2, 3, .*first offending row: 1 \(value 3.0\)",
        ),
        (SHOWN.assign(rank=[1, 1, 1]), LIKED, r"'rank': must be 1.*row: 0 \(value 1.0\)"),
        (SHOWN.assign(rank=[0, 1, 0]), LIKED, r"'rank': must be 1.*row: 0 \(value 0.0\)"),
        (
            SHOWN.drop(columns="rank").assign(score=[0.1, np.inf, 0.2]),
            LIKED,
            "column 'score': must be finite.*first offending row: 1",
        ),
        (SHOWN, LIKED.assign(gain=[1, -1]), r"'gain': must be in \[0, inf\).*row: 1"),
        (
            SHOWN,
            LIKED.astype({"user": str}),
            "column 'user': must have the same type in all tables, got int64 and object",
        ),
        (SHOWN, LIKED.astype({"item": str}), "column 'item': must have the same type"),
    ],
)
def test_bad_tables(shown, liked, message):
    with pytest.raises(ValueError, match=message):
        metrics.per_user(shown, liked, 2)


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_bad_k(k):
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        metrics.per_user(SHOWN, LIKED, k)


def test_bad_options():
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 95"):
        metrics.precision(SHOWN, LIKED, 2, level=95)
    with pytest.raises(ValueError, match="n_boot must be at least 100, got 10"):
        metrics.precision(SHOWN, LIKED, 2, n_boot=10)


def test_bad_catalogue():
    rule = r"column 'item': must be in the catalogue; first offending row: 1 \(value 8\)"
    with pytest.raises(ValueError, match=rule):
        metrics.catalogue_coverage(SHOWN, [7, 9], 2)
    with pytest.raises(ValueError, match="catalogue must hold at least one item"):
        metrics.catalogue_coverage(SHOWN, [], 2)


def test_bad_comparison():
    a = pd.DataFrame({"user": [1, 2, 3], "ndcg": [0.1, 0.2, 0.3]})
    rule = r"column 'user': each user must come once in both tables; first offending row: "
    with pytest.raises(ValueError, match=rule + r"2 \(value 3\)"):
        metrics.compare(a, a[:2], "ndcg")
    with pytest.raises(ValueError, match=rule + r"2 \(value 3\)"):
        metrics.compare(a, a.assign(user=[1, 2, 1]), "ndcg")
    with pytest.raises(ValueError, match=rule + r"1 \(value 1\)"):
        metrics.compare(a.assign(user=[1, 1, 2]), a, "ndcg")
    with pytest.raises(ValueError, match="column 'recall': is missing"):
        metrics.compare(a, a, "recall")


def test_bad_auc_input():
    log = pd.DataFrame({"user": [1, 1], "label": [0, 2], "score": [0.1, 0.2]})
    with pytest.raises(ValueError, match=r"column 'label': must be 0 or 1; .*row: 1 \(value 2.0\)"):
        metrics.auc(log)
    with pytest.raises(ValueError, match="column 'score': must be finite.*row: 0"):
        metrics.auc(log.assign(label=1, score=[np.nan, 1]))


def test_bootstrap_interval_agrees_with_scipy():
    n = 40
    values = np.random.default_rng(0).exponential(size=n) ** 1.5
    a = pd.DataFrame({"user": range(n), "m": values})
    ours = metrics.compare(a, a.assign(m=0.0), "m", n_boot=20_000)
    widened = 2 * norm.cdf(t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1))) - 1
    options = {"n_resamples": 20_000, "confidence_level": widened, "rng": np.random.default_rng(1)}
    reference = bootstrap((values,), np.mean, method="BCa", **options)
    expected = reference.confidence_interval
    assert ours.ci == pytest.approx((expected.low, expected.high), rel=0.02)
    assert ours.stderr == pytest.approx(reference.standard_error, rel=0.02)
    # The tolerance is far below what the skewness correction does.
    plain = bootstrap((values,), np.mean, method="percentile", **options).confidence_interval
    assert plain.high < 0.95 * ours.ci[1]


@pytest.mark.parametrize("pooled", [False, True])
def test_repeating_rows_of_a_user_adds_no_certainty(pooled):
    rng = np.random.default_rng(9)
    log = pd.DataFrame({"user": rng.integers(0, 30, 300), "label": rng.integers(0, 2, 300)})
    log["score"] = log["label"] + rng.normal(size=300)
    once, often = (metrics.auc(t, pooled=pooled) for t in (log, pd.concat([log] * 4)))
    assert often.value == pytest.approx(once.value)
    assert often.ci == pytest.approx(once.ci)
