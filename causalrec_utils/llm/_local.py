"""A model in memory: likelihoods of options, texts and hidden states, in batches."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from . import _numbers
from ._sources import _quiet
from ._text import PromptTooLong, common_prefix, disarm, encode, encode_option, marks

__all__ = ["Local", "Request"]

Request = dict[str, Any]
BATCH_ROWS, BATCH_TOKENS = 32, 4096  # rows × longest row: about 200 MB of keys and values here
WORTH_SHARING = 4  # tokens; below that, copying costs more than reading again
DIGITS = 4  # of log-likelihoods; further ones depend on who else is in the batch
STATE_DIGITS = 3  # of hidden states, for the same reason


class _Enough(Exception):
    """Ends a pass through the layers."""


@dataclass
class _State:
    """What a model remembers after reading a batch of rows, padded on the left."""

    cache: Any
    mask: Any  # (rows, tokens)
    lengths: Any  # (rows,), without padding
    logits: Any  # (rows, vocabulary), of the next token

    def pick(self, rows: Sequence[int]) -> _State:
        """Some rows, any of them more than once; a copy."""
        import torch

        index = torch.tensor(rows, device=self.mask.device)
        cache = copy.deepcopy(self.cache)
        cache.batch_select_indices(index)
        return _State(cache, self.mask[index], self.lengths[index], self.logits[index])


class Local:
    """Weights and tokeniser of a folder, read at once."""

    def __init__(self, folder: Path, *, device: str, dtype: str, threads: int) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        with _quiet():
            self.tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=getattr(torch, dtype), use_safetensors=True, **safe
            )
        self.model: Any = model.eval()
        self.model.to(device)
        self.threads = threads
        self.context = model.config.get_text_config().max_position_embeddings
        self.marks = marks(self.tokenizer)
        ends = model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        self.ends = {end for end in (*ends, self.tokenizer.eos_token_id) if end is not None}

    @contextmanager
    def _running(self) -> Iterator[None]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(min(self.threads, before))
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_num_threads(before)

    @cached_property
    def digits(self) -> dict[int, str]:
        """Tokens that may be a part of a number."""
        tokens = self.tokenizer.batch_decode([[i] for i in range(len(self.tokenizer))])
        return {i: text.strip() for i, text in enumerate(tokens) if _numbers.may_be(text.strip())}

    def tokens(self, request: Request, room: int) -> list[int]:
        """Tokens of a prompt, which must leave room for an answer."""
        system = request["system"]
        prompt = disarm(request["prompt"], self.marks)
        ids = encode(self.tokenizer, prompt, system and disarm(system, self.marks))
        self._check_length(ids, room, request["prompt"])
        return ids

    def _check_length(self, ids: list[int], room: int, text: str) -> None:
        if len(ids) + room > self.context:
            raise PromptTooLong(
                f"prompt {text[:40]!r}... has {len(ids)} tokens and its answer may have {room}, "
                f"but the model's context holds {self.context}"
            )

    def _forward(self, ids: Any, mask: Any, positions: Any, cache: Any, keep: int) -> Any:
        return self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=keep,
        )

    def _padded(self, rows: list[list[int]], side: str) -> tuple[Any, Any]:
        """Token ids and mask of rows of unequal length."""
        import torch

        width = max(map(len, rows))
        ids, mask = torch.zeros(2, len(rows), width, dtype=torch.long)
        for i, row in enumerate(rows):
            span = slice(width - len(row), None) if side == "left" else slice(0, len(row))
            ids[i, span], mask[i, span] = torch.tensor(row), 1
        return ids.to(self.model.device), mask.to(self.model.device)

    def _read(self, rows: list[list[int]], before: _State | None = None) -> _State:
        """Read rows, each of them after the one row that was read before."""
        import torch

        ids, mask = self._padded(rows, "left")
        lengths = mask.sum(1)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        cache = None
        if before is not None:
            start = before.pick([0] * len(rows))
            cache, mask = start.cache, torch.cat([start.mask, mask], 1)
            lengths, positions = lengths + start.lengths, positions + start.lengths[:, None]
        out = self._forward(ids, mask, positions, cache, keep=1)
        return _State(out.past_key_values, mask, lengths, out.logits[:, -1].float())

    def _batches(self, prompts: list[list[int]]) -> Iterator[tuple[list[int], _State]]:
        """Rows of like length together, with the state after reading them; shared starts once."""
        shared = common_prefix(prompts) if len(prompts) > 1 else 0
        shared = shared if shared >= WORTH_SHARING else 0
        before = self._read([prompts[0][:shared]]) if shared else None
        todo = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        while todo:
            longest = len(prompts[todo[min(BATCH_ROWS, len(todo)) - 1]])
            size = max(1, min(BATCH_ROWS, BATCH_TOKENS // longest))
            rows, todo = todo[:size], todo[size:]
            yield rows, self._read([prompts[i][shared:] for i in rows], before)

    def score(self, requests: list[Request]) -> Iterator[tuple[int, list[tuple[float, int]]]]:
        """For each request, log-likelihood and number of tokens of each of its options."""
        import torch

        options = [[encode_option(self.tokenizer, o) for o in r["options"]] for r in requests]
        rooms = [max(map(len, each)) for each in options]
        prompts = [self.tokens(r, room) for r, room in zip(requests, rooms, strict=True)]
        with self._running():
            for rows, state in self._batches(prompts):
                first = torch.log_softmax(state.logits, -1)
                pairs = [(k, option) for k, i in enumerate(rows) for option in options[i]]
                sums = [first[k, option[0]].item() for k, option in pairs]
                longer = [j for j, (_, option) in enumerate(pairs) if len(option) > 1]
                size = max(1, BATCH_TOKENS // state.mask.shape[1])
                for start in range(0, len(longer), size):
                    some = longer[start : start + size]
                    for j, rest in zip(some, self._follow(state, [pairs[j] for j in some]),
                                       strict=True):  # fmt: skip
                        sums[j] += rest
                found = iter(zip(sums, (len(option) for _, option in pairs), strict=True))
                for i in rows:
                    taken = [next(found) for _ in options[i]]
                    yield i, [(round(total, DIGITS), count) for total, count in taken]

    def _follow(self, state: _State, pairs: list[tuple[int, list[int]]]) -> list[float]:
        """Log-likelihood of the tokens after the first, for (row of the state, option)."""
        import torch

        at = state.pick([row for row, _ in pairs])
        ids, mask = self._padded([option[:-1] for _, option in pairs], "right")
        targets, _ = self._padded([option[1:] for _, option in pairs], "right")
        positions = at.lengths[:, None] + torch.arange(ids.shape[1], device=ids.device)
        out = self._forward(ids, torch.cat([at.mask, mask], 1), positions, at.cache, keep=0)
        logs = torch.log_softmax(out.logits.float(), -1).gather(2, targets[..., None])[..., 0]
        return (logs * mask).sum(1).tolist()

    def states(self, requests: list[Request]) -> Iterator[tuple[int, list[float]]]:
        """For each request, its text's state after a layer; all requests ask for the same layer."""
        start = self.tokenizer.bos_token_id
        start = self.tokenizer.eos_token_id if start is None else start
        rows = []
        for request in requests:
            text = disarm(request["text"], self.marks)
            rows.append([start, *self.tokenizer(text, add_special_tokens=False).input_ids])
            self._check_length(rows[-1], 0, request["text"])
        todo = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        with self._running():
            while todo:
                size = max(1, min(BATCH_ROWS, BATCH_TOKENS // len(rows[todo[-1]])))
                some, todo = todo[:size], todo[size:]
                ids, mask = self._padded([rows[i] for i in some], "right")
                hidden = self._hidden(ids, mask, requests[0]["layer"])
                if requests[0]["pool"] == "last":
                    pooled = hidden[range(len(some)), mask.sum(1) - 1]
                else:
                    mask[:, 0] = 0
                    pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
                for i, vector in zip(some, pooled.tolist(), strict=True):
                    yield i, [round(value, STATE_DIGITS) for value in vector]

    def _hidden(self, ids: Any, mask: Any, layer: int) -> Any:
        """States after a layer; the layers above it are not computed."""
        decoder = self.model.get_decoder()
        if layer > len(decoder.layers):
            raise ValueError(f"layer must be at most {len(decoder.layers)}, got {layer}")
        found: list[Any] = []

        def stop(module: Any, inputs: Any, output: Any) -> None:
            found.append(output[0] if isinstance(output, tuple) else output)
            raise _Enough

        hook = decoder.layers[layer - 1].register_forward_hook(stop)
        try:
            with suppress(_Enough):
                decoder(input_ids=ids, attention_mask=mask, use_cache=False)
        finally:
            hook.remove()
        return found[0].float()

    def generate(self, requests: list[Request]) -> Iterator[tuple[int, str]]:
        """For each request, the text of its answer."""
        prompts = [self.tokens(r, r["max_tokens"]) for r in requests]
        with self._running():
            for rows, state in self._batches(prompts):
                writers = [_Writer(self, requests[i]) for i in rows]
                self._write(writers, state)
                yield from zip(rows, (writer.text.strip() for writer in writers), strict=True)

    def _write(self, writers: list[_Writer], state: _State) -> None:
        import torch

        while True:
            tokens = [w.next(row) for w, row in zip(writers, state.logits, strict=True)]
            alive = [i for i, token in enumerate(tokens) if token is not None]
            if not alive:
                return
            if len(alive) < len(writers):
                state = state.pick(alive)
                writers = [writers[i] for i in alive]
            ids = torch.tensor([[tokens[i]] for i in alive], device=state.mask.device)
            mask = torch.cat([state.mask, torch.ones_like(ids)], 1)
            out = self._forward(ids, mask, state.lengths[:, None], state.cache, keep=1)
            state = _State(out.past_key_values, mask, state.lengths + 1, out.logits[:, -1].float())


class _Writer:
    """One answer while it is written."""

    def __init__(self, local: Local, request: Request) -> None:
        self.local, self.request = local, request
        self.tokens: list[int] = []
        self.text = ""
        self.random: Any = None
        if request["temperature"]:
            import torch

            # of its own, so that an answer does not depend on the others in the batch
            name = f"{request['seed']} {request['system']} {request['prompt']}"
            seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")
            self.random = torch.Generator().manual_seed(seed)

    def next(self, logits: Any) -> int | None:
        """The next token, or None at the end."""
        if self.request.get("number"):
            return self._next_of_number(logits)
        token = self._draw(logits)
        if token in self.local.ends:
            return None
        self.tokens.append(token)
        decoded = self.local.tokenizer.decode(self.tokens, skip_special_tokens=True)
        self.text = str(decoded).lstrip()
        cuts = [self.text.find(stop) for stop in self.request["stop"] if stop in self.text]
        if cuts:
            self.text = self.text[: min(cuts)]
        full = len(self.tokens) == self.request["max_tokens"]
        return None if cuts or full else token

    def _draw(self, logits: Any) -> int:
        if self.random is None:
            return int(logits.argmax())
        chances = (logits.double().cpu() / self.request["temperature"]).softmax(-1)
        return int(chances.multinomial(1, generator=self.random))

    def _next_of_number(self, logits: Any) -> int | None:
        """The best token that keeps the text a number; None where the model would go on to text."""
        kind, digits = self.request["number"], self.local.digits
        allowed = [t for t, part in digits.items() if _numbers.starts(self.text + part, kind)]
        if _numbers.whole(self.text, kind) and (not allowed or int(logits.argmax()) not in digits):
            return None
        token = max(allowed, key=lambda t: float(logits[t]))
        self.text += digits[token]
        return token
