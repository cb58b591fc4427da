"""Many tests at once: what is counted, whose rates are whose, and what each policy does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from causalrec_utils.policies import (
    Plays,
    commit_after,
    evenly,
    play_tasks,
    rank_probabilities,
    thompson,
)

# Three tasks of 3, 1 and 2 arms; neither tasks nor arms are in order.
TASK = np.array(["b", "a", "c", "b", "c", "b"])
RATE = np.array([0.2, 0.7, 0.1, 0.5, 0.4, 0.3])
BEST = {"a": 0.7, "b": 0.5, "c": 0.4}


def always(value: np.ndarray) -> Callable[..., np.ndarray]:
    """All trials to the arm with the largest value."""

    def choose(rows: np.ndarray, y: np.ndarray, n: np.ndarray, size: int, _: Any) -> np.ndarray:
        top = value[rows].argmax(axis=1)[:, None] == np.arange(rows.shape[1])
        return np.broadcast_to(size * top, y.shape).copy()

    return choose


def in_turn(rows: np.ndarray, y: np.ndarray, n: np.ndarray, size: int, _: Any) -> np.ndarray:
    """Most of a batch to one arm, in turn by batch; the next arm gets the rest."""
    k = rows.shape[1]
    turn = int(n.sum(axis=-1).max()) // size
    out = np.zeros(y.shape, int)
    out[..., turn % k] += size - 3
    out[..., (turn + 1) % k] += 3
    return out


def test_rewards_against_a_slow_loop() -> None:
    plays = play_tasks(RATE, TASK, in_turn, horizon=70, batches=7, repeats=2)
    assert plays.tasks.tolist() == ["a", "b", "c"] and plays.size == 10
    assert plays.best.tolist() == list(BEST.values())
    for t, label in enumerate(plays.tasks):
        rates = [p for p, name in zip(RATE, TASK, strict=True) if name == label]
        total, lost = 0.0, 0.0
        for batch in range(7):
            expected = 0.0
            for trial in range(10):
                expected += rates[(batch + (trial >= 7)) % len(rates)]
            assert plays.reward[:, batch, t] == pytest.approx([expected, expected])
            total, lost = total + expected, lost + 10 * max(rates) - expected
            assert plays.regret()[batch, t] == pytest.approx(lost)
        assert plays.total()[t] == pytest.approx(total)


def test_shapes() -> None:
    plays = play_tasks(RATE, TASK, evenly, horizon=60, batches=6, repeats=4)
    assert plays.reward.shape == (4, 6, 3) and plays.best.shape == (3,)
    assert plays.total().shape == (3,) and plays.regret().shape == (6, 3)
    assert plays.regret()[-1] == pytest.approx(60 * plays.best - plays.total())


def test_repeats_are_averaged() -> None:
    plays = Plays(np.array([7]), np.array([0.5]), np.array([[[4.0], [5.0]], [[2.0], [3.0]]]), 10)
    assert plays.total().tolist() == [7.0]
    assert plays.regret().tolist() == [[2.0], [3.0]]


def test_the_policy_sees_what_it_played() -> None:
    """Rates of 0 and 1, so that successes are no matter of chance."""
    rate, seen = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0]), []

    def watch(rows: np.ndarray, y: np.ndarray, n: np.ndarray, size: int, rng: Any) -> np.ndarray:
        assert np.array_equal(y, n * rate[rows])
        assert size == 10 and y.shape == n.shape == (2, *rows.shape)
        assert (TASK[rows] == TASK[rows][:, :1]).all()
        seen.append((rows.shape, n.sum()))
        return in_turn(rows, y, n, size, rng)

    play_tasks(rate, TASK, watch, horizon=40, batches=4, repeats=2)
    assert seen == [((1, k), 20 * batch) for k in (1, 2, 3) for batch in range(4)]


def test_successes_are_binomial() -> None:
    seen: dict[int, list[int]] = {}

    def watch(rows: np.ndarray, y: np.ndarray, n: np.ndarray, size: int, rng: Any) -> np.ndarray:
        for row, *counts in zip(*(z.ravel() for z in (rows, y.sum(0), n.sum(0))), strict=True):
            seen[row] = counts
        return in_turn(rows, y, n, size, rng)

    play_tasks(RATE, TASK, watch, horizon=4000, batches=40, repeats=5)
    for row, (y, n) in seen.items():
        low, high = binom.interval(1 - 1e-4, n, RATE[row])
        assert n > 1000 and low <= y <= high


def test_order_of_rows_does_not_matter() -> None:
    value = np.array([3.0, 1.0, 9.0, 2.0, 4.0, 8.0])
    base = play_tasks(RATE, TASK, always(value), horizon=100, batches=5)
    assert base.total() == pytest.approx([70, 30, 10])  # rows 1, 5 and 2
    rng = np.random.default_rng(0)
    for _ in range(10):
        order = rng.permutation(6)
        moved = play_tasks(RATE[order], TASK[order], always(value[order]), horizon=100, batches=5)
        assert moved.tasks.tolist() == base.tasks.tolist()
        assert np.array_equal(moved.reward, base.reward)
        assert np.array_equal(moved.best, base.best)


def test_labels_are_only_names() -> None:
    numbers = np.unique(TASK, return_inverse=True)[1] * 10 - 3
    base = play_tasks(RATE, TASK, evenly, horizon=100, batches=5)
    other = play_tasks(RATE, numbers, evenly, horizon=100, batches=5)
    assert np.array_equal(base.reward, other.reward) and other.tasks.tolist() == [-3, 7, 17]


def test_an_oracle_loses_nothing_and_nobody_gains() -> None:
    options: dict[str, Any] = {"horizon": 200, "batches": 10}
    assert play_tasks(RATE, TASK, always(RATE), **options).regret() == pytest.approx(0, abs=1e-9)
    ones = np.ones(6)
    for choose in (evenly, thompson((ones, ones)), commit_after(60), commit_after(60, level=0.9)):
        steps = np.diff(play_tasks(RATE, TASK, choose, **options).regret(), axis=0, prepend=0)
        assert steps.min() >= -1e-9
        assert steps[:, 0] == pytest.approx(0, abs=1e-9)  # one arm: nothing to lose
        assert steps[:, 1:].sum() > 1


def test_same_seed_same_plays() -> None:
    one, two, other = (
        play_tasks(RATE, TASK, evenly, horizon=100, batches=5, seed=seed).reward
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_evenly_earns_the_mean_rate() -> None:
    """Of rates 0, 1, 0 exactly a binomial with chance 1/3; of others nearly a normal."""
    sure = play_tasks([0, 1, 0], [0, 0, 0], evenly, horizon=5000, batches=10, repeats=4)
    low, high = binom.interval(1 - 1e-4, 20_000, 1 / 3)
    assert low <= sure.reward.sum() <= high
    plays = play_tasks(RATE, TASK, evenly, horizon=5000, batches=10, repeats=4)
    for t, label in enumerate(plays.tasks):
        rates = RATE[label == TASK]
        error = rates.std() * np.sqrt(20_000) * norm.isf(1e-4 / 2)
        assert abs(plays.reward[..., t].sum() - 20_000 * rates.mean()) <= error + 1e-6


def test_evenly_spends_the_batch() -> None:
    none = np.zeros((2, 3, 4))
    played = evenly(np.arange(12).reshape(3, 4), none, none, 37, np.random.default_rng(1))
    assert played.shape == (2, 3, 4) and (played.sum(axis=2) == 37).all()


def test_thompson_that_knows_plays_the_best() -> None:
    kappa = 1e8
    choose = thompson((kappa * RATE, kappa * (1 - RATE)))
    plays = play_tasks(RATE, TASK, choose, horizon=1000, batches=10)
    assert plays.regret() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("sharpness", [1.0, 4.0])
def test_thompson_plays_each_arm_as_often_as_it_may_be_best(sharpness: float) -> None:
    """Against exact probabilities: own counts are added once, before the posterior is sharpened."""
    alpha, beta = np.array([1.0, 3.0, 2.0]), np.array([9.0, 20.0, 30.0])
    y, n = np.array([2.0, 1.0, 4.0]), np.array([20.0, 5.0, 30.0])
    size = 20_000
    choose = thompson((alpha, beta), draws=size, sharpness=sharpness)
    rows, rng = np.array([[0, 1, 2]]), np.random.default_rng(2)
    played = choose(rows, y[None, None], n[None, None], size, rng)[0, 0]
    a, b = sharpness * (alpha + y), sharpness * (beta + n - y)
    low, high = binom.interval(1 - 1e-4, size, rank_probabilities(a, b, 1)[:, 0])
    assert (low <= played).all() and (played <= high).all() and played.sum() == size


def test_thompson_takes_each_arms_own_prior() -> None:
    """Arms of a task are not next to each other, and the prior is by row."""
    alpha, beta = np.array([99, 1, 1, 1, 99, 1]), np.array([1, 1, 99, 99, 1, 99])
    plays = play_tasks(RATE, TASK, thompson((alpha, beta)), horizon=10, batches=1)
    assert plays.total() == pytest.approx([7, 2, 4])  # rows 1, 0 and 4


def test_thompson_with_a_function() -> None:
    """A function that returns the pair is the pair; draws may lead."""
    alpha, beta = np.arange(1.0, 7.0), np.arange(9.0, 3.0, -1.0)
    asked = set()

    def plain(
        rows: np.ndarray, y: np.ndarray, n: np.ndarray, draws: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        asked.add((draws, y.shape == n.shape == (8, *rows.shape)))
        return alpha[rows], beta[rows]

    def drawn(*given: Any) -> tuple[np.ndarray, np.ndarray]:
        shape = (given[3], *given[1].shape)
        a, b = plain(*given)
        return np.broadcast_to(a, shape), np.broadcast_to(b, shape)

    pair, one, many = (
        play_tasks(RATE, TASK, thompson(prior, draws=5), horizon=100, batches=10).reward
        for prior in ((alpha, beta), plain, drawn)
    )
    assert np.array_equal(pair, one) and np.array_equal(pair, many)
    assert asked == {(5, True)}


def test_regret_of_thompson_flattens_out() -> None:
    rng = np.random.default_rng(3)
    rate, task = rng.uniform(0.1, 0.6, 120), np.repeat(np.arange(40), 3)
    options: dict[str, Any] = {"horizon": 20_000, "batches": 100, "repeats": 4}
    learns = play_tasks(rate, task, thompson((np.ones(120), np.ones(120))), **options)
    tests = play_tasks(rate, task, evenly, **options)
    for plays, low, high in ((learns, 0, 0.4), (tests, 0.95, 1.05)):
        lost = plays.regret().mean(axis=1)
        assert low <= (lost[-1] - lost[49]) / lost[49] <= high
    assert learns.regret()[-1].mean() < 0.1 * tests.regret()[-1].mean()


def decide(choose: Any, y: Any, n: Any, size: int = 10, seed: int = 0) -> np.ndarray:
    """What is played in one task after these counts."""
    y, n = (np.asarray(z, float)[None, None] for z in (y, n))
    rows = np.arange(y.shape[-1])[None]
    return choose(rows, y, n, size, np.random.default_rng(seed))[0, 0]


def test_commits_to_the_empirical_best_after_the_test() -> None:
    choose = commit_after(100)
    assert decide(choose, [1, 9, 5], [30, 29, 40]).max() < 10  # 99 trials
    assert decide(choose, [1, 9, 5], [30, 30, 40]).tolist() == [0, 10, 0]
    assert decide(choose, [2, 3, 9], [10, 20, 70]).tolist() == [10, 0, 0]  # by rate, not count
    picks = [tuple(decide(choose, [5, 5], [50, 50], seed=seed)) for seed in range(60)]
    low, high = binom.interval(1 - 1e-4, 60, 0.5)  # ties by lot
    assert low <= picks.count((10, 0)) <= high and set(picks) == {(10, 0), (0, 10)}


def test_commits_for_good_and_in_each_task() -> None:
    rate = np.array([0.9, 0.1, 0.5, 0.1, 0.1, 0.9])
    plays = play_tasks(rate, TASK, commit_after(200), horizon=1000, batches=10)
    assert plays.tasks.tolist() == ["a", "b", "c"]
    even = plays.regret()[1] / 200
    assert (even[1:] > 0.05).all()
    assert plays.regret()[2:] == pytest.approx(np.broadcast_to(plays.regret()[1], (8, 3)))


def test_with_a_level_the_test_goes_on_while_arms_are_close() -> None:
    choose = commit_after(100, level=0.95)
    assert decide(choose, [40, 44], [100, 100]).max() < 10
    assert decide(choose, [20, 60], [100, 100]).tolist() == [0, 10]
    # z = 2.1 (with half a success more) is enough against one rival, not against one of nine.
    close = ([50, 65], [100, 100])
    assert decide(choose, *close).tolist() == [0, 10]
    many = decide(choose, [*close[0], *[5] * 8], [100] * 10, size=100)
    assert many.max() < 100
    assert decide(commit_after(100, level=0.5), [*close[0], *[5] * 8], [100] * 10)[1] == 10
    assert decide(choose, [3], [100]).tolist() == [10]  # no rival to beat


@pytest.mark.parametrize("k", [2, 4])
def test_wrong_commitments_at_one_look(k: int) -> None:
    """One look only: the rule looks after every batch, and then errs more often than this.

    To be chosen, an arm must beat each rival by a z that chance lets through with (1 - level) / 2
    / (k - 1), by the normal approximation. So if one arm is better, the chance of a wrong one is at
    most (1 - level) / 2; if all are equal, the chance of any is at most k / (k - 1) times this,
    which is no more than 1 - level. Two arms come close to both; of more, a winner is rarer.
    """
    looks, n, level = 40_000, 1000, 0.9
    rng = np.random.default_rng(4)
    rows, trials = np.arange(looks * k).reshape(looks, k), np.full((1, looks, k), float(n))
    share = (1 - level) / 2
    for lead, limit in ((0.0, share * k / (k - 1)), (0.001, share)):
        p = 0.3 + lead * (np.arange(k) == 0)
        y = rng.binomial(n, p, trials.shape).astype(float)
        played = commit_after(1, level=level)(rows, y, trials, 1000, rng)[0]
        chosen = (played == 1000).sum(axis=0)
        wrong = chosen[1:].sum() if lead else chosen.sum()
        assert wrong <= binom.isf(1e-4, looks, limit)
        assert k > 2 or wrong > 0.85 * limit * looks  # nor is the rule idle


def test_bad_plays() -> None:
    def says(text: str, rate: Any = (0.1, 0.5), task: Any = ("t", "t"), **options: Any) -> None:
        with pytest.raises(ValueError) as error:
            play_tasks(rate, task, evenly, **options)
        assert str(error.value) == text

    between = "column 'rate': must be in [0, 1]; first offending row: 1 (value {})"
    says(between.format(1.2), rate=[0.1, 1.2, -3], task=["t"] * 3)
    says(between.format(-0.1), rate=[0.1, -0.1])
    finite = (
        "column 'rate': must be finite (no NaN, no infinity); first offending row: 0 (value nan)"
    )
    says(finite, rate=[np.nan, 0.1])
    missing = "column 'task': must not be missing; first offending row: 1 (value None)"
    says(missing, task=["t", None])
    says("column 'task': must have one value for each of the 2 rows, got 3", task=[1, 1, 2])
    says("batches must be at least 1, got 0", batches=0)
    says("repeats must be at least 1, got -1", repeats=-1)
    says("horizon must be a multiple of 50 batches, got 120", horizon=120)
    says("horizon must be a multiple of 4 batches, got 0", horizon=0, batches=4)
    says("horizon must be a multiple of 4 batches, got -8", horizon=-8, batches=4)


def test_bad_thompson() -> None:
    def says(text: str, alpha: Any = (1, 1), beta: Any = (1, 1), **options: Any) -> None:
        with pytest.raises(ValueError) as error:
            thompson((alpha, beta), **options)
        assert str(error.value) == text

    for name in ("alpha", "beta"):
        rule = f"column '{name}': must be in (0, inf); first offending row: 1 (value 0.0)"
        says(rule, **{name: [1, 0]})
    for value in (0, -1.0, np.nan):
        says(f"sharpness must be above 0, got {value}", sharpness=value)
    for draws in (0, -5):
        says(f"draws must be at least 1, got {draws}", draws=draws)
    with pytest.raises(ValueError) as error:
        play_tasks([0.1], ["t"], thompson(([1], [1]), draws=7), horizon=100, batches=10)
    assert str(error.value) == "a batch of 10 trials is no multiple of 7 draws"


def test_bad_commitments() -> None:
    for trials in (0, -3):
        with pytest.raises(ValueError) as error:
            commit_after(trials)
        assert str(error.value) == f"trials_of_test must be at least 1, got {trials}"
    for level in (0, 1, 95):
        with pytest.raises(ValueError) as error:
            commit_after(10, level=level)
        assert str(error.value) == f"level must be in (0, 1), got {level}"
