"""Where one user or one week moves another: spill-over, carry-over, retention."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import simulate

DESIGNS = ["individual", "cluster", "observational"]


@pytest.mark.parametrize("design", DESIGNS)
def test_direct_and_spillover_are_the_coefficients(ols, near, design: str) -> None:
    world = simulate.interference(n_users=4000, design=design, direct=0.4, spillover=0.7, seed=0)
    b, se = ols(world.data, "satisfaction", "shown", "friends_shown", "activity")
    assert np.all(abs(b[:3] - [0.4, 0.7, 1.0]) < 4 * se[:3])
    gain = world.hidden["y_all"] - world.hidden["y_none"]
    near(gain, world.ate)
    assert world.ate == pytest.approx(1.1)


def test_what_each_design_sees(difference) -> None:
    found = {}
    for design in DESIGNS:
        world = simulate.interference(n_users=8000, design=design, confounding=0.9, seed=1)
        found[design] = difference(world.data, "shown", "satisfaction")
    value, stderr = found["individual"]
    assert abs(value - 0.5) < 4 * stderr  # the direct effect, half of what launching brings
    assert 0.75 < found["cluster"][0] < 1.05
    assert found["observational"][0] > 1.0 + 5 * found["observational"][1]


def test_shares_come_from_the_links() -> None:
    friends = pd.DataFrame({"user": list("abad"), "friend": list("bacb")})  # a-b comes twice
    activity = pd.Series([3.0, 1.0, 2.0, 5.0, 4.0], index=list("eabcd"))
    world = simulate.interference(friends, activity=activity, direct=1, spillover=2, seed=3)
    data = world.data.set_index("user")
    assert data["n_friends"].to_dict() == {"e": 0, "a": 2, "b": 2, "c": 1, "d": 1}
    assert len(world.tables["friends"]) == 3
    links = {"a": ["b", "c"], "b": ["a", "d"], "c": ["a"], "d": ["b"], "e": []}
    for user, of in links.items():
        share = data.loc[of, "shown"].mean() if of else 0
        assert data.loc[user, "friends_shown"] == pytest.approx(share)
    assert data["activity"].std(ddof=0) == pytest.approx(1)
    assert data["activity"].rank().equals(activity.rank().rename("activity"))
    assert world.ate == pytest.approx(1 + 2 * 4 / 5)
    gain = world.hidden["y_all"] - world.hidden["y_none"]
    assert gain.round(9).tolist() == [1, 3, 3, 3, 3]
    expected = world.hidden["y_none"] + world.data["shown"] + 2 * world.data["friends_shown"]
    np.testing.assert_allclose(world.data["satisfaction"], expected)


def test_clusters_are_treated_as_one() -> None:
    world = simulate.interference(n_users=1000, design="cluster", seed=4)
    by = world.data.groupby("community")["shown"]
    assert by.nunique().eq(1).all() and 10 < by.ngroups < 200
    assert (world.data["friends_shown"] - world.data["shown"]).abs().lt(0.5).mean() > 0.5


def test_communities_have_the_links_they_say() -> None:
    friends = simulate.interference(n_users=410, seed=5).tables["friends"]
    assert (friends["user"] < friends["friend"]).all() and not friends.duplicated().any()
    inside = (friends["user"] // 20 == friends["friend"] // 20).mean()
    assert 0.65 < inside < 0.85
    assert set(friends.to_numpy().ravel()) == set(range(410))


@pytest.mark.parametrize("confounding", [0.0, 0.8])
def test_effect_of_this_week(ols, difference, confounding: float) -> None:
    world = simulate.carry_over(n_users=4000, confounding=confounding, decay=0.6, seed=0)
    b, se = ols(world.data, "listening", "recommended", *world.confounders)
    assert abs(b[0] - world.ate) < 5 * se[0]
    value, stderr = difference(world.data, "recommended", "listening")
    assert (value - world.ate > 10 * stderr) == (confounding > 0)
    t = world.data["recommended"]
    assert abs(np.mean((t - world.propensity) * world.propensity)) < 4 * 0.5 / np.sqrt(len(t))


def test_stock_carries_over() -> None:
    world = simulate.carry_over(n_users=50, decay=0.25, retention=0, seed=1)
    for _, rows in world.data.assign(stock=world.hidden["stock"]).groupby("user"):
        stock = 0.0
        for t, s in zip(rows["recommended"], rows["stock"], strict=True):
            stock = 0.25 * stock + t
            assert s == pytest.approx(stock)
        assert rows["week"].tolist() == list(range(len(rows)))
        assert rows["left"].iloc[:-1].eq(0).all()
        assert rows["before"].iloc[1:].tolist() == rows["listening"].iloc[:-1].tolist()


def test_mood_makes_the_week_before_a_confounder(ols) -> None:
    """Taste and all recommendations so far suffice without mood, and fail with it."""
    missed = {}
    for mood in (0.0, 0.7):
        world = simulate.carry_over(n_users=4000, weeks=6, retention=0, mood=mood, seed=5)
        data = world.data.assign(stock=world.hidden["stock"])
        b, se = ols(data, "listening", "stock", "taste")
        missed[mood] = (b[0] - 0.5) / se[0]
    assert abs(missed[0.0]) < 4 and missed[0.7] > 8


@pytest.mark.parametrize("mood", [0.0, 0.6])
def test_mood_lasts_as_long_as_it_says(mood: float) -> None:
    world = simulate.carry_over(n_users=8000, weeks=4, effect=0, mood=mood, seed=6)
    data = world.data.assign(mood=world.data["listening"] - world.data["taste"])
    last = data["before"] - data["taste"]
    assert np.corrcoef(last, data["mood"])[0, 1] == pytest.approx(mood, abs=0.03)
    assert data["mood"].std() == pytest.approx(1, abs=0.03)
    assert world.truth == simulate.carry_over(n_users=8000, weeks=4, effect=0, seed=6).truth


@pytest.mark.parametrize("name", ["decay", "mood"])
def test_what_lasts_is_a_share_below_one(name: str) -> None:
    for value in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"{name} must be in \[0, 1\), got {value}"):
            simulate.carry_over(n_users=10, seed=0, **{name: value})


def test_retention_follows_the_true_curves(near) -> None:
    """Two arms for good, no confounding: what is seen is the truth, for listening as well."""
    world = simulate.carry_over(
        n_users=40_000, regime="fixed", confounding=0, weeks=8, retention=0.6, seed=2
    )
    users, curve = world.tables["users"], world.tables["survival"]
    for arm, name in ((0, "never"), (1, "always")):
        mine = users[users["recommended"] == arm]
        for week in (1, 4, 8):
            there = (mine["weeks"] > week) | ((mine["weeks"] == week) & (mine["left"] == 0))
            near(there, curve[name][week])
        near(mine["weeks"], curve[name][:-1].sum())
    assert world.truth["retention"] == pytest.approx((curve["always"] - curve["never"])[8])
    assert world.truth["weeks"] == pytest.approx((curve["always"] - curve["never"])[:8].sum())
    assert world.truth["retention"] > 0.1
    gain = world.data["listening"] - world.data["taste"]
    always = gain[world.data["recommended"] == 1].groupby(world.data["week"]).mean()
    assert always.mean() == pytest.approx(world.truth["always"], abs=0.02)
    assert world.truth["long_run"] == pytest.approx(1.0)
    assert always.iloc[-1] == pytest.approx(1.0, abs=0.05)


def test_fixed_arms_are_confounded_by_taste(difference) -> None:
    world = simulate.carry_over(n_users=4000, regime="fixed", confounding=0.9, retention=0, seed=3)
    users = world.tables["users"]
    assert set(users["recommended"]) == {0, 1} and world.confounders == ("taste",)
    assert world.truth["retention"] == 0
    value, stderr = difference(users, "recommended", "weeks")
    assert value > 5 * stderr


def test_real_listeners_keep_their_names() -> None:
    taste = pd.Series([5.0, 1.0, 9.0], index=["ann", "bo", "cy"])
    world = simulate.carry_over(taste, seed=0)
    users = world.tables["users"].set_index("user")
    assert users["taste"].rank().to_dict() == {"ann": 2, "bo": 1, "cy": 3}
    assert users["weeks"].equals(world.data.groupby("user").size().rename("weeks"))
