"""Each way around hidden confounding works, and fails when its assumption is broken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import simulate


def wald(data: pd.DataFrame) -> tuple[float, float]:
    """Ratio of differences by nudge, delta-method standard error."""
    z = data["nudge"].to_numpy()
    y, t = data["satisfaction"].to_numpy(), data["shown"].to_numpy()
    centred = (z - z.mean()) / z.var()
    effect = np.mean(centred * y) / np.mean(centred * t)
    residual = y - effect * t
    score = centred * (residual - residual.mean()) / np.mean(centred * t)
    return float(effect), float(score.std() / np.sqrt(len(z)))


def front_door(data: pd.DataFrame) -> float:
    """Pearl's formula with stratified means; taste is left to chance, which only adds noise."""
    p = data["shown"].mean()
    by = data.groupby(["noticed", "shown"])["satisfaction"].mean()
    jump = (by[1, 1] - by[0, 1]) * p + (by[1, 0] - by[0, 0]) * (1 - p)
    return float(data.groupby("shown")["noticed"].mean().diff()[1] * jump)


def change(data: pd.DataFrame, difference) -> tuple[float, float]:
    gain = data.assign(gain=data["satisfaction"] - data["before"])
    return difference(gain, "shown", "gain")


N = 100_000


@pytest.mark.parametrize("heterogeneity", [0.0, 0.4])
def test_three_ways_out_of_one_table(difference, ols, heterogeneity: float) -> None:
    world = simulate.natural_experiment(N, heterogeneity=heterogeneity, seed=0)
    data = world.data
    assert world.ate == 0.5
    b, se = ols(data, "satisfaction", "shown", "taste")
    assert b[0] - world.ate > 10 * se[0]  # the hidden confounder
    value, stderr = wald(data)
    assert abs(value - world.truth["late"]) < 4 * stderr
    assert abs(front_door(data) - world.ate) < 0.06
    value, stderr = change(data, difference)
    assert abs(value - world.att) < 4 * stderr
    if heterogeneity:  # a nudge moves those who were not shown anyway
        assert world.truth["late"] < world.ate - 0.03 < world.ate + 0.03 < world.att


def test_each_violation_breaks_its_own_way_out_only(difference) -> None:
    def grades(**options: float) -> tuple[bool, bool, bool]:
        world = simulate.natural_experiment(N, seed=1, **options)
        iv, did = wald(world.data), change(world.data, difference)
        return (
            abs(iv[0] - 0.5) < 4 * iv[1],
            abs(front_door(world.data) - 0.5) < 0.06,
            abs(did[0] - 0.5) < 4 * did[1],
        )

    assert grades() == (True, True, True)
    assert grades(bypass=0.3) == (True, False, True)
    assert grades(trend_gap=0.3) == (True, True, False)
    assert not grades(exclusion=0.3)[0]


def test_truth_of_the_designs(near) -> None:
    world = simulate.natural_experiment(N, heterogeneity=0.4, bypass=0.2, seed=2)
    gain = world.y1 - world.y0
    near(gain, world.ate)
    near((gain - world.att)[world.data["shown"] == 1], 0)
    near((world.data["shown"] - world.propensity) * world.propensity, 0)
    moved = 4.0 * (world.data["nudge"] - 0.5) * world.data["shown"]  # E = complier or not
    near(moved / moved.mean() * (gain - world.truth["late"]), 0)


def test_the_views_are_the_same_world() -> None:
    whole = simulate.natural_experiment(50, seed=3)
    iv = simulate.instrument(50, seed=3)
    pd.testing.assert_frame_equal(iv.data, whole.data[iv.data.columns])
    assert "nudge" not in simulate.front_door(50, seed=3).data
    assert "late" in iv.truth and "late" not in simulate.front_door(50, seed=3).truth
    with pytest.raises(TypeError, match="strenght"):
        simulate.instrument(50, seed=3, strenght=1.0)


def test_no_confounding_no_bias(difference) -> None:
    world = simulate.natural_experiment(N, confounding=0, seed=4)
    value, stderr = difference(world.data, "shown", "satisfaction")
    assert abs(value - 0.5) < 4 * stderr


@pytest.mark.parametrize("confounding", [0.0, 0.8])
@pytest.mark.parametrize("trend_gap", [0.0, 0.3])
def test_panel(difference, confounding: float, trend_gap: float) -> None:
    world = simulate.panel(
        8000, confounding=confounding, trend_gap=trend_gap, season=0.2, periods=6, start=3, seed=5
    )
    data = world.data
    assert len(data) == 48_000 and data["shown"].equals(data["treated"] * data["post"])
    wide = data.pivot_table(index=["user", "treated"], columns="post", values="satisfaction")
    wide = wide.reset_index()
    wide["gain"] = wide[1] - wide[0]
    value, stderr = difference(wide, "treated", "gain")
    assert abs(value - 0.5 - 3 * trend_gap) < 4 * stderr  # middles of before and after: 3 apart
    across, stderr = difference(wide, "treated", 0)
    assert abs(across + 2 * trend_gap) < 4 * stderr or confounding > 0
    assert (across > 10 * stderr) == (confounding > 0) or trend_gap > 0
    untreated = wide.loc[wide["treated"] == 0, "gain"]
    assert abs(untreated.mean() - 0.6) < 4 * untreated.std() / np.sqrt(len(untreated))
