"""Redaction of personal data by rule, before a text reaches a prompt or a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .. import _checks
from ._inputs import as_texts

__all__ = ["KINDS", "Redaction", "Span", "redact"]

Span = tuple[int, int]

# Lengths have their limits from RFC 5321, so that no text makes the search quadratic.
_EMAIL = re.compile(r"[\w.+%-]{0,63}[\w+%-]@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,63}")
_CARD = re.compile(
    r"(?<![\w.-])(?:\d{13,19}|\d{4}(?P<gap>[ -])"
    r"(?:\d{4}(?P=gap)\d{4}(?P=gap)\d{1,7}|\d{6}(?P=gap)\d{4,5}))(?![\w-]|\.\d)"
)
# First digit of the companies' ranges, by length; the rest start with 2 to 6.
_CARD_START = {13: "4", 14: "3", 15: "3"}
_PHONE = re.compile(
    r"""(?<![\w.+/-])(?:
        (?:\+|00)[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,5}(?:[ .-]?\d{2,5}){1,4}
      | (?:1[ .-])?(?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}  # North America
      | \(0\d{1,4}\)[ ]?\d{3,4}[ -]?\d{3,4}  # national, with the leading 0
      | 0\d{1,4}(?:[ .-]\d{2,4}){2,4}
      | 0\d{2,4}[ -]\d{6,8}
      | 1[3-9]\d[ -]?\d{4}[ -]?\d{4}  # Chinese mobile
    )(?![\w/-]|\.\d)""",
    re.X,
)
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq"
    r"|Terrace|Way|Close|Crescent|Parkway|Pkwy|Highway|Hwy)"
)
_ADDRESS = re.compile(
    rf"""(?<![\w.$£€,:/-])(?:
        (?P<number>\d{{1,5}})[A-Za-z]?[ ](?:[NSEW]\.?[ ])?
        (?P<street>(?:[A-Z][\w'’-]*[ ]|\d{{1,3}}(?:st|nd|rd|th)[ ]){{1,4}}{_STREET}\b)\.?
        (?:,?[ ](?:(?:Apt|Apartment|Suite|Ste|Unit|Flat)\.?[ ]\#?|\#)\w{{1,5}}\b)?
      | P\.?[ ]?O\.?[ ]Box[ ]\d+
    )
    (?:,[ ](?:[A-Z][a-zà-ÿ][^\W\d_]*\b[ -]?){{1,3}}(?<![ -]))?  # town
    (?:,?[ ](?:[A-Z]{{2}}[ ]\d{{5}}(?:-\d{{4}})?|[A-Z]{{1,2}}\d[A-Z\d]?[ ]\d[A-Z]{{2}})\b)?""",
    re.X,
)
_WORD = r"[A-ZÀ-ÖØ-ÞĆČŁŚŠŻŽ][^\W\d_]*(?:['’-][^\W\d_]+)*"
_TITLE = r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor)\b\.?[ ]"
_NAME = re.compile(
    rf"""(?:
        {_TITLE}
      | (?:
            \b(?i:my[ ](?:full[ ])?name[ ]is|my[ ]name['’]s|i[ ]am[ ]called)[ ]
          | \b[Cc]all[ ]me[ ]
          | (?<!\w)(?i:dear|hi|hello|regards,|sincerely,|cheers,|thanks,|signed,)\s
        )(?:{_TITLE})?
      )
      (?P<name>{_WORD}(?:[ ](?:[A-Z]\.|{_WORD})){{0,2}})""",
    re.X,
)
# "5 Things To Do On The Way" is no address: these are in no street's name, and the types that are
# everyday words need a house number of two digits.
_LINKS = re.compile(r"\b(?:A|An|And|Are|At|By|For|From|In|Is|Of|On|Or|That|The|To|Who|With|You)\b")
_EVERYDAY = re.compile(r"\b(?:Close|Court|Drive|Place|Square|Way)\b")
# Words that follow a greeting with a capital and are nobody's name.
_NO_NAME = {
    "A", "All", "Amazon", "An", "And", "Another", "Anyone", "But", "Customer", "Customers",
    "Dr", "Everybody", "Everyone", "Folks", "For", "Friend", "Friends", "Guys", "I", "If", "In",
    "It", "Madam", "Miss", "Mr", "Mrs", "Ms", "Mx", "My", "No", "Not", "One", "Our", "Prof",
    "Professor", "Seller", "Sir", "So", "Some", "Support", "Team", "That", "The", "There",
    "These", "They", "This", "To", "Very", "We", "What", "Why", "World", "You", "Your",
}  # fmt: skip


@dataclass(frozen=True)
class Redaction:
    """A text without the personal data that the rules found, and where they stood.

    Attributes
    ----------
    text : str
        With ``[EMAIL]``, ``[PHONE]``, ``[CARD]``, ``[ADDRESS]`` or ``[NAME]`` in their place.
    found : dict of str to list of (int, int)
        Start and end in the text as it came, by kind; kinds that were not found are left out.
    """

    text: str
    found: dict[str, list[Span]]


def _luhn(digits: str) -> bool:
    values = [int(digit) for digit in reversed(digits)]
    doubled = [sum(divmod(2 * value, 10)) for value in values[1::2]]
    return (sum(values[::2]) + sum(doubled)) % 10 == 0


def _emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        yield match.span()


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if digits[0] in _CARD_START.get(len(digits), "23456") and _luhn(digits):
            yield match.span()


def _phones(text: str) -> Iterator[Span]:
    for match in _PHONE.finditer(text):
        if 8 <= sum(character.isdigit() for character in match[0]) <= 15:  # E.164: at most 15
            yield match.span()


def _addresses(text: str) -> Iterator[Span]:
    for match in _ADDRESS.finditer(text):
        number, street = match["number"], match["street"]  # both None for a post-office box
        prose = number and (_LINKS.search(street) or len(number) == 1 and _EVERYDAY.search(street))
        if not prose:
            yield match.span()


def _names(text: str) -> Iterator[Span]:
    for match in _NAME.finditer(text):
        if match["name"].split()[0] not in _NO_NAME:
            yield match.span("name")


# In this order: an address of e-mail may hold a name, a card number what looks like a phone's.
_FINDERS: dict[str, Callable[[str], Iterator[Span]]] = {
    "email": _emails,
    "card": _cards,
    "phone": _phones,
    "address": _addresses,
    "name": _names,
}
KINDS = tuple(_FINDERS)


def _spans(text: str, kinds: tuple[str, ...]) -> dict[str, list[Span]]:
    """Spans by kind. What is found is blotted out, and the search goes on until nothing is left."""
    found: dict[str, list[Span]] = {}
    while True:
        before = text
        for kind in kinds:
            for start, end in list(_FINDERS[kind](text)):
                found.setdefault(kind, []).append((start, end))
                text = text[:start] + "]" * (end - start) + text[end:]
        if text == before:
            return {kind: sorted(spans) for kind, spans in found.items()}


def redact(
    texts: Iterable[str],
    *,
    kinds: Iterable[str] = ("email", "phone", "card", "address", "name"),
) -> list[Redaction]:
    """Replace personal data that rules can find by the name of its kind.

    E-mail addresses; phone numbers (``+`` or 00 and the country, North American, national with a
    leading 0, Chinese mobile); card numbers (13 to 19 digits that pass Luhn's check); street
    addresses of the English form; names after a title, a greeting or "my name is". Nothing by
    rule finds a bare name in a sentence: `redaction_report` measures what is missed. Redacting
    twice changes nothing more. Introduced in section 1.1.

    Parameters
    ----------
    texts : iterable of str
        Names and addresses: English. The other kinds: any language.
    kinds : iterable of str
        Which of ``"email"``, ``"phone"``, ``"card"``, ``"address"`` and ``"name"``.

    Returns
    -------
    list of Redaction
        One a text.

    Raises
    ------
    ValueError
        If a kind is unknown, ``texts`` is one text, or an element is not text.

    Notes
    -----
    ISO/IEC 7812-1 for Luhn's check, ITU-T E.164 for the length of phone numbers.

    Examples
    --------
    >>> result = redact(["Mail jo@example.com or call +44 20 7946 0958. Regards, Jo Smith"])[0]
    >>> result.text
    'Mail [EMAIL] or call [PHONE]. Regards, [NAME]'
    >>> result.found["email"]
    [(5, 19)]
    """
    asked = {_checks.choice(kind, "kinds", KINDS) for kind in kinds}
    order = tuple(kind for kind in KINDS if kind in asked)
    results = []
    for text in as_texts(texts):
        found = _spans(text, order)
        marks = [(start, end, kind) for kind, spans in found.items() for start, end in spans]
        short = text
        for start, end, kind in sorted(marks, reverse=True):  # from the end, so that starts hold
            short = f"{short[:start]}[{kind.upper()}]{short[end:]}"
        results.append(Redaction(short, found))
    return results
