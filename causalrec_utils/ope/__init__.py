"""Off-policy evaluation: what would another policy have earned on this log?

Introduced in section 3.1. `evaluate` gives estimates with intervals and diagnostics,
`support` what the target plays and the log never shows, `outcome_model` the cross-fitted
predictions that doubly robust estimators need, `bootstrap` an interval for anything that is
refitted on resampled units, `marginalize` the coarser actions of position-based estimators.
"""

from ._evaluate import evaluate
from ._models import bootstrap, marginalize, outcome_model
from ._support import support

__all__ = ["bootstrap", "evaluate", "marginalize", "outcome_model", "support"]
