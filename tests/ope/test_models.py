"""Outcome models are cross-fitted, by cluster where asked; position-based weights; bootstrap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_utils import ope
from causalrec_utils.policies import TablePolicy, Uniform


class Memory:
    """Predicts 1 for a row it was fitted on, else 0."""

    def fit(self, rows: pd.DataFrame, y: np.ndarray) -> Memory:
        self.seen = set(rows["row"])
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return np.array([float(r in self.seen) for r in rows["row"]])


class SeenUsers(Memory):
    def fit(self, rows: pd.DataFrame, y: np.ndarray) -> SeenUsers:
        self.seen = set(rows["row"] // 10)
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return np.array([float(r // 10 in self.seen) for r in rows["row"]])


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 100
    return pd.DataFrame(
        {
            "action": rng.integers(3, size=n),
            "position": rng.integers(1, 3, size=n),
            "reward": rng.integers(2, size=n).astype(float),
            "row": np.arange(n),
            "user": np.arange(n) // 10,
        },
        index=np.arange(n) * 3 + 1,
    )


def test_no_row_is_predicted_by_a_model_that_saw_it(rows: pd.DataFrame) -> None:
    q, v = ope.outcome_model(rows, Uniform(range(3)), features=["row"], model=Memory())
    assert not q.any() and not v.any()


def test_nor_by_one_that_saw_its_cluster(rows: pd.DataFrame) -> None:
    options: dict[str, Any] = {"features": ["row"], "model": SeenUsers()}
    q, _ = ope.outcome_model(rows, Uniform(range(3)), cluster="user", **options)
    assert not q.any()
    q, _ = ope.outcome_model(rows, Uniform(range(3)), **options)
    assert q.any()


def test_default_model_is_shrunk_means_of_the_other_folds(rows: pd.DataFrame) -> None:
    policy = TablePolicy(pd.DataFrame({1: [0.2, 0.3, 0.5], 2: [0.6, 0.4, 0.0]}))
    q, v = ope.outcome_model(rows, policy, position="position", folds=100)  # leave one out
    for i in (0, 17, 99):
        rest = rows.drop(index=rows.index[i])

        def mean(a: int, k: int, rest: pd.DataFrame = rest) -> float:
            r = rest[(rest.action == a) & (rest.position == k)].reward
            return (r.sum() + 10 * rest.reward.mean()) / (len(r) + 10)

        a, k = rows.action.iloc[i], rows.position.iloc[i]
        assert q[i] == pytest.approx(mean(a, k))
        assert v[i] == pytest.approx(sum(policy.table.loc[b, k] * mean(b, k) for b in range(3)))


@pytest.mark.parametrize("reward", [[0, 1], [1, 1], [0, 2]])
def test_classifiers_give_their_mean(rows: pd.DataFrame, reward: list[int]) -> None:
    """Also when a fold has seen no click, and when the classes are not 0 and 1."""
    from sklearn.dummy import DummyClassifier

    rows["reward"] = np.array(reward)[rows["row"] % 2]
    q, _ = ope.outcome_model(rows, Uniform(range(3)), model=DummyClassifier(strategy="prior"))
    assert q.mean() == pytest.approx(np.mean(reward), abs=0.02)


def test_same_seed_same_folds(rows: pd.DataFrame) -> None:
    one, two, other = (ope.outcome_model(rows, Uniform(range(3)), seed=s)[0] for s in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_marginalize_equals_slots_when_policies_ignore_them(rows: pd.DataFrame) -> None:
    flat = pd.Series([0.2, 0.3, 0.5])
    both = pd.DataFrame({1: flat, 2: flat})
    even = TablePolicy(pd.DataFrame(1 / 3, index=range(3), columns=[1, 2]))
    e, p = ope.marginalize(rows, TablePolicy(both), even, [5, 1])
    assert np.allclose(e, flat.to_numpy()[rows["action"]]) and np.allclose(p, 1 / 3)


def test_bootstrap_keeps_clusters_whole(rows: pd.DataFrame) -> None:
    def whole(data: pd.DataFrame) -> float:
        assert (data.groupby("user").size() % 10 == 0).all() and len(data) == 100
        return data["reward"].mean()

    e = ope.bootstrap(rows, whole, cluster="user", n_boot=20, method="mean")
    assert e.value == rows.reward.mean() and e.n == 100 and e.ci[0] <= e.ci[1]


def test_bootstrap_is_the_usual_one(rows: pd.DataFrame) -> None:
    e = ope.bootstrap(rows, lambda d: d["reward"].mean(), n_boot=2000, level=0.9)
    assert e.stderr == pytest.approx(rows.reward.std() / 10, rel=0.08)
    assert e.ci[1] - e.ci[0] == pytest.approx(2 * 1.645 * e.stderr, rel=0.1)
