"""A model behind a server that speaks the OpenAI chat protocol."""

from __future__ import annotations

import json
import math
import os
import re
import string
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from ._sources import ModelUnavailable

__all__ = ["Endpoint"]

DEFAULT_KEY = "OPENAI_API_KEY"
LETTERS = string.ascii_uppercase[:20]  # as many as servers report likelihoods for
NEVER = -20.0  # score of letters that a server without likelihoods did not answer
AGAIN = {429, 500, 502, 503, 504}
TRIES, WAIT, TIMEOUT = 3, 1.0, 120.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to the address that was asked for, and nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Endpoint:
    """Address, model and the name of the key's variable; asks one question at a time."""

    def __init__(self, url: str, model: str, key_env: str | None) -> None:
        parts = urllib.parse.urlsplit(url)
        self.here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not self.here:
            raise ValueError(f"{url}: keys and texts are sent over https only")
        if parts.username or parts.password or parts.query:
            raise ValueError("the address must not hold a password, key or query")
        self.url = url.rstrip("/")
        self.model = model
        self.key_env = key_env
        self.key = f"endpoint:{self.url} {model}"

    def _headers(self) -> dict[str, str]:
        name = self.key_env or DEFAULT_KEY
        key = os.environ.get(name, "").strip()
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        elif self.key_env or not self.here:
            raise ModelUnavailable(
                f"{self.url} needs a key: set the environment variable {name}, or name the one "
                f'that holds it with llm.load(..., key_env="...")'
            )
        return headers

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        headers = self._headers()
        address = f"{self.url}/chat/completions"
        data = json.dumps({"model": self.model, **body}).encode()
        opener = urllib.request.build_opener(_NoRedirect)
        for attempt in range(TRIES):
            request = urllib.request.Request(address, data, headers)
            try:
                with opener.open(request, timeout=TIMEOUT) as reply:
                    return json.load(reply)["choices"][0]
            except urllib.error.HTTPError as error:
                if error.code in AGAIN and attempt < TRIES - 1:
                    time.sleep(WAIT * 2**attempt)
                    continue
                if error.code in (401, 403):
                    name = self.key_env or DEFAULT_KEY
                    why = f"it refuses the key of {name} (HTTP {error.code})"
                else:
                    said = error.read(300).decode(errors="replace").strip()
                    why = f"HTTP {error.code} {said}".strip()
            except (OSError, TimeoutError) as error:
                why = f"it can't be reached ({getattr(error, 'reason', error)})"
            except (ValueError, LookupError, TypeError):
                why = "its reply is not in the OpenAI chat format"
            break
        raise ModelUnavailable(f"{address}, model {self.model!r}: {why}")

    @staticmethod
    def _text(choice: dict[str, Any]) -> str:
        message = choice.get("message") or {}
        return str(message.get("content") or "")

    def generate(self, requests: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
        """For each request, the text of its answer."""
        for row, request in enumerate(requests):
            body = {
                "messages": _messages(request["prompt"], request["system"]),
                "max_tokens": request["max_tokens"],
                "temperature": request["temperature"],
            }
            if request["stop"]:
                body["stop"] = request["stop"]
            if request["seed"] is not None:
                body["seed"] = request["seed"]
            yield row, self._text(self._post(body)).strip()

    def score(self, requests: list[dict[str, Any]]) -> Iterator[tuple[int, list[list[float]]]]:
        """For each request, log-probability of each option's letter, and 1 for its length."""
        for row, request in enumerate(requests):
            options = request["options"]
            if len(options) > len(LETTERS):
                raise ValueError(f"at most {len(LETTERS)} options can be given letters")
            lines = [f"{letter}. {o}" for letter, o in zip(LETTERS, options, strict=False)]
            prompt = "\n".join([request["prompt"], "", *lines, "", "Answer with one letter only."])
            choice = self._post(
                {
                    "messages": _messages(prompt, request["system"]),
                    "max_tokens": 4,
                    "temperature": 0.0,
                    "logprobs": True,
                    "top_logprobs": 20,
                }
            )
            letters = LETTERS[: len(options)]
            scores = _reported(choice, letters) or _answered(self._text(choice), letters)
            yield row, [[score, 1] for score in scores]


def _messages(prompt: str, system: str | None) -> list[dict[str, str]]:
    before = [{"role": "system", "content": system}] if system else []
    return [*before, {"role": "user", "content": prompt}]


def _reported(choice: dict[str, Any], letters: str) -> list[float] | None:
    """Log-probabilities of the letters as first token, if the server reports any of them.

    A letter that is not reported gets the smallest likelihood that is: it has at most that.
    """
    try:
        top = choice["logprobs"]["content"][0]["top_logprobs"]
        found = [(str(entry["token"]).strip(), float(entry["logprob"])) for entry in top]
    except (LookupError, TypeError, ValueError):
        return None
    mass = {
        letter: math.fsum(math.exp(value) for token, value in found if token == letter)
        for letter in letters
    }
    if not any(mass.values()):
        return None
    least = min(value for _, value in found)
    return [round(math.log(mass[x]), 4) if mass[x] > 0 else round(least, 4) for x in letters]


def _answered(text: str, letters: str) -> list[float]:
    """Scores from the letter that was answered; all the same if none can be read."""
    match = re.match(rf"\W*([{letters}])\b", text)
    return [0.0 if match is None or match[1] == x else NEVER for x in letters]
