"""The one type that every estimator returns, and what grades it.

An `Estimate` is a number with its uncertainty. A `Grade` sets it beside a truth that was obtained
some other way: a randomised arm, an on-policy value, known potential outcomes. A `Scoreboard`
holds many grades and counts how often the intervals kept their promise.
"""

from ._estimate import Estimate, Grade
from ._scoreboard import Scoreboard

__all__ = ["Estimate", "Grade", "Scoreboard"]
