"""How well predicted effects are, against known effects or against randomised outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate

__all__ = ["pehe", "qini", "uplift_curve", "uplift_table"]

ARMS = "must hold both 0 and 1"


def pehe(effect: Any, truth: Any) -> float:
    r"""Root of the precision in estimating heterogeneous effects.

    .. math:: \sqrt{\frac{1}{n} \sum_i (\hat\tau_i - \tau_i)^2}

    Introduced in section 3.2.

    Parameters
    ----------
    effect, truth : arrays of shape (n,)
        Predicted and true effects, in units of the outcome.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a value is not a finite number, lengths differ, or there is no row.

    Notes
    -----
    Hill (2011), "Bayesian nonparametric modeling for causal inference", Journal of Computational
    and Graphical Statistics.

    Examples
    --------
    >>> pehe([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    known = _checks.numeric(truth, "truth")
    if not len(known):
        raise ValueError("truth must hold at least one row")
    predicted = _checks.numeric(effect, "effect", n=len(known))
    return float(np.sqrt(np.mean((predicted - known) ** 2)))


def uplift_curve(
    data: pd.DataFrame,
    *,
    effect: str = "effect",
    treatment: str = "treatment",
    outcome: str = "outcome",
    propensity: float | None = None,
    points: int = 20,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""What treating the best-ranked share of people gains, by share: a curve on randomised data.

    With score :math:`\psi_i = (y_i - \bar y) (t_i - p) / (p (1 - p))`, unbiased for the effect
    when treatment is randomised with probability :math:`p`, the gain of treating the share
    :math:`q` with the highest predicted effects is :math:`\frac{1}{n} \sum_{i \in q} \psi_i`
    for each person of the population. The end of the curve is the average effect.

    Introduced in section 5.1.2.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a randomised person, none of them used to fit the predictions.
    effect, treatment, outcome : str
        Columns: predicted effect, 0 or 1, and a number.
    propensity : float, optional
        Probability of treatment by design; the treated share by default.
    points : int
        Shares, evenly spaced up to 1.
    level : float
        Nominal coverage, pointwise, predictions held fixed.

    Returns
    -------
    pandas.DataFrame
        ``share``, ``gain``, ``low``, ``high``, and ``random``: what as many people drawn blindly
        would gain.

    Raises
    ------
    ValueError
        If a column is missing or not finite, a treatment is not 0 or 1 or has one arm, the
        propensity is outside (0, 1), or there are fewer rows than points.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"effect": [2, 2, 1, 1] * 5, "treatment": [0, 1] * 10,
    ...                      "outcome": [0, 2, 0, 1] * 5})
    >>> uplift_curve(data, points=2)[["share", "gain", "random"]].round(3).values.tolist()
    [[0.5, 1.0, 0.75], [1.0, 1.5, 1.5]]
    """
    from scipy.stats import norm

    _checks.level(level)
    predicted, psi, _ = _scores(data, effect, treatment, outcome, propensity)
    if not 1 <= points <= len(psi):
        raise ValueError(f"points must be between 1 and the {len(psi)} rows, got {points}")
    share = np.arange(1, points + 1) / points
    use = _order_weights(predicted, share)
    parts = use * psi
    gain = parts.mean(axis=1)
    reach = norm.isf((1 - level) / 2) * parts.std(axis=1, ddof=1) / np.sqrt(len(psi))
    return pd.DataFrame(
        {
            "share": share,
            "gain": gain,
            "low": gain - reach,
            "high": gain + reach,
            "random": share * psi.mean(),
        }
    )


def qini(
    data: pd.DataFrame,
    *,
    effect: str = "effect",
    treatment: str = "treatment",
    outcome: str = "outcome",
    propensity: float | None = None,
    level: float = 0.95,
) -> Estimate:
    r"""Area between the uplift curve and its diagonal: what the *ranking* gains over chance.

    .. math:: \int_0^1 \big( G(q) - q \, G(1) \big) \, dq

    with :math:`G` as in `uplift_curve`: the gain over a blind choice, averaged over all budgets,
    in units of the outcome for each person. It is :math:`\text{cov}(\psi, R)`, with the rank
    :math:`R` in [0, 1] (ties share theirs), so 0 for a ranking that knows nothing. Adding half the
    average effect (``diagnostics``) gives AUUC, the whole area under the curve.

    Introduced in section 5.1.2.

    Parameters
    ----------
    data, effect, treatment, outcome, propensity
        As in `uplift_curve`.
    level : float
        Nominal coverage; predictions held fixed.

    Returns
    -------
    Estimate
        Diagnostics: ``auuc`` and ``ate``.

    Raises
    ------
    ValueError
        As `uplift_curve`.

    Notes
    -----
    Radcliffe (2007), "Using control groups to target on predicted lift: building and assessing
    uplift models", Direct Marketing Analytics Journal; Yadlowsky, Fleming, Shah, Brunskill, Wager
    (2025), "Evaluating treatment prioritization rules via rank-weighted average treatment
    effects", Journal of the American Statistical Association.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"effect": [2, 2, 1, 1] * 50, "treatment": [0, 1] * 100,
    ...                      "outcome": [0, 2, 0, 1] * 50})
    >>> round(qini(data).value, 3)
    0.125
    """
    from scipy.stats import norm, rankdata

    _checks.level(level)
    predicted, psi, _ = _scores(data, effect, treatment, outcome, propensity)
    n = len(psi)
    rank = (rankdata(predicted) - 0.5) / n
    # A row's rank depends on the other rows too: the second term is what that adds.
    order = np.argsort(predicted, kind="stable")
    centred = psi - psi.mean()
    above = np.empty(n)
    tail = np.cumsum(centred[order][::-1])[::-1] / n
    first = np.searchsorted(predicted[order], predicted, side="left")
    last = np.searchsorted(predicted[order], predicted, side="right")
    tails = np.append(tail, 0.0)
    above = (tails[first] + tails[last]) / 2
    value = float(np.mean(centred * (rank - rank.mean())))
    influence = centred * (rank - rank.mean()) + above
    stderr = float(influence.std(ddof=1) / np.sqrt(n))
    reach = float(norm.isf((1 - level) / 2)) * stderr
    ate = float(psi.mean())
    notes = {"auuc": value + ate / 2, "ate": ate}
    ci = (value - reach, value + reach)
    return Estimate(value, stderr, ci, level, n, "randomised ranking", "Qini", notes)


def uplift_table(
    data: pd.DataFrame,
    *,
    effect: str = "effect",
    treatment: str = "treatment",
    outcome: str = "outcome",
    bins: int = 10,
    level: float = 0.95,
) -> pd.DataFrame:
    """Predicted beside measured effects in bins of the prediction, on randomised data.

    Introduced in section 5.1.2.

    Parameters
    ----------
    data, effect, treatment, outcome
        As in `uplift_curve`.
    bins : int
        Groups of (nearly) equal size by predicted effect; equal predictions stay together.
    level : float
        Nominal coverage of each bin's difference in means (Welch).

    Returns
    -------
    pandas.DataFrame
        One row a bin: ``predicted`` (mean), ``measured``, ``low``, ``high``, ``n``.

    Raises
    ------
    ValueError
        As `uplift_curve`; or a bin has fewer than two rows in an arm.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"effect": [1, 1, 2, 2] * 5, "treatment": [0, 1] * 10,
    ...                      "outcome": [0, 1, 0, 2, 1, 2, 1, 3] * 2 + [0, 1, 0, 2]})
    >>> uplift_table(data, bins=2)[["predicted", "measured", "n"]].round(3).values.tolist()
    [[1.0, 1.0, 10.0], [2.0, 2.0, 10.0]]
    """
    from scipy.stats import ttest_ind

    _checks.level(level)
    predicted, _, arrays = _scores(data, effect, treatment, outcome, None)
    y, t = arrays
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    edges = np.unique(np.quantile(predicted, np.arange(1, bins) / bins))
    code = np.searchsorted(edges, predicted, side="right")
    rows = []
    for b in np.unique(code):
        inside = code == b
        treated, control = y[inside & (t == 1)], y[inside & (t == 0)]
        if min(len(treated), len(control)) < 2:
            rule = (
                f"bin {b} of the predicted effect has fewer than 2 rows in an arm; use fewer bins"
            )
            _checks.fail(treatment, rule)
        interval = ttest_ind(treated, control, equal_var=False).confidence_interval(level)
        measured = treated.mean() - control.mean()
        rows.append((predicted[inside].mean(), measured, *interval, inside.sum()))
    return pd.DataFrame(rows, columns=["predicted", "measured", "low", "high", "n"])


def _scores(
    data: pd.DataFrame, effect: str, treatment: str, outcome: str, propensity: float | None
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Predictions, unbiased scores of the effect, and the arrays (outcome, treatment)."""
    _checks.columns(data, [effect, treatment, outcome])
    predicted = _checks.numeric(data[effect], effect)
    t = _checks.numeric(data[treatment], treatment)
    _checks.refuse((t != 0) & (t != 1), t, treatment, "must be 0 or 1")
    if len(np.unique(t)) < 2:
        _checks.fail(treatment, ARMS)
    y = _checks.numeric(data[outcome], outcome)
    p = float(t.mean()) if propensity is None else propensity
    if not 0 < p < 1:
        raise ValueError(f"propensity must be in (0, 1), got {p}")
    # Subtracting the mean of both arms' means, which does not depend on who was treated, takes
    # noise away and leaves the score's mean as it is.
    centre = (1 - p) * y[t == 1].mean() + p * y[t == 0].mean()
    return predicted, (y - centre) * (t - p) / (p * (1 - p)), (y, t)


def _order_weights(predicted: np.ndarray, share: np.ndarray) -> np.ndarray:
    """How much of each row is treated at each share, (shares, n); ties are treated in part."""
    n = len(predicted)
    order = np.sort(predicted)
    above = n - np.searchsorted(order, predicted, side="right")
    tied = np.searchsorted(order, predicted, side="right") - np.searchsorted(order, predicted)
    return np.clip((share[:, None] * n - above) / tied, 0, 1)
