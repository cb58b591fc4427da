"""Causal inference and intervention analysis for recommender systems.

The library that the book *LLMs for causal inference and intervention analysis in recommender
systems* runs on. Submodules load on first use, so that ``import causalrec_utils`` stays light:

>>> import causalrec_utils as cr
>>> cr.Estimate(0.5, 0.1, (0.3, 0.7), 0.95, n=100, method="demo", estimand="mean")
mean by demo: 0.500, 95% interval [0.300, 0.700], n = 100
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from .estimate import Estimate, Grade, Scoreboard

if TYPE_CHECKING:
    import numpy as np

try:
    __version__ = version("causalrec-utils")
except PackageNotFoundError:  # imported from a checkout that was never installed
    __version__ = "0+unknown"

_SUBMODULES = (
    "assets",
    "datasets",
    "debias",
    "effects",
    "experiments",
    "graphs",
    "interventions",
    "llm",
    "logs",
    "metrics",
    "ope",
    "plots",
    "policies",
    "simulate",
    "text",
)
__all__ = ["Estimate", "Grade", "Scoreboard", "__version__", "glue", "setup", *_SUBMODULES]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def setup(*, seed: int) -> "np.random.Generator":
    """Start a chapter: apply the book's look to figures and return its random generator.

    Nothing global is seeded. Pass the generator (or numbers drawn from it) as ``seed`` to whatever
    needs randomness.

    Parameters
    ----------
    seed : int
        Seed of the generator.

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> import causalrec_utils as cr
    >>> float(cr.setup(seed=7).random()) == float(cr.setup(seed=7).random())
    True
    """
    import numpy as np

    from . import plots

    plots.use_style()
    return np.random.default_rng(seed)


def glue(**values: str) -> None:
    """Hand numbers from a cell to the prose around it, already formatted as text.

    In the built book ``{glue:text}`` roles show them. Where the book's tool chain is not installed
    (a chapter opened in Colab, say) this does nothing. Only text is accepted: a raw float would
    show, and be compared, with digits that differ between machines.

    Parameters
    ----------
    **values : str
        Name and text of each number; names are unique in the book, so start them with the section.

    Examples
    --------
    >>> import causalrec_utils as cr
    >>> cr.glue(s41_lift=0.123)
    Traceback (most recent call last):
        ...
    TypeError: glue 's41_lift': format the number as text first, got float
    """
    for name, value in values.items():
        if not isinstance(value, str):
            kind = type(value).__name__
            raise TypeError(f"glue {name!r}: format the number as text first, got {kind}")
    try:
        from myst_nb import glue as myst_glue
    except ImportError:
        return
    for name, value in values.items():
        myst_glue(name, value, display=False)
