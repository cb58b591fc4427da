"""Standard errors against the jackknife and against the spread over worlds; double robustness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from causalrec_utils import simulate
from causalrec_utils.effects import ate
from tests.effects.ate_worlds import LINEAR

ROLES = {"treatment": "t", "outcome": "y", "confounders": "a"}


def uneven(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Effects, noise and exposure all change with a; mean effect 1."""
    a = rng.normal(size=n)
    t = (rng.random(n) < 1 / (1 + np.exp(0.5 - a))).astype(int)
    y = a + (1 + 2 * a) * t + (1 + 0.5 * t) * rng.normal(size=n)
    m = t + 0.5 * a + rng.normal(size=n)
    return pd.DataFrame({"a": a, "t": t, "m": m, "z": a * 0.3 + t + rng.normal(size=n), "y": y + m})


@pytest.mark.parametrize(
    "options",
    [
        {"method": "difference_in_means"},
        {"method": "regression"},
        {"method": "regression", "target": "ATT"},
        {"method": "ipw"},
        {"method": "ipw", "target": "ATT"},
        {"method": "iv", "instrument": "z"},
        {"method": "front_door", "mediator": "m"},
    ],
)
def test_the_jackknife_says_the_same(options: dict[str, Any]) -> None:
    data = uneven(np.random.default_rng(5), 300)
    e = ate(data, **ROLES, **options)
    left_out = [ate(data.drop(i), **ROLES, **options).value for i in range(300)]
    jackknife = np.sqrt(299 / 300 * np.sum((left_out - np.mean(left_out)) ** 2))
    assert e.stderr == pytest.approx(jackknife, rel=0.04)


def test_the_jackknife_over_users_says_the_same() -> None:
    data = simulate.panel(60, periods=4, start=2, seed=3).data
    call = {"method": "did", "unit": "user", "time": "period"}
    e = ate(data, "shown", "satisfaction", **call)
    users = data["user"].unique()
    left_out = [ate(data[data["user"] != u], "shown", "satisfaction", **call).value for u in users]
    jackknife = np.sqrt(59 / 60 * np.sum((left_out - np.mean(left_out)) ** 2))
    assert e.stderr == pytest.approx(jackknife, rel=0.03)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_matching_error_is_the_spread_over_worlds(target: str) -> None:
    rng = np.random.default_rng(0)

    def noisy() -> pd.DataFrame:
        return uneven(rng, 200).assign(y=lambda d: d["y"] + 4 * rng.normal(size=200))

    fits = [ate(noisy(), **ROLES, method="matching", target=target) for _ in range(400)]
    spread = np.std([e.value for e in fits])
    assert np.mean([e.stderr for e in fits]) == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
@pytest.mark.parametrize(
    ("method", "options"),
    [("regression", {}), ("matching", {}), ("ipw", {}), ("aipw", LINEAR)],
)
def test_a_larger_effect_is_no_less_certain(method: str, options: dict, target: str) -> None:
    data = uneven(np.random.default_rng(2), 400)
    a = ate(data, **ROLES, method=method, target=target, **options)
    more = data.assign(y=data["y"] + 20 * data["t"])
    b = ate(more, **ROLES, method=method, target=target, **options)
    assert b.value == pytest.approx(a.value + 20)
    assert b.stderr == pytest.approx(a.stderr, rel=1e-6)


@pytest.mark.parametrize(
    "models",
    [
        {"model_y": DummyRegressor(), "model_t": LogisticRegression()},
        {"model_y": LinearRegression(), "model_t": DummyClassifier(strategy="prior")},
    ],
)
@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_one_right_model_is_enough(models: dict[str, Any], target: str) -> None:
    data = uneven(np.random.default_rng(3), 40_000)
    truth = (2 + 2 * data["a"])[data["t"] == 1].mean() if target == "ATT" else 2
    e = ate(data, **ROLES, target=target, **models)
    assert abs(e.value - truth) < 4 * e.stderr < 0.3
    wrong = {"model_y": DummyRegressor(), "model_t": DummyClassifier(strategy="prior")}
    assert abs(ate(data, **ROLES, target=target, **wrong).value - truth) > 0.5
