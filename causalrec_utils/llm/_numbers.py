"""Numbers in text: what may begin one, what is one, which ones a text states."""

from __future__ import annotations

import re

__all__ = ["in_text", "may_be", "starts", "whole"]

WHOLE = {"integer": r"-?\d{1,12}", "number": r"-?\d{1,9}(\.\d{1,6})?"}
STARTS = {"integer": r"-?\d{0,12}", "number": r"-?(\d{1,9}(\.\d{0,6})?)?"}
# with thousands separators, which the answer leaves out: 1,200 -> 1200
STATED = r"(?<![\w.])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w,]*\d)|(?<![\w.])-?\d+(?:\.\d+)?"


def may_be(part: str) -> bool:
    """Whether a piece of text can stand inside a number."""
    return re.fullmatch(r"[-.0-9]+", part, re.ASCII) is not None


def starts(text: str, kind: str) -> bool:
    """Whether a text can be continued to a number."""
    return re.fullmatch(STARTS[kind], text, re.ASCII) is not None


def whole(text: str, kind: str) -> bool:
    """Whether a text is a number, and nothing but that."""
    return re.fullmatch(WHOLE[kind], text, re.ASCII) is not None


def in_text(text: str, kind: str) -> list[str]:
    """Numbers of a kind that a text states, each once, without thousands separators."""
    found = [match.replace(",", "") for match in re.findall(STATED, text, re.ASCII)]
    return sorted({number for number in found if whole(number, kind)}, key=found.index)
