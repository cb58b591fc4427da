"""Interventions: from words to a plan that can be run, and what is known of its effect.

Introduced in section 3.2. `PolicySpec` is a validated plan of an intervention; `describe` fills it
from free text by a language model, or refuses; `describe_by_rule` and `describe_by_neighbour` are
what the model has to beat; `example_descriptions` is a labelled set, and `score_plans` measures.
`recorded_headline_scores` and `recorded_plans` hold what a model made of them in a long run.

`candidates` and `bootstrap_candidates` estimate the effects of several interventions together;
`rank` says which may be the best; `choose` weighs costs, `value_of_experiment` the price of knowing
more, and `pareto_front` and `search_front` several objectives.
"""

from ._candidates import Candidates, bootstrap_candidates, candidates
from ._decide import choose, value_of_experiment
from ._describe import GATE, describe, describe_by_neighbour, describe_by_rule
from ._pareto import pareto_front, search_front
from ._rank import rank
from ._recorded import headline_key, recorded_headline_scores, recorded_plans
from ._score import score_plans, slipped_through
from ._spec import PolicySpec, example_descriptions

__all__ = [
    "GATE",
    "Candidates",
    "PolicySpec",
    "bootstrap_candidates",
    "candidates",
    "choose",
    "describe",
    "describe_by_neighbour",
    "describe_by_rule",
    "example_descriptions",
    "headline_key",
    "pareto_front",
    "rank",
    "recorded_headline_scores",
    "recorded_plans",
    "score_plans",
    "search_front",
    "slipped_through",
    "value_of_experiment",
]
