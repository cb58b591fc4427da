"""Replay on a uniformly random log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from causalrec_utils.policies import (
    BernoulliThompson,
    EpsilonGreedy,
    GaussianThompson,
    LinearThompson,
    LinUCB,
    ModelPolicy,
    Policy,
    Softmax,
    TablePolicy,
    Uniform,
    replay,
)

MEAN = np.array([0.2, 0.5, 0.6, 0.3])


def random_log(n: int, rng: np.random.Generator) -> pd.DataFrame:
    a = rng.integers(4, size=n)
    reward = (rng.random(n) < MEAN[a]).astype(int)
    return pd.DataFrame({"action": a, "reward": reward, "propensity": 0.25})


class Watched(EpsilonGreedy):
    """Remembers what it was worth each time it acted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.worth: list[float] = []

    def act(self, n: int, **options: Any) -> np.ndarray:
        self.worth += [float(self.prob(range(4)) @ MEAN)] * n
        return super().act(n, **options)


def covered(fixed: bool, worlds: int) -> tuple[int, float]:
    rng, hits, errors = np.random.default_rng(0), 0, []
    for _ in range(worlds):
        log = random_log(800, rng)
        if fixed:
            policy: Policy = TablePolicy(pd.Series([0.1, 0.2, 0.4, 0.3]))
            got = replay(policy, log, propensity="propensity", seed=rng)
            truth = float(np.array([0.1, 0.2, 0.4, 0.3]) @ MEAN)
        else:
            policy = Watched(range(4), epsilon=0.2)
            got = replay(policy, log, batch=50, seed=rng)
            truth = float(np.array(policy.worth)[got.matched].mean())
        low, high = got.estimate.ci
        hits += low <= truth <= high
        errors.append(got.estimate.value - truth)
    return hits, np.mean(errors) / (np.std(errors) / np.sqrt(worlds))


@pytest.mark.parametrize(
    "worlds", [300, pytest.param(4000, marks=pytest.mark.coverage_suite)], ids=["fast", "many"]
)
@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "learning"])
def test_unbiased_and_covers(fixed: bool, worlds: int) -> None:
    hits, z = covered(fixed, worlds)
    low, high = binom.ppf([1e-4, 1 - 1e-4], worlds, 0.95)
    assert low <= hits and (hits <= high or not fixed)
    assert abs(z) < norm.isf(5e-5)


def test_keeps_the_rows_that_agree() -> None:
    log = random_log(400, np.random.default_rng(0))
    only = TablePolicy(pd.Series([0.0, 1.0, 0.0, 0.0]))
    got = replay(only, log)
    want = np.flatnonzero(log.action == 1)
    assert np.array_equal(got.matched, want)
    assert np.array_equal(got.rewards, log.reward.to_numpy()[want])
    assert got.estimate.value == log.reward[want].mean() and got.estimate.n == len(want)
    assert got.estimate.diagnostics["matched_share"] == len(want) / 400
    labels = log.assign(action=log.action.map(dict(enumerate("wxyz")))).set_index(log.index + 9)
    for column in (labels["action"], labels["action"].astype("category")):
        policy = TablePolicy(pd.Series([0.0, 1.0, 0.0, 0.0], list("wxyz")))
        assert np.array_equal(replay(policy, labels.assign(action=column)).matched, want)


def test_learning_only_from_rows_that_agreed() -> None:
    log = random_log(500, np.random.default_rng(1))
    policy = EpsilonGreedy(range(4), epsilon=0.3)
    got = replay(policy, log, batch=10)
    assert policy.count.sum() == len(got.matched)
    assert policy.total.sum() == got.rewards.sum()
    idle = EpsilonGreedy(range(4), epsilon=0.3)
    replay(idle, log, learn=False)
    assert idle.count.sum() == 0


def test_a_policy_with_context_learns_what_matters() -> None:
    rng = np.random.default_rng(2)
    n = 4000
    log = pd.DataFrame(
        {"action": rng.integers(2, size=n), "one": 1.0, "x": rng.integers(2, size=n)}
    )
    log["reward"] = (log.action == log.x).astype(int)
    learned = replay(LinUCB([0, 1], dim=2), log, context=["one", "x"])
    assert learned.estimate.value > 0.9
    assert replay(EpsilonGreedy([0, 1]), log).estimate.value < 0.6


class Public:
    """Makes replay use the public methods, on labels."""

    def act(self, n: int, **options: Any) -> np.ndarray:
        return super().act(n, **options)  # type: ignore[misc]

    def update(self, actions: Any, rewards: Any, **options: Any) -> None:
        super().update(actions, rewards, **options)  # type: ignore[misc]


KINDS: list[tuple[type[Policy], dict[str, Any]]] = [
    (Uniform, {}),
    (EpsilonGreedy, {"epsilon": 0.2}),
    (Softmax, {"temperature": 0.1}),
    (BernoulliThompson, {}),
    (GaussianThompson, {"noise": 0.5}),
    (LinUCB, {"dim": 2}),
    (LinearThompson, {"dim": 2}),
    (ModelPolicy, {"score": lambda a, x: x[:, 1] * (a == "w"), "epsilon": 0.5}),
]


@pytest.mark.parametrize(("kind", "options"), KINDS, ids=[kind.__name__ for kind, _ in KINDS])
@pytest.mark.parametrize("batch", [1, 37])
def test_positions_and_labels_give_the_same_replay(
    kind: type[Policy], options: dict[str, Any], batch: int
) -> None:
    rng = np.random.default_rng(4)
    log = random_log(600, rng).assign(one=1.0, x=rng.normal(size=600))
    log["action"] = log["action"].map(dict(enumerate("wxyz")))
    context = ["one", "x"] if kind in (LinUCB, LinearThompson, ModelPolicy) else []
    public = type("Slow" + kind.__name__, (Public, kind), {})
    policies = [k(list("wxyz"), **options) for k in (kind, public)]
    fast, slow = (replay(p, log, context=context, batch=batch, seed=5) for p in policies)
    assert np.array_equal(fast.matched, slow.matched) and fast.estimate.value == slow.estimate.value
    states = [{k: v for k, v in p.state().items() if k != "policy"} for p in policies]
    assert states[0] == states[1]


def test_bad_input() -> None:
    log = random_log(100, np.random.default_rng(0))

    def says(text: str, table: pd.DataFrame, policy: Policy | None = None, **options: Any) -> None:
        with pytest.raises(ValueError, match=text):
            replay(policy or Uniform(range(4)), table, **options)

    odd = log.assign(propensity=np.where(np.arange(100) == 7, 0.3, 0.25))
    says("column 'propensity': must be the same .*row: 7 .*0.3", odd, propensity="propensity")
    says("column 'action': is missing", log.drop(columns="action"))
    says("column 'x': is missing", log, context=["x"])
    rewards = log.reward.astype(float).where(np.arange(100) != 7)
    says("column 'reward': must be finite .*row: 7", log.assign(reward=rewards))
    says("column 'action': .*knows; first offending row", log, Uniform(range(3)))
    says("column 'action': must be logged wherever .* 4 never is", log, Uniform(range(5)))
    says("batch must be at least 1", log, batch=0)
    says("agreed with 0 rows; need 2", log.head(0))
    says("agreed with 0 rows; need 2", log.head(0), propensity="propensity")
    padded = TablePolicy(pd.Series([0.5, 0.5, 0.0, 0.0, 0.0]))
    assert replay(padded, log).estimate.n > 0  # what it never plays need not be logged
