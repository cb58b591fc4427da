"""Policies: they give the probability of an action, act, and learn.

All share these methods. ``prob(actions)`` gives the probability of the given action in each row,
without an (n × actions) array; ``act(n)`` draws actions; ``update(actions, rewards)`` learns from
what came of them (learning policies only); ``state()`` and ``to_json()`` save, `from_state` and
`from_json` restore. Contexts are arrays of shape (n, d).

- Fixed: `Uniform`, `TablePolicy`, `SegmentPolicy`; from a model: `ModelPolicy`, `PolicyTree`.
- Learning: `EpsilonGreedy`, `Softmax`, `BernoulliThompson`, `GaussianThompson`, `LinearThompson`,
  `LinUCB`. Priors from earlier tasks: `fit_beta_prior`, and `fit_meta_prior`, which adapts to the
  new task by gradient steps. `play_tasks` plays many tasks at once, by `thompson`, `commit_after`
  or `evenly`. `recorded_components` are embeddings of the headlines of section 5.2.3.
- `constrain`: the best policy under floors, a budget and fairness. `replay`: what a policy would
  have met on a uniformly random log.
"""

from ._bandits import BernoulliThompson, EpsilonGreedy, LinUCB, rank_probabilities
from ._base import Policy, TablePolicy, Uniform
from ._constrain import constrain
from ._gaussian import GaussianThompson, LinearThompson, Softmax
from ._meta import MetaPrior, fit_meta_prior
from ._model import ModelPolicy
from ._prior import BetaPrior, fit_beta_prior
from ._recorded import recorded_components
from ._replay import Replay, replay
from ._segments import SegmentPolicy
from ._state import from_json, from_state
from ._tasks import Plays, commit_after, evenly, play_tasks, thompson
from ._tree import PolicyTree

__all__ = [
    "BernoulliThompson",
    "BetaPrior",
    "EpsilonGreedy",
    "GaussianThompson",
    "LinUCB",
    "LinearThompson",
    "MetaPrior",
    "ModelPolicy",
    "Plays",
    "Policy",
    "PolicyTree",
    "Replay",
    "SegmentPolicy",
    "Softmax",
    "TablePolicy",
    "Uniform",
    "commit_after",
    "constrain",
    "evenly",
    "fit_beta_prior",
    "fit_meta_prior",
    "from_json",
    "from_state",
    "play_tasks",
    "rank_probabilities",
    "recorded_components",
    "replay",
    "thompson",
]
