"""Open Bandit Dataset: two policies side by side in a fashion shop, with logged propensities."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .. import _checks as check
from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["load_open_bandit", "load_open_bandit_items", "load_open_bandit_priors"]

N_ITEMS = {"all": 80, "men": 34, "women": 46}
SAMPLE_ROWS = 10_000


def _path(policy: str, campaign: str, name: str, *, full: bool) -> Path:
    member = f"{policy}/{campaign}/{name}.csv"
    if full:
        return assets.fetch("open-bandit-full", f"open_bandit_dataset/{member}")
    return assets.fetch("open-bandit", member)


def load_open_bandit(
    policy: str = "random", campaign: str = "all", *, full: bool = False, affinity: bool = False
) -> pd.DataFrame:
    """One log of the Open Bandit Dataset: what was shown where, and whether it was clicked.

    Each row is one item in one of three positions on a page. Introduced in section 3.1.

    Parameters
    ----------
    policy : {"random", "bts"}
        Who chose the items: uniformly random, or Bernoulli Thompson sampling.
    campaign : {"all", "men", "women"}
        80, 34 or 46 items.
    full : bool
        Read the complete log, which you put in the cache yourself, instead of the sample of 10,000
        rows. See the card ``data/open-bandit.md``.
    affinity : bool
        Also return ``affinity_0``, ``affinity_1`` ...: past clicks of the user on each item.

    Returns
    -------
    pandas.DataFrame
        Sorted by time as published. Columns ``timestamp`` (UTC), ``item`` (0 to n_items - 1),
        ``position`` (1 left, 2 centre, 3 right), ``click`` (0 or 1), ``propensity`` (probability
        that the policy gave to the item in that position, in (0, 1]), ``user_feature_0`` to
        ``user_feature_3`` (categories, anonymised; the same codes in both policies).

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the file can't be had.
    ValueError
        If an argument is not one of its choices, or the file is not what it should be.

    Notes
    -----
    Source: Saito, Aihara, Matsutani and Narita (2021), "Open Bandit Dataset and Pipeline: Towards
    Realistic and Reproducible Off-Policy Evaluation", NeurIPS Datasets and Benchmarks.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("open-bandit"):
    ...     log = datasets.load_open_bandit("bts", "men")
    ...     assert log["click"].sum() == 69
    """
    check.choice(policy, "policy", ["random", "bts"])
    check.choice(campaign, "campaign", N_ITEMS)
    path = _path(policy, campaign, campaign, full=full)
    items = N_ITEMS[campaign]
    features = [f"user_feature_{k}" for k in range(4)]
    affinities = [f"affinity_{k}" for k in range(items)] if affinity else []
    columns = {
        "timestamp": Column("time"),
        "item": Column("int", 0, items - 1),
        "position": Column("int", 1, 3),
        "click": Column("int", 0, 1),
        "propensity": Column("float", 0, 1, open_low=True),
        **{name: Column("category") for name in features},
        **{name: Column("float", 0) for name in affinities},
    }
    raw_names = {"item_id": "item", "propensity_score": "propensity"}
    raw_names |= {f"user-item_{name}": name for name in affinities}
    raw = pd.read_csv(
        path,
        usecols=lambda name: raw_names.get(name, name) in columns,
        dtype=dict.fromkeys(features, "category"),
    )
    return conform(
        raw.rename(columns=raw_names), columns, source=path, rows=None if full else SAMPLE_ROWS
    )


def load_open_bandit_items(campaign: str = "all", *, full: bool = False) -> pd.DataFrame:
    """Features of the items of one Open Bandit campaign.

    Introduced in section 3.1.

    Parameters
    ----------
    campaign : {"all", "men", "women"}
        80, 34 or 46 items.
    full : bool
        Read the complete data set's file.

    Returns
    -------
    pandas.DataFrame
        One row an item, in the order of ``item``. Columns ``item``, ``item_feature_0`` (a number,
        standardised by the publisher), ``item_feature_1`` to ``item_feature_3`` (categories,
        anonymised). The publisher hashes the categories anew for each policy; these are the
        random policy's codes, and the groups that they form are the same in both.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("open-bandit"):
    ...     assert len(datasets.load_open_bandit_items("men")) == 34
    """
    check.choice(campaign, "campaign", N_ITEMS)
    path = _path("random", campaign, "item_context", full=full)
    columns = {
        "item": Column("int", 0, N_ITEMS[campaign] - 1),
        "item_feature_0": Column("float"),
        **{f"item_feature_{k}": Column("category") for k in (1, 2, 3)},
    }
    raw = pd.read_csv(path).rename(columns={"item_id": "item"})
    items = conform(raw, columns, source=path, rows=N_ITEMS[campaign])
    return items.sort_values("item", ignore_index=True)


def load_open_bandit_priors(campaign: str = "all") -> pd.DataFrame:
    """Beta priors that the shop's Thompson policy started from.

    Item ``a`` has a click rate drawn from Beta(alpha_a, beta_a); the policy shows the items with
    the three highest draws. Introduced in section 3.1.

    Parameters
    ----------
    campaign : {"all", "men", "women"}
        80, 34 or 46 items.

    Returns
    -------
    pandas.DataFrame
        One row an item: ``item``, ``alpha``, ``beta`` (both positive).

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("open-bandit"):
    ...     assert datasets.load_open_bandit_priors("all")["alpha"].iloc[0] == 47.0
    """
    import yaml

    check.choice(campaign, "campaign", N_ITEMS)
    path = assets.fetch("open-bandit", "prior_bts.yaml")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        raw = pd.DataFrame({name: content[campaign][name] for name in ("alpha", "beta")})
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"{path}: no lists alpha and beta for {campaign!r}: {error}") from error
    raw.insert(0, "item", range(len(raw)))
    positive = Column("float", 0, open_low=True)
    columns = {"item": Column("int"), "alpha": positive, "beta": positive}
    return conform(raw, columns, source=path, rows=N_ITEMS[campaign])
