"""Two rankings of videos: minutes, satisfaction, retention, and what is censored."""

from __future__ import annotations

import numpy as np
import pytest

from causalrec_utils import simulate


@pytest.fixture(scope="module")
def world() -> simulate.World:
    return simulate.video_retention(20_000, seed=0)


def test_leaving_follows_the_hazards(near, world) -> None:
    data, days = world.data, 15  # everybody is followed for as long
    left = (data["left"] == 1) & (data["days"] <= days)
    hazard = np.where(data["new_ranking"] == 1, world.hidden["hazard1"], world.hidden["hazard0"])
    near(left - (1 - (1 - hazard) ** days), 0)
    near((data["days"] == 1) - hazard, 0)
    kept = data["days"][data["left"] == 0]
    assert kept.min() == 15 and kept.max() == 60


def test_who_leaves_on_the_last_day_of_follow_up_has_left(near) -> None:
    world = simulate.video_retention(20_000, days=2, seed=3)
    data = world.data
    hazard = np.where(data["new_ranking"] == 1, world.hidden["hazard1"], world.hidden["hazard0"])
    near(((data["days"] == 1) & (data["left"] == 1)) - hazard, 0)


def test_the_truth_is_the_mean_over_users(world) -> None:
    stay = 1 - world.hidden[["hazard0", "hazard1"]].to_numpy()
    after = stay**30
    assert world.truth["retention"] == pytest.approx(np.mean(after[:, 1] - after[:, 0]))
    curves = world.tables["survival"].set_index("day")
    np.testing.assert_allclose(curves.loc[30], after.mean(axis=0))
    present = (1 - after) / (1 - stay)
    assert world.truth["present"] == pytest.approx(np.mean(present[:, 1] - present[:, 0]))
    assert world.truth["present"] == pytest.approx((curves["new"] - curves["old"])[:-1].sum())
    minutes = np.column_stack([world.y0, world.y1])
    assert world.truth["total"] == pytest.approx(((minutes * present) @ [-1, 1]).mean())
    assert world.ate == pytest.approx(np.mean(world.y1 - world.y0))
    np.testing.assert_allclose(np.log(world.y1 / world.y0), 0.15)


def test_who_gets_the_new_ranking(ols, world) -> None:
    assert world.data["activity"].corr(world.data["new_ranking"]) > 0.2
    coin = simulate.video_retention(20_000, confounding=0, seed=1).data
    b, se = ols(coin, "new_ranking", "activity")
    assert abs(b[0]) < 4 * se[0]
    b, se = ols(coin, "satisfaction", "new_ranking", "activity")
    assert np.all(abs(b[:2] - [-1, 0]) < 4 * se[:2])


def test_switches_of_retention() -> None:
    idle = simulate.video_retention(500, lift=0, regret=0, seed=2)
    assert idle.truth == {"ate": 0, "retention": 0, "present": 0, "total": 0}
    calm = simulate.video_retention(500, regret=0, days=5, seed=2)
    assert calm.truth["retention"] == 0 and calm.truth["total"] > 0
    assert len(calm.tables["survival"]) == 6 and calm.data["days"].max() <= 10


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("n_users", 0, "n_users must be a whole number of at least 1, got 0"),
        ("days", 1, "days must be a whole number of at least 2, got 1"),
        ("regret", -1, r"regret must be in \[0, inf\], got -1"),
        ("confounding", 2, r"confounding must be in \[0, 1\], got 2"),
        ("lift", float("nan"), r"lift must be in"),
    ],
)
def test_options_of_retention_are_checked(option: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate.video_retention(**{option: value}, seed=0)
