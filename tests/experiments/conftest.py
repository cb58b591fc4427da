"""Fixtures shared by the tests of `experiments`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom


def _in_band(hits: int, trials: int, level: float) -> None:
    low, high = binom.interval(1 - 1e-4, trials, level)
    assert low <= hits <= high, f"covered {hits} of {trials}; exact band [{low:g}, {high:g}]"


@pytest.fixture
def in_band() -> Callable[[int, int, float], None]:
    """Asserts that a count of hits is what ``level`` allows, exact binomial band, error 1e-4."""
    return _in_band


@pytest.fixture
def covers() -> Callable[[Iterable, float, float], None]:
    """Asserts that the intervals of many estimates hold the truth as often as promised."""

    def check(estimates: Iterable, truth: float, level: float = 0.95) -> None:
        hits = [e.ci[0] <= truth <= e.ci[1] for e in estimates]
        _in_band(sum(hits), len(hits), level)

    return check


@pytest.fixture
def units() -> pd.DataFrame:
    """Two arms of unequal size, skewed metric, pre-period covariate, ratio metric, users, days."""
    rng = np.random.default_rng(11)
    n = 900
    treated = np.arange(n) % 3 == 0
    before = rng.gamma(2.0, size=n)
    views = 1.0 + rng.poisson(5, size=n)
    return pd.DataFrame(
        {
            "arm": np.where(treated, "new", "control"),
            "before": before,
            "y": 3 + before + 0.4 * treated + rng.exponential(size=n),
            "views": views,
            "clicks": rng.binomial(views.astype(int), 0.2 + 0.05 * treated).astype(float),
            "user": np.arange(n) // 6 + 1000 * treated,
            "day": np.arange(n) % 17,
        },
        index=np.arange(n)[::-1] + 5,
    )
