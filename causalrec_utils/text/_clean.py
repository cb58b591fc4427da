"""Cleaning: what a web page leaves in a text, taken out step by step, and counted."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ._inputs import as_texts

__all__ = ["Cleaned", "clean"]

# As in a browser, what is never closed runs to the end.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b[^<>]*>.*?(?:</\1\s*>|\Z)", re.I | re.S)
_BREAK = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|table|h[1-6]|hr)\b[^<>]*>", re.I)
# A letter must follow the bracket at once: "I <3 this" and "a < b" are no tags.
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*|/)?>", re.I)
# Zero-width space and byte-order mark show nothing and split words. The joiners stay: emoji and
# several scripts need them.
_INVISIBLE = re.compile("[\u200b\ufeff]|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


@dataclass(frozen=True)
class Cleaned:
    """Texts after `clean`, and how many of them each step changed.

    Attributes
    ----------
    texts : list of str
        In the order that they came.
    changed : dict of str to int
        Number of texts that each step changed, by step, in the order of the steps.
    """

    texts: list[str]
    changed: dict[str, int]


def _without_tags(text: str) -> str:
    return _TAG.sub("", _BREAK.sub(" ", _HIDDEN.sub(" ", text)))


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _spaced(text: str) -> str:
    return " ".join(_INVISIBLE.sub("", text).split())


def clean(
    texts: Iterable[str],
    *,
    tags: bool = True,
    entities: bool = True,
    unicode: bool = True,
    whitespace: bool = True,
) -> Cleaned:
    """Take HTML, odd Unicode forms and stray white space out of texts.

    The steps run in this order, so that an entity can never become a tag: what the author typed as
    ``&lt;b&gt;`` stays readable as ``<b>``. The result is text to read, not safe HTML to show.
    Introduced in section 2.2.

    Parameters
    ----------
    texts : iterable of str
        Any language.
    tags : bool
        Drop HTML tags, comments, scripts and styles. Tags that break a line leave a space.
    entities : bool
        Turn ``&amp;`` or ``&#39;`` into the character.
    unicode : bool
        Unicode normal form NFKC: full-width letters, ligatures and no-break spaces become plain.
    whitespace : bool
        One space for each run of white space, none at the ends; no control characters, no
        zero-width spaces.

    Returns
    -------
    Cleaned
        ``texts``, and ``changed``: how many texts each step changed.

    Raises
    ------
    ValueError
        If ``texts`` is one text, or an element is not text.

    Notes
    -----
    Unicode Standard Annex 15, "Unicode Normalization Forms".

    Examples
    --------
    >>> result = clean(["Rock &amp; <b>Roll</b>", "ＡＢＣ  ok", "fine"])
    >>> result.texts
    ['Rock & Roll', 'ABC ok', 'fine']
    >>> result.changed
    {'tags': 1, 'entities': 1, 'unicode': 1, 'whitespace': 1}
    """
    found = as_texts(texts)
    steps = {
        "tags": (tags, _without_tags),
        "entities": (entities, html.unescape),
        "unicode": (unicode, _normal),
        "whitespace": (whitespace, _spaced),
    }
    changed = {}
    for name, (wanted, step) in steps.items():
        if wanted:
            after = [step(text) for text in found]
            changed[name] = sum(a != b for a, b in zip(found, after, strict=True))
            found = after
    return Cleaned(found, changed)
