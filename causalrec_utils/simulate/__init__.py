"""Worlds with known potential outcomes: data as an analyst would see them, and the truth apart.

- Impressions: `confounded`; `semi_synthetic` on real covariates; `text_confounded` on real texts;
  `exposure` over a full matrix; `ihdp`.
- Ways out of hidden confounding: `instrument`, `front_door`, `panel`, and `natural_experiment`,
  which holds them all in one table.
- Graphs: `latent_graph` and `funnel`. Many candidates: `interventions_world`.
- Recommenders: `recommender`, the log of a known policy; `feedback_loop`, months of retraining.
- Where one unit or one week moves another: `interference`, `carry_over`. Who comes back:
  `video_retention`.

Every function takes a seed, and returns data and truth in one object.
"""

from ._confounded import confounded, ihdp
from ._designs import front_door, instrument, natural_experiment, panel
from ._funnel import FunnelWorld, funnel
from ._graphs import GraphWorld, latent_graph
from ._interventions import interventions_world
from ._loop import LOOP_POLICIES, feedback_loop
from ._matrix import exposure
from ._network import interference
from ._recommender import recommender
from ._semi_synthetic import semi_synthetic, text_confounded
from ._video import video_retention
from ._weeks import carry_over
from ._world import World

__all__ = [
    "LOOP_POLICIES",
    "FunnelWorld",
    "GraphWorld",
    "World",
    "carry_over",
    "confounded",
    "exposure",
    "feedback_loop",
    "front_door",
    "funnel",
    "ihdp",
    "instrument",
    "interference",
    "interventions_world",
    "latent_graph",
    "natural_experiment",
    "panel",
    "recommender",
    "semi_synthetic",
    "text_confounded",
    "video_retention",
]
