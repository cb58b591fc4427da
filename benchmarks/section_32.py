"""What a language model makes of all headlines and descriptions of section 3.2.

    python benchmarks/section_32.py          # about fifteen minutes of one core

This takes longer than a chapter may, so the chapter reads what this script wrote, and recomputes a
few scores to see that they agree.

choose            which headline the model would write; asked for the held-out tests
attributes        log odds of yes to a question about each headline; about six minutes for each
states            a ridge on the mean state after layer 18, centred within tests, fitted to the
                  training weeks; scores of these weeks are out of fold (five folds of tests). The
                  layer is the best of 6, 12, 18, 24 and 30 by five-fold cross-validation on the
                  training weeks: agreement with log odds .314, .317, .323, .322, .299
                  (the state of the last token instead: at most .18, on a part of the tests)
plans, gated      plans read from the test descriptions, without and with the gate

Headlines are read in 16 bits (bfloat16), which halves the time on processors that know them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from causalrec_utils import datasets, interventions, llm
from causalrec_utils.interventions import headline_key

LAYER, STRENGTH = 18, 30.0
CHOOSE = "Write a headline that very many readers of a news site will click."
ATTRIBUTES = {"curious": "Does this headline make readers curious?"}
TARGET = Path(__file__).resolve().parent.parent / "causalrec_utils" / "interventions"


def study() -> pd.DataFrame:
    """The arms of section 3.2: randomised tests of one picture whose headlines differ."""
    rows = datasets.load_upworthy().query("randomised").dropna(subset="image")
    rows = rows[rows.groupby("test")["image"].transform("nunique") == 1]
    sums = {"clicks": "sum", "impressions": "sum", "week": "min"}
    arms = rows.groupby(["test", "headline"], as_index=False).agg(sums)
    arms = arms[arms.groupby("test")["headline"].transform("size") > 1].copy()
    arms["week"] = arms.groupby("test")["week"].transform("min")
    arms = arms.sort_values(["week", "test"], kind="stable", ignore_index=True)
    weeks = arms.groupby("test")["week"].first().sort_values()
    arms["held"] = arms["week"] >= weeks.iloc[int(0.7 * len(weeks))]
    return arms


def centred(values: np.ndarray, test: pd.Series) -> np.ndarray:
    frame = pd.DataFrame(values)
    return (frame - frame.groupby(test.to_numpy()).transform("mean")).to_numpy()


def chosen(model: llm.LanguageModel, arms: pd.DataFrame) -> list[float]:
    """Log-likelihood of each headline, per token, as an answer to the request for a good one."""
    lists = [group.tolist() for _, group in arms.groupby("test", sort=False)["headline"]]
    found = {
        (test, option): score
        for test, choice in zip(
            arms["test"].unique(), model.choose_many([CHOOSE] * len(lists), lists), strict=True
        )
        for option, score in zip(choice.options, choice.scores, strict=True)
    }
    return [found[pair] for pair in zip(arms["test"], arms["headline"], strict=True)]


def answered(model: llm.LanguageModel, question: str, arms: pd.DataFrame) -> np.ndarray:
    """Log odds of yes to a question about each headline."""
    questions = [f"{question}\n\n{headline}" for headline in arms["headline"]]
    said = model.choose_many(questions, ["yes", "no"], correction="none")
    return np.array([answer.scores[0] - answer.scores[1] for answer in said])


def by_states(model: llm.LanguageModel, arms: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all arms, and the coefficients behind those of the held-out tests."""
    from sklearn.linear_model import Ridge

    x = model.states(arms["headline"].tolist(), layer=LAYER).astype(float)
    held, n, clicks = arms["held"].to_numpy(), arms["impressions"], arms["clicks"]
    scale = centred(x, arms["test"])[~held].std(axis=0) * np.sqrt(x.shape[1])
    z = centred(x, arms["test"]) / scale
    odds = np.log((clicks + 0.5) / (n - clicks + 0.5)).to_numpy()
    y = centred(odds[:, None], arms["test"])[:, 0]

    def fit(part: np.ndarray) -> np.ndarray:
        weight = n[part] / n[part].mean()
        return Ridge(STRENGTH, fit_intercept=False).fit(z[part], y[part], weight).coef_ / scale

    tests = np.random.default_rng(0).permutation(arms["test"][~held].unique())
    folds = dict(zip(tests, np.arange(len(tests)) % 5, strict=True))
    fold = arms["test"].map(folds).fillna(-1).to_numpy()
    last = fit(~held)
    score = x @ last
    for k in range(5):
        score[fold == k] = x[fold == k] @ fit((fold != k) & ~held)
    return score, last


def plans(gate: str | None) -> list[dict[str, str | int]]:
    """Fields of a plan, or the field and reason of a refusal, for each test description."""
    texts = interventions.example_descriptions().query("split == 'test'")["text"]
    return [asdict(found) for found in interventions.describe(texts, llm.load(), gate=gate)]


def main() -> None:
    arms, model = study(), llm.load(dtype="bfloat16")
    scores = arms[["test", "headline"]].copy()
    scores.loc[arms["held"], "choose"] = chosen(model, arms[arms["held"]])
    for name, question in ATTRIBUTES.items():
        scores[name] = answered(model, question, arms)
    scores["states"], coefficients = by_states(model, arms)
    columns = ["choose", *ATTRIBUTES, "states"]
    rows = scores[columns].round(3).astype(object).where(scores[columns].notna(), None)
    keys = map(headline_key, scores["test"], scores["headline"])
    record = {
        "about": {
            "choose": CHOOSE,
            "attributes": ATTRIBUTES,
            "layer": LAYER,
            "coefficients": coefficients.round(6).tolist(),
        },
        "columns": columns,
        "scores": dict(zip(keys, rows.to_numpy().tolist(), strict=True)),
        "plans": plans(None),
        "gated": plans(interventions.GATE),
    }
    text = json.dumps(record, separators=(",", ":"))
    (TARGET / "recorded.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
