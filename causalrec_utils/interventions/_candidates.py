"""`candidates`: effects of several interventions against one control, estimated together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ..effects import _nuisance
from ..estimate import Estimate

__all__ = ["Candidates", "bootstrap_candidates", "candidates"]

METHODS = ("aipw", "model", "naive")
FEWEST = 20  # rows an arm needs


@dataclass(frozen=True)
class Candidates:
    """Effects of k interventions against the same control, estimated together.

    They share the control and the users, so their errors are correlated; whoever ranks them needs
    the covariances. Made by `candidates` and `bootstrap_candidates`; introduced in section 5.2.1.

    Parameters
    ----------
    names : tuple of str
        The interventions.
    value : array of shape (k,)
        Effects against control, in units of the outcome.
    covariance : array of shape (k, k)
        Of the errors.
    n : int
        Rows.
    method : str
        How they were estimated.

    Raises
    ------
    ValueError
        If shapes differ or the covariance is not a symmetric matrix with a positive diagonal.

    Examples
    --------
    >>> pair = Candidates(("coupon", "shelf"), np.array([0.1, 0.3]), np.eye(2) / 100, 50, "test")
    >>> pair.estimate("shelf")
    ATE of shelf by test: 0.300, 95% interval [0.104, 0.496], n = 50
    """

    names: tuple[str, ...]
    value: np.ndarray
    covariance: np.ndarray
    n: int
    method: str

    def __post_init__(self) -> None:
        k, c = len(self.names), np.asarray(self.covariance, float)
        if np.shape(self.value) != (k,) or c.shape != (k, k):
            raise ValueError(
                f"need value of shape ({k},) and covariance of shape ({k}, {k}), got "
                f"{np.shape(self.value)} and {c.shape}"
            )
        if not (np.isfinite(c).all() and np.allclose(c, c.T) and (np.diag(c) > 0).all()):
            raise ValueError("covariance must be finite, symmetric, and positive on its diagonal")

    @property
    def stderr(self) -> np.ndarray:
        """Standard errors, shape (k,)."""
        return np.sqrt(np.diag(self.covariance))

    def estimate(self, name: str, *, level: float = 0.95) -> Estimate:
        """One of them alone: its interval does not know that others were looked at."""
        from scipy.stats import norm

        _checks.level(level)
        at = self.names.index(_checks.choice(name, "name", self.names))
        value, stderr = float(self.value[at]), float(self.stderr[at])
        reach = float(norm.isf((1 - level) / 2)) * stderr
        ci = (value - reach, value + reach)
        return Estimate(value, stderr, ci, level, self.n, self.method, f"ATE of {name}")


def candidates(
    data: pd.DataFrame,
    intervention: str,
    outcome: str,
    confounders: str | Sequence[str] = (),
    *,
    control: Any,
    method: str = "aipw",
    propensity: str | None = None,
    models: str | None = None,
    folds: int = 5,
    cluster: str | None = None,
    seed: int | np.random.Generator = 0,
) -> Candidates:
    r"""Effect of every intervention in a log against control, with their covariances.

    =====  =====================================================================================
    naive  means of the arms compared; for experiments
    model  a linear outcome model in each arm, averaged over all rows
    aipw   outcome models corrected by inverse propensities, cross-fitted:
    =====  =====================================================================================

    .. math::
        \psi_{ia} = \hat\mu_a(x_i) + \frac{1[A_i = a]}{\hat e_a(x_i)} (y_i - \hat\mu_a(x_i)),
        \qquad \hat\tau_a = \overline{\psi_a - \psi_0}

    and the covariance is that of the rows' :math:`\psi_a - \psi_0`, summed by cluster if there are
    any.

    Introduced in section 5.2.1.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit.
    intervention, outcome : str
        Columns: a label, and a number.
    confounders : str or sequence of str
        Columns of numbers.
    control : label
        The arm that all others are compared with.
    method : str
        A name from the table.
    propensity : str, optional
        Column with the logged probability of the intervention that the row got, for ``aipw``;
        otherwise it is estimated.
    models : {"linear", "boosting"}, optional
        For outcomes and propensities of ``aipw``. None: each by its held-out loss.
    folds : int
        For cross-fitting, at least 2.
    cluster : str, optional
        Column: rows with the same value are not independent. For ``aipw`` and ``naive``.
    seed : int or numpy.random.Generator
        For folds and models.

    Returns
    -------
    Candidates
        In order of the labels.

    Raises
    ------
    ValueError
        A column that is missing or holds what it must not; a control that is not there; an arm
        with fewer than 20 rows; a propensity outside (0, 1]; an option that ``method`` can't use.

    Notes
    -----
    Assumes consistency, no interference, and for ``model`` and ``aipw`` no unmeasured confounder;
    for ``model`` outcomes linear in the confounders. Robins, Rotnitzky, Zhao (1994), "Estimation of
    regression coefficients when some regressors are not always observed", JASA; Cattaneo (2010),
    "Efficient semiparametric estimation of multi-valued treatment effects under ignorability",
    Journal of Econometrics.

    Examples
    --------
    >>> from causalrec_utils import interventions, simulate
    >>> world = simulate.interventions_world(2000, effects={"coupon": 0.1, "shelf": 0.6}, seed=0)
    >>> found = interventions.candidates(world.data, world.treatment, world.outcome,
    ...                                  world.confounders, control="control")
    >>> found.names, bool(found.value[1] > found.value[0])
    (('coupon', 'shelf'), True)
    """
    _checks.choice(method, "method", METHODS)
    names = [confounders] if isinstance(confounders, str) else list(confounders)
    extra = [c for c in (propensity, cluster) if c is not None]
    _checks.columns(data, [intervention, outcome, *names, *extra])
    if propensity is not None and method != "aipw":
        raise ValueError(f"method {method!r} does not use propensities; 'aipw' does")
    if cluster is not None and method == "model":
        raise ValueError("method 'model' has no standard errors by cluster; 'aipw' has")
    if models is not None:
        _checks.choice(models, "models", _nuisance.MODELS)
    if folds < 2:
        raise ValueError(f"folds must be at least 2, got {folds}")
    arm, labels = _arms(data, intervention, control)
    y = _checks.numeric(data[outcome], outcome)
    columns = [_checks.numeric(data[name], name) for name in names]
    x = np.column_stack(columns) if columns else np.zeros((len(y), 0))
    codes = None
    if cluster is not None:
        codes = pd.factorize(_checks.no_missing(data[cluster], cluster))[0]
    if method == "model":
        value, covariance = _linear(x, arm, y, len(labels))
    else:
        if method == "naive":
            psi = _means(arm, y, len(labels))
        else:
            rng = np.random.default_rng(seed)
            p = None
            if propensity is not None:
                p = _checks.numeric(data[propensity], propensity)
                _checks.within(p, propensity, 0, 1, open_low=True)
            fold = _nuisance.assign_folds(arm.astype(float), codes, folds, rng)
            psi = _doubly_robust(x, arm, y, p, len(labels), fold, models)
        difference = psi[:, 1:] - psi[:, :1]
        value = difference.mean(axis=0)
        covariance = _covariance(difference - value, codes)
    return Candidates(tuple(map(str, labels[1:])), value, covariance, len(y), method)


def bootstrap_candidates(
    data: pd.DataFrame,
    estimate: Callable[[pd.DataFrame], Mapping[str, float]],
    *,
    draws: int = 200,
    cluster: str | None = None,
    method: str = "bootstrap",
    seed: int | np.random.Generator = 0,
) -> Candidates:
    """Effects by any function of the data, such as a causal model, with bootstrap covariances.

    Introduced in section 5.2.1.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit.
    estimate : callable
        From a table like ``data`` to effects against control by name, the same names each time.
    draws : int
        Resampled tables, at least 20.
    cluster : str, optional
        Column: whole clusters are drawn.
    method : str
        How to name the result.
    seed : int or numpy.random.Generator
        For the draws.

    Returns
    -------
    Candidates

    Raises
    ------
    ValueError
        If names differ between draws or an effect is not finite.

    Notes
    -----
    Valid where the bootstrap is: for smooth estimators, not for matching or chosen models.
    Efron (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics.

    Examples
    --------
    >>> data = pd.DataFrame({"shown": [0, 1] * 50, "clicks": np.arange(100.0)})
    >>> found = bootstrap_candidates(
    ...     data, lambda d: {"show": d.groupby("shown")["clicks"].mean().diff().iloc[-1]}, draws=50)
    >>> found.names, found.value.tolist()
    (('show',), [1.0])
    """
    if draws < 20:
        raise ValueError(f"draws must be at least 20, got {draws}")
    rng = np.random.default_rng(seed)
    whole = pd.Series(estimate(data), dtype=float)
    if cluster is not None:
        _checks.columns(data, [cluster])
        groups = pd.factorize(_checks.no_missing(data[cluster], cluster))[0]
        members = np.split(np.argsort(groups, kind="stable"), np.bincount(groups).cumsum()[:-1])
    found = np.empty((draws, len(whole)))
    for b in range(draws):
        if cluster is None:
            rows = rng.integers(len(data), size=len(data))
        else:
            rows = np.concatenate(
                [members[g] for g in rng.integers(len(members), size=len(members))]
            )
        again = pd.Series(estimate(data.iloc[rows]), dtype=float)
        if set(again.index) != set(whole.index):
            raise ValueError(f"estimate named {list(whole.index)} first, then {list(again.index)}")
        found[b] = again[whole.index]
    if not (np.isfinite(found).all() and np.isfinite(whole).all()):
        raise ValueError("estimate must give finite effects in every draw")
    covariance = np.atleast_2d(np.cov(found.T))
    return Candidates(tuple(map(str, whole.index)), whole.to_numpy(), covariance, len(data), method)


def _arms(data: pd.DataFrame, name: str, control: Any) -> tuple[np.ndarray, np.ndarray]:
    """Arm of each row, control being 0, and the labels."""
    values = _checks.no_missing(data[name], name)
    labels, arm = np.unique(values, return_inverse=True)
    if control not in labels:
        raise ValueError(f"column {name!r}: control {control!r} is not among its values")
    counts = np.bincount(arm)
    if len(labels) < 2:
        raise ValueError(f"column {name!r}: must hold control and another value")
    if counts.min() < FEWEST:
        few = _checks.plain(labels[counts.argmin()])
        raise ValueError(
            f"column {name!r}: every value needs at least {FEWEST} rows, but {few!r} has "
            f"{counts.min()}"
        )
    first = int(np.flatnonzero(labels == control)[0])
    order = [first, *(i for i in range(len(labels)) if i != first)]
    place = np.empty(len(labels), int)
    place[order] = np.arange(len(labels))
    return place[arm], labels[order]


def _means(arm: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Scores whose mean is the arm's mean and whose variance is that of the arm's mean."""
    psi = np.empty((len(y), k))
    for a in range(k):
        mine = arm == a
        mean = y[mine].mean()
        psi[:, a] = mean + mine / mine.mean() * (y - mean)
    return psi


def _doubly_robust(
    x: np.ndarray,
    arm: np.ndarray,
    y: np.ndarray,
    logged: np.ndarray | None,
    k: int,
    fold: np.ndarray,
    models: str | None,
) -> np.ndarray:
    if x.shape[1] == 0:
        x = np.ones((len(y), 1))
    for f in range(fold.max() + 1):
        if len(np.unique(arm[fold != f])) < k:
            raise ValueError("an arm has no row outside one of the folds: clusters are too few")
    rows = np.arange(len(y)), arm
    psi = np.empty((len(y), k))
    with _nuisance.threads(len(y)):
        for a in range(k):
            fits = [_nuisance.predict(m, x, y, fold, use=arm == a) for m in _tried(y, models)]
            psi[:, a] = min(fits, key=lambda m: float(np.mean((y - m)[arm == a] ** 2)))
        if logged is None:
            tried = [_propensities(m, x, arm, fold)[rows] for m in _tried(arm, models)]
            logged = max(tried, key=lambda p: float(np.mean(np.log(np.maximum(p, 1e-300)))))
            _checks.refuse(logged <= 0, logged, "propensity", "must be above 0 for the arm taken")
    psi[rows] += (y - psi[rows]) / logged
    return psi


def _tried(target: np.ndarray, models: str | None) -> list[Any]:
    kind = "classifier" if target.dtype.kind == "i" else "regressor"
    options = _nuisance.candidates(kind, len(target))
    return list(options.values()) if models is None else [options[models]]


def _propensities(model: Any, x: np.ndarray, arm: np.ndarray, fold: np.ndarray) -> np.ndarray:
    from sklearn.base import clone

    p = np.empty((len(arm), arm.max() + 1))
    for f in range(fold.max() + 1):
        fitted = clone(model).fit(x[fold != f], arm[fold != f])
        p[fold == f] = fitted.predict_proba(x[fold == f])
    return p


def _linear(x: np.ndarray, arm: np.ndarray, y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """A regression in each arm; errors of the coefficients (HC2) and of the mean of x."""
    import statsmodels.api as sm

    centred = np.column_stack([np.ones(len(y)), x - x.mean(axis=0)])
    slopes, levels, variances = [], [], []
    for a in range(k):
        mine = arm == a
        if mine.sum() <= centred.shape[1] + 1:
            raise ValueError(f"an arm has {mine.sum()} rows for {centred.shape[1]} coefficients")
        fit = sm.OLS(y[mine], centred[mine]).fit(cov_type="HC2")
        levels.append(fit.params[0])
        slopes.append(fit.params[1:])
        variances.append(fit.cov_params()[0, 0])
    apart = np.array(slopes[1:]) - slopes[0]
    spread = np.cov(x.T).reshape(x.shape[1], x.shape[1]) / len(y)
    covariance = variances[0] + np.diag(variances[1:]) + apart @ spread @ apart.T
    return np.array(levels[1:]) - levels[0], covariance


def _covariance(errors: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    sums = errors if codes is None else np.zeros((codes.max() + 1, errors.shape[1]))
    if codes is not None:
        np.add.at(sums, codes, errors)
    units = len(sums)
    if units < 2:
        raise ValueError("need at least two clusters")
    return sums.T @ sums / len(errors) ** 2 * units / (units - 1)
