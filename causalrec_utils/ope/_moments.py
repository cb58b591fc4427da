"""Means and variances of score columns, in one pass, from memory or from a database.

Rows are reduced to units (the row itself, or the sum over its cluster) and units to moments. From
memory this goes chunk by chunk, so temporaries stay small; from a database it is one expression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import ibis

CHUNK = 1 << 17


@dataclass(frozen=True)
class Moments:
    """Moments over units, and what the diagnostics need over rows."""

    rows: int
    units: int
    mean: dict[str, float]
    var: dict[str, float]
    sum_w: float
    sum_w2: float
    max_w: float
    rewarded: int


def from_arrays(
    inputs: dict[str, np.ndarray],
    columns: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
    cluster: np.ndarray | None,
) -> Moments:
    """Moments of ``columns(inputs)``; ``inputs`` holds at least ``w`` and ``r``.

    ``cluster`` gives the unit of each row as a code from 0; None makes each row a unit.
    """
    n = len(inputs["w"])
    units, mean, m2 = 0, np.zeros(1), np.zeros(1)
    names: list[str] = []
    sums: np.ndarray | None = None
    for start in range(0, n, CHUNK):
        part = {k: a[start : start + CHUNK] for k, a in inputs.items()}
        scores = columns(part)
        names = list(scores)
        block = np.stack([np.broadcast_to(s, len(part["w"])) for s in scores.values()])
        if cluster is None:
            units, mean, m2 = _merge(units, mean, m2, block)
        else:
            codes = cluster[start : start + CHUNK]
            size = int(cluster.max()) + 1
            add = np.stack([np.bincount(codes, row, minlength=size) for row in block])
            sums = add if sums is None else sums + add
    if sums is not None:
        units, mean, m2 = _merge(units, mean, m2, sums)
    w, r = inputs["w"], inputs["r"]
    var = m2 / max(units - 1, 1)
    return Moments(
        rows=n,
        units=units,
        mean=dict(zip(names, map(float, mean), strict=True)),
        var=dict(zip(names, map(float, var), strict=True)),
        sum_w=float(w.sum()),
        sum_w2=float(w @ w),
        max_w=float(w.max()),
        rewarded=int(np.count_nonzero(r)),
    )


def _merge(
    n: int, mean: np.ndarray, m2: np.ndarray, block: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Add a block of units to running means and sums of squares (Chan, Golub, LeVeque 1983)."""
    k = block.shape[1]
    block_mean = block.mean(axis=1)
    centred = block - block_mean[:, None]
    block_m2 = np.einsum("ij,ij->i", centred, centred)
    delta = block_mean - mean
    total = n + k
    return total, mean + delta * k / total, m2 + block_m2 + delta**2 * n * k / total


def from_table(
    table: ibis.Table,
    inputs: dict[str, Any],
    columns: Callable[[dict[str, Any]], dict[str, Any]],
    cluster: str | None,
) -> Moments:
    """The same from an ibis table, as one expression."""
    import ibis

    scores = columns(inputs)
    w, r = inputs["w"], inputs["r"]
    base = {f"s{i}": ibis.literal(1.0) * s for i, s in enumerate(scores.values())}
    extra = {"n": ibis.literal(1), "w": w, "w2": w * w, "rewarded": (r != 0).cast("int64")}
    group = {} if cluster is None else {"unit": table[cluster]}
    units = table.select(**base, **extra, **group)
    if cluster is not None:
        added = {c: units[c].sum() for c in (*base, *extra)}
        units = units.group_by("unit").aggregate(**added, top=units["w"].max())
    else:
        units = units.mutate(top=units["w"])
    row = units.aggregate(
        units=units.count(),
        **{f"{c}_mean": units[c].mean() for c in base},
        **{f"{c}_var": units[c].var() for c in base},
        **{f"{c}_sum": units[c].sum() for c in extra},
        top=units["top"].max(),
    ).execute()
    got = row.iloc[0].fillna(0)  # the variance of a single unit is NULL
    return Moments(
        rows=int(got["n_sum"]),
        units=int(got["units"]),
        mean={k: float(got[f"s{i}_mean"]) for i, k in enumerate(scores)},
        var={k: float(got[f"s{i}_var"]) for i, k in enumerate(scores)},
        sum_w=float(got["w_sum"]),
        sum_w2=float(got["w2_sum"]),
        max_w=float(got["top"]),
        rewarded=int(got["rewarded_sum"]),
    )
