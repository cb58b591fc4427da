"""One consistent look for the book's figures.

Estimates are dots with their intervals, the truth is always a dashed vermilion line, colours come
from the Okabe-Ito palette, which readers with colour-blindness can tell apart. Every function takes
the text that stands in for the picture (``alt``), stores it on the figure and checks that it says
something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._flow import FlowChart, flow_chart
from .estimate import Estimate, Grade, Scoreboard

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "FlowChart",
    "calibration",
    "figure",
    "flow_chart",
    "intervals",
    "running",
    "truth_line",
    "use_style",
]

COLORS = {
    "blue": "#0072b2",
    "orange": "#e69f00",
    "green": "#009e73",
    "vermilion": "#d55e00",
    "sky": "#56b4e9",
    "purple": "#cc79a7",
    "grey": "#6b6b6b",
}
TRUTH: dict[str, Any] = {"color": COLORS["vermilion"], "linestyle": "--", "linewidth": 1.8}


def use_style() -> None:
    """Apply the book's look to Matplotlib (and so to seaborn) in this process.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> use_style()
    >>> mpl.rcParams["axes.spines.top"]
    False
    """
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(
        {
            "axes.grid": True,
            "axes.prop_cycle": cycler(color=list(COLORS.values())),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.figsize": (7.2, 3.6),
            "font.size": 10,
            "grid.alpha": 0.25,
            "legend.frameon": False,
            "savefig.facecolor": "white",
        }
    )


def figure(*, alt: str, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A new figure with its alternative text.

    Parameters
    ----------
    alt : str
        What the figure shows, for a reader who can't see it; at least five words.
    rows, columns : int
        Grid of axes.
    **options
        Passed to `matplotlib.pyplot.subplots`.

    Returns
    -------
    figure, axes

    Examples
    --------
    >>> fig, ax = figure(alt="Click rate of two headlines with their intervals")
    >>> fig.get_label()
    'Click rate of two headlines with their intervals'
    """
    import matplotlib.pyplot as plt

    if len(alt.split()) < 5:
        raise ValueError(f"alt must say what the figure shows, in five words or more; got {alt!r}")
    fig, axes = plt.subplots(rows, columns, **options)
    fig.set_label(alt)
    return fig, axes


def truth_line(ax: Axes, value: float, *, label: str = "truth", axis: str = "x") -> None:
    """The truth, in the line style that it has in every figure of the book.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    value : float
        The truth, in data units.
    label : str
        Written next to the line.
    axis : {"x", "y"}
        The axis that the value belongs to.

    Examples
    --------
    >>> fig, ax = figure(alt="A truth line alone in an empty figure")
    >>> truth_line(ax, 0.5)
    """
    if axis == "x":
        ax.axvline(value, zorder=1, **TRUTH)
        at, where = (value, 1.0), ("data", "axes fraction")
        align: dict[str, Any] = {"ha": "center", "va": "bottom", "xytext": (0, 2)}
    else:
        ax.axhline(value, zorder=1, **TRUTH)
        at, where = (1.0, value), ("axes fraction", "data")
        align = {"ha": "right", "va": "bottom", "xytext": (0, 2)}
    ax.annotate(
        label, at, xycoords=where, textcoords="offset points", color=TRUTH["color"], **align
    )


def intervals(
    estimates: Mapping[str, Estimate] | Scoreboard | Sequence[Grade],
    *,
    alt: str,
    truth: float | None = None,
    truth_ci: tuple[float, float] | None = None,
    truth_label: str = "truth",
    xlabel: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Estimates as dots with intervals, one a row, and the truth as a dashed line.

    Grades bring their own truth, drawn as a short dashed mark in each row, and misses are hollow.

    Parameters
    ----------
    estimates : mapping of str to Estimate, Scoreboard, or sequence of Grade
        What to draw, first at the top.
    alt : str
        What the figure shows, in words.
    truth : float, optional
        One truth for all rows.
    truth_ci : tuple of float, optional
        Its interval, drawn as a band, where it was measured too.
    truth_label, xlabel : str
        Labels.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> e = Estimate(0.5, 0.1, (0.3, 0.7), 0.95, n=100, method="ips", estimand="policy value")
    >>> ax = intervals({"ips": e}, truth=0.6, alt="One interval that holds the truth")
    >>> [t.get_text() for t in ax.get_yticklabels()]
    ['ips']
    """
    if isinstance(estimates, Mapping):
        rows: list[tuple[str, Estimate, Grade | None]] = [
            (k, e, None) for k, e in estimates.items()
        ]
    else:
        rows = [(g.label, g.estimate, g) for g in estimates]
    if ax is None:
        _, ax = figure(alt=alt, figsize=(7.2, 0.9 + 0.38 * len(rows)))
    for y, (_, e, grade) in enumerate(rows):
        color = COLORS["blue"]
        missed = grade is not None and grade.covered is False
        if np.isfinite(e.ci).all():
            ax.plot(e.ci, [y, y], color=color, linewidth=2)
        ax.plot([e.value], [y], "o", color=color, markerfacecolor="white" if missed else color)
        if grade is not None and np.isfinite(grade.truth):
            ax.plot([grade.truth] * 2, [y - 0.35, y + 0.35], zorder=1, **TRUTH)
    if truth_ci is not None:
        ax.axvspan(*truth_ci, color=COLORS["vermilion"], alpha=0.12, linewidth=0)
    if truth is not None:
        truth_line(ax, truth, label=truth_label)
    ax.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(xlabel)
    ax.grid(axis="y", visible=False)
    return ax


def running(
    x: np.ndarray,
    value: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    label: str,
    ax: Axes,
    color: str = "blue",
) -> None:
    """A quantity over time with its band, labelled at its right end.

    Parameters
    ----------
    x, value, lower, upper : arrays of shape (n,)
        Position, estimate and band.
    label : str
        Written at the end of the line.
    ax : matplotlib.axes.Axes
        Where to draw.
    color : str
        A name from `COLORS`.

    Examples
    --------
    >>> fig, ax = figure(alt="A flat line with a band around it")
    >>> x = np.arange(3)
    >>> running(x, x * 0.0, x - 1.0, x + 1.0, label="flat", ax=ax)
    """
    x, value = np.asarray(x), np.asarray(value)
    line = COLORS[color]
    ax.fill_between(x, lower, upper, color=line, alpha=0.18, linewidth=0)
    ax.plot(x, value, color=line, linewidth=2)
    ax.annotate(
        label,
        (x[-1], value[-1]),
        xytext=(5, 0),
        textcoords="offset points",
        color=line,
        va="center",
        annotation_clip=False,
    )


def calibration(
    predicted: np.ndarray,
    observed: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    label: str,
    ax: Axes,
    color: str = "blue",
) -> None:
    """A reliability curve: observed share against predicted, with the diagonal as the truth.

    Parameters
    ----------
    predicted, observed, lower, upper : arrays of shape (bins,)
        Mean prediction, observed share and its interval, by bin.
    label : str
        Written at the last point.
    ax : matplotlib.axes.Axes
        Where to draw.
    color : str
        A name from `COLORS`.

    Examples
    --------
    >>> fig, ax = figure(alt="Two bins that lie on the diagonal")
    >>> p = np.array([0.2, 0.8])
    >>> calibration(p, p, p - 0.1, p + 0.1, label="model", ax=ax)
    """
    predicted, observed, lower, upper = map(np.asarray, (predicted, observed, lower, upper))
    ends = [min(predicted.min(), lower.min()), max(predicted.max(), upper.max())]
    ax.plot(ends, ends, zorder=1, **TRUTH)
    errors = np.abs(np.stack([observed - lower, upper - observed]))
    ax.errorbar(predicted, observed, yerr=errors, color=COLORS[color], marker="o", linewidth=1.5)
    ax.annotate(
        label,
        (predicted[-1], observed[-1]),
        xytext=(6, 0),
        textcoords="offset points",
        color=COLORS[color],
        va="center",
        annotation_clip=False,
    )
    ax.set_xlabel("predicted")
    ax.set_ylabel("observed")
