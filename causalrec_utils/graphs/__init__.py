"""Causal graphs: ask for them, find them, join both, and read off what can be estimated.

A `CausalGraph` comes from an expert (`CausalGraph.parse`), a language model (`elicit`) or data
(`discover`); `combine` orients what data leave open, `compare` measures the distance to a truth,
`identify` tells whether and how an effect can be estimated, and `fit_scm` puts mechanisms on the
arrows for interventions, counterfactuals and the causes of a change. `recorded_expert`,
`recorded_pairs` and `recorded_wordings` hold what a language model said in a long run.
"""

from ._compare import compare
from ._discover import discover
from ._elicit import elicit
from ._graph import CausalGraph, Edge
from ._identify import Estimand, identify
from ._orient import Prior, combine, cpdag
from ._recorded import RecordedExpert, recorded_expert, recorded_pairs, recorded_wordings
from ._scm import SCM, fit_scm

__all__ = [
    "SCM",
    "CausalGraph",
    "Edge",
    "Estimand",
    "Prior",
    "RecordedExpert",
    "combine",
    "compare",
    "cpdag",
    "discover",
    "elicit",
    "fit_scm",
    "identify",
    "recorded_expert",
    "recorded_pairs",
    "recorded_wordings",
]
