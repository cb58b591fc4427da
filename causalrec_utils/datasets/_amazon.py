"""Amazon reviews of digital music, with what the shop says about the albums."""

from __future__ import annotations

import ast
import gzip
import json
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["AmazonDigitalMusic", "load_amazon_digital_music"]

REVIEWS, ITEMS = "reviews.jsonl.gz", "meta.jsonl.gz"
FULL_REVIEWS, FULL_ITEMS = "reviews_Digital_Music_5.json.gz", "meta_Digital_Music.json.gz"
RELATED = ("also_bought", "also_viewed", "bought_together", "buy_after_viewing")


class AmazonDigitalMusic(NamedTuple):
    """What `load_amazon_digital_music` returns; see there.

    Attributes
    ----------
    reviews, items : pandas.DataFrame
        One review a row, and one item a row.
    complete : bool
        False if the histories of users are cut: then nothing may be said about users.
    """

    reviews: pd.DataFrame
    items: pd.DataFrame
    complete: bool


def _literal(line: str) -> Any:
    """One record: JSON, or a Python literal as in the publisher's metadata; never evaluated."""
    try:
        return json.loads(line)
    except ValueError:
        return ast.literal_eval(line)


def _records(path: Path) -> pd.DataFrame:
    records = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row, line in enumerate(lines):
                try:
                    record = _literal(line.strip())
                except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                    record = None
                if not isinstance(record, dict):
                    raise SchemaError(f"{path}: not a record; first offending row: {row}")
                records.append(record)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SchemaError(f"{path}: not a complete gzip file of text: {error}") from error
    return pd.DataFrame(records)


def _fetch(small: str, large: str, *, full: bool) -> Path:
    if not full:
        try:
            return assets.fetch("amazon-digital-music", small)
        except assets.AssetUnavailable:
            pass  # the publisher's file holds the same reviews and more
    return assets.fetch("amazon-digital-music", large)


def _bad(path: Path, name: str, rule: str, wrong: np.ndarray) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise SchemaError(f"{path}: column {name!r}: {rule}; first offending row: {row}")


def _reviews(path: Path) -> pd.DataFrame:
    raw = _records(path).rename(
        columns={
            "reviewerID": "user",
            "asin": "item",
            "overall": "rating",
            "reviewText": "text",
            "unixReviewTime": "timestamp",
        }
    )
    if "helpful" not in raw:
        raise SchemaError(f"{path}: column 'helpful': is missing")
    pair = raw["helpful"].map(lambda votes: isinstance(votes, list) and len(votes) == 2)
    _bad(path, "helpful", "must be [helpful votes, votes]", ~pair.to_numpy(bool))
    raw["helpful_votes"], raw["votes"] = zip(*raw["helpful"], strict=True)
    text, count = Column("str"), Column("int", 0)
    columns = {
        "user": text,
        "item": text,
        "rating": Column("int", 1, 5),
        "summary": text,
        "text": text,
        "helpful_votes": count,
        "votes": count,
        "timestamp": count,
    }
    rows = 6908 if path.name == REVIEWS else None
    reviews = conform(raw, columns, source=path, rows=rows)
    above = (reviews["helpful_votes"] > reviews["votes"]).to_numpy()
    _bad(path, "helpful", "helpful votes must be at most the votes", above)
    reviews["timestamp"] = pd.to_datetime(reviews["timestamp"], unit="s", utc=True)
    return reviews


def _genre(paths: list[list[str]]) -> str | None:
    """First branch of the digital music shop that the item stands in."""
    return next((p[1] for p in paths if len(p) > 1 and p[0] == "Digital Music"), None)


def _items(path: Path) -> pd.DataFrame:
    raw = _records(path).rename(columns={"asin": "item"})
    for name in ("title", "brand", "description", "price", "related", "salesRank", "categories"):
        if name not in raw:
            raise SchemaError(f"{path}: column {name!r}: is missing")
    for name, kind in (("related", dict), ("salesRank", dict), ("categories", list)):
        given = raw[name].map(lambda value, kind=kind: isinstance(value, kind))
        _bad(path, name, f"must be a {kind.__name__}", (~given & raw[name].notna()).to_numpy(bool))
    for name in ("title", "brand", "description"):
        raw[name] = raw[name].replace("", None)
    ranks = raw["salesRank"].map(lambda rank: rank.get("Music") if isinstance(rank, dict) else None)
    raw["sales_rank"] = pd.to_numeric(ranks)
    branches = raw["categories"].map(lambda paths: paths if isinstance(paths, list) else [])
    raw["genre"] = branches.map(_genre)
    maybe = Column("str", missing=True)
    columns = {
        "item": Column("str"),
        "title": maybe,
        "brand": maybe,
        "description": maybe,
        "price": Column("float", 0, missing=True),
        "sales_rank": Column("int", 0, missing=True),
        "genre": Column("category", missing=True),
    }
    rows = 7419 if path.name == ITEMS else None
    items = conform(raw, columns, source=path, rows=rows)
    _bad(path, "item", "must be unique", items["item"].duplicated().to_numpy())
    items["categories"] = branches.to_numpy()
    for name in RELATED:
        lists = [r.get(name, []) if isinstance(r, dict) else [] for r in raw["related"]]
        items[name] = pd.Series(lists, dtype=object)
    return items


def load_amazon_digital_music(*, full: bool = False) -> AmazonDigitalMusic:
    """Long reviews of music albums, and the shop's own data on the albums.

    **Without the publisher's complete file, the histories of users are cut**: all reviews of 382
    albums are there, and none of any other album. Items and texts can be studied; claims about
    users (what else they bought, how active they are) cannot. Introduced in section 1.1.

    Parameters
    ----------
    full : bool
        Read the publisher's complete files. They are also read when the smaller copy can't be had.

    Returns
    -------
    AmazonDigitalMusic
        ``reviews``: ``user``, ``item`` (ids), ``rating`` (1–5), ``summary``, ``text``,
        ``helpful_votes`` out of ``votes``, ``timestamp`` (UTC, the day). ``items`` (more than were
        reviewed): ``item``, ``title``, ``brand`` (often the artist), ``description``, ``price``
        (US dollars), ``sales_rank`` (in the shop's music section, 1 sells best), ``genre`` (first
        branch of digital music that lists it); lists: ``categories`` (paths from the root),
        ``also_bought``, ``also_viewed``, ``bought_together``, ``buy_after_viewing`` (item ids).
        Titles to genres may be missing; lists may be empty. ``complete``: whether users'
        histories are whole (within the publisher's 5-core, in which all users and items have at
        least five reviews).

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    The publisher's metadata has one Python dictionary a line. They are parsed as literals
    (``ast.literal_eval``): nothing in the file is run.

    Source: McAuley, Targett, Shi and van den Hengel (2015), "Image-Based Recommendations on Styles
    and Substitutes", SIGIR; He and McAuley (2016), "Ups and Downs: Modeling the Visual Evolution
    of Fashion Trends with One-Class Collaborative Filtering", WWW.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("amazon-digital-music"):
    ...     reviews, items, complete = datasets.load_amazon_digital_music()
    ...     assert set(reviews["item"]) <= set(items["item"])
    """
    path = _fetch(REVIEWS, FULL_REVIEWS, full=full)
    items = _items(_fetch(ITEMS, FULL_ITEMS, full=full))
    return AmazonDigitalMusic(_reviews(path), items, complete=path.name != REVIEWS)
