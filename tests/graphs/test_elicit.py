"""Elicitation from models that answer by rule."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_utils.graphs import CausalGraph, Edge, elicit
from causalrec_utils.llm import Choice

NAMES = ("rain", "sprinkler", "slippery", "wet")


class Model:
    """Scores "x causes y" by a table, with a liking for what comes first."""

    def __init__(self, scores: dict[tuple[str, str], float], bias: float = 0.0) -> None:
        self.scores, self.bias, self.prompts = scores, bias, []

    def choose(self, prompt: str, options: list[str], **settings: object) -> Choice:
        self.prompts.append(prompt)
        scores = []
        for i, option in enumerate(options):
            words = tuple(option.split(" causes "))
            scores.append(self.scores.get(words, 0.0) + self.bias * (i == 0))
        best = options[scores.index(max(scores))]
        return Choice(best, tuple(options), tuple(scores), margin=0.5)


@given(
    st.permutations(NAMES),
    st.lists(st.floats(-2, 2).map(lambda x: round(x, 3)), min_size=12, max_size=12),
    st.floats(-1, 1),
)
@settings(max_examples=60, deadline=None)
def test_order_of_variables_does_not_matter(
    order: list[str], scores: list[float], bias: float
) -> None:
    table = dict(zip(permutations(NAMES, 2), scores, strict=True))
    first = elicit(Model(table, bias), NAMES)
    other = elicit(Model(table, bias), order)
    assert first == other
    assert first.confidence == other.confidence
    assert set(first.undecided) == set(other.undecided)
    assert set(first.notes) == set(other.notes)
    assert not first.has_cycle


def test_answers_become_edges_abstentions_and_gaps() -> None:
    table = {("rain", "wet"): 5.0, ("sprinkler", "wet"): 0.4, ("slippery", "rain"): -1.0}
    graph = elicit(Model(table), NAMES, abstain=0.3)
    assert graph.edges == (Edge("rain", "->", "wet"),)
    assert graph.confidence[Edge("rain", "->", "wet")] > 0.9
    assert ("sprinkler", "wet") in graph.undecided
    sure = {pair: -9.0 for pair in permutations(NAMES, 2)}
    assert elicit(Model(sure), NAMES, abstain=0.3).edges == ()
    assert elicit(Model(sure), NAMES, abstain=0.3).undecided == ()


def test_the_weakest_edge_of_a_cycle_is_left_out_and_said() -> None:
    table = {("rain", "wet"): 3.0, ("wet", "slippery"): 2.0, ("slippery", "rain"): 1.0}
    graph = elicit(Model(table), ("rain", "wet", "slippery"))
    assert graph == CausalGraph.parse("rain -> wet -> slippery")
    assert "slippery -> rain" in graph.notes[0] and "cycle" in graph.notes[0]


def test_only_the_given_pairs_are_asked_about_in_the_given_words() -> None:
    model = Model({("the rain", "wet"): 1.0})
    words = {"rain": "the rain"}
    skeleton = CausalGraph.parse("wet -- rain").skeleton()
    graph = elicit(
        model, NAMES, descriptions=words, pairs=skeleton, question="{a}/{b}?", neither=None
    )
    assert graph.edges == (Edge("rain", "->", "wet"),)
    assert sorted(model.prompts) == ["the rain/wet?", "wet/the rain?"]


def test_settings_reach_the_model_and_batches_are_used() -> None:
    class Batch(Model):
        def choose_many(
            self, prompts: list[str], options: list[list[str]], **settings: object
        ) -> list[Choice]:
            self.seen = settings
            return [self.choose(p, o) for p, o in zip(prompts, options, strict=True)]

    model = Batch({("rain", "wet"): 1.0})
    assert elicit(model, NAMES, correction="none") == elicit(Model(model.scores), NAMES)
    assert model.seen == {"correction": "none"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variables": ["rain"]}, "at least two"),
        ({"variables": ["rain", "rain"]}, "'rain' is there twice"),
        ({"pairs": [("rain", "sun")]}, "'sun' is not among the variables"),
        ({"descriptions": {"rain": "water", "wet": "water"}}, "descriptions must differ"),
    ],
)
def test_bad_questions_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        elicit(Model({}), **({"variables": NAMES} | options))
