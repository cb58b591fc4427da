"""Videos that were on YouTube's list of trending videos in the United States, autumn 2017."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["YouTubeTrending", "load_youtube_trending"]

PINNED = ("USvideos_2017-09.csv", "USvideos_2017-11.csv", "US_category_id.json")
PUBLISHED = ("youtube/USvideos.csv", "youtube-new/USvideos.csv", "youtube-new/US_category_id.json")
ROWS = {"USvideos_2017-09.csv": 7992, "USvideos_2017-11.csv": 3000}


class YouTubeTrending(NamedTuple):
    """What `load_youtube_trending` returns; see there."""

    autumn: pd.DataFrame
    november: pd.DataFrame
    broken: pd.DataFrame


def _lines(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with as many fields as the header, and what is known of the others."""
    with open(path, encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        good, broken = [], []
        for fields in reader:
            if len(fields) == len(header):
                good.append(fields)
            elif fields:
                broken.append((path.name, reader.line_num, len(fields), ",".join(fields)))
    return (
        pd.DataFrame(good, columns=header),
        pd.DataFrame(broken, columns=["file", "line", "fields", "text"]),
    )


def _categories(path: Path) -> dict[str, str]:
    try:
        items = json.loads(path.read_text(encoding="utf-8"))["items"]
        return {item["id"]: item["snippet"]["title"] for item in items}
    except (ValueError, KeyError, TypeError) as error:
        raise SchemaError(f"{path}: not a list of categories: {error}") from error


def _split_tags(text: str) -> list[str]:
    if text == "[none]":
        return []
    return [tag.strip('"') for tag in text.split("|")]


def _dates(raw: pd.DataFrame) -> pd.Series:
    """Day.month of 2017, or year.day.month; a spreadsheet's 1.1 is the first of October."""
    if "trending_date" in raw:
        return pd.to_datetime(raw["trending_date"], format="%y.%d.%m", errors="coerce")
    parts = raw["date"].str.split(".", n=1, expand=True).reindex(columns=[0, 1])
    month = parts[1].replace("1", "10")
    return pd.to_datetime("2017." + month + "." + parts[0], format="%Y.%m.%d", errors="coerce")


def _table(path: Path, categories: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    raw, broken = _lines(path)
    raw = raw.rename(
        columns={
            "video_id": "video",
            "channel_title": "channel",
            "category_id": "category",
            "comment_total": "comments",
            "comment_count": "comments",
            "publish_time": "published",
            "video_error_or_removed": "removed",
        }
    )
    text, count = Column("str"), Column("int", 0)
    columns = {
        "video": text,
        "title": text,
        "channel": text,
        "category": Column("category", values=tuple(categories)),
        "tags": text,
        "views": count,
        "likes": count,
        "dislikes": count,
        "comments": count,
    }
    if "published" in raw:
        flag = Column("bool")
        columns |= {"published": Column("time"), "description": text}
        columns |= {"comments_disabled": flag, "ratings_disabled": flag, "removed": flag}
    videos = conform(raw, columns, source=path, rows=ROWS.get(path.name))
    if not {"date", "trending_date"} & set(raw):
        raise SchemaError(f"{path}: column 'date': is missing")
    date = _dates(raw)
    if date.isna().any():
        row = int(np.argmax(date.isna()))
        raise SchemaError(f"{path}: column 'date': must be a day; first offending row: {row}")
    videos.insert(1, "date", date)
    names = videos["category"].map(categories)  # two numbers of the list share a name
    videos["category"] = pd.Categorical(names, categories=sorted(set(categories.values())))
    videos["tags"] = pd.Series([_split_tags(tags) for tags in videos["tags"]], dtype=object)
    return videos, broken


def load_youtube_trending(*, full: bool = False) -> YouTubeTrending:
    """Up to 200 trending videos a day, with their counts so far; the same video on several days.

    **Every row was selected by its success**: trending is a common effect of views, likes and what
    the site chose, so relations between these columns are not those among all videos. Introduced
    in section A.2.

    Parameters
    ----------
    full : bool
        Read the publisher's own files, which you put in the cache yourself (he wants people to log
        in); the later one goes on until June 2018.

    Returns
    -------
    YouTubeTrending
        ``autumn`` (13 September to 22 October) and ``november`` (14 to 28 November): ``video``,
        ``date`` (on the list), ``title``, ``channel``, ``category`` (name), ``tags`` (list),
        ``views``, ``likes``, ``dislikes``, ``comments`` (totals up to then). November also has
        ``published`` (UTC), ``description`` (may be empty), ``comments_disabled``,
        ``ratings_disabled``, ``removed``. ``broken``: ``file``, ``line``, ``fields``, ``text`` of
        the lines that have not as many fields as the header and are left out of the tables: six
        lines of the autumn file, two of which hold two records each.

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    Source: Mitchell J. (2017), "Trending YouTube Video Statistics", Kaggle.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("youtube-trending-2017"):
    ...     assert len(datasets.load_youtube_trending().broken) == 6
    """
    names = PUBLISHED if full else PINNED
    asset = "youtube-trending-full" if full else "youtube-trending-2017"
    first, second, categories = (assets.fetch(asset, name) for name in names)
    titles = _categories(categories)
    autumn, broken = _table(first, titles)
    november, others = _table(second, titles)
    return YouTubeTrending(autumn, november, pd.concat([broken, others], ignore_index=True))
