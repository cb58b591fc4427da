"""Cross-fitted models of the outcome and of the treatment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _checks
from ._inputs import Inputs

__all__: list[str] = []

Model = Any  # a scikit-learn estimator, or one of the names below, or None
MODELS = ("linear", "boosting")
# Below this many rows, handing work to a second thread takes longer than the work.
SINGLE_THREAD = 50_000
# Candidates are compared on at most this many rows: more would cost time and change no choice.
COMPARED = 20_000


def threads(n: int) -> Any:
    """Context in which the models of a table of n rows are fitted."""
    import sklearn.ensemble  # noqa: F401  limits reach only thread pools that are loaded by now
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1 if n < SINGLE_THREAD else None)


def assign_folds(
    t: np.ndarray, codes: np.ndarray | None, k: int, rng: np.random.Generator
) -> np.ndarray:
    """Fold of each row: whole clusters, with treatment spread evenly over the folds."""
    if codes is None:
        unit, share = np.arange(len(t)), t
    else:
        unit = codes
        share = np.bincount(codes, t) / np.bincount(codes)
    order = np.lexsort((rng.random(len(share)), share))
    number = np.arange(len(share)) % k
    if len(np.unique(share)) > k:
        # Without many ties the order is nearly fixed: deal the folds anew in each run of k units.
        blocks = np.arange(len(share)) // k
        number = number[np.lexsort((rng.random(len(share)), blocks))]
    fold = np.empty(len(share), int)
    fold[order] = number
    return fold[unit]


def candidates(kind: str, n: int) -> dict[str, Model]:
    """Default models: penalised linear ones, and boosted trees that are shallow in small tables."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Many short steps rather than an early stop: what boosting leaves out stays as bias.
    trees: dict[str, Any] = {"max_leaf_nodes": 8 if n <= COMPARED else 31, "early_stopping": False}
    if kind == "classifier":
        return {
            "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
            # Wide tables (text embeddings) separate the arms unless the penalty is strong.
            "shrunk": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)),
            "boosting": HistGradientBoostingClassifier(**trees),
        }
    return {
        "linear": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 7))),
        "boosting": HistGradientBoostingRegressor(**trees),
    }


def predict(
    model: Model, x: np.ndarray, y: np.ndarray, fold: np.ndarray, use: np.ndarray | None = None
) -> np.ndarray:
    """Predictions for every row by a model that was fitted on the other folds' rows in ``use``."""
    from sklearn.base import clone, is_classifier

    out = np.empty(len(y))
    for f in range(fold.max() + 1):
        train = fold != f if use is None else (fold != f) & use
        fitted = clone(model).fit(x[train], y[train])
        test = x[fold == f]
        if is_classifier(model):
            out[fold == f] = fitted.predict_proba(test)[:, 1]
        else:
            out[fold == f] = fitted.predict(test)
    return out


def _best(
    given: Model,
    options: dict[str, Model],
    fit: Callable[[Model, np.ndarray], np.ndarray],
    loss: Callable[[np.ndarray, np.ndarray], float],
    n: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Predictions of the given model, or else of the candidate with the smallest held-out loss."""
    every = np.arange(n)
    if given is not None:
        return fit(options[given] if isinstance(given, str) else given, every)
    rows = every if n <= COMPARED else np.sort(rng.choice(n, COMPARED, replace=False))
    tried = {name: fit(model, rows) for name, model in options.items()}
    best = min(tried, key=lambda name: loss(tried[name], rows))
    return tried[best] if n <= COMPARED else fit(options[best], every)


def check_model(model: Model, name: str) -> None:
    if isinstance(model, str):
        _checks.choice(model, name, MODELS)
    elif model is not None and not hasattr(model, "fit"):
        raise ValueError(f"{name} must be a scikit-learn estimator or one of {MODELS}, got {model}")


def treatment(d: Inputs, fold: np.ndarray, model: Model, rng: np.random.Generator) -> np.ndarray:
    """Propensity P(t = 1 | x), or E[t | x] for a treatment that is not binary; shape (n,)."""
    binary = bool(np.isin(d.t, (0, 1)).all())
    options = candidates("classifier" if binary else "regressor", d.n)

    def fit(m: Model, rows: np.ndarray) -> np.ndarray:
        return predict(m, d.x[rows], d.t[rows], fold[rows])

    def loss(p: np.ndarray, rows: np.ndarray) -> float:
        if not binary:
            return float(np.mean((d.t[rows] - p) ** 2))
        with np.errstate(divide="ignore"):
            return float(-np.mean(np.log(np.where(d.t[rows] == 1, p, 1 - p))))

    return _best(model, options, fit, loss, d.n, rng)


def outcome(d: Inputs, fold: np.ndarray, model: Model, rng: np.random.Generator) -> np.ndarray:
    """E[y | x]; shape (n,)."""
    options = candidates("regressor", d.n)

    def fit(m: Model, rows: np.ndarray) -> np.ndarray:
        return predict(m, d.x[rows], d.y[rows], fold[rows])

    return _best(
        model, options, fit, lambda p, rows: float(np.mean((d.y[rows] - p) ** 2)), d.n, rng
    )


def outcome_by_arm(
    d: Inputs, fold: np.ndarray, model: Model, rng: np.random.Generator
) -> np.ndarray:
    """E[y | x, t = 0] and E[y | x, t = 1], each fitted on its own arm; shape (n, 2)."""
    options = candidates("regressor", d.n)

    def fit(m: Model, rows: np.ndarray) -> np.ndarray:
        x, y, f = d.x[rows], d.y[rows], fold[rows]
        return np.column_stack([predict(m, x, y, f, use=arm[rows]) for arm in d.arms])

    def loss(p: np.ndarray, rows: np.ndarray) -> float:
        return float(np.mean((d.y[rows] - own_arm(p, d.t[rows])) ** 2))

    return _best(model, options, fit, loss, d.n, rng)


def own_arm(m: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Prediction for the arm that each row was in."""
    return np.where(t == 1, m[:, 1], m[:, 0])


def r_squared(y: np.ndarray, prediction: np.ndarray) -> float:
    spread = float(np.var(y))
    return 1 - float(np.mean((y - prediction) ** 2)) / spread if spread > 0 else float("nan")
