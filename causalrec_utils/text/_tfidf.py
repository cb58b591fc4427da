"""Term weights: scikit-learn's TF-IDF on the tokens of this package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._inputs import as_texts, at_least
from ._words import stop_words, tokens

__all__ = ["Tfidf", "tfidf"]


@dataclass(frozen=True)
class Tfidf:
    """Term weights of the texts that they were fitted on, and of new ones.

    Attributes
    ----------
    matrix : scipy.sparse.csr_matrix of shape (n_texts, n_terms)
        Rows of length 1 (or 0, for a text with no known term).
    terms : array of str
        Term of each column, sorted.
    """

    matrix: Any = field(repr=False)
    terms: np.ndarray
    _vectorizer: Any = field(repr=False)

    def transform(self, texts: Iterable[str]) -> Any:
        """Weights of other texts, with the terms and document frequencies of the fitted ones.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        scipy.sparse.csr_matrix of shape (n_texts, n_terms)

        Examples
        --------
        >>> tfidf(["new album", "old song"], min_texts=1).transform(["album", "unseen"]).nnz
        1
        """
        return self._vectorizer.transform(as_texts(texts))


def tfidf(
    texts: Iterable[str],
    *,
    language: str = "en",
    drop_stop_words: bool = True,
    longest: int = 1,
    min_texts: int = 2,
    max_terms: int | None = None,
) -> Tfidf:
    r"""Weight of each term in each text: how often it is here, times how rare it is elsewhere.

    .. math:: w_{dt} \propto n_{dt} \left( 1 + \log \frac{1 + N}{1 + N_t} \right),
              \qquad \lVert w_d \rVert = 1

    with :math:`n_{dt}` the count of term t in text d, and :math:`N_t` of N texts that have it. Fit
    on training texts only; use ``transform`` for the others. Introduced in section 2.2.

    Parameters
    ----------
    texts : iterable of str
        Training texts.
    language : {"en", "zh"}
        See `tokens`.
    drop_stop_words : bool
        Leave out the words of `stop_words`.
    longest : int
        Longest run of words that is a term; 2 adds pairs.
    min_texts : int
        Terms in fewer texts are left out.
    max_terms : int, optional
        Keep this many, the most frequent ones.

    Returns
    -------
    Tfidf

    Raises
    ------
    ValueError
        If no term is left, an element is not text, or an option is out of range.

    Notes
    -----
    Salton and Buckley (1988), "Term-weighting approaches in automatic text retrieval",
    Information Processing & Management; smoothed as in scikit-learn.

    Examples
    --------
    >>> weights = tfidf(["a great album", "a great song", "an old song"])
    >>> weights.terms.tolist(), weights.matrix.shape
    (['great', 'song'], (3, 2))
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = as_texts(texts)
    stop_words(language)  # refuses an unknown language before the work starts

    def split(text: str) -> list[str]:
        return tokens([text], language, drop_stop_words=drop_stop_words)[0]

    vectorizer = TfidfVectorizer(
        tokenizer=split,
        token_pattern=None,
        lowercase=False,  # tokens are in lower case already
        ngram_range=(1, at_least(longest, "longest", 1)),
        min_df=at_least(min_texts, "min_texts", 1),
        max_features=max_terms,
    )
    try:
        matrix = vectorizer.fit_transform(found)
    except ValueError as error:
        raise ValueError(f"texts: no term is left with min_texts={min_texts} ({error})") from error
    return Tfidf(matrix, vectorizer.get_feature_names_out(), vectorizer)
