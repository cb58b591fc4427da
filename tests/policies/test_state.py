"""Saving and restoring: the same probabilities, the same draws, one clear error otherwise."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_utils.policies import (
    BernoulliThompson,
    EpsilonGreedy,
    GaussianThompson,
    LinearThompson,
    LinUCB,
    ModelPolicy,
    Policy,
    PolicyTree,
    SegmentPolicy,
    Softmax,
    TablePolicy,
    Uniform,
    constrain,
    from_json,
    from_state,
)

ACTIONS = ["a", "b", "c"]
N = 60
X = np.random.default_rng(0).normal(size=(N, 2))
TAKEN = np.random.default_rng(1).choice(ACTIONS, N)
SEGMENTS = np.random.default_rng(2).choice(["new", "loyal"], N)


def score(action: Any, x: np.ndarray) -> np.ndarray:
    return x[:, 0] * (action == "a") + x[:, 1] * (action == "b")


def one_of_each() -> list[tuple[Policy, Any]]:
    """Each policy, trained, with the context that it needs."""
    table = pd.DataFrame([[0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3]], ["new", "loyal"], ACTIONS)
    tree = PolicyTree(ACTIONS, features=["x", "y"], min_rows=5, epsilon=0.2)
    tree.fit(X, np.column_stack([X[:, 0], -X[:, 0], X[:, 1]]))
    weights = {"new": 0.3, "loyal": 0.7}
    learners: list[tuple[Policy, Any]] = [
        (EpsilonGreedy(ACTIONS, epsilon=0.3), None),
        (Softmax(ACTIONS, temperature=0.2), None),
        (BernoulliThompson(ACTIONS, alpha=[1, 2, 3], beta=0.1), None),
        (GaussianThompson(ACTIONS, mean=[0, 1 / 3, 0], sd=2.0, noise=0.3), None),
        (LinearThompson(ACTIONS, dim=2, prior_sd=0.7, noise=1 / 3), X),
        (LinUCB(ACTIONS, dim=2, alpha=0.4), X),
    ]
    rewards = np.random.default_rng(3).random(N)
    for policy, context in learners:
        policy.update(TAKEN, rewards, context=context)
    return [
        *learners,
        (Uniform(ACTIONS), None),
        (TablePolicy(pd.Series([0.1, 0.2, 0.7], ACTIONS)), None),
        (SegmentPolicy(table), SEGMENTS),
        (constrain(table, weights=weights, floors={"a": 0.2}), SEGMENTS),
        (tree, X),
        (PolicyTree(ACTIONS, features=["x", "y"]), None),
        (ModelPolicy(ACTIONS, score=score, epsilon=0.1), X),
        (ModelPolicy(ACTIONS, score=score, temperature=0.3), X),
    ]


def name(value: Any) -> str:
    return type(value).__name__ if isinstance(value, Policy) else ""


@pytest.mark.parametrize(("policy", "context"), one_of_each(), ids=name)
def test_round_trip(policy: Policy, context: Any) -> None:
    model = {"score": score} if isinstance(policy, ModelPolicy) else {}
    text = policy.to_json()
    back = from_json(text, **model)
    assert type(back) is type(policy) and back.to_json() == text
    assert from_state(policy.state(), **model).to_json() == text
    assert json.loads(text) == policy.state()
    if isinstance(policy, PolicyTree) and policy.nodes is None:
        return
    before = policy.prob(TAKEN, context=context)
    assert np.array_equal(before, back.prob(TAKEN, context=context))
    draws = [p.act(N, context=context, seed=4).tolist() for p in (policy, back)]
    assert draws[0] == draws[1]
    for p in (policy, back):  # and they go on learning alike
        p.update(TAKEN, np.linspace(0, 1, N), context=context)
    assert back.to_json() == policy.to_json()


@pytest.mark.parametrize(("policy", "context"), one_of_each(), ids=name)
def test_state_is_a_copy(policy: Policy, context: Any) -> None:
    model = {"score": score} if isinstance(policy, ModelPolicy) else {}
    state = policy.state()
    text = json.dumps(state)
    from_state(state, **model).update(TAKEN, np.ones(N), context=context)
    assert json.dumps(state) == text == policy.to_json()


@pytest.mark.parametrize(("policy", "context"), one_of_each(), ids=name)
def test_each_missing_part_has_its_message(policy: Policy, context: Any) -> None:
    model = {"score": score} if isinstance(policy, ModelPolicy) else {}
    kind, state = type(policy).__name__, policy.state()
    for part in set(state) - {"policy", "version", "epsilon", "alpha", "beta", "value", "seed"}:
        less = {k: v for k, v in state.items() if k != part}
        try:
            again = from_state(less, **model)
        except ValueError as error:
            assert str(error).startswith(f"state of {kind}: ")
        else:  # an option that has a default
            assert part in type(policy)._options and type(again) is type(policy)
    with pytest.raises(ValueError, match=f"state of {kind}: .*extra"):
        from_state({**state, "extra": 1}, **model)


def test_several_slots_and_labels_of_any_json_type() -> None:
    slots = TablePolicy(pd.DataFrame({1: [0.9, 0.1], 2: [0.2, 0.8]}, index=[7, 9]))
    back = from_json(slots.to_json())
    assert back.prob([7, 9], position=[1, 2]).tolist() == [0.9, 0.8]
    assert from_json(Uniform(np.array([3, 4], "int16")).to_json()).prob([3]).tolist() == [0.5]
    assert from_json(Uniform([0.5, 1.5]).to_json()).actions.tolist() == [0.5, 1.5]
    days = Uniform(pd.to_datetime(["2020-01-01", "2020-01-02"]))
    with pytest.raises(TypeError, match="actions: Timestamp has no JSON form"):
        days.state()


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.one_of(st.text(max_size=5), st.integers(-9, 9)), min_size=1, unique=True),
    seed=st.integers(0, 2**32),
)
def test_any_labels_and_numbers_survive(labels: list[Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = len(labels)
    policies = [
        BernoulliThompson(labels, alpha=rng.gamma(0.1, 1, k) + 1e-9, beta=rng.gamma(9, 1e6, k)),
        GaussianThompson(labels, mean=rng.normal(0, 1e9, k), sd=rng.gamma(1, 1e-9, k) + 1e-300),
    ]
    for policy in policies:
        back = from_json(policy.to_json())
        assert back.actions.tolist() == policy.actions.tolist()
        draws = [p.act(20, seed=seed).tolist() for p in (policy, back)]
        assert draws[0] == draws[1]


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("state of no known policy: 'Nobody'; known are BernoulliThompson,", {"policy": "Nobody"}),
    (r"state of no known policy: \['LinUCB'\]", {"policy": ["LinUCB"]}),
    ("state of LinUCB: version must be 1, got 2", {"version": 2}),
    ("state of LinUCB: gram must be finite numbers of shape", {"gram": [[1.0]]}),
    ("state of LinUCB: gram must be positive definite", {"gram": [[[-1.0]], [[1.0]]]}),
    ("state of LinUCB: moment must be finite numbers", {"moment": [[np.nan], [0.0]]}),
    ("state of LinUCB: alpha must be at least 0", {"alpha": -1}),
    ("state of LinUCB: actions must differ", {"actions": ["a", "a"]}),
    ("state of LinUCB: ", {"actions": "ab"}),
    ("state of LinUCB: ", {"dim": "one"}),
    ("state of LinUCB: ", {"gram": {"a": 1}}),
]


@pytest.mark.parametrize(("says", "change"), BROKEN, ids=[b[0] for b in BROKEN])
def test_broken_states(says: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=says):
        from_state({**LinUCB(["a", "b"], dim=1).state(), **change})


def test_other_broken_states() -> None:
    def says(text: str, policy: Policy, **change: Any) -> None:
        with pytest.raises(ValueError, match=text):
            from_state({**policy.state(), **change})

    skewed = [[[1.0, 0.5], [0.4, 1.0]]]
    says("gram must be symmetric", LinearThompson(["a"], dim=2), gram=skewed)
    says("column 'count': must be in", EpsilonGreedy(["a"]), count=[-1.0])
    says("column 'alpha': must be in", BernoulliThompson(["a"]), alpha=[0.0])
    table = TablePolicy(pd.Series([0.5, 0.5], ["a", "b"]))
    says("add up to 1", table, table=[[0.5], [0.6]])
    says("state of TablePolicy: ", table, table=[[0.5]])
    tree = next(p for p, _ in one_of_each() if isinstance(p, PolicyTree))
    says("nodes must be rows of 6", tree, nodes=[[1, 2]])
    loop = [[0, 0.0, 0, 0, 0, 1.0]]
    says("known features and lead to later nodes", tree, nodes=loop)
    says("known features", tree, nodes=[[-1, 0.0, -1, -1, 3, 1.0]])
    model = ModelPolicy(["a"], score=score)
    says("the model is not part of the state", model)
    with pytest.raises(ValueError, match="the state is not JSON"):
        from_json("{")
    for text in ("[]", "null", '"Uniform"', "3"):
        with pytest.raises(ValueError, match="state of no known policy"):
            from_json(text)


def test_a_policy_of_the_reader_s_own_is_not_known() -> None:
    class Mine(Uniform):
        pass

    with pytest.raises(ValueError, match="no known policy: 'Mine'"):
        from_state(Mine(["a"]).state())
