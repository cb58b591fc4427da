"""Real data as typed, documented tables.

Each loader fetches its files through `causalrec_utils.assets`, checks columns, types and ranges,
and returns DataFrames. Each data set has a card in ``data/``: what it is, its licence, how it was
collected, the truth that it carries, and its known traps.
"""

from __future__ import annotations

import pandas as pd

from .. import assets
from ._amazon import AmazonDigitalMusic, load_amazon_digital_music
from ._causal_pairs import load_causal_pairs, load_counterfactuals, load_neuropathic_pairs
from ._coat import Coat, load_coat
from ._experiments import load_hillstrom, load_upworthy
from ._kuai import load_kuairand, load_kuairec
from ._lastfm import LastFM, load_lastfm_2k
from ._media import load_media_items
from ._movielens import (
    KnowledgeGraph,
    MovieLens,
    MovieLensLatest,
    load_movielens_100k,
    load_movielens_100k_graph,
    load_movielens_latest_small,
)
from ._networks import Network, Sachs, load_network, load_sachs
from ._open_bandit import load_open_bandit, load_open_bandit_items, load_open_bandit_priors
from ._schema import SchemaError
from ._tuebingen import load_tuebingen_pairs
from ._youtube import YouTubeTrending, load_youtube_trending

__all__ = [
    "AmazonDigitalMusic",
    "Coat",
    "KnowledgeGraph",
    "LastFM",
    "MovieLens",
    "MovieLensLatest",
    "Network",
    "Sachs",
    "SchemaError",
    "YouTubeTrending",
    "available",
    "load_amazon_digital_music",
    "load_causal_pairs",
    "load_coat",
    "load_counterfactuals",
    "load_hillstrom",
    "load_kuairand",
    "load_kuairec",
    "load_lastfm_2k",
    "load_media_items",
    "load_movielens_100k",
    "load_movielens_100k_graph",
    "load_movielens_latest_small",
    "load_network",
    "load_neuropathic_pairs",
    "load_open_bandit",
    "load_open_bandit_items",
    "load_open_bandit_priors",
    "load_sachs",
    "load_tuebingen_pairs",
    "load_upworthy",
    "load_youtube_trending",
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
    (
        "load_amazon_digital_music",
        "amazon-digital-music",
        "6,908 reviews, 7,419 items (first part)",
        "research use, no redistribution (recalled, not verified)",
        "none: observational",
    ),
    (
        "load_causal_pairs",
        "llm-causal-pairs",
        "108 named pairs, 3 models' answers",
        "MIT; parts have their own sources",
        "direction that experts agree on",
    ),
    (
        "load_tuebingen_pairs",
        "tuebingen-pairs",
        "97 pairs, 72 to 16,382 rows each",
        "each pair has its own source",
        "direction that experts agree on",
    ),
    (
        "load_network",
        "standard-networks",
        "5 networks of 8 to 37 nodes; samples of any size",
        "MIT (the package); networks from published papers",
        "graph and probabilities",
    ),
    (
        "load_sachs",
        "sachs",
        "7,466 cells, 11 proteins",
        "MIT (the package); data of a published paper",
        "a graph that biologists agree on, in part",
    ),
    (
        "load_kuairec",
        "kuairec",
        "117,113 watch ratios",
        "CC BY-SA 4.0",
        "nearly fully observed preferences",
    ),
    (
        "load_lastfm_2k",
        "lastfm-2k",
        "92,834 play counts, 186,479 dated tags",
        "non-commercial use",
        "none: observational",
    ),
    (
        "load_youtube_trending",
        "youtube-trending-2017",
        "7,992 + 3,000 video days",
        "CC0 (recalled, not verified)",
        "none: selected by success",
    ),
    (
        "load_movielens_latest_small",
        "ml-latest-small",
        "100,836 ratings, 3,683 tags",
        "GroupLens: research use, with acknowledgement",
        "none: held-out ratings only",
    ),
    (
        "load_media_items",
        "freedoom",
        "55 items with text, picture and sound",
        "BSD 3-clause",
        "none: media only",
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
