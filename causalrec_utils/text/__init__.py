"""Text as data: cleaning, tokens, tags, redaction, and classical and transformer embeddings.

Introduced in section 2.2. English and Chinese, from libraries whose data ship with them. `clean`,
`redact` and `redaction_report` prepare a text; `tokens`, `stop_words` and `tags` take it apart;
`tfidf`, `word2vec`, `glove` and `embed` turn it into numbers.
"""

from ._clean import Cleaned, clean
from ._embed import embed
from ._glove import glove
from ._redact import Redaction, redact
from ._report import redaction_report
from ._tfidf import Tfidf, tfidf
from ._vectors import WordVectors, word2vec
from ._words import stop_words, tags, tokens

__all__ = [
    "Cleaned",
    "Redaction",
    "Tfidf",
    "WordVectors",
    "clean",
    "embed",
    "glove",
    "redact",
    "redaction_report",
    "stop_words",
    "tags",
    "tfidf",
    "tokens",
    "word2vec",
]
