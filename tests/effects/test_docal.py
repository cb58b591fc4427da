"""DoCal says "not identifiable" when it should, finds doors, and is right when it speaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_utils.effects import DoCal, ate
from causalrec_utils.graphs import CausalGraph, Prior
from causalrec_utils.simulate import confounded, front_door, latent_graph

STEPS = Prior(tiers=[["flag"], ["shown"], ["watched"]])
BASE = {("flag", "shown"): 0.8, ("shown", "watched"): 0.5}
MOOD = {("mood", "shown"): 1.0, ("mood", "watched"): 1.0}
GRAPH = CausalGraph.parse("flag o-> shown; shown o-> watched")


def world(seed: int, hidden: bool, n: int = 3000) -> pd.DataFrame:
    weights, latent = (BASE | MOOD, ["mood"]) if hidden else (BASE, [])
    return latent_graph(weights, latent=latent, n=n, seed=seed).data


def test_bystander_clears_the_arrow_only_without_a_hidden_cause() -> None:
    for seed in range(10):
        assert DoCal("shown", "watched", prior=STEPS).fit(world(seed, True)).estimand.method == (
            "not identifiable"
        )
    clear = [DoCal("shown", "watched", prior=STEPS).fit(world(s, False)) for s in range(20)]
    sure = [d for d in clear if d.estimand.method == "backdoor"]
    assert len(sure) >= binom.ppf(1e-4, 20, 0.97)
    held = sum(d.estimate().ci[0] <= 0.5 <= d.estimate().ci[1] for d in sure)
    assert held >= binom.ppf(1e-4, len(sure), 0.95)
    assert clear[0].estimate().method == "least squares"


def test_trusting_reading_claims_what_the_cautious_one_refuses() -> None:
    pair = world(0, True)[["shown", "watched"]]
    order = Prior(tiers=[["shown"], ["watched"]])
    assert not DoCal("shown", "watched", prior=order).fit(pair).estimand
    trusting = DoCal("shown", "watched", prior=order, cautious=False).fit(pair)
    assert trusting.estimand.method == "backdoor"
    assert trusting.estimate().ci[0] > 0.6  # and is wrong: the truth is 0.5


def test_caution_never_identifies_more() -> None:
    names = ["a", "b", "shown", "c", "watched"]
    prior = Prior(tiers=[[name] for name in names])
    for seed in range(12):
        data = latent_graph(names, latent=1, n=2000, seed=seed).data[names]
        bold = DoCal("shown", "watched", prior=prior, cautious=False).fit(data)
        shy = DoCal("shown", "watched", prior=prior).fit(data, graph=bold.found)
        assert set(bold.graph.edges) <= set(shy.graph.edges)
        if not bold.estimand:
            assert not shy.estimand


def test_words_of_the_analyst() -> None:
    data = world(1, True)
    coin = {"randomised": ["flag"]}
    only = Prior(tiers=STEPS.tiers, forbidden=[("flag", "watched")])
    iv = DoCal("shown", "watched", prior=only, suspected=[("shown", "watched")], **coin).fit(data)
    assert iv.estimand.method == "iv"
    low, high = iv.estimate(level=0.9999).ci
    assert low <= 0.5 <= high
    # A coin on the treatment makes any outcome's effect identifiable.
    assert DoCal("flag", "watched", prior=STEPS, **coin).fit(data).estimand.method == "backdoor"
    # A suspicion stands, whatever the data say.
    doubt = DoCal("shown", "watched", prior=STEPS, suspected=[("shown", "watched")])
    assert doubt.fit(world(0, False), graph=GRAPH).estimand.method == "iv"
    vouched = Prior(required=[("flag", "shown"), ("shown", "watched")])
    assert DoCal("shown", "watched", prior=vouched).fit(data, graph=GRAPH).estimand


def test_front_door_needs_both_statements() -> None:
    order = {"tiers": [["taste"], ["shown"], ["noticed"], ["satisfaction"]]}
    through = {"forbidden": [("shown", "satisfaction")]}
    clean = {"required": [("shown", "noticed"), ("noticed", "satisfaction")]}
    data = front_door(5000, effect=1.0, seed=5)
    both = DoCal("shown", "satisfaction", prior=Prior(**order, **through, **clean)).fit(data.data)
    assert both.estimand.method == "frontdoor"
    low, high = both.estimate(level=0.9999).ci
    assert low <= data.ate <= high
    for some in (through, clean, {}):
        shy = DoCal("shown", "satisfaction", prior=Prior(**order, **some)).fit(data.data)
        assert not shy.estimand


def test_contradiction_is_no_estimate() -> None:
    against = CausalGraph.parse("flag -> shown; watched -> shown")
    found = DoCal("shown", "watched", prior=STEPS).fit(world(0, False), graph=against)
    assert not found.estimand
    assert "watched -> shown, which the prior rules out" in found.estimand.reason
    with pytest.raises(ValueError, match="not identifiable"):
        found.estimate()
    circle = CausalGraph.parse("flag -> shown; shown -> watched; watched -> flag")
    assert "cycle" in DoCal("shown", "watched").fit(world(0, False), graph=circle).estimand.reason


def test_estimate_and_refute_follow_the_estimand() -> None:
    binary = confounded(1500, effect=0.5, p=3, seed=0)
    x = list(binary.confounders)
    roles = (binary.treatment, binary.outcome)
    graph = CausalGraph(
        (*x, *roles), [(c, "o->", r) for c in x for r in roles] + [(roles[0], "o->", roles[1])]
    )
    vouched = Prior(required=[(a, b) for a, _, b in graph.edges])
    known = DoCal(*roles, prior=vouched).fit(binary.data, graph=graph)
    assert set(known.estimand.adjustments[0]) == set(x)
    assert known.estimate(model_y="linear", model_t="linear").method == "aipw"
    assert known.estimate(method="regression").method == "regression"
    table = known.refute(method="regression", repeats=3)
    assert table["passed"].iloc[:3].all()
    coin = DoCal(*roles, randomised=[roles[0]]).fit(
        binary.data[list(roles)], graph=CausalGraph(roles, [(roles[0], "o->", roles[1])])
    )
    assert coin.estimate().method == "difference_in_means"
    with pytest.raises(ValueError, match="refute attacks adjustment"):
        coin.refute()
    number = world(0, False, 500).assign(extra=np.arange(500) % 7)
    four = CausalGraph.parse("extra -> shown; extra -> watched; shown -> watched; flag")
    known = DoCal("shown", "watched", prior=Prior(required=[(a, b) for a, _, b in four.edges]))
    assert known.fit(number, graph=four).estimate(model_y="linear").method == "dml"
    assert "not fitted" in repr(DoCal("a", "b")) and "adjust for" in repr(known)


def test_least_squares_where_the_first_stage_leaves_no_residual() -> None:
    weak = {("flag", "shown"): 0.7, ("shown", "watched"): 0.5}
    weak |= {("mood", "shown"): 0.2, ("mood", "watched"): 0.2}
    data = latent_graph(weak, latent=["mood"], n=2000, seed=106).data  # stopped with LinAlgError
    own = ate(data, "shown", "watched", method="iv", instrument="shown")
    assert own.value == pytest.approx(np.polyfit(data["shown"], data["watched"], 1)[0])
    assert own.diagnostics["first_stage_f"] > 1e20
