"""Monte Carlo coverage of every interval that `ope` offers, against exact binomial bands.

The fast set runs with the other tests; the same studies with many more worlds are marked
`coverage_suite`. A correct interval fails a check once in 10,000 runs, and seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from causalrec_utils import ope
from causalrec_utils.estimate import Estimate
from causalrec_utils.policies import TablePolicy
from tests.ope.worlds import Bandit, at_least, bandit, categories, in_band, slots

MODEL = {"q_logged": "q", "v_target": "v"}
Study = Callable[[np.random.Generator], tuple[dict[str, Estimate], float]]

large = pytest.mark.coverage_suite


def sizes(fast: int, many: int) -> Any:
    """Run with few worlds always, with many in the coverage suite."""
    return pytest.mark.parametrize(
        "worlds", [pytest.param(fast, id="fast"), pytest.param(many, id="many", marks=large)]
    )


def hits(study: Study, worlds: int, seed: int = 0) -> dict[str, int]:
    rng, count = np.random.default_rng(seed), {}
    for _ in range(worlds):
        estimates, truth = study(rng)
        for name, e in estimates.items():
            count[name] = count.get(name, 0) + (e.ci[0] <= truth <= e.ci[1])
    return count


def study_of(world: Bandit, n: int, names: list[str], **options: Any) -> Study:
    drawing = {k: options.pop(k) for k in ("units", "spread") if k in options}

    def study(rng: np.random.Generator) -> tuple[dict[str, Estimate], float]:
        log = world.draw(n, rng, **drawing)
        return ope.evaluate(log, "target", estimators=names, **MODEL, **options), world.value

    return study


@sizes(300, 4000)
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_normal(worlds: int, level: float) -> None:
    names = ["ips", "snips", "dr"]
    for name, k in hits(study_of(bandit(), 1500, names, level=level), worlds).items():
        assert in_band(k, worlds, level), (name, k)


@sizes(300, 4000)
def test_cluster(worlds: int) -> None:
    names = ["ips", "snips", "dr"]
    options = {"units": 40, "spread": 0.15, "cluster": "user"}
    for name, k in hits(study_of(bandit(1), 1200, names, **options), worlds).items():
        assert in_band(k, worlds, 0.95), (name, k)


@sizes(300, 4000)
def test_rows_of_few_users_are_not_independent(worlds: int) -> None:
    """The same log without ``cluster``: intervals are far too narrow."""
    study = study_of(bandit(1), 1200, ["ips", "snips", "dr"], units=40, spread=0.15)
    for name, k in hits(study, worlds).items():
        assert not at_least(k, worlds, 0.9), (name, k)


@sizes(250, 2000)
def test_bootstrap_of_rows(worlds: int) -> None:
    options = {"interval": "bootstrap", "n_boot": 300}
    study = study_of(bandit(2), 500, ["ips", "snips", "dr"], **options)
    for name, k in hits(study, worlds).items():
        assert in_band(k, worlds, 0.945), (name, k)  # 300 resamples give up half a point


@sizes(250, 2000)
def test_bootstrap_of_clusters(worlds: int) -> None:
    options = {"interval": "bootstrap", "n_boot": 300, "cluster": "user"}
    study = study_of(bandit(1), 1200, ["ips", "snips", "dr"], units=120, spread=0.15, **options)
    for name, k in hits(study, worlds).items():
        assert in_band(k, worlds, 0.94), (name, k)  # percentiles over 120 units give up a point


@sizes(300, 4000)
@pytest.mark.parametrize("n", [20, 400])
def test_bernstein_holds_for_every_n(worlds: int, n: int) -> None:
    world = bandit(3)
    rare = Bandit(world.context, world.logging, world.target, world.mean * 0.05)
    for w in (world, rare):
        study = study_of(w, n, ["ips", "clipped_ips"], interval="bernstein", level=0.9, clip=1.2)
        for name, k in hits(study, worlds).items():
            assert at_least(k, worlds, 0.9), (name, k)


def test_bernstein_narrows_with_n() -> None:
    world, rng = bandit(3), np.random.default_rng(0)
    widths = []
    for n in (400, 40_000):
        e = ope.evaluate(world.draw(n, rng), "target", estimators=["ips"], interval="bernstein")
        widths.append(e["ips"].ci[1] - e["ips"].ci[0])
    assert widths[1] < widths[0] / 8


def skewed() -> Bandit:
    """The target plays what the log rarely shows, and that is where rewards are highest."""
    mean = np.array([[0.9, 0.2, 0.1], [0.1, 0.2, 0.9]])
    logging = np.array([[0.03, 0.57, 0.40], [0.40, 0.57, 0.03]])
    target = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
    return Bandit(np.array([0.5, 0.5]), logging, target, mean)


def lacking() -> Bandit:
    """The log never shows what the target plays a third of the time."""
    world = skewed()
    logging = np.array([[0.0, 0.6, 0.4], [0.4, 0.6, 0.0]])
    target = np.array([[0.33, 0.33, 0.34], [0.33, 0.34, 0.33]])
    return Bandit(world.context, logging, target, world.mean)


SHRUNK = ["clipped_ips", "switch_dr", "dros"]
STRENGTH = {"clip": 2.0, "switch": 2.0, "shrinkage": 4.0}


def upside_down(world: Bandit) -> Bandit:
    return Bandit(world.context, world.logging, world.target, 1 - world.mean)


@sizes(300, 4000)
@pytest.mark.parametrize("world", [skewed(), upside_down(skewed()), lacking(), bandit()])
def test_shrunk_weights_hold_at_least_what_they_promise(worlds: int, world: Bandit) -> None:
    study = study_of(world, 800, SHRUNK, **STRENGTH)
    for name, k in hits(study, worlds).items():
        assert at_least(k, worlds, 0.95), (name, k)


@sizes(300, 4000)
def test_shrunk_weights_at_the_edge_of_the_bounds(worlds: int) -> None:
    """Rewards where weights were shrunk are at the bound: the interval has nothing to spare.

    One-sided, the interval then covers with (1 + level) / 2; a smaller reach would miss.
    """
    world = skewed()
    mean = np.where(world.logging < 0.1, 0.5, world.mean)
    edge = Bandit(world.context, world.logging, world.target, mean)
    options = {"clip": 2.0, "mean_bounds": (0.0, 0.5), "level": 0.8}
    k = hits(study_of(edge, 2000, ["clipped_ips"], **options), worlds)["clipped_ips"]
    assert in_band(k, worlds, 0.9)


@sizes(300, 4000)
def test_ignoring_the_bias_of_shrunk_weights_fails(worlds: int) -> None:
    """The interval around the point alone, which other libraries give, never holds the truth."""

    def study(rng: np.random.Generator) -> tuple[dict[str, Estimate], float]:
        world = skewed()
        log = world.draw(800, rng)
        got = ope.evaluate(log, "target", estimators=SHRUNK, **MODEL, **STRENGTH)
        reach = norm.ppf(0.975)
        naive = {
            k: Estimate(
                e.value,
                e.stderr,
                (e.value - reach * e.stderr, e.value + reach * e.stderr),
                0.95,
                e.n,
                k,
                e.estimand,
            )
            for k, e in got.items()
        }
        return naive, world.value

    for name, k in hits(study, worlds).items():
        assert not at_least(k, worlds, 0.6), (name, k)


@sizes(300, 4000)
def test_mips(worlds: int) -> None:
    """Weights are estimated from the log; the interval must know that."""
    world, category = categories()

    def study(rng: np.random.Generator) -> tuple[dict[str, Estimate], float]:
        log = world.draw(800, rng)
        log["e"] = category[log["action"]]
        return ope.evaluate(log, "target", estimators=["mips"], embedding="e"), world.value

    assert in_band(hits(study, worlds)["mips"], worlds, 0.95)


@sizes(300, 4000)
def test_positions(worlds: int) -> None:
    """Item-position weights, and position-based ones, which are narrower."""
    world = slots()
    target, logging = (TablePolicy(world.table(t)) for t in (world.target, world.logging))
    widths = []

    def study(rng: np.random.Generator) -> tuple[dict[str, Estimate], float]:
        log = world.draw(400, rng)
        item = ope.evaluate(
            log,
            target.prob(log.action, position=log.position),
            propensity=logging.prob(log.action, position=log.position),
            estimators=["ips", "snips"],
            cluster="list",
        )
        e, p = ope.marginalize(log, target, logging, world.examination)
        based = ope.evaluate(log, e, propensity=p, estimators=["ips"], cluster="list")["ips"]
        widths.append((item["ips"].stderr, based.stderr))
        return {**item, "position-based": based}, world.value

    for name, k in hits(study, worlds).items():
        assert in_band(k, worlds, 0.95), (name, k)
    item, based = np.mean(widths, axis=0)
    assert based < item


class CellsByContext:
    """Mean reward by context and action, shrunk a little; quick to fit."""

    def fit(self, rows: pd.DataFrame, y: np.ndarray) -> CellsByContext:
        cell = rows["context"].to_numpy() * 10 + rows["action"].to_numpy()
        count = np.bincount(cell, minlength=100)
        self.mean = (np.bincount(cell, y, minlength=100) + 0.5) / (count + 1)
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return self.mean[rows["context"].to_numpy(int) * 10 + rows["action"].to_numpy(int)]


@sizes(150, 2000)
@pytest.mark.parametrize("cluster", [None, "user"])
def test_cross_fitted_dr(worlds: int, cluster: str | None) -> None:
    world = bandit(4, contexts=2, actions=3)
    policy = TablePolicy(pd.Series([0.2, 0.3, 0.5]))
    world = Bandit(world.context, world.logging, np.tile([0.2, 0.3, 0.5], (2, 1)), world.mean)
    drawing = {} if cluster is None else {"units": 60, "spread": 0.1}

    def study(rng: np.random.Generator) -> tuple[dict[str, Estimate], float]:
        log = world.draw(400, rng, **drawing)
        q, v = ope.outcome_model(
            log, policy, features=["context"], model=CellsByContext(), cluster=cluster, seed=rng
        )
        got = ope.evaluate(
            log, "target", q_logged=q, v_target=v, estimators=["dr"], cluster=cluster
        )
        return got, world.value

    assert in_band(hits(study, worlds)["dr"], worlds, 0.95)


def direct(world: Bandit) -> Callable[[pd.DataFrame], float]:
    """The direct method with cell means, fitted on the rows it is given."""

    def statistic(rows: pd.DataFrame) -> float:
        table = rows[["context", "action", "reward"]].to_numpy()
        cell = table[:, 0].astype(int) * 10 + table[:, 1].astype(int)
        q = np.bincount(cell, table[:, 2], 100) / np.maximum(np.bincount(cell, minlength=100), 1)
        v = (world.target * q.reshape(10, 10)[:2, :3]).sum(axis=1)
        return float(v[table[:, 0].astype(int)].mean())

    return statistic


@sizes(80, 1500)
def test_direct_method_refitted_and_not(worlds: int) -> None:
    """Refitting on each resample covers. Holding the model fixed does not: no interval is given."""
    world = bandit(4, contexts=2, actions=3)
    statistic = direct(world)

    def study(rng: np.random.Generator) -> tuple[dict[str, Estimate], float]:
        log = world.draw(500, rng)[["context", "action", "reward", "target", "propensity"]]
        refitted = ope.bootstrap(log, statistic, n_boot=100, seed=rng)
        cell = log.groupby(["context", "action"])["reward"].mean().unstack().to_numpy()
        v = (world.target * cell).sum(axis=1)[log["context"]]
        reach = norm.ppf(0.975) * v.std(ddof=1) / np.sqrt(len(v))
        fixed = Estimate(
            v.mean(), np.nan, (v.mean() - reach, v.mean() + reach), 0.95, 500, "dm", ""
        )
        ours = ope.evaluate(log.assign(v=v), "target", estimators=["dm"], v_target="v")["dm"]
        assert ours.value == pytest.approx(refitted.value) == pytest.approx(v.mean())
        assert np.isnan([ours.stderr, *ours.ci]).all()
        return {"refitted": refitted, "fixed": fixed}, world.value

    count = hits(study, worlds)
    assert in_band(count["refitted"], worlds, 0.93)  # 100 resamples and 500 rows
    assert not at_least(count["fixed"], worlds, 0.8)


@sizes(100, 1500)
def test_bootstrap_by_cluster(worlds: int) -> None:
    world = bandit(1)

    def study(rng: np.random.Generator) -> tuple[dict[str, Estimate], float]:
        log = world.draw(800, rng, units=40, spread=0.15)
        truth = float((world.logging * world.mean).sum(axis=1) @ world.context)

        def mean(rows: pd.DataFrame) -> float:
            return float(rows["reward"].to_numpy().mean())

        options = {"n_boot": 100, "seed": rng, "estimand": "mean"}
        log = log[["reward", "user"]]
        by_user = ope.bootstrap(log, mean, cluster="user", **options)
        return {"user": by_user, "row": ope.bootstrap(log, mean, **options)}, truth

    count = hits(study, worlds)
    assert in_band(count["user"], worlds, 0.925)  # 100 resamples of 40 users
    assert not at_least(count["row"], worlds, 0.9)
