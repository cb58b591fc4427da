"""Named cause-effect questions, with answers that large language models once gave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks as check
from .. import assets
from ._schema import Column, SchemaError, conform

__all__ = ["load_causal_pairs", "load_counterfactuals", "load_neuropathic_pairs"]

ASSET = "llm-causal-pairs"
N_PAIRS, N_NEUROPATHIC, N_COUNTERFACTUAL = 108, 475, 274
DIRECTIONS = ("a->b", "b->a")
META = ["pair", "first_cause", "last_cause", "first_effect", "last_effect", "weight"]
CHOICE = {"A": "a->b", "B": "b->a"}


def _read(
    member: str, columns: Mapping[str, Column], labels: Mapping[str, str], rows: int, **options: Any
) -> pd.DataFrame:
    path = assets.fetch(ASSET, member)
    raw = pd.read_csv(path, **options)
    raw.columns = raw.columns.str.strip()
    raw = raw.rename(columns=labels)
    for name in raw.select_dtypes("str"):
        raw[name] = raw[name].str.strip()
    return conform(raw, columns, source=path, rows=rows)


def _number(pair: pd.Series) -> pd.Series:
    """``pair0001,`` as 1."""
    return pair.str.extract(r"(\d+)", expand=False).astype("int64")


def _gpt4() -> pd.DataFrame:
    """Recorded answers in full, one JSON object a line, and the choice inside the answer tags."""
    path = assets.fetch(ASSET, "gpt-4_system_results_singleprompt.jsonl")
    rows = []
    for row, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        try:
            record = json.loads(line)
            text = record["result"]["choices"][0]["message"]["content"]
            rows.append({"pair": record["pair_id"], "prompt": record["prompt"], "text": text})
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise SchemaError(f"{path}: not an answer; first offending row: {row}") from error
    text = Column("str")
    columns = {"pair": text, "prompt": text, "text": text}
    answers = conform(pd.DataFrame(rows), columns, source=path, rows=N_PAIRS)
    found = answers["text"].str.extract(r"<Answer>\s*([AB])\b", expand=False)
    answers["choice"] = pd.Categorical(found.map(CHOICE), categories=DIRECTIONS)
    answers["prompt"] = answers["prompt"].str.strip()
    return answers


def _aligned(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Files go by the order of the pairs; make sure that this one does."""
    numbers = _number(table["pair"]).to_numpy()
    wrong = numbers != np.arange(1, N_PAIRS + 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise SchemaError(f"{source}: column 'pair': must count up; first offending row: {row}")
    return table


def load_causal_pairs() -> pd.DataFrame:
    """The 108 Tübingen cause-effect pairs by name, with the recorded answers of three models.

    Which of two named things causes the other, as experts agree; what GPT-3.5, GPT-4 and ChatGPT
    (the first one, of December 2022) said in 2022 and 2023. Introduced in section 2.2.

    Returns
    -------
    pandas.DataFrame
        One row a pair. ``pair`` (1–108), ``a``, ``b`` (short names), ``a_phrase``, ``b_phrase``
        (the same two things, each in words that stand alone), ``source`` (of the numeric data),
        ``direction`` (the truth: ``"a->b"`` or ``"b->a"``), ``weight`` (so that near copies of one
        pair count once together; five pairs of vectors have weight 0), ``claim_ab``, ``claim_ba``
        ("changing ... causes a change in ...").

        One question with two options, A being a->b: ``prompt``, ``gpt4_text`` (the whole answer),
        ``gpt4_choice`` (a direction; missing if there is none in the text), ``gpt4_right``,
        ``gpt35_right``. Recorded in one order only.

        Two questions with yes or no: ``question_ab``, ``question_ba``, ``chatgpt_ab_right``,
        ``chatgpt_ba_right``. Recorded for both orders, as right or wrong only.

    Raises
    ------
    causalrec_utils.assets.AssetUnavailable
        If the files can't be had.
    ValueError
        If a file is not what it should be.

    Notes
    -----
    The pairs and their truth have been on the web since 2010 or so: a model may have memorised
    them. Rename the variables to see what remains.

    Source: Kıcıman, Ness, Sharma and Tan (2023), "Causal Reasoning and Large Language Models:
    Opening a New Frontier for Causality", arXiv:2305.00050; Mooij, Peters, Janzing, Zscheischler
    and Schölkopf (2016), "Distinguishing Cause from Effect Using Observational Data: Methods and
    Benchmarks", Journal of Machine Learning Research 17(32).

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("llm-causal-pairs"):
    ...     pairs = datasets.load_causal_pairs()
    ...     assert pairs.loc[0, ["a", "b", "direction"]].tolist() == [
    ...         "Altitude", "Temperature", "a->b"]
    """
    text, flag = Column("str"), Column("int", 0, 1)
    columns = {
        "pair": text,
        "a": text,
        "b": text,
        "source": text,
        "direction": Column("category", values=("->", "<-")),
        "chatgpt_ab_right": flag,
        "chatgpt_ba_right": flag,
    }
    names = {
        "pairid": "pair",
        "varA": "a",
        "varB": "b",
        "dataset": "source",
        "groundtruth": "direction",
        "CorrectACauseB": "chatgpt_ab_right",
        "CorrectBCauseA": "chatgpt_ba_right",
    }
    truth = _aligned(_read("results.txt", columns, names, N_PAIRS), "results.txt")
    right = {}
    for model, name in (("gpt4", "gpt-4"), ("gpt35", "gpt-3.5-turbo")):
        member = f"{name}_system_results_singleprompt.csv"
        each = {"pair": text, "right": flag}
        named = {"pairid": "pair", "CorrectCause": "right"}
        right[model] = _aligned(_read(member, each, named, N_PAIRS), member)["right"].eq(1)
    member = "comp_prompts_aug.csv"
    parts = {name: text for name in ("pair", "cause1", "effect1", "cause2", "effect2")}
    phrases = _aligned(_read(member, parts, {"pair_id": "pair"}, N_PAIRS), member)
    asked = {"pair": text, "prompt": text}
    questions = _read("prompts_aug.csv", asked, {"pair_id": "pair"}, 2 * N_PAIRS)
    both = [_aligned(questions.iloc[k::2], "prompts_aug.csv")["prompt"].to_numpy() for k in (0, 1)]
    meta = {"pair": text, "weight": Column("float", 0, 1)}
    layout = {"header": None, "names": META, "dtype": {"pair": str}}
    listed = _read("pairmeta.txt", meta, {}, N_PAIRS, sep=r"\s+", **layout)
    weights = _aligned(listed, "pairmeta.txt")
    answers = _aligned(_gpt4(), "gpt-4_system_results_singleprompt.jsonl")

    pairs = pd.DataFrame({"pair": np.arange(1, N_PAIRS + 1), "a": truth["a"], "b": truth["b"]})
    pairs["a_phrase"], pairs["b_phrase"] = phrases["cause1"], phrases["cause2"]
    pairs["source"] = truth["source"]
    direction = truth["direction"].map({"->": "a->b", "<-": "b->a"})
    pairs["direction"] = pd.Categorical(direction, categories=DIRECTIONS)
    pairs["weight"] = weights["weight"]
    for order, k in (("ab", 1), ("ba", 2)):
        cause, effect = phrases[f"cause{k}"], phrases[f"effect{k}"]
        pairs[f"claim_{order}"] = "changing " + cause + " causes a change in " + effect
    pairs["prompt"], pairs["gpt4_text"] = answers["prompt"], answers["text"]
    pairs["gpt4_choice"] = answers["choice"]
    pairs["gpt4_right"], pairs["gpt35_right"] = right["gpt4"], right["gpt35"]
    disagree = (pairs["gpt4_choice"].eq(pairs["direction"]) != pairs["gpt4_right"]).to_numpy()
    check.refuse(disagree, pairs["gpt4_choice"], "gpt4_choice", "must agree with the recorded mark")
    pairs["question_ab"], pairs["question_ba"] = both
    for name in ("chatgpt_ab_right", "chatgpt_ba_right"):
        pairs[name] = truth[name].eq(1)
    return pairs


def load_neuropathic_pairs() -> pd.DataFrame:
    """475 pairs from a causal graph of nerve damage and pain, with balanced answers.

    Harder to guess from everyday knowledge than `load_causal_pairs`, and the order of the options
    was shuffled. Introduced in section 2.2.

    Returns
    -------
    pandas.DataFrame
        ``pair`` (0–474), ``a``, ``b`` (names, as the options A "a causes b" and B "b causes a" have
        them), ``direction`` (the truth), ``prompt``.

    Notes
    -----
    Source: Tu, Zhang, Bertilson, Kjellström and Zhang (2019), "Neuropathic Pain Diagnosis
    Simulator for Causal Discovery Algorithm Evaluation", NeurIPS.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("llm-causal-pairs"):
    ...     pairs = datasets.load_neuropathic_pairs()
    ...     assert 0.4 < (pairs["direction"] == "a->b").mean() < 0.6
    """
    member = "neuropathic-pain-diagnosis/prompts.csv"
    truth = Column("category", values=("A", "B"))
    columns = {"pair_id": Column("str"), "prompt": Column("str"), "groundtruth": truth}
    raw = _read(member, columns, {}, N_NEUROPATHIC)
    names = raw["prompt"].str.extract(r"\sA\. (?P<a>.+?) causes (?P<b>.+?)\.\s+B\. ")
    if names.isna().any(axis=None):
        row = int(np.argmax(names.isna().any(axis=1)))
        raise SchemaError(f"{member}: column 'prompt': has no options; first offending row: {row}")
    pairs = pd.DataFrame({"pair": _number(raw["pair_id"]), **names})
    pairs["direction"] = pd.Categorical(raw["groundtruth"].map(CHOICE), categories=DIRECTIONS)
    return pairs.assign(prompt=raw["prompt"])


def load_counterfactuals() -> pd.DataFrame:
    """274 small stories that ask what would have happened otherwise, with right and wrong answers.

    Introduced in section 2.2.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``premise``, ``question``, ``correct``, ``wrong_1``, ``wrong_2``, ``wrong_3``
        (missing for most). Shuffle the answers before you show them to a model.

    Notes
    -----
    The authors ask that these questions are kept out of training data. Source: Frohberg and Binder
    (2022), "CRASS: A Novel Data Set and Benchmark to Test Counterfactual Reasoning of Large
    Language Models", LREC.

    Examples
    --------
    >>> from causalrec_utils import assets, datasets
    >>> if assets.is_available("llm-causal-pairs"):
    ...     assert datasets.load_counterfactuals()["premise"].str.len().min() > 0
    """
    text = Column("str")
    columns = {
        "id": Column("int", 1),
        "premise": text,
        "question": text,
        "correct": text,
        "wrong_1": text,
        "wrong_2": text,
        "wrong_3": Column("str", missing=True),
    }
    names = {
        "PCTID": "id",
        "Premise": "premise",
        "QCC": "question",
        "CorrectAnswer": "correct",
        "Answer1": "wrong_1",
        "Answer2": "wrong_2",
        "PossibleAnswer3": "wrong_3",
    }
    member = "crass-cf/CRASS_FTM_main_data_set.csv"
    return _read(member, columns, names, N_COUNTERFACTUAL, sep=";")
