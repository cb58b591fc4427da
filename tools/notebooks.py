"""Read and rewrite notebooks as plain JSON. Standard library only."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

__all__ = ["assets_of", "clean", "notebooks", "pages", "read", "with_install_cell", "write"]

KEPT_METADATA = ("kernelspec", "language_info", "mystnb", "causalrec")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read(path: Path) -> dict[str, Any]:
    """A notebook as a dictionary."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, notebook: dict[str, Any]) -> None:
    """Write a notebook the way Jupyter does, so that differences between versions stay small."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def pages(root: Path) -> list[Path]:
    """Every page that ``_toc.yml`` names, in its order, with its suffix."""
    toc = (root / "_toc.yml").read_text(encoding="utf-8")
    found = []
    for name in re.findall(r"^[\s-]*(?:root|file):\s*(\S+)\s*$", toc, flags=re.MULTILINE):
        candidates = [root / name, root / f"{name}.ipynb", root / f"{name}.md"]
        match = next((c for c in candidates if c.suffix and c.is_file()), None)
        if match is None:
            raise FileNotFoundError(f"_toc.yml names {name!r}, but there is no such page")
        found.append(match)
    return found


def notebooks(root: Path) -> list[Path]:
    """The notebooks among the pages."""
    return [page for page in pages(root) if page.suffix == ".ipynb"]


def assets_of(notebook: dict[str, Any]) -> list[str]:
    """Names of the assets that a notebook says it needs."""
    return list(notebook["metadata"].get("causalrec", {}).get("assets", []))


def clean(notebook: dict[str, Any]) -> dict[str, Any]:
    """Drop what changes from run to run or machine to machine, and nothing that is shown."""
    metadata = {k: v for k, v in notebook["metadata"].items() if k in KEPT_METADATA}
    metadata["kernelspec"] = dict(KERNEL)
    metadata["language_info"] = {"name": "python"}
    cells = []
    for cell in notebook["cells"]:
        cell = dict(cell)
        dropped = ("execution", "collapsed", "ExecuteTime")
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k not in dropped}
        cells.append(cell)
    return {**notebook, "metadata": metadata, "cells": cells}


def with_install_cell(notebook: dict[str, Any], repository: str) -> dict[str, Any]:
    """The notebook with a first cell that installs the library, for Colab and the like.

    The extra ``chapters`` holds what chapters import, without the tools that build the site.
    """
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install-causalrec",
        "metadata": {"tags": ["remove-cell"]},
        "outputs": [],
        "source": [f'%pip install --quiet "causalrec-utils[chapters] @ git+{repository}"'],
    }
    return {**notebook, "cells": [cell, *notebook["cells"]]}
