"""Figures take tables' columns as well as arrays, whatever their index is."""

from __future__ import annotations

import matplotlib
import pandas as pd

matplotlib.use("agg")

from causalrec_utils import plots  # noqa: E402

COLUMN = pd.Series([0.2, 0.8], index=["low", "high"])


def test_calibration_takes_columns() -> None:
    _, ax = plots.figure(alt="Two bins on the diagonal line")
    plots.calibration(COLUMN, COLUMN, COLUMN - 0.1, COLUMN + 0.1, label="model", ax=ax)
    assert ax.texts[0].get_text() == "model"
    assert ax.texts[0].xy == (0.8, 0.8)


def test_running_takes_columns() -> None:
    _, ax = plots.figure(alt="A rising line with its band")
    plots.running(COLUMN, COLUMN, COLUMN - 0.1, COLUMN + 0.1, label="line", ax=ax)
    assert ax.texts[0].xy == (0.8, 0.8)
