"""GloVe-type vectors: weighted least squares on the log co-occurrence matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from ._inputs import as_tokens, at_least
from ._vectors import WordVectors

__all__ = ["glove"]


def cooccurrences(split: list[list[str]], window: int, min_count: int) -> tuple[list[str], Any]:
    """Words, most frequent first, and their symmetric counts, each pair weighted 1/distance."""
    from scipy.sparse import coo_array, csr_array

    counts = Counter(word for words in split for word in words)
    kept = [word for word, count in counts.items() if count >= min_count]
    kept.sort(key=lambda word: (-counts[word], word))
    rows = {word: row for row, word in enumerate(kept)}
    coded = [[rows[word] for word in words if word in rows] for words in split]
    code = np.array([row for codes in coded for row in codes], dtype=int)
    text = np.repeat(np.arange(len(coded)), [len(codes) for codes in coded])
    total = csr_array((len(kept), len(kept)))
    for distance in range(1, window + 1):
        same = text[:-distance] == text[distance:]
        left, right = code[:-distance][same], code[distance:][same]
        weight = np.full(len(left), 1 / distance)
        total = total + coo_array((weight, (left, right)), shape=total.shape).tocsr()
    return kept, (total + total.T).tocsr()


def _solve(counts: Any, weights: Any, other: np.ndarray, penalty: float) -> np.ndarray:
    """Best vector and bias (last column) of each row, given those of the columns."""
    width = other.shape[1]
    found = np.zeros_like(other)
    ridge = penalty * np.eye(width)
    for row in range(counts.shape[0]):
        span = slice(counts.indptr[row], counts.indptr[row + 1])
        columns, weight = counts.indices[span], weights[span]
        design = other[columns].copy()
        target = np.log(counts.data[span]) - design[:, -1]
        design[:, -1] = 1
        weighted = design.T * weight
        found[row] = np.linalg.solve(weighted @ design + ridge, weighted @ target)
    return found


def _loss(
    counts: Any, weights: np.ndarray, word: np.ndarray, context: np.ndarray, penalty: float
) -> float:
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    fit = np.einsum("nk,nk->n", word[rows, :-1], context[counts.indices, :-1])
    error = fit + word[rows, -1] + context[counts.indices, -1] - np.log(counts.data)
    return float(weights @ error**2 + penalty * ((word**2).sum() + (context**2).sum()))


def factorize(
    counts: Any,
    *,
    dimensions: int,
    most: float,
    penalty: float,
    sweeps: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Word side, context side (biases in the last column), and the loss after each sweep."""
    from threadpoolctl import threadpool_limits

    weights = np.minimum(counts.data / most, 1) ** 0.75
    shape = (counts.shape[0], dimensions + 1)
    context = rng.normal(0, dimensions**-0.5, size=shape)
    context[:, -1] = 0
    losses = []
    with threadpool_limits(1):  # the systems are small: threads would only wait for each other
        for _ in range(sweeps):
            word = _solve(counts, weights, context, penalty)
            context = _solve(counts, weights, word, penalty)  # the counts are symmetric
            losses.append(_loss(counts, weights, word, context, penalty))
    return word, context, losses


def glove(
    tokens: Iterable[Iterable[str]],
    *,
    dimensions: int = 50,
    window: int = 5,
    min_count: int = 2,
    most: float = 10.0,
    penalty: float = 0.1,
    sweeps: int = 15,
    seed: int | np.random.Generator = 0,
) -> WordVectors:
    r"""GloVe vectors, trained on the corpus by alternating least squares.

    .. math:: \min \sum_{ij:\,X_{ij} > 0} \min(1, X_{ij} / m)^{3/4}
              \left( w_i^\top c_j + b_i + d_j - \log X_{ij} \right)^2
              + \lambda \left( \lVert W \rVert^2 + \lVert C \rVert^2 + \lVert b \rVert^2
              + \lVert d \rVert^2 \right)

    with :math:`X_{ij}` how often word j stands near word i, each pair counted 1/distance. The
    vector of a word is :math:`w_i + c_i`. The loss is the published one but for the ridge
    :math:`\lambda`, which small corpora need. Each half-step is solved exactly, so there is no
    learning rate to set and the loss can only fall. Introduced in section 2.2.

    Parameters
    ----------
    tokens : iterable of iterables of str
        Words of each text; see `tokens`.
    dimensions : int
        Length of the vectors.
    window : int
        Largest distance of a context word.
    min_count : int
        Rarer words are left out before distances are counted.
    most : float
        m: counts from here on weigh 1. 100 in the paper, whose corpora have billions of words.
    penalty : float
        λ, above 0.
    sweeps : int
        Passes over both sides.
    seed : int or numpy.random.Generator
        For the start.

    Returns
    -------
    WordVectors

    Raises
    ------
    ValueError
        If no two frequent words meet, texts are not split, or an option is out of range.

    Notes
    -----
    Pennington, Socher and Manning (2014), "GloVe: Global Vectors for Word Representation",
    EMNLP.

    Examples
    --------
    >>> corpus = [["loud", "guitar", "solo"], ["soft", "piano", "solo"]] * 50
    >>> vectors = glove(corpus, dimensions=2)
    >>> vectors.words, vectors.vectors.shape
    (['solo', 'guitar', 'loud', 'piano', 'soft'], (5, 2))
    """
    for name, value in (("most", most), ("penalty", penalty)):
        if not value > 0:
            raise ValueError(f"{name} must be above 0, got {value}")
    split = as_tokens(tokens)
    words, counts = cooccurrences(
        split, at_least(window, "window", 1), at_least(min_count, "min_count", 1)
    )
    if counts.nnz == 0:
        raise ValueError(f"tokens: no two words that occur {min_count} times stand together")
    word, context, _ = factorize(
        counts,
        dimensions=at_least(dimensions, "dimensions", 1),
        most=most,
        penalty=penalty,
        sweeps=at_least(sweeps, "sweeps", 1),
        rng=np.random.default_rng(seed),
    )
    return WordVectors(words, (word + context)[:, :-1])
