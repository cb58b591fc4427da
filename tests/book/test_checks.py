"""Each check of notebooks finds nothing on a good notebook, and something on a broken one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

import causalrec_utils as cr
from tests.book import checks

PNG = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "", "text/plain": "x"}}
ALT = "A line that rises from zero at the left to nine at the right of the picture"
FIGURE = {"image": {"alt": ALT}, "figure": {"caption": "It rises."}}


def prose(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(True)}


def code(source: str, *outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": metadata,
        "execution_count": 0,
        "outputs": list(outputs),
        "source": source.splitlines(True),
    }


def shown(value: Any) -> dict[str, Any]:
    """The output that IPython stores for an estimate or a grade."""
    data, metadata = value._repr_mimebundle_()
    return {"output_type": "execute_result", "data": data, "metadata": metadata}


def glued(name: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {}, "metadata": {"scrapbook": {"name": name}}}


ESTIMATE = cr.Estimate(0.52, 0.1, (0.32, 0.72), 0.95, n=100, method="ips", estimand="value")
GOOD_PROSE = """\
The lift is {glue:text}`s11_lift`, with a 95% interval (level 95 %); see section 3.1 and `x = 0.5`.

It is 12.5 % of nothing. <!-- typed: an example, not a result -->

$$p = 0.05$$

```python
p = 0.05
```
"""


@pytest.fixture
def good() -> dict[str, Any]:
    cells = [
        prose(
            "# 1.1 Title\n\n**In this section you will**\n\n- see\n\n"
            "**Map to the source**: 1.1 *Title*"
        ),
        code("import causalrec_utils as cr"),
        code("cr.glue(s11_lift='0.52')", glued("s11_lift")),
        prose(GOOD_PROSE),
        code("estimate", shown(ESTIMATE)),
        code("estimate.grade(0.6, source='known')", shown(ESTIMATE.grade(0.6, source="known"))),
        code("plt.plot([1, 2])\nplt.show()", PNG, mystnb=FIGURE, tags=["nbval-ignore-output"]),
        prose("## When this fails\n\nOften {cite}`a`.\n\n## Exercises\n\n## Key takeaways\n"),
    ]
    counted = [c for c in cells if c["cell_type"] == "code"]
    for count, cell in enumerate(counted, 1):
        cell["execution_count"] = count
    return {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}}


Break = Callable[[dict[str, Any]], None]


def add(cell: dict[str, Any]) -> Break:
    def change(notebook: dict[str, Any]) -> None:
        notebook["cells"].append(cell)

    return change


def change_kernel(notebook: dict[str, Any]) -> None:
    notebook["metadata"]["kernelspec"]["name"] = "my-env"


def drop(position: int) -> Break:
    def change(notebook: dict[str, Any]) -> None:
        del notebook["cells"][position]

    return change


def swap_parts(notebook: dict[str, Any]) -> None:
    notebook["cells"].insert(0, notebook["cells"].pop())


def edit(position: int, **metadata: Any) -> Break:
    def change(notebook: dict[str, Any]) -> None:
        notebook["cells"][position]["metadata"] = metadata

    return change


STDERR = {"output_type": "stream", "name": "stderr", "text": ["UserWarning"]}
ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}
STREAM = {"output_type": "stream", "name": "stdout", "text": ["took 3 s"]}
IN_A_DICT = {
    "output_type": "execute_result",
    "metadata": {},
    "data": {"text/plain": ["{'x': value by dr: 0.42, 95% interval [0.4, 0.5], n = 9}"]},
}

BROKEN: list[tuple[Callable[..., list[str]], Break, str]] = [
    (checks.kernel, change_kernel, "my-env"),
    (checks.short_cells, add(code("x = 1\n" * 21)), "21 lines"),
    (checks.executed, add(code("x = 1")), "counts"),
    (checks.clean_outputs, add(code("x", STDERR)), "stderr"),
    (checks.clean_outputs, add(code("x", ERROR)), "raises-exception"),
    (checks.no_semicolons, add(code("plt.plot(x);\n")), "semicolon"),
    (checks.plots_shown, add(code("plt.plot(x)", PNG)), "plt.show"),
    (checks.described_images, edit(6, mystnb={"figure": {"caption": "x"}}), "alt"),
    (checks.described_images, edit(6, mystnb={"image": {"alt": ALT}}), "caption"),
    (checks.described_images, add(code("plt.plot(x)\nplt.show()")), "no image"),
    (checks.nothing_global, add(code("warnings.filterwarnings('ignore')")), "warnings"),
    (checks.nothing_global, add(code("warnings.simplefilter('ignore')")), "warnings"),
    (
        checks.nothing_global,
        add(code("warnings.filterwarnings('ignore', category=FutureWarning)")),
        "warnings",
    ),
    (checks.nothing_global, add(code("np.random.seed(1)")), "seed"),
    (checks.nothing_global, add(code("torch.manual_seed(1)")), "seed"),
    (checks.ignored_outputs, add(code("f()", STREAM, tags=["nbval-ignore-output"])), "asserted"),
    (checks.sections, drop(7), "When this fails"),
    (checks.sections, drop(0), "In this section you will"),
    (checks.sections, swap_parts, "too early"),
    (checks.sections, drop(7), "cited"),
    (checks.glue_found, add(prose("It is {glue:text}`s11_other`.")), "s11_other"),
    (checks.glue_found, add(prose("It is {glue:text}`s11_else:.2f`.")), "s11_else"),
    (checks.typed_numbers, add(prose("The lift is 0.52 clicks.")), "0.52"),
    (checks.typed_numbers, add(prose("It rejects about 22 % of the time.")), "22 %"),
    (checks.typed_numbers, add(prose("It held the truth in 95% of runs.")), "95%"),
    (checks.typed_numbers, add(prose("```{note}\nIt was −1.5 then.\n```")), "1.5"),
    (checks.typed_numbers, add(prose("````{note}\n```python\nx\n```\nNow 1.5\n````")), "1.5"),
    (checks.typed_numbers, add(prose("```{note}\nx\n```\nNow 1.5\n\n```\nx\n```")), "1.5"),
    (checks.typed_numbers, add(prose("It is 1.5. <!-- a comment -->")), "1.5"),
    (checks.graded, drop(5), "neither graded"),
    (checks.graded, add(code("several", IN_A_DICT)), "0.42 by dr"),
]


@pytest.mark.parametrize("check", [*checks.CHECKS, *checks.CHAPTER_CHECKS])
def test_good_notebook_passes(check: Callable[..., list[str]], good: dict[str, Any]) -> None:
    assert check(good) == []


@pytest.mark.parametrize(("check", "broken", "said"), BROKEN)
def test_broken_notebook_fails(
    check: Callable[..., list[str]], broken: Break, said: str, good: dict[str, Any]
) -> None:
    broken(good)
    assert any(said in problem for problem in check(good)), check(good)


def test_every_check_is_tested() -> None:
    assert {check for check, _, _ in BROKEN} == {*checks.CHECKS, *checks.CHAPTER_CHECKS}


def test_allowed_exceptions_pass(good: dict[str, Any]) -> None:
    good["cells"] += [
        code("f()", ERROR, tags=["raises-exception"]),
        code("t = f()\nassert t < 9", STREAM, tags=["nbval-ignore-output"]),
        code("warnings.filterwarnings('ignore', message='one thing', category=FutureWarning)"),
        code("estimate", shown(ESTIMATE.without_truth("nobody knows"))),
        code("rng = np.random.default_rng(1)"),
    ]
    for check in checks.CHECKS:
        if check is not checks.executed:
            assert check(good) == [], check


def test_glue_names_are_unique_over_the_book(good: dict[str, Any]) -> None:
    assert checks.glue_unique({"a": good}) == []
    assert "s11_lift" in checks.glue_unique({"a": good, "b": copy.deepcopy(good)})[0]
