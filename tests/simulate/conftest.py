"""Fixtures shared by the tests of `simulate`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def near() -> Callable[..., None]:
    """Asserts that the mean of draws is what it should be, up to four standard errors."""

    def check(draws: np.ndarray, truth: float) -> None:
        draws = np.asarray(draws, float)
        error = draws.std() / np.sqrt(len(draws))
        assert abs(draws.mean() - truth) <= 4 * error + 1e-12, (draws.mean(), truth, error)

    return check


@pytest.fixture
def difference() -> Callable[..., tuple[float, float]]:
    """Difference in means between the two values of a column, and its standard error."""

    def of(data: pd.DataFrame, arm: str, outcome: str) -> tuple[float, float]:
        by = data.groupby(arm)[outcome]
        variance = by.var() / by.size()
        return float(by.mean()[1] - by.mean()[0]), float(np.sqrt(variance.sum()))

    return of


@pytest.fixture
def ols() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Coefficients, and robust standard errors, of a regression with intercept."""

    def fit(data: pd.DataFrame, outcome: str, *names: str) -> tuple[np.ndarray, np.ndarray]:
        x = np.column_stack([*(data[c].to_numpy(float) for c in names), np.ones(len(data))])
        y = data[outcome].to_numpy(float)
        inverse = np.linalg.inv(x.T @ x)
        b = inverse @ x.T @ y
        score = x * (y - x @ b)[:, None]
        return b, np.sqrt(np.diag(inverse @ (score.T @ score) @ inverse))

    return fit
