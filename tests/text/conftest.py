"""A cache of its own for each test, and the real model where it can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from causalrec_utils import assets


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; fetched files stay in the usual one."""
    monkeypatch.setattr(assets, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Folder of the real model."""
    try:
        return assets.fetch("all-minilm-l6-v2")
    except assets.AssetUnavailable as error:
        pytest.skip(str(error).splitlines()[0])
