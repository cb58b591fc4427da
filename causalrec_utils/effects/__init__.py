"""Average and heterogeneous effects, and how to attack them.

`ate` estimates an average effect by ten methods; `refute` attacks it, and `e_value`,
`robustness_value` and `omitted_variable_bounds` say how strong a hidden cause would have to be.
`pseudo_observations` turn retention into an outcome for all of them. `effect_network` and
`counterfactual_gan` return an `EffectModel`, which predicts the effect of each row.
"""

from ._ate import ate
from ._cate import cate
from ._docal import DoCal
from ._gan import counterfactual_gan
from ._model import EffectModel
from ._network import effect_network
from ._refute import refute
from ._sensitivity import e_value, omitted_variable_bounds, robustness_value
from ._survival import pseudo_observations

__all__ = [
    "DoCal",
    "EffectModel",
    "ate",
    "cate",
    "counterfactual_gan",
    "e_value",
    "effect_network",
    "omitted_variable_bounds",
    "pseudo_observations",
    "refute",
    "robustness_value",
]
