"""Many tests played at once: the same policy in each, whatever its arms, over and over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks

__all__ = ["Plays", "commit_after", "evenly", "play_tasks", "thompson"]

# From the rows of the arms (tasks, k), successes and trials so far (repeats, tasks, k), the size
# of the next batch and a generator: how often each arm is played next, (repeats, tasks, k).
Choice = Callable[[np.ndarray, np.ndarray, np.ndarray, int, np.random.Generator], np.ndarray]
# From the same rows and counts, the number of draws and a generator: alpha and beta of each arm
# before its own counts, (draws, repeats, tasks, k) or without the draws.
Prior = Callable[..., tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Plays:
    """What a policy earned in each task. Made by `play_tasks`.

    Introduced in section 5.2.3.

    Parameters
    ----------
    tasks : array of shape (t,)
        Labels of the tasks, sorted.
    best : array of shape (t,)
        Rate of the best arm of each.
    reward : array of shape (repeats, batches, t)
        Expected successes of each batch, given which arms were played.
    size : int
        Trials of a batch.

    Examples
    --------
    >>> one = Plays(np.array(["a"]), np.array([0.5]), np.array([[[4.0], [5.0]]]), 10)
    >>> one.total().tolist(), one.regret().tolist()
    ([9.0], [[1.0], [1.0]])
    """

    tasks: np.ndarray
    best: np.ndarray
    reward: np.ndarray
    size: int

    def total(self) -> np.ndarray:
        """Expected successes in each task, mean over repeats, shape (t,)."""
        return self.reward.sum(axis=1).mean(axis=0)

    def regret(self) -> np.ndarray:
        """Successes lost so far to always playing the best arm, shape (batches, t)."""
        return (self.size * self.best - self.reward.mean(axis=0)).cumsum(axis=0)


def play_tasks(
    rate: Any,
    task: Any,
    choose: Choice,
    *,
    horizon: int = 10_000,
    batches: int = 50,
    repeats: int = 8,
    seed: int | np.random.Generator = 0,
) -> Plays:
    r"""Play each task as a bandit whose arms have known rates.

    In each batch of m trials the policy says how many trials :math:`m_a` each arm gets; then
    :math:`y_a \sim \mathrm{Binomial}(m_a, p_a)` is added to what it knows. Its reward is counted as
    :math:`\sum_a m_a p_a`, which has the same mean as :math:`\sum_a y_a` and less noise. Tasks with
    equally many arms are played together in one array. Introduced in section 5.2.3.

    Parameters
    ----------
    rate : array of shape (n,)
        Success rate of each arm, in [0, 1].
    task : array of shape (n,)
        Task that the arm belongs to.
    choose : callable
        `thompson`, `commit_after` or `evenly`, or a function like them: of rows of the arms
        (tasks, k), successes and trials so far (repeats, tasks, k), the batch's size and a
        generator, that returns how often to play each arm (repeats, tasks, k).
    horizon : int
        Trials of a task; a multiple of ``batches``.
    batches : int
        The policy learns of results only after each batch.
    repeats : int
        How often each task is played.
    seed : int or numpy.random.Generator
        For choices and successes.

    Returns
    -------
    Plays

    Raises
    ------
    ValueError
        If a rate is outside [0, 1], a task is missing, batches or repeats are below 1, or the
        horizon is no multiple of ``batches``.

    Examples
    --------
    >>> plays = play_tasks([0.1, 0.5], ["t", "t"], evenly, horizon=1000, batches=10)
    >>> bool(280 < plays.total()[0] < 320)
    True
    """
    p = _checks.within(_checks.numeric(rate, "rate"), "rate", 0, 1)
    labels, codes = np.unique(_checks.no_missing(task, "task"), return_inverse=True)
    _checks.numeric(codes, "task", n=len(p))
    for name, value in (("batches", batches), ("repeats", repeats)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if horizon % batches or horizon < 1:
        raise ValueError(f"horizon must be a multiple of {batches} batches, got {horizon}")
    rng, size = np.random.default_rng(seed), horizon // batches
    reward = np.empty((repeats, batches, len(labels)))
    best = np.empty(len(labels))
    for tasks, rows in _blocks(codes):
        block = p[rows]
        best[tasks] = block.max(axis=1)
        successes, trials = (np.zeros((repeats, *rows.shape)) for _ in range(2))
        for batch in range(batches):
            played = choose(rows, successes, trials, size, rng)
            reward[:, batch, tasks] = (played * block).sum(axis=2)
            successes += rng.binomial(played, block)
            trials += played
    return Plays(labels, best, reward, size)


def _blocks(codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tasks with equally many arms: their positions (t,), and the rows of their arms (t, k)."""
    order = np.argsort(codes, kind="stable")
    arms = np.bincount(codes)
    first = np.cumsum(arms) - arms
    found = []
    for k in np.unique(arms):
        tasks = np.flatnonzero(arms == k)
        found.append((tasks, order[first[tasks][:, None] + np.arange(k)]))
    return found


def evenly(
    rows: np.ndarray, successes: np.ndarray, trials: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Each trial goes to an arm drawn at random: an A/B test that never ends.

    Introduced in section 5.2.3.

    Parameters
    ----------
    rows, successes, trials, size, rng
        As `play_tasks` gives them.

    Returns
    -------
    array of shape (repeats, tasks, k)

    Examples
    --------
    >>> none = np.zeros((1, 1, 2))
    >>> int(evenly(np.array([[0, 1]]), none, none, 10, np.random.default_rng(0)).sum())
    10
    """
    k = rows.shape[1]
    return rng.multinomial(size, np.full(k, 1 / k), size=successes.shape[:2])


def thompson(prior: tuple[Any, Any] | Prior, *, draws: int = 10, sharpness: float = 1.0) -> Choice:
    """Thompson sampling for successes, in many tasks at once.

    Of each batch, equal parts go to the best arm of one posterior draw each. A prior that is a
    function may draw what the arms of a task share, given all counts (as `MetaPrior.arms` does); an
    arm's own counts are added here, once. Introduced in section 5.2.3.

    Parameters
    ----------
    prior : pair of arrays of shape (n,), or callable
        Alpha and beta of each arm; or a function of rows (tasks, k), successes and trials
        (repeats, tasks, k), number of draws and generator that returns them, with a leading
        dimension for the draws or without.
    draws : int
        Posterior draws a batch; the batch's size is a multiple of it.
    sharpness : float
        Above 0: factor on alpha and beta of the posterior before the draw. 1 is Thompson sampling;
        above 1 it explores less, which short horizons reward.

    Returns
    -------
    callable
        For `play_tasks`.

    Raises
    ------
    ValueError
        If alpha, beta or sharpness is not above 0, draws are below 1, or, when played, the batch is
        no multiple of ``draws``.

    Notes
    -----
    Chapelle and Li (2011), "An empirical evaluation of Thompson sampling", NeurIPS, for batches and
    for sharper posteriors.

    Examples
    --------
    >>> choose = thompson((np.array([1.0, 90.0]), np.array([90.0, 1.0])))
    >>> play_tasks([0.1, 0.5], ["t", "t"], choose, horizon=1000, batches=10).total().tolist()
    [500.0]
    """
    if not sharpness > 0:
        raise ValueError(f"sharpness must be above 0, got {sharpness}")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    if callable(prior):
        before: Prior = prior
    else:
        pair = [_checks.numeric(x, name) for x, name in zip(prior, ("alpha", "beta"), strict=True)]
        for x, name in zip(pair, ("alpha", "beta"), strict=True):
            _checks.within(x, name, 0, open_low=True)

        def before(rows: np.ndarray, *_: Any) -> tuple[np.ndarray, np.ndarray]:
            return pair[0][rows], pair[1][rows]

    def choose(
        rows: np.ndarray,
        successes: np.ndarray,
        trials: np.ndarray,
        size: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        if size % draws:
            raise ValueError(f"a batch of {size} trials is no multiple of {draws} draws")
        alpha, beta = before(rows, successes, trials, draws, rng)
        a, b = (sharpness * z for z in (alpha + successes, beta + trials - successes))
        winner = rng.beta(a, b, size=(draws, *successes.shape)).argmax(axis=-1)
        won = (winner[..., None] == np.arange(rows.shape[1])).sum(axis=0)
        return won * (size // draws)

    return choose


def commit_after(trials_of_test: int, *, level: float | None = None) -> Choice:
    """Test evenly, then play the arm with the best rate for good.

    Introduced in section 5.2.3.

    Parameters
    ----------
    trials_of_test : int
        Trials in all before the test ends; a multiple of the batch's size.
    level : float, optional
        Commit only to an arm that beats the runner-up in a two-sided z test at this level, such as
        0.95, shared among the rivals (Bonferroni). Until then, and again if the lead fades, the
        test goes on; it is looked at after each batch.

    Returns
    -------
    callable
        For `play_tasks`.

    Raises
    ------
    ValueError
        If the test has less than one trial, or the level is outside (0, 1).

    Examples
    --------
    >>> choose = commit_after(100)
    >>> plays = play_tasks([0.1, 0.9], ["t", "t"], choose, horizon=1000, batches=10)
    >>> plays.reward[0, 1:, 0].tolist()[:2]
    [90.0, 90.0]
    """
    if trials_of_test < 1:
        raise ValueError(f"trials_of_test must be at least 1, got {trials_of_test}")
    if level is not None:
        _checks.level(level)

    def choose(
        rows: np.ndarray,
        successes: np.ndarray,
        trials: np.ndarray,
        size: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        played = evenly(rows, successes, trials, size, rng)
        if trials.sum(axis=-1).max() < trials_of_test:
            return played
        k = rows.shape[1]
        rate = successes / np.maximum(trials, 1)
        best = (rate + 1e-9 * rng.random(rate.shape)).argmax(axis=-1)  # ties by lot
        only = size * (best[..., None] == np.arange(k))
        return only if level is None else np.where(_ahead(successes, trials, level), only, played)

    return choose


def _ahead(successes: np.ndarray, trials: np.ndarray, level: float) -> np.ndarray:
    """Whether the best arm beats the runner-up beyond chance, shape (..., 1)."""
    from scipy.special import ndtri

    k = trials.shape[-1]
    if k == 1:  # no rival
        return np.ones(trials.shape, bool)
    p = (successes + 0.5) / (trials + 1)
    variance = p * (1 - p) / np.maximum(trials, 1)
    order = np.argsort(p, axis=-1)
    first, second = (order[..., [-i]] for i in (1, 2))
    take = np.take_along_axis
    gap = take(p, first, -1) - take(p, second, -1)
    error = np.sqrt(take(variance, first, -1) + take(variance, second, -1))
    return gap > error * ndtri(1 - (1 - level) / 2 / (k - 1))
