"""What must hold of the estimators whatever the data are."""

from __future__ import annotations

import tracemalloc
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy.stats import norm

from causalrec_utils import ope
from causalrec_utils.ope import _scores
from causalrec_utils.policies import LinUCB, Uniform
from tests.ope.worlds import ALPHA, Bandit, bandit, categories

ALL = list(_scores.ESTIMATORS)
MODEL = {"q_logged": "q", "v_target": "v"}
quick = settings(deadline=None, max_examples=30, derandomize=True)


@st.composite
def logs(draw: Any) -> pd.DataFrame:
    """Small logs of any shape: few rows, tiny propensities, ties, rewards of either sign."""
    n = draw(st.integers(2, 30))
    p = draw(st.lists(st.floats(0.02, 1), min_size=n, max_size=n))
    e = draw(st.lists(st.floats(0, 1), min_size=n, max_size=n).filter(lambda x: max(x) > 0.01))
    real = st.lists(st.floats(-5, 5), min_size=n, max_size=n)
    return pd.DataFrame(
        {
            "propensity": p,
            "target": e,
            "reward": draw(real),
            "q": draw(real),
            "v": draw(real),
            "e": draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)),
            "user": draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)),
        }
    )


def run(log: pd.DataFrame, names: list[str], **options: Any) -> dict[str, Any]:
    options = {**MODEL, "embedding": "e", "mean_bounds": (-20.0, 20.0), **options}
    return ope.evaluate(log, "target", estimators=names, **options)


def near(a: float, b: float) -> bool:
    return bool(np.isclose(a, b, rtol=1e-7, atol=1e-7))


@quick
@given(logs())
def test_snips_stays_within_the_rewards(log: pd.DataFrame) -> None:
    value = run(log, ["snips"])["snips"].value
    assert log.reward.min() - 1e-9 <= value <= log.reward.max() + 1e-9


@quick
@given(logs(), st.floats(0.1, 10))
def test_scale(log: pd.DataFrame, factor: float) -> None:
    names = ["ips", "snips", "clipped_ips", "dm", "dr", "switch_dr", "dros", "mips"]
    one = run(log, names)
    bounds = (-20 * factor, 20 * factor)
    scaled = log.assign(**{c: log[c] * factor for c in ("reward", "q", "v")})
    other = run(scaled, names, mean_bounds=bounds)
    for name in names:
        assert near(other[name].value, factor * one[name].value)
        assert np.allclose(other[name].ci, np.multiply(factor, one[name].ci), equal_nan=True)


@quick
@given(logs(), st.floats(-3, 3))
def test_shift(log: pd.DataFrame, by: float) -> None:
    """Adding a constant to all rewards (and predictions) adds it to snips and dr, not to ips."""
    shifted = log.assign(**{c: log[c] + by for c in ("reward", "q", "v")})
    one, other = run(log, ["ips", "snips", "dr"]), run(shifted, ["ips", "snips", "dr"])
    for name in ("snips", "dr"):
        assert near(other[name].value, one[name].value + by)
        assert near(other[name].stderr, one[name].stderr)
    mean_weight = one["ips"].diagnostics["mean_weight"]
    assert near(other["ips"].value, one["ips"].value + by * mean_weight)


@quick
@given(logs(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(log: pd.DataFrame, random: Any) -> None:
    order = list(range(len(log)))
    random.shuffle(order)
    for cluster in (None, "user") if log.user.nunique() > 1 else (None,):
        one, other = (run(x, ALL, cluster=cluster) for x in (log, log.iloc[order]))
        for name in ALL:
            assert near(one[name].value, other[name].value)
            assert np.allclose(one[name].ci, other[name].ci, equal_nan=True)


@quick
@given(logs())
def test_each_row_its_own_cluster_is_no_cluster(log: pd.DataFrame) -> None:
    alone = log.assign(user=range(len(log)))
    one, other = run(log, ["ips", "snips", "dr", "mips"]), run(alone, ["ips"], cluster="user")
    assert near(one["ips"].stderr, other["ips"].stderr)


@quick
@given(logs())
def test_intervals_hold_their_estimate(log: pd.DataFrame) -> None:
    for name, e in run(log, ALL).items():
        assert name == "dm" or e.ci[0] <= e.value <= e.ci[1]


@quick
@given(logs())
def test_without_shrinking_the_shrunk_estimators_are_the_plain_ones(log: pd.DataFrame) -> None:
    got = run(log, ALL, clip=np.inf, switch=np.inf, shrinkage=np.inf)
    large = run(log, ["dros"], shrinkage=1e12)
    for name, plain in (("clipped_ips", "ips"), ("switch_dr", "dr"), ("dros", "dr")):
        assert near(got[name].value, got[plain].value)
        assert near(got[name].stderr, got[plain].stderr)
        assert got[name].ci[0] <= got[plain].ci[0] + 1e-9
        assert got[name].ci[1] >= got[plain].ci[1] - 1e-9
    assert near(large["dros"].value, got["dr"].value)


@quick
@given(logs())
def test_with_all_weight_shrunk_away_the_model_remains(log: pd.DataFrame) -> None:
    got = run(log, ["dm", "switch_dr", "dros"], switch=1e-300, shrinkage=1e-15)
    for name in ("switch_dr", "dros"):
        some = log.target[log.target > 0].min() if name == "dros" else 1.0
        if some > 1e-3:  # at tiny weights dros does not shrink
            assert got[name].value == pytest.approx(got["dm"].value, abs=1e-6)


@quick
@given(logs())
def test_dr_without_a_model_is_ips_and_without_weights_is_dm(log: pd.DataFrame) -> None:
    got = run(log.assign(q=0.0, v=0.0), ["ips", "dr"])
    assert near(got["dr"].value, got["ips"].value) and near(got["dr"].stderr, got["ips"].stderr)
    x = _scores.Rows(np.zeros(len(log)), *(log[c].to_numpy() for c in ("reward", "q", "v")))
    tuning = _scores.Tuning(1, 1, 1, 0, 1)
    for name in ("dr", "switch_dr", "dros"):
        assert np.array_equal(_scores.point(name, x, tuning, _scores.NUMPY).num, x.v)


@quick
@given(logs())
def test_the_logging_policy_itself_earns_the_mean_reward(log: pd.DataFrame) -> None:
    same = log.assign(target=log.propensity)
    plain = norm.ppf(0.975) * log.reward.std() / np.sqrt(len(log))
    for name, e in run(same, ["ips", "snips", "mips"]).items():
        assert near(e.value, log.reward.mean()), name
        assert near(e.ci[1] - e.value, plain), name


@quick
@given(logs())
def test_ips_is_snips_when_weights_have_mean_one(log: pd.DataFrame) -> None:
    w = log.target / log.propensity
    scale = w.mean() * 1.0001 * max(1.0, (log.target / w.mean()).max())
    even = log.assign(target=log.target / scale, propensity=log.propensity * w.mean() / scale)
    even = even[(even.propensity <= 1) & (even.propensity > 0)]
    if len(even) == len(log):
        got = run(even, ["ips", "snips"])
        assert near(got["ips"].value, got["snips"].value)


@quick
@given(logs())
def test_mips_between_ips_and_a_product_of_means(log: pd.DataFrame) -> None:
    fine = run(log.assign(e=range(len(log))), ["ips", "mips"])
    assert near(fine["mips"].value, fine["ips"].value)
    assert near(fine["mips"].stderr, fine["ips"].stderr)
    coarse = run(log.assign(e=0), ["mips"])["mips"].value
    assert near(coarse, (log.target / log.propensity).mean() * log.reward.mean())


def test_mips_with_the_action_as_embedding_is_ips_where_weights_belong_to_actions() -> None:
    """Without context, all rows of an action share one weight, so averaging it changes nothing."""
    world = bandit(3, contexts=1)
    log = world.draw(500, np.random.default_rng(0))
    got = run(log, ["ips", "mips"], embedding="action")
    assert got["mips"].value == pytest.approx(got["ips"].value, rel=1e-12)
    assert got["mips"].stderr == pytest.approx(got["ips"].stderr, rel=1e-12)


def test_estimators_are_unbiased() -> None:
    """Mean of 800 estimates against the truth, at the error of that mean; dm shows the test."""
    world, rng = bandit(1), np.random.default_rng(2)
    names = ["ips", "dr", "dm"]
    draws = [
        ope.evaluate(world.draw(150, rng), "target", estimators=names, **MODEL) for _ in range(800)
    ]
    limit = norm.isf(ALPHA / 2)
    for name in names:
        values = np.array([d[name].value for d in draws])
        z = (values.mean() - world.value) / (values.std(ddof=1) / np.sqrt(len(values)))
        assert (abs(z) < limit) == (name != "dm"), (name, z)
    stated = np.mean([d["dr"].stderr for d in draws])
    assert stated == pytest.approx(np.std([d["dr"].value for d in draws]), rel=0.1)


def test_mips_is_unbiased_and_narrower_when_only_the_category_matters() -> None:
    world, category = categories()
    rng = np.random.default_rng(3)
    pairs = []
    for _ in range(500):
        log = world.draw(200, rng)
        log["e"] = category[log["action"]]
        pairs.append([e.value for e in run(log, ["ips", "mips"]).values()])
    ips, mips = np.array(pairs).T
    z = (mips.mean() - world.value) / (mips.std() / np.sqrt(len(mips)))
    assert abs(z) < norm.isf(ALPHA / 2)
    assert mips.std() < 0.9 * ips.std()


def test_a_better_model_gives_a_narrower_dr(world: Bandit) -> None:
    log = world.draw(4000, np.random.default_rng(4))
    widths = []
    for shrink in (0.0, 0.5, 1.0):
        q = world.model(shrink)
        columns = world.columns(log.context.to_numpy(), log.action.to_numpy(), q)
        e = ope.evaluate(log.assign(**columns), "target", estimators=["dr", "ips"], **MODEL)
        widths.append(e["dr"].stderr)
    assert widths[2] < widths[1] < widths[0] and widths[2] < e["ips"].stderr


def test_memory_does_not_grow_with_actions() -> None:
    """A million rows and 500 actions: an (n × actions) array would be 4 GB."""
    n, k, rng = 1_000_000, 500, np.random.default_rng(0)
    log = pd.DataFrame(
        {
            "action": rng.integers(k, size=n),
            "reward": rng.integers(2, size=n).astype(float),
            "propensity": np.full(n, 1 / k),
            "user": rng.integers(20_000, size=n),
            "q": np.full(n, 0.5),
            "v": np.full(n, 0.5),
        }
    )
    target = rng.dirichlet(np.ones(k))[log["action"]]
    for cluster in (None, "user"):
        tracemalloc.start()
        ope.evaluate(log, target, estimators=ALL, embedding="action", cluster=cluster, **MODEL)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 250e6, f"{peak / 1e6:.0f} MB"


def test_memory_of_models_and_policies_does_not_grow_with_actions() -> None:
    n, k, rng = 30_000, 100, np.random.default_rng(0)
    log = pd.DataFrame(
        {"action": rng.integers(k, size=n), "reward": rng.random(n), "x": rng.random(n)}
    )
    full = n * k * 8

    def peak_of(work: Any) -> int:
        tracemalloc.start()
        work()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_of(lambda: ope.outcome_model(log, Uniform(range(k)))) < full / 5
    bandit_policy = LinUCB(range(k), dim=1)
    x = log[["x"]].to_numpy()
    assert peak_of(lambda: bandit_policy.prob(log["action"], context=x)) < full / 5
    assert peak_of(lambda: bandit_policy.act(n, context=x)) < full / 5
