"""Interventions: from words to a plan that can be run, and what is known of its effect.

Introduced in section 3.2. `PolicySpec` is a validated plan of an intervention; `describe` fills it
from free text by a language model, or refuses; `describe_by_rule` and `describe_by_neighbour` are
what the model has to beat; `example_descriptions` is a labelled set, and `score_plans` measures.
`recorded_headline_scores` and `recorded_plans` hold what a model made of them in a long run.
"""

from ._describe import GATE, describe, describe_by_neighbour, describe_by_rule
from ._recorded import headline_key, recorded_headline_scores, recorded_plans
from ._score import score_plans, slipped_through
from ._spec import PolicySpec, example_descriptions

__all__ = [
    "GATE",
    "PolicySpec",
    "describe",
    "describe_by_neighbour",
    "describe_by_rule",
    "example_descriptions",
    "headline_key",
    "recorded_headline_scores",
    "recorded_plans",
    "score_plans",
    "slipped_through",
]
