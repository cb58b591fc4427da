"""Cleaning: each step alone, counted, and safe to repeat."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalrec_utils.text import clean, redact, tags, tokens

STEPS = ("tags", "entities", "unicode", "whitespace")
OFF = dict.fromkeys(STEPS, False)


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("tags", "a<br/>b<b>c</b> <i class='x'>d</i>", "a bc d"),
        ("tags", "x<script>alert('no')</script>y<!-- hidden -->z", "x y z"),
        ("tags", "seen<!-- never closed", "seen "),
        ("tags", "I <3 this, 1 < 2 > 0, a<-b", "I <3 this, 1 < 2 > 0, a<-b"),
        ("tags", "<<b>i>ok", "<i>ok"),
        ("entities", "R&amp;B &#39;90s &lt;b&gt;", "R&B '90s <b>"),
        ("unicode", "ＡＢＣ ﬁne\u00a0１", "ABC fine 1"),
        ("whitespace", "  a\t\n b\u3000c\u200bd\x07 ", "a b cd"),
        ("whitespace", "👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_each_step_alone(step: str, before: str, after: str) -> None:
    result = clean([before], **{**OFF, step: True})
    assert result.texts == [after]
    assert result.changed == {step: int(before != after)}


def test_without_steps_nothing_changes() -> None:
    dirty = ["<b>&amp;\u3000</b>  "]
    assert clean(dirty, **OFF).texts == dirty


def test_an_entity_never_becomes_a_tag_that_is_dropped() -> None:
    assert clean(["write &lt;br&gt; for a new line"]).texts == ["write <br> for a new line"]


def test_counts_texts_by_step() -> None:
    changed = clean(["<b>a</b>", "<i>b</i>", "c  d", "e"]).changed
    assert changed == {"tags": 2, "entities": 0, "unicode": 0, "whitespace": 1}


@given(st.text())
def test_result_is_normal_and_repeating_the_last_steps_changes_nothing(text: str) -> None:
    once = clean([text]).texts
    assert clean(once, tags=False, entities=False).texts == once
    assert unicodedata.is_normalized("NFKC", once[0])
    assert once[0] == " ".join(once[0].split())


@given(st.lists(st.sampled_from(["<", ">", "<b>", "</p>", "a", " ", "<!--", "/", "="])))
def test_dropping_tags_only_takes_away(parts: list[str]) -> None:
    before = "".join(parts)
    (after,) = clean([before], **{**OFF, "tags": True}).texts
    rest = iter(before)
    assert all(each in rest for each in after if each != " ")  # a subsequence, but for spaces
    assert "<!--" not in after


@pytest.mark.parametrize("function", [clean, redact, tokens, tags])
def test_bad_input_names_column_rule_and_row(function: object) -> None:
    with pytest.raises(ValueError, match=r"column 'texts': must be text; .* row: 1 \(value None\)"):
        function(["fine", None])
    with pytest.raises(ValueError, match="column 'texts': must be a list of texts, got one text"):
        function("a bare text")
    assert function([]) in ([], clean([]))
