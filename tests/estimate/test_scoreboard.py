from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from scipy.stats import beta

from causalrec_utils import Estimate, Grade, Scoreboard

MIME = "application/vnd.causalrec.grade+json"


def estimate(method: str = "ips", level: float = 0.95, interval: bool = True) -> Estimate:
    ci = (0.4, 0.6) if interval else (math.nan, math.nan)
    return Estimate(0.5, 0.05, ci, level, n=10, method=method, estimand="policy value")


def grade(truth: float, *, foil: bool = False, **options: object) -> Grade:
    return estimate(**options).grade(truth, source="truth", foil=foil)  # type: ignore[arg-type]


def test_counts_only_what_can_be_counted() -> None:
    counted = [grade(0.5), grade(0.55), grade(0.45), grade(0.9)]
    not_counted = [
        grade(0.9, foil=True),
        grade(0.9, level=0.9),
        grade(0.9, interval=False),
        estimate().without_truth("none"),
    ]
    got = Scoreboard(counted + not_counted).coverage()
    assert got.value == 0.75 and got.n == 4
    assert got.ci == pytest.approx((beta.ppf(0.025, 3, 2), beta.ppf(0.975, 4, 1)))
    assert Scoreboard(not_counted).coverage(level=0.9).value == 0.0
    with pytest.raises(ValueError, match="no graded interval of level 0.95 to count"):
        Scoreboard(not_counted).coverage()


def test_one_truth_for_many() -> None:
    many = {"good": estimate(), "bad": estimate("naive")}
    board = Scoreboard.of(many, 0.7, source="test", stderr=0.01, foils=["bad"])
    assert [g.label for g in board] == ["good", "bad"]
    assert [g.foil for g in board] == [False, True]
    assert all(g.truth_stderr == 0.01 for g in board) and len(board) == 2
    with pytest.raises(ValueError, match=r"foils not among the estimates: \['ugly'\]"):
        Scoreboard.of(many, 0.7, source="test", foils=["ugly"])


def test_table_and_text() -> None:
    board = Scoreboard([grade(0.5), grade(0.9, foil=True), estimate().without_truth("a reason")])
    frame = board.to_frame()
    assert frame["verdict"].tolist() == ["covered", "MISSED", "no truth"]
    assert frame["error"].iloc[1] == pytest.approx(-0.4)
    assert repr(board).count("\n") == 2
    data, meta = board._repr_mimebundle_()
    assert data["text/html"].count("<tr") == 4 and "(foil)" in data["text/html"]
    assert len(meta[MIME]) == 3
    assert len(board + board) == 6


def test_reads_what_notebooks_show(tmp_path: Path) -> None:
    boards = [Scoreboard([grade(0.5)]), Scoreboard([grade(0.9), grade(0.45, foil=True)])]
    outputs = [{"output_type": "stream", "text": "no grade here"}]
    for board in boards:
        data, metadata = board._repr_mimebundle_()
        outputs.append({"output_type": "display_data", "data": data, "metadata": metadata})
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": outputs}]
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    got = Scoreboard.from_notebooks([path, path])
    assert [g.truth for g in got] == [0.5, 0.9, 0.45] * 2
    assert got.coverage().value == 0.5 and got.coverage().n == 4
    assert got.to_frame()["place"].tolist() == [str(path)] * 6
