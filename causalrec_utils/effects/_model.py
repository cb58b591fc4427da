"""What every model of heterogeneous effects is, whatever fitted it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from . import _nuisance
from ._inputs import Inputs, names_of, read
from ._weighting import make_folds

__all__ = ["EffectModel"]

WITH_INTERVAL = ("causal_forest", "linear_dml")


class EffectModel:
    r"""Effects as a function of features: what `effect_network` and the like return.

    Introduced in section 2.2.

    Attributes
    ----------
    method : str
        What fitted it.
    features : tuple of str
        Columns that effects depend on.
    scores : pandas.DataFrame or None
        Out-of-sample losses of the methods that were compared, and their weights in the model,
        where several were.

    Examples
    --------
    >>> from causalrec_utils import effects, simulate
    >>> world = simulate.confounded(500, seed=0)
    >>> names = list(world.confounders)
    >>> model = effects.effect_network(
    ...     world.data, "shown", "satisfaction", names, members=2, steps=20, seed=0
    ... )
    >>> model.effect(world.data).shape
    (500,)
    """

    def __init__(
        self,
        data: Inputs,
        names: tuple[str, str, tuple[str, ...]],
        method: str,
        effect: Callable[[np.ndarray], np.ndarray],
        *,
        seed: int,
        interval: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]] | None = None,
        scores: pd.DataFrame | None = None,
    ) -> None:
        self.treatment, self.outcome, self.features = names
        self.method, self.scores = method, scores
        self._data, self._effect, self._interval, self._seed = data, effect, interval, seed

    def __repr__(self) -> str:
        given = ", ".join(self.features[:6]) + (", ..." if len(self.features) > 6 else "")
        what = f"effect of {self.treatment} on {self.outcome} by {self.method}"
        return f"{what}, given {given}; {self._data.n:,} rows"

    def effect(self, data: pd.DataFrame) -> np.ndarray:
        """Predicted effect of each row, shape (n,), in units of the outcome.

        Raises
        ------
        ValueError
            If a feature is missing or not a finite number.
        """
        return np.asarray(self._effect(self._read(data)), float)

    def effect_interval(
        self, data: pd.DataFrame, *, level: float = 0.95
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end for the effect of each row, two arrays of shape (n,).

        Pointwise: each holds the effect of its row with probability ``level``, in large samples.
        For ``linear_dml`` that needs effects which are linear in the features.

        Raises
        ------
        ValueError
            If a feature is missing or not a finite number, or the method has no valid interval.
        """
        _checks.level(level)
        if self._interval is None:
            having = " and ".join(WITH_INTERVAL)
            raise ValueError(
                f"method {self.method!r} has no valid interval for one row's effect; {having} do"
            )
        low, high = self._interval(self._read(data), level)
        return np.asarray(low, float), np.asarray(high, float)

    def ate(self, data: pd.DataFrame, *, level: float = 0.95) -> Estimate:
        r"""Average effect, for rows drawn from the population of the training table.

        The predicted effects of ``data``, moved by what the doubly robust scores :math:`\psi` of
        the :math:`n` training rows say they are off on average:

        .. math::
            \overline{\hat\tau(\text{data})} + \frac{1}{n} \sum_i (\psi_i - \hat\tau(x_i))

        On the training table itself this is cross-fitted AIPW. The average of a subgroup is not
        what this estimates: give its rows to `ate`.

        Parameters
        ----------
        data : pandas.DataFrame
            Rows with the features.
        level : float
            Nominal coverage; the standard error adds the variance of :math:`\psi` over :math:`n`
            to that of the effects over the rows of ``data`` if those are not the training rows.

        Returns
        -------
        Estimate
            Diagnostics: ``correction``, by how much the scores moved the mean.
        """
        from scipy.stats import norm

        _checks.level(level)
        x = self._read(data)
        if len(x) < 2:
            raise ValueError(f"data must hold at least 2 rows, got {len(x)}")
        train = self._data.x[:, : len(self.features)]
        psi = doubly_robust_scores(self._data, self._seed)
        effect = self._effect(x)
        correction = float(np.mean(psi - self._effect(train)))
        variance = psi.var(ddof=1) / len(psi)
        if not np.array_equal(x, train):
            variance += effect.var(ddof=1) / len(x)
        value, stderr = float(effect.mean()) + correction, float(np.sqrt(variance))
        reach = float(norm.isf((1 - level) / 2)) * stderr
        ci = (value - reach, value + reach)
        notes = {"correction": correction}
        return Estimate(value, stderr, ci, level, len(x), self.method, "ATE", notes)

    def _read(self, data: pd.DataFrame) -> np.ndarray:
        _checks.columns(data, self.features)
        return np.column_stack([_checks.numeric(data[name], name) for name in self.features])


def read_training(
    data: pd.DataFrame,
    treatment: str,
    outcome: str,
    features: str | Sequence[str],
    confounders: str | Sequence[str] = (),
) -> tuple[Inputs, tuple[str, str, tuple[str, ...]]]:
    """Checked arrays, features first and the other confounders after them; and the names."""
    names = names_of(features)
    if not names:
        raise ValueError("features must name at least one column that effects may depend on")
    for role, column in (("treatment", treatment), ("outcome", outcome)):
        if column in names:
            _checks.fail(column, f"is the {role} and cannot be a feature too")
    others = [c for c in names_of(confounders) if c not in names]
    inputs = read(data, treatment, outcome, [*names, *others], None)
    make_folds(inputs, None, np.random.default_rng(0))  # enough rows in each arm to cross-fit
    return inputs, (treatment, outcome, tuple(names))


def doubly_robust_scores(d: Inputs, seed: int) -> np.ndarray:
    r"""Cross-fitted :math:`\psi`, whose mean given x is the effect; shape (n,)."""
    rng = np.random.default_rng(seed)
    fold = make_folds(d, None, rng)
    with _nuisance.threads(d.n):
        e = _nuisance.treatment(d, fold, None, rng)
        m = _nuisance.outcome_by_arm(d, fold, None, rng)
    require_overlap(e, d.treatment)
    return m[:, 1] - m[:, 0] + (d.t - e) / (e * (1 - e)) * (d.y - _nuisance.own_arm(m, d.t))


def require_overlap(e: np.ndarray, treatment: str) -> None:
    rule = "propensities must be in (0, 1): the arms do not overlap"
    _checks.refuse((e <= 0) | (e >= 1), e, treatment, rule)
