"""Names, hub, folders, hashes, and the real small model where it can be had."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from causalrec_utils import assets, llm
from causalrec_utils.llm import _sources

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """A local cache of the hub, and a hub that can't be reached."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    return tmp_path / "hub"


def put(folder: Path, hub: Path, *, weights: bool = True) -> None:
    home = hub / "models--someone--tiny"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    ignore = None if weights else shutil.ignore_patterns("*.safetensors")
    shutil.copytree(folder, home / "snapshots" / COMMIT, ignore=ignore)


@pytest.mark.parametrize("offline", ["0", "1"])
def test_hub_model_from_the_local_cache(folder, hub, tiny, monkeypatch, offline):
    put(folder, hub)
    monkeypatch.setenv("CAUSALREC_OFFLINE", offline)
    model = llm.load("someone/tiny", cache="off")
    assert model.key == f"hub:someone/tiny@{COMMIT} float32"
    assert model.generate("the cat", max_tokens=3) == tiny.generate("the cat", max_tokens=3)


def test_pinned_commit_needs_no_network_for_its_key(hub):
    model = llm.load("someone/tiny", revision=COMMIT)
    assert model.key == f"hub:someone/tiny@{COMMIT} float32"


def test_hub_that_can_not_be_reached(hub, cache, monkeypatch):
    with pytest.raises(llm.ModelUnavailable, match=r"'someone/tiny' can't be had: the hub can't"):
        llm.load("someone/tiny").generate("a")
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    with pytest.raises(llm.ModelUnavailable, match="can't be had"):
        llm.load("someone/tiny", revision=COMMIT).generate("a")


def test_hub_model_that_is_not_there(hub, cache, monkeypatch):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    def missing(*args, **kwargs):
        raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)

    monkeypatch.setattr(HfApi, "model_info", missing)
    with pytest.raises(llm.ModelUnavailable, match="no such model or revision"):
        llm.load("someone/tiny").generate("a")


def test_only_safetensors_are_read(folder, tmp_path, hub, monkeypatch):
    target = tmp_path / "pickled"
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors"))
    (target / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(llm.ModelUnavailable, match="no .safetensors weights"):
        llm.load(target, cache="off").generate("a")
    put(target, hub, weights=False)
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    with pytest.raises(llm.ModelUnavailable, match="no .safetensors weights"):
        llm.load("someone/tiny", cache="off").generate("a")
    assert "*.bin" not in _sources.SAFE_FILES and "*.py" not in _sources.SAFE_FILES


def test_code_of_a_model_is_not_run(folder, tmp_path):
    target = tmp_path / "coded"
    shutil.copytree(folder, target)
    config = (target / "config.json").read_text()
    trap = '{"auto_map": {"AutoModelForCausalLM": "trap.Trap", "AutoConfig": "trap.Conf"},'
    config = config.replace("{", trap, 1).replace('"llama"', '"unheard-of"')
    (target / "config.json").write_text(config)
    (target / "trap.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ValueError, match="trust_remote_code|custom code"):
        llm.load(target, cache="off").generate("a")
    assert not (tmp_path / "ran").exists()


def test_wrong_hash_is_one_clear_error(cache, monkeypatch):
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    monkeypatch.delenv("CAUSALREC_DATA_MIRROR", raising=False)
    path = cache / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF but something else")
    with pytest.raises(assets.AssetUnavailable, match="corrupted: SmolLM2"):
        llm.load().generate("a")
    assert not list((cache / "llm").glob("*-transformers-*"))


def test_failed_conversion_leaves_nothing(cache, tmp_path, monkeypatch):
    (tmp_path / "w.gguf").write_bytes(b"GGUF")

    def half(weights, target):
        target.mkdir()
        (target / "config.json").write_text("{")
        raise OSError("disk full")

    monkeypatch.setattr(_sources, "_convert", half)
    with pytest.raises(OSError, match="disk full"):
        llm.load(tmp_path / "w.gguf").generate("a")
    assert [p.name for p in (cache / "llm").iterdir() if p.is_dir()] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no such/folder/anywhere",), "name must be"),
        (("https://api.example.org/v1",), "model must name"),
        (("smollm2-135m", {"model": "x"}), "model is for servers"),
        (("smollm2-135m", {"revision": "x"}), "revision is for models of the hub"),
        (("smollm2-135m", {"cache": "x"}), "cache must be one of"),
    ],
)
def test_bad_arguments(arguments, message):
    name, settings = arguments[0], arguments[1] if len(arguments) > 1 else {}
    with pytest.raises(ValueError, match=message):
        llm.load(name, **settings)


def test_nothing_heavy_is_imported_early():
    code = (
        "import sys; from causalrec_utils import llm; llm.load()\n"
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'tqdm'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def small() -> llm.LanguageModel:
    try:
        assets.fetch("smollm2-135m-instruct")
    except assets.AssetUnavailable as error:
        pytest.skip(str(error).splitlines()[0])
    return llm.load(cache="off")


def test_real_model_knows_a_capital(small):
    assert "Paris" in small.generate("What is the capital of France?", max_tokens=12)
    for correction in ("length", "surface"):
        choice = small.choose(
            "What is the capital of France?", ["London", "Paris"], correction=correction
        )
        assert choice.answer == "Paris"


def test_real_copy_equals_its_gguf_and_is_silent(small, capfd):
    import torch
    from transformers import AutoTokenizer

    folder = small._source.folder()
    assert folder.parent == assets.cache_dir() / "llm"
    gguf = assets.fetch("smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf")
    weights = small.local.model.get_input_embeddings().weight
    assert weights.dtype == torch.float32
    import gguf as reader

    tensor = next(t for t in reader.GGUFReader(gguf).tensors if t.name == "token_embd.weight")
    exact = reader.dequantize(tensor.data[:50], tensor.tensor_type)
    assert (weights[:50].detach().numpy() == exact).all()
    text = "It's 12.5% off —  今天\n\n"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    capfd.readouterr()
    llm.load(cache="off").generate("hi", max_tokens=1)
    assert capfd.readouterr() == ("", "")
