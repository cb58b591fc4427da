"""Randomised experiments: headlines (Upworthy) and e-mails (Hillstrom)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import _checks as check
from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["load_hillstrom", "load_upworthy"]

PARQUET = "upworthy_exploratory.parquet"
CSV = "upworthy-archive-exploratory-packages-03.12.2020.csv"
HILLSTROM = "Kevin_Hillstrom_MineThatData_E-MailAnalytics_DataMiningChallenge_2008.03.20.csv"
# The authors ask that tests of this period be treated as not randomised (correction of 2024).
BROKEN_FROM = pd.Timestamp("2013-06-25", tz="UTC")
BROKEN_BEFORE = pd.Timestamp("2014-01-11", tz="UTC")


def _created(test: pd.Series) -> pd.Series:
    """When a test was set up: the first four bytes of a MongoDB ObjectId are seconds since 1970."""
    strange = ~test.str.fullmatch("[0-9a-f]{24}").to_numpy(bool)
    if strange.any():
        row = int(np.argmax(strange))
        check.fail("clickability_test_id", "must be 24 hex digits", row, test.iloc[row])
    return pd.to_datetime(test.str[:8].map(lambda text: int(text, 16)), unit="s", utc=True)


def load_upworthy(*, full: bool = False) -> pd.DataFrame:
    """Headline tests of a news site: what each version said, who saw it, who clicked.

    Introduced in section 3.1.

    Parameters
    ----------
    full : bool
        Read the publisher's CSV file, even where the smaller Parquet copy is at hand. Both hold
        the exploratory set of the archive.

    Returns
    -------
    pandas.DataFrame
        One row an arm. ``test`` (id), ``created`` (UTC, when the test was set up, from its id),
        ``week`` (published year and week, such as 201446), ``headline``, ``lede``, ``excerpt``
        (text; the last two may be missing), ``image`` (id; may be missing), ``impressions``,
        ``clicks`` (people), ``ctr`` (clicks per impression), ``significance`` (0–100, the site's
        own), ``winner`` (what its editors chose), ``first_place`` (shown to them before they
        chose), and ``randomised``: False for the tests that the authors ask to treat as not
        randomised. Keep the rows where it is True for any causal claim.

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the file can't be had.
    ValueError
        If the file is not what it should be.

    Notes
    -----
    Source: Matias, Munger, Le Quere and Ebersole (2021), "The Upworthy Research Archive, a time
    series of 32,487 experiments in U.S. media", Scientific Data 8, 195, and the authors' correction
    of December 2024 in the same journal.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("upworthy"):
    ...     arms = datasets.load_upworthy()
    ...     assert (arms["clicks"] <= arms["impressions"]).all()
    """
    if full:
        path = assets.fetch("upworthy", CSV)
    else:
        try:
            path = assets.fetch("upworthy", PARQUET)
        except assets.AssetUnavailable:
            path = assets.fetch("upworthy", CSV)
    pinned = path.suffix == ".parquet"
    raw = pd.read_parquet(path) if pinned else pd.read_csv(path, low_memory=False)
    raw = raw.rename(
        columns={"clickability_test_id": "test", "eyecatcher_id": "image", "test_week": "week"}
    )
    text, maybe = Column("str"), Column("str", missing=True)
    columns = {
        "test": text,
        "headline": text,
        "lede": maybe,
        "excerpt": maybe,
        "image": maybe,
        "impressions": Column("int", 1),
        "clicks": Column("int", 0),
        "significance": Column("float", 0, 100),
        "winner": Column("bool"),
        "first_place": Column("bool"),
    }
    if "week" in raw:
        columns["week"] = Column("int", 201300, 201553)
    arms = conform(raw, columns, source=path, rows=22_666 if pinned else None)
    try:
        created = _created(arms["test"])
        rate = (arms["clicks"] / arms["impressions"]).to_numpy()
        check.within(rate, "clicks / impressions", 0, 1)
    except ValueError as error:
        raise SchemaError(f"{path}: {error}") from error
    arms.insert(1, "created", created)
    if "week" not in arms:
        arms["week"] = created.dt.strftime("%Y%U").astype("int64")
    arms["ctr"] = arms["clicks"] / arms["impressions"]
    arms["randomised"] = (created < BROKEN_FROM) | (created >= BROKEN_BEFORE)
    order = ["test", "created", "week", "headline", "lede", "excerpt", "image", "impressions"]
    order += ["clicks", "ctr", "significance", "winner", "first_place", "randomised"]
    return arms[order]


def load_hillstrom(*, full: bool = False) -> pd.DataFrame:
    """An e-mail experiment on 64,000 customers of a shop: two kinds of e-mail, or none.

    Introduced in section 3.1.

    Parameters
    ----------
    full : bool
        Makes no difference: the file is the publisher's, complete.

    Returns
    -------
    pandas.DataFrame
        One row a customer. ``recency`` (months since the last purchase, 1–12), ``history_segment``
        and ``history`` (dollars spent in the past year), ``mens``, ``womens`` (1 if bought such
        goods in the past year), ``zip_code`` (as published: Surburban, Rural, Urban), ``newbie`` (1
        if new in the past year), ``channel`` (of purchases in the past year), ``segment`` (the arm:
        Mens E-Mail, Womens E-Mail, No E-Mail); outcomes in the two weeks after the e-mail:
        ``visit``, ``conversion`` (0 or 1), ``spend`` (dollars).

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the file can't be had.
    ValueError
        If the file is not what it should be.

    Notes
    -----
    Source: Hillstrom (2008), "The MineThatData E-Mail Analytics and Data Mining Challenge".

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("hillstrom"):
    ...     arms = datasets.load_hillstrom().groupby("segment", observed=True)
    ...     assert arms["visit"].mean().idxmin() == "No E-Mail"
    """
    path = assets.fetch("hillstrom", HILLSTROM)
    binary = Column("int", 0, 1)
    columns = {
        "recency": Column("int", 1, 12),
        "history_segment": Column("category"),
        "history": Column("float", 0),
        "mens": binary,
        "womens": binary,
        "zip_code": Column("category", values=("Rural", "Surburban", "Urban")),
        "newbie": binary,
        "channel": Column("category", values=("Multichannel", "Phone", "Web")),
        "segment": Column("category", values=("No E-Mail", "Mens E-Mail", "Womens E-Mail")),
        "visit": binary,
        "conversion": binary,
        "spend": Column("float", 0),
    }
    return conform(pd.read_csv(path), columns, source=path, rows=64_000)
