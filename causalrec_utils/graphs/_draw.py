"""Pictures of graphs: layers from causes to effects, drawn by Matplotlib."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..plots import COLORS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

    from ._graph import CausalGraph

__all__ = ["draw", "layout", "svg"]

GAP, LETTER, HEIGHT, STEP = 0.35, 0.092, 0.3, 0.85  # inches
SWEEPS = 8


def layout(graph: CausalGraph) -> dict[Any, tuple[float, float]]:
    """Centres of nodes, and of the bends of edges that pass layers, in inches.

    A bend has the key (source, target, layer). Edges without direction count as pointing from the
    node that is named first, unless that closes a cycle. Within layers, nodes move to the mean of
    their neighbours in the layer above, then below, some times.
    """
    import networkx as nx

    dag = graph.to_networkx(())
    place = {name: i for i, name in enumerate(graph.nodes)}
    for edge in sorted(graph.edges, key=lambda e: (e.mark not in ("->", "o->"), e)):
        a, b = edge.source, edge.target
        if edge.mark not in ("->", "o->") and place[a] > place[b]:
            a, b = b, a
        if edge.mark != "<->" and not nx.has_path(dag, b, a):
            dag.add_edge(a, b)
    layer = {n: i for i, group in enumerate(nx.topological_generations(dag)) for n in group}
    links: list[tuple[Any, Any]] = []
    rows: list[list[Any]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for name in graph.nodes:
        rows[layer[name]].append(name)
    for a, b in dag.edges:
        way = [a, *((a, b, i) for i in range(layer[a] + 1, layer[b])), b]
        links += zip(way, way[1:], strict=False)
        for bend in way[1:-1]:
            rows[bend[2]].append(bend)
    width = {n: LETTER * len(n) + 0.25 if isinstance(n, str) else 0.1 for r in rows for n in r}
    x = {n: v for row in rows for n, v in _spread(row, width, dict.fromkeys(row, 0.0)).items()}
    for sweep in range(2 * SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            wish = {}
            for node in row:
                near = [x[a if down else b] for a, b in links if (b if down else a) == node]
                wish[node] = float(np.mean(near)) if near else x[node]
            x |= _spread(sorted(row, key=lambda n: wish[n]), width, wish)
    return {n: (x[n], -STEP * i) for i, row in enumerate(rows) for n in row}


def _spread(row: list[Any], width: dict[Any, float], wish: dict[Any, float]) -> dict[Any, float]:
    """Positions in this order, without overlap, around the mean of the wishes."""
    at, right = {}, -np.inf
    for node in row:
        at[node] = max(wish[node], right + GAP + width[node] / 2)
        right = at[node] + width[node] / 2
    shift = np.mean([wish[n] - at[n] for n in row]) if row else 0.0
    return {n: float(v + shift) for n, v in at.items()}


def draw(
    graph: CausalGraph,
    *,
    alt: str,
    highlight: Iterable[tuple[str, str]] = (),
    ax: Axes | None = None,
) -> Axes:
    """See `CausalGraph.draw`."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    at = layout(graph)
    half = {n: LETTER * len(n) / 2 + 0.1 for n in graph.nodes}
    left = min(x - half.get(n, 0.05) for n, (x, _) in at.items()) - 0.1
    right = max(x + half.get(n, 0.05) for n, (x, _) in at.items()) + 0.1
    bottom = min(y for _, y in at.values()) - 0.35
    if ax is None:
        size = (max(right - left, 1.5), 0.35 - bottom)
        _, ax = figure(alt=alt, figsize=size, layout="none")
        ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(left, right), ylim=(bottom, 0.35), aspect="equal")
    ax.axis("off")
    for name in graph.nodes:
        (x, y), hidden = at[name], name in graph.latent
        box = FancyBboxPatch(
            (x - half[name], y - HEIGHT / 2),
            2 * half[name],
            HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor="white",
            edgecolor=COLORS["grey"],
            linestyle="--" if hidden else "-",
            zorder=3,
        )
        ax.add_patch(box)
        style = "italic" if hidden else "normal"
        ax.text(x, y, name, ha="center", va="center", fontsize=10, style=style, zorder=4)
    marked = {frozenset(pair) for pair in highlight}
    for a, mark, b in graph.edges:
        color = COLORS["vermilion"] if frozenset((a, b)) in marked else COLORS["blue"]
        line = _line(at, half, a, b, bent=mark == "<->")
        head = "<|-|>" if mark == "<->" else "-|>" if mark.endswith(">") else "-"
        ax.add_patch(
            FancyArrowPatch(
                path=line,
                arrowstyle=head,
                mutation_scale=11,
                color=color,
                fill=head != "-",
                linestyle="--" if mark == "<->" else "-",
                linewidth=1.3,
                zorder=2,
            )
        )
        corners = np.asarray(line.vertices)
        for end, point in ((mark[0], corners[0]), (mark[-1], corners[-1])):
            if end != "o":
                continue
            ax.plot(
                *point[:, None], "o", color=color, markerfacecolor="white", markersize=5, zorder=5
            )
    return ax


def _line(
    at: dict[Any, tuple[float, float]], half: dict[str, float], a: str, b: str, *, bent: bool
) -> Path:
    """A line from the border of one box to that of another, through its bends."""
    from matplotlib.path import Path

    start, end = np.array(at[a]), np.array(at[b])
    bends = sorted((k for k in at if isinstance(k, tuple) and {a, b} == set(k[:2])), key=_layer)
    middle = [np.array(at[k]) for k in (bends if at[a][1] > at[b][1] else bends[::-1])]
    if bent:
        across = (end - start)[::-1] * (-1, 1)
        middle = [(start + end) / 2 + across * 0.25]
    elif not middle and abs(start[1] - end[1]) < 0.1:
        over = abs(start[0] - end[0]) > half[a] + half[b] + 2 * GAP
        middle = [(start + end) / 2 + (0, 0.5)] if over else []
    first, last = (middle[0], middle[-1]) if middle else (end, start)
    points, codes = [_border(start, first, half[a])], [Path.MOVETO]
    for i, control in enumerate(middle):
        final = i + 1 == len(middle)
        points += [control, _border(end, last, half[b]) if final else (control + middle[i + 1]) / 2]
        codes += [Path.CURVE3, Path.CURVE3]
    if not middle:
        points, codes = [*points, _border(end, last, half[b])], [*codes, Path.LINETO]
    return Path(np.array(points), codes)


def _layer(bend: tuple[str, str, int]) -> int:
    return bend[2]


def _border(centre: np.ndarray, toward: np.ndarray, half: float) -> np.ndarray:
    """Where the way from a box's centre leaves it, and a little further."""
    step = np.asarray(toward) - centre
    scale = max(abs(step[0]) / (half + 0.03), abs(step[1]) / (HEIGHT / 2 + 0.03), 1e-9)
    return centre + step / scale


def svg(graph: CausalGraph) -> str:
    """The picture as SVG text, the same for the same graph, with the edges in words as title."""
    import html

    import matplotlib as mpl
    import matplotlib.pyplot as plt

    words = f"Causal graph with the edges {'; '.join(map(str, graph.edges)) or 'none at all'}"
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "causalrec"}):
        drawn = draw(graph, alt=words).get_figure(root=True)
        assert drawn is not None
        target = io.StringIO()
        drawn.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(drawn)
    text = target.getvalue()
    text = text[text.index("<svg") :]
    title = f"<title>{html.escape(words)}</title>"
    return text.replace("<svg", '<svg role="img"', 1).replace(">", f">{title}", 1)
