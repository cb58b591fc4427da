"""A notebook whose data cannot be had is reported as skipped, with the asset's name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import notebooks as nb

ROOT = Path(__file__).resolve().parents[2]


def store(path: Path, assets: list[str]) -> None:
    cell = {
        "cell_type": "code",
        "id": "a",
        "execution_count": 1,
        "metadata": {},
        "outputs": [],
        "source": "x = 1",
    }
    metadata = {"causalrec": {"assets": assets}, "kernelspec": nb.KERNEL}
    notebook = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    nb.write(path, notebook)


@pytest.mark.parametrize(("assets", "outcome"), [(["coat"], "1 skipped"), ([], "1 passed")])
def test_notebook_without_data_is_skipped(tmp_path: Path, assets: list[str], outcome: str) -> None:
    store(tmp_path / "a.ipynb", assets)
    shutil.copy(ROOT / "conftest.py", tmp_path)
    offline = {"CAUSALREC_OFFLINE": "1", "CAUSALREC_CACHE": str(tmp_path / "cache")}
    environment = {**os.environ, **offline, "PYTHONPATH": str(ROOT)}
    environment.pop("CAUSALREC_DATA_MIRROR", None)
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-rs", "."]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert outcome in done.stdout, done.stdout + done.stderr
    assert ("asset 'coat'" in done.stdout) == bool(assets)
