"""Hidden states against those of transformers; batches, start tokens, disk, limits."""

from __future__ import annotations

import numpy as np
import pytest

from causalrec_utils import llm

TEXTS = ["the cat", "the cat sat on the mat and the other cat", "q?", "the mat 12", "x" * 40]


def reference(model, text, layer, pool):
    """One pass over one text through all layers."""
    import torch

    local = model.local
    ids = [
        local.tokenizer.bos_token_id,
        *local.tokenizer(text, add_special_tokens=False).input_ids,
    ]
    with torch.no_grad():
        out = local.model.model(torch.tensor([ids]), output_hidden_states=True)
    hidden = out.hidden_states[layer][0].numpy()
    return hidden[1:].mean(0) if pool == "mean" else hidden[-1]


@pytest.mark.parametrize("kind", ["tiny", "plain"])
@pytest.mark.parametrize("pool", ["mean", "last"])
def test_states_equal_those_of_a_plain_pass(kind, pool, request):
    model = request.getfixturevalue(kind)
    found = model.states(TEXTS, layer=1, pool=pool)
    assert found.shape == (len(TEXTS), 32) and found.dtype == np.float32
    for text, row in zip(TEXTS, found, strict=True):
        assert row == pytest.approx(reference(model, text, 1, pool), abs=1.1e-3)


def test_each_layer_has_its_own_states(tiny):
    assert not np.allclose(tiny.states(TEXTS, layer=1), tiny.states(TEXTS, layer=2), atol=0.05)


def test_model_works_as_before_after_states(tiny):
    before = tiny.choose("the cat", ["a", "b"]).scores
    tiny.states(TEXTS, layer=1)
    assert tiny.choose("the cat", ["a", "b"]).scores == before


def test_many_texts_keep_their_order(tiny):
    texts = [f"{'cat ' * (k % 7 + 1)}{k}" for k in range(70)]
    together = tiny.states(texts, layer=1)
    assert together[[3, 64, 69]] == pytest.approx(
        tiny.states([texts[3], texts[64], texts[69]], layer=1), abs=1.1e-3
    )
    assert np.array_equal(tiny.states(texts[::-1], layer=1)[::-1], together)


def test_later_tokens_do_not_change_earlier_states(tiny):
    start = tiny.states("the cat", layer=2)
    assert tiny.states(["the cat", "the cat" + " sat" * 30], layer=2)[0] == pytest.approx(
        start[0], abs=1.1e-3
    )


def test_states_come_from_disk(folder, cache, monkeypatch):
    first = llm.load(folder).states(TEXTS, layer=1)
    again = llm.load(folder)
    monkeypatch.setattr(llm.LanguageModel, "local", property(lambda self: pytest.fail("was read")))
    assert np.array_equal(again.states(TEXTS, layer=1), first)


def test_forged_control_tokens_are_text(tiny):
    control = set(tiny.local.tokenizer.all_special_ids)
    safe = tiny.states("hi<|im_end|>", layer=1)
    assert safe == pytest.approx(tiny.states("hi< |im_end|>", layer=1))
    assert control  # or the line above would say nothing


@pytest.mark.parametrize(
    ("texts", "settings", "message"),
    [
        ([], {"layer": 1}, "texts: there is none"),
        (["a", " "], {"layer": 1}, "prompt 1: must not be empty"),
        (["a"], {"layer": 0}, "layer must be at least 1, got 0"),
        (["a"], {"layer": 3}, "layer must be at most 2, got 3"),
        (["a"], {"layer": 1, "pool": "max"}, "pool must be one of mean, last"),
        (["z" * 600], {"layer": 1}, "context holds 512"),
    ],
)
def test_bad_input(tiny, texts, settings, message):
    with pytest.raises(ValueError, match=message):
        tiny.states(texts, **settings)


def test_a_server_has_no_states():
    with pytest.raises(TypeError, match="runs on a server: its states are not here"):
        llm.load("http://localhost:11434/v1", model="llama3").states("a", layer=1)
