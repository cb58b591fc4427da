"""The record of section 2.2: complete, replayed by the rules of a model, and clear about gaps."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from causalrec_utils.graphs import (
    RecordedExpert,
    elicit,
    recorded_expert,
    recorded_pairs,
    recorded_wordings,
)
from causalrec_utils.graphs._recorded import _record

NETWORKS = {"asia": 8, "sachs": 11, "alarm": 37}


@pytest.mark.parametrize(("name", "size"), NETWORKS.items())
def test_each_ordered_pair_of_a_network_has_a_score(name: str, size: int) -> None:
    expert = recorded_expert(name)
    assert len(expert.scores) == size * (size - 1) + 1
    assert all(np.isfinite(score) and score < 0 for score in expert.scores.values())
    assert expert.weights.startswith("gguf:")


def test_scores_stand_by_the_statement_they_belong_to() -> None:
    found, expert = _record()["networks"]["asia"], recorded_expert("asia")
    for i, j in permutations(range(8), 2):
        statement = f"{found['texts'][i]} causes {found['texts'][j]}"
        assert expert.scores[statement] == found["scores"][i][j]


def test_elicit_takes_the_likeliest_statement_of_each_pair() -> None:
    scores = {"a causes b": -1.0, "b causes a": -2.0, "neither causes the other": -1.5}
    expert = RecordedExpert("Which?", scores, "")
    assert elicit(expert, ["a", "b"], question="Which?").parents("b") == ("a",)
    doubtful = RecordedExpert("Which?", scores | {"a causes b": -1.6}, "")
    assert elicit(doubtful, ["a", "b"], question="Which?").edges == ()
    assert elicit(doubtful, ["a", "b"], question="Which?", neither=None).parents("b") == ("a",)


def test_what_was_not_recorded_is_refused() -> None:
    expert = recorded_expert("asia")
    known = next(iter(expert.scores))
    with pytest.raises(ValueError, match="prompt must be 'Which statement is true.', which was"):
        expert.choose("Is it?", [known, "neither causes the other"])
    with pytest.raises(ValueError, match="options, row 1: 'rain causes sun' is not in the record"):
        expert.choose(expert.question, [known, "rain causes sun"])
    with pytest.raises(ValueError, match="network must be one of asia, sachs, alarm; got 'child'"):
        recorded_expert("child")
    with pytest.raises(ValueError, match="task must be one of tone, pairs; got 'words'"):
        recorded_wordings("words")


def test_pairs_and_wordings_are_complete() -> None:
    assert recorded_pairs().shape == (108, 2)
    assert np.isfinite(recorded_pairs()).all()
    assert all(row["low"] < row["auc"] < row["high"] for row in recorded_wordings("tone"))
    assert all(0 <= row["right"] <= 108 for row in recorded_wordings("pairs"))
