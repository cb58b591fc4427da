"""Helpers: skip what can't be had here, or serve small files in place of the real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from causalrec_utils import assets


@pytest.fixture
def real() -> Callable[[str], None]:
    """Skip the test unless the asset can be had."""

    def need(asset: str) -> None:
        if not assets.is_available(asset):
            pytest.skip(f"{asset} can't be had here: no cache, mirror, package index or publisher")

    return need


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Put content under a name; from then on the loaders find this file, and real others."""
    fetch = assets.fetch

    def put(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def found(asset: str, member: str | None = None) -> Path:
        if member is None and (tmp_path / "folder").exists():
            return tmp_path / "folder"
        path = tmp_path / (member or "")
        return path if path.is_file() else fetch(asset, member)

    monkeypatch.setattr(assets, "fetch", found)
    return put


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The empty cache of a reader who is offline and has no mirror."""
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path))
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    monkeypatch.delenv("CAUSALREC_DATA_MIRROR", raising=False)
    return tmp_path
