"""Last.fm listeners, their tags and their friends (HetRec 2011)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["LastFM", "load_lastfm_2k"]

FIRST_YEAR = 2002  # Last.fm did not exist before
LAST_YEAR = 2011  # the data set came out in May of this year


class LastFM(NamedTuple):
    """What `load_lastfm_2k` returns; see there."""

    listens: pd.DataFrame
    tagged: pd.DataFrame
    friends: pd.DataFrame
    artists: pd.DataFrame
    tags: pd.DataFrame


def _read(
    name: str, labels: Mapping[str, str], columns: Mapping[str, Column], rows: int
) -> pd.DataFrame:
    path = assets.fetch("lastfm-2k", name)
    encoding = "latin-1" if name == "tags.dat" else "utf-8"  # the one file that is no UTF-8
    raw = pd.read_csv(path, sep="\t", quoting=3, keep_default_na=False, encoding=encoding)
    return conform(raw.rename(columns=labels), columns, source=path, rows=rows)


def load_lastfm_2k(*, full: bool = False) -> LastFM:
    """What 1,892 people listened to, how they tagged it and when, and who their friends are.

    Introduced in section 4.2.

    Parameters
    ----------
    full : bool
        Makes no difference: these files are the publisher's, complete.

    Returns
    -------
    LastFM
        ``listens``: ``user``, ``artist``, ``plays`` (for nearly all users, of their 50 most played
        artists only; no dates). ``tagged``: ``user``, ``artist``, ``tag``, ``date`` (mostly the
        first of the month), ``impossible`` (True where the year is before Last.fm existed: five
        rows, which are kept). ``friends``: ``user``, ``friend`` (each pair both ways). ``artists``:
        ``artist``, ``name``. ``tags``: ``tag``, ``name``.

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    Source: Cantador, Brusilovsky and Kuflik (2011), "Second Workshop on Information Heterogeneity
    and Fusion in Recommender Systems (HetRec2011)", RecSys.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("lastfm-2k"):
    ...     music = datasets.load_lastfm_2k()
    ...     assert music.tagged["impossible"].sum() == 5
    """
    number, name = Column("int", 1), Column("str")
    ids = {"userID": "user", "artistID": "artist", "tagID": "tag", "friendID": "friend"}
    listens = {"user": number, "artist": number, "plays": number}
    dated = {
        "user": number,
        "artist": number,
        "tag": number,
        "day": Column("int", 1, 31),
        "month": Column("int", 1, 12),
        "year": Column("int", 1900, LAST_YEAR),
    }
    tagged = _read("user_taggedartists.dat", ids, dated, 186_479)
    date = pd.to_datetime(tagged[["year", "month", "day"]], errors="coerce")
    if date.isna().any():
        row = int(date.isna().to_numpy().argmax())
        raise SchemaError(f"user_taggedartists.dat: no such day; first offending row: {row}")
    return LastFM(
        listens=_read("user_artists.dat", ids | {"weight": "plays"}, listens, 92_834),
        tagged=tagged[["user", "artist", "tag"]].assign(
            date=date, impossible=tagged["year"] < FIRST_YEAR
        ),
        friends=_read("user_friends.dat", ids, {"user": number, "friend": number}, 25_434),
        artists=_read("artists.dat", {"id": "artist"}, {"artist": number, "name": name}, 17_632),
        tags=_read("tags.dat", ids | {"tagValue": "name"}, {"tag": number, "name": name}, 11_946),
    )
