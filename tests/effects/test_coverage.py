"""Coverage of every interval of `ate`, on worlds whose truth is known."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import simulate
from tests.effects.ate_worlds import LINEAR, Draw, band, by_user, covered, shown, sizes, wavy


def panel(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any], float]:
    world = simulate.panel(120, periods=6, start=3, seed=rng)
    roles = {"treatment": world.treatment, "outcome": world.outcome, "confounders": ()}
    return world.data, roles | {"unit": "user", "time": "period"}, world.truth["att"]


def nudged(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any], float]:
    world = simulate.instrument(800, seed=rng)
    roles = {"treatment": world.treatment, "outcome": world.outcome, "instrument": "nudge"}
    return world.data, roles | {"confounders": ["taste"]}, world.truth["late"]


def noticed(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any], float]:
    world = simulate.front_door(600, seed=rng)
    roles = {"treatment": world.treatment, "outcome": world.outcome, "mediator": "noticed"}
    return world.data, roles | {"confounders": ["taste"]}, world.truth["ate"]


def randomised(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any], float]:
    return shown(400, rng, confounding=0.0, overlap=np.inf)


def linear(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any], float]:
    return shown(500, rng, heterogeneity=2.0)


@cache
def population_att() -> float:
    """Intervals are for the treated of the population; a world's own ``att`` is for its rows."""
    return simulate.confounded(1_000_000, p=3, heterogeneity=2.0, seed=1).att


def linear_att(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any], float]:
    data, roles, _ = linear(rng)
    return data, roles, population_att()


def same_effect(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any], float]:
    return shown(500, rng, heterogeneity=0.0)


CASES: dict[str, tuple[Draw, str, dict[str, Any]]] = {
    "difference in means": (randomised, "difference_in_means", {}),
    "difference in means, 80 %": (randomised, "difference_in_means", {"level": 0.8}),
    "regression": (linear, "regression", {}),
    "regression, ATT": (linear_att, "regression", {"target": "ATT"}),
    "matching": (linear, "matching", {}),
    "matching, ATT": (linear_att, "matching", {"target": "ATT"}),
    "ipw": (linear, "ipw", {}),
    "ipw, ATT": (linear_att, "ipw", {"target": "ATT"}),
    "aipw": (linear, "aipw", LINEAR),
    "aipw, ATT": (linear_att, "aipw", LINEAR | {"target": "ATT"}),
    "dml": (same_effect, "dml", LINEAR),
    "did": (panel, "did", {}),
    "iv": (nudged, "iv", {}),
    "front door": (noticed, "front_door", {}),
}
CLUSTERED: dict[str, dict[str, Any]] = {
    "regression": {},
    "ipw": {},
    "aipw": LINEAR,
    "dml": LINEAR,
}
SLOW: dict[str, tuple[Draw, str, dict[str, Any]]] = {
    "aipw, default models": (wavy, "aipw", {}),
    "dml, default models": (same_effect, "dml", {}),
    "causal forest": (linear, "causal_forest", LINEAR),
}


def check(draw: Draw, worlds: int, level: float = 0.95, **options: Any) -> None:
    hits = covered(draw, worlds, level=level, **options)
    low, high = band(worlds, level)
    assert low <= hits <= high, f"{hits} of {worlds}, outside [{low}, {high}]"


@pytest.mark.parametrize("case", CASES)
@sizes(60)
def test_interval(worlds: int, case: str) -> None:
    draw, method, options = CASES[case]
    check(draw, worlds, method=method, **options)


@pytest.mark.parametrize("method", CLUSTERED)
@sizes(60)
def test_by_cluster(worlds: int, method: str) -> None:
    check(by_user, worlds, method=method, cluster="user", **CLUSTERED[method])


@pytest.mark.coverage_suite
@pytest.mark.parametrize("case", SLOW)
def test_slow_methods(case: str) -> None:
    draw, method, options = SLOW[case]
    check(draw, 400, method=method, **options)


@pytest.mark.parametrize("method", CLUSTERED)
def test_without_clusters_the_interval_would_be_wrong(method: str) -> None:
    """The studies above have power: ignoring the clusters is caught."""
    assert covered(by_user, 60, method=method, **CLUSTERED[method]) < band(60)[0]


def test_dml_estimates_another_average_where_effects_differ() -> None:
    """Its weights e(1 - e) are part of the estimand's name for a reason."""

    def strong(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any], float]:
        taste = rng.normal(size=1500)
        e = 1 / (1 + np.exp(-2 * taste - 1))
        t = (rng.random(1500) < e).astype(int)
        y = taste + (1 + taste) * t + rng.normal(size=1500)
        data = pd.DataFrame({"taste": taste, "t": t, "y": y})
        return data, {"treatment": "t", "outcome": "y", "confounders": ["taste"]}, 1.0

    assert covered(strong, 40, method="dml", **LINEAR) < band(40)[0]
