"""Tokens, stop words and part-of-speech tags for English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from .. import _checks
from ._inputs import LANGUAGES, as_texts

__all__ = ["stop_words", "tags", "tokens"]

_WORD = re.compile(r"[^\W_]+(?:['.][^\W_]+)*")
_QUOTES = str.maketrans("’‘", "''")
_AUXILIARIES = (
    "is", "are", "was", "were", "do", "does", "did", "have", "has", "had", "would", "could",
    "should", "must", "need",
)  # fmt: skip
# scikit-learn's list was made for a tokenizer that breaks at the apostrophe, so it has none of
# these.
_CONTRACTIONS = frozenset(
    [f"{verb}n't" for verb in _AUXILIARIES]
    + ["can't", "won't", "shan't", "ain't", "i'm", "let's"]
    + [f"{who}'{end}" for who in ("i", "you", "we", "they") for end in ("ve", "ll", "d")]
    + [f"{who}'re" for who in ("you", "we", "they")]
    + [f"{who}'{end}" for who in ("he", "she", "it", "that", "there") for end in ("s", "ll", "d")]
    + [f"{who}'s" for who in ("what", "who", "where", "here", "how", "when")]
)

_PENN = {
    "CC": "CONJ", "CD": "NUM", "DT": "DET", "EX": "DET", "FW": "X", "IN": "ADP", "LS": "X",
    "MD": "VERB", "PDT": "DET", "POS": "PRT", "PRP": "PRON", "PRP$": "PRON", "RP": "PRT",
    "SYM": "X", "TO": "PRT", "UH": "X", "WDT": "DET", "WP": "PRON", "WP$": "PRON", "WRB": "ADV",
}  # fmt: skip
_PENN_START = {"N": "NOUN", "V": "VERB", "J": "ADJ", "R": "ADV"}
# Jieba's tags start with those of the Peking University corpus; the longest match counts.
_JIEBA = {
    "a": "ADJ", "ad": "ADV", "an": "NOUN", "b": "ADJ", "c": "CONJ", "d": "ADV", "dg": "ADV",
    "e": "PRT", "eng": "X", "f": "NOUN", "g": "X", "h": "PRT", "i": "X", "j": "NOUN", "k": "PRT",
    "l": "X", "m": "NUM", "mq": "NUM", "n": "NOUN", "o": "X", "p": "ADP", "q": "NOUN",
    "r": "PRON", "s": "NOUN", "t": "NOUN", "u": "PRT", "un": "X", "v": "VERB", "vd": "ADV",
    "vn": "NOUN", "x": "X", "y": "PRT", "z": "ADJ", "zg": "ADV",
}  # fmt: skip


def stop_words(language: str = "en") -> frozenset[str]:
    """Words that carry grammar rather than content.

    English: scikit-learn's list and the common contractions. Chinese: the ``stopwordsiso`` package
    (MIT licence). No list is neutral: English's holds *not*, *never* and *well*, so look before
    you drop words from reviews. Introduced in section 2.2.

    Parameters
    ----------
    language : {"en", "zh"}
        English or (simplified) Chinese.

    Returns
    -------
    frozenset of str
        In lower case.

    Raises
    ------
    ValueError
        If the language is neither.

    Notes
    -----
    Nothman, Qin and Yurchak (2018), "Stop Word Lists in Free Open-source Software
    Packages", Workshop for NLP Open Source Software.

    Examples
    --------
    >>> "the" in stop_words("en"), "的" in stop_words("zh"), "music" in stop_words("en")
    (True, True, False)
    """
    if _checks.choice(language, "language", LANGUAGES) == "zh":
        import stopwordsiso

        return frozenset(stopwordsiso.stopwords("zh"))
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS) | _CONTRACTIONS


def _has_word(token: str) -> bool:
    return any(character.isalnum() for character in token)


def tokens(
    texts: Iterable[str], language: str = "en", *, drop_stop_words: bool = False
) -> list[list[str]]:
    """Words of each text, in lower case, without punctuation.

    English words are runs of letters and digits; an apostrophe or a point between two of them
    belongs to the word (*don't*, *3.5*). Chinese is cut by jieba's dictionary and hidden Markov
    model (``rjieba``). Introduced in section 2.2.

    Parameters
    ----------
    texts : iterable of str
        Clean ones; see `clean`.
    language : {"en", "zh"}
        Of all texts. English words inside Chinese text are kept.
    drop_stop_words : bool
        Leave out the words of `stop_words`.

    Returns
    -------
    list of list of str
        One list a text, maybe empty.

    Raises
    ------
    ValueError
        If the language is unknown, ``texts`` is one text, or an element is not text.

    Examples
    --------
    >>> tokens(["Don't stop me now!"]), tokens(["这部电影很好看。"], "zh")
    ([["don't", 'stop', 'me', 'now']], [['这部', '电影', '很', '好看']])
    """
    found = as_texts(texts)
    if _checks.choice(language, "language", LANGUAGES) == "zh":
        import rjieba

        split = [[word for word in rjieba.cut(text.lower()) if _has_word(word)] for text in found]
    else:
        split = [_WORD.findall(text.lower().translate(_QUOTES)) for text in found]
    if not drop_stop_words:
        return split
    drop = stop_words(language)
    return [[word for word in words if word not in drop] for words in split]


def tags(texts: Iterable[str], language: str = "en") -> list[list[tuple[str, str]]]:
    """Part of speech of each token, punctuation included.

    English: NLTK's tokens, tagged by TextBlob's pattern tagger (a lexicon and context rules).
    Chinese: jieba's tags. Both are mapped to the twelve universal tags: NOUN, VERB, ADJ, ADV, PRON,
    DET, ADP, NUM, CONJ, PRT (particles), "." (punctuation) and X (other). The taggers are small
    and fast, not the best there are: about nine tokens in ten are right. Introduced in section 2.2.

    Parameters
    ----------
    texts : iterable of str
        Clean ones; see `clean`. Keep upper case: it tells names.
    language : {"en", "zh"}
        Of all texts.

    Returns
    -------
    list of list of (str, str)
        Token and tag, one list a text. A contraction is two tokens: *do*, *n't*.

    Raises
    ------
    ValueError
        If the language is unknown, ``texts`` is one text, or an element is not text.

    Notes
    -----
    Petrov, Das and McDonald (2012), "A Universal Part-of-Speech Tagset", LREC.

    Examples
    --------
    >>> tags(["The singer sings beautifully."])[0]
    [('The', 'DET'), ('singer', 'NOUN'), ('sings', 'VERB'), ('beautifully', 'ADV'), ('.', '.')]
    >>> tags(["我喜欢音乐"], "zh")[0]
    [('我', 'PRON'), ('喜欢', 'VERB'), ('音乐', 'NOUN')]
    """
    found = as_texts(texts)
    if _checks.choice(language, "language", LANGUAGES) == "zh":
        import rjieba

        return [
            [
                (word, _universal_chinese(word, tag))
                for word, tag in rjieba.tag(text)
                if word.strip()
            ]
            for text in found
        ]
    return [_english(text) for text in found]


@cache
def _tagger() -> tuple:
    from nltk.tokenize import NLTKWordTokenizer
    from textblob.en.taggers import PatternTagger

    return NLTKWordTokenizer(), PatternTagger()


def _english(text: str) -> list[tuple[str, str]]:
    tokenizer, tagger = _tagger()
    plain = text.translate(_QUOTES)  # as long as the text, so the spans hold for both
    spans = list(tokenizer.span_tokenize(plain))
    if not spans:
        return []
    # The tagger splits at spaces, and would ask NLTK for a download if it had to find the words.
    tagged = tagger.tag(" ".join(plain[start:end] for start, end in spans), tokenize=False)
    return [
        (text[start:end], _universal_english(text[start:end], tag))
        for (start, end), (_, tag) in zip(spans, tagged, strict=True)
    ]


def _universal_english(word: str, tag: str) -> str:
    if not _has_word(word):
        return "."
    return _PENN.get(tag) or _PENN_START.get(tag[:1], "X")


def _universal_chinese(word: str, tag: str) -> str:
    if not _has_word(word):
        return "."
    return _JIEBA.get(tag) or _JIEBA.get(tag[:1], "X")
