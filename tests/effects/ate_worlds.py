"""Small worlds with known average effects, and the band that coverage must stay in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.linear_model import LinearRegression, LogisticRegression

from causalrec_utils import simulate
from causalrec_utils.effects import ate

# Cheap models that are right in linear worlds, so that a study of many worlds ends soon.
LINEAR = {"model_y": LinearRegression(), "model_t": LogisticRegression(), "folds": 3}
Draw = Callable[[np.random.Generator], tuple[pd.DataFrame, dict[str, Any], float]]


def sizes(fast: int, many: int = 400) -> Any:
    """Run with few worlds always, with many in the coverage suite."""
    large = pytest.param(many, id="many", marks=pytest.mark.coverage_suite)
    return pytest.mark.parametrize("worlds", [pytest.param(fast, id="fast"), large])


def shown(
    n: int, rng: np.random.Generator, **options: Any
) -> tuple[pd.DataFrame, dict[str, Any], float]:
    """Confounded exposure from `simulate`: table, names of its columns, truth."""
    world = simulate.confounded(n, p=3, seed=rng, **options)
    roles = {"treatment": world.treatment, "outcome": world.outcome}
    return world.data, roles | {"confounders": list(world.confounders)}, world.truth["ate"]


def wavy(rng: np.random.Generator, n: int = 2000) -> tuple[pd.DataFrame, dict[str, Any], float]:
    """Exposure and outcome share a wave that no straight line sees; mean effect 1."""
    x = rng.normal(size=(n, 3))
    e = 1 / (1 + np.exp(-np.sin(2 * x[:, 0]) - 0.6 * (x[:, 1] > 0)))
    t = (rng.random(n) < e).astype(int)
    y = 2 * np.sin(2 * x[:, 0]) + x[:, 1] ** 2 + (1 + 0.5 * np.sign(x[:, 0])) * t
    data = pd.DataFrame(x, columns=list("abc")).assign(t=t, y=y + rng.normal(size=n))
    return data, {"treatment": "t", "outcome": "y", "confounders": list("abc")}, 1.0


def by_user(
    rng: np.random.Generator, users: int = 80
) -> tuple[pd.DataFrame, dict[str, Any], float]:
    """Every user has six rows and one treatment, and shares an error; effect 1."""
    u = np.repeat(np.arange(users), 6)
    taste = rng.normal(size=users)
    t = (rng.random(users) < 1 / (1 + np.exp(-taste))).astype(int)
    y = t[u] + taste[u] + rng.normal(size=users)[u] + rng.normal(size=len(u))
    data = pd.DataFrame({"user": u, "taste": taste[u], "t": t[u], "y": y})
    return data, {"treatment": "t", "outcome": "y", "confounders": ["taste"]}, 1.0


def covered(draw: Draw, worlds: int, seed: int = 0, level: float = 0.95, **options: Any) -> int:
    """How many of the intervals hold the truth."""
    rng, hits = np.random.default_rng(seed), 0
    for _ in range(worlds):
        data, roles, truth = draw(rng)
        e = ate(data, **roles, level=level, seed=rng, **options)
        hits += e.ci[0] <= truth <= e.ci[1]
    return hits


def band(worlds: int, level: float = 0.95) -> tuple[int, int]:
    """Exact binomial band with error 1e-4."""
    low, high = binom.interval(1 - 1e-4, worlds, level)
    return int(low), int(high)
