"""Sentence embeddings: the cache and its refusals with a stand-in, the vectors with the real model.

The stand-in counts what it is asked; the real model is skipped where it can't be had.
"""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from causalrec_utils import assets
from causalrec_utils.text import _embed, embed

TEXTS = ["a long text about guitars and pianos", "a", "short", "a cat", "一只猫", "", "a"]


class Standin:
    """Three numbers of each text, and a list of the batches that were asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def encode(self, texts: list[str], **options: object) -> np.ndarray:
        self.asked.append(list(texts))
        raw = np.array([[len(text) + 1, text.count("a"), 1.0] for text in texts])
        length = np.linalg.norm(raw, axis=1, keepdims=True)
        return raw / length if options["normalize_embeddings"] else raw


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Standin:
    encoder = Standin()
    monkeypatch.setattr(_embed, "_load", lambda folder, identity, device: encoder)
    return encoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    (path / "modules.json").write_text(
        json.dumps([{"type": "sentence_transformers.models.Transformer"}])
    )
    (path / "weights.safetensors").write_bytes(b"first")
    return path


def test_each_distinct_text_is_embedded_once(standin: Standin, folder: Path, cache: Path) -> None:
    vectors = embed(TEXTS, model=str(folder))
    assert vectors.shape == (7, 3) and vectors.dtype == np.float32
    assert sum(map(len, standin.asked)) == 6
    np.testing.assert_array_equal(vectors[1], vectors[6])
    by_hand = Standin().encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(vectors, by_hand, rtol=1e-6)


def test_a_rerun_asks_nothing(standin: Standin, folder: Path, cache: Path) -> None:
    first = embed(TEXTS, model=str(folder))
    standin.asked.clear()
    np.testing.assert_array_equal(embed(TEXTS[::-1], model=str(folder))[::-1], first)
    assert standin.asked == []
    embed([*TEXTS, "new"], model=str(folder))
    assert standin.asked == [["new"]]


def test_refresh_and_off(standin: Standin, folder: Path, cache: Path) -> None:
    embed(["x"], model=str(folder), cache="off")
    assert not cache.exists()
    embed(["x"], model=str(folder))
    embed(["x"], model=str(folder), cache="refresh")
    assert standin.asked == [["x"]] * 3
    embed(["x"], model=str(folder))
    assert standin.asked == [["x"]] * 3


def test_other_weights_have_another_cache(standin: Standin, folder: Path, cache: Path) -> None:
    embed(["x"], model=str(folder))
    (folder / "weights.safetensors").write_bytes(b"second")
    embed(["x"], model=str(folder))
    assert standin.asked == [["x"]] * 2


def test_cached_vectors_of_the_default_model_need_no_model(
    standin: Standin, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "fetch", lambda name: Path("nowhere"))
    first = embed(["x", "y"])

    def refuse(*arguments: object) -> None:
        raise AssertionError("the model was asked for")

    monkeypatch.setattr(assets, "fetch", refuse)
    monkeypatch.setattr(_embed, "_load", refuse)
    np.testing.assert_array_equal(embed(["y", "x"]), first[::-1])


def test_work_is_kept_as_it_goes(
    standin: Standin, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_embed, "CHUNK", 2)
    encode = standin.encode

    def fail_late(texts: list[str], **options: object) -> np.ndarray:
        if len(standin.asked) == 2:
            raise RuntimeError("out of memory")
        return encode(texts, **options)

    monkeypatch.setattr(standin, "encode", fail_late)
    with pytest.raises(RuntimeError, match="out of memory"):
        embed(list("abcdef"), model=str(folder))
    monkeypatch.setattr(standin, "encode", encode)
    standin.asked.clear()
    embed(list("abcdef"), model=str(folder))
    assert standin.asked == [["e", "f"]]


def test_code_that_comes_with_a_model_is_refused(folder: Path, cache: Path) -> None:
    (folder / "modules.json").write_text(json.dumps([{"type": "evil.Module"}]))
    with pytest.raises(ValueError, match=r"brings code of its own \(evil.Module\)"):
        embed(["x"], model=str(folder))
    (folder / "modules.json").unlink()
    (folder / "modeling.py").write_text("raise SystemExit")
    with pytest.raises(ValueError, match=r"brings code of its own \(modeling.py\)"):
        embed(["x"], model=str(folder))


def test_pickled_weights_are_refused(folder: Path, cache: Path, minilm: Path) -> None:
    copytree(minilm, folder, dirs_exist_ok=True)
    for path in folder.glob("*.safetensors"):
        path.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"not even read")
    with pytest.raises(OSError, match="safetensors"):
        embed(["x"], model=str(folder))


def test_offline_hub_gives_one_clear_error(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    with pytest.raises(
        assets.AssetUnavailable, match="model 'nobody/nothing': .* hub is switched off"
    ):
        embed(["x"], model="nobody/nothing")


def test_bad_input(cache: Path) -> None:
    with pytest.raises(ValueError, match="texts: there is none"):
        embed([])
    with pytest.raises(ValueError, match=r"column 'texts': must be text; .* row: 1 \(value nan\)"):
        embed(["x", float("nan")])
    with pytest.raises(ValueError, match="cache must be one of use, refresh, off; got 'on'"):
        embed(["x"], cache="on")
    with pytest.raises(ValueError, match="'coat': this asset is no sentence transformer"):
        embed(["x"], model="coat")


def test_real_vectors_are_mean_pooled_and_of_length_one(minilm: Path, cache: Path) -> None:
    """The same numbers by hand: mean of the token vectors, scaled."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    got = embed(TEXTS, cache="off")
    assert got.shape == (7, 384)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    tokenizer, model = AutoTokenizer.from_pretrained(minilm), AutoModel.from_pretrained(minilm)
    for text, row in zip(TEXTS, got, strict=True):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        mean = states.mean(dim=0).numpy()
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_real_vectors_do_not_depend_on_order_or_batches(minilm: Path, cache: Path) -> None:
    texts = [f"text {'and more ' * (7 * at % 11)}number {at}" for at in range(40)]
    base = embed(texts, cache="off", batch_size=7)
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = embed([texts[i] for i in order], cache="off", batch_size=7)
    np.testing.assert_array_equal(shuffled, base[order])
    np.testing.assert_allclose(embed(texts, cache="off", batch_size=64), base, atol=1e-6)
    np.testing.assert_allclose(embed(texts[5:6], cache="off")[0], base[5], atol=1e-6)


def test_real_vectors_survive_the_cache(minilm: Path, cache: Path) -> None:
    first = embed(TEXTS)
    np.testing.assert_array_equal(embed(TEXTS), first)
    np.testing.assert_array_equal(embed(TEXTS, cache="refresh"), first)


def test_real_vectors_know_meaning(minilm: Path, cache: Path) -> None:
    cat, kitten, stocks = embed(["a cat sleeps", "a kitten naps", "stock markets fell"])
    assert cat @ kitten > 0.5 > cat @ stocks
