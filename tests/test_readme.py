"""The README's example runs as printed, and its facts hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from causalrec_utils import assets

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def example() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    return code


def test_the_example_has_ten_lines() -> None:
    lines = [line for line in example().splitlines() if line.strip()]
    assert len(lines) - 1 == 10  # the import aside


def test_the_example_prints_a_grade(capsys: pytest.CaptureFixture[str]) -> None:
    if not assets.is_available("open-bandit"):
        pytest.skip("open-bandit can't be had")
    exec(compile(example(), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    grade = r"snips: [\d.]+ \[[\d.]+, [\d.]+\] against [\d.]+ ± [\d.]+ .*: (covered|MISSED)"
    assert re.search(grade, printed)


def test_named_files_and_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make (\w+)`?", README):
        assert re.search(rf"^[\w ]*\b{target}\b[\w ]*:", makefile, re.M), target
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
