"""The disk cache of answers: one SQLite file, safe to share between processes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ..assets import cache_dir

__all__ = ["key_of", "read", "write"]

# Raise it when the same request would get another answer: the text around a prompt, say.
FORMAT = 1
LOOKED_UP_AT_ONCE = 500  # SQLite allows 999 variables in a statement, or more if it is recent


def key_of(*parts: Any) -> str:
    """Hash of everything that an answer depends on."""
    text = json.dumps([FORMAT, *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _path() -> Path:
    return cache_dir() / "llm" / "answers.sqlite"


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # the time-out lets one process wait until another one has written
        with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)"
            )
            yield connection
    except (OSError, sqlite3.Error) as error:
        hint = 'delete it, set CAUSALREC_CACHE to a folder that can be written, or use cache="off"'
        raise OSError(f"the cache of answers {path} can't be used ({error}); {hint}") from error


def read(keys: Iterable[str]) -> dict[str, Any]:
    """The answers that are known, by key."""
    wanted = list(keys)
    found: dict[str, str] = {}
    with _opened(_path()) as connection:
        for start in range(0, len(wanted), LOOKED_UP_AT_ONCE):
            some = wanted[start : start + LOOKED_UP_AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"SELECT key, answer FROM answers WHERE key IN ({marks})"
            found.update(connection.execute(query, some))
    return {key: json.loads(answer) for key, answer in found.items()}


def write(answers: dict[str, Any]) -> None:
    """Keep answers; all of them or, if the process dies, none."""
    rows = [(key, json.dumps(answer)) for key, answer in answers.items()]
    with _opened(_path()) as connection:
        connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
