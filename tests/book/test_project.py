"""The project's own files agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import notebooks as nb

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEXT_FILES = (
    "*.py",
    "*.md",
    "*.toml",
    "*.yml",
    "*.yaml",
    "*.ipynb",
    "*.cff",
    "Makefile",
    ".ci/run",
)
# conda-forge's names where they differ
CONDA = {"torch": "pytorch", "ibis-framework": "ibis-duckdb"}


def declared(*groups: str) -> dict[str, Requirement]:
    """Requirements of the core and of extras, by name, without references to ourselves."""
    texts = list(PROJECT["dependencies"])
    texts += [t for group in groups for t in PROJECT["optional-dependencies"][group]]
    found = (Requirement(t) for t in texts if not t.startswith(PROJECT["name"]))
    return {canonicalize_name(r.name): r for r in found}


def conda_ranges(environment: dict[str, Any]) -> dict[str, str]:
    """Name and range of everything in ``environment.yml``, its pip section included."""
    entries = [e for e in environment["dependencies"] if isinstance(e, str)]
    entries += next(e["pip"] for e in environment["dependencies"] if isinstance(e, dict))
    parts = (re.fullmatch(r"([\w.-]+)(.*)", entry) for entry in entries)
    return {p[1]: p[2] for p in parts if p and not p[1].startswith("-")}


def disagreements(project: dict[str, Requirement], conda: dict[str, str]) -> list[str]:
    problems = []
    for name, requirement in project.items():
        theirs = conda.get(CONDA.get(name, name))
        if theirs is None:
            problems.append(f"{name} is missing")
        elif set(filter(None, theirs.split(","))) != {str(s) for s in requirement.specifier}:
            problems.append(f"{name}: {theirs} is not {requirement.specifier}")
    extra = set(conda) - {CONDA.get(n, n) for n in project} - {"python", "pip"}
    return problems + [f"{name} is not in pyproject.toml" for name in sorted(extra)]


def test_environment_agrees_with_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = conda_ranges(environment)
    project = declared("causal", "llm", "chapters", "book", "test")
    assert disagreements(project, conda) == []
    assert conda["python"] == PROJECT["requires-python"]
    del conda["numpy"]
    conda["torch"] = conda.pop("pytorch")
    conda["scipy"] = ">=1"
    assert len(disagreements(project, conda)) == 4


def test_constraints_are_exact_and_hold_the_ranges() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"==[\w.]+", str(p.specifier)) and not p.url for p in pins)
    versions = {canonicalize_name(p.name): str(p.specifier)[2:] for p in pins}
    assert len(versions) == len(pins)
    project = declared("causal", "llm", "chapters", "book", "test")
    for name, requirement in project.items():
        assert requirement.specifier.contains(versions[name]), name


def test_every_lower_bound_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    bounds = re.findall(r'^ +"[^"]*[<>]=?[^"]*",.*$', text, flags=re.MULTILINE)
    assert len(bounds) > 20
    assert [line for line in bounds if not re.search(r",\s*# \w", line)] == []
    assert "==" not in "".join(PROJECT["dependencies"])


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert f"[{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert citation["title"] == config["title"]


def test_contents_name_each_page_once() -> None:
    pages = nb.pages(ROOT)
    assert len(set(pages)) == len(pages)
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert toc["format"] == "jb-book"

    def files(node: Any) -> int:
        if isinstance(node, list):
            return sum(map(files, node))
        if isinstance(node, dict):
            return sum(k in ("file", "root") for k in node) + sum(map(files, node.values()))
        return 0

    assert files(toc) == len(pages)  # the quick reader of tools/ misses none


def test_bibliography_named_in_the_settings_exists() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    for name in config["bibtex_bibfiles"]:
        assert (ROOT / name).is_file()


def project_files() -> list[Path]:
    found = [p for pattern in TEXT_FILES for p in ROOT.rglob(pattern)]
    hidden = re.compile(r"^(_build|data/(?!.*\.md$)|\.(?!github|ci|binder))|egg-info")
    return [p for p in found if not hidden.search(p.relative_to(ROOT).as_posix())]


UNFINISHED = re.compile(
    "|".join(
        [r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bXX" + r"X\b", r"/(?:home|root|work|Users)/\w+"]
    )
)


@pytest.mark.parametrize("path", project_files(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_nothing_unfinished_and_no_path_of_one_machine(path: Path) -> None:
    text = re.sub(r'"image/png": "[^"]*"', "", path.read_text(encoding="utf-8"))
    assert UNFINISHED.findall(text) == []


def test_example_of_the_readme_runs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert blocks, "the README shows how to reuse the library"
