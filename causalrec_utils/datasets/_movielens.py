"""MovieLens: the old 100K with its knowledge graph, and the newer small set with tags."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from .. import assets
from ._schema import Column, conform

__all__ = [
    "KnowledgeGraph",
    "MovieLens",
    "MovieLensLatest",
    "load_movielens_100k",
    "load_movielens_100k_graph",
    "load_movielens_latest_small",
]

N_USERS, N_ITEMS, N_RATINGS = 943, 1682, 100_000


class MovieLens(NamedTuple):
    """What `load_movielens_100k` returns; see there."""

    ratings: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame


class KnowledgeGraph(NamedTuple):
    """What `load_movielens_100k_graph` returns; see there."""

    triples: pd.DataFrame
    links: pd.DataFrame


class MovieLensLatest(NamedTuple):
    """What `load_movielens_latest_small` returns; see there."""

    ratings: pd.DataFrame
    items: pd.DataFrame
    tags: pd.DataFrame
    links: pd.DataFrame


def _read(name: str, names: dict[str, str]) -> tuple[pd.DataFrame, Path]:
    """One table; its header says ``name:type``, and quotes in titles are part of them."""
    path = assets.fetch("movielens-100k", f"ml-100k.{name}")
    raw = pd.read_csv(path, sep="\t", quoting=3, keep_default_na=False, encoding="utf-8")
    return raw.rename(columns=lambda column: names.get(column.split(":")[0], column)), path


def load_movielens_100k(*, full: bool = False) -> MovieLens:
    """100,000 ratings of films by 943 people who rated at least 20 each.

    Introduced in section 1.1.

    Parameters
    ----------
    full : bool
        Makes no difference: the ratings are complete.

    Returns
    -------
    MovieLens
        ``ratings``: ``user`` (1–943), ``item`` (1–1682), ``rating`` (1–5), ``timestamp`` (UTC).
        ``users``: ``user``, ``age`` (years), ``gender``, ``occupation``, ``zip_code``.
        ``items``: ``item``, ``title`` (without the year), ``year`` (of release; missing for two
        films), ``genres`` (words with a space between them).

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    Source: Harper and Konstan (2015), "The MovieLens Datasets: History and Context", ACM
    Transactions on Interactive Intelligent Systems 5(4).

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("movielens-100k"):
    ...     ratings, users, items = datasets.load_movielens_100k()
    ...     assert ratings["rating"].mean().round(2) == 3.53
    """
    user, item = Column("int", 1, N_USERS), Column("int", 1, N_ITEMS)
    raw, path = _read(
        "inter",
        {"user_id": "user", "item_id": "item", "rating": "rating", "timestamp": "timestamp"},
    )
    columns = {
        "user": user,
        "item": item,
        "rating": Column("int", 1, 5),
        "timestamp": Column("int", 0),
    }
    ratings = conform(raw, columns, source=path, rows=N_RATINGS)
    ratings["timestamp"] = pd.to_datetime(ratings["timestamp"], unit="s", utc=True)

    same = ("age", "gender", "occupation", "zip_code")
    raw, path = _read("user", {"user_id": "user", **dict(zip(same, same, strict=True))})
    columns = {
        "user": user,
        "age": Column("int", 0, 120),
        "gender": Column("category", values=("F", "M")),
        "occupation": Column("category"),
        "zip_code": Column("str"),
    }
    users = conform(raw, columns, source=path, rows=N_USERS)

    raw, path = _read(
        "item",
        {"item_id": "item", "movie_title": "title", "release_year": "year", "class": "genres"},
    )
    columns = {
        "item": item,
        "title": Column("str"),
        "year": Column("str"),
        "genres": Column("str"),
    }
    items = conform(raw, columns, source=path, rows=N_ITEMS)
    items["year"] = pd.to_numeric(items["year"], errors="coerce").astype("Int64")
    return MovieLens(ratings, users, items.sort_values("item", ignore_index=True))


def load_movielens_100k_graph() -> KnowledgeGraph:
    """Facts about the films (actors, directors, genres ...) as a knowledge graph from Freebase.

    Introduced in section 1.1.

    Returns
    -------
    KnowledgeGraph
        ``triples``: 91,631 rows of ``subject``, ``relation``, ``object`` (Freebase ids such as
        ``m.04ctbw8``; names are not included). ``links``: 1,598 rows of ``item`` and its
        ``entity``. These item numbers are those of later MovieLens releases, not of
        `load_movielens_100k`: match films by title and year through `load_movielens_latest_small`.

    Notes
    -----
    Source: Zhao, He, Yang, Dou, Huang, Ouyang and Wen (2019), "KB4Rec: A Data Set for Linking
    Knowledge Bases with Recommender Systems", Data Intelligence 1(2).

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("movielens-100k"):
    ...     assert len(datasets.load_movielens_100k_graph().links) == 1598
    """
    raw, path = _read("kg", {"head_id": "subject", "relation_id": "relation", "tail_id": "object"})
    columns = {"subject": Column("str"), "relation": Column("category"), "object": Column("str")}
    triples = conform(raw, columns, source=path, rows=91_631)
    raw, path = _read("link", {"item_id": "item", "entity_id": "entity"})
    columns = {"item": Column("int", 1, N_ITEMS), "entity": Column("str")}
    return KnowledgeGraph(triples, conform(raw, columns, source=path, rows=1598))


def _latest(name: str, columns: dict[str, Column], rows: int) -> pd.DataFrame:
    path = assets.fetch("ml-latest-small", f"{name}.csv")
    raw = pd.read_csv(path, encoding="utf-8", keep_default_na=name == "links")
    ids = {"userId": "user", "movieId": "item", "imdbId": "imdb", "tmdbId": "tmdb"}
    return conform(raw.rename(columns=ids), columns, source=path, rows=rows)


def load_movielens_latest_small(*, full: bool = False) -> MovieLensLatest:
    """100,836 ratings of 9,742 films by 610 people from 1996 to 2018, with their tags.

    Introduced in section A.2.

    Parameters
    ----------
    full : bool
        Makes no difference: these files are the publisher's, complete.

    Returns
    -------
    MovieLensLatest
        ``ratings``: ``user``, ``item``, ``rating`` (0.5–5 in halves), ``timestamp`` (UTC).
        ``items``: ``item``, ``title`` (as published, with the year), ``year`` (missing for 13),
        ``genres`` (list; empty for 34). ``tags``: ``user``, ``item``, ``tag``, ``timestamp``.
        ``links``: ``item``, ``imdb``, ``tmdb`` (numbers there; the last is missing for eight).

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    The numbers of users and films are not those of MovieLens-100K.

    Source: Harper and Konstan (2015), "The MovieLens Datasets: History and Context", ACM
    Transactions on Interactive Intelligent Systems 5(4).

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("ml-latest-small"):
    ...     films = datasets.load_movielens_latest_small()
    ...     assert films.items.loc[0, "genres"][:2] == ["Adventure", "Animation"]
    """
    number, text = Column("int", 1), Column("str")
    event = {"user": number, "item": number}
    rated = {**event, "rating": Column("float", 0.5, 5), "timestamp": Column("int", 0)}
    tagged = {**event, "tag": text, "timestamp": Column("int", 0)}
    ratings, tags = _latest("ratings", rated, 100_836), _latest("tags", tagged, 3683)
    for table in (ratings, tags):
        table["timestamp"] = pd.to_datetime(table["timestamp"], unit="s", utc=True)
    items = _latest("movies", {"item": number, "title": text, "genres": text}, 9742)
    year = items["title"].str.extract(r"\((\d{4})\)\s*$", expand=False)
    items.insert(2, "year", pd.to_numeric(year).astype("Int64"))
    genres = [[] if g == "(no genres listed)" else g.split("|") for g in items["genres"]]
    items["genres"] = pd.Series(genres, dtype=object)
    known = {"item": number, "imdb": number, "tmdb": Column("int", 1, missing=True)}
    return MovieLensLatest(ratings, items, tags, _latest("links", known, 9742))
