"""Simulated logs whose target value is known exactly, and the exact band for counts of hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom

ALPHA = 1e-4  # chance that a correct interval fails one check


def at_least(hits: int, n: int, level: float) -> bool:
    """Whether so few hits are believable if the true coverage is ``level`` or more."""
    return hits >= binom.ppf(ALPHA, n, level)


def in_band(hits: int, n: int, level: float) -> bool:
    """Whether hits are believable if the true coverage is ``level``, neither less nor more."""
    return at_least(hits, n, level) and hits <= binom.ppf(1 - ALPHA, n, level)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Bandit:
    """A contextual bandit with clicks; rows are contexts, columns are actions."""

    context: np.ndarray  # probability of each context
    logging: np.ndarray
    target: np.ndarray
    mean: np.ndarray

    @property
    def value(self) -> float:
        """What the target policy earns."""
        return float(self.context @ (self.target * self.mean).sum(axis=1))

    def model(self, shrink: float = 0.5) -> np.ndarray:
        """Predicted rewards that are wrong in a known way."""
        return shrink * self.mean + (1 - shrink) * 0.6

    def columns(self, x: np.ndarray, a: np.ndarray, q: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "context": x,
            "action": a,
            "propensity": self.logging[x, a],
            "target": self.target[x, a],
            "q": q[x, a],
            "v": (self.target * q).sum(axis=1)[x],
        }

    def draw(
        self, n: int, rng: np.random.Generator, *, units: int | None = None, spread: float = 0.0
    ) -> pd.DataFrame:
        """n rows; with ``units``, users of different activity who share a context and a taste."""
        if units is None:
            x, taste = rng.choice(len(self.context), size=n, p=self.context), 0.0
        else:
            user = np.concatenate([np.arange(units), rng.integers(units, size=n - units)])
            x = rng.choice(len(self.context), size=units, p=self.context)[user]
            taste = rng.choice([-spread, spread], size=units)[user]
        a = (rng.random(n)[:, None] > self.logging.cumsum(axis=1)[x]).sum(axis=1)
        a = np.minimum(a, self.mean.shape[1] - 1)
        reward = (rng.random(n) < self.mean[x, a] + taste).astype(float)
        rows = pd.DataFrame({**self.columns(x, a, self.model()), "reward": reward})
        return rows if units is None else rows.assign(user=user)


def bandit(seed: int = 0, *, contexts: int = 4, actions: int = 5, tilt: float = 0.7) -> Bandit:
    """A world with weights of moderate size (``tilt`` sets how far the policies differ)."""
    rng = np.random.default_rng(seed)
    shape = contexts, actions
    mean = rng.uniform(0.15, 0.85, shape)
    logging = softmax(rng.normal(0, tilt, shape))
    target = softmax(rng.normal(0, tilt, shape) + 2 * mean)
    return Bandit(rng.dirichlet(np.full(contexts, 5.0)), logging, target, mean)


def categories(seed: int = 0) -> tuple[Bandit, np.ndarray]:
    """A world of 12 actions in 3 categories, where only the category moves the reward."""
    rng = np.random.default_rng(seed)
    category = np.arange(12) % 3
    mean = np.broadcast_to(np.array([0.2, 0.5, 0.8])[category], (1, 12))
    logging = rng.dirichlet(np.full(12, 6.0), size=1)
    target = rng.dirichlet(np.full(12, 0.8), size=1)
    return Bandit(np.ones(1), logging, target, mean), category


@dataclass(frozen=True)
class Slots:
    """Lists of items in slots under the position-based click model."""

    examination: np.ndarray
    appeal: np.ndarray
    logging: tuple[tuple[Sequence[int], float], ...]  # rankings and their probabilities
    target: tuple[tuple[Sequence[int], float], ...]

    def table(self, rankings: tuple[tuple[Sequence[int], float], ...]) -> pd.DataFrame:
        """Probability of each item in each slot."""
        p = np.zeros((len(self.appeal), len(self.examination)))
        for ranking, chance in rankings:
            p[list(ranking), np.arange(len(ranking))] += chance
        return pd.DataFrame(p, columns=range(1, p.shape[1] + 1))

    @property
    def value(self) -> float:
        """Mean click rate of a shown item under the target."""
        clicks = self.appeal[:, None] * self.examination
        return float((self.table(self.target).to_numpy() * clicks).sum() / len(self.examination))

    def draw(self, lists: int, rng: np.random.Generator) -> pd.DataFrame:
        """One row an item shown."""
        rankings = np.array([ranking for ranking, _ in self.logging])
        chosen = rng.choice(len(rankings), size=lists, p=[p for _, p in self.logging])
        action = rankings[chosen].ravel()
        slot = np.tile(np.arange(len(self.examination)), lists)
        click = rng.random(len(action)) < self.appeal[action] * self.examination[slot]
        return pd.DataFrame(
            {
                "list": np.repeat(np.arange(lists), len(self.examination)),
                "action": action,
                "position": slot + 1,
                "reward": click.astype(int),
            }
        )


def slots() -> Slots:
    """Four items, three slots; the logging policy prefers some rankings."""
    return Slots(
        np.array([0.9, 0.6, 0.3]),
        np.array([0.8, 0.5, 0.4, 0.2]),
        (((0, 1, 2), 0.3), ((3, 2, 1), 0.3), ((1, 3, 0), 0.2), ((2, 0, 3), 0.2)),
        (((0, 1, 2), 0.6), ((1, 0, 3), 0.4)),
    )
