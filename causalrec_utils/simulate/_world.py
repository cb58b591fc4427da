"""What a world is, and the two steps that most worlds share: who is shown, and what follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

__all__ = ["World"]

Seed = int | np.random.Generator


@dataclass(frozen=True, repr=False)
class World:
    """Data as an analyst would see them, and apart from them the truth.

    Introduced in section 2.1.

    Parameters
    ----------
    data : DataFrame
        What an analyst has.
    treatment, outcome : str
        Columns of ``data``.
    confounders : tuple of str
        Columns of ``data`` to adjust for. They suffice unless the world hides a confounder.
    truth : mapping of str to float
        Known effects by name: ``ate`` always, ``att`` and others where they have a meaning.
    hidden : DataFrame
        One row for each row of ``data``: potential outcomes ``y0`` and ``y1``, the expected effect
        ``cate``, the true ``propensity``, and whatever else nobody gets to see.
    tables : mapping of str to DataFrame
        Further tables, such as users or friends; each function says which, and what they hold.

    Examples
    --------
    >>> from causalrec_utils import simulate
    >>> world = simulate.confounded(1000, effect=0.5, seed=0)
    >>> world
    World of 1,000 rows: shown -> satisfaction; ate 0.500, att 0.620
    >>> bool(world.data["satisfaction"].isin(np.r_[world.y0, world.y1]).all())
    True
    """

    data: pd.DataFrame
    treatment: str
    outcome: str
    confounders: tuple[str, ...]
    truth: Mapping[str, float]
    hidden: pd.DataFrame
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def ate(self) -> float:
        """Average effect in the population that the rows are drawn from."""
        return self._known("ate")

    @property
    def att(self) -> float:
        """Average effect among the treated rows."""
        return self._known("att")

    @property
    def y0(self) -> np.ndarray:
        """Outcome of each row if not treated, shape (n,)."""
        return self._column("y0")

    @property
    def y1(self) -> np.ndarray:
        """Outcome of each row if treated, shape (n,)."""
        return self._column("y1")

    @property
    def cate(self) -> np.ndarray:
        """Expected effect of each row given what the analyst could condition on, shape (n,)."""
        return self._column("cate")

    @property
    def propensity(self) -> np.ndarray:
        """True probability of treatment, shape (n,)."""
        return self._column("propensity")

    def experiment(self, *, share: float = 0.5, seed: Seed) -> pd.DataFrame:
        """The same rows, had a coin decided who is treated.

        Parameters
        ----------
        share : float
            Probability of treatment.
        seed : int or Generator
            Seed of the coin.

        Returns
        -------
        DataFrame
            ``data`` with treatment and outcome of the experiment.
        """
        between(share, "share", 0, 1)
        coin = np.random.default_rng(seed).random(len(self.data)) < share
        outcome = np.where(coin, self.y1, self.y0)
        return self.data.assign(**{self.treatment: coin.astype(int), self.outcome: outcome})

    def _known(self, name: str) -> float:
        if name not in self.truth:
            raise ValueError(f"{name!r} is not known here; known are {', '.join(self.truth)}")
        return self.truth[name]

    def _column(self, name: str) -> np.ndarray:
        if name not in self.hidden:
            have = ", ".join(map(str, self.hidden.columns))
            raise ValueError(f"{name!r} is not known here; hidden are {have}")
        return self.hidden[name].to_numpy()

    def __repr__(self) -> str:
        effects = ", ".join(f"{k} {v:.3f}" for k, v in self.truth.items())
        rows = f"{len(self.data):,} rows"
        return f"World of {rows}: {self.treatment} -> {self.outcome}; {effects}"


def between(value: float, name: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A number in [low, high]."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {value}")
    return float(value)


def count(value: int, name: str, low: int = 1) -> int:
    """A whole number of at least ``low``."""
    if isinstance(value, bool) or int(value) != value or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value}")
    return int(value)


def positive(value: float, name: str) -> float:
    """A number above 0; infinity is allowed."""
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return float(value)


def expit(x: np.ndarray) -> np.ndarray:
    from scipy.special import expit as f

    return f(x)


def standardised(x: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 over the rows; a constant becomes 0."""
    sd = x.std()
    return (x - x.mean()) / (sd if sd > 0 else 1.0)


def exposure_logit(
    score: np.ndarray, placement: np.ndarray, confounding: float, overlap: float
) -> np.ndarray:
    """(c score + sqrt(1 - c^2) placement) / overlap: of one size whatever the confounding c."""
    c = between(confounding, "confounding", 0, 1)
    return (c * score + math.sqrt(1 - c * c) * placement) / positive(overlap, "overlap")


def expose(rng: np.random.Generator, logit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Propensity, and who is treated."""
    propensity = expit(logit)
    return propensity, (rng.random(len(logit)) < propensity).astype(int)


def respond(
    rng: np.random.Generator, level: np.ndarray, effect: np.ndarray, binary: bool, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Potential outcomes y0, y1; both share the noise of their row."""
    drawn = level + (1.0 if binary else between(noise, "noise", 0)) * rng.normal(size=len(level))
    if binary:
        return (drawn > 0).astype(int), (drawn + effect > 0).astype(int)
    return drawn, drawn + effect


def probit_effect(mean: np.ndarray, effect: np.ndarray, unknown: float = 0.0) -> np.ndarray:
    """P(Y(1) = 1) - P(Y(0) = 1) in a probit model with normal terms of variance ``unknown``."""
    from scipy.special import ndtr

    sd = math.sqrt(1 + unknown)
    return ndtr((mean + effect) / sd) - ndtr(mean / sd)


def among(cate: np.ndarray, treated: np.ndarray) -> float:
    """Average effect among the treated rows; nan if there are none."""
    return float(cate[treated == 1].mean()) if np.any(treated == 1) else math.nan
