"""TF-IDF, Word2Vec and GloVe on corpora whose structure is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from causalrec_utils.text import WordVectors, _glove, glove, tfidf, word2vec

TOPICS = {
    "music": ["guitar", "drums", "album", "singer", "chorus", "melody"],
    "food": ["bread", "cheese", "soup", "kitchen", "recipe", "oven"],
    "sea": ["ship", "harbour", "sailor", "wave", "anchor", "storm"],
}
# Who appears near what: each person has one word of its role and one of its sex.
PEOPLE = {
    "king": ("rule", "he"), "queen": ("rule", "she"), "actor": ("stage", "he"),
    "actress": ("stage", "she"), "waiter": ("table", "he"), "waitress": ("table", "she"),
}  # fmt: skip
NEAR = {
    "rule": ["crown", "throne", "palace"],
    "stage": ["drama", "play", "theatre"],
    "table": ["plate", "menu", "kitchen"],
    "he": ["he", "his", "him"],
    "she": ["she", "her", "hers"],
}


@pytest.fixture(scope="module")
def by_topic() -> list[list[str]]:
    rng = np.random.default_rng(1)
    filler = ["the", "a", "of", "and"]
    texts = []
    for _ in range(600):
        words = TOPICS[str(rng.choice(list(TOPICS)))]
        texts.append([str(w) for w in rng.choice(words + filler, size=10)])
    return texts


@pytest.fixture(scope="module")
def people() -> list[list[str]]:
    rng = np.random.default_rng(2)
    texts = []
    for _ in range(3000):
        person = str(rng.choice(list(PEOPLE)))
        role, sex = PEOPLE[person]
        words = [person, *rng.choice(NEAR[role], 2), *rng.choice(NEAR[sex], 2)]
        texts.append([str(word) for word in rng.permutation(words)])
    return texts


MAKERS = [
    pytest.param(lambda t: glove(t, dimensions=8), id="glove"),
    pytest.param(lambda t: word2vec(t, dimensions=16, epochs=30), id="word2vec"),
]


@pytest.mark.parametrize("make", MAKERS)
def test_neighbours_share_the_topic(make: object, by_topic: list[list[str]]) -> None:
    vectors = make(by_topic)
    right = [
        near in words
        for words in TOPICS.values()
        for word in words
        for near, _ in vectors.most_similar(word, n=3)
    ]
    # by chance 5 of the 21 other words
    assert np.mean(right) > 0.9


@pytest.mark.parametrize("make", MAKERS)
def test_analogies(make: object, people: list[list[str]]) -> None:
    vectors = make(people)
    names = set(PEOPLE)
    pairs = [("king", "queen"), ("actor", "actress"), ("waiter", "waitress")]
    right = []
    for he, she in pairs:
        for other_he, other_she in pairs:
            if he != other_he:
                order = vectors.most_similar([other_he, she], unlike=[he], n=len(vectors.words))
                right.append(next(word for word, _ in order if word in names) == other_she)
    assert all(right)


def test_shuffled_words_have_no_topics(by_topic: list[list[str]]) -> None:
    words = np.array([word for text in by_topic for word in text])
    np.random.default_rng(0).shuffle(words)
    vectors = glove(words.reshape(-1, 10).tolist(), dimensions=8)
    right = [
        near in group
        for group in TOPICS.values()
        for word in group
        for near, _ in vectors.most_similar(word, n=3)
    ]
    assert np.mean(right) < 0.5


def test_cooccurrences_by_hand() -> None:
    words, counts = _glove.cooccurrences([["a", "b", "rare", "a"], ["b"]], window=2, min_count=2)
    assert words == ["a", "b"]
    # "rare" goes first, so: a b a. a-b twice at distance 1, a-a once at distance 2, both ways.
    assert counts.toarray().tolist() == [[1.0, 2.0], [2.0, 0.0]]


def test_windows_end_with_the_text() -> None:
    _, counts = _glove.cooccurrences([["a"], ["b"], ["a", "a"], ["b", "b"]], 5, 1)
    assert counts.toarray().tolist() == [[2.0, 0.0], [0.0, 2.0]]


def test_glove_loss_only_falls_and_ends_flat(by_topic: list[list[str]]) -> None:
    _, counts = _glove.cooccurrences(by_topic[:60], 5, 1)
    assert (counts.data < 10).mean() > 0.5  # or the weights would not matter
    options = dict(dimensions=4, most=10.0, penalty=0.1, rng=np.random.default_rng(0))
    word, context, losses = _glove.factorize(counts, sweeps=60, **options)
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()
    weights = np.minimum(counts.data / 10, 1) ** 0.75

    def loss(context: np.ndarray) -> float:
        return _glove._loss(counts, weights, word, context.reshape(word.shape), 0.1)

    # the last half-step is an exact minimum over the context side, so its gradient is zero
    slope = check_grad(loss, lambda x: np.zeros_like(x), context.ravel())
    off = check_grad(loss, lambda x: np.zeros_like(x), context.ravel() * 1.01)
    assert slope < 1e-3 * off


def test_glove_recovers_a_matrix_of_low_rank() -> None:
    rng = np.random.default_rng(3)
    n, rank = 30, 3
    half = rng.normal(0, 0.5, (n, rank))
    bias = rng.normal(0, 0.3, n)
    target = half @ half.T + bias[:, None] + bias
    from scipy.sparse import csr_array

    word, context, _ = _glove.factorize(
        csr_array(np.exp(target)), dimensions=rank, most=1e-9, penalty=1e-6, sweeps=200, rng=rng
    )
    fit = word[:, :-1] @ context[:, :-1].T + word[:, -1:] + context[:, -1]
    assert np.abs(fit - target).max() < 0.01


@pytest.mark.parametrize("make", [glove, word2vec])
def test_same_seed_same_vectors(make: object, by_topic: list[list[str]]) -> None:
    few = by_topic[:100]
    a, b, c = (make(few, dimensions=4, seed=seed) for seed in (1, 1, 2))
    assert a.words == b.words
    np.testing.assert_array_equal(a.vectors, b.vectors)
    assert not np.allclose(a.vectors, c.vectors)


@pytest.mark.parametrize("make", [glove, word2vec])
def test_bad_input(make: object) -> None:
    with pytest.raises(ValueError, match=r"column 'tokens': must be a list of words .* row: 1 "):
        make([["a", "b"], "not split"])
    with pytest.raises(ValueError, match="tokens: no .*2 times"):
        make([["a", "b"]])
    with pytest.raises(ValueError, match="dimensions must be a whole number of at least 1, got 0"):
        make([["a", "b"]] * 3, dimensions=0)


def test_glove_options_must_be_positive() -> None:
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        glove([["a", "b"]] * 3, penalty=0)


def test_word_vectors() -> None:
    vectors = WordVectors(["x", "y", "z"], np.array([[2.0, 0], [3, 0.1], [0, 5]]))
    assert "x" in vectors and "w" not in vectors
    assert [word for word, _ in vectors.most_similar("x")] == ["y", "z"]
    assert vectors.most_similar("x", n=1)[0][1] == pytest.approx(3 / np.hypot(3, 0.1))
    np.testing.assert_allclose(vectors.average([["x", "z", "w"], ["w"]]), [[1, 2.5], [0, 0]])
    with pytest.raises(KeyError, match="no vector for 'w'; 3 words have one"):
        vectors.most_similar("w")


def test_tfidf_by_hand() -> None:
    weights = tfidf(["blue song blue", "blue album", "new album"], min_texts=1)
    assert weights.terms.tolist() == ["album", "blue", "new", "song"]
    blue, song = 2 * (1 + np.log(4 / 3)), 1 + np.log(4 / 2)
    row = np.array([0, blue, 0, song]) / np.hypot(blue, song)
    np.testing.assert_allclose(weights.matrix.toarray()[0], row)


def test_tfidf_of_new_texts_uses_the_fitted_terms() -> None:
    texts = ["loud guitar", "soft piano", "loud piano"]
    weights = tfidf(texts, min_texts=1, longest=2)
    assert "loud guitar" in weights.terms
    assert abs(weights.transform(texts) - weights.matrix).max() == 0
    assert weights.transform(["unheard of"]).nnz == 0
    assert tfidf(texts, min_texts=1, max_terms=2).matrix.shape == (3, 2)


def test_tfidf_in_chinese_drops_stop_words() -> None:
    assert set(tfidf(["我喜欢音乐", "他的电影"], language="zh", min_texts=1).terms) == {
        "喜欢",
        "电影",
        "音乐",
    }


def test_tfidf_bad_input() -> None:
    with pytest.raises(ValueError, match="texts: no term is left with min_texts=2"):
        tfidf(["one text", "other words"])
    with pytest.raises(ValueError, match="language must be one of en, zh"):
        tfidf(["a b"], language="fr")
    with pytest.raises(ValueError, match=r"column 'texts': must be text; .* row: 0 \(value 3\)"):
        tfidf([3])
