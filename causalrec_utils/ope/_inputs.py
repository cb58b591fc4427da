"""From a table to the checked columns that scores are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from .. import _checks
from ..logs import column_rules, scan

if TYPE_CHECKING:
    import ibis

Columns = dict[str, Any]

LABELS = {
    "target": "target_prob",
    "r": "reward",
    "p": "propensity",
    "q": "q_logged",
    "v": "v_target",
}


class Inputs(NamedTuple):
    """Checked inputs: arrays for a DataFrame, expressions for a table in a database."""

    columns: Columns  # w, r, p and, where given, q, v, mean_w, mean_r
    codes: np.ndarray | None  # unit of each row, from 0; None for rows and in a database
    reward: tuple[float, float]  # smallest and largest
    predicted: tuple[float, float] | None  # the same of q and v together
    min_p: float


def name_of(given: Any, key: str) -> str:
    """How messages name an input: its column, or the argument that brought the array."""
    return given if isinstance(given, str) else LABELS[key]


def from_frame(
    table: pd.DataFrame, given: Columns, embeddings: list[str], cluster: str | None
) -> Inputs:
    """Check and convert the columns of a DataFrame."""
    if len(table) == 0:
        raise ValueError("the log has no rows")
    arrays = {}
    for key, x in given.items():
        values = table[x] if isinstance(x, str) else x
        arrays[key] = _checks.numeric(values, name_of(x, key), n=len(table))
    _checks.within(arrays["p"], name_of(given["p"], "p"), 0, 1, open_low=True)
    _checks.within(arrays["target"], name_of(given["target"], "target"), 0, 1)
    columns = {"w": arrays["target"] / arrays["p"]}
    columns |= {k: a for k, a in arrays.items() if k != "target"}
    if embeddings:
        for name in embeddings:
            _checks.no_missing(table[name], name)
        group = table.groupby(embeddings, observed=True, sort=False).ngroup().to_numpy()
        size = np.bincount(group)
        for key in ("w", "r"):
            columns[f"mean_{key}"] = (np.bincount(group, columns[key]) / size)[group]
    codes = None
    if cluster is not None:
        codes = pd.factorize(_checks.no_missing(table[cluster], cluster))[0]
    predicted = _widest([_ends(columns[k]) for k in "qv" if k in columns])
    return Inputs(columns, codes, _ends(columns["r"]), predicted, float(columns["p"].min()))


def _ends(x: np.ndarray) -> tuple[float, float]:
    return float(x.min()), float(x.max())


def _widest(ends: list[tuple[float, float]]) -> tuple[float, float] | None:
    return (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else None


def from_ibis(
    table: ibis.Table, given: Columns, embeddings: list[str], cluster: str | None
) -> Inputs:
    """Check the columns of a table in a database, in one scan, and build expressions."""
    import ibis

    for key, x in given.items():
        if not isinstance(x, str):
            raise ValueError(f"{LABELS[key]}: for a table in a database, give a column name")
    columns = {k: table[x].cast("float64") for k, x in given.items()}
    target = columns.pop("target")
    columns["w"] = target / columns["p"]
    rules = column_rules(
        table,
        reward=given["r"],
        propensity=given["p"],
        labels=[*embeddings, *([cluster] if cluster else [])],
        numbers=[given[k] for k in ("target", "q", "v") if k in given],
    )
    rules[(given["target"], "must be in [0, 1]")] = (target < 0) | (target > 1)
    bounded = [k for k in "rqv" if k in columns]
    ends = {f"{k}_low": columns[k].min() for k in bounded}
    ends |= {f"{k}_high": columns[k].max() for k in bounded}
    ends["min_p"] = columns["p"].min()
    row = scan(table, rules, rows=table.count(), **ends)
    if not row["rows"]:
        raise ValueError("the log has no rows")
    if embeddings:
        window = ibis.window(group_by=embeddings)
        for key in ("w", "r"):
            columns[f"mean_{key}"] = columns[key].mean().over(window)
    reward, *predicted = [(float(row[f"{k}_low"]), float(row[f"{k}_high"])) for k in bounded]
    return Inputs(columns, None, reward, _widest(predicted), float(row["min_p"]))


def bounds(
    given: tuple[float, float] | None, name: str, seen: Iterable[float] = ()
) -> tuple[float, float] | None:
    """Bounds in order, and wide enough for what was seen."""
    if given is None:
        return None
    low, high = given
    if not low < high:
        raise ValueError(f"{name} must be (smallest, largest), got {given}")
    if any(not low <= x <= high for x in seen):
        raise ValueError(f"rewards reach outside {name} {given}: {min(seen):g} to {max(seen):g}")
    return float(low), float(high)
