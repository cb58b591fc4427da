"""Reading and rewriting notebooks."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tools import notebooks as nb

NOTEBOOK: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Title"]},
        {
            "cell_type": "code",
            "id": "b",
            "execution_count": 1,
            "metadata": {"tags": ["x"], "execution": {"iopub.execute_input": "2026-01-01"}},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["因果\n"]}],
            "source": ["print('因果')"],
        },
    ],
    "metadata": {
        "causalrec": {"assets": ["coat"]},
        "kernelspec": {"name": "my-env", "display_name": "mine", "language": "python"},
        "language_info": {"name": "python", "version": "3.11.7"},
        "widgets": {},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


def test_written_notebook_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    nb.write(path, NOTEBOOK)
    assert nb.read(path) == NOTEBOOK
    assert "因果" in path.read_text(encoding="utf-8")


def test_cleaning_drops_times_and_machines_and_keeps_what_is_shown() -> None:
    before = copy.deepcopy(NOTEBOOK)
    cleaned = nb.clean(NOTEBOOK)
    assert before == NOTEBOOK
    assert cleaned["cells"][1]["metadata"] == {"tags": ["x"]}
    assert cleaned["cells"][1]["outputs"] == NOTEBOOK["cells"][1]["outputs"]
    assert cleaned["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in cleaned["metadata"]["language_info"]
    assert "widgets" not in cleaned["metadata"]
    assert nb.assets_of(cleaned) == ["coat"]
    assert nb.clean(cleaned) == cleaned


def test_install_cell_comes_first_and_names_the_repository() -> None:
    changed = nb.with_install_cell(NOTEBOOK, "https://example.org/someone/book")
    source = "".join(changed["cells"][0]["source"])
    assert source.startswith("%pip install")
    assert "git+https://example.org/someone/book" in source
    assert changed["cells"][1:] == NOTEBOOK["cells"]
    assert len(NOTEBOOK["cells"]) == 2


def test_install_cell_makes_a_valid_notebook() -> None:
    import nbformat

    changed = nb.with_install_cell(NOTEBOOK, "https://example.org/someone/book")
    nbformat.validate(nbformat.from_dict(changed))


def test_assets_of_a_notebook_that_names_none() -> None:
    assert nb.assets_of({"metadata": {}}) == []


def test_pages_follow_the_contents(tmp_path: Path) -> None:
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nparts:\n  - caption: A file: here\n    chapters:\n"
        "      - file: a/one\n      - file: two.md\n"
    )
    (tmp_path / "a").mkdir()
    for name in ("index.md", "a/one.ipynb", "two.md"):
        (tmp_path / name).write_text("{}")
    found = [p.relative_to(tmp_path).as_posix() for p in nb.pages(tmp_path)]
    assert found == ["index.md", "a/one.ipynb", "two.md"]
    assert [p.name for p in nb.notebooks(tmp_path)] == ["one.ipynb"]
    (tmp_path / "two.md").unlink()
    with pytest.raises(FileNotFoundError, match="two.md"):
        nb.pages(tmp_path)
