"""Design and analysis of A/B and sequential tests.

Before a test: `power`, `sample_size`, `minimum_detectable_effect`. When it has run:
`sample_ratio_check` first, then `analyze` (two arms), `analyze_arms` (several against a control),
`compare_rates` and `compare_rates_table` (counts instead of rows). When it is looked at while it
runs: ``sequential=True`` and `confidence_sequence`. After many tests: `adjust`, `shrink`,
`winners_curse`, and `split_half` to see on real counts what was luck.
"""

from __future__ import annotations

from .analysis import analyze
from .counts import compare_rates, compare_rates_table, rate_difference
from .design import minimum_detectable_effect, power, sample_ratio_check, sample_size
from .selection import shrink, winners_curse
from .sequential import confidence_sequence
from .several import adjust, analyze_arms
from .splitting import split_counts, split_half

__all__ = [
    "adjust",
    "analyze",
    "analyze_arms",
    "compare_rates",
    "compare_rates_table",
    "confidence_sequence",
    "minimum_detectable_effect",
    "power",
    "rate_difference",
    "sample_ratio_check",
    "sample_size",
    "shrink",
    "split_counts",
    "split_half",
    "winners_curse",
]
