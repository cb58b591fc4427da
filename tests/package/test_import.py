"""The package is light, complete and documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import causalrec_utils as cr

HEAVY = ("torch", "scipy", "statsmodels", "sklearn", "ibis", "matplotlib", "duckdb", "tea_tasting",
         "transformers", "dowhy", "econml", "IPython", "pyarrow.parquet", "seaborn")  # fmt: skip


def loaded_after(code: str) -> set[str]:
    """Which heavy modules a fresh interpreter holds after running the code."""
    code = f"{code}\nimport sys\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    root = Path(cr.__file__).parents[1]
    got = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    return set(got.stdout.split())


def test_import_is_light() -> None:
    assert loaded_after("import causalrec_utils") == set()


def test_so_are_the_modules_that_need_nothing_heavy() -> None:
    code = "import causalrec_utils as cr\ncr.ope, cr.policies, cr.logs, cr.plots"
    assert loaded_after(code) == set()


def test_estimates_in_memory_need_no_database() -> None:
    code = (
        "import pandas as pd, causalrec_utils as cr\n"
        "log = pd.DataFrame({'reward': [1, 0], 'propensity': [.5, .5], 'new': [.9, .1]})\n"
        "cr.ope.evaluate(log, 'new', estimators=['ips', 'snips'])"
    )
    assert not loaded_after(code) & {"ibis", "duckdb", "matplotlib", "sklearn", "torch"}


def test_submodules_load_on_use() -> None:
    for name in cr.__all__:
        assert getattr(cr, name) is not None
    assert set(cr.__all__) == set(dir(cr))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = cr.nonsense


def test_glue_takes_text_only() -> None:
    with pytest.raises(TypeError, match="glue 'x': format the number as text first, got float"):
        cr.glue(x=0.5)
    cr.glue()


def test_setup_gives_a_generator_and_seeds_nothing_global() -> None:
    import numpy as np

    before = np.random.get_state()[1].copy()
    assert cr.setup(seed=1).random() == cr.setup(seed=1).random() != cr.setup(seed=2).random()
    assert np.array_equal(before, np.random.get_state()[1])


OURS = ("estimate", "logs", "ope", "plots", "policies")


@pytest.mark.parametrize("name", OURS)
def test_all_is_public_and_documented(name: str) -> None:
    module = importlib.import_module(f"causalrec_utils.{name}")
    for public in module.__all__:
        thing = getattr(module, public)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), public
            if public != "Replay":
                assert ">>>" in inspect.getdoc(thing), f"{public} has no example"


def test_modules_import_only_those_above_them() -> None:
    """The order of the design: no cycles, and each module can be read after those before it."""
    order = ["estimate", "assets", "datasets", "logs", "policies", "ope", "experiments", "metrics",
             "plots"]  # fmt: skip
    root = Path(cr.__file__).parent
    for info in pkgutil.walk_packages([str(root)], "causalrec_utils."):
        parts = info.name.split(".")
        if parts[1] not in order:
            continue
        spec = importlib.util.find_spec(info.name)
        here = parts if spec.submodule_search_locations else parts[:-1]
        for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = here[: len(here) - node.level + 1]
                full = [*base, *(node.module or "").split(".")]
                names = [full[1]] if len(full) > 1 and full[1] else [a.name for a in node.names]
                for used in set(names) & set(order):
                    assert order.index(used) <= order.index(parts[1]), f"{info.name}: {used}"
