"""Run notebooks in place and store their outputs. Runs in ``.venv``; called by ``book.py``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebooks as nb  # noqa: E402

__all__ = ["execute", "main"]


def execute(path: Path, *, timeout: int) -> float:
    """Run one notebook from a fresh kernel, in its own folder, and write it back.

    Parameters
    ----------
    path : Path
        The notebook.
    timeout : int
        Seconds that one cell may take.

    Returns
    -------
    float
        Seconds that it took.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails; the file is then left as it was.
    """
    start = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    )
    client.execute()
    nbformat.validate(notebook)
    nb.write(path, nb.clean(json.loads(nbformat.writes(notebook))))
    return time.monotonic() - start


def main() -> None:
    """Run each notebook that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=120)
    parser.add_argument("paths", nargs="+", type=Path)
    options = parser.parse_args()
    for path in options.paths:
        print(f"{path} ...", end=" ", flush=True)
        print(f"{execute(path, timeout=options.timeout):.0f} s", flush=True)


if __name__ == "__main__":
    main()
