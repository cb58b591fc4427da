"""Notebooks whose data cannot be had are skipped, with the reason, not passed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tools import notebooks as nb


@cache
def why_unreachable(asset: str) -> str | None:
    """None if the asset can be had, else the first line of what the library says."""
    from causalrec_utils import assets

    try:
        assets.fetch(asset)
    except assets.AssetUnavailable as error:
        return f"asset {asset!r}: {str(error).splitlines()[0]}"
    return None


@cache
def why_skipped(notebook: Path) -> str | None:
    """Why a notebook cannot be run here, or None if it can."""
    reasons = map(why_unreachable, nb.assets_of(nb.read(notebook)))
    return next(filter(None, reasons), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cells of notebooks that lack data; their kernels are never started."""
    for item in items:
        if type(item).__name__ == "IPyNbCell" and (reason := why_skipped(item.path)):
            item.add_marker(pytest.mark.skip(reason=reason))
