"""Flow charts: boxes and arrows, laid out by Graphviz and shown as SVG."""

from __future__ import annotations

import html
import subprocess
import sys
import textwrap
from collections.abc import Sequence

__all__ = ["FlowChart", "flow_chart"]

FONT = "Helvetica,Arial,sans-serif"
COLUMN = 24  # characters in a line of a box


class FlowChart:
    """A drawing that a notebook shows; made by `flow_chart`.

    Attributes
    ----------
    svg : str
        The drawing, as text.

    Examples
    --------
    >>> FlowChart("<svg></svg>").svg
    '<svg></svg>'
    """

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg


def flow_chart(
    steps: Sequence[str],
    *,
    alt: str,
    back: Sequence[tuple[int, int, str]] = (),
) -> FlowChart:
    """Steps in order, and the ways back, as boxes and arrows.

    Introduced in section 2.3.

    Parameters
    ----------
    steps : sequence of str
        What stands in the boxes. Text after the first colon is set in smaller letters.
    alt : str
        What the chart shows, for a reader who can't see it; at least five words.
    back : sequence of (int, int, str)
        Dashed arrows: from which step, to which, counted from 0, and why.

    Returns
    -------
    FlowChart

    Raises
    ------
    ValueError
        If ``alt`` says too little, there are fewer than two steps, or an arrow leaves or meets a
        step that isn't there.

    Examples
    --------
    >>> chart = flow_chart(["Design", "Run: two weeks"], back=[(1, 0, "again")],
    ...                    alt="Two boxes: a design is run, and then made again")
    >>> chart.svg.startswith("<svg role=")
    True
    """
    if len(alt.split()) < 5:
        raise ValueError(f"alt must say what the chart shows, in five words or more; got {alt!r}")
    if len(steps) < 2:
        raise ValueError(f"steps must be at least two, got {len(steps)}")
    for start, end, _ in back:
        for step in (start, end):
            if not 0 <= step < len(steps):
                raise ValueError(
                    f"back names step {step}, but steps count from 0 to {len(steps) - 1}"
                )
    lines = [
        "bgcolor=white; nodesep=0.3; ranksep=0.3; node [shape=box, style=rounded, width=2.4];",
        f'node [color="#6b6b6b", fontname="{FONT}", fontsize=12];',
        f'edge [color="#0072b2", fontname="{FONT}", fontsize=10, arrowsize=0.8];',
        *(f"{i} [label=<{_label(step)}>];" for i, step in enumerate(steps)),
        *(f"{i} -> {i + 1} [weight=10];" for i in range(len(steps) - 1)),
        *(_way_back(*arrow) for arrow in back),
    ]
    drawn = _draw("digraph {" + "\n".join(lines) + "}")
    title = f"<title>{html.escape(alt)}</title>"
    svg = drawn[drawn.index("<svg") :].replace("<svg", '<svg role="img"', 1)
    return FlowChart(svg.replace(">", f">{title}", 1))


def _draw(graph: str) -> str:
    """SVG of a graph in the DOT language.

    In a process of its own, for Graphviz writes what it thinks of the machine's fonts to the
    stream of errors, and a notebook would show that beside the chart.
    """
    program = (
        "import sys, pygraphviz\n"
        "graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())\n"
        "sys.stdout.buffer.write(graph.draw(format='svg', prog='dot'))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=graph.encode(), capture_output=True)
    if done.returncode:
        raise RuntimeError(f"Graphviz could not draw the chart: {done.stderr.decode().strip()}")
    return done.stdout.decode()


def _way_back(start: int, end: int, why: str) -> str:
    look = 'style=dashed, color="#d55e00", constraint=false'
    label = f'<<table border="0"><tr><td>{_text(why, 16)}</td></tr></table>>'
    return f"{start} -> {end} [{look}, label={label}];"


def _text(words: str, width: int = COLUMN) -> str:
    return "<br/>".join(html.escape(line) for line in textwrap.wrap(words, width))


def _label(step: str) -> str:
    head, _, rest = step.partition(":")
    small = f'<br/><font point-size="10">{_text(rest.strip(), COLUMN + 6)}</font>' if rest else ""
    return f"<b>{_text(head)}</b>{small}"
