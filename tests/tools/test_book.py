"""The driver of the book's commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import book
from tools import notebooks as nb


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small book; what the driver would run is only noted, in ``tree.ran``."""
    for name, assets in (("one", ["coat"]), ("two", ["coat", "upworthy"]), ("three", [])):
        nb.write(tmp_path / f"{name}.ipynb", {"cells": [], "metadata": {}})
        notebook = {"cells": [], "metadata": {"causalrec": {"assets": assets}}}
        nb.write(tmp_path / f"{name}.ipynb", notebook)
    toc = "root: one\nchapters:\n  - file: two\n  - file: three\n"
    (tmp_path / "_toc.yml").write_text(toc)
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "constraints.txt").write_text("numpy==2.0")
    (tmp_path / "causalrec_utils").mkdir()
    (tmp_path / "causalrec_utils" / "a.py").write_text("x = 1")
    monkeypatch.setattr(book, "ROOT", tmp_path)
    monkeypatch.setattr(book, "BUILD", tmp_path / "_build")
    return tmp_path


def test_pins_carry_no_build_tags_and_no_paths() -> None:
    frozen = "torch==2.13.0+cpu\nPyYAML==6.0\n-e /somewhere\nmine @ file:///somewhere\nabc==1.0\n"
    lines = book.constraints(frozen).splitlines()[1:]
    assert lines == ["abc==1.0", "PyYAML==6.0", "torch==2.13.0"]


def test_chapters_that_lack_data_are_named(tree: Path) -> None:
    everything = {"coat": True, "upworthy": True}
    assert book.without_data(everything) == {}
    assert book.without_data({**everything, "upworthy": False}) == {"two.ipynb": ["upworthy"]}
    both = book.without_data({"coat": False, "upworthy": False})
    assert both == {"one.ipynb": ["coat"], "two.ipynb": ["coat", "upworthy"]}


@pytest.mark.parametrize(("code", "reached"), [(0, True), (book.UNREACHABLE, False)])
def test_each_asset_is_fetched_once(
    tree: Path, monkeypatch: pytest.MonkeyPatch, code: int, reached: bool
) -> None:
    asked = []

    def run(*command: object, check: bool = True) -> int:
        asked.append(command[-1])
        return code

    monkeypatch.setattr(book, "run", run)
    assert book.fetch_assets() == {"coat": reached, "upworthy": reached}
    assert asked == ["coat", "upworthy"]


def test_a_fault_while_fetching_is_no_missing_network(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "run", lambda *command, check=True: 1)
    with pytest.raises(SystemExit):
        book.fetch_assets()


def test_fetching_says_what_is_unreachable(tmp_path: Path) -> None:
    environment = {"CAUSALREC_CACHE": str(tmp_path), "CAUSALREC_OFFLINE": "1", "PATH": ""}
    command = [sys.executable, "-c", book.FETCH, "coat"]
    root = Path(book.__file__).resolve().parents[1]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=root)
    assert done.returncode == book.UNREACHABLE, done.stderr
    assert "coat" in done.stdout


def test_cache_changes_with_the_library_and_the_pins(tree: Path) -> None:
    first = book.cache_folder()
    first.mkdir(parents=True)
    assert book.cache_folder() == first
    (tree / "causalrec_utils" / "a.py").write_text("x = 2")
    second = book.cache_folder()
    assert second != first
    assert not first.exists()  # what can never be used again does not pile up
    (tree / "constraints.txt").write_text("numpy==2.1")
    assert book.cache_folder() not in (first, second)


def test_environment_is_installed_once_for_each_declaration(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = tree / ".venv"
    monkeypatch.setattr(book, "VENV", venv)
    monkeypatch.setattr(book, "PYTHON", venv / "python")
    installs = []

    def run(*command: object, check: bool = True) -> int:
        if "pip" in command:
            installs.append(command)
        return 0

    def make_venv(folder: Path) -> None:
        folder.mkdir()
        (folder / "python").touch()

    monkeypatch.setattr(book, "run", run)
    monkeypatch.setattr(book, "make_venv", make_venv)
    book.ensure_env()
    book.ensure_env()
    assert len(installs) == 1
    assert "-c" in installs[0]
    (tree / "constraints.txt").write_text("numpy==2.1")
    book.ensure_env()
    assert len(installs) == 2
    monkeypatch.setenv("BOOK_UNPINNED", "1")
    book.ensure_env()
    assert len(installs) == 3
    assert "-c" not in installs[2]


def test_launch_branch_needs_the_address(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_REPOSITORY", raising=False)
    with pytest.raises(SystemExit, match="BOOK_REPOSITORY"):
        book.launch_branch()
    monkeypatch.setenv("BOOK_REPOSITORY", "https://example.org/someone/book")
    book.launch_branch()
    for path in nb.notebooks(tree):
        assert "example.org/someone/book" in nb.read(path)["cells"][0]["source"][0]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(book.__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, root / "tools" / "book.py", "help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    for name in book.COMMANDS:
        assert name in done.stdout
    makefile = (root / "Makefile").read_text()
    for name in set(book.COMMANDS) - {"launch-branch"}:
        assert name in makefile
