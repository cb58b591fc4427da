"""Numbers of the Tübingen cause-effect pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["load_tuebingen_pairs"]

ASSET = "tuebingen-pairs"
N_PAIRS = 97
META = ["pair", "first_cause", "last_cause", "first_effect", "last_effect", "weight"]


def _columns(row: dict[str, int], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values of the cause and of the effect, each as (rows, columns)."""
    try:
        values = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise SchemaError(f"{path}: not a table of numbers: {error}") from error
    if values.shape[1] < max(row["last_cause"], row["last_effect"]):
        raise SchemaError(f"{path}: has {values.shape[1]} columns, fewer than pairmeta.txt names")
    cause = values[:, row["first_cause"] - 1 : row["last_cause"]]
    effect = values[:, row["first_effect"] - 1 : row["last_effect"]]
    finite = np.isfinite(np.hstack([cause, effect])).all(axis=1)
    if not finite.all():
        where = int(np.argmin(finite))
        raise SchemaError(f"{path}: must be finite; first offending row: {where}")
    return cause, effect


def load_tuebingen_pairs() -> pd.DataFrame:
    """Observed values of pairs 1 to 97, for methods that read the direction from numbers.

    Numbers, order of the two sides and truth fit `load_causal_pairs`, which has the names.
    Introduced in section 2.2.

    Returns
    -------
    pandas.DataFrame
        One row a pair. ``pair`` (1–97), ``direction`` (the truth: ``"a->b"`` or ``"b->a"``),
        ``weight`` (so that near copies of one pair count once together; 0 for five pairs of
        vectors), ``n`` (rows), ``a_dim``, ``b_dim`` (columns of each side), ``a``, ``b`` (arrays:
        of length n where the side has one column, else of shape (n, dim)).

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    Source: Mooij, Peters, Janzing, Zscheischler and Schölkopf (2016), "Distinguishing Cause from
    Effect Using Observational Data: Methods and Benchmarks", Journal of Machine Learning Research
    17(32).

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("tuebingen-pairs"):
    ...     pairs = datasets.load_tuebingen_pairs()
    ...     assert pairs.loc[0, "a"][:3].tolist() == [205, 46, 794]
    """
    path = assets.fetch(ASSET, "pairmeta.txt")
    raw = pd.read_csv(path, sep=r"\s+", header=None, names=META)
    place = Column("int", 1)
    columns = {name: place for name in META[:-1]} | {"weight": Column("float", 0, 1)}
    meta = conform(raw, columns, source=path)
    meta = meta[meta["pair"] <= N_PAIRS]  # the publisher's list goes on
    if meta["pair"].tolist() != list(range(1, N_PAIRS + 1)):
        raise SchemaError(f"{path}: column 'pair': must count from 1 to {N_PAIRS}")
    folder = assets.fetch(ASSET)
    rows = []
    for row in meta.to_dict("records"):
        cause, effect = _columns(row, folder / f"pair{row['pair']:04d}.txt")
        forward = row["first_cause"] < row["first_effect"]
        a, b = (cause, effect) if forward else (effect, cause)
        rows.append(
            {
                "pair": row["pair"],
                "direction": "a->b" if forward else "b->a",
                "weight": row["weight"],
                "n": len(a),
                "a_dim": a.shape[1],
                "b_dim": b.shape[1],
                "a": a[:, 0] if a.shape[1] == 1 else a,
                "b": b[:, 0] if b.shape[1] == 1 else b,
            }
        )
    pairs = pd.DataFrame(rows)
    pairs["direction"] = pd.Categorical(pairs["direction"], categories=("a->b", "b->a"))
    return pairs
