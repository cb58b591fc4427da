"""Redaction: recall and precision on made-up labelled texts, clean texts untouched, idempotent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from causalrec_utils.text import redact, redaction_report
from causalrec_utils.text._redact import KINDS
from tests.text import labelled

# What the rules should reach, by kind: (recall, precision). Below 1 on purpose: the labelled texts
# hold numbers without an area code, addresses in lower case, names that nothing announces, bar
# codes that pass Luhn's check, and a song about a "Mr.".
FLOORS = {
    "email": (1.0, 1.0),
    "phone": (0.93, 0.99),
    "card": (1.0, 0.97),
    "address": (0.88, 0.99),
    "name": (0.80, 0.65),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_recall_and_precision_reach_their_floors(seed: int) -> None:
    report = redaction_report(labelled.corpus(800, seed))
    for kind, floors in FLOORS.items():
        for measure, total, floor in zip(
            ("recall", "precision"), ("marked", "found"), floors, strict=True
        ):
            n = int(report.loc[kind, total])
            assert n > 150
            hits = report.loc[kind, measure] * n
            # the lowest count that a rate at the floor gives by chance, once in 10,000
            assert round(hits) >= binom.ppf(1e-4, n, floor), (kind, measure, hits / n)


def test_known_limits_are_real() -> None:
    """If the rules get better, raise the floors: these are the misses that the docs admit."""
    report = redaction_report(labelled.corpus(800, 3))
    assert report.loc["name", "recall"] < 0.95
    assert report.loc["phone", "recall"] < 0.99


@pytest.mark.parametrize("text", labelled.PLAIN)
def test_clean_text_is_untouched(text: str) -> None:
    (result,) = redact([text])
    assert result.text == text
    assert result.found == {}


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("mail j.doe+x@mail.example.co.uk.", "mail [EMAIL]."),
        ("card 4111 1111 1111 1111, amex 3782-822463-10005", "card [CARD], amex [CARD]"),
        ("no card 4111 1111 1111 1112", "no card 4111 1111 1111 1112"),
        ("+44 (0)20 7946 0958 or (415) 555-2671", "[PHONE] or [PHONE]"),
        ("打 138 1234 5678 给我", "打 [PHONE] 给我"),
        ("at 10 Downing Street, London SW1A 2AA now", "at [ADDRESS] now"),
        ("at 742 Evergreen Terrace, Springfield, IL 62704.", "at [ADDRESS]."),
        ("to P.O. Box 123", "to [ADDRESS]"),
        ("12 W. 42nd St., Apt 3", "[ADDRESS]"),
        ("My name is Anna-Lena O'Neil and", "My name is [NAME] and"),
        ("Dear Dr. Müller,", "Dear Dr. [NAME],"),
        ("Regards,\nJohn Q. Public", "Regards,\n[NAME]"),
    ],
)
def test_by_example(text: str, short: str) -> None:
    assert redact([text])[0].text == short


def test_only_the_kinds_that_were_asked_for() -> None:
    text = "Mr. Brown, jo@example.com, +1 415 555 2671"
    assert redact([text], kinds=["name"])[0].text == "Mr. [NAME], jo@example.com, +1 415 555 2671"
    assert redact([text], kinds=[])[0].text == text


def test_spans_stand_for_what_was_replaced() -> None:
    for text, _ in labelled.corpus(100, 5):
        (result,) = redact([text])
        spans = sorted((a, b, k) for k, found in result.found.items() for a, b in found)
        rebuilt, at = "", 0
        for start, end, kind in spans:
            assert start >= at  # they do not overlap
            rebuilt += text[at:start] + f"[{kind.upper()}]"
            at = end
        assert rebuilt + text[at:] == result.text


FRAGMENTS = st.sampled_from(
    ["jo@example.com", "4111 1111 1111 1111", "4111111111111111", "+44 20 7946 0958", "Anna", "-",
     "415-555-2671", "12 Oak Street", ", Austin, TX 78701", "Mr. Smith", "Dear", "my name is ", "@",
     "Thanks,", "P.O. Box 9", "0", "12", "+", ".", ",", " ", "\n", "x", "Lane", "[NAME]", "1 2 3"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.one_of(FRAGMENTS, st.text(max_size=3)), max_size=12).map("".join),
    st.sets(st.sampled_from(KINDS)),
)
def test_redacting_twice_changes_nothing_more(text: str, kinds: set[str]) -> None:
    (once,) = redact([text], kinds=kinds)
    (twice,) = redact([once.text], kinds=kinds)
    assert twice.text == once.text
    assert twice.found == {}


def test_hostile_text_takes_no_time() -> None:
    """Patterns without nested repeats: long runs are read in one pass or a few."""
    for run in (
        "a@" * 5000,
        "1 " * 5000,
        "12 Oak " * 2000,
        "Mr. A " * 3000,
        "a." * 5000,
        "0-" * 5000,
    ):
        redact([run])


def test_cards_need_luhns_check() -> None:
    rng = np.random.default_rng(4)
    right = [labelled.with_luhn("4", 16, rng) for _ in range(50)]
    wrong = [labelled.with_luhn("4", 16, rng, right=False) for _ in range(50)]
    assert all(each.text == "[CARD]" for each in redact(right))
    assert all(not each.found for each in redact(wrong, kinds=["card"]))


def test_report_by_hand() -> None:
    report = redaction_report(
        [
            ("mail jo@example.com", {"email": [(5, 19)]}),  # found
            ("mail jo AT example.com", {"email": [(5, 22)]}),  # missed
            ("mail al@example.com", {"email": [(0, 4)]}),  # missed, and found where none is
            ("I am Jo", {"name": [(5, 7)]}),
        ],
        kinds=["email", "name"],
    )
    assert report.loc["email", ["marked", "found"]].tolist() == [3, 2]
    assert report.loc["email", ["recall", "precision"]].tolist() == [1 / 3, 0.5]
    assert report.loc["email", "recall_low"] < 1 / 3 < report.loc["email", "recall_high"]
    assert report.loc["name", "recall"] == 0
    assert np.isnan(report.loc["name", "precision"])


def test_a_half_hidden_span_is_a_miss() -> None:
    text = "Mr. Smith lives"
    assert redaction_report([(text, {"name": [(4, 9)]})]).loc["name", "recall"] == 1
    assert redaction_report([(text, {"name": [(4, 15)]})]).loc["name", "recall"] == 0


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="kinds must be one of email, card, .*; got 'iban'"):
        redact(["a"], kinds=["iban"])
    with pytest.raises(ValueError, match=r"column 'labelled': spans must lie .* row: 1 "):
        redaction_report([("ok", {}), ("short", {"name": [(2, 9)]})])
