"""Several objectives at once: what is on the Pareto front, and a search for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks

__all__ = ["pareto_front", "search_front"]

Range = tuple[float, float] | Sequence[Any]


def pareto_front(
    table: pd.DataFrame, *, maximise: Sequence[str] = (), minimise: Sequence[str] = ()
) -> np.ndarray:
    """Which rows no other row beats: none is as good in all objectives and better in one.

    Introduced in section 5.2.1.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an option.
    maximise, minimise : sequence of str
        Columns of numbers; together at least one.

    Returns
    -------
    array of bool, shape (n,)
        Equal rows are on the front together.

    Raises
    ------
    ValueError
        If no objective is named, or one is missing, named twice, or not finite.

    Examples
    --------
    >>> options = pd.DataFrame({"clicks": [3, 2, 1], "latency": [9, 2, 5]})
    >>> pareto_front(options, maximise=["clicks"], minimise=["latency"]).tolist()
    [True, True, False]
    """
    names = [*maximise, *minimise]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"need at least one objective, each named once; got {names}")
    _checks.columns(table, names)
    signs = [1.0] * len(maximise) + [-1.0] * len(minimise)
    score = np.column_stack(
        [s * _checks.numeric(table[name], name) for s, name in zip(signs, names, strict=True)]
    )
    front = np.ones(len(score), bool)
    for i, row in enumerate(score):
        if front[i]:
            beaten = (score <= row).all(axis=1) & (score < row).any(axis=1)
            front &= ~beaten
    return front


def search_front(
    evaluate: Callable[[dict[str, Any]], Mapping[str, float]],
    space: Mapping[str, Range],
    *,
    maximise: Sequence[str] = (),
    minimise: Sequence[str] = (),
    trials: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Settings that trade several objectives, found by an evolutionary search (NSGA-II).

    Introduced in section 5.2.1.

    Parameters
    ----------
    evaluate : callable
        From settings, by name, to objectives, by name.
    space : mapping
        By setting: a pair of floats, the range of a continuous one; or a list of options.
    maximise, minimise : sequence of str
        Objectives; together at least one.
    trials : int
        Settings to try.
    seed : int
        For the search.

    Returns
    -------
    pandas.DataFrame
        Every trial, in order: settings, objectives, and ``front``.

    Raises
    ------
    ValueError
        If an objective is missing or not finite, a range is not increasing, or a list is empty.

    Notes
    -----
    The search is optuna's. Objectives that are estimates make the front optimistic, as picking
    the largest of many does: evaluate its points again on other data. Deb, Pratap, Agarwal,
    Meyarivan (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE
    Transactions on Evolutionary Computation.

    Examples
    --------
    >>> found = search_front(lambda s: {"good": s["x"], "bad": s["x"] ** 2}, {"x": (0.0, 1.0)},
    ...                      maximise=["good"], minimise=["bad"], trials=20)
    >>> len(found), bool(found["front"].all())
    (20, True)
    """
    import optuna

    names = [*maximise, *minimise]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"need at least one objective, each named once; got {names}")
    for name, options in space.items():
        if _is_range(options):
            if not options[0] < options[1]:
                raise ValueError(f"space {name!r}: a range must increase, got {tuple(options)}")
        elif not len(options):
            raise ValueError(f"space {name!r}: needs at least one option")
    rows = []

    def objective(trial: Any) -> tuple[float, ...]:
        settings = {
            name: trial.suggest_float(name, *options)
            if _is_range(options)
            else options[trial.suggest_categorical(name, range(len(options)))]
            for name, options in space.items()
        }
        found = evaluate(settings)
        for name in names:
            if not np.isfinite(found.get(name, np.nan)):
                raise ValueError(f"objective {name!r} must be a finite number; got {dict(found)}")
        rows.append(settings | {name: float(found[name]) for name in names})
        return tuple(rows[-1][name] for name in names)

    up, down = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a line for each trial says nothing
    try:
        study = optuna.create_study(
            directions=[up] * len(maximise) + [down] * len(minimise),
            sampler=optuna.samplers.NSGAIISampler(seed=seed, population_size=max(trials // 5, 4)),
        )
        study.optimize(objective, n_trials=trials)
    finally:
        optuna.logging.set_verbosity(before)
    table = pd.DataFrame(rows)
    return table.assign(front=pareto_front(table, maximise=maximise, minimise=minimise))


def _is_range(options: Range) -> bool:
    return isinstance(options, tuple) and len(options) == 2
