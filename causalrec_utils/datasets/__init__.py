"""Real data as typed, documented tables.

Each loader fetches its files through `causalrec_utils.assets`, checks columns, types and ranges,
and returns DataFrames. Each data set has a card in ``data/``: what it is, its licence, how it was
collected, the truth that it carries, and its known traps.
"""

from __future__ import annotations

import pandas as pd

from .. import assets
from ._coat import Coat, load_coat
from ._experiments import load_hillstrom, load_upworthy
from ._movielens import (
    KnowledgeGraph,
    MovieLens,
    load_movielens_100k,
    load_movielens_100k_graph,
)
from ._open_bandit import load_open_bandit, load_open_bandit_items, load_open_bandit_priors
from ._schema import SchemaError

__all__ = [
    "Coat",
    "KnowledgeGraph",
    "MovieLens",
    "SchemaError",
    "available",
    "load_coat",
    "load_hillstrom",
    "load_movielens_100k",
    "load_movielens_100k_graph",
    "load_open_bandit",
    "load_open_bandit_items",
    "load_open_bandit_priors",
    "load_upworthy",
]

# loader, asset, rows, licence, truth. "recalled" licences could not be looked up: see the cards.
_TABLE = [
    (
        "load_open_bandit",
        "open-bandit",
        "6 logs of 10,000 impressions",
        "CC BY 4.0 (recalled, not verified)",
        "logged propensities; two policies ran side by side",
    ),
    (
        "load_movielens_100k",
        "movielens-100k",
        "100,000 ratings",
        "research use, no redistribution (recalled, not verified)",
        "none: held-out ratings only",
    ),
    (
        "load_coat",
        "coat",
        "6,960 + 4,640 ratings",
        "CC BY-NC",
        "test ratings of items drawn at random",
    ),
    (
        "load_upworthy",
        "upworthy",
        "22,666 arms of 4,873 tests",
        "CC BY 4.0",
        "randomised arms (where `randomised` is True)",
    ),
    (
        "load_hillstrom",
        "hillstrom",
        "64,000 customers",
        "public challenge, no licence stated (recalled, not verified)",
        "randomised arms",
    ),
]


def available() -> pd.DataFrame:
    """Table of the data sets, and where each can be had right now.

    Introduced in section 1.2.

    Returns
    -------
    pandas.DataFrame
        Index ``loader`` (name of the function); columns ``asset``, ``rows``, ``licence``,
        ``truth`` (what estimates can be graded against) and ``status`` (see
        `causalrec_utils.assets.status`).

    Examples
    --------
    >>> from causalrec_utils import datasets
    >>> datasets.available().loc["load_coat", "truth"]
    'test ratings of items drawn at random'
    """
    table = pd.DataFrame(_TABLE, columns=["loader", "asset", "rows", "licence", "truth"])
    table["status"] = [assets.status(asset) for asset in table["asset"]]
    return table.set_index("loader")
