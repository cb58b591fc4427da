"""Short videos: KuaiRec (nearly all preferences observed) and KuaiRand (random exposure)."""

from __future__ import annotations

import pandas as pd

from .. import _checks as check
from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["load_kuairand", "load_kuairec"]

N_USERS, N_VIDEOS = 7176, 10_728
SMALL = "random.txt"
TIMES = {"play_duration": "play_seconds", "video_duration": "duration_seconds"}  # milliseconds
FULL = "KuaiRec 2.0/data/small_matrix.csv"
LOGS = {
    "random": "log_random_4_22_to_5_08_pure.csv",
    "standard": "log_standard_4_22_to_5_08_pure.csv",
    "standard_before": "log_standard_4_08_to_4_21_pure.csv",
}
FEEDBACK = ("click", "like", "follow", "comment", "forward", "hate")


def load_kuairec(*, full: bool = False) -> pd.DataFrame:
    """How much of each video each user watched, from a matrix with nearly no gaps.

    Introduced in section 4.3.

    Parameters
    ----------
    full : bool
        Read the publisher's complete small matrix, which you put in the cache yourself, instead of
        a part that has 83 videos of each user. It is also read where the part can't be had.

    Returns
    -------
    pandas.DataFrame
        One row a pair, none twice: ``user``, ``video`` (the publisher's ids), ``watch_ratio`` (time
        watched over length; above 1 if it was played again). With ``full`` also ``play_seconds``
        and ``duration_seconds``, time watched and length.

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the file can't be had.
    ValueError
        If the file is not what it should be.

    Notes
    -----
    How the 83 videos of the part were chosen is not documented, and some videos have hundreds of
    times as many rows as others: do not treat them as a uniform draw. See ``data/kuairec.md``.

    Source: Gao, Li, Lei, Chen, Li, Jiang, He, Mao and Chua (2022), "KuaiRec: A Fully-Observed
    Dataset and Insights for Evaluating Recommender Systems", CIKM.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("kuairec"):
    ...     watched = datasets.load_kuairec()
    ...     assert not watched.duplicated(["user", "video"]).any()
    """
    if full:
        path = assets.fetch("kuairec", FULL)
    else:
        try:
            path = assets.fetch("kuairec", SMALL)
        except assets.AssetUnavailable:
            path = assets.fetch("kuairec", FULL)
    names = ["user", "video", "watch_ratio"]
    if path.suffix == ".txt":
        raw = pd.read_csv(path, header=None, names=names)
    else:
        published = {"user_id": "user", "video_id": "video", "watch_ratio": "watch_ratio"}
        raw = pd.read_csv(path, usecols=[*published, *(TIMES if full else ())])
        raw = raw.rename(columns={"user_id": "user", "video_id": "video"})
    columns = {
        "user": Column("int", 0, N_USERS - 1),
        "video": Column("int", 0, N_VIDEOS - 1),
        "watch_ratio": Column("float", 0),
        **dict.fromkeys(TIMES if full else (), Column("int", 0)),
    }
    watched = conform(raw, columns, source=path, rows=117_113 if path.suffix == ".txt" else None)
    again = watched.duplicated(["user", "video"]).to_numpy()
    if again.any():
        row = int(again.argmax())
        raise SchemaError(f"{path}: a pair stands twice; first offending row: {row}")
    return _in_seconds(watched, TIMES) if full else watched


def load_kuairand(exposure: str = "random") -> pd.DataFrame:
    """A log of KuaiRand-Pure: short videos that the app chose, or that were drawn at random.

    You put the publisher's file in the cache yourself. Introduced in section 4.3.

    Parameters
    ----------
    exposure : {"random", "standard", "standard_before"}
        Videos that were inserted at random; the app's own choice in the same weeks (22 April to 8
        May 2022); its choice in the two weeks before.

    Returns
    -------
    pandas.DataFrame
        One row an impression: ``user``, ``video``, ``timestamp`` (UTC), ``click``, ``like``,
        ``follow``, ``comment``, ``forward``, ``hate``, ``long_view`` (0 or 1), ``play_seconds``,
        ``duration_seconds``, ``random`` (whether it was drawn at random), ``tab`` (place in the
        app).

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the file is not in the cache; the message says where to get it.
    ValueError
        If ``exposure`` is not one of its choices, or the file is not what it should be.

    Notes
    -----
    Source: Gao, Li, Zhang, Chen, Li, Lei, Jiang and He (2022), "KuaiRand: An Unbiased Sequential
    Recommendation Dataset with Randomly Exposed Videos", CIKM.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("kuairand"):
    ...     assert datasets.load_kuairand("random")["random"].all()
    """
    check.choice(exposure, "exposure", LOGS)
    path = assets.fetch("kuairand", f"KuaiRand-Pure/data/{LOGS[exposure]}")
    renamed = {f"is_{name}": name for name in FEEDBACK}
    renamed |= {"user_id": "user", "video_id": "video", "time_ms": "timestamp", "is_rand": "random"}
    raw = pd.read_csv(path).rename(columns=renamed)
    count, flag = Column("int", 0), Column("int", 0, 1)
    columns = {
        "user": count,
        "video": count,
        "timestamp": count,
        **dict.fromkeys((*FEEDBACK, "long_view"), flag),
        "play_time_ms": count,
        "duration_ms": count,
        "random": flag,
        "tab": count,
    }
    log = conform(raw, columns, source=path)
    log["timestamp"] = pd.to_datetime(log["timestamp"], unit="ms", utc=True)
    log["random"] = log["random"].eq(1)
    return _in_seconds(log, {"play_time_ms": "play_seconds", "duration_ms": "duration_seconds"})


def _in_seconds(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Columns of milliseconds as seconds, under their new names."""
    return table.assign(**{old: table[old] / 1000 for old in names}).rename(columns=names)
