"""Embeddings of all headlines of section 5.2.3, reduced to their first principal components.

    python benchmarks/section_523.py          # one to three minutes of two cores

This takes longer than a chapter may, so the chapter reads what this script wrote, and embeds a few
headlines again to see that they agree. The directions are fitted to the earlier weeks alone.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
from section_32 import study
from sklearn.decomposition import PCA

from causalrec_utils import text
from causalrec_utils.policies._recorded import component_key

COMPONENTS = 24
TARGET = Path(__file__).resolve().parent.parent / "causalrec_utils" / "policies" / "recorded.json"


def main() -> None:
    arms = study()
    vectors = text.embed(arms["headline"]).astype(float)
    fitted = PCA(COMPONENTS, random_state=0).fit(vectors[~arms["held"]])
    mean, directions = fitted.mean_.round(5), fitted.components_.T.round(4)
    found = {component_key(h): v for h, v in zip(arms["headline"], vectors, strict=True)}
    keys = sorted(found)
    parts = (np.array([found[key] for key in keys]) - mean) @ directions
    step = np.array([float(f"{s:.3g}") for s in np.abs(parts).max(axis=0) / 126])
    stored = np.round(parts / step).astype(np.int8)
    record = {
        "mean": mean.tolist(),
        "directions": directions.tolist(),
        "step": step.tolist(),
        "keys": keys,
        "components": base64.b64encode(stored.tobytes()).decode(),
    }
    TARGET.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
