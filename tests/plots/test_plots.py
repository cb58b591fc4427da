from __future__ import annotations

import math
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from causalrec_utils import Estimate, Scoreboard, plots

ALT = "Two intervals beside the truth"


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    with mpl.rc_context():
        plots.use_style()
        yield
    plt.close("all")
    plt.switch_backend(backend)


def estimate(value: float, reach: float = 0.1) -> Estimate:
    return Estimate(
        value, 0.05, (value - reach, value + reach), 0.95, n=9, method="m", estimand="e"
    )


def dashed(ax: plt.Axes) -> list[float]:
    """Where lines in the style of the truth are."""
    style = plots.TRUTH
    lines = [x for x in ax.lines if x.get_linestyle() == "--" and x.get_color() == style["color"]]
    return [float(np.ravel(x.get_xdata())[0]) for x in lines]


def test_every_figure_says_what_it_shows() -> None:
    fig, axes = plots.figure(alt=ALT, rows=1, columns=2)
    assert fig.get_label() == ALT and len(axes) == 2
    for alt in ("", "a plot", "four words are few"):
        with pytest.raises(ValueError, match="alt must say what the figure shows"):
            plots.figure(alt=alt)
        with pytest.raises(ValueError, match="alt must say"):
            plots.intervals({"a": estimate(0.5)}, alt=alt)


def test_intervals_are_where_the_estimates_are() -> None:
    given = {"first": estimate(0.5), "second": estimate(0.8, 0.2)}
    ax = plots.intervals(given, alt=ALT, truth=0.6, truth_ci=(0.55, 0.65), xlabel="click rate")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["first", "second"]
    assert ax.yaxis_inverted() and ax.get_xlabel() == "click rate"
    ends = [tuple(x.get_xdata()) for x in ax.lines if len(x.get_xdata()) == 2 and x.get_lw() == 2]
    assert np.allclose(ends[:2], [(0.4, 0.6), (0.6, 1.0)])
    assert dashed(ax) == [0.6] and "truth" in [t.get_text() for t in ax.texts]
    assert ax.figure.get_label() == ALT


def test_grades_bring_their_truth_and_misses_are_hollow() -> None:
    board = Scoreboard.of({"hit": estimate(0.5), "miss": estimate(0.9)}, 0.55, source="s")
    ax = plots.intervals(board, alt=ALT)
    assert dashed(ax) == [0.55, 0.55]
    faces = [x.get_markerfacecolor() for x in ax.lines if x.get_marker() == "o"]
    assert faces == [plots.COLORS["blue"], "white"]


def test_an_estimate_without_interval_is_a_dot() -> None:
    none = Estimate(0.5, math.nan, (math.nan, math.nan), 0.95, n=9, method="m", estimand="e")
    ax = plots.intervals({"dm": none}, alt=ALT)
    assert [x.get_marker() for x in ax.lines] == ["o"]


def test_truth_has_one_style() -> None:
    _, (left, right) = plots.figure(alt=ALT, rows=1, columns=2)
    plots.truth_line(left, 0.5, label="what is")
    plots.truth_line(right, 0.5, axis="y")
    lines = [*left.lines, *right.lines]
    assert len({(x.get_color(), x.get_linestyle(), x.get_linewidth()) for x in lines}) == 1
    assert left.texts[0].get_text() == "what is"
    x = np.array([0.2, 0.5, 0.9])
    plots.calibration(x, x, x - 0.1, x + 0.1, label="model", ax=left)
    assert left.get_xlabel() == "predicted" and left.get_ylabel() == "observed"


def test_running_labels_the_end_of_its_line() -> None:
    _, ax = plots.figure(alt=ALT)
    x = np.arange(5.0)
    plots.running(x, x, x - 1, x + 1, label="policy", ax=ax, color="green")
    assert ax.texts[0].get_text() == "policy" and ax.texts[0].xy == (4, 4)
    assert ax.lines[0].get_color() == plots.COLORS["green"]


def test_palette_stays_apart_for_colour_blind_readers() -> None:
    """The Okabe-Ito values, and no colour twice."""
    assert len(set(plots.COLORS.values())) == len(plots.COLORS)
    assert {"#0072b2", "#e69f00", "#009e73", "#d55e00"} <= set(plots.COLORS.values())
