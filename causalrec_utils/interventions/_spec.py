"""`PolicySpec`: a plan that can be run, or nothing; and texts to test its readers on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PolicySpec", "example_descriptions"]

MAX_SHARE = 50  # the rest is the comparison group
MAX_DAYS = 90


def _asked(question: str, **rest: Any) -> Any:
    return field(metadata={"question": question, **rest})


@dataclass(frozen=True)
class PolicySpec:
    """A plan of an intervention: what is done to whom, for how long, and what decides.

    It can't be made with a value that its field may not hold, whoever makes it. At most half of a
    segment is treated, so that there is always somebody to compare with. Introduced in section 3.2.

    Parameters
    ----------
    action : {"discount", "message", "promote", "demote", "diversify"}
        Lower a price; write to users; show some items higher; show some lower; vary lists more.
    segment : {"everyone", "new users", "lapsed users", "heavy users"}
        Who may be treated.
    metric : {"clicks", "purchases", "retention", "time spent"}
        The outcome that decides.
    share : int
        Per cent of the segment that is treated, at random; from 1 to 50.
    days : int
        How long, from 1 to 90.

    Raises
    ------
    ValueError
        If a field holds something else; the message names the field and the rule.

    Examples
    --------
    >>> PolicySpec("discount", "everyone", "purchases", share=100, days=7)
    Traceback (most recent call last):
        ...
    ValueError: share must be an integer from 1 to 50, got 100
    """

    action: Literal["discount", "message", "promote", "demote", "diversify"] = _asked(
        "What will be done?"
    )
    segment: Literal["everyone", "new users", "lapsed users", "heavy users"] = _asked(
        "Which users is it for?"
    )
    metric: Literal["clicks", "purchases", "retention", "time spent"] = _asked(
        "Which outcome is measured?"
    )
    share: int = _asked("What percent of the users get it?", min=1, max=MAX_SHARE)
    days: int = _asked("How many days does it last?", min=1, max=MAX_DAYS)

    def __post_init__(self) -> None:
        hints = get_type_hints(PolicySpec)
        for name in ("action", "segment", "metric"):
            options = get_args(hints[name])
            if getattr(self, name) not in options:
                raise ValueError(
                    f"{name} must be one of {', '.join(options)}; got {getattr(self, name)!r}"
                )
        for name, most in (("share", MAX_SHARE), ("days", MAX_DAYS)):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"{name} must be an integer from 1 to {most}, got {value!r}")


def example_descriptions() -> pd.DataFrame:
    """88 descriptions of interventions that we wrote, with the specification each stands for.

    Introduced in section 3.2.

    Returns
    -------
    pandas.DataFrame
        ``split`` ("dev", for writing rules and prompts; "test"), ``kind`` ("valid"; "nonsense";
        "hostile": it gives orders to its reader), ``text``, and the fields of `PolicySpec`, missing
        where the text must be refused. Some hostile texts hold a valid plan beside the orders.

    Examples
    --------
    >>> example_descriptions()["kind"].value_counts().to_dict()
    {'valid': 56, 'nonsense': 16, 'hostile': 16}
    """
    import pandas as pd

    path = files(__package__) / "descriptions.json"
    with path.open(encoding="utf-8") as file:
        return pd.DataFrame(json.load(file)).astype({"share": "Int64", "days": "Int64"})
