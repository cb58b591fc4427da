"""Language models: write, choose between options, fill a schema; with every answer kept on disk.

Introduced in section 1.1. `load` gives a `LanguageModel`: a small one whose weights come through
`causalrec_utils.assets`, any safetensors model of the Hugging Face hub or of a folder, or a server
that speaks the OpenAI protocol. `benchmark` measures speed and memory.

Text is data here. What stands in a review can change what the model says, but not which code runs,
not the roles of the chat, and never the types of what `LanguageModel.extract` returns. Pickled
weights are not read, and code that comes with a model is not run.
"""

from ._benchmark import benchmark
from ._choice import Choice, combine
from ._extract import Refusal
from ._load import load
from ._model import LanguageModel
from ._sources import ModelUnavailable
from ._text import PromptTooLong

__all__ = [
    "Choice",
    "LanguageModel",
    "ModelUnavailable",
    "PromptTooLong",
    "Refusal",
    "benchmark",
    "combine",
    "load",
]
