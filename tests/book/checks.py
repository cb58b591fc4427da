"""What every notebook of the book must satisfy.

Each check takes a notebook (a dictionary, as stored) and returns what is wrong, one text a
problem. ``test_checks.py`` shows for each check a notebook on which it fails.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from causalrec_utils.estimate._show import ESTIMATE_MIME, GRADE_MIME, number

Notebook = dict[str, Any]
MAX_LINES = 20

# In this order in every chapter. A pattern is looked for in the Markdown cells, line by line.
SECTIONS = {
    "title": r"^# \S",
    "In this section you will": r"^[#*_ ]*In this section you will",
    "map to the source": r"(?i)map to the source|source map",
    "When this fails": r"^#+ When this fails",
    "Exercises": r"^#+ Exercises",
    "Key takeaways": r"^#+ Key takeaways",
}


def text(value: str | list[str]) -> str:
    """Notebook text is stored whole or as lines."""
    return value if isinstance(value, str) else "".join(value)


def code_cells(notebook: Notebook) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Position, cell and source of each code cell."""
    for i, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            yield i, cell, text(cell["source"])


def markdown(notebook: Notebook) -> str:
    """All prose, cells apart from one another by blank lines."""
    cells = notebook["cells"]
    return "\n\n".join(text(c["source"]) for c in cells if c["cell_type"] == "markdown")


def tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def has_image(cell: dict[str, Any], kind: str = "image/") -> bool:
    outputs = cell.get("outputs", [])
    return any(name.startswith(kind) for o in outputs for name in o.get("data", {}))


def kernel(notebook: Notebook) -> list[str]:
    """Readers' machines have a kernel of this name; others fail before the first cell."""
    name = notebook["metadata"].get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"kernelspec is {name!r}, must be 'python3'"]


def short_cells(notebook: Notebook) -> list[str]:
    """Long helpers belong in the library."""
    lengths = {i: len(source.strip().splitlines()) for i, _, source in code_cells(notebook)}
    return [f"cell {i}: {n} lines of code" for i, n in lengths.items() if n > MAX_LINES]


def executed(notebook: Notebook) -> list[str]:
    """Stored outputs come from one run, from top to bottom."""
    counts = [cell["execution_count"] for _, cell, _ in code_cells(notebook)]
    expected = list(range(1, len(counts) + 1))
    return [] if counts == expected else [f"execution counts are {counts}"]


def clean_outputs(notebook: Notebook) -> list[str]:
    """No warnings and no accidental errors on the page."""
    problems = []
    for i, cell, _ in code_cells(notebook):
        for output in cell["outputs"]:
            if output.get("name") == "stderr":
                problems.append(f"cell {i}: stored stderr {text(output['text'])[:60]!r}")
            if output["output_type"] == "error" and "raises-exception" not in tags(cell):
                problems.append(f"cell {i}: stored error without the tag raises-exception")
    return problems


def no_semicolons(notebook: Notebook) -> list[str]:
    """nbval does not honour a trailing semicolon."""
    return [
        f"cell {i}: line ends with a semicolon: {line.strip()!r}"
        for i, _, source in code_cells(notebook)
        for line in source.splitlines()
        if line.rstrip().endswith(";")
    ]


def plots_shown(notebook: Notebook) -> list[str]:
    """Otherwise the cell also shows the text of the last object drawn."""
    return [
        f"cell {i}: draws, but does not end with plt.show()"
        for i, cell, source in code_cells(notebook)
        if has_image(cell, "image/png") and source.strip().splitlines()[-1].strip() != "plt.show()"
    ]


def described_images(notebook: Notebook) -> list[str]:
    """Readers who cannot see a figure get its content; all get its caption."""
    problems = []
    for i, cell, source in code_cells(notebook):
        if not has_image(cell):
            if "plt.show()" in source:  # a kernel without the inline backend stores no picture
                problems.append(f"cell {i}: draws, but no image is stored")
            continue
        settings = cell["metadata"].get("mystnb", {})
        if len(settings.get("image", {}).get("alt", "")) < 40:
            problems.append(f"cell {i}: image needs mystnb.image.alt of 40 characters or more")
        if not settings.get("figure", {}).get("caption"):
            problems.append(f"cell {i}: image needs mystnb.figure.caption")
    return problems


def nothing_global(notebook: Notebook) -> list[str]:
    """Warnings are filtered one message at a time; randomness enters as a seed argument."""
    bad = {
        r"""filterwarnings\(\s*(action\s*=\s*)?["']ignore["']\s*(,\s*category\s*=\s*\w+\s*)?\)""": (
            "filters warnings without naming a message"
        ),
        r"""simplefilter\(\s*(action\s*=\s*)?["']ignore["']""": "silences warnings",
        r"(np\.random|(?<!\.)\brandom|torch)\.(manual_)?seed\(": "sets a global seed",
    }
    return [
        f"cell {i}: {what}"
        for i, _, source in code_cells(notebook)
        for pattern, what in bad.items()
        if re.search(pattern, source)
    ]


def ignored_outputs(notebook: Notebook) -> list[str]:
    """A cell whose output is not compared asserts what the output supports, or only draws."""
    problems = []
    for i, cell, source in code_cells(notebook):
        if "nbval-ignore-output" not in tags(cell) or re.search(r"^\s*assert\b", source, re.M):
            continue
        if not all(o["output_type"] == "display_data" for o in cell["outputs"]) or not has_image(
            cell
        ):
            problems.append(f"cell {i}: output is ignored, but nothing is asserted")
    return problems


def sections(notebook: Notebook) -> list[str]:
    """The parts of a chapter, in their order, and at least one citation."""
    prose = markdown(notebook)
    problems, last = [], -1
    for name, pattern in SECTIONS.items():
        match = re.search(pattern, prose, flags=re.MULTILINE)
        if match is None:
            problems.append(f"no part {name!r}")
        elif match.start() < last:
            problems.append(f"part {name!r} stands too early")
        else:
            last = match.start()
    if not re.search(r"\{cite", prose):
        problems.append("nothing is cited")
    return problems


def glue_defined(notebook: Notebook) -> list[str]:
    """Names of numbers that this notebook's outputs hold."""
    return [
        output["metadata"]["scrapbook"]["name"]
        for _, cell, _ in code_cells(notebook)
        for output in cell["outputs"]
        if "scrapbook" in output.get("metadata", {})
    ]


def glue_found(notebook: Notebook) -> list[str]:
    """Every number that the prose asks for is made by a cell of the same notebook."""
    used = re.findall(r"\{glue:?\w*\}`([^`:]+)[^`]*`", markdown(notebook))
    used += re.findall(r"\{glue:\w+\}[ ]+(\S+)", markdown(notebook))
    missing = sorted(set(used) - set(glue_defined(notebook)))
    return [f"glue {name!r} is used but never made" for name in missing]


def glue_unique(notebooks: dict[str, Notebook]) -> list[str]:
    """One name, one number, in the whole book."""
    counts = Counter(name for notebook in notebooks.values() for name in glue_defined(notebook))
    return [f"glue {name!r} is made {n} times" for name, n in counts.items() if n > 1]


# What holds numbers that are no results, taken away before the search for typed ones.
MATHS = r"\$\$.*?\$\$|\\begin\{(\w+\*?)\}.*?\\end\{\1\}"
NOT_RESULTS = (
    r"\{[\w:+-]+\}`[^`]*`",  # roles: glue, cite, term, doc
    r"`[^`]*`",
    r"\$[^$]+\$",
    r"(\[[\d.]+)?\]\([^)]*\)",  # addresses of links, and links to sections by number
    r"https?://\S+",
    r"^#.*$",  # headings carry the number of the section
    r"^:\w[\w-]*:.*$",  # options of directives
    r"(?i)\b(sections?|chapters?|figures?|tables?|versions?|python|cc[ -]by[\w-]*)\s+\d+(\.\d+)*"
    r"((,| and| or| to|–|-)\s?\d+(\.\d+)+)*",
    r"\b(80|90|95|99)\s?%[ -](\w+[ -]){0,2}(intervals?|level|bands?|coverage)\b",  # nominal
    r"(?i)\b(level|interval) (of )?(80|90|95|99)\s?%",
    r"(?i)^.*(map to the source|source map).*(\n.+)*",  # the source's own numbering
    r"\b\d+(\.\d+){2,}\b",  # numbering such as 1.2.3
)
RESULT = r"(?<![\w.])[-+−]?\d[\d,]*(\.\d+(\s?%)?|\s?%|\s?per cent\b)"
TYPED = r"<!--\s*typed:\s*\w.*?-->"


def without_code(source: str) -> str:
    """Markdown without its code and maths blocks; the content of notes and exercises stays."""
    kept: list[str] = []
    fences: list[tuple[str, bool]] = []  # marker, whether its content is code
    for line in source.splitlines():
        marker, rest = re.match(r"\s*(`{3,}|~{3,}|:{3,}|)(.*)", line).groups()
        in_code = bool(fences) and fences[-1][1]
        if fences and marker.startswith(fences[-1][0]) and not rest.strip():
            fences.pop()
        elif marker and not in_code:
            fences.append((marker, not rest.startswith("{") or rest.startswith(("{math", "{code"))))
        elif not in_code:
            kept.append(line)
    return "\n".join(kept)


def typed_numbers(notebook: Notebook) -> list[str]:
    """Results in prose come from glue. ``<!-- typed: reason -->`` exempts its paragraph."""
    problems = []
    for i, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "markdown":
            continue
        prose = re.sub(MATHS, " ", without_code(text(cell["source"])), flags=re.DOTALL)
        for paragraph in re.split(r"\n\s*\n", prose):
            if re.search(TYPED, paragraph, flags=re.DOTALL):
                continue
            for pattern in NOT_RESULTS:
                paragraph = re.sub(pattern, " ", paragraph, flags=re.MULTILINE)
            for match in re.finditer(RESULT, paragraph):
                context = paragraph[max(match.start() - 25, 0) : match.end() + 15]
                context = " ".join(context.split())
                problems.append(f"cell {i}: typed number {match.group()!r} in {context!r}")
    return problems


def graded(notebook: Notebook) -> list[str]:
    """Every estimate that is shown has a grade in its notebook, or words on why there is none."""
    grades = Counter()
    shown = []
    for i, cell, _ in code_cells(notebook):
        for output in cell["outputs"]:
            metadata = output.get("metadata", {})
            for row in metadata.get(GRADE_MIME, []):
                value = float("nan") if row["value"] is None else row["value"]
                grades[row["method"], number(value)] += 1
            if ESTIMATE_MIME in metadata:
                shown.append(
                    (i, metadata[ESTIMATE_MIME]["method"], metadata[ESTIMATE_MIME]["value"])
                )
                continue
            plain = text(output.get("data", {}).get("text/plain", output.get("text", "")))
            found = re.findall(
                r"\bby ([^:\n]+?): (\S+), (?:no interval|[\d.]+% interval \[)", plain
            )
            shown += [(i, method, value) for method, value in found]
    return [
        f"cell {i}: {value} by {method} is shown, but neither graded nor said to have no truth"
        for i, method, value in shown
        if not grades[method, value]
    ]


CHECKS: tuple[Callable[[Notebook], list[str]], ...] = (
    kernel,
    short_cells,
    executed,
    clean_outputs,
    no_semicolons,
    plots_shown,
    described_images,
    nothing_global,
    ignored_outputs,
    glue_found,
    typed_numbers,
    graded,
)
CHAPTER_CHECKS = (sections,)
