"""The influence diagram solver that chapter 2.2 uses, against a hand calculation."""

from __future__ import annotations

import pytest


def test_best_action_and_its_utility() -> None:
    gum = pytest.importorskip("pyagrum")
    diagram = gum.InfluenceDiagram.fastPrototype("taste->signal->*show->$value<-taste")
    diagram.cpt("taste")[:] = [0.7, 0.3]
    diagram.cpt("signal")[{"taste": 0}] = [0.8, 0.2]
    diagram.cpt("signal")[{"taste": 1}] = [0.4, 0.6]
    for taste, show, worth in ((0, 0, 0.0), (0, 1, -1.0), (1, 0, 0.0), (1, 1, 2.0)):
        diagram.utility("value")[{"taste": taste, "show": show}] = worth
    solver = gum.ShaferShenoyLIMIDInference(diagram)
    solver.makeInference()
    # signal 0: 0.56 * -1 + 0.12 * 2 < 0, don't show; signal 1: 0.14 * -1 + 0.18 * 2 = 0.22, show
    assert solver.MEU()["mean"] == pytest.approx(0.22)
    best = solver.optimalDecision("show")
    assert best[{"signal": 0, "show": 0}] == 1
    assert best[{"signal": 1, "show": 1}] == 1
