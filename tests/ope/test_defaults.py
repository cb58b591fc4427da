"""What `evaluate` does where options are left out."""

from __future__ import annotations

import pandas as pd
import pytest

from causalrec_utils import ope

LOG = pd.DataFrame({"reward": [1, 0, 1, 0], "propensity": 0.5, "target": [0.9, 0.1, 0.9, 0.1]})


def test_without_predictions_the_default_is_weights_alone() -> None:
    assert list(ope.evaluate(LOG, "target")) == ["ips", "snips"]


def test_with_predictions_the_default_is_doubly_robust_too() -> None:
    model = LOG.assign(q=0.5, v=0.5)
    assert list(ope.evaluate(model, "target", q_logged="q", v_target="v")) == ["ips", "snips", "dr"]


def test_asking_for_dr_without_predictions_is_an_error() -> None:
    with pytest.raises(ValueError, match="dr needs v_target"):
        ope.evaluate(LOG, "target", estimators=["dr"])
