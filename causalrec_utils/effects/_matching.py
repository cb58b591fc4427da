"""Nearest-neighbour matching with bias correction and its own variance."""

from __future__ import annotations

import numpy as np

from ._fit import Fit
from ._inputs import Inputs, enough

__all__: list[str] = []

MATCHES = 3


def matching(d: Inputs, target: str = "ATE") -> Fit:
    """Each row against its three nearest rows of the other arm, by Mahalanobis distance."""
    from sklearn.linear_model import LinearRegression
    from sklearn.neighbors import NearestNeighbors

    k = d.x.shape[1]
    for label, arm in zip(("control", "treated"), d.arms, strict=True):
        enough(int(arm.sum()), max(k + 2, MATCHES + 1), d.treatment, f"the {label} arm")
    x = _whiten(d.x)
    other, noise, reuse, distance = np.empty(d.n), np.empty(d.n), np.zeros(d.n), np.empty(d.n)
    for a, arm in enumerate(d.arms):
        rows, opposite = np.flatnonzero(arm), np.flatnonzero(~arm)
        trees = NearestNeighbors(n_neighbors=MATCHES).fit(x[rows])
        # What rows of this arm say about the rows of the other one, corrected for what is left of
        # the distance in x by a linear model.
        gap, near = trees.kneighbors(x[opposite])
        level = LinearRegression().fit(d.x[rows], d.y[rows]).predict(d.x)
        other[opposite] = (d.y - level)[rows][near].mean(axis=1) + level[opposite]
        distance[opposite] = gap.mean(axis=1)
        if target == "ATE" or a == 0:
            reuse[rows] = np.bincount(near.ravel(), minlength=len(rows))
        # Noise around the mean of y given x, from the nearest rows of the same arm.
        same = trees.kneighbors(return_distance=False)
        noise[rows] = MATCHES / (MATCHES + 1) * (d.y[rows] - d.y[rows][same].mean(axis=1)) ** 2
    effect = np.where(d.t == 1, d.y - other, other - d.y)
    share = reuse / MATCHES
    if target == "ATE":
        value = effect.mean()
        extra = (share**2 + (2 - 1 / MATCHES) * share) * noise
        variance = (np.sum((effect - value) ** 2) + extra.sum()) / d.n**2
    else:
        treated = d.t == 1
        value = effect[treated].mean()
        extra = share * (share - 1 / MATCHES) * noise
        variance = (np.sum((effect[treated] - value) ** 2) + extra[~treated].sum()) / (
            treated.sum() ** 2
        )
    diagnostics = {"max_reuse": float(reuse.max()), "mean_distance": float(distance.mean())}
    return Fit(value, None, target, variance=float(variance), diagnostics=diagnostics)


def _whiten(x: np.ndarray) -> np.ndarray:
    """Coordinates in which Mahalanobis distance is the ordinary one."""
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(centred, rowvar=False)))
    kept = values > 1e-10 * values.max()
    return centred @ vectors[:, kept] / np.sqrt(values[kept])
