"""Probability that one of several independent Gaussian variables is the largest."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

Normals = Iterable[tuple[np.ndarray, np.ndarray]]
REACH = 8.0  # standard deviations on either side; what lies beyond has probability 1e-15
COARSEST, FINEST = 1, 9  # the step between nodes goes from 2^-1 to 2^-9 standard deviations
CLOSE = 1e-7  # a row is done once halving the step changes it by less
BLOCK = 2**20  # numbers held at a time


def largest_probability(normals: Callable[[np.ndarray], Normals], rows: np.ndarray) -> np.ndarray:
    r"""Probability that the given action's variable is the largest, in each row.

    :math:`\int \varphi(t) \prod_{b \ne a} \Phi((\mu_a + \sigma_a t - \mu_b)/\sigma_b)\,dt` by the
    trapezoid rule, whose error for such integrands falls exponentially in 1/step. The step is
    halved, row by row, until the value stays. The product runs over the actions one by one, so
    no (rows × actions) array is made.

    Parameters
    ----------
    normals : callable
        From positions of rows to mean and standard deviation, each of shape (rows,), of one action
        after the other.
    rows : array of shape (n,)
        Position of the asked action.
    """
    out, todo = np.empty(len(rows)), np.arange(len(rows))
    sums = np.zeros(len(rows))
    for level in range(COARSEST, FINEST + 1):
        step = 2.0**-level
        if level == COARSEST:
            nodes = np.arange(-REACH, REACH + step, step)
        else:  # the other nodes are those of the level before
            nodes = np.arange(-REACH + step, REACH, 2 * step)
        for part in np.array_split(todo, len(todo) * len(nodes) // BLOCK + 1):
            sums[part] += _integrand(normals, rows, part, nodes)
        value = sums[todo] * step
        settled = np.zeros(len(todo), bool)
        if level > COARSEST:
            settled = np.abs(value - out[todo]) < CLOSE
        out[todo] = value
        todo = todo[~settled]
        if len(todo) == 0:
            break
    return np.minimum(out, 1)


def _integrand(
    normals: Callable[[np.ndarray], Normals], rows: np.ndarray, part: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """Sum over nodes t, in each of some rows."""
    from scipy.special import ndtr

    mine, mean, sd = rows[part], np.empty(len(part)), np.empty(len(part))
    for a, (m, s) in enumerate(normals(part)):
        mean, sd = np.where(mine == a, m, mean), np.where(mine == a, s, sd)
    x = mean[:, None] + sd[:, None] * t
    product = np.tile(np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi), (len(part), 1))
    for b, (m, s) in enumerate(normals(part)):
        other = np.flatnonzero(mine != b)
        if len(other):
            product[other] *= ndtr((x[other] - m[other, None]) / s[other, None])
    return product.sum(axis=1)
