"""The log of a known policy, months of feedback, and exposure over a full matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import simulate


@pytest.fixture(scope="module")
def log() -> simulate.World:
    return simulate.recommender(100_000, n_users=50, n_items=20, seed=0)


def test_weights_by_logged_propensity_give_the_value_of_policies(near, log) -> None:
    noticed = 1.0 / log.data["position"]
    near(log.data["clicked"] / noticed / log.data["propensity"] / 20, log.truth["uniform"])
    near(log.data["clicked"] / noticed, log.truth["logging"])
    near(log.hidden["noticed"] - noticed, 0)
    relevance = log.tables["relevance"].to_numpy()
    assert log.truth["uniform"] == pytest.approx(relevance.mean())
    rows = log.data[["user", "item"]].to_numpy()
    np.testing.assert_allclose(log.hidden["relevance"], relevance[rows[:, 0], rows[:, 1]])
    np.testing.assert_allclose(log.tables["logging"].sum(axis=1), 1)


def test_propensities_are_the_frequencies(near, log) -> None:
    first = log.data[log.data["round"] == 0]
    p = first.drop_duplicates(["user", "item"]).set_index(["user", "item"])["propensity"]
    assert p.min() >= 0.1 / 20
    for (user, item), value in p.sort_values().iloc[[-1, -40, -200]].items():
        of_user = first[first["user"] == user]
        near(of_user["item"] == item, value)


def test_the_logging_policy_is_the_mean_over_rounds() -> None:
    world = simulate.recommender(30_000, n_users=5, n_items=8, popularity=2, rounds=3, seed=3)
    p = world.data.pivot_table(index="user", columns=["item", "round"], values="propensity")
    assert p.notna().all().all() and p.T.groupby("item").std().max().max() > 0.05
    np.testing.assert_allclose(p.T.groupby("item").mean().T, world.tables["logging"])
    value = (world.tables["logging"] * world.tables["relevance"]).sum(axis=1).mean()
    assert world.truth["logging"] == pytest.approx(value)


def test_switches_of_the_log() -> None:
    def make(**options: float) -> simulate.World:
        return simulate.recommender(30_000, n_users=50, n_items=20, seed=1, **options)

    assert make(overlap=1.0).data["propensity"].eq(1 / 20).all()
    assert make(confounding=0, popularity=0).data["propensity"].round(12).eq(1 / 20).all()
    taste = make(popularity=0).hidden["relevance"].mean()
    assert taste > make(confounding=0, popularity=0).hidden["relevance"].mean() + 0.1
    shares = [
        make(confounding=0, popularity=p).data.query("round == 4")["item"].value_counts(True).max()
        for p in (0.0, 1.0)
    ]
    assert shares[1] > 2 * shares[0]
    assert make(position_bias=0).hidden["noticed"].eq(1).all()
    place = make().data.assign(relevance=make().hidden["relevance"])
    by = place.groupby("position")["relevance"].mean()
    assert by[1] > by[5] + 0.1


def test_long_items_win_watch_time_without_being_liked() -> None:
    world = simulate.recommender(
        60_000, n_users=300, n_items=200, confounding=0, popularity=0, seed=2
    )
    data = world.data.assign(relevance=world.hidden["relevance"])
    by = data.groupby("item")[["duration", "watch_time", "relevance", "clicked"]].mean()
    assert by["duration"].corr(by["watch_time"], "spearman") > 0.6
    assert abs(by["duration"].corr(by["relevance"], "spearman")) < 0.25
    watched = data[data["clicked"] == 1]
    assert watched["watch_time"].between(0, watched["duration"], inclusive="right").all()
    assert data.loc[data["clicked"] == 0, "watch_time"].eq(0).all()


def test_with_autoplay_everything_is_watched() -> None:
    options = {"n_users": 200, "n_items": 100, "popularity": 0, "seed": 5}
    plain = simulate.recommender(40_000, **options)
    world = simulate.recommender(40_000, autoplay=True, **options)
    assert world.outcome == "watch_time" and "clicked" not in world.data
    started = world.hidden["clicked"] == 1  # the option changes no draw
    pd.testing.assert_series_equal(
        world.data["watch_time"][started], plain.data["watch_time"][started]
    )
    assert world.data["watch_time"].between(0, world.data["duration"], inclusive="right").all()
    # less interest and more length: a smaller share
    share = np.log(world.data["watch_time"] / world.data["duration"])
    power = np.log(share / np.log(world.hidden["relevance"])) - 0.3 * np.log(
        world.data["duration"] / 30
    )
    assert abs(power.mean()) < 4 * 0.5 / 200 and power.std() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("policy", ["random", "popular", "personal"])
def test_lists_of_the_loop(policy: str) -> None:
    world = simulate.feedback_loop(policy, n_users=30, n_items=25, months=4, explore=0.3, seed=0)
    assert len(world.data) == 4 * 30 * 10
    assert not world.data.duplicated(["month", "user", "item"]).any()
    assert (
        world.data.groupby(["month", "user"])["position"]
        .apply(list)
        .map(sorted)
        .map(lambda p: p == list(range(1, 11)))
        .all()
    )
    months = world.tables["months"]
    shown = world.data.assign(relevance=world.hidden["relevance"]).groupby("month")
    np.testing.assert_allclose(months["welfare"], shown["relevance"].mean())
    np.testing.assert_allclose(months["before"], months["welfare"])  # taste stays
    np.testing.assert_allclose(months["clicks"], shown["clicked"].mean())
    np.testing.assert_allclose(months["coverage"], shown["item"].nunique() / 25)
    assert (months["best"] >= months["welfare"]).all()
    assert world.truth["welfare"] == pytest.approx(months["welfare"][1:].mean())


def test_spread_is_the_textbook_one() -> None:
    world = simulate.feedback_loop("popular", n_users=12, n_items=30, months=2, k=4, seed=1)
    last = world.data[world.data["month"] == 1]
    x = np.bincount(last["item"], minlength=30)
    gini = np.abs(x[:, None] - x).mean() / (2 * x.mean())
    a = world.tables["items"].drop(columns="quality").to_numpy()
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    pairs = [
        1 - a[i] @ a[j]
        for _, g in last.groupby("user")
        for i in g["item"]
        for j in g["item"]
        if i < j
    ]
    row = world.tables["months"].iloc[1]
    assert row["gini"] == pytest.approx(gini) and row["diversity"] == pytest.approx(np.mean(pairs))


def test_bubbles_grow_and_exploring_lets_air_in() -> None:
    def months(policy: str, **options: float) -> pd.DataFrame:
        world = simulate.feedback_loop(policy, n_users=200, n_items=150, seed=2, **options)
        return world.tables["months"]

    base, popular, personal = months("random"), months("popular"), months("personal")
    assert popular["gini"].iloc[-1] > 0.85 > 0.3 > base["gini"].iloc[-1]
    assert personal["diversity"].iloc[-1] < personal["diversity"].iloc[0] - 0.03
    assert personal["welfare"].iloc[-1] > popular["welfare"].iloc[-1] > base["welfare"].iloc[-1]
    aired = months("personal", explore=0.2)
    assert aired["coverage"].iloc[-1] > personal["coverage"].iloc[-1] + 0.3
    pulled = months("personal", pull=0.3)
    assert pulled["welfare"].iloc[-1] > pulled["before"].iloc[-1] + 0.05


@pytest.mark.parametrize("drift", [0.0, 0.3])
def test_drift_moves_taste(drift: float) -> None:
    world = simulate.feedback_loop("random", n_users=60, n_items=20, months=9, drift=drift, seed=2)
    rows = world.data.assign(relevance=world.hidden["relevance"])
    wide = rows.pivot(index=["user", "item"], columns="month", values="relevance")
    moved = [(wide[0] - wide[m]).abs().mean() for m in (1, 4, 8)]
    assert (0.02 < moved[0] < moved[1] < moved[2]) if drift else max(moved) == 0


def test_exploring_everything_is_random() -> None:
    options = {"n_users": 200, "n_items": 40, "months": 3}
    gini = [
        simulate.feedback_loop(p, explore=e, seed=3, **options).tables["months"]["gini"].iloc[-1]
        for p, e in (("popular", 1.0), ("random", 0.0))
    ]
    assert gini[0] == pytest.approx(gini[1], abs=0.02)


def test_explored_slots_are_the_random_ones() -> None:
    """The best item keeps the first place unless that place is explored."""

    def policy(clicks: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.broadcast_to(-np.arange(30.0), clicks.shape)

    world = simulate.feedback_loop(
        policy, n_users=2000, n_items=30, months=2, k=5, explore=0.2, seed=5
    )
    first = world.data.query("month == 1 and position == 1")["item"]
    assert (first == 0).mean() == pytest.approx(0.8, abs=0.04)


def test_a_policy_of_ones_own_sees_what_happened() -> None:
    seen = []

    def policy(clicks: np.ndarray, shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        seen.append((clicks, shown))
        scores = simulate.LOOP_POLICIES["popular"](clicks, shown, rng).copy()
        scores[:, 7] = scores.max() + 1
        return scores

    world = simulate.feedback_loop(policy, n_users=20, n_items=30, months=3, k=5, seed=4)
    assert len(seen) == 2  # month 0 is random
    early = world.data[world.data["month"] == 0]
    expected = np.zeros((20, 30), int)
    expected[early["user"], early["item"]] = early["clicked"]
    np.testing.assert_array_equal(seen[0][0], expected)
    assert seen[0][1].sum() == 100 and seen[1][1].sum() == 200
    later = world.data[world.data["month"] > 0]
    assert later.loc[later["position"] == 1, "item"].eq(7).all()


def matrix(n_users: int = 300, n_items: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    user, item = np.repeat(np.arange(n_users), n_items), np.tile(np.arange(n_items), n_users)
    keep = rng.random(len(user)) < 0.8
    liked = rng.gamma(2, 0.4, size=len(user)) * (1 + item / n_items)
    return pd.DataFrame({"user": user, "item": item, "watch_ratio": liked})[keep]


def test_cells_shown_by_known_coins(near) -> None:
    full = matrix()
    world = simulate.exposure(full, share=0.3, seed=0)
    cells = world.tables["full"]
    assert cells["propensity"].mean() == pytest.approx(0.3, abs=1e-6)
    assert cells["propensity"].min() >= 0.03
    shown = (
        cells.merge(world.data[["user", "item"]], how="left", indicator=True)["_merge"] == "both"
    )
    near((shown - cells["propensity"]) * cells["propensity"], 0)
    near(shown / cells["propensity"] * cells["watch_ratio"], world.truth["mean"])
    assert world.data["watch_ratio"].mean() > world.truth["mean"] + 0.2
    assert world.truth["mean"] == pytest.approx(full["watch_ratio"].mean())


def test_impressions_of_a_known_policy(near) -> None:
    world = simulate.exposure(matrix(), impressions=100_000, overlap=0.2, seed=1)
    cells = world.tables["full"]
    np.testing.assert_allclose(cells.groupby("user")["propensity"].sum(), 1)
    known = cells.groupby("user")["item"].size()
    near(world.data["watch_ratio"], world.truth["logging"])
    weight = 1 / known[world.data["user"]].to_numpy() / world.data["propensity"]
    near(weight * world.data["watch_ratio"], world.truth["uniform"])
    assert world.truth["logging"] > world.truth["uniform"] + 0.2


def test_selection_and_popularity_are_separate_switches(near) -> None:
    def bias(**options: float) -> float:
        world = simulate.exposure(matrix(), seed=2, **options)
        return world.data["watch_ratio"].mean() - world.truth["mean"]

    none = simulate.exposure(matrix(), popularity=0, confounding=0, seed=2)
    assert none.data["propensity"].round(6).eq(0.2).all()
    near(none.data["watch_ratio"], none.truth["mean"])
    assert bias(overlap=1.0) == pytest.approx(0, abs=0.05)
    assert bias(popularity=0) > 0.2
    world = simulate.exposure(matrix(), confounding=0, popularity=1.5, seed=2)
    counts = world.data["item"].value_counts().reindex(range(60), fill_value=0)
    z = world.tables["items"].set_index("item")["popularity"]
    assert counts.corr(z, "spearman") > 0.9
    assert 0.2 < z.corr(matrix().groupby("item")["watch_ratio"].mean()) < 0.99
