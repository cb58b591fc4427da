"""Mechanisms for `fit_scm`, in the form that `dowhy.gcm` takes, and its randomness under a seed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["KINDS", "choose", "make", "seeded"]

KINDS = ("empirical", "linear", "logistic", "boosting", "boosted probability")
ROWS, FOLDS, GAIN = 2_000, 3, 0.01


@contextlib.contextmanager
def seeded(seed: int | np.random.Generator) -> Iterator[None]:
    """dowhy draws from NumPy's global generator: seed it here, and leave it as it was found."""
    from dowhy.gcm import config

    state, bars = np.random.get_state(), config.show_progress_bars
    np.random.seed(np.random.default_rng(seed).integers(2**31))
    config.show_progress_bars = False
    try:
        yield
    finally:
        np.random.set_state(state)
        config.show_progress_bars = bars


@cache
def _threshold() -> type:
    """The class is made on first use, since its base comes with dowhy."""
    from dowhy.gcm.causal_mechanisms import InvertibleFunctionalCausalModel
    from dowhy.gcm.ml import SklearnClassificationModel
    from sklearn.base import clone

    class Threshold(InvertibleFunctionalCausalModel):
        r"""A yes-or-no node: 1 where a uniform noise is below the probability given the parents."""

        def __init__(self, classifier: Any) -> None:
            self.model = SklearnClassificationModel(classifier)

        def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
            self.model.fit(X, np.asarray(Y, float))

        def probability(self, parents: np.ndarray) -> np.ndarray:
            return self.model.predict_probabilities(parents)[:, 1:]

        def draw_noise_samples(self, num_samples: int) -> np.ndarray:
            return np.random.uniform(size=(num_samples, 1))

        def evaluate(self, parent_samples: np.ndarray, noise_samples: np.ndarray) -> np.ndarray:
            noise = np.asarray(noise_samples, float).reshape(-1, 1)
            return (noise < self.probability(parent_samples)).astype(float)

        def estimate_noise(
            self, target_samples: np.ndarray, parent_samples: np.ndarray
        ) -> np.ndarray:
            """A draw from the noise that gives what was seen."""
            p, u = (
                self.probability(parent_samples),
                np.random.uniform(size=(len(parent_samples), 1)),
            )
            seen = np.asarray(target_samples, float).reshape(-1, 1) > 0.5
            return np.where(seen, u * p, p + u * (1 - p))

        def clone(self) -> Any:
            return Threshold(clone(self.model.sklearn_model))

    return Threshold


def _estimator(kind: str) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression, LogisticRegression

    return {
        "linear": LinearRegression,
        "logistic": lambda: LogisticRegression(C=1e4, max_iter=1000),
        "boosting": lambda: HistGradientBoostingRegressor(max_iter=100, random_state=0),
        "boosted probability": lambda: HistGradientBoostingClassifier(max_iter=100, random_state=0),
    }[kind]()


def make(kind: str) -> Any:
    """A mechanism to be fitted."""
    from dowhy import gcm

    if kind == "empirical":
        return gcm.EmpiricalDistribution()
    if kind in ("logistic", "boosted probability"):
        return _threshold()(_estimator(kind))
    return gcm.AdditiveNoiseModel(gcm.ml.SklearnRegressionModel(_estimator(kind)))


def choose(data: pd.DataFrame, node: str, parents: tuple[str, ...]) -> str:
    """The simple kind, unless boosting predicts better out of sample by a hundredth or more."""
    from sklearn.model_selection import KFold, cross_val_score
    from threadpoolctl import threadpool_limits

    if not parents:
        return "empirical"
    binary = data[node].nunique() == 2
    kinds = ("logistic", "boosted probability") if binary else ("linear", "boosting")
    part = data.sample(min(ROWS, len(data)), random_state=0)
    features = pd.get_dummies(part[list(parents)], dtype=float).to_numpy(float)
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    scoring = "neg_brier_score" if binary else "neg_mean_squared_error"
    target = part[node].to_numpy(int if binary else float)
    with threadpool_limits(1):  # several threads are slower on fits as small as these
        losses = [
            -cross_val_score(_estimator(kind), features, target, cv=folds, scoring=scoring).mean()
            for kind in kinds
        ]
    return kinds[int(losses[1] < (1 - GAIN) * losses[0])]
