"""Sentence embeddings by a transformer, computed once and kept."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import _checks, assets
from ..assets._files import digest
from ..assets._registry import find
from ._inputs import as_texts, at_least

__all__ = ["embed"]

CHUNK = 1024  # texts between two writes to the cache


def embed(
    texts: Iterable[str],
    *,
    model: str = "all-minilm-l6-v2",
    revision: str | None = None,
    batch_size: int = 64,
    cache: str = "use",
    device: str = "cpu",
    progress: bool = True,
) -> np.ndarray:
    """Vector of each text by a sentence transformer; cosine is the inner product.

    The token vectors are pooled as the model asks for (MiniLM: their mean) and scaled to length 1.
    Each distinct text is embedded once, in an order that does not depend on the order of the input,
    and kept on disk under the hash of the model's files and of the text: a rerun costs nothing, and
    with the default model does not even need it. Other batch sizes move the last digits only
    (below 1e-6). Weights are read from safetensors alone, and no code that comes with a model is
    run. Introduced in section 1.1.

    Parameters
    ----------
    texts : iterable of str
        MiniLM reads English, and the first 256 word pieces of a text.
    model : str
        Name of an asset, a folder with a sentence-transformers model, or a Hugging Face id.
    revision : str, optional
        Commit or tag of a Hugging Face id. Pin it: without it the newest is taken.
    batch_size : int
        Texts at once.
    cache : {"use", "refresh", "off"}
        Read and write the disk cache; only write it; neither.
    device : str
        As torch names it. Other devices differ in the last digits too.
    progress : bool
        Show a bar when the work takes more than a few seconds.

    Returns
    -------
    array of shape (n_texts, dimensions), float32
        Rows of length 1.

    Raises
    ------
    ValueError
        If there is no text, an element is not text, or a model brings code of its own.
    causalrec_utils.assets.AssetUnavailable
        If the model can't be had; the message says where it was sought.

    Notes
    -----
    Reimers and Gurevych (2019), "Sentence-BERT", EMNLP; Wang et al. (2020), "MiniLM",
    NeurIPS.

    Examples
    --------
    >>> from causalrec_utils import assets
    >>> if assets.is_available("all-minilm-l6-v2"):
    ...     cat, kitten, stocks = embed(["a cat", "a kitten", "stock market news"])
    ...     assert cat @ kitten > cat @ stocks
    """
    found = as_texts(texts)
    if not found:
        raise ValueError("texts: there is none")
    _checks.choice(cache, "cache", ("use", "refresh", "off"))
    at_least(batch_size, "batch_size", 1)
    identity, folder = _identify(model, revision)
    unique = sorted(set(found), key=lambda text: (len(text), text))
    known: dict[str, np.ndarray] = {}
    with _store(identity if cache != "off" else None) as store:
        if cache == "use":
            known = _read(store, unique)
        missing = [text for text in unique if text not in known]
        if missing:
            folder = folder or assets.fetch(model)
            encoder = _load(str(folder), identity, device)
            for part in _parts(missing, progress):
                vectors = _encode(encoder, part, batch_size)
                known.update(zip(part, vectors, strict=True))
                if store is not None:
                    _write(store, part, vectors)
    return np.stack([known[text] for text in found])


def _identify(model: str, revision: str | None) -> tuple[str, Path | None]:
    """Hash of the model's files, and their folder if it had to be looked up."""
    if model in assets.names():  # hashes are pinned, so the files themselves are not needed
        files = find(model).files
        if "modules.json" not in files:
            raise ValueError(f"model {model!r}: this asset is no sentence transformer")
        return _hash_of({name: file.sha256[0] for name, file in files.items()}), None
    folder = Path(model) if Path(model).is_dir() else _from_hub(model, revision)
    _refuse_code(folder)
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    return _hash_of({path.relative_to(folder).as_posix(): digest(path) for path in paths}), folder


def _hash_of(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _from_hub(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    offline = os.environ.get("CAUSALREC_OFFLINE", "") not in ("", "0")
    try:
        return Path(
            snapshot_download(
                model,
                revision=revision,
                allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors"],
                ignore_patterns=["onnx/*", "openvino/*"],
                local_files_only=offline,
            )
        )
    # the hub's client raises its own errors, those of its HTTP library, and ValueError for bad ids
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise assets.AssetUnavailable(
            f"model {model!r}: is no asset ({', '.join(assets.names())}), no folder, and the "
            f"Hugging Face hub {'is switched off' if offline else 'did not give it'}: {reason[0]}"
        ) from error


def _refuse_code(folder: Path) -> None:
    """No file of Python, no module from elsewhere: some readers would run it without asking."""
    parts = folder / "modules.json"
    kinds = (
        [part.get("type", "") for part in json.loads(parts.read_text())] if parts.exists() else []
    )
    foreign = [kind for kind in kinds if not kind.startswith("sentence_transformers.")]
    foreign += [path.name for path in folder.rglob("*.py")]
    if foreign:
        raise ValueError(f"model {str(folder)!r}: brings code of its own ({foreign[0]})")


@lru_cache(maxsize=1)
def _load(folder: str, identity: str, device: str) -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # one for each load, also for small models
    try:
        return SentenceTransformer(
            folder,
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},  # the other format is pickle
        )
    finally:
        if bars:
            logging.enable_progress_bar()


def _encode(encoder: Any, texts: list[str], batch_size: int) -> np.ndarray:
    vectors = encoder.encode(
        texts, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False
    )
    return np.asarray(vectors, dtype=np.float32)


def _parts(texts: list[str], progress: bool) -> Iterator[list[str]]:
    from tqdm import tqdm

    with tqdm(total=len(texts), unit="text", delay=5, disable=not progress) as bar:
        for start in range(0, len(texts), CHUNK):
            part = texts[start : start + CHUNK]
            yield part
            bar.update(len(part))


def _key(text: str) -> bytes:
    # Half of a surrogate pair is no text to UTF-8, but Python strings can hold one.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@contextmanager
def _store(identity: str | None) -> Iterator[sqlite3.Connection | None]:
    """The model's own database of vectors by hash of text, or None."""
    if identity is None:
        yield None
        return
    folder = assets.cache_dir() / "embeddings"
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / f"{identity[:32]}.sqlite", timeout=60)) as store:
        store.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB)")
        yield store


def _read(store: sqlite3.Connection | None, texts: list[str]) -> dict[str, np.ndarray]:
    assert store is not None
    known = {}
    for text in texts:
        row = store.execute("SELECT vector FROM vectors WHERE text = ?", (_key(text),)).fetchone()
        if row:
            known[text] = np.frombuffer(row[0], dtype="<f4")
    return known


def _write(store: sqlite3.Connection, texts: list[str], vectors: np.ndarray) -> None:
    rows = [
        (_key(text), row.astype("<f4").tobytes()) for text, row in zip(texts, vectors, strict=True)
    ]
    with store:
        store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
