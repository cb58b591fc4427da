"""Tokens, stop words and tags in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_utils.text import stop_words, tags, tokens

UNIVERSAL = {"NOUN", "VERB", "ADJ", "ADV", "PRON", "DET", "ADP", "NUM", "CONJ", "PRT", "X", "."}
# Tagged by hand.
ENGLISH = """
The/DET old/ADJ band/NOUN played/VERB a/DET beautiful/ADJ song/NOUN in/ADP London/NOUN ./.
She/PRON has/VERB quickly/ADV written/VERB three/NUM very/ADV sad/ADJ songs/NOUN ,/. but/CONJ
they/PRON will/VERB n't/ADV sell/VERB ./.
I/PRON bought/VERB this/DET album/NOUN for/ADP my/PRON mother/NOUN and/CONJ she/PRON loves/VERB
it/PRON !/.
"""
CHINESE = """
我/PRON 喜欢/VERB 这部/PRON 电影/NOUN ，/. 因为/CONJ 音乐/NOUN 很/ADV 美丽/ADJ 。/.
他/PRON 在/ADP 北京/NOUN 学习/VERB 音乐/NOUN 。/.
我们/PRON 已经/ADV 看过/VERB 新/ADJ 的/PRT 演员/NOUN 和/CONJ 导演/NOUN
"""


def gold(text: str) -> list[tuple[str, str]]:
    return [(word, tag) for word, _, tag in (each.rpartition("/") for each in text.split())]


@pytest.mark.parametrize(("language", "text", "glue"), [("en", ENGLISH, " "), ("zh", CHINESE, "")])
def test_nine_tags_in_ten_are_right(language: str, text: str, glue: str) -> None:
    want = gold(text)
    raw = glue.join(word for word, _ in want).replace(" n't", "n't").replace("\n", " ")
    (got,) = tags([raw], language)
    assert [word for word, _ in got] == [word for word, _ in want]
    right = sum(a == b for a, b in zip(got, want, strict=True))
    assert right / len(want) >= 0.9, [pair for pair in zip(got, want, strict=True)]


@settings(max_examples=60, deadline=None)
@given(st.text(), st.sampled_from(["en", "zh"]))
def test_tags_cover_any_text_in_order(text: str, language: str) -> None:
    (got,) = tags([text], language)
    assert {tag for _, tag in got} <= UNIVERSAL
    at = 0
    for word, _ in got:
        assert word.strip()
        at = text.index(word, at) + len(word)  # every token stands in the text, in order
    # and no letter is lost
    assert sum(map(str.isalnum, "".join(w for w, _ in got))) == sum(map(str.isalnum, text))


def test_details_of_tags() -> None:
    assert tags(["don’t"])[0] == [("do", "VERB"), ("n’t", "ADV")]
    assert tags(["and/or 3/4"])[0][1] == ("3/4", "NUM")
    assert tags(["工作"], "zh")[0] == [("工作", "NOUN")]  # jieba: a verb used as a noun
    assert tags(["OK。"], "zh")[0] == [("OK", "X"), ("。", ".")]


def test_english_tokens() -> None:
    assert tokens(["Don’t STOP: 3.5 stars, e-mail me...", "", "!?"]) == [
        ["don't", "stop", "3.5", "stars", "e", "mail", "me"],
        [],
        [],
    ]


def test_chinese_tokens_have_no_punctuation_and_keep_foreign_words() -> None:
    (words,) = tokens(["我来到北京清华大学，用iPhone听音乐！"], "zh")
    assert words == ["我", "来到", "北京", "清华大学", "用", "iphone", "听", "音乐"]


@settings(max_examples=60, deadline=None)
@given(st.text(), st.sampled_from(["en", "zh"]))
def test_tokens_are_lower_case_words(text: str, language: str) -> None:
    (words,) = tokens([text], language)
    assert all(any(map(str.isalnum, word)) for word in words)
    (kept,) = tokens([text], language, drop_stop_words=True)
    drop = stop_words(language)
    assert kept == [word for word in words if word not in drop]


def test_stop_words_hold_grammar_and_no_content() -> None:
    english, chinese = stop_words("en"), stop_words("zh")
    assert {"the", "and", "don't", "it's", "they'll"} <= english
    assert not {"music", "great", "love", "album"} & english
    assert {"的", "了", "是", "因为"} <= chinese
    assert not {"音乐", "电影", "喜欢"} & chinese
    assert tokens(["It's not the music"], drop_stop_words=True) == [["music"]]


@pytest.mark.parametrize("function", [lambda x: tokens(["a"], x), lambda x: tags(["a"], x),
                                      stop_words])  # fmt: skip
def test_an_unknown_language_is_refused(function: object) -> None:
    with pytest.raises(ValueError, match="language must be one of en, zh; got 'de'"):
        function("de")
