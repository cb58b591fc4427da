"""Many grades: a table, and the coverage that the intervals really had."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._estimate import Estimate, Grade
from ._show import GRADE_MIME, number, picture

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Scoreboard:
    """Many grades: a table, and the coverage that the intervals really had.

    Parameters
    ----------
    grades : list of Grade
        The rows.
    places : list of str, optional
        Where each grade was found (a notebook's path); empty for grades made in this session.

    Examples
    --------
    >>> e = Estimate(0.52, 0.1, (0.32, 0.72), 0.95, n=100, method="ips", estimand="policy value")
    >>> board = Scoreboard.of({"ips": e}, 0.6, source="on-policy mean")
    >>> board
    ips: 0.520 [0.320, 0.720] against 0.600 (on-policy mean): covered, error -0.0800
    >>> board.coverage().value
    1.0
    """

    grades: list[Grade]
    places: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        estimates: Mapping[str, Estimate],
        truth: float,
        *,
        source: str,
        stderr: float = 0.0,
        foils: Iterable[str] = (),
    ) -> Scoreboard:
        """Grade several estimates of the same quantity against one truth.

        Parameters
        ----------
        estimates : mapping of str to Estimate
            Label and estimate, as `ope.evaluate` returns them.
        truth, source, stderr
            As in `Estimate.grade`.
        foils : iterable of str
            Labels of the estimates that are shown because they are wrong.

        Returns
        -------
        Scoreboard
        """
        foils = set(foils)
        if unknown := foils - set(estimates):
            raise ValueError(f"foils not among the estimates: {sorted(unknown)}")
        return cls(
            [
                e.grade(truth, source=source, stderr=stderr, label=label, foil=label in foils)
                for label, e in estimates.items()
            ]
        )

    @classmethod
    def from_notebooks(cls, paths: Iterable[str | Path]) -> Scoreboard:
        """Read every displayed grade from the stored outputs of notebooks.

        Parameters
        ----------
        paths : iterable of path
            Notebook files (``.ipynb``).

        Returns
        -------
        Scoreboard
            In the order of the paths, then of the outputs.
        """
        grades, places = [], []
        for path in paths:
            notebook = json.loads(Path(path).read_text(encoding="utf-8"))
            for cell in notebook["cells"]:
                for output in cell.get("outputs", []):
                    for row in output.get("metadata", {}).get(GRADE_MIME, []):
                        grades.append(Grade.from_dict(row))
                        places.append(str(path))
        return cls(grades, places)

    def coverage(self, *, level: float = 0.95) -> Estimate:
        """Share of graded intervals that held the truth, with an exact binomial interval.

        Foils, rows without a truth and rows without an interval do not count. Intervals of other
        nominal levels than ``level`` do not count either.

        Parameters
        ----------
        level : float
            Nominal level of the intervals to count, and of the interval around the share.

        Returns
        -------
        Estimate
            Clopper-Pearson interval; it treats the rows as independent, which rows from one data
            set are not, so read it as the narrowest that honesty allows.
        """
        from scipy.stats import binomtest

        hits = [
            g.covered
            for g in self.grades
            if g.covered is not None and not g.foil and g.estimate.level == level
        ]
        if not hits:
            raise ValueError(f"no graded interval of level {level} to count")
        result = binomtest(sum(hits), len(hits))
        low, high = result.proportion_ci(level)
        share = sum(hits) / len(hits)
        return Estimate(
            share,
            math.sqrt(share * (1 - share) / len(hits)),
            (float(low), float(high)),
            level,
            len(hits),
            "Clopper-Pearson",
            "coverage",
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a grade, with its verdict.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        rows = [{**g.to_dict(), "error": g.error, "verdict": g.verdict} for g in self.grades]
        frame = pd.DataFrame(rows)
        if self.places:
            frame.insert(0, "place", self.places)
        return frame

    def __iter__(self) -> Iterator[Grade]:
        return iter(self.grades)

    def __len__(self) -> int:
        return len(self.grades)

    def __add__(self, other: Scoreboard) -> Scoreboard:
        return Scoreboard(self.grades + other.grades)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.grades))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        head = ("", "verdict", "estimate", "interval", "", "truth", "source of the truth")
        rows = "".join(_row(g) for g in self.grades)
        heads = "".join(f"<th>{h}</th>" for h in head)
        table = (
            f'<table class="grades"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        )
        return (
            {"text/plain": repr(self), "text/html": table},
            {GRADE_MIME: [g.to_dict() for g in self.grades]},
        )


def _row(g: Grade) -> str:
    e = g.estimate
    truth = number(g.truth)
    if g.truth_stderr:
        truth += f" ± {number(g.truth_stderr)}"
    name = html.escape(g.label) + (" <em>(foil)</em>" if g.foil else "")
    cells = (
        name,
        {"covered": "✓ covered", "MISSED": "✗ missed"}.get(g.verdict, g.verdict),
        number(e.value),
        f"[{number(e.ci[0])}, {number(e.ci[1])}]",
        picture(e.value, e.ci, g.truth),
        truth,
        html.escape(g.source),
    )
    return (
        f'<tr title="{html.escape(e.estimand)}">'
        + "".join(f"<td>{c}</td>" for c in cells)
        + "</tr>"
    )
