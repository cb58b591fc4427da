"""`states`: what a model makes of a text inside, as vectors for other methods to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .. import _checks
from ._choose import check_prompts

if TYPE_CHECKING:
    from ._model import LanguageModel

__all__ = ["states"]

POOLS = ("mean", "last")


def states(
    self: LanguageModel,
    texts: str | Sequence[str],
    *,
    layer: int,
    pool: str = "mean",
    cache: str | None = None,
) -> np.ndarray:
    r"""Hidden states of a model that runs here, one vector for each text.

    With :math:`h_{lt}` the residual stream at token :math:`t` after layer :math:`l`, "mean" is
    :math:`\frac1n \sum_t h_{lt}` and "last" is :math:`h_{ln}`. A text is read as it is, without the
    chat template, after one start token; that token is not pooled, since models use it as a place
    to put what they do not need. Layers above ``layer`` are not computed: half the layers take half
    the time. Introduced in section 3.2.

    Parameters
    ----------
    texts : str or sequence of str
        At least one.
    layer : int
        From 1 to the number of layers. Those in the middle often serve other tasks best; the last
        ones prepare the next word.
    pool : {"mean", "last"}
        See above.
    cache : {"use", "refresh", "off"}, optional
        As chosen in `load` by default.

    Returns
    -------
    array of shape (n_texts, width), float32
        Rounded to three decimals, so that batches can't be told from single texts.

    Raises
    ------
    ValueError
        If a text is empty, ``pool`` is unknown or there is no such layer; `PromptTooLong`, with the
        number of tokens.
    TypeError
        If the model runs on a server, or a text is no text.
    ModelUnavailable
        If the model can't be had.

    Notes
    -----
    Skean, Arefin, Zhao, Patel, Naghiyev, LeCun and Shwartz-Ziv (2025), "Layer by Layer: Uncovering
    Hidden Representations in Language Models", ICML, for layers in the middle.

    Examples
    --------
    >>> from causalrec_utils import llm
    >>> llm.load().states(["a headline"], layer=8, pool="first")
    Traceback (most recent call last):
        ...
    ValueError: pool must be one of mean, last; got 'first'
    """
    found = check_prompts(texts)
    if not found:
        raise ValueError("texts: there is none")
    _checks.choice(pool, "pool", POOLS)
    if layer < 1:
        raise ValueError(f"layer must be at least 1, got {layer}")
    if self.endpoint:
        raise TypeError(f"{self.name} runs on a server: its states are not here")
    requests = [{"text": text, "layer": int(layer), "pool": pool} for text in found]
    return np.array(self.ask("states", requests, cache), dtype=np.float32)
