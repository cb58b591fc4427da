"""The same numbers as plain formulas, and the same from a database."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from causalrec_utils import ope
from causalrec_utils.logs import BanditLog
from causalrec_utils.ope import _moments, _scores
from tests.ope.worlds import Bandit

ALL = list(_scores.ESTIMATORS)
MODEL = {"q_logged": "q", "v_target": "v", "embedding": ["category", "context"]}
TUNING = {"clip": 1.5, "switch": 1.2, "shrinkage": 2.0}


def dense(world: Bandit, log: pd.DataFrame) -> dict[str, float]:
    """Estimates the usual way, with (n × actions) arrays: the definitions of Open Bandit Pipeline.

    Saito, Aihara, Matsutani and Narita (2021), "Open Bandit Dataset and Pipeline".
    """
    x, a, r = (log[c].to_numpy() for c in ("context", "action", "reward"))
    rows = np.arange(len(log))
    action_dist = world.target[x]
    estimated_rewards = world.model()[x]
    iw = action_dist[rows, a] / world.logging[x, a]
    q = estimated_rewards[rows, a]
    baseline = np.average(estimated_rewards, weights=action_dist, axis=1)
    lam = TUNING["shrinkage"]
    return {
        "ips": (r * iw).mean(),
        "snips": (r * iw / iw.mean()).mean(),
        "clipped_ips": (r * np.minimum(iw, TUNING["clip"])).mean(),
        "dm": baseline.mean(),
        "dr": (iw * (r - q) + baseline).mean(),
        "switch_dr": ((iw <= TUNING["switch"]) * iw * (r - q) + baseline).mean(),
        "dros": (lam * iw / (iw**2 + lam) * (r - q) + baseline).mean(),
    }


def by_hand(name: str, log: pd.DataFrame, cluster: str | None) -> tuple[float, float]:
    """Value and standard error of a ratio of means, by a loop over units."""
    w = (log.target / log.propensity).to_numpy()
    r, q, v = (log[c].to_numpy() for c in ("reward", "q", "v"))
    num = {"ips": w * r, "snips": w * r, "dr": v + w * (r - q)}[name]
    den = w if name == "snips" else np.ones(len(w))
    value = num.sum() / den.sum()
    if cluster is None:
        nums, dens = num, den
    else:
        groups = [np.flatnonzero(log[cluster] == u) for u in log[cluster].unique()]
        nums = np.array([num[g].sum() for g in groups])
        dens = np.array([den[g].sum() for g in groups])
    residual = nums - value * dens
    return value, np.sqrt((residual**2).sum() / (len(nums) - 1) / len(nums)) / dens.mean()


def test_values_equal_dense_formulas(world: Bandit, log: pd.DataFrame) -> None:
    got = ope.evaluate(log, "target", estimators=ALL, **MODEL, **TUNING)
    for name, value in dense(world, log).items():
        assert got[name].value == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("cluster", [None, "user"])
@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_standard_error_and_interval(log: pd.DataFrame, name: str, cluster: str | None) -> None:
    got = ope.evaluate(log, "target", estimators=[name], cluster=cluster, level=0.9, **MODEL)[name]
    value, stderr = by_hand(name, log, cluster)
    z = norm.ppf(0.95) if cluster is None else t.ppf(0.95, log[cluster].nunique() - 1)
    assert got.value == pytest.approx(value, rel=1e-12)
    assert got.stderr == pytest.approx(stderr, rel=1e-9)
    assert got.ci == pytest.approx((value - z * stderr, value + z * stderr), rel=1e-9)


def test_bernstein_is_theorem_4(log: pd.DataFrame) -> None:
    """Maurer and Pontil (2009): each end at (1 - level) / 2, for scores of a known range."""
    rows = log.head(500)
    got = ope.evaluate(
        rows, "target", estimators=["ips"], interval="bernstein", level=0.9, reward_bounds=(-1, 3)
    )["ips"]
    z = (rows.target / rows.propensity * rows.reward).to_numpy()
    spread = (3 - -1) / rows.propensity.min()
    log_term = np.log(2 / 0.05)
    reach = np.sqrt(2 * z.var(ddof=1) * log_term / 500) + 7 * spread * log_term / (3 * 499)
    assert got.ci == pytest.approx((z.mean() - reach, z.mean() + reach), rel=1e-9)


def mips_by_hand(log: pd.DataFrame) -> float:
    w = log.target / log.propensity
    mean_w = {key: w.loc[rows.index].mean() for key, rows in log.groupby(["category", "context"])}
    keys = zip(log.category, log.context, strict=True)
    return float(np.mean([mean_w[k] * r for k, r in zip(keys, log.reward, strict=True)]))


def test_mips_value_and_jackknife(log: pd.DataFrame) -> None:
    """The score's variance is that of the whole estimator, estimated weights included."""
    small = log.head(400)
    got = ope.evaluate(small, "target", estimators=["mips"], **MODEL)["mips"]
    assert got.value == pytest.approx(mips_by_hand(small), rel=1e-12)
    left_out = np.array([mips_by_hand(small.drop(index=i)) for i in small.index])
    n = len(small)
    jackknife = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    assert got.stderr == pytest.approx(jackknife, rel=0.03)


def test_bounds_of_shrunk_weights(log: pd.DataFrame) -> None:
    got = ope.evaluate(
        log, "target", estimators=["clipped_ips"], clip=1.5, reward_bounds=(-1.0, 2.0)
    )["clipped_ips"]
    w = (log.target / log.propensity).to_numpy()
    lost = 1 - np.minimum(w, 1.5).mean()
    assert got.diagnostics["bias_bound"] == pytest.approx(2.0 * lost, rel=1e-9)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("cluster", [None, "user"])
def test_chunks_change_nothing(
    log: pd.DataFrame, chunk: int, cluster: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = log.head(300)
    whole = ope.evaluate(rows, "target", estimators=ALL, cluster=cluster, **MODEL)
    monkeypatch.setattr(_moments, "CHUNK", chunk)
    parts = ope.evaluate(rows, "target", estimators=ALL, cluster=cluster, **MODEL)
    for name in ALL:
        assert same(parts[name], whole[name])


def same(a: Any, b: Any) -> bool:
    numbers = [(e.value, e.stderr, *e.ci, *e.diagnostics.values(), e.n, e.level) for e in (a, b)]
    close = np.allclose(*numbers, rtol=1e-9, atol=1e-12, equal_nan=True)
    return close and list(a.diagnostics) == list(b.diagnostics) and a.warnings == b.warnings


@pytest.mark.parametrize("cluster", [None, "user"])
@pytest.mark.parametrize("name", ALL)
def test_database_equals_memory(
    log: pd.DataFrame, name: str, cluster: str | None, to_duckdb: Callable[[pd.DataFrame], Any]
) -> None:
    options = {"estimators": [name], "cluster": cluster, **MODEL, **TUNING}
    memory = ope.evaluate(log, "target", **options)[name]
    assert same(ope.evaluate(to_duckdb(log), "target", **options)[name], memory)
    assert memory.n == len(log)


def test_database_equals_memory_for_other_intervals(
    log: pd.DataFrame, to_duckdb: Callable[[pd.DataFrame], Any]
) -> None:
    table = to_duckdb(log)
    bernstein = {"estimators": ["ips", "clipped_ips"], "interval": "bernstein"}
    boot = {"estimators": ["snips", "dr"], "interval": "bootstrap", "cluster": "user", **MODEL}
    for options in (bernstein, {**boot, "n_boot": 50}):
        rows = log.sort_values("user", kind="stable")  # the order in which units are fetched
        memory = ope.evaluate(rows, "target", **options)
        database = ope.evaluate(table, "target", **options)
        assert all(same(database[name], memory[name]) for name in options["estimators"])


@pytest.mark.parametrize("where", ["memory", "database"])
@pytest.mark.parametrize("kind", ["integer", "boolean", "decimal", "nullable", "float32"])
def test_column_types_change_nothing(
    log: pd.DataFrame, kind: str, where: str, to_duckdb: Callable[[pd.DataFrame], Any]
) -> None:
    change = {
        "integer": lambda x: x.astype(int),
        "boolean": lambda x: x > 0,
        "decimal": lambda x: [Decimal(int(v)) for v in x],
        "nullable": lambda x: x.astype("Int64"),
        "float32": lambda x: x.astype("float32"),
    }[kind]
    other = log.assign(reward=change(log["reward"]))
    other = to_duckdb(other) if where == "database" else other
    options = {"estimators": ["ips", "snips", "clipped_ips", "mips"], **MODEL}
    want = ope.evaluate(log, "target", **options)
    got = ope.evaluate(other, "target", **options)
    assert all(same(got[name], want[name]) for name in want)


def test_infinite_tuning_in_a_database(
    log: pd.DataFrame, to_duckdb: Callable[[pd.DataFrame], Any]
) -> None:
    options = {"clip": np.inf, "switch": np.inf, "shrinkage": np.inf, **MODEL}
    names = ["clipped_ips", "switch_dr", "dros"]
    memory = ope.evaluate(log, "target", estimators=names, **options)
    database = ope.evaluate(to_duckdb(log), "target", estimators=names, **options)
    assert all(same(database[name], memory[name]) for name in names)


@pytest.mark.parametrize("kind", ["string", "category", "float", "unused category"])
def test_cluster_labels_of_any_type(log: pd.DataFrame, kind: str) -> None:
    user = log["user"]
    labels = {
        "string": "u" + user.astype(str),
        "category": user.astype("category"),
        "float": user / 7,
        "unused category": pd.Categorical(user, categories=range(-5, 500)),
    }[kind]
    want = ope.evaluate(log, "target", estimators=["snips"], cluster="user")["snips"]
    got = ope.evaluate(log.assign(user=labels), "target", estimators=["snips"], cluster="user")
    assert same(got["snips"], want)


def test_arrays_series_and_odd_indexes(log: pd.DataFrame) -> None:
    """Arrays are taken by position, whatever the index of the table is."""
    want = ope.evaluate(log, "target", cluster="user", **MODEL)
    shuffled = log.set_index(np.arange(len(log))[::-1] + 17)
    given = {"q_logged": log["q"], "v_target": log["v"].to_numpy(), "embedding": MODEL["embedding"]}
    got = ope.evaluate(
        shuffled, log["target"], propensity=log["propensity"].to_list(), cluster="user", **given
    )
    assert all(same(got[name], want[name]) for name in want)


def test_log_brings_its_names(log: pd.DataFrame, to_duckdb: Callable[[pd.DataFrame], Any]) -> None:
    names = {"reward": "click", "propensity": "p", "action": "item", "user": "person"}
    renamed = log.rename(columns=names)
    roles = {"action": "item", "reward": "click", "propensity": "p", "cluster": "person"}
    want = ope.evaluate(log, "target", cluster="user", **MODEL)
    for table in (renamed, to_duckdb(renamed)):
        got = ope.evaluate(BanditLog(table, **roles), "target", **MODEL)
        assert all(same(got[name], want[name]) for name in want)


def test_diagnostics(log: pd.DataFrame) -> None:
    d = ope.evaluate(log, "target", estimators=["ips"])["ips"].diagnostics
    w = (log.target / log.propensity).to_numpy()
    assert d["ess"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert d["mean_weight"] == pytest.approx(w.mean())
    assert d["max_weight"] == pytest.approx(w.max())
    assert d["max_weight_share"] == pytest.approx(w.max() / w.sum())
    assert d["rewarded"] == (log.reward != 0).sum()
    assert d["units"] == len(log)
