"""How many units a test needs, what one of a given size can see, and whether they all arrived."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import _checks
from .counts import whole_numbers

__all__ = ["minimum_detectable_effect", "power", "sample_ratio_check", "sample_size"]

LARGEST = 1e12


def power(
    effect: Any,
    n: Any,
    *,
    sd: float | None = None,
    rate: float | None = None,
    share: float = 0.5,
    level: float = 0.95,
) -> Any:
    """Probability that a two-sided test of two arms rejects, if the effect is ``effect``.

    Parameters
    ----------
    effect : float or array_like
        True difference, treatment minus control, in the metric's units (for rates: of
        probabilities, so 0.002 for 1.0 % to 1.2 %).
    n : float or array_like
        Units in both arms together.
    sd : float
        Standard deviation of the metric within an arm (t test). With CUPED multiply it by the root
        of one minus the squared correlation between metric and covariate.
    rate : float
        Or, for rates, the control's rate (z test with pooled variance). Give exactly one of
        the two.
    share : float
        Share of the units that gets the treatment.
    level : float
        One minus the test's error rate.

    Returns
    -------
    float or numpy.ndarray

    Raises
    ------
    ValueError
        Both or neither of ``sd`` and ``rate``; ``sd`` not above 0; ``rate``, ``share`` or ``level``
        outside (0, 1); a treatment rate outside (0, 1); fewer than 2 units in an arm.

    Notes
    -----
    Computed by scipy and statsmodels. Source: Cohen (1988), Statistical power analysis for the
    behavioral sciences, 2nd edition, chapters 2 and 6. Introduced in section 3.1.

    Examples
    --------
    >>> round(power(0.1, 3200, sd=1.0), 3)
    0.807
    >>> power(0.002, [10_000, 100_000], rate=0.01).round(3)
    array([0.16 , 0.858])
    """
    _check(sd, rate, share, level)
    effect, n = np.broadcast_arrays(np.asarray(effect, float), np.asarray(n, float))
    shape = effect.shape
    effect = _checks.numeric(effect.reshape(-1), "effect")
    n = _checks.within(_checks.numeric(n.reshape(-1), "n"), "n", _smallest(share))
    if rate is not None:
        low, high = np.nextafter(-rate, 1), np.nextafter(1 - rate, 0)
        _checks.within(effect, "effect", low, high)
    answer = _power(effect, n, sd, rate, share, level).reshape(shape)
    return float(answer) if not shape else answer


def sample_size(
    effect: float,
    *,
    sd: float | None = None,
    rate: float | None = None,
    target: float = 0.8,
    share: float = 0.5,
    level: float = 0.95,
) -> int:
    """Units in both arms together for which `power` reaches ``target``.

    Parameters
    ----------
    effect : float
        Difference to be found; not 0.
    sd, rate, share, level
        As in `power`.
    target : float
        Wanted power.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        As `power`; an effect of 0; ``target`` not in (1 - level, 1); more than 10^12 units needed.

    Notes
    -----
    See `power`. Introduced in section 3.1.

    Examples
    --------
    >>> sample_size(0.1, sd=1.0), sample_size(0.002, rate=0.01)
    (3142, 85386)
    """
    from scipy.optimize import brentq

    _check_target(target, level)
    if effect == 0:
        raise ValueError("effect must not be 0: no sample size can find it")
    low, high = _smallest(share), LARGEST
    options: dict[str, Any] = {"sd": sd, "rate": rate, "share": share, "level": level}
    if power(effect, low, **options) >= target:
        return math.ceil(low)
    if power(effect, high, **options) < target:
        raise ValueError(f"effect {effect:g} would need more than {LARGEST:g} units")
    return math.ceil(brentq(lambda n: power(effect, n, **options) - target, low, high, xtol=0.01))


def minimum_detectable_effect(
    n: float,
    *,
    sd: float | None = None,
    rate: float | None = None,
    target: float = 0.8,
    share: float = 0.5,
    level: float = 0.95,
) -> float:
    """Smallest positive difference that a test of ``n`` units finds with power ``target``.

    Parameters
    ----------
    n : float
        Units in both arms together.
    sd, rate, share, level
        As in `power`.
    target : float
        Wanted power.

    Returns
    -------
    float
        In the metric's units; for rates an increase over ``rate``.

    Raises
    ------
    ValueError
        As `power`; ``target`` not in (1 - level, 1); for rates, no possible increase is found.

    Notes
    -----
    See `power`. Introduced in section 3.1.

    Examples
    --------
    >>> round(minimum_detectable_effect(3142, sd=1.0), 4)
    0.1
    >>> round(minimum_detectable_effect(6000, rate=0.0157), 4)
    0.0103
    """
    from scipy.optimize import brentq

    _check_target(target, level)
    _check(sd, rate, share, level)
    # Far beyond any effect of interest: a million standard deviations, or a treatment rate of 1.
    high = 1e6 * sd if sd is not None else (1 - (rate or 0.0)) * (1 - 1e-9)
    options: dict[str, Any] = {"sd": sd, "rate": rate, "share": share, "level": level}
    if power(high, n, **options) < target:
        raise ValueError(f"n = {n:g} is too small to find any effect with power {target:g}")
    return float(brentq(lambda d: power(d, n, **options) - target, 0.0, high, xtol=1e-14))


def sample_ratio_check(
    counts: Mapping[Any, int] | Any, expected: Mapping[Any, float] | Any = None
) -> dict[str, float]:
    """Did the arms get the shares of units that they should have got?

    A mismatch means that units were lost or added in one arm: read nothing else until it is
    explained.

    Parameters
    ----------
    counts : mapping of label to int, or sequence of int
        Units in each arm.
    expected : mapping of label to float, or sequence of float, optional
        Intended shares, in any unit; equal shares by default. A mapping where ``counts`` is one.

    Returns
    -------
    dict
        ``statistic`` (Pearson's chi-square), ``df``, ``p_value``, and ``largest_deviation``: of the
        observed from the expected count, as a share of the expected one, at the worst arm.

    Raises
    ------
    ValueError
        Fewer than two arms, negative or fractional counts, no units, shares not above 0, arms that
        differ between the two arguments.

    Notes
    -----
    Source: Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled
    experiments, KDD. Computed by scipy. Introduced in section 3.1.

    Examples
    --------
    >>> round(sample_ratio_check({"a": 5100, "b": 4900})["p_value"], 4)
    0.0455
    """
    from scipy.stats import chisquare

    if isinstance(counts, Mapping):
        if expected is not None:
            if not isinstance(expected, Mapping) or set(expected) != set(counts):
                raise ValueError(f"expected must be a mapping with the arms {list(counts)}")
            expected = [expected[k] for k in counts]
        counts = list(counts.values())
    observed = whole_numbers(counts, "counts")
    if len(observed) < 2:
        _checks.fail("counts", f"must hold at least two arms, holds {len(observed)}")
    if observed.sum() == 0:
        _checks.fail("counts", "must hold at least one unit")
    shares = np.ones(len(observed)) if expected is None else expected
    shares = _checks.numeric(shares, "expected", n=len(observed))
    _checks.within(shares, "expected", 0, open_low=True)
    wanted = shares / shares.sum() * observed.sum()
    result = chisquare(observed, wanted)
    deviation = observed / wanted - 1
    return {
        "statistic": float(result.statistic),
        "df": float(len(observed) - 1),
        "p_value": float(result.pvalue),
        "largest_deviation": float(deviation[np.argmax(np.abs(deviation))]),
    }


def _power(
    effect: np.ndarray,
    n: np.ndarray,
    sd: float | None,
    rate: float | None,
    share: float,
    level: float,
) -> np.ndarray:
    if sd is not None:
        return _t_power(np.abs(effect) / sd * np.sqrt(n * share * (1 - share)), n - 2, level)
    from statsmodels.stats.proportion import power_proportions_2indep

    options = {"ratio": (1 - share) / share, "alpha": 1 - level, "return_results": False}
    pairs = zip(effect, n * share, strict=True)
    return np.array([power_proportions_2indep(d, rate, m, **options) for d, m in pairs])


def _t_power(shift: np.ndarray, df: np.ndarray, level: float) -> np.ndarray:
    from scipy.special import nctdtr
    from scipy.stats import t

    limit = t.isf((1 - level) / 2, df)
    # scipy's non-central t (and so statsmodels' power) gives NaN where the probability is below
    # the smallest it resolves; it is 0 there to every digit shown.
    below, above = (np.nan_to_num(nctdtr(df, shift, end)) for end in (-limit, limit))
    return below + 1 - above


def _smallest(share: float) -> float:
    return 2 / min(share, 1 - share)


def _check(sd: float | None, rate: float | None, share: float, level: float) -> None:
    _checks.level(level)
    if (sd is None) == (rate is None):
        raise ValueError("give exactly one of sd (a mean) and rate (a click rate)")
    if sd is not None and not (sd > 0 and math.isfinite(sd)):
        raise ValueError(f"sd must be above 0 and finite, got {sd}")
    if rate is not None and not 0 < rate < 1:
        raise ValueError(f"rate must be in (0, 1), got {rate}")
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1), got {share}")


def _check_target(target: float, level: float) -> None:
    if not 1 - _checks.level(level) < target < 1:
        raise ValueError(f"target must be in ({1 - level:g}, 1), got {target}")
