"""Ties, thresholds, averages over orders."""

from __future__ import annotations

import pytest

from causalrec_utils.llm import Choice, combine
from causalrec_utils.llm._choice import decide, listing, orders


def test_a_tie_is_no_answer():
    assert decide(["a", "b"], [-1.0, -1.0], None, "none").answer is None
    assert decide(["a", "b"], [-1.0, -1.1], None, "none").answer == "a"


def test_threshold_on_the_margin():
    choice = decide(["a", "b", "c"], [0.0, -1.0, -3.0], None, "none")
    assert sum(choice.probabilities.values()) == pytest.approx(1)
    ranked = sorted(choice.probabilities.values())
    assert choice.margin == pytest.approx(ranked[-1] - ranked[-2])
    for threshold, answer in ((choice.margin, "a"), (choice.margin + 1e-9, None)):
        assert decide(["a", "b", "c"], [0.0, -1.0, -3.0], threshold, "none").answer == answer


def test_each_option_is_once_in_each_place():
    for names in (["b", "a"], ["c", "a", "b", "d"]):
        shown = orders(names)
        for place in range(len(names)):
            assert sorted(order[place] for order in shown) == sorted(names)
        assert shown == orders(names[::-1])


def test_pure_position_bias_cancels_and_is_reported():
    def always_first(order):
        return decide(order, [1.5] + [0.0] * (len(order) - 1), None, "none")

    for names in (["a", "b"], ["a", "b", "c"]):
        both = combine([always_first(order) for order in orders(names)])
        assert both.answer is None
        assert both.margin == 0
        assert both.first_bias == pytest.approx(1.5)


def test_agreement():
    choices = [Choice("a", ("a", "b"), (0.0, -d), margin=0.5) for d in (1, 2, -0.5)]
    both = combine(choices)
    assert both.answer == "a"
    assert both.agreement == pytest.approx(2 / 3)
    assert both.first_bias is None  # "a" was always first: its place can't be told from itself


def test_what_can_not_be_combined():
    one = Choice("a", ("a", "b"), (0.0, -1.0), margin=0.5)
    with pytest.raises(ValueError, match="choices must not be empty"):
        combine([])
    with pytest.raises(ValueError, match="choice 1 has the options"):
        combine([one, Choice("a", ("a", "c"), (0.0, -1.0), margin=0.5)])


def test_listing_shows_options_in_order():
    assert listing("Which?", ["y", "x"]).endswith("- y\n- x")
