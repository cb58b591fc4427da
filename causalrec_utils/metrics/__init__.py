"""What a recommender is measured by: ranking, clicks, coverage, satisfaction, error, calibration.

Every function returns an `Estimate`. One person leaves many rows, so rows are not independent:
the intervals resample *users* and keep the rows of a user together. They answer "what if other
users from the same population had come?", with the recommender, the items and any propensities
held fixed. Unless a docstring says otherwise, ``Estimate.n`` counts users.

=====================================================  =========================================
what                                                   interval
=====================================================  =========================================
precision, recall, f1, ndcg, auc, compare,             BCa bootstrap by user, widened by Student's
click_through_rate (by user), satisfaction, mae, mse,  t for few users
rmse, brier, log_loss
click_through_rate (independent rows)                  Wilson
auc (pooled)                                           delta method by user, on the logit scale
catalogue_coverage                                     jackknife by user (conservative)
calibration                                            bootstrap by user of the distance between
                                                       reliability curves (conservative)
=====================================================  =========================================
"""

from ._auc import auc
from ._calibration import brier, calibration, calibration_table, log_loss
from ._errors import mae, mse, rmse
from ._exposure import catalogue_coverage
from ._ranking import f1, ndcg, precision, ranking_report, recall
from ._rates import click_through_rate, satisfaction
from ._uplift import pehe, qini, uplift_curve, uplift_table
from ._users import compare, per_user

__all__ = [
    "auc",
    "brier",
    "calibration",
    "calibration_table",
    "catalogue_coverage",
    "click_through_rate",
    "compare",
    "f1",
    "log_loss",
    "mae",
    "mse",
    "ndcg",
    "pehe",
    "per_user",
    "precision",
    "qini",
    "ranking_report",
    "recall",
    "rmse",
    "satisfaction",
    "uplift_curve",
    "uplift_table",
]
