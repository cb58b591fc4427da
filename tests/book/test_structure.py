"""Every notebook of the book passes every check."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.book import checks
from tools import notebooks as nb

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = {p.relative_to(ROOT).as_posix(): p for p in nb.notebooks(ROOT)}
CHAPTERS = {name: path for name, path in NOTEBOOKS.items() if name.startswith("chapters/")}


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook(name: str, check: Callable[[checks.Notebook], list[str]]) -> None:
    assert check(nb.read(NOTEBOOKS[name])) == []


@pytest.mark.parametrize("check", checks.CHAPTER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter(name: str, check: Callable[[checks.Notebook], list[str]]) -> None:
    assert check(nb.read(CHAPTERS[name])) == []


def test_glue_names_are_unique() -> None:
    assert checks.glue_unique({name: nb.read(path) for name, path in NOTEBOOKS.items()}) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_file_names_have_hyphens(name: str) -> None:
    pattern = r"chapters/(\d\d-[a-z0-9-]+/\d\d|appendix/a\d)-[a-z0-9-]+\.ipynb"
    assert re.fullmatch(pattern, name)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_stored_clean(name: str) -> None:
    notebook = nb.read(NOTEBOOKS[name])
    assert notebook == nb.clean(notebook), "run: make run ONLY=" + name


@pytest.mark.parametrize("name", CHAPTERS)
def test_declared_assets_exist(name: str) -> None:
    from causalrec_utils import assets

    assert set(nb.assets_of(nb.read(CHAPTERS[name]))) <= set(assets.names())


def test_scoreboard_is_always_executed() -> None:
    settings = nb.read(ROOT / "scoreboard.ipynb")["metadata"]["mystnb"]
    assert settings["execution_mode"] == "force"


def test_every_notebook_of_the_tree_is_a_page() -> None:
    found = {p.relative_to(ROOT).as_posix() for p in ROOT.glob("chapters/*/*.ipynb")}
    assert found == set(CHAPTERS)
