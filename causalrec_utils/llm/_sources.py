"""Where weights come from: a GGUF file, a folder, the Hugging Face hub. Nothing is read early."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from ..assets import cache_dir
from ..assets._files import digest, locked

__all__ = ["FolderSource", "GgufSource", "HubSource", "ModelUnavailable"]

# Weights as safetensors, and tokenisers: no pickles, no Python files.
SAFE_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt"]


class ModelUnavailable(OSError):
    """A model or its server can't be had; the message says why and what to do."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Progress bars of transformers on a terminal only; elsewhere they would be stored for good."""
    from tqdm import tqdm
    from transformers import modeling_gguf_pytorch_utils as reader
    from transformers.utils import logging

    if sys.stderr.isatty():
        yield
        return
    shown, bar = logging.is_progress_bar_enabled(), reader.tqdm
    logging.disable_progress_bar()
    reader.tqdm = tqdm  # this bar doesn't heed that setting, and is a widget in a notebook
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        reader.tqdm = bar
        if shown:
            logging.enable_progress_bar()


def _convert(weights: Path, target: Path) -> None:
    """Write a GGUF file as safetensors, in 32 bits: the same numbers, read in a second."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"gguf_file": weights.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, **where)
    model = AutoModelForCausalLM.from_pretrained(weights.parent, dtype=torch.float32, **where)
    settings = model.config.to_dict()
    for name in ("quantization_config", "_name_or_path"):  # the copy is not quantised any more
        settings.pop(name, None)
    copy = type(model)(type(model.config).from_dict(settings))
    copy.load_state_dict(model.state_dict())
    copy.save_pretrained(target)
    tokenizer.save_pretrained(target)


@dataclass(frozen=True)
class GgufSource:
    """A GGUF file; ``path`` is called only if there is no converted copy yet."""

    path: Callable[[], Path]
    sha256: str

    @property
    def key(self) -> str:
        return f"gguf:{self.sha256}"

    def folder(self) -> Path:
        """The converted copy, made on the first call."""
        root = cache_dir() / "llm"
        target = root / f"{self.sha256[:16]}-transformers-{version('transformers')}"
        if target.is_dir():
            return target
        weights = self.path()
        with locked(root):
            if target.is_dir():  # another process was faster
                return target
            aside = root / f".{target.name}"
            shutil.rmtree(aside, ignore_errors=True)  # left by a process that was killed
            try:
                with _quiet():
                    _convert(weights, aside)
                os.replace(aside, target)  # whole or not at all
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        return target


@dataclass(frozen=True)
class FolderSource:
    """A folder as ``save_pretrained`` writes it."""

    path: Path

    @cached_property
    def key(self) -> str:
        files = sorted(p for pattern in SAFE_FILES for p in self.path.glob(pattern))
        parts = [f"{file.name}:{digest(file)}" for file in files]
        return f"folder:{hashlib.sha256('/'.join(parts).encode()).hexdigest()}"

    def folder(self) -> Path:
        if not any(self.path.glob("*.safetensors")):
            raise ModelUnavailable(
                f"{self.path} has no .safetensors weights, and no other format is read"
            )
        return self.path


@dataclass(frozen=True)
class HubSource:
    """A model of the Hugging Face hub, kept by huggingface_hub in its own cache."""

    name: str
    revision: str | None

    @cached_property
    def commit(self) -> str:
        """The commit that the revision stands for; asks the hub unless it is a commit already."""
        if self.revision and re.fullmatch("[0-9a-f]{40}", self.revision):
            return self.revision
        from huggingface_hub import HfApi

        if not _offline():
            try:
                found = HfApi().model_info(self.name, revision=self.revision, timeout=10).sha
                if found:
                    return found
            except Exception as error:  # of httpx, of the hub, of the system: too many to list
                if _says_no(error):
                    raise self._unavailable(error) from error
        return self._download(self.revision, offline=True).name

    @property
    def key(self) -> str:
        return f"hub:{self.name}@{self.commit}"

    def folder(self) -> Path:
        with suppress(ModelUnavailable):  # a commit never changes, so what is here will do
            folder = self._download(self.commit, offline=True)
            if _complete(folder):
                return folder
        return FolderSource(self._download(self.commit, offline=_offline())).folder()

    def _download(self, revision: str | None, *, offline: bool) -> Path:
        from huggingface_hub import snapshot_download

        try:
            return Path(
                snapshot_download(
                    self.name,
                    revision=revision,
                    allow_patterns=SAFE_FILES,
                    local_files_only=offline,
                )
            )
        except Exception as error:  # as above
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> ModelUnavailable:
        if _says_no(error):
            why = "the hub has no such model or revision, or it needs you to accept its terms"
        else:
            why = "the hub can't be reached and the model is not in its local cache"
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return ModelUnavailable(
            f"model {self.name!r} can't be had: {why} ({first}). Check the name on "
            f"https://huggingface.co/{self.name}, or pass a folder with its files"
        )


def _complete(folder: Path) -> bool:
    """Whether all files of a model are in a folder, other than after a download that broke off."""
    index = folder / "model.safetensors.index.json"
    parts = {"model.safetensors"}
    if index.is_file():
        parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return all(
        (folder / name).is_file() for name in ("config.json", "tokenizer_config.json", *parts)
    )


def _offline() -> bool:
    return os.environ.get("CAUSALREC_OFFLINE", "") not in ("", "0")


def _says_no(error: Exception) -> bool:
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    kinds = GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
    return isinstance(error, kinds)
