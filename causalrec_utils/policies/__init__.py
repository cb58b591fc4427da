"""Policies: they give the probability of an action, act, and learn.

All share three methods. ``prob(actions)`` gives the probability of the given action in each row,
without an (n × actions) array; ``act(n)`` draws actions; ``update(actions, rewards)`` learns from
what came of them (learning policies only). Contexts are arrays of shape (n, d).
"""

from ._bandits import BernoulliThompson, EpsilonGreedy, LinUCB, rank_probabilities
from ._base import Policy, TablePolicy, Uniform
from ._replay import Replay, replay

__all__ = [
    "BernoulliThompson",
    "EpsilonGreedy",
    "LinUCB",
    "Policy",
    "Replay",
    "TablePolicy",
    "Uniform",
    "rank_probabilities",
    "replay",
]
