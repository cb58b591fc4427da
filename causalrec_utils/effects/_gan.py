"""A generative adversarial network that fills in the outcome nobody saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ._inputs import Inputs
from ._model import EffectModel, read_training
from ._network import Mlp, one_thread, scaler

__all__ = ["counterfactual_gan"]


def counterfactual_gan(
    data: pd.DataFrame,
    treatment: str,
    outcome: str,
    features: str | Sequence[str],
    *,
    seed: int | np.random.Generator,
    width: int = 32,
    adversarial: float = 1.0,
    members: int = 5,
    steps: int = 1000,
) -> EffectModel:
    r"""Effects by a generator of counterfactuals and a generator of effects (GANITE).

    1. Generator :math:`G(x, t, y, z)`, with noise :math:`z`, proposes both outcomes. A
       discriminator sees :math:`x` and the pair with the real outcome put in its place, and guesses
       which of the two is real. :math:`G` reproduces the real one and fools the discriminator:

       .. math:: \min_G \max_D \; (y - G_t)^2 + \alpha \, [t \log D + (1 - t) \log(1 - D)]

    2. With the table so completed, :math:`I(x, z)` learns to draw both outcomes from features
       alone, by squared error and against a second discriminator that tells its pairs from the
       completed ones. The effect is the mean of :math:`I_1 - I_0` over noise.

    Nothing but the discriminator judges the unseen outcome, and its balance with the generator is
    hard to strike: expect worse effects than from `effect_network`, and compare by data, not faith.

    Introduced in section 3.2.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit.
    treatment, outcome : str
        Columns: 0 or 1, and a number.
    features : str or sequence of str
        Columns of numbers: what effects depend on, and all that confounds.
    seed : int or numpy.random.Generator
        For weights, batches and noise. The same seed gives the same model on the same machine.
    width : int
        Units of each of two hidden layers in all four networks.
    adversarial : float
        :math:`\alpha`, the discriminators' weight; 0 leaves squared error alone.
    members : int
        Networks that are trained apart and averaged.
    steps : int
        Batches for each of the two stages.

    Returns
    -------
    EffectModel
        With ``effect`` and ``ate``. A GAN has no valid interval for one row's effect.

    Raises
    ------
    ValueError
        A column that is missing, not numeric or not finite; a treatment that is not 0 or 1 or has
        one arm, or an arm with fewer than 20 rows; an option below its smallest value.

    Notes
    -----
    Yoon, Jordon, van der Schaar (2018), "GANITE: estimation of individualized treatment effects
    using generative adversarial nets", ICLR.

    Examples
    --------
    >>> from causalrec_utils import effects, simulate
    >>> world = simulate.confounded(400, seed=0)
    >>> model = effects.counterfactual_gan(world.data, "shown", "satisfaction", world.confounders,
    ...                                    seed=0, steps=20)
    >>> model.effect(world.data).shape
    (400,)
    """
    if min(width, members, steps) < 1 or adversarial < 0:
        raise ValueError(
            "width, members and steps must be at least 1 and adversarial at least 0; got "
            f"{width}, {members}, {steps} and {adversarial}"
        )
    inputs, names = read_training(data, treatment, outcome, features)
    number = int(np.random.default_rng(seed).integers(2**31))
    effect = fit_gan(inputs, number, width, adversarial, members, steps)
    return EffectModel(inputs, names, "gan", effect, seed=number)


def fit_gan(
    d: Inputs, seed: int, width: int, alpha: float, members: int, steps: int, batch: int = 128
) -> Callable[[np.ndarray], np.ndarray]:
    """The effect as a function of features."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

    generator = torch.Generator().manual_seed(seed)
    tensor, centre, spread = scaler(d.x), d.y.mean(), float(d.y.std()) or 1.0
    x, t = tensor(d.x), torch.tensor(d.t, dtype=torch.float32)[:, None]
    y = torch.tensor((d.y - centre) / spread, dtype=torch.float32)[:, None]
    size = x.shape[1]

    def net(n_in: int, n_out: int) -> tuple[Mlp, torch.optim.Optimizer]:
        made = Mlp([n_in, width, width, n_out], members, generator)
        return made, torch.optim.Adam(made.weights, lr=1e-3, betas=(0.5, 0.999))

    def noise(n: int) -> torch.Tensor:
        return torch.randn(members, n, 1, generator=generator)

    def join(*parts: torch.Tensor) -> torch.Tensor:
        return torch.cat([p.expand(members, *p.shape[-2:]) for p in parts], dim=-1)

    def update(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        optimizer.zero_grad()
        (members * loss).backward()  # as if each member had a mean loss of its own
        optimizer.step()

    def completed(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the generator says, and the same with the real outcome in its place."""
        out = fill(join(x[rows], t[rows], y[rows], noise(len(rows))))
        real = torch.cat([1 - t[rows], t[rows]], dim=-1)
        return out, real * y[rows] + (1 - real) * out

    def batches() -> torch.Tensor:
        return torch.randint(d.n, (steps, batch), generator=generator)

    fill, fill_step = net(size + 3, 2)
    judge, judge_step = net(size + 2, 1)
    draw, draw_step = net(size + 1, 2)
    critic, critic_step = net(size + 2, 1)
    with one_thread():
        for rows in batches():
            which = t[rows].expand(members, -1, 1)
            pair = completed(rows)[1].detach()
            update(judge_step, cross_entropy(judge(join(x[rows], pair)), which))
            out, pair = completed(rows)
            own = torch.where(t[rows] > 0, out[..., 1:], out[..., :1])
            fooled = cross_entropy(judge(join(x[rows], pair)), which)
            update(fill_step, ((own - y[rows]) ** 2).mean() - alpha * fooled)
        for rows in batches():
            pair = completed(rows)[1].detach()
            fake = draw(join(x[rows], noise(batch)))
            told = critic(join(x[rows], pair))
            untold = critic(join(x[rows], fake.detach()))
            ones, zeros = torch.ones_like(told), torch.zeros_like(untold)
            update(critic_step, cross_entropy(told, ones) + cross_entropy(untold, zeros))
            passed = cross_entropy(critic(join(x[rows], fake)), ones)
            update(draw_step, ((fake - pair) ** 2).mean() + alpha * passed)

    z = torch.randn(20, 1, 1, generator=generator)

    def effect(rows: np.ndarray) -> np.ndarray:
        features = tensor(rows)
        total = np.zeros(len(rows))
        with torch.no_grad():
            for value in z:
                out = draw(join(features, value.expand(len(rows), 1)))
                total += (out[..., 1] - out[..., 0]).mean(0).double().numpy()
        return total / len(z) * spread

    return effect
