"""Policies from their saved state."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ._bandits import BernoulliThompson, EpsilonGreedy, LinUCB
from ._base import VERSION, Policy, TablePolicy, Uniform
from ._gaussian import GaussianThompson, LinearThompson, Softmax
from ._model import ModelPolicy
from ._segments import SegmentPolicy
from ._tree import PolicyTree

KNOWN: dict[str, type[Policy]] = {
    kind.__name__: kind
    for kind in (
        BernoulliThompson,
        EpsilonGreedy,
        GaussianThompson,
        LinUCB,
        LinearThompson,
        ModelPolicy,
        PolicyTree,
        SegmentPolicy,
        Softmax,
        TablePolicy,
        Uniform,
    )
}


def from_state(state: Mapping[str, Any], *, score: Callable[..., Any] | None = None) -> Policy:
    """The policy whose ``state()`` this is: same probabilities, same draws for the same seed.

    Introduced in section 3.1.

    Parameters
    ----------
    state : mapping
        As ``state()`` of a policy gave it, or as JSON gave it back.
    score : callable, optional
        The model of a `ModelPolicy`, which is not part of its state.

    Returns
    -------
    Policy

    Raises
    ------
    ValueError
        If the state is of no known policy or version, or lacks, adds or spoils a part; one message
        says which policy and what is wrong.

    Examples
    --------
    >>> policy = from_state(Uniform(["a", "b"]).state())
    >>> policy.prob(["a"]).tolist()
    [0.5]
    """
    named = state.get("policy") if isinstance(state, Mapping) else state
    if not isinstance(named, str) or not isinstance(state, Mapping) or named not in KNOWN:
        raise ValueError(f"state of no known policy: {named!r}; known are {', '.join(KNOWN)}")
    parts = dict(state)
    name, version = parts.pop("policy"), parts.pop("version", None)
    if version != VERSION:
        raise ValueError(f"state of {name}: version must be {VERSION}, got {version!r}")
    if score is not None:
        parts["score"] = score
    try:
        return KNOWN[name]._build(parts)
    except KeyError as error:
        raise ValueError(f"state of {name}: {error} is missing") from error
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise ValueError(f"state of {name}: {error}") from error


def from_json(text: str, *, score: Callable[..., Any] | None = None) -> Policy:
    """The policy whose ``to_json()`` this is.

    Introduced in section 3.1.

    Parameters
    ----------
    text : str
        JSON.
    score : callable, optional
        The model of a `ModelPolicy`.

    Returns
    -------
    Policy

    Raises
    ------
    ValueError
        If the text is not JSON, or not the state of a policy (see `from_state`).

    Examples
    --------
    >>> from causalrec_utils.policies import BernoulliThompson
    >>> policy = from_json(BernoulliThompson(["a", "b"], alpha=[3, 1]).to_json())
    >>> policy.alpha.tolist()
    [3.0, 1.0]
    """
    try:
        state = json.loads(text)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the state is not JSON: {error}") from error
    return from_state(state, score=score)
