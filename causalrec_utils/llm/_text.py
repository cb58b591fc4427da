"""From prompts to tokens: chat templates, and marks that a text must not forge."""

from __future__ import annotations

from typing import Any

__all__ = ["PromptTooLong", "common_prefix", "disarm", "encode", "encode_option", "marks"]


class PromptTooLong(ValueError):
    """A prompt and its answer don't fit into the model's context; the message counts the tokens."""


def marks(tokenizer: Any) -> list[str]:
    """Strings that the tokeniser turns into one control token each, longest first."""
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return sorted({*added, *tokenizer.all_special_tokens, *_vocabulary(tokenizer)}, key=len)[::-1]


def _vocabulary(tokenizer: Any) -> set[str]:
    """Added tokens that look like control tokens, though the tokeniser doesn't call them so."""
    shape = ("<>", "[]")
    return {
        token
        for token in tokenizer.get_added_vocab()
        if len(token) > 2 and token[0] + token[-1] in shape
    }


def disarm(text: str, forbidden: list[str]) -> str:
    """Put a space into control tokens that a text spells out, so that it can't fake a new turn."""
    while found := [mark for mark in forbidden if len(mark) > 1 and mark in text]:
        for mark in found:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def _messages(prompt: str, system: str | None) -> list[dict[str, str]]:
    before = [{"role": "system", "content": system}] if system else []
    return [*before, {"role": "user", "content": prompt}]


def encode(tokenizer: Any, prompt: str, system: str | None) -> list[int]:
    """Tokens of a prompt: through the model's chat template, or plain if it has none."""
    if not tokenizer.chat_template:
        text = f"{system}\n\n{prompt}" if system else prompt
        return tokenizer(text.rstrip()).input_ids
    from jinja2 import TemplateError

    how: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
    try:
        text = tokenizer.apply_chat_template(_messages(prompt, system), **how)
    except TemplateError:  # some models know no system role
        text = tokenizer.apply_chat_template(_messages(f"{system}\n\n{prompt}", None), **how)
    return tokenizer(text, add_special_tokens=False).input_ids  # the template wrote them already


def encode_option(tokenizer: Any, option: str) -> list[int]:
    """Tokens of an answer as they follow a prompt; plain text goes on after a space."""
    text = option if tokenizer.chat_template else f" {option}"
    return tokenizer(text, add_special_tokens=False).input_ids


def common_prefix(sequences: list[list[int]]) -> int:
    """How many first tokens all sequences share, leaving at least one token to each."""
    shortest, longest = min(sequences), max(sequences)  # by first difference: these differ most
    most = min(map(len, sequences)) - 1
    for position in range(most):
        if shortest[position] != longest[position]:
            return position
    return most
