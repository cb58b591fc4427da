"""The learners behind `cate`: econml's, with nuisance models that are named and chosen by data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._inputs import Inputs

__all__: list[str] = []

Effect = Callable[[np.ndarray], np.ndarray]
Interval = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]
MSE = "neg_mean_squared_error"
COMPARED = 5_000  # rows on which kinds of models are compared, at most
WITH_CONFOUNDERS = ("dr", "linear_dml", "causal_forest")  # can adjust for more than the features
METHODS = ("s", "t", "x", *WITH_CONFOUNDERS, "network")
TREES = 200


class FewRows:
    """Three folds of at most ``COMPARED`` rows, as scikit-learn asks for them."""

    def get_n_splits(self, *_: Any, groups: Any = None) -> int:
        return 3

    def split(
        self, x: np.ndarray, *_: Any, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rows = np.random.default_rng(0).permutation(len(x))[:COMPARED]
        for test in np.array_split(rows, 3):
            yield np.setdiff1d(rows, test), test


@dataclass(frozen=True)
class Models:
    """Unfitted scikit-learn models; ``effect`` and ``joint`` are chosen at each fit.

    ``joint`` is for the outcome given features *and* treatment, so never additive in the two.
    """

    outcome: Any
    treatment: Any
    effect: Any
    joint: Any


def regressors(seed: int, width: int) -> list[Any]:
    """Linear; smooth (linear plus random Fourier features); and shallow boosted trees."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.kernel_approximation import RBFSampler
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import StandardScaler

    penalties = np.logspace(-2, 4, 7)
    waves = RBFSampler(gamma=0.1 / width, n_components=200, random_state=seed)
    trees = {"max_leaf_nodes": 8, "max_iter": 300, "early_stopping": True, "random_state": seed}
    return [
        make_pipeline(StandardScaler(), RidgeCV(penalties)),
        make_pipeline(StandardScaler(), make_union("passthrough", waves), RidgeCV(penalties)),
        HistGradientBoostingRegressor(**trees),
    ]


def classifiers(seed: int) -> list[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    trees = {"max_leaf_nodes": 8, "max_iter": 300, "early_stopping": True, "random_state": seed}
    return [
        *(
            make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000))
            for c in (1, 0.01)
        ),
        HistGradientBoostingClassifier(**trees),
    ]


def choose_models(d: Inputs, seed: int) -> Models:
    """The kinds of models with the smallest held-out loss, outcomes compared in each arm."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
    from sklearn.pipeline import Pipeline

    rng = np.random.default_rng(seed)
    rows = rng.permutation(d.n)[:COMPARED]
    x, t, y = d.x[rows], d.t[rows], d.y[rows]

    def error(model: Any) -> float:
        arms = [t == arm for arm in (0, 1)]
        scores = [cross_val_score(model, x[a], y[a], cv=3, scoring=MSE) * a.sum() for a in arms]
        return -float(np.mean(scores[0] + scores[1]))

    options = regressors(seed, d.x.shape[1])
    split = StratifiedKFold(3)
    kinds = classifiers(seed)
    logs = [cross_val_score(m, x, t, cv=split, scoring="neg_log_loss").mean() for m in kinds]
    best = min(options, key=error), kinds[int(np.argmax(logs))]
    effect, joint = (
        GridSearchCV(Pipeline([("model", m[0])]), {"model": m}, cv=FewRows(), scoring=MSE)
        for m in (options, options[1:])
    )
    return Models(*best, effect, joint)


def fit(
    method: str, d: Inputs, width: int, models: Models, seed: int, share: int = 1
) -> tuple[Effect, Interval | None]:
    """Effect of the first ``width`` columns of ``d.x``; the others are adjusted for.

    Where ``share`` fits are averaged, each needs only its share of trees and networks.
    """
    if method == "network":
        from ._network import fit_network

        return fit_network(d, seed, members=max(3, 5 // share)), None
    x, others = d.x[:, :width], d.x[:, width:] if d.x.shape[1] > width else None
    learner = _learner(method, models, seed, TREES // share // 4 * 4)
    if method in WITH_CONFOUNDERS:
        learner.fit(d.y, d.t, X=x, W=others)
    else:
        learner.fit(d.y, d.t, X=x)

    def interval(rows: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        low, high = learner.effect_interval(rows, alpha=1 - level)
        return np.ravel(low), np.ravel(high)

    has_interval = method in ("linear_dml", "causal_forest")
    return lambda rows: np.ravel(learner.effect(rows)), interval if has_interval else None


def _learner(method: str, models: Models, seed: int, trees: int) -> Any:
    from econml.dml import CausalForestDML, LinearDML
    from econml.dr import DRLearner
    from econml.metalearners import SLearner, TLearner, XLearner

    outcome, treatment = models.outcome, models.treatment
    residuals = {"model_y": outcome, "model_t": treatment, "discrete_treatment": True, "cv": 3}
    if method == "s":
        return SLearner(overall_model=models.joint)
    if method == "t":
        return TLearner(models=outcome)
    if method == "x":
        return XLearner(models=outcome, cate_models=models.effect, propensity_model=treatment)
    if method == "dr":
        return DRLearner(
            model_propensity=treatment,
            model_regression=outcome,
            model_final=models.effect,
            min_propensity=0.01,
            cv=3,
            random_state=seed,
        )
    if method == "linear_dml":
        return LinearDML(**residuals, random_state=seed)
    return CausalForestDML(
        **residuals, n_estimators=trees, min_samples_leaf=5, n_jobs=-1, random_state=seed
    )
