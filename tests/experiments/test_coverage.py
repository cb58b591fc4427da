"""Monte Carlo coverage of every interval that `analyze` gives at a fixed sample size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from causalrec_utils.experiments import analyze

N = 600


def skewed(rng: np.random.Generator) -> pd.DataFrame:
    """Unequal arms and variances, gamma metric. Mean 2 against 3."""
    treated = rng.permutation(N) % 3 == 0
    y = np.where(treated, rng.gamma(9.0, 1 / 3, size=N), rng.gamma(2.0, 1.0, size=N))
    return pd.DataFrame({"arm": treated, "y": y})


def sessions(rng: np.random.Generator) -> pd.DataFrame:
    """Ratio of clicks to views, with views and click rate correlated within users."""
    treated = rng.permutation(N) % 2 == 0
    views = rng.poisson(6, size=N) + 1
    rate = np.clip(0.02 * views + rng.uniform(0.1, 0.3, size=N) + 0.05 * treated, 0, 1)
    return pd.DataFrame({"arm": treated, "views": views, "clicks": rng.binomial(views, rate)})


def with_history(rng: np.random.Generator) -> pd.DataFrame:
    """Covariate whose slope differs between unequal arms. Mean 4 against 3."""
    treated = rng.permutation(N) % 4 == 0
    x = rng.gamma(4.0, 0.5, size=N)
    y = np.where(treated, 4 + 2 * (x - 2), 3 + 0.5 * (x - 2)) + rng.normal(size=N)
    return pd.DataFrame({"arm": treated, "x": x, "y": y})


def by_user(rng: np.random.Generator) -> pd.DataFrame:
    """Users of unequal activity, randomised; their rows share an effect. Mean 3 against 2."""
    users = 160
    rows = rng.integers(1, 9, size=users)
    user = np.repeat(np.arange(users), rows)
    treated = (rng.permutation(users) % 2 == 0)[user]
    y = 2 + treated + rng.normal(size=users)[user] + rng.normal(size=len(user))
    x = rng.normal(size=len(user))
    return pd.DataFrame({"arm": treated, "user": user, "x": x, "y": y + x})


def by_day(rng: np.random.Generator) -> pd.DataFrame:
    """Rows are randomised within days that share an effect, on the mean and on the lift."""
    day = rng.integers(0, 80, size=1200)
    treated = rng.uniform(size=1200) < 0.4
    y = 2 + rng.normal(size=80)[day] + (1 + rng.normal(size=80)[day]) * treated
    return pd.DataFrame({"arm": treated, "day": day, "y": y + rng.normal(size=1200)})


def views_truth() -> tuple[float, float]:
    """Click rates of both arms in `sessions`, by summing over the law of views."""
    from scipy.stats import poisson

    views = np.arange(1, 60)
    weight = poisson.pmf(views - 1, 6) * views
    rng = np.linspace(0.1, 0.3, 2001)
    rates = [
        np.sum(weight * np.clip(0.02 * views + rng[:, None] + lift, 0, 1).mean(0)) / weight.sum()
        for lift in (0.05, 0.0)
    ]
    return float(rates[0]), float(rates[1])


RATE_T, RATE_C = views_truth()
CASES: dict[str, tuple[Callable, dict, float]] = {
    "welch": (skewed, {"metric": "y"}, 1.0),
    "welch-80": (skewed, {"metric": "y", "level": 0.8}, 1.0),
    "lift": (skewed, {"metric": "y", "relative": True}, 0.5),
    "ratio": (sessions, {"metric": ("clicks", "views")}, RATE_T - RATE_C),
    "ratio-lift": (
        sessions,
        {"metric": ("clicks", "views"), "relative": True},
        RATE_T / RATE_C - 1,
    ),
    "ratio-cuped": (
        sessions,
        {"metric": ("clicks", "views"), "covariate": "views"},
        RATE_T - RATE_C,
    ),
    "cuped": (with_history, {"metric": "y", "covariate": "x"}, 1.0),
    "cuped-lift": (with_history, {"metric": "y", "covariate": "x", "relative": True}, 1 / 3),
    "cluster": (by_user, {"metric": "y", "cluster": "user"}, 1.0),
    "cluster-cuped": (by_user, {"metric": "y", "cluster": "user", "covariate": "x"}, 1.0),
    "cluster-lift": (by_user, {"metric": "y", "cluster": "user", "relative": True}, 0.5),
    "shared-days": (by_day, {"metric": "y", "cluster": "day"}, 1.0),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("trials", [300, pytest.param(8000, marks=pytest.mark.coverage_suite)])
def test_coverage(covers, name: str, trials: int) -> None:
    draw, options, truth = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    estimates = [
        analyze(draw(rng), "arm", control=False, treatment=True, **options) for _ in range(trials)
    ]
    covers(estimates, truth, options.get("level", 0.95))
    values = np.array([e.value for e in estimates])
    mean_stderr = np.mean([e.stderr for e in estimates])
    assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(trials) + 0.1 * values.std()
    assert mean_stderr == pytest.approx(values.std(), rel=4 / np.sqrt(2 * trials) + 0.03)


@pytest.mark.parametrize("draw", [by_user, by_day])
def test_without_clusters_the_interval_would_be_wrong(draw: Callable) -> None:
    """The studies above have power: ignoring the clusters is caught."""
    rng = np.random.default_rng(0)
    es = [analyze(draw(rng), "arm", "y", control=False, treatment=True) for _ in range(200)]
    assert sum(e.ci[0] <= 1 <= e.ci[1] for e in es) < 0.88 * 200
