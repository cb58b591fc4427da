"""Replay: what a policy would have met on a uniformly random log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from ._base import Learner, Policy, Seed, TablePolicy
from ._segments import SegmentPolicy


@dataclass(frozen=True)
class Replay:
    """What a policy would have met on a uniformly random log.

    Parameters
    ----------
    estimate : Estimate
        Mean reward over the matched rows.
    matched : array of shape (m,)
        Positions of the log's rows that the policy agreed with, in order.
    rewards : array of shape (m,)
        Their rewards.
    """

    estimate: Estimate
    matched: np.ndarray
    rewards: np.ndarray


def replay(
    policy: Policy,
    log: pd.DataFrame,
    *,
    action: str = "action",
    reward: str = "reward",
    propensity: str | None = None,
    context: Sequence[str] = (),
    batch: int = 100,
    learn: bool = True,
    level: float = 0.95,
    seed: Seed = 0,
) -> Replay:
    """Run a policy, learning or not, over a uniformly random log, and keep the rows it agrees with.

    Where logged actions were drawn uniformly, the rows on which the policy chose the logged action
    are a fair sample of what it would have met; about one row in k (the number of actions) is
    kept. The policy learns after each batch. Introduced in section 3.1.

    Parameters
    ----------
    policy : Policy
        Changed in place if it learns.
    log : pandas.DataFrame
        Rows in time order, actions drawn uniformly at random.
    action, reward : str
        Columns.
    propensity : str, optional
        Column of propensities; checked to be the same in every row.
    context : sequence of str
        Columns of context features (for a `SegmentPolicy`: the one with the segment).
    batch : int
        Rows between updates, at least 1.
    learn : bool
        Whether the policy is updated.
    level : float
        Nominal coverage.
    seed : int or numpy.random.Generator
        For the policy's draws.

    Returns
    -------
    Replay
        Its interval is for the mean reward of the policy as it was while it learned.

    Raises
    ------
    ValueError
        If propensities differ between rows, a column is missing, the policy has an action that was
        never logged (or the log one that it does not know), or fewer than two rows matched.

    Notes
    -----
    Li, Chu, Langford and Wang (2011), "Unbiased offline evaluation of contextual-bandit-based news
    article recommendation algorithms".

    Examples
    --------
    >>> from causalrec_utils.policies import EpsilonGreedy
    >>> log = pd.DataFrame({"action": ["a", "b"] * 500, "reward": [1, 0] * 500})
    >>> result = replay(EpsilonGreedy(["a", "b"], epsilon=0.1), log)
    >>> bool(result.estimate.value > 0.8)
    True
    """
    _checks.columns(log, [action, reward, *([propensity] if propensity else []), *context])
    r = _checks.numeric(log[reward], reward)
    if propensity is not None and len(log):
        p = _checks.numeric(log[propensity], propensity)
        if (odd := ~np.isclose(p, p[0], rtol=1e-6)).any():
            row = int(np.argmax(odd))
            _checks.fail(propensity, "must be the same in every row for replay", row, float(p[row]))
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    labels = log[action].to_numpy()
    codes = policy.rows_of(labels, action)
    logged = np.bincount(codes, minlength=len(policy.actions))
    plays = policy.table.iloc[:, 0] > 0 if isinstance(policy, TablePolicy) else True
    if len(log) and (never := plays & (logged == 0)).any():
        first = _checks.plain(policy.actions[np.argmax(never)])
        _checks.fail(action, f"must be logged wherever the policy plays it, but {first!r} never is")
    numbers = None if isinstance(policy, SegmentPolicy) else float  # segments have any label
    x = log[list(context)].to_numpy(numbers) if context else None
    rng = np.random.default_rng(seed)
    # Positions are faster to compare than labels, but a policy may have its own public methods.
    plain_act = getattr(policy.act, "__func__", None) is Policy.act
    plain_update = getattr(policy.update, "__func__", None) is Learner.update
    kept = []
    for start in range(0, len(log), batch):
        now = codes[start : start + batch]
        part = None if x is None else x[start : start + batch]
        if plain_act:
            same = policy._draw(len(now), part, rng) == now
        else:
            same = policy.act(len(now), context=part, seed=rng) == labels[start : start + batch]
        hit = start + np.flatnonzero(same)
        kept.append(hit)
        if learn and len(hit):
            seen = None if x is None else x[hit]
            if isinstance(policy, Learner) and plain_update:
                policy._learn(codes[hit], r[hit], seen)
            else:
                policy.update(labels[hit], r[hit], context=seen)
    matched = np.concatenate(kept) if kept else np.empty(0, int)
    if len(matched) < 2:
        raise ValueError(f"column {action!r}: the policy agreed with {len(matched)} rows; need 2")
    from scipy.stats import norm

    got = r[matched]
    stderr = float(got.std(ddof=1) / np.sqrt(len(got)))
    reach = float(norm.ppf(0.5 + level / 2)) * stderr
    mean = float(got.mean())
    estimate = Estimate(
        mean,
        stderr,
        (mean - reach, mean + reach),
        level,
        len(got),
        f"replay of {type(policy).__name__}",
        "policy value",
        {"matched_share": len(got) / len(log), "rewarded": float(np.count_nonzero(got))},
    )
    return Replay(estimate, matched, got)
