"""Word vectors, and Word2Vec on top of gensim."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ._inputs import as_tokens, at_least

__all__ = ["WordVectors", "word2vec"]


@dataclass(frozen=True)
class WordVectors:
    """A vector for each word of a corpus.

    Attributes
    ----------
    words : list of str
        Most frequent first.
    vectors : array of shape (n_words, dimensions)

    Examples
    --------
    >>> known = WordVectors(["a", "b", "c"], np.array([[1.0, 0], [1, 1], [0, 1]]))
    >>> known["b"].tolist(), "z" in known
    ([1.0, 1.0], False)
    """

    words: list[str]
    vectors: np.ndarray = field(repr=False)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    def __contains__(self, word: object) -> bool:
        return word in self._rows

    def __getitem__(self, word: str) -> np.ndarray:
        if word not in self._rows:
            raise KeyError(f"no vector for {word!r}; {len(self.words)} words have one")
        return self.vectors[self._rows[word]]

    def most_similar(
        self, like: str | Iterable[str], *, unlike: Iterable[str] = (), n: int = 10
    ) -> list[tuple[str, float]]:
        """Words nearest in angle to a word, or to a sum and difference of words.

        Parameters
        ----------
        like : str or iterable of str
            Words to be near to: their unit vectors are added.
        unlike : iterable of str
            Words whose unit vectors are taken off, for analogies.
        n : int
            How many.

        Returns
        -------
        list of (str, float)
            Word and cosine, nearest first, without the words asked about.

        Raises
        ------
        KeyError
            If a word has no vector.

        Examples
        --------
        >>> known = WordVectors(["a", "b", "c"], np.array([[1.0, 0], [1, 1], [0, 1]]))
        >>> [(word, round(cosine, 3)) for word, cosine in known.most_similar("a", n=1)]
        [('b', 0.707)]
        """
        plus, minus = [like] if isinstance(like, str) else list(like), list(unlike)
        unit = _unit(self.vectors)
        for word in [*plus, *minus]:
            self[word]  # names a word that has none
        target = sum(unit[self._rows[word]] for word in plus)
        target = target - sum(unit[self._rows[word]] for word in minus)
        cosine = unit @ _unit(np.atleast_2d(target))[0]
        asked = {self._rows[word] for word in [*plus, *minus]}
        order = [row for row in np.argsort(-cosine, kind="stable") if row not in asked]
        return [(self.words[row], float(cosine[row])) for row in order[:n]]

    def average(self, tokens: Iterable[Iterable[str]]) -> np.ndarray:
        """One vector a text: the mean over its known words.

        Parameters
        ----------
        tokens : iterable of iterables of str
            Words of each text.

        Returns
        -------
        array of shape (n_texts, dimensions)
            Zeros for a text with no known word.

        Examples
        --------
        >>> known = WordVectors(["a", "b"], np.array([[1.0, 0], [0, 1]]))
        >>> known.average([["a", "b", "new"], []]).tolist()
        [[0.5, 0.5], [0.0, 0.0]]
        """
        split = as_tokens(tokens)
        means = np.zeros((len(split), self.vectors.shape[1]))
        for row, words in enumerate(split):
            rows = [self._rows[word] for word in words if word in self._rows]
            if rows:
                means[row] = self.vectors[rows].mean(axis=0)
        return means


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def word2vec(
    tokens: Iterable[Iterable[str]],
    *,
    dimensions: int = 50,
    window: int = 5,
    min_count: int = 2,
    epochs: int = 20,
    seed: int | np.random.Generator = 0,
) -> WordVectors:
    r"""Skip-gram vectors with negative sampling, trained on the corpus by gensim.

    .. math:: \max \sum_{w, c} \log \sigma(v_w^\top u_c)
              + \sum_{k=1}^{5} \mathbb{E}_{c_k} \log \sigma(-v_w^\top u_{c_k})

    over words w and the words c around them, with drawn words :math:`c_k`. One thread, so that the
    same seed gives the same vectors. Introduced in section 2.2.

    Parameters
    ----------
    tokens : iterable of iterables of str
        Words of each text; see `tokens`.
    dimensions : int
        Length of the vectors.
    window : int
        Largest distance of a context word.
    min_count : int
        Rarer words are left out before windows are drawn.
    epochs : int
        Passes over the corpus. Small corpora need many.
    seed : int or numpy.random.Generator
        For the start and the drawn words.

    Returns
    -------
    WordVectors

    Raises
    ------
    ValueError
        If no word is frequent enough, texts are not split, or an option is below 1.

    Notes
    -----
    Mikolov, Sutskever, Chen, Corrado and Dean (2013), "Distributed Representations of Words
    and Phrases and their Compositionality", NIPS.

    Examples
    --------
    >>> corpus = [["loud", "guitar", "solo"], ["soft", "piano", "solo"]] * 50
    >>> vectors = word2vec(corpus, dimensions=8, epochs=5)
    >>> sorted(vectors.words), vectors.vectors.shape
    (['guitar', 'loud', 'piano', 'soft', 'solo'], (5, 8))
    """
    from gensim.models import Word2Vec

    split = as_tokens(tokens)
    try:
        model = Word2Vec(
            split,
            vector_size=at_least(dimensions, "dimensions", 1),
            window=at_least(window, "window", 1),
            min_count=at_least(min_count, "min_count", 1),
            epochs=at_least(epochs, "epochs", 1),
            sg=1,
            negative=5,
            workers=1,
            seed=int(np.random.default_rng(seed).integers(2**31)),
        )
    except RuntimeError as error:  # gensim's word for an empty vocabulary
        raise ValueError(f"tokens: no word occurs {min_count} times ({error})") from error
    return WordVectors(list(model.wv.index_to_key), model.wv.vectors.astype(float))
