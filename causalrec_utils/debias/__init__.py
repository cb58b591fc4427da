"""Recommenders trained on ratings that are missing not at random.

People rate what they choose, so a table of ratings is a biased sample of what they would say about
everything. Two steps undo it: estimate each rating's chance to be seen (`propensity_naive_bayes`,
`propensity_logistic`), then fit a model to ratings weighted by one over that chance
(`MatrixFactorization`, tuned by `select`). The same weights debias *evaluation*: see
`causalrec_utils.metrics.mse` and its neighbours. Introduced in section 4.1.
"""

from ._factorization import MatrixFactorization, select
from ._propensities import propensity_logistic, propensity_naive_bayes

__all__ = ["MatrixFactorization", "propensity_logistic", "propensity_naive_bayes", "select"]
