"""Cause-effect pairs, named and numeric: facts of the cards, agreement, wrong files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from causalrec_utils import assets, datasets
from causalrec_utils.datasets import _causal_pairs

ANSWERS = "gpt-4_system_results_singleprompt.jsonl"


def test_recorded_answers(real):
    real("llm-causal-pairs")
    pairs = datasets.load_causal_pairs()
    assert pairs["pair"].tolist() == list(range(1, 109))
    right = pairs[["gpt4_right", "gpt35_right", "chatgpt_ab_right", "chatgpt_ba_right"]]
    assert right.sum().tolist() == [104, 96, 102, 91]
    weighted = np.average(right, axis=0, weights=pairs["weight"]).round(3)
    assert weighted.tolist() == [0.974, 0.922, 0.908, 0.889]
    assert (pairs["direction"] == "a->b").sum() == 78
    assert (pairs["gpt4_choice"] == pairs["direction"]).equals(pairs["gpt4_right"])
    # prompts offer claim_ab as A and claim_ba as B
    for row in pairs.itertuples():
        assert f"A. {row.claim_ab}." in row.prompt and f"B. {row.claim_ba}." in row.prompt
        assert row.a_phrase in row.question_ab and row.b_phrase in row.question_ba
    assert pairs.loc[pairs["weight"] == 0, "pair"].tolist() == [52, 53, 54, 55, 71]


def test_the_other_sets(real):
    real("llm-causal-pairs")
    pain = datasets.load_neuropathic_pairs()
    assert pain["direction"].value_counts().to_dict() == {"b->a": 246, "a->b": 229}
    assert not pain.duplicated(["a", "b"]).any()
    stories = datasets.load_counterfactuals()
    assert stories["id"].is_unique and stories["wrong_3"].notna().sum() == 44
    assert (stories["correct"] != stories["wrong_1"]).all()


def test_an_answer_without_choice_is_missing_not_guessed(real, serve):
    real("llm-causal-pairs")
    lines = assets.fetch("llm-causal-pairs", ANSWERS).read_text().splitlines()
    first = json.loads(lines[0])
    first["result"]["choices"][0]["message"]["content"] = "A or B? I can't say."
    serve(ANSWERS, "\n".join([json.dumps(first), *lines[1:]]))
    assert np.isnan(_causal_pairs._gpt4()["choice"].cat.codes.replace(-1, np.nan)[0])
    with pytest.raises(ValueError, match="'gpt4_choice': must agree with the recorded .* row: 0 "):
        datasets.load_causal_pairs()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda lines: lines[:-1], "must have 108 rows, got 107"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "must count up; .*row: 0"),
        (lambda lines: [lines[0], "{}", *lines[2:]], "not an answer; first offending row: 1"),
    ],
)
def test_answers_that_do_not_fit(real, serve, change, rule):
    real("llm-causal-pairs")
    lines = assets.fetch("llm-causal-pairs", ANSWERS).read_text().splitlines()
    serve(ANSWERS, "\n".join(change(lines)))
    with pytest.raises(datasets.SchemaError, match=rule):
        datasets.load_causal_pairs()


def test_a_prompt_without_options(real, serve):
    real("llm-causal-pairs")
    member = "neuropathic-pain-diagnosis/prompts.csv"
    text = assets.fetch("llm-causal-pairs", member).read_text()
    serve(member, text.replace(" causes ", " and ", 2))  # both options of the first pair
    with pytest.raises(datasets.SchemaError, match="'prompt': has no options; .* row: 0"):
        datasets.load_neuropathic_pairs()


def test_numeric_pairs_agree_with_the_named_ones(real):
    real("tuebingen-pairs")
    pairs = datasets.load_tuebingen_pairs()
    assert pairs["pair"].tolist() == list(range(1, 98))
    vectors = (pairs["a_dim"] > 1) | (pairs["b_dim"] > 1)
    assert pairs.loc[vectors, "pair"].tolist() == [52, 53, 54, 55, 71]
    assert (pairs.loc[vectors, "weight"] == 0).all()
    for row in pairs.itertuples():
        assert len(row.a) == len(row.b) == row.n
        assert row.a.ndim == (1 if row.a_dim == 1 else 2)
        assert np.isfinite(row.a).all() and np.isfinite(row.b).all()
    real("llm-causal-pairs")
    named = datasets.load_causal_pairs().head(97)
    assert named["direction"].tolist() == pairs["direction"].tolist()
    # only the last pair's weight depends on how long the publisher's list is
    assert (named["weight"] != pairs["weight"]).sum() <= 1


def small_pairs(serve, meta: str = "", value: str = "2.0") -> None:
    lines = [f"{k:04d} {'2 2 1 1' if k == 3 else '1 1 2 2'} 0.5" for k in range(1, 109)]
    for k in range(1, 98):
        third = "nan" if k == 5 else "1"
        serve(f"folder/pair{k:04d}.txt", f"1.0\t{value if k == 3 else k}  {third}\n3 4 1\n")
    serve("pairmeta.txt", meta or "\n".join(lines))


def test_the_publishers_longer_list_is_read_too(serve):
    small_pairs(serve)
    pairs = datasets.load_tuebingen_pairs()
    assert len(pairs) == 97
    assert pairs.loc[pairs["direction"] == "b->a", "pair"].tolist() == [3]
    assert pairs.loc[3, "a"].tolist() == [1.0, 3.0] and pairs.loc[3, "b"].tolist() == [4.0, 4.0]
    assert pairs.loc[2, "a"].tolist() == [1.0, 3.0] and pairs.loc[2, "b"].tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"value": "nan"}, r"pair0003\.txt: must be finite; first offending row: 0"),
        ({"value": "x"}, r"pair0003\.txt: not a table of numbers"),
        ({"meta": "0001 1 1 2 2 1.5"}, r"'weight': must be in \[0, 1\]; first offending row: 0"),
        ({"meta": "0001 1 1 2 2 1"}, "'pair': must count from 1 to 97"),
        (
            {"meta": "\n".join(f"{k} 1 1 {k} {k} 1" for k in range(1, 98))},
            r"pair0004\.txt: has 3 columns, fewer than pairmeta",
        ),
    ],
)
def test_wrong_numbers(serve, change, rule):
    small_pairs(serve, **change)
    with pytest.raises(datasets.SchemaError, match=rule):
        datasets.load_tuebingen_pairs()
