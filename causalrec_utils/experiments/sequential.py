"""Intervals that hold at every look at once, so that a test may be watched while it runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks

__all__ = ["confidence_sequence"]


def _information(n: Any, tightest_at: float, level: float) -> np.ndarray:
    """``n * rho**2`` of the mixture whose boundary, per root n, is smallest at ``tightest_at``."""
    from scipy.special import lambertw

    if not tightest_at > 0:
        raise ValueError(f"tightest_at must be above 0, got {tightest_at}")
    alpha = 1 - _checks.level(level)
    best = -lambertw(-(alpha**2) / np.e, k=-1).real - 1
    return np.asarray(n, float) / tightest_at * best


def critical(n: Any, tightest_at: float, level: float) -> np.ndarray:
    """Standard errors to either side of the estimate at sample size ``n``."""
    u = _information(n, tightest_at, level)
    return np.sqrt((1 + 1 / u) * (np.log1p(u) - 2 * np.log1p(-level)))


def p_value(z: Any, n: Any, tightest_at: float, level: float) -> np.ndarray:
    """Always-valid p-value: below ``1 - level`` exactly where the interval excludes zero."""
    u = _information(n, tightest_at, level)
    log_evidence = np.square(z) / 2 * u / (1 + u) - np.log1p(u) / 2
    return np.minimum(1.0, np.exp(-log_evidence))


def confidence_sequence(
    value: Any,
    stderr: Any,
    n: Any,
    *,
    tightest_at: float,
    level: float = 0.95,
    running: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Running intervals that cover the truth at all looks together with probability ``level``.

    .. math:: \hat\theta_n \pm \widehat{se}_n
              \sqrt{\frac{u + 1}{u} \log\frac{u + 1}{\alpha^2}}, \qquad u = n \rho^2

    Parameters
    ----------
    value, stderr : array_like, shape (..., looks)
        Estimate and its standard error from *all* data up to each look. Looks along the last axis;
        leading axes are separate tests.
    n : array_like, broadcastable to the same shape
        Units in both arms together up to each look.
    tightest_at : float
        Value of ``n`` at which the interval is to be narrowest relative to a fixed-size one. Set
        it before the test begins: choosing it from the data voids the guarantee.
    level : float
        Probability that no look, ever, excludes the truth.
    running : bool
        Return at each look the intersection of the intervals so far, which keeps the guarantee.
        Where that intersection is empty (the estimates contradict each other) ``low > high``.

    Returns
    -------
    low, high : numpy.ndarray, shape (..., looks)
        Infinite where the standard error is 0 (nothing has varied yet, so nothing is known).

    Raises
    ------
    ValueError
        Level outside (0, 1), ``tightest_at`` or ``n`` not above 0, negative standard error, values
        that are not finite, ``n`` that falls from one look to the next.

    Notes
    -----
    Asymptotic: it needs the central limit theorem to hold at the *first* look already, that is some
    hundred units, or for rates some ten clicks in each arm. Units arrive in random order at a fixed
    allocation. With known variance the boundary is that of the mixture sequential probability ratio
    test with a normal mixture.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), Time-uniform central limit theory
    and asymptotic confidence sequences, Annals of Statistics; Johari, Koomen, Pekelis, Walsh
    (2017), Peeking at A/B tests, KDD; Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform,
    nonparametric, nonasymptotic confidence sequences, Annals of Statistics (choice of rho).
    Introduced in section 3.1.

    Examples
    --------
    >>> low, high = confidence_sequence([0.3, 0.25], [0.1, 0.07], [200, 400], tightest_at=400)
    >>> (high - low).round(3)
    array([0.616, 0.425])
    """
    value, stderr, n = (np.asarray(v, float) for v in (value, stderr, n))
    _flat(value, "value", "must be finite (no NaN, no infinity)", ~np.isfinite(value))
    _flat(stderr, "stderr", "must be finite and at least 0", ~(np.isfinite(stderr) & (stderr >= 0)))
    _flat(n, "n", "must be above 0", ~(np.isfinite(n) & (n > 0)))
    if n.ndim:
        falls = np.concatenate([np.zeros_like(n[..., :1], bool), np.diff(n, axis=-1) < 0], axis=-1)
        _flat(n, "n", "must not fall from one look to the next", falls)
    reach = np.where(stderr > 0, critical(n, tightest_at, level) * stderr, np.inf)
    low, high = value - reach, value + reach
    if running and low.ndim:
        low, high = np.maximum.accumulate(low, -1), np.minimum.accumulate(high, -1)
    return low, high


def _flat(values: np.ndarray, name: str, rule: str, bad: np.ndarray) -> None:
    """Name the first offending row, counted over the flattened array."""
    if bad.any():
        row = int(np.argmax(bad))
        _checks.fail(name, rule, row, values.reshape(-1)[row].item())
