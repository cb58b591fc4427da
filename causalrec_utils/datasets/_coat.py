"""Coat Shopping: self-selected and randomised ratings by the same people."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["Coat", "load_coat"]

SHAPE = (290, 300)


class Coat(NamedTuple):
    """What `load_coat` returns; see there.

    Attributes
    ----------
    train, test : pandas.DataFrame
        Ratings, one a row: ``user``, ``item``, ``rating``.
    user_features, item_features : pandas.DataFrame
        Categories, one row a user or item; the index is its number.
    propensities : numpy.ndarray
        The authors' estimates, shape (290, 300).
    """

    train: pd.DataFrame
    test: pd.DataFrame
    user_features: pd.DataFrame
    item_features: pd.DataFrame
    propensities: np.ndarray


def _matrix(path: Path, shape: tuple[int, int]) -> np.ndarray:
    try:
        matrix = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise SchemaError(f"{path}: not a table of numbers: {error}") from error
    if matrix.shape != shape:
        raise SchemaError(f"{path}: must have shape {shape}, got {matrix.shape}")
    return matrix


def _ratings(path: Path, rows: int) -> pd.DataFrame:
    matrix = _matrix(path, SHAPE)
    users, items = np.nonzero(matrix)
    raw = pd.DataFrame({"user": users, "item": items, "rating": matrix[users, items]})
    number = Column("int", 0)
    rating = Column("int", 1, 5)
    columns = {"user": number, "item": number, "rating": rating}
    return conform(raw, columns, source=path, rows=rows)


def _decode(kind: str, rows: int) -> pd.DataFrame:
    """Categories by name from one-hot columns called ``feature:value`` in the map file."""
    path = assets.fetch("coat", f"user_item_features/{kind}_features.ascii")
    key = assets.fetch("coat", f"user_item_features/{kind}_features_map.txt")
    labels = [line.split(":", 1) for line in key.read_text().splitlines() if line.strip()]
    one_hot = _matrix(path, (rows, len(labels)))
    decoded = {}
    for feature in dict.fromkeys(name for name, _ in labels):
        places = [k for k, (name, _) in enumerate(labels) if name == feature]
        block = one_hot[:, places]
        wrong = (block.sum(axis=1) != 1) | ~np.isin(block, (0, 1)).all(axis=1)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise SchemaError(
                f"{path}: column {feature!r}: must be one-hot; first offending row: {row}"
            )
        values = [labels[k][1] for k in places]
        decoded[feature] = pd.Categorical.from_codes(block.argmax(axis=1), categories=values)
    return pd.DataFrame(decoded, index=pd.RangeIndex(rows, name=kind))


def load_coat(*, full: bool = False) -> Coat:
    """Ratings of coats: 24 a user that people picked themselves, and 16 drawn at random for them.

    The random test ratings are the truth that models trained on the picked ones are judged by.
    Introduced in section 1.2.

    Parameters
    ----------
    full : bool
        Makes no difference: these files are the publisher's, complete.

    Returns
    -------
    Coat
        ``train`` (6,960 ratings) and ``test`` (4,640): ``user`` 0–289, ``item`` 0–299, ``rating``
        1–5. ``user_features``: ``gender``, ``age``, ``location``, ``fashioninterest``;
        ``item_features``: ``gender``, ``jackettype``, ``color``, ``onfrontpage`` (categories;
        ``pandas.get_dummies`` gives the published one-hot columns back). ``propensities``: (290,
        300) array in (0, 1], the authors' *estimate* that a user rates an item in ``train``.

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    366 of the test cells were rated in ``train`` as well, with the same rating each time: leave
    them out of a test of a model that learned from ``train``, or say that they are in.

    Source: Schnabel, Swaminathan, Singh, Chandak and Joachims (2016), "Recommendations as
    Treatments: Debiasing Learning and Evaluation", ICML.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("coat"):
    ...     train, test, *_ = datasets.load_coat()
    ...     assert train["rating"].mean() > test["rating"].mean() + 0.3
    """
    path = assets.fetch("coat", "propensities.ascii")
    propensities = _matrix(path, SHAPE)
    if not ((propensities > 0) & (propensities <= 1)).all():
        raise SchemaError(f"{path}: propensities must be in (0, 1]")
    return Coat(
        train=_ratings(assets.fetch("coat", "train.ascii"), 6960),
        test=_ratings(assets.fetch("coat", "test.ascii"), 4640),
        user_features=_decode("user", SHAPE[0]),
        item_features=_decode("item", SHAPE[1]),
        propensities=propensities,
    )
