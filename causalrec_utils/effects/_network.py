"""An effect network: one shared representation, a head for each arm, a propensity head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from ._inputs import Inputs
from ._model import EffectModel, read_training

__all__ = ["effect_network"]

EVERY = 25  # steps between two looks at the held-out loss
WATCHED = 10_000  # rows that it is computed on, at most


def effect_network(
    data: pd.DataFrame,
    treatment: str,
    outcome: str,
    features: str | Sequence[str],
    *,
    seed: int | np.random.Generator,
    width: int = 64,
    propensity_weight: float = 1.0,
    members: int = 5,
    steps: int = 3000,
) -> EffectModel:
    r"""Effects by a neural network that learns both arms and the propensity as related tasks.

    A representation :math:`\Phi(x)` is shared by three heads and trained on

    .. math::
        \sum_i w_{t_i} (y_i - h_{t_i}(\Phi(x_i)))^2
        + \alpha \sum_i \text{cross-entropy}(t_i, g(\Phi(x_i)))

    where :math:`w` gives both arms the same weight. The effect is :math:`h_1 - h_0`. Multi-task
    learning in both senses: the arms lend each other rows, and the propensity head keeps in the
    representation what confounds. (Without that head it is TARNet; with it, Dragonnet without
    targeted regularisation.)

    Introduced in section 2.2.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit.
    treatment, outcome : str
        Columns: 0 or 1, and a number.
    features : str or sequence of str
        Columns of numbers: what effects depend on, and all that confounds.
    seed : int or numpy.random.Generator
        For folds, weights and batches. The same seed gives the same model on the same machine.
    width : int
        Units of each hidden layer: two shared ones, and one in the head of each arm.
    propensity_weight : float
        :math:`\alpha`; 0 gives TARNet.
    members : int
        Networks that are averaged. Each leaves out another part of the rows and stops where its
        factual loss there is smallest.
    steps : int
        Most batches of 128 rows; training stops earlier once held-out losses no longer fall.

    Returns
    -------
    EffectModel
        With ``effect`` and ``ate``. A network has no valid interval for one row's effect.

    Raises
    ------
    ValueError
        A column that is missing, not numeric or not finite; a treatment that is not 0 or 1 or has
        one arm, or an arm with fewer than 20 rows; an option below its smallest value.

    Notes
    -----
    Shalit, Johansson, Sontag (2017), "Estimating individual treatment effect: generalization
    bounds and algorithms", ICML. Shi, Blei, Veitch (2019), "Adapting neural networks for the
    estimation of treatment effects", NeurIPS.

    Examples
    --------
    >>> from causalrec_utils import effects, simulate
    >>> world = simulate.confounded(400, seed=0)
    >>> model = effects.effect_network(world.data, "shown", "satisfaction", world.confounders,
    ...                                seed=0, steps=50)
    >>> model.effect(world.data).shape
    (400,)
    """
    if width < 1 or members < 2 or steps < 1 or propensity_weight < 0:
        raise ValueError(
            "width and steps must be at least 1, members at least 2 and propensity_weight at "
            f"least 0; got {width}, {steps}, {members} and {propensity_weight}"
        )
    inputs, names = read_training(data, treatment, outcome, features)
    number = int(np.random.default_rng(seed).integers(2**31))
    effect = fit_network(
        inputs, number, width=width, alpha=propensity_weight, members=members, steps=steps
    )
    return EffectModel(inputs, names, "network", effect, seed=number)


@contextmanager
def one_thread() -> Iterator[None]:
    """Networks this small lose more to waiting threads than they gain."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def scaler(x: np.ndarray) -> Callable[[np.ndarray], Any]:
    """To tensors with mean 0 and variance 1 over the training rows."""
    import torch

    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return lambda rows: torch.tensor((rows - mean) / spread, dtype=torch.float32)


class Mlp:
    """The same multi-layer network ``members`` times, each with weights of its own.

    Input (n, d) or (members, n, d), output (members, n, last size).
    """

    def __init__(self, sizes: Sequence[int], members: int, generator: Any) -> None:
        import torch

        self.members = members
        self.weights = []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            weight = torch.randn(members, n_in, n_out, generator=generator) / n_in**0.5
            self.weights += [weight.requires_grad_()]
            self.weights += [torch.zeros(members, 1, n_out, requires_grad=True)]

    def __call__(self, x: Any) -> Any:
        import torch

        z = x.expand(self.members, *x.shape[-2:])
        for i in range(0, len(self.weights), 2):
            z = torch.nn.functional.elu(z) if i else z
            z = torch.baddbmm(self.weights[i + 1], z, self.weights[i])
        return z


def fit_network(
    d: Inputs,
    seed: int,
    *,
    width: int = 64,
    alpha: float = 1.0,
    members: int = 5,
    steps: int = 3000,
    batch: int = 128,
    patience: int = 10,
) -> Callable[[np.ndarray], np.ndarray]:
    """The effect as a function of features. All members train at once, as one batched network."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
    from torch.nn.functional import elu

    from ._nuisance import assign_folds

    generator = torch.Generator().manual_seed(seed)
    tensor, centre, spread = scaler(d.x), d.y.mean(), float(d.y.std()) or 1.0
    x, t = tensor(d.x), torch.tensor(d.t, dtype=torch.float32)
    y = torch.tensor((d.y - centre) / spread, dtype=torch.float32)
    balance = torch.where(t > 0, 0.5 / t.mean(), 0.5 / (1 - t.mean()))
    fold = assign_folds(d.t, None, members, np.random.default_rng(seed))
    held_out = torch.tensor(fold == np.arange(members)[:, None], dtype=torch.float32)

    base = Mlp([x.shape[1], width, width], members, generator)
    heads = [Mlp([width, *layers, 1], members, generator) for layers in ([width], [width], [])]
    weights = [p for net in (base, *heads) for p in net.weights]

    def forward(rows: Any) -> list[Any]:
        shared = elu(base(rows))
        return [head(shared)[..., 0] for head in heads]

    def factual(rows: Any) -> tuple[Any, Any]:
        y0, y1, logit = forward(x[rows])
        error = balance[rows] * (y[rows] - torch.where(t[rows] > 0, y1, y0)) ** 2
        return error, logit

    optimizer = torch.optim.AdamW(weights, lr=3e-3, weight_decay=0.1)
    best, kept, since = torch.full((members,), torch.inf), [p.detach().clone() for p in weights], 0
    watched = torch.randperm(d.n, generator=generator)[:WATCHED]
    with one_thread():
        for step in range(1, steps + 1):
            rows = torch.randint(d.n, (batch,), generator=generator)
            error, logit = factual(rows)
            entropy = cross_entropy(logit, t[rows].expand_as(logit), reduction="none")
            use = 1 - held_out[:, rows]
            loss = ((error + alpha * entropy) * use).sum(1) / use.sum(1).clamp(min=1)
            optimizer.zero_grad()
            loss.sum().backward()
            optimizer.step()
            if step % EVERY and step < steps:
                continue
            with torch.no_grad():
                use = held_out[:, watched]
                loss = (factual(watched)[0] * use).sum(1) / use.sum(1)
                better = loss < best
                best = torch.where(better, loss, best)
                for old, new in zip(kept, weights, strict=True):
                    old[better] = new[better]
            since = 0 if bool(better.any()) else since + 1
            if since >= patience:
                break
    with torch.no_grad():
        for old, new in zip(kept, weights, strict=True):
            new.copy_(old)

    def effect(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            y0, y1, _ = forward(tensor(rows))
            return (y1 - y0).mean(0).double().numpy() * spread

    return effect
