"""What a small language model makes of three whole networks, and of other wordings, in section 2.2.

    python benchmarks/section_22.py          # about five minutes of one core

This takes longer than a chapter may, so the chapter reads what this script wrote, and asks a part
anew to see that it agrees.

networks   every statement "x causes y" about two variables of a network, and "neither causes the
           other": log-likelihood a token after one question, all that `graphs.elicit` needs
tone       four wordings of the question for the tone of a heading, on 160 headings that are
           not in the study of the chapter, which takes the best
pairs      log odds of yes to the two questions about each named pair, worded as in the published
           record of larger models
others     four other wordings for the same pairs, which the chapter only reports
"""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalrec_utils import datasets, llm, metrics

STUDY = 240  # headings
NETWORKS = ("asia", "sachs", "alarm")
QUESTION = "Which statement is true?"
CAUSES = "{a} causes {b}"
NEITHER = "neither causes the other"
TONE = {
    "Review: {}\nSentiment:": ("positive", "negative"),
    'Review of an album: "{}"\nDid the listener like the album?': ("yes", "no"),
    'Review of an album: "{}"\nIs it enthusiastic or disappointed?': (
        "enthusiastic",
        "disappointed",
    ),
    'Review of an album: "{}"\nHow many stars did the reviewer give?': ("5 stars", "1 star"),
}
TARGET = Path(__file__).resolve().parent.parent / "causalrec_utils" / "graphs" / "recorded.json"


def network(model: llm.LanguageModel, name: str) -> dict[str, Any]:
    """Scores of all statements; ``scores[i][j]`` is that of node i causing node j."""
    words = datasets.load_network(name).descriptions
    nodes = sorted(words)
    pairs = list(permutations(nodes, 2))
    statements = [CAUSES.format(a=words[a], b=words[b]) for a, b in pairs]
    choice = model.choose(QUESTION, [*statements, NEITHER])
    scores = dict(zip(pairs, choice.scores[:-1], strict=True))
    rows = [[scores.get((a, b)) for b in nodes] for a in nodes]
    texts = [words[node] for node in nodes]
    return {"nodes": nodes, "texts": texts, "neither": choice.scores[-1], "scores": rows}


def headings() -> pd.DataFrame:
    """160 headings, half cold and half warm, none of them in the study of section 2.2."""
    reviews, _, _ = datasets.load_amazon_digital_music()
    short = reviews[reviews["summary"].str.split().str.len().between(3, 14)]
    parts = [short.query("rating <= 2"), short.query("rating == 5")]
    rng = np.random.default_rng(22)
    study = pd.concat([part.sample(STUDY // 2, random_state=rng) for part in parts])
    known = set(study["summary"])
    left = [part[~part["summary"].isin(known)] for part in parts]
    return pd.concat([part.sample(80, random_state=0) for part in left])


def tone_wordings(model: llm.LanguageModel) -> list[dict[str, Any]]:
    """Area under the curve of each wording, with its interval."""
    found = headings()
    rows = []
    for wording, options in TONE.items():
        choices = model.choose_many([wording.format(s) for s in found["summary"]], options)
        frame = pd.DataFrame({"tone": (found["rating"] == 5).astype(int), "item": found["item"]})
        frame["score"] = [c.scores[0] - c.scores[1] for c in choices]
        area = metrics.auc(frame, label="tone", score="score", user="item", pooled=True)
        low, high = np.round(area.ci, 2).tolist()
        rows.append({"wording": wording, "auc": round(area.value, 2), "low": low, "high": high})
    return rows


def lean(model: llm.LanguageModel, questions: list[str], system: str | None) -> np.ndarray:
    """Log odds of yes, a column for each order of the two variables."""
    choices = model.choose_many(questions, ["Yes", "No"], system=system)
    return np.reshape([c.scores[0] - c.scores[1] for c in choices], (-1, 2)).round(3)


def pairs(model: llm.LanguageModel) -> tuple[list[list[float]], list[dict[str, Any]]]:
    """Log odds by pair, and what other wordings do: pairs that are right, share of yes."""
    table = datasets.load_causal_pairs()
    forward = (table["direction"] == "a->b").to_numpy()
    asked = table[["question_ab", "question_ba"]].to_numpy().ravel().tolist()
    claims = table[["claim_ab", "claim_ba"]].to_numpy().tolist()
    short = [text.split("?")[0] + "?" for text in asked]
    likelier = "Which cause-and-effect relationship is more likely?"
    word = "Please answer in a single word: Yes or No."
    rows = []
    for name, listed in (("likelier claim", False), ("likelier claim, listed", True)):
        choices = model.choose_many([likelier] * len(table), claims, listed=listed)
        right = np.array([c.scores[0] > c.scores[1] for c in choices]) == forward
        rows.append({"wording": name, "right": int(right.sum()), "yes": None})
    for name, system, end in (("in the system message", word, ""), ("short", None, " Yes or no?")):
        odds = lean(model, [question + end for question in short], system)
        right = (odds[:, 0] > odds[:, 1]) == forward
        yes = round(float((odds > 0).mean()), 3)
        rows.append({"wording": name, "right": int(right.sum()), "yes": yes})
    return lean(model, asked, None).tolist(), rows


def main() -> None:
    model = llm.load()
    odds, others = pairs(model)
    record = {
        "about": {
            "model": model.name,
            "weights": model.key,
            "question": QUESTION,
            "causes": CAUSES,
            "neither": NEITHER,
            "correction": "length",
        },
        "networks": {name: network(model, name) for name in NETWORKS},
        "tone": tone_wordings(model),
        "pairs": odds,
        "others": others,
    }
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    TARGET.write_text(text + "\n", encoding="utf-8")
    print(json.dumps({k: record[k] for k in ("about", "tone", "others")}, indent=1))


if __name__ == "__main__":
    main()
