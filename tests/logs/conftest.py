from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def to_duckdb() -> Callable[[pd.DataFrame], Any]:
    """Put a DataFrame into an in-process database."""
    import ibis

    connection, names = ibis.duckdb.connect(), iter(range(10**6))
    return lambda frame: connection.create_table(f"t{next(names)}", frame)
