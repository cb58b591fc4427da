"""Real covariates or real texts; treatment and outcome by known rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks
from ._world import (
    Seed,
    World,
    among,
    count,
    expose,
    exposure_logit,
    probit_effect,
    respond,
    standardised,
)

__all__ = ["semi_synthetic", "text_confounded"]


def _build(
    rng: np.random.Generator,
    data: pd.DataFrame,
    level: np.ndarray,
    modifier: np.ndarray,
    *,
    every: np.ndarray | None = None,
    effect: float = 0.5,
    heterogeneity: float = 0.0,
    confounding: float = 0.7,
    overlap: float = 1.0,
    outcome: str = "continuous",
    baseline: float = 0.0,
    noise: float = 1.0,
) -> World:
    """The data with treatment and outcome added; all columns of the data are confounders.

    ``every`` holds level and modifier of the population, where the rows are draws from it.
    """
    binary = _checks.choice(outcome, "outcome", ("continuous", "binary")) == "binary"
    placement = rng.normal(size=len(level))
    propensity, shown = expose(rng, exposure_logit(level, placement, confounding, overlap))
    mean, tau = baseline + level, effect + heterogeneity * modifier
    y0, y1 = respond(rng, mean, tau, binary, noise)
    cate = probit_effect(mean, tau) if binary else tau
    hidden = {"y0": y0, "y1": y1, "cate": cate, "propensity": propensity, "placement": placement}
    expected = cate
    if every is not None:
        expected = effect + heterogeneity * every
        expected = probit_effect(baseline + every, expected) if binary else expected
    truth = {"ate": float(expected.mean()), "att": among(cate, shown)}
    name = "clicked" if binary else "satisfaction"
    names = tuple(data.columns)
    data = data.assign(**{"shown": shown, name: np.where(shown, y1, y0)})
    return World(data, "shown", name, names, truth, pd.DataFrame(hidden, index=data.index))


def semi_synthetic(
    covariates: pd.DataFrame,
    *,
    seed: Seed,
    **options: Any,
) -> World:
    r"""Treatment and outcome on real covariates.

    .. math::

        e = \text{expit}\big((c\,a + \sqrt{1 - c^2}\,v) / \text{overlap}\big), \qquad
        Y(t) = \text{baseline} + a + t\,(\text{effect} + \text{heterogeneity} \cdot b)
               + \text{noise} \cdot \epsilon

    a and b are two random linear combinations of the standardised covariates, themselves
    standardised; v and :math:`\epsilon` are standard normal. A binary outcome is 1 where the
    continuous one, with noise 1, is above 0.

    Introduced in section 4.2.

    Parameters
    ----------
    covariates : DataFrame
        One row a unit; columns are numbers or booleans that vary.
    seed : int or Generator
        Seed of all draws, the combinations too.
    **options
        effect, heterogeneity (0 by default), confounding, overlap, outcome, baseline and noise, as
        in `confounded`.

    Returns
    -------
    World
        ``confounders`` are all covariates. The effects are those of these rows.

    Raises
    ------
    ValueError
        If a covariate is not finite, is constant, or bears a name that the world gives.

    Examples
    --------
    >>> users = pd.DataFrame({"age": [31, 25, 60, 44], "sessions": [3, 9, 1, 4]})
    >>> semi_synthetic(users, effect=0.5, seed=0).data.columns.tolist()
    ['age', 'sessions', 'shown', 'satisfaction']
    """
    if covariates.empty:
        raise ValueError("covariates must hold at least one row and one column")
    for name in covariates.columns.intersection(["shown", "satisfaction", "clicked"]):
        _checks.fail(name, "is a name that the world gives; rename the covariate")
    x = np.empty(covariates.shape)
    for j, name in enumerate(covariates):
        x[:, j] = standardised(_checks.numeric(covariates[name], str(name)))
        if not x[:, j].any():
            _checks.fail(str(name), "must vary")
    rng = np.random.default_rng(seed)
    level, modifier = (standardised(x @ rng.normal(size=x.shape[1])) for _ in range(2))
    return _build(rng, covariates, level, modifier, **options)


def text_confounded(
    texts: Iterable[str],
    attribute: Any,
    *,
    n: int | None = None,
    seed: Seed,
    **options: Any,
) -> World:
    r"""Texts of which one attribute drives both exposure and outcome; the analyst has the text.

    .. math::

        e = \text{expit}\big((c\,a + \sqrt{1 - c^2}\,v) / \text{overlap}\big), \qquad
        Y(t) = \text{baseline} + a + t\,(\text{effect} + \text{heterogeneity} \cdot a)
               + \text{noise} \cdot \epsilon

    with a the attribute, standardised over the texts. Whoever adjusts for a has no bias; whoever
    adjusts for what he reads out of the text has as much as his reading misses.

    Introduced in section 2.2.

    Parameters
    ----------
    texts : iterable of str
        Reviews, headlines, descriptions.
    attribute : array-like
        One number or boolean for each text, such as its sentiment, or whether it holds a number.
    n : int, optional
        Impressions to draw, with replacement, from the texts; by default each text comes once.
    seed : int or Generator
        Seed of all draws.
    **options
        As in `semi_synthetic`.

    Returns
    -------
    World
        ``data`` has ``text``, ``shown`` and the outcome, ``confounders`` is ``("text",)``. The
        standardised attribute is ``hidden["attribute"]``. ``ate`` is the mean over the texts given.

    Raises
    ------
    ValueError
        If lengths differ, a text is missing, or the attribute is not finite or does not vary.

    Notes
    -----
    The problem: Keith, Jensen and O'Connor, "Text and causal inference: a review of using text to
    remove confounding from causal estimates", ACL 2020.

    Examples
    --------
    >>> world = text_confounded(["7 tips", "A story", "9 facts"], [1, 0, 1], seed=0)
    >>> world.data.columns.tolist(), world.ate
    (['text', 'shown', 'satisfaction'], 0.5)
    """
    text = _checks.no_missing(np.asarray(list(texts), dtype=object), "texts")
    a = standardised(_checks.numeric(attribute, "attribute", n=len(text)))
    if not a.any():
        _checks.fail("attribute", "must vary")
    rng = np.random.default_rng(seed)
    rows = np.arange(len(text)) if n is None else rng.integers(len(text), size=count(n, "n"))
    table = pd.DataFrame({"text": text[rows]})
    world = _build(rng, table, a[rows], a[rows], every=a, **options)
    return replace(world, hidden=world.hidden.assign(attribute=a[rows]))
