"""The outer loop of `fit_meta_prior`, in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

BATCH, EVERY, HELD_OUT, LEARNING_RATE = 128, 20, 0.2, 0.03

_nodes, _weights = np.polynomial.hermite_e.hermegauss(7)
NODES = torch.tensor(_nodes)
LOG_WEIGHTS = torch.tensor(np.log(_weights / _weights.sum()))


def train(*arguments: Any) -> dict[str, Any]:
    """Parts of the `MetaPrior` that does best on held-out tasks; see `_train`."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the arrays are small: threads would only wait for each other
    try:
        return _train(*arguments)
    finally:
        torch.set_num_threads(threads)


def _train(
    y: np.ndarray,
    n: np.ndarray,
    x: np.ndarray,
    blocks: list[tuple[np.ndarray, np.ndarray]],
    start: tuple[float, int, int],
    penalty: float,
    iterations: int,
    seed: int,
) -> dict[str, Any]:
    mean, hidden, steps = start
    rng = np.random.default_rng(seed)
    rows = _padded(blocks)
    order = rng.permutation(len(rows))
    cut = max(1, round(HELD_OUT * len(rows)))
    held, learn = rows[order[:cut]], rows[order[cut:]]
    theta = _initial(mean, hidden, x.shape[1], rng)
    optimiser = torch.optim.Adam(theta.values(), lr=LEARNING_RATE)
    judge = _split(y, n, x, held, rng)
    best, best_loss = {}, np.inf
    for i in range(iterations + 1):
        if i % EVERY == 0 or i == iterations:
            with torch.no_grad():
                now = loss(theta, *judge, steps=steps).item()
            if now < best_loss:
                best_loss, best = now, {k: v.detach().clone() for k, v in theta.items()}
        batch = learn[rng.choice(len(learn), min(BATCH, len(learn)), replace=False)]
        value = loss(theta, *_split(y, n, x, batch, rng), steps=steps)
        if hidden:
            size = (theta["body"] ** 2).sum() + (theta["head"][1:] ** 2).sum()
            value = value + penalty * size
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    kappa, rate = float(best["kappa"].exp()), float(torch.sigmoid(best["rate"]))
    parts = {"body": best["body"].numpy(), "head": best["head"].numpy()}
    parts |= {"precision": best["precision"].exp().numpy(), "concentration": kappa}
    return parts | {"rate": rate, "held_out": -best_loss}


def _initial(mean: float, hidden: int, d: int, rng: np.random.Generator) -> dict[str, Any]:
    body = np.column_stack([rng.normal(size=(hidden, d)) / np.sqrt(max(d, 1)), np.zeros(hidden)])
    head = np.concatenate([[np.log(mean / (1 - mean))], 0.1 * rng.normal(size=hidden)])
    tau = np.full(hidden + 1, np.log(10.0))
    values: dict[str, Any] = {"body": body, "head": head, "precision": tau}
    values |= {"kappa": -np.log(min(mean, 1 - mean)), "rate": 2.0}
    return {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in values.items()}


def _padded(blocks: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Rows of each task's arms, filled up with -1."""
    widest = max(rows.shape[1] for _, rows in blocks)
    out = np.full((sum(len(tasks) for tasks, _ in blocks), widest), -1)
    for tasks, rows in blocks:
        out[tasks, : rows.shape[1]] = rows
    return out


def _split(
    y: np.ndarray, n: np.ndarray, x: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> tuple[torch.Tensor, ...]:
    """Features, mask, and counts of what has been seen and of what is to come."""
    rows = rows[:, : (rows >= 0).sum(axis=1).max()]
    mask = rows >= 0
    share = np.exp(rng.uniform(np.log(0.005), np.log(0.5), len(rows)))
    share *= rng.random(len(rows)) > 0.25  # a quarter of the tasks: nothing seen yet
    # Bandits do not play arms evenly.
    part = share[:, None] * rng.random(rows.shape)
    total, good = np.where(mask, n[rows], 0).astype(int), np.where(mask, y[rows], 0).astype(int)
    seen = np.floor(part * total).astype(int)
    got = rng.hypergeometric(good, total - good, seen)
    arrays = (x[rows] * mask[..., None], mask, got, seen, good - got, total - seen)
    return tuple(torch.as_tensor(np.asarray(a, float)) for a in arrays)


def loss(
    theta: dict[str, torch.Tensor],
    x: torch.Tensor,
    mask: torch.Tensor,
    got: torch.Tensor,
    seen: torch.Tensor,
    later: torch.Tensor,
    coming: torch.Tensor,
    *,
    steps: int,
) -> torch.Tensor:
    """Mean over arms of minus the log-likelihood of what is to come, given what was seen."""
    kappa = theta["kappa"].exp()
    logit, sd = adapt(theta, x, got, seen, steps)
    real = mask > 0  # padding would cost more than half of the time
    logit, sd, got, seen, later, coming = (z[real] for z in (logit, sd, got, seen, later, coming))
    m = torch.sigmoid(logit + sd * NODES[:, None])
    a, b = kappa * m + got, kappa * (1 - m) + seen - got
    each = _betaln(a + later, b + coming - later) - _betaln(a, b)
    return -torch.logsumexp(each + LOG_WEIGHTS[:, None], dim=0).mean()


def adapt(
    theta: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor, n: torch.Tensor, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logit of each arm's prior mean after the inner steps, and its sd; as `MetaPrior.arms`."""
    body, head, tau = theta["body"], theta["head"], theta["precision"].exp()
    kappa, rate = theta["kappa"].exp(), torch.sigmoid(theta["rate"])
    phi = torch.ones((*y.shape, 1), dtype=y.dtype)
    if len(body):
        phi = torch.cat([phi, torch.tanh(x @ body[:, :-1].T + body[:, -1])], dim=-1)
    c = (kappa + 1) / (kappa + n)
    base, y, n = phi @ head, c * y, c * n
    delta, bend = torch.zeros((len(y), 1, len(head)), dtype=y.dtype), tau
    for step in range(steps + 1):
        m = torch.sigmoid(base + (delta * phi).sum(dim=-1))
        bend = tau + ((n * m * (1 - m))[..., None] * phi**2).sum(dim=1, keepdim=True)
        if step < steps:
            slope = ((n * m - y)[..., None] * phi).sum(dim=1, keepdim=True) + tau * delta
            delta = delta - rate * slope / bend
    variance = (phi**2 / (bend if steps else tau)).sum(dim=-1)
    return base + (delta * phi).sum(dim=-1), variance.sqrt()


def _betaln(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
