"""Ridge regressions, one for each action: what LinUCB and linear Thompson sampling share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def posteriors(
    gram: np.ndarray, moment: np.ndarray, x: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    r"""For each action in turn :math:`x^\top A^{-1} b` and :math:`\sqrt{x^\top A^{-1} x}`."""
    root = np.linalg.inv(np.linalg.cholesky(gram))  # A = L L', so that x'A⁻¹x = |L⁻¹x|²
    centre = np.einsum("kij,kj->ki", root, moment)
    for whiten, c in zip(root, centre, strict=True):
        v = x @ whiten.T
        yield v @ c, np.sqrt(np.einsum("nd,nd->n", v, v))


def add_moments(
    gram: np.ndarray, moment: np.ndarray, rows: np.ndarray, rewards: np.ndarray, x: np.ndarray
) -> None:
    """Add the rows' x x' and r x to those of their actions, in place."""
    order = np.argsort(rows, kind="stable")
    ends = np.cumsum(np.bincount(rows, minlength=len(gram)))
    x, r = x[order], rewards[order]
    start = 0
    for a, end in enumerate(ends.tolist()):
        if end > start:
            mine = x[start:end]
            gram[a] += mine.T @ mine
            moment[a] += r[start:end] @ mine
        start = end


def check_gram(gram: np.ndarray) -> None:
    """Raise unless each matrix is symmetric and positive definite."""
    try:
        np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        raise ValueError("gram must be positive definite") from None
    if not np.allclose(gram, gram.transpose(0, 2, 1)):
        raise ValueError("gram must be symmetric")
