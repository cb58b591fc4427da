"""An estimate, and its grade."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

from ._show import ESTIMATE_MIME, number, picture


@dataclass(frozen=True)
class Estimate:
    """A number, its uncertainty, and how it was obtained.

    Introduced in section 3.1.

    Parameters
    ----------
    value : float
        The point estimate, in the units of the estimand.
    stderr : float
        Its standard error, same units; ``nan`` where none is known.
    ci : tuple of float
        Lower and upper end of the interval; ``nan`` where the method gives none.
    level : float
        Nominal coverage of the interval, such as 0.95.
    n : int
        Rows that the estimate rests on.
    method : str
        The estimator, such as ``"snips"``.
    estimand : str
        What is estimated, such as ``"policy value"`` or ``"ATE"``.
    diagnostics : mapping of str to float
        What to look at before trusting the number (``ess``, ``max_weight_share`` ...).
    warnings : tuple of str
        Weaknesses that were found, in words.

    Raises
    ------
    ValueError
        If the interval is inverted or the level is outside (0, 1).

    Examples
    --------
    >>> e = Estimate(0.52, 0.1, (0.32, 0.72), 0.95, n=100, method="ips", estimand="policy value")
    >>> e
    policy value by ips: 0.520, 95% interval [0.320, 0.720], n = 100
    >>> e.grade(0.6, source="on-policy mean").covered
    True
    """

    value: float
    stderr: float
    ci: tuple[float, float]
    level: float
    n: int
    method: str
    estimand: str
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        low, high = self.ci
        if low > high:
            raise ValueError(f"interval is inverted: [{low}, {high}]")
        if not 0 < self.level < 1:
            raise ValueError(f"level must be in (0, 1), got {self.level}")

    def grade(
        self,
        truth: float,
        *,
        source: str,
        stderr: float = 0.0,
        label: str | None = None,
        foil: bool = False,
    ) -> Grade:
        """Set the estimate beside a truth that does not come from the same data and method.

        Parameters
        ----------
        truth : float
            The true value, in the units of the estimate.
        source : str
            Where the truth comes from, such as ``"randomised test ratings"``.
        stderr : float
            Standard error of the truth, if it was measured too. Estimate and truth are then taken
            as independent, and *covered* means that their difference is within the interval of the
            difference.
        label : str, optional
            Name of the row; the method by default.
        foil : bool
            True for an estimator shown because it is wrong (the naive one, say). Foils are listed
            but do not count towards the coverage that the book claims.

        Returns
        -------
        Grade

        Raises
        ------
        ValueError
            If the truth is not finite or its standard error is negative.
        """
        if not math.isfinite(truth):
            raise ValueError(f"truth must be finite, got {truth}; see Estimate.without_truth")
        if not stderr >= 0:
            raise ValueError(f"stderr of the truth must be at least 0, got {stderr}")
        return Grade(self, float(truth), source, float(stderr), label or self.method, foil)

    def without_truth(self, reason: str, *, label: str | None = None) -> Grade:
        """Say in words why nothing can grade this estimate; the scoreboard lists it as such.

        Parameters
        ----------
        reason : str
            Why no truth exists.
        label : str, optional
            Name of the row; the method by default.

        Returns
        -------
        Grade
            With ``covered`` None.
        """
        return Grade(self, math.nan, reason, 0.0, label or self.method, False)

    def __repr__(self) -> str:
        low, high = self.ci
        if math.isnan(low):
            interval = "no interval"
        else:
            interval = f"{self.level:.0%} interval [{number(low)}, {number(high)}]"
        text = f"{self.estimand} by {self.method}: {number(self.value)}, {interval}, n = {self.n:,}"
        return text + "".join(f"; warning: {w}" for w in self.warnings)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        drawn = picture(self.value, self.ci)
        data = {
            "text/plain": repr(self),
            "text/html": f"<div>{html.escape(repr(self))} {drawn}</div>",
        }
        return data, {ESTIMATE_MIME: {"method": self.method, "value": number(self.value)}}


@dataclass(frozen=True)
class Grade:
    """An estimate beside the truth. Made by `Estimate.grade` or `Estimate.without_truth`.

    Parameters
    ----------
    estimate : Estimate
        What is graded.
    truth : float
        The true value; ``nan`` where none exists.
    source : str
        Where the truth comes from, or why there is none.
    truth_stderr : float
        Standard error of the truth; 0 where it is known exactly.
    label : str
        Name of the row.
    foil : bool
        Shown because it is wrong; not part of the coverage that the book claims.

    Examples
    --------
    >>> e = Estimate(0.52, 0.1, (0.32, 0.72), 0.95, n=100, method="ips", estimand="policy value")
    >>> e.grade(0.75, source="on-policy mean")
    ips: 0.520 [0.320, 0.720] against 0.750 (on-policy mean): MISSED, error -0.230
    >>> e.grade(0.75, stderr=0.1, source="on-policy mean").covered
    True
    """

    estimate: Estimate
    truth: float
    source: str
    truth_stderr: float
    label: str
    foil: bool = False

    @property
    def error(self) -> float:
        """Estimate minus truth."""
        return self.estimate.value - self.truth

    @property
    def relative_error(self) -> float:
        """Error as a share of the truth's size; ``nan`` for a truth of zero."""
        return self.error / abs(self.truth) if self.truth else math.nan

    @property
    def reach(self) -> float:
        """Largest error, on the side of the truth, that still counts as covered."""
        low, high = self.estimate.ci
        side = high - self.estimate.value if self.error < 0 else self.estimate.value - low
        z = NormalDist().inv_cdf(0.5 + self.estimate.level / 2)
        # A percentile interval need not hold its own estimate, hence the maximum.
        return math.hypot(max(side, 0.0), z * self.truth_stderr)

    @property
    def covered(self) -> bool | None:
        """Whether the interval holds the truth; None without a truth or an interval."""
        low, high = self.estimate.ci
        if math.isnan(self.truth) or math.isnan(low) or math.isnan(high):
            return None
        if self.truth_stderr == 0:
            return low <= self.truth <= high
        return abs(self.error) <= self.reach

    @property
    def verdict(self) -> str:
        """``covered``, ``MISSED``, ``no interval`` or ``no truth``."""
        if math.isnan(self.truth):
            return "no truth"
        return {True: "covered", False: "MISSED", None: "no interval"}[self.covered]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored in a notebook's output and read by `Scoreboard`."""
        e = self.estimate
        numbers = {
            "value": e.value,
            "low": e.ci[0],
            "high": e.ci[1],
            "truth": self.truth,
            "truth_stderr": self.truth_stderr,
        }
        return {
            "label": self.label,
            "estimand": e.estimand,
            "method": e.method,
            **{k: None if math.isnan(v) else float(v) for k, v in numbers.items()},
            "level": e.level,
            "n": int(e.n),
            "source": self.source,
            "foil": self.foil,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Grade:
        """The inverse of `to_dict`; diagnostics and standard error are not stored."""
        v: dict[str, Any] = {k: math.nan if x is None else x for k, x in row.items()}
        estimate = Estimate(
            v["value"],
            math.nan,
            (v["low"], v["high"]),
            v["level"],
            v["n"],
            v["method"],
            v["estimand"],
        )
        return cls(estimate, v["truth"], v["source"], v["truth_stderr"], v["label"], v["foil"])

    def __repr__(self) -> str:
        e = self.estimate
        start = f"{self.label}: {number(e.value)} [{number(e.ci[0])}, {number(e.ci[1])}]"
        if math.isnan(self.truth):
            return f"{start}, no truth to grade it: {self.source}"
        truth = number(self.truth)
        if self.truth_stderr:
            truth += f" ± {number(self.truth_stderr)}"
        return (
            f"{start} against {truth} ({self.source}): {self.verdict}, error {number(self.error)}"
        )

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        from ._scoreboard import Scoreboard

        return Scoreboard([self])._repr_mimebundle_()
