"""Meta-learned priors: the inner steps, the gradient through them, and what a start is worth."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import trapezoid
from scipy.optimize import minimize_scalar
from scipy.special import expit, gammaln, logit
from scipy.stats import betabinom, chi2, norm

from causalrec_utils.policies import MetaPrior, fit_meta_prior
from causalrec_utils.policies import _meta_torch as inner

U, SD, KAPPA = -3.0, 0.5, 150.0  # of the world: mean and spread of tasks (logits), concentration
PLAIN: dict[str, Any] = {"body": np.empty((0, 1)), "head": np.array([-2.0])}


def random_prior(rng: np.random.Generator, hidden: int = 4, steps: int = 3) -> MetaPrior:
    """For two features, or none if nothing is hidden."""
    body = rng.normal(size=(hidden, 3)) if hidden else np.empty((0, 1))
    head = rng.normal(size=hidden + 1) - 2 * (np.arange(hidden + 1) == 0)
    tau = rng.uniform(1, 20, hidden + 1)
    return MetaPrior(body, head, tau, rng.uniform(20, 200), rng.uniform(0.3, 0.9), steps)


def parameters(prior: MetaPrior) -> dict[str, torch.Tensor]:
    """The same prior as the outer loop has it."""
    values = {"body": prior.body, "head": prior.head, "precision": np.log(prior.precision)}
    values |= {"kappa": np.log(prior.concentration), "rate": logit(prior.rate)}
    return {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}


def some_tasks(rng: np.random.Generator, size: int = 5, arms: int = 3) -> tuple[np.ndarray, ...]:
    """Features, successes and trials so far, successes and trials to come."""
    x = rng.normal(size=(size, arms, 2))
    n, later = rng.integers(0, 300, (2, size, arms))
    return x, rng.binomial(n, 0.2), n, rng.binomial(later, 0.2), later


def penalised(prior: MetaPrior, x: Any, y: np.ndarray, n: np.ndarray, delta: np.ndarray) -> float:
    """The inner loss as it is stated, arm by arm."""
    total = 0.5 * float((prior.precision * delta**2).sum())
    for phi, good, shown in zip(prior.represent(x), y, n, strict=True):
        m = expit(phi @ (prior.head + delta))
        weight = (prior.concentration + 1) / (prior.concentration + shown)
        total -= weight * (good * np.log(m) + (shown - good) * np.log(1 - m))
    return total


def curvature(prior: MetaPrior, x: Any, n: np.ndarray, delta: np.ndarray) -> np.ndarray:
    h = prior.precision.copy()
    for phi, shown in zip(prior.represent(x), n, strict=True):
        m = expit(phi @ (prior.head + delta))
        weight = (prior.concentration + 1) / (prior.concentration + shown)
        h += weight * shown * m * (1 - m) * phi**2
    return h


def mean(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return pair[0] / (pair[0] + pair[1])


def same(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("hidden", [0, 4])
def test_numpy_and_torch_take_the_same_steps(hidden: int, steps: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        prior = random_prior(rng, hidden, steps)
        x, y, n, *_ = some_tasks(rng)
        pair = prior.arms(x if hidden else 3, y, n)
        tx, ty, tn = (torch.tensor(z, dtype=torch.float64) for z in (x, y, n))
        theirs, sd = inner.adapt(parameters(prior), tx, ty, tn, steps)
        assert np.allclose(mean(pair), expit(theirs.numpy()), rtol=1e-10, atol=0)
        assert np.allclose(pair[0] + pair[1], prior.concentration)
        drawn = logit(mean(prior.arms(x if hidden else 3, y, n, draws=4000, seed=1)))
        assert np.allclose(drawn.std(axis=0), sd.numpy(), rtol=0.06)


def test_the_steps_are_those_of_the_stated_loss() -> None:
    """A learned rate over the curvature, along the slope of the loss by finite differences."""
    rng = np.random.default_rng(1)
    for steps in (1, 2, 5):
        prior = random_prior(rng, steps=steps)
        x, y, n = (z[0] for z in some_tasks(rng)[:3])
        delta = np.zeros(5)
        for _ in range(steps):
            ends = [
                [penalised(prior, x, y, n, delta + s * e) for s in (1e-5, -1e-5)] for e in np.eye(5)
            ]
            slope = -np.diff(ends)[:, 0] / 2e-5
            delta = delta - prior.rate * slope / curvature(prior, x, n, delta)
        expected = expit(prior.represent(x) @ (prior.head + delta))
        assert mean(prior.arms(x, y, n)) == pytest.approx(expected, rel=1e-6)


def test_without_steps_nothing_adapts() -> None:
    rng = np.random.default_rng(2)
    prior = random_prior(rng, steps=0)
    x, y, n, *_ = some_tasks(rng)
    assert same(prior.arms(x, y, n), prior.arms(x))
    assert mean(prior.arms(x)) == pytest.approx(expit(prior.represent(x) @ prior.head))
    assert not same(replace(prior, steps=1).arms(x, y, n), prior.arms(x))


def test_without_counts_it_is_the_start() -> None:
    prior = MetaPrior(**PLAIN, precision=np.array([4.0]), concentration=50.0)
    assert mean(prior.arms(3)) == pytest.approx(np.full(3, expit(-2.0)))
    assert same(prior.arms(3), prior.arms(3, np.zeros(3), np.zeros(3)))


def test_many_steps_reach_the_maximiser() -> None:
    rng = np.random.default_rng(3)
    for tau in (0.5, 4.0, 50.0):
        prior = MetaPrior(**PLAIN, precision=np.array([tau]), concentration=80.0, steps=40)
        _, y, n = (z[0] for z in some_tasks(rng, arms=4)[:3])
        found = minimize_scalar(
            lambda d, prior=prior, y=y, n=n: penalised(prior, 4, y, n, np.array([d])), (-1, 1)
        )
        assert logit(mean(prior.arms(4, y, n))) == pytest.approx(np.full(4, found.x - 2), abs=1e-6)


def test_tasks_at_once_are_as_each_alone() -> None:
    rng = np.random.default_rng(4)
    prior = random_prior(rng)
    x, y, n, *_ = some_tasks(rng)
    together, twice = prior.arms(x, y, n), prior.arms(x, np.stack([y, 0 * y]), np.stack([n, n]))
    for task in range(5):
        alone = prior.arms(x[task], y[task], n[task])
        for a, b, c in zip(together, alone, twice, strict=True):
            assert a[task] == pytest.approx(b) and c[0, task] == pytest.approx(b)


@pytest.mark.parametrize("steps", [0, 3])
def test_draws_have_the_stated_variance(steps: int) -> None:
    rng = np.random.default_rng(5)
    prior = random_prior(rng, steps=steps)
    x, y, n = (z[0] for z in some_tasks(rng)[:3])
    size, phi = 4000, prior.represent(x)
    got = logit(mean(prior.arms(x, y, n, draws=size, seed=6)))
    assert got.shape == (size, 3)
    middle = logit(mean(prior.arms(x, y, n)))
    h = prior.precision
    if steps:
        delta = np.linalg.lstsq(phi, middle - phi @ prior.head, rcond=None)[0]
        h = curvature(prior, x, n, delta)  # in which delta counts only by the arms' rates
    variance = (phi**2 / h).sum(axis=1)
    low, high = chi2.interval(1 - 1e-4, size)
    spread = ((got - middle) ** 2).sum(axis=0) / variance
    assert (low < spread).all() and (spread < high).all()


def test_arms_of_a_task_share_a_draw() -> None:
    prior = MetaPrior(**PLAIN, precision=np.array([4.0]), concentration=50.0)
    alpha, beta = prior.arms(3, np.zeros((2, 3)), np.zeros((2, 3)), draws=7, seed=1)
    assert alpha.shape == (7, 2, 3) and np.ptp(alpha, axis=2).max() == 0
    assert len(np.unique(alpha)) == 14  # but tasks and draws do not
    again = prior.arms(3, np.zeros((2, 3)), np.zeros((2, 3)), draws=7, seed=1)
    assert same((alpha, beta), again)


def test_outer_gradient_goes_through_the_steps() -> None:
    rng = np.random.default_rng(6)
    theta = parameters(random_prior(rng, hidden=2))
    x, y, n, later, coming = some_tasks(rng)
    arrays = (x, np.ones(y.shape), y, n, later, coming)
    data = [torch.tensor(z, dtype=torch.float64) for z in arrays]
    for value in theta.values():
        value.requires_grad_()
    inner.loss(theta, *data, steps=3).backward()
    for name, value in theta.items():
        assert value.grad is not None
        flat = value.data.view(-1)
        for j, mine in enumerate(value.grad.view(-1)):
            ends = []
            for step in (1e-5, -2e-5):
                flat[j] += step
                ends.append(inner.loss(theta, *data, steps=3).item())
            flat[j] += 1e-5
            assert mine.item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-8), (
                name
            )
    rate = theta["rate"]
    assert rate.grad is not None and abs(rate.grad.item()) > 1e-4


def test_outer_loss_is_that_of_the_future() -> None:
    """Up to the binomial coefficient, which no parameter changes; the integral by quadrature."""
    rng = np.random.default_rng(7)
    prior = random_prior(rng, hidden=0)
    x, y, n, later, coming = some_tasks(rng, size=2)
    data = [torch.tensor(z, dtype=torch.float64) for z in (x, y >= 0, y, n, later, coming)]
    total, kappa, grid = 0.0, prior.concentration, np.linspace(-8, 8, 2001)
    for t in range(2):
        middle = logit(mean(prior.arms(3, y[t], n[t]))[0])
        sd = curvature(prior, 3, n[t], np.array([middle]) - prior.head)[0] ** -0.5
        for got, seen, new, shown in zip(y[t], n[t], later[t], coming[t], strict=True):
            m = expit(middle + sd * grid)
            a, b = kappa * m + got, kappa * (1 - m) + seen - got
            total += np.log(trapezoid(betabinom.pmf(new, shown, a, b) * norm.pdf(grid), grid))
            total -= gammaln(shown + 1) - gammaln(new + 1) - gammaln(shown - new + 1)
    assert inner.loss(parameters(prior), *data, steps=3).item() == pytest.approx(-total / 6)


def test_padding_does_not_count() -> None:
    rng = np.random.default_rng(8)
    theta, blocks = parameters(random_prior(rng)), [(np.array([1]), np.array([[0, 1, 2]]))]
    rows = inner._padded([*blocks, (np.array([0, 2]), np.array([[4, 3], [6, 5]]))])
    assert rows.tolist() == [[4, 3, -1], [0, 1, 2], [6, 5, -1]]
    y, n, x = rng.integers(1, 40, 7), rng.integers(40, 200, 7), rng.normal(size=(7, 2))
    data = inner._split(y, n, x, rows, rng)
    together = inner.loss(theta, *data, steps=3).item()
    alone = 0.0
    for t, k in enumerate((2, 3, 2)):
        alone += k * inner.loss(theta, *(z[[t], :k] for z in data), steps=3).item()
    assert together == pytest.approx(alone / 7)


def test_a_split_keeps_every_trial_once() -> None:
    rng = np.random.default_rng(9)
    y, n = rng.integers(0, 100, 6000), rng.integers(100, 1000, 6000)
    rows = np.arange(6000).reshape(2000, 3)
    x, mask, got, seen, later, coming = (
        z.numpy() for z in inner._split(y, n, np.ones((6000, 1)), rows, rng)
    )
    assert np.array_equal(got + later, y[rows]) and np.array_equal(seen + coming, n[rows])
    assert (got >= 0).all() and (later >= 0).all() and (got <= seen).all()
    assert (seen <= n[rows] / 2).all() and x.all() and mask.all()
    assert 0.2 < (seen == 0).all(axis=1).mean() < 0.4  # a quarter on purpose, some by rounding
    score = got.sum() - (seen * y[rows] / n[rows]).sum()
    assert abs(score) < 4 * np.sqrt((seen * (y / n * (1 - y / n))[rows]).sum())


def world(
    size: int, rng: np.random.Generator, effect: float = 0.0, sd: float = SD
) -> tuple[np.ndarray, np.ndarray]:
    """Rates of three arms a task, whose mean varies between tasks, and a feature of each arm."""
    x = rng.normal(size=(size, 3, 1))
    m = expit(U + effect * x[..., 0] + sd * rng.normal(size=(size, 1)))
    return rng.beta(KAPPA * m, KAPPA * (1 - m)), x


def fit(rate: np.ndarray, rng: np.random.Generator, **options: Any) -> MetaPrior:
    n = rng.integers(300, 1500, rate.shape)
    y, task = rng.binomial(n, rate), np.repeat(np.arange(len(rate)), rate.shape[1])
    return fit_meta_prior(y.ravel(), n.ravel(), task=task, **options)


@pytest.fixture(scope="module")
def recovered() -> MetaPrior:
    rng = np.random.default_rng(10)
    return fit(world(2000, rng)[0], rng)


def test_recovers_the_hierarchy(recovered: MetaPrior) -> None:
    """Roughly, since the outer steps are noisy; but what is lost by that on new tasks is small."""
    assert recovered.head[0] == pytest.approx(U, abs=0.15)
    assert recovered.precision[0] ** -0.5 == pytest.approx(SD, rel=0.2)
    assert recovered.concentration == pytest.approx(KAPPA, rel=0.35)
    assert 0 < recovered.rate <= 1 and recovered.steps == 3 and recovered.body.shape == (0, 1)
    rng = np.random.default_rng(25)
    n = rng.integers(300, 1500, 9000)
    y, rows = rng.binomial(n, world(3000, rng)[0].ravel()), np.arange(9000).reshape(-1, 3)
    data = inner._split(y, n, np.empty((9000, 0)), rows, rng)
    truth = replace(recovered, head=np.array([U]), precision=np.array([SD**-2]))
    truth = replace(truth, concentration=KAPPA)
    mine, best, wrong = (
        inner.loss(parameters(prior), *data, steps=3).item()
        for prior in (recovered, truth, replace(truth, concentration=KAPPA / 2))
    )
    assert mine < best + 0.01 and wrong > best + 0.015


def test_a_new_arm_of_a_held_out_task(recovered: MetaPrior) -> None:
    """Two arms were seen; the third is guessed better than cold, or by any task's mean."""
    rng = np.random.default_rng(11)
    rate = world(500, rng)[0]
    n = np.full(rate.shape, [1000, 1000, 0])
    y = rng.binomial(n, rate)
    alpha, beta = recovered.arms(3, y, n)
    truth, guess = rate[:, 2], mean((alpha, beta))[:, 2]
    cold = np.full(500, 0.5)  # Beta(1, 1), which no other arm moves
    common = np.full(500, mean(recovered.arms(1))[0])
    for rival in (cold, common):
        gain = (rival - truth) ** 2 - (guess - truth) ** 2
        assert gain.mean() > 4 * gain.std() / np.sqrt(500)
    true = MetaPrior(np.empty((0, 1)), np.array([U]), np.array([SD**-2]), KAPPA, steps=40)
    ideal = mean(true.arms(3, y, n))[:, 2]
    assert ((guess - truth) ** 2).mean() < 1.05 * ((ideal - truth) ** 2).mean()


def test_posterior_of_a_new_arm_is_honest(recovered: MetaPrior) -> None:
    """Ranks of true rates among draws are uniform, if delta is drawn too."""
    rng = np.random.default_rng(12)
    rate = world(1000, rng)[0]
    n = np.full(rate.shape, [400, 50, 0])
    y = rng.binomial(n, rate)
    alpha, beta = recovered.arms(3, y, n, draws=99, seed=13)
    below = (rng.beta(alpha + y, beta + n - y) < rate).mean(axis=0)
    for arm in range(3):
        inside = ((below[:, arm] > 0.05) & (below[:, arm] < 0.95)).mean()
        assert inside == pytest.approx(0.9, abs=0.045)


def test_steps_help_where_tasks_differ(recovered: MetaPrior) -> None:
    rng = np.random.default_rng(10)
    fixed = fit(world(2000, rng)[0], rng, steps=0)
    assert fixed.steps == 0 and same(fixed.arms(2, [0, 60], [0, 600]), fixed.arms(2))
    rate = world(500, rng)[0]
    n = np.full(rate.shape, [500, 500, 0])
    y, later = rng.binomial(n, rate), rng.binomial(500, rate[:, 2])
    learnt, stiff = (
        betabinom.logpmf(later, 500, *(z[:, 2] for z in prior.arms(3, y, n)))
        for prior in (recovered, fixed)
    )
    gain = learnt - stiff
    assert gain.mean() > 4 * gain.std() / np.sqrt(500)


def test_a_feature_beats_a_shuffled_one_on_held_out_tasks() -> None:
    rng = np.random.default_rng(14)
    rate, x = world(300, rng, effect=0.8)
    later, new = world(2000, rng, effect=0.8)
    n = np.full(later.shape, 300)
    y = rng.binomial(n, later)
    scores = []
    for features in (x, rng.permutation(x.ravel())):
        options: dict[str, Any] = {"iterations": 150, "hidden": 4}
        counts = np.random.default_rng(15)
        prior = fit(rate, counts, features=features.reshape(-1, 1), **options)
        scores.append(betabinom.logpmf(y, n, *prior.arms(new)).sum(axis=1))
    gain = scores[0] - scores[1]
    assert gain.mean() > 4 * gain.std() / np.sqrt(2000)


def test_units_of_features_do_not_matter() -> None:
    rng = np.random.default_rng(16)
    rate, x = world(40, rng, effect=0.6)
    flat = np.column_stack([x.ravel(), rng.normal(size=120), np.ones(120)])
    options: dict[str, Any] = {"iterations": 10, "hidden": 3}
    base = fit(rate, np.random.default_rng(17), features=flat, **options)
    scale, shift = np.array([10, 0.1, 7]), np.array([5, -1, 0])
    moved = fit(rate, np.random.default_rng(17), features=flat * scale + shift, **options)
    assert mean(moved.arms(flat * scale + shift)) == pytest.approx(mean(base.arms(flat)), rel=1e-6)


def test_a_penalty_shrinks_weights() -> None:
    rng = np.random.default_rng(18)
    rate, x = world(40, rng, effect=0.6)
    size = []
    for penalty in (0.0, 10.0):
        options: dict[str, Any] = {"penalty": penalty, "iterations": 40, "hidden": 3}
        prior = fit(rate, np.random.default_rng(19), features=x.reshape(-1, 1), **options)
        size.append(np.abs(prior.head[1:]).sum())
    assert size[1] < size[0] / 2


@pytest.mark.parametrize("hidden", [0, 4])
def test_state_survives_json(hidden: int) -> None:
    rng = np.random.default_rng(20)
    prior = random_prior(rng, hidden)
    again = MetaPrior.from_state(json.loads(json.dumps(prior.state())))
    x, y, n, *_ = some_tasks(rng)
    arms: Any = x if hidden else 3
    assert same(again.arms(arms, y, n), prior.arms(arms, y, n))
    assert same(again.arms(arms, draws=3, seed=1), prior.arms(arms, draws=3, seed=1))
    assert (again.steps, again.rate) == (prior.steps, prior.rate)


def test_same_seed_same_prior() -> None:
    rng = np.random.default_rng(21)
    rate, x = world(30, rng)
    one, two, other = (
        fit(rate, np.random.default_rng(22), features=x.reshape(-1, 1), iterations=20, seed=seed)
        for seed in (1, 1, 2)
    )
    assert one.state() == two.state()
    assert one.head[0] != other.head[0]


def test_torch_keeps_its_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        fit_meta_prior([1] * 5, [9] * 5, task=range(5), iterations=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_bad_counts_and_options() -> None:
    def says(text: str, **changes: Any) -> None:
        given = {"successes": [1, 2, 3, 4, 5], "trials": [9] * 5, "task": [0, 1, 2, 3, 4]}
        with pytest.raises(ValueError) as error:
            fit_meta_prior(**given | changes)
        assert str(error.value) == text

    def row(name: str, rule: str, where: int, value: float) -> str:
        return f"column {name!r}: {rule}; first offending row: {where} (value {value!r})"

    says(row("successes", "must be in [0, inf)", 1, -2.0), successes=[1, -2, 3, 4, 5])
    says(row("successes", "must be whole numbers", 2, 1.5), successes=[1, 2, 1.5, 4, 5])
    says(row("successes", "must not exceed trials", 4, 10.0), successes=[1, 2, 3, 4, 10])
    says(row("trials", "must be in [1, inf)", 3, 0.0), trials=[9, 9, 9, 0, 9])
    says(row("trials", "must be whole numbers", 0, 9.5), trials=[9.5, 9, 9, 9, 9])
    says("column 'successes': needs some successes and some failures", successes=[0] * 5)
    says("column 'successes': must have one value for each of the 5 rows, got 2", successes=[1, 2])
    says("need at least 5 tasks, got 4", task=[0, 1, 2, 3, 3])
    missing = "column 'task': must not be missing; first offending row: 1 (value None)"
    says(missing, task=["a", None, "c", "d", "e"])
    says("column 'task': must have one value for each of the 5 rows, got 6", task=range(6))
    finite = row("feature 1", "must be finite (no NaN, no infinity)", 3, np.inf)
    says(finite, features=[[0, 1], [1, 2], [2, 3], [3, np.inf], [4, 5]])
    says("features must have shape (5, d), got (5,)", features=range(5))
    says("features must have shape (5, d), got (2, 2)", features=np.eye(2))
    says("steps must be at least 0, got -1", steps=-1)
    says("penalty must be at least 0, got -0.5", penalty=-0.5)
    says("penalty must be at least 0, got nan", penalty=np.nan)
    says("hidden must be at least 1, got 0", hidden=0)
    says("iterations must be at least 1, got 0", iterations=0)


def test_bad_arms() -> None:
    prior = random_prior(np.random.default_rng(23))
    cases: list[tuple[Any, tuple[int, ...]]] = [
        (np.ones((3, 4)), (3, 4)),
        (np.ones(2), (2,)),
        (3, ()),
    ]
    for arms, shape in cases:
        with pytest.raises(ValueError) as error:
            prior.arms(arms)
        assert str(error.value) == f"features must have shape (..., k, 2), got {shape}"
    with pytest.raises(ValueError) as error:
        MetaPrior(**PLAIN, precision=np.ones(1), concentration=9.0).arms(np.ones((3, 2)))
    assert str(error.value) == "the prior was fitted without features; give the number of arms"


def test_bad_state() -> None:
    state = random_prior(np.random.default_rng(24)).state()

    def says(text: str, **changes: Any) -> None:
        with pytest.raises(ValueError) as error:
            MetaPrior.from_state(state | changes)
        assert str(error.value) == text

    says("head must be finite numbers of shape (5,)", head=[1.0, 2.0])
    says("head must be finite numbers of shape (5,)", head=[1.0, 2.0, 3.0, 4.0, float("nan")])
    says("precision must be finite numbers of shape (5,)", precision=[1.0])
    says("precision must be finite numbers of shape (5,)", precision=[float("inf")] * 5)
    says("body must be finite numbers of shape (h, d + 1), got (3,)", body=[1.0, 2.0, 3.0])
    says("body must be finite numbers of shape (h, d + 1), got (1, 2)", body=[[1.0, float("inf")]])
    says("head must be finite numbers of shape (3,)", body=np.ones((2, 6)).tolist())
    says("concentration must be finite, got inf", concentration=float("inf"))
    says("rate must be finite, got nan", rate=float("nan"))
