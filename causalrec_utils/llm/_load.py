"""`load`: from a name to a `LanguageModel`."""

from __future__ import annotations

import re
from pathlib import Path

from .. import _checks, assets
from ..assets import _registry
from ..assets._files import digest
from ._endpoint import Endpoint
from ._model import CACHE, LanguageModel
from ._sources import FolderSource, GgufSource, HubSource

__all__ = ["load"]

DEFAULT = "smollm2-135m"
ASSET, WEIGHTS = "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"


def load(
    name: str | Path = DEFAULT,
    *,
    model: str | None = None,
    revision: str | None = None,
    key_env: str | None = None,
    cache: str = "use",
    device: str = "cpu",
    dtype: str = "float32",
    threads: int = 1,
) -> LanguageModel:
    """Get a language model ready; its weights are read when the first new question comes.

    Introduced in section 1.1.

    Parameters
    ----------
    name : str or Path
        ``"smollm2-135m"``, SmolLM2-135M-Instruct in 4 bits through `causalrec_utils.assets`; a
        folder or a ``.gguf`` file; an id of the Hugging Face hub (safetensors weights only, no code
        of the model is run); or the address of a server that speaks the OpenAI protocol, such as
        ``"https://api.openai.com/v1"`` or ``"http://localhost:11434/v1"``.
    model : str, optional
        For a server: which model to ask.
    revision : str, optional
        For the hub: branch, tag or commit. A commit pins the model, and needs no network to replay.
    key_env : str, optional
        For a server: name of the environment variable that holds the key. ``"OPENAI_API_KEY"`` by
        default, which a server on this machine can do without.
    cache : {"use", "refresh", "off"}
        What to do with answers on disk: use them, ask anew and replace them, or neither read nor
        write.
    device, dtype : str
        Where and in which precision to compute; ``"cuda"`` and ``"bfloat16"``, say, for large
        models. In 32 bits answers are the same on every run.
    threads : int
        CPU threads, at most, while the model runs. On an idle machine two are 1.6 times as fast as
        one; on a busy one they wait for each other and are several times slower.

    Returns
    -------
    LanguageModel

    Raises
    ------
    ValueError
        If the name is none of the above, or an argument doesn't go with it.

    Notes
    -----
    Model: Ben Allal et al. (2025), "SmolLM2: When Smol Goes Big — Data-Centric Training of a Small
    Language Model".

    Examples
    --------
    >>> from causalrec_utils import llm
    >>> llm.load()
    LanguageModel('smollm2-135m')
    >>> llm.load("https://api.example.org/v1")
    Traceback (most recent call last):
        ...
    ValueError: model must name one of the server's models, e.g. model="gpt-4o-mini"
    """
    _checks.choice(cache, "cache", CACHE)
    text = str(name)
    settings = {"device": device, "dtype": dtype, "threads": threads}
    if re.match("https?://", text):
        if not model:
            raise ValueError(
                'model must name one of the server\'s models, e.g. model="gpt-4o-mini"'
            )
        return LanguageModel(
            f"{model} at {text}", endpoint=Endpoint(text, model, key_env), cache=cache
        )
    for argument, value in (("model", model), ("key_env", key_env)):
        if value is not None:
            raise ValueError(f"{argument} is for servers; {text!r} is not an address")
    path = Path(name).expanduser()
    is_hub = text != DEFAULT and not path.exists()
    if revision is not None and not is_hub:
        raise ValueError(f"revision is for models of the hub; {text!r} is none")
    source: GgufSource | FolderSource | HubSource
    if text == DEFAULT:
        pinned = _registry.find(ASSET).files[WEIGHTS].sha256[0]
        source = GgufSource(lambda: assets.fetch(ASSET, WEIGHTS), pinned)
    elif path.suffix == ".gguf" and path.is_file():
        source = GgufSource(path.absolute, digest(path))
    elif path.is_dir():
        source = FolderSource(path.absolute())
    elif re.fullmatch(r"[\w.-]+(/[\w.-]+)?", text) and not path.exists():
        source = HubSource(text, revision)
    else:
        raise ValueError(
            f"name must be {DEFAULT!r}, a folder, a .gguf file, a hub id like 'owner/model' or the "
            f"address of a server; got {text!r}"
        )
    return LanguageModel(text, source=source, settings=settings, cache=cache)
