"""`refute`: attacks that an estimate should survive."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ..estimate import Estimate
from . import _inputs, _nuisance
from ._ate import METHODS, ate
from ._sensitivity import e_value, linear_fit, omitted_variable_bounds, robustness_value
from ._weighting import make_folds

__all__ = ["refute"]

REFUTABLE = tuple(m for m in METHODS if m not in ("did", "iv", "front_door"))


def refute(
    data: pd.DataFrame,
    treatment: str,
    outcome: str,
    confounders: str | Sequence[str],
    *,
    method: str = "aipw",
    negative_control: str | None = None,
    repeats: int = 20,
    alpha: float = 0.01,
    level: float = 0.95,
    seed: int | np.random.Generator = 0,
    cluster: str | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Attack an average effect, and say which attacks it survives.

    ======================  =====================================================================
    placebo treatment       Treatments drawn anew from the cross-fitted propensity: they depend on
                            the confounders as the real one does and do nothing. The whole
                            estimate, its propensity too, is fitted again; survives if not too few
                            of the intervals hold 0. Fails where the method does not remove the
                            confounding that is *observed*, or its intervals are too narrow.
    random common cause     A column of noise joins the confounders; survives if no repeat moves the
                            estimate by a standard error. Fails where there are too many columns
                            for the rows.
    subset                  Random halves; survives if the mean estimate moves by less than one
                            standard error. Fails where the estimate depends on the sample size.
    negative control        The effect on an outcome that the treatment cannot touch; survives if
                            the interval at ``1 - alpha`` holds 0. Fails with a hidden confounder.
    omitted variable        The estimate after a hidden cause as strong as the strongest observed
                            confounder; survives if the interval still excludes 0.
    robustness value        Share of what is left of treatment and outcome that a hidden cause must
                            explain to bring the estimate (``low``: its significance) to zero.
    E-value                 Risk ratio that a hidden cause must have with both (``low``: to bring
                            the interval to no effect).
    ======================  =====================================================================

    Only the last four say anything on *hidden* confounders; the last two have no pass mark.

    Parameters
    ----------
    data, treatment, outcome, confounders, level, cluster
        As for `ate`; at least one confounder.
    method : str
        A method of `ate` that adjusts for confounders (or ``"difference_in_means"``, to see it
        fail).
    negative_control : str, optional
        Column of an outcome with the same confounders that the treatment cannot have moved: one
        from before the treatment, say. Not a value that a confounder averages: given the average,
        it could show nothing.
    repeats : int
        Estimates for each of the first three attacks; at least 2.
    alpha : float
        How rarely a sound estimate may fail the placebo or the negative control by chance.
    seed : int or numpy.random.Generator
        For draws, halves, folds and models.
    **options
        Further options of `ate` for this method, such as ``model_y``.

    Returns
    -------
    pandas.DataFrame
        Index ``test``; columns ``estimate``, ``low``, ``high`` (for the first three: the mean over
        repeats and the range of the repeats), ``expected``, ``passed`` (True, False, or None where
        there is no pass mark) and ``meaning``, in words.

    Raises
    ------
    ValueError
        As `ate`; also for a method that is not refuted this way, no confounder, fewer than 2
        repeats, or an alpha outside (0, 0.5).

    Notes
    -----
    The last three rows describe a linear regression with the same columns (E-value: the estimate
    itself; for an outcome that is not 0 or 1, its ratio is approximated as
    exp(0.91 estimate / standard deviation)). With ``cluster``, placebo treatments are drawn once
    for a cluster where the real one was, and halves hold whole clusters.

    Source: Lipsitch, Tchetgen Tchetgen, Cohen (2010), Negative controls: a tool for detecting
    confounding and bias in observational studies, Epidemiology; VanderWeele, Ding (2017),
    Sensitivity analysis in observational research: introducing the E-value, Annals of Internal
    Medicine; Cinelli, Hazlett (2020), Making sense of sensitivity: extending omitted variable
    bias, Journal of the Royal Statistical Society B. Introduced in section 2.3.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> d = pd.DataFrame({"taste": rng.normal(size=1000)})
    >>> d["shown"] = (rng.normal(size=1000) + d["taste"] > 0).astype(int)
    >>> d["watched"] = 2 * d["taste"] + 2 * d["shown"] + rng.normal(size=1000)
    >>> table = refute(d, "shown", "watched", "taste", method="regression")
    >>> table["passed"].tolist()[:3]
    [True, True, True]
    >>> naive = refute(d, "shown", "watched", "taste", method="difference_in_means")
    >>> naive.loc["placebo treatment", "passed"]
    False
    """
    _checks.choice(method, "method", REFUTABLE)
    names = _inputs.names_of(confounders)
    if not names:
        raise ValueError("refute needs at least one confounder; none are given")
    if repeats < 2:
        raise ValueError(f"repeats must be at least 2, got {repeats}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha must be in (0, 0.5), got {alpha}")
    rng = np.random.default_rng(seed)
    d = _inputs.read(data, treatment, outcome, names, cluster)
    frame = data.reset_index(drop=True)

    def estimate(
        table: pd.DataFrame, y: str = outcome, x: Sequence[str] = names, at: float = level
    ) -> Estimate:
        settings = {"method": method, "level": at, "seed": rng, "cluster": cluster, **options}
        return ate(table, treatment, y, x, **settings)

    attack = _Attack(frame, d, estimate, estimate(frame), names, repeats, rng)
    rows: dict[str, Row] = {
        "placebo treatment": attack.placebo(alpha, level, options.get("folds")),
        "random common cause": attack.common_cause(),
        "subset": attack.subset(),
    }
    if negative_control is not None:
        if negative_control in (treatment, outcome, *names):
            _checks.fail(negative_control, "has another role; a negative control needs its own")
        other = estimate(frame, y=negative_control, at=1 - alpha)
        held = other.ci[0] <= 0 <= other.ci[1]
        words = f"effect on {negative_control}, which treatment cannot move"
        rows["negative control"] = (other.value, *other.ci, 0.0, held, words)
    worst = omitted_variable_bounds(frame, treatment, outcome, names, level=level).iloc[0]
    words = f"after a hidden cause as strong as {worst.name}"
    b, low, high = (float(worst[key]) for key in ("estimate", "low", "high"))
    rows["omitted variable"] = (b, low, high, math.nan, bool(worst["survives"]), words)
    rows["robustness value"] = _robustness(d, level)
    rows["E-value"] = _e_value(d, attack.base)
    columns = ["estimate", "low", "high", "expected", "passed", "meaning"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table["passed"] = table["passed"].astype(object)
    return table.rename_axis("test")


Row = tuple[float, float, float, float, bool | None, str]


def _row(values: list[float], expected: float, passed: bool, words: str) -> Row:
    return float(np.mean(values)), min(values), max(values), expected, passed, words


@dataclass(frozen=True)
class _Attack:
    """The attacks that estimate again: each gives a row of the table."""

    frame: pd.DataFrame
    d: _inputs.Inputs
    estimate: Callable[..., Estimate]
    base: Estimate
    names: list[str]
    repeats: int
    rng: np.random.Generator

    def placebo(self, alpha: float, level: float, folds: int | None) -> Row:
        from scipy.stats import binom

        d, rng = self.d, self.rng
        # Cross-fitted: a propensity fitted on a row's own treatment would hand on its noise.
        with _nuisance.threads(d.n):
            e = _nuisance.treatment(d, make_folds(d, folds, rng), None, rng)
        codes = np.arange(d.n)
        if d.codes is not None:
            share = np.bincount(d.codes, d.t) / np.bincount(d.codes)
            if np.isin(share, (0, 1)).all():
                codes = d.codes
        drawn = []
        for _ in range(self.repeats):
            fake = (rng.random(codes.max() + 1)[codes] < e).astype(float)
            drawn.append(self.estimate(self.frame.assign(**{d.treatment: fake})))
        held = sum(e.ci[0] <= 0 <= e.ci[1] for e in drawn)
        words = f"{held} of {self.repeats} intervals of treatments that do nothing hold 0"
        passed = bool(held >= binom.ppf(alpha, self.repeats, level))
        return _row([e.value for e in drawn], 0.0, passed, words)

    def common_cause(self) -> Row:
        noise, values = "random common cause", []
        for _ in range(self.repeats):
            table = self.frame.assign(**{noise: self.rng.normal(size=self.d.n)})
            values.append(self.estimate(table, x=[*self.names, noise]).value)
        furthest = max(values, key=lambda v: abs(v - self.base.value))
        return self._moved(values, furthest, "furthest that a column of noise moves the estimate")

    def subset(self) -> Row:
        values = []
        for _ in range(self.repeats):
            half = _nuisance.assign_folds(self.d.t, self.d.codes, 2, self.rng) == 0
            values.append(self.estimate(self.frame[half]).value)
        return self._moved(values, float(np.mean(values)), "mean move on random halves of the data")

    def _moved(self, values: list[float], to: float, words: str) -> Row:
        shift = (to - self.base.value) / self.base.stderr
        words = f"{words}: {shift:+.2f} standard errors"
        return _row(values, self.base.value, abs(shift) < 1, words)


def _robustness(d: _inputs.Inputs, level: float) -> Row:
    fitted = linear_fit(d)
    t, df = float(fitted.tvalues[1]), float(fitted.df_resid)
    whole, edge = robustness_value(t, df), robustness_value(t, df, alpha=1 - level)
    words = f"a hidden cause must explain {whole:.1%} of what is left of treatment and of outcome"
    return whole, edge, math.nan, math.nan, None, words


def _e_value(d: _inputs.Inputs, base: Estimate) -> Row:
    nearest = min(base.ci, key=abs) if base.ci[0] * base.ci[1] > 0 else 0.0
    if np.isin(d.y, (0, 1)).all():
        # Risk without treatment, were the effect the same for all.
        without = float(d.y.mean() - base.value * d.t.mean())
        ratios = [
            (without + v) / without if without > 0 else math.nan for v in (base.value, nearest)
        ]
    else:
        spread = float(d.y.std())
        ratios = [math.exp(0.91 * v / spread) for v in (base.value, nearest)]
    whole, edge = (e_value(r) if 0 < r < math.inf else math.nan for r in ratios)
    words = f"a hidden cause needs a risk ratio of {whole:.2f} with treatment and with outcome"
    return whole, edge, math.nan, math.nan, None, words
