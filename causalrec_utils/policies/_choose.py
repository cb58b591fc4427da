"""The best of many scores, one action after the other: no (rows × actions) array is ever made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

TIE = 1e-12  # scores that are closer are equal


def _steps(scores: Iterable[np.ndarray], n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For one action after the other: where it beats those before, where it equals the best."""
    best = np.full(n, -np.inf)
    for score in scores:
        better = score > best + TIE
        equal = ~better & (score >= best - TIE)
        best = np.where(better, score, best)
        yield better, equal


def best_probability(scores: Iterable[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Probability that the given action is played where the best is, ties broken evenly."""
    ties, among = np.zeros(len(rows)), np.zeros(len(rows), bool)
    for a, (better, equal) in enumerate(_steps(scores, len(rows))):
        ties = np.where(better, 1, ties + equal)
        among = np.where(better, rows == a, among | (equal & (rows == a)))
    return among / ties


def draw_best(scores: Iterable[np.ndarray], n: int, rng: np.random.Generator) -> np.ndarray:
    """Position of the best action in each row, ties broken evenly."""
    ties, choice = np.ones(n), np.zeros(n, int)
    for a, (better, equal) in enumerate(_steps(scores, n)):
        choice[better], ties[better] = a, 1
        if (again := np.flatnonzero(equal)).size:
            ties[again] += 1
            # The m-th of equals takes over with probability 1/m, so that each is as likely.
            choice[again[rng.random(again.size) * ties[again] < 1]] = a
    return choice


def draw_largest(scores: Iterable[np.ndarray], n: int) -> np.ndarray:
    """Position of the largest score in each row, where ties have probability 0."""
    best, choice = np.full(n, -np.inf), np.zeros(n, int)
    for a, score in enumerate(scores):
        choice = np.where(score > best, a, choice)
        best = np.maximum(score, best)
    return choice


def softmax_probability(scores: Iterable[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Probability of the given action where it is proportional to exp(score)."""
    top, total = np.full(len(rows), -np.inf), np.zeros(len(rows))
    mine = np.zeros(len(rows))
    for a, score in enumerate(scores):
        higher = np.maximum(top, score)
        # Sums are kept relative to the largest score so far, which can't overflow.
        total = total * np.exp(top - higher) + np.exp(score - higher)
        top, mine = higher, np.where(rows == a, score, mine)
    return np.exp(mine - top) / total
