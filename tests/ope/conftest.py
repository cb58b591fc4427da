from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.ope.worlds import Bandit, bandit


@pytest.fixture(scope="session")
def world() -> Bandit:
    return bandit()


@pytest.fixture(scope="session")
def log(world: Bandit) -> pd.DataFrame:
    """A log of 3,000 rows of 200 users, with a category and a few types that must not matter."""
    rows = world.draw(3000, np.random.default_rng(5), units=200, spread=0.1)
    rows["category"] = np.array(["x", "y"])[rows["action"] % 2]
    return rows


@pytest.fixture(scope="session")
def to_duckdb() -> Callable[[pd.DataFrame], Any]:
    """Put a DataFrame into an in-process database."""
    import ibis

    connection, names = ibis.duckdb.connect(), iter(range(10**6))
    return lambda frame: connection.create_table(f"t{next(names)}", frame)
