"""The cache and the mirror: which folders they are, what is in them, how to copy from one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ._files import Corrupt, check, extract, write
from ._registry import Asset, File

__all__ = ["archives", "cache_dir", "from_folder", "good", "mirror_dir"]


def cache_dir() -> Path:
    """Folder that fetched files are kept in, one sub-folder an asset.

    ``CAUSALREC_CACHE`` if set; else ``data/`` of the checkout that the library runs from; else the
    user's cache folder. Introduced in section 1.2.

    Returns
    -------
    pathlib.Path
        It may not exist yet.

    Examples
    --------
    >>> from causalrec_utils import assets
    >>> assets.cache_dir().is_absolute()
    True
    """
    if chosen := os.environ.get("CAUSALREC_CACHE"):
        return Path(chosen).expanduser().absolute()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").exists() and (checkout / "data" / "index.md").exists():
        return checkout / "data"
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "causalrec"


def mirror_dir(asset: Asset) -> Path | None:
    """Folder of an asset in the mirror, if a mirror is set."""
    root = os.environ.get("CAUSALREC_DATA_MIRROR")
    return Path(root).expanduser().absolute() / asset.name if root else None


def good(folder: Path | None, file: File) -> bool:
    """Whether a folder holds the file, with one of its pinned hashes."""
    if folder is None or not (folder / file.name).is_file():
        return False
    try:
        check(folder / file.name, file)
    except Corrupt:
        return False
    return True


def archives(asset: Asset, folder: Path | None) -> list[Path]:
    """Archives of the asset that a reader has put into a folder as they are."""
    if folder is None or not folder.is_dir():
        return []
    return [path for pattern in asset.archive_names() for path in sorted(folder.glob(pattern))]


def from_folder(asset: Asset, source: Path, wanted: list[File], folder: Path) -> None:
    """Copy from a mirror, or unpack an archive that lies in a mirror or in the cache itself."""
    reasons = []
    for file in wanted:
        path = source / file.name
        if source == folder or not path.is_file():
            continue
        try:
            with open(path, "rb") as stream:
                write(stream, folder / file.name, file)
        except Corrupt as error:
            reasons.append(f"{path} is corrupted: {error}")
    missing = [file for file in wanted if not good(folder, file)]
    for archive in archives(asset, source):
        if missing:
            extract(archive, missing, folder)
            missing = []
    if missing and source == folder:
        broken = [file.name for file in missing if (folder / file.name).exists()]
        raise Corrupt(f"corrupted: {', '.join(broken)}") if broken else OSError("not there")
    if missing:
        raise OSError("; ".join(reasons) or f"{source} has no {missing[0].name}")
