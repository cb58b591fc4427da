"""Checks that every function on texts shares."""

from __future__ import annotations

from collections.abc import Iterable

from .. import _checks

__all__ = ["LANGUAGES", "as_texts", "as_tokens", "at_least"]

LANGUAGES = ("en", "zh")


def as_texts(texts: Iterable[str]) -> list[str]:
    """A list of texts; one bare text, a missing value or anything else is refused."""
    if isinstance(texts, str):
        _checks.fail("texts", "must be a list of texts, got one text")
    found = list(texts)
    for row, value in enumerate(found):
        if not isinstance(value, str):
            _checks.fail("texts", "must be text", row, value)
    return found


def as_tokens(texts: Iterable[Iterable[str]]) -> list[list[str]]:
    """A list of lists of tokens; texts that were never split are refused."""
    found = []
    for row, words in enumerate(texts):
        if isinstance(words, str):
            _checks.fail("tokens", "must be a list of words for each text", row, words)
        found.append(list(words))
    return found


def at_least(value: int, name: str, low: int) -> int:
    """A whole number with a lower bound."""
    if isinstance(value, bool) or int(value) != value or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value}")
    return int(value)
