"""Build the site with Jupyter Book. Runs in ``.venv``; called by ``book.py``."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

__all__ = ["derived_config", "main"]

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
LAUNCH_BRANCH = "notebooks"  # the published branch whose notebooks install the library first


def derived_config(
    config: dict[str, Any],
    *,
    repository: str = "",
    cache: Path | None = None,
    timeout: int = 120,
    skip: list[str] | None = None,
) -> dict[str, Any]:
    """``_config.yml`` with what depends on this run: execution, and where the book is published.

    Parameters
    ----------
    config : dict
        Content of ``_config.yml``.
    repository : str
        Public address of the repository; empty hides every button that would need it.
    cache : Path, optional
        Folder of executed notebooks; None shows the stored outputs.
    timeout : int
        Seconds that a notebook may take.
    skip : list of str
        Notebooks to show from stored outputs although others are executed.

    Returns
    -------
    dict
    """
    execute = {
        "execute_notebooks": "cache" if cache else "off",
        "timeout": timeout,
        "exclude_patterns": list(skip or []),
        **({"cache": str(cache)} if cache else {}),
    }
    config = {**config, "execute": {**config.get("execute", {}), **execute}}
    if repository:
        config["repository"] = {"url": repository.rstrip("/"), "branch": LAUNCH_BRANCH}
        config["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        }
        buttons = {"use_repository_button": True, "use_issues_button": True}
        config["html"] = {**config.get("html", {}), **buttons}
    return config


def main() -> int:
    """Build ``_build/html``; the exit code says whether it was clean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--execute", type=Path, metavar="CACHE")
    parser.add_argument("--timeout", type=int, default=120)
    parser.add_argument("--skip", action="append", default=[], metavar="NOTEBOOK")
    options = parser.parse_args()
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config = derived_config(
        config,
        repository=os.environ.get("BOOK_REPOSITORY", ""),
        cache=options.execute,
        timeout=options.timeout,
        skip=options.skip,
    )
    BUILD.mkdir(exist_ok=True)
    derived = BUILD / "config.yml"
    derived.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "utf-8")
    # From nothing each time: an incremental build would not repeat the warnings of pages that
    # did not change, and would keep pages that are gone. Executed notebooks stay in the cache.
    for folder in ("html", ".doctrees"):
        shutil.rmtree(BUILD / folder, ignore_errors=True)
    start = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-u", "-c", start, "build", str(ROOT), "--config", str(derived)]
    return logged([*command, "-n", "-W", "--keep-going"], BUILD / "build.log")


def logged(command: list[str], log: Path) -> int:
    """Run a command, showing its output as it comes and keeping it in a file."""
    with (
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        log.open("w", encoding="utf-8") as kept,
    ):
        for line in process.stdout or ():
            print(line, end="", flush=True)
            kept.write(line)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
