"""The book's commands: ``make help`` lists them.

This file runs before anything is installed, so it uses the standard library only. What needs
installed packages runs in ``.venv`` (``build_site.py``, ``run_notebooks.py``).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebooks as nb  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
EXTRAS = "book,test"  # book brings llm and causal
TIMEOUT = 120  # seconds that one notebook may take
START = time.monotonic()
UNREACHABLE = 3
FETCH = f"""
import sys
from causalrec_utils import assets
try:
    assets.fetch(sys.argv[1])
except assets.AssetUnavailable as error:
    print(error)
    sys.exit({UNREACHABLE})
"""


def say(text: str) -> None:
    """A header that is easy to find in a long log."""
    print(f"\n=== [{time.monotonic() - START:4.0f} s] {text}", flush=True)


def run(*command: object, check: bool = True) -> int:
    """Run a command in the project's root; stop with its exit code if it fails."""
    code = subprocess.run([str(c) for c in command], cwd=ROOT).returncode
    if check and code:
        sys.exit(code)
    return code


def digest(paths: list[Path], *more: str) -> str:
    """One hash of files and texts."""
    total = hashlib.sha256("\0".join(more).encode())
    for path in sorted(paths):
        if path.is_file():
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]


def pins() -> list[str]:
    """Install the exact set, unless ``BOOK_UNPINNED`` asks for the newest versions."""
    return [] if os.environ.get("BOOK_UNPINNED") else ["-c", str(ROOT / "constraints.txt")]


def make_venv(folder: Path) -> None:
    """Create a virtual environment, with a plain message where Python lacks the parts."""
    if run(sys.executable, "-m", "venv", "--clear", folder, check=False):
        shutil.rmtree(folder, ignore_errors=True)
        sys.exit("Could not create a virtual environment. On Debian: apt-get install python3-venv")


def ensure_env() -> None:
    """Create or update ``.venv`` when the declared dependencies changed, else do nothing."""
    stamp = VENV / "installed.txt"
    wanted = digest([ROOT / "pyproject.toml", ROOT / "constraints.txt"], sys.version, *pins())
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    say("Installing the pinned packages into .venv (a few minutes the first time)")
    if not PYTHON.exists() or run(PYTHON, "-c", "", check=False):
        make_venv(VENV)
    stamp.unlink(missing_ok=True)
    run(PYTHON, "-m", "pip", "install", *pins(), "-e", f".[{EXTRAS}]")
    run(PYTHON, "-c", "import matplotlib.pyplot")  # builds the font cache, outside the chapters
    stamp.write_text(wanted)


def fetch_assets() -> dict[str, bool]:
    """Fetch what the chapters declare; say for each asset whether it could be had."""
    names = [name for path in nb.notebooks(ROOT) for name in nb.assets_of(nb.read(path))]
    reached = {}
    for name in dict.fromkeys(names):
        say(f"Data: {name}")
        code = run(PYTHON, "-c", FETCH, name, check=False)
        if code not in (0, UNREACHABLE):  # a mistake in the library, not a missing network
            sys.exit(code)
        reached[name] = code == 0
    return reached


def without_data(reached: dict[str, bool]) -> dict[str, list[str]]:
    """Notebooks that cannot be run, each with the assets that it lacks."""
    lacking = {}
    for path in nb.notebooks(ROOT):
        missing = [a for a in nb.assets_of(nb.read(path)) if not reached[a]]
        if missing:
            lacking[path.relative_to(ROOT).as_posix()] = missing
    return lacking


def cache_folder() -> Path:
    """Where executed chapters are kept; its name changes with whatever their outputs rest on."""
    sources = [p for p in (ROOT / "causalrec_utils").rglob("*.*") if p.suffix != ".pyc"]
    folder = BUILD / f".jupyter_cache-{digest([*sources, ROOT / 'constraints.txt'], sys.version)}"
    for old in BUILD.glob(".jupyter_cache-*"):
        if old != folder:
            shutil.rmtree(old)
    return folder


def build(*options: object, check: bool = True) -> int:
    """Build the site; options go to ``build_site.py``."""
    return run(PYTHON, "-u", ROOT / "tools" / "build_site.py", *options, check=check)


def show_where() -> None:
    """The last line of a build."""
    print(f"\nOpen {(BUILD / 'html' / 'index.html').as_uri()}")


def book() -> None:
    """Install, fetch data, run every chapter, build the site."""
    ensure_env()
    lacking = without_data(fetch_assets())
    say("Running chapters that changed, and building the site")
    skipped = [option for path in lacking for option in ("--skip", path)]
    build("--execute", cache_folder(), "--timeout", TIMEOUT, *skipped)
    if lacking:
        say("Shown from stored outputs, not run here, because data could not be had:")
        for path, missing in lacking.items():
            print(f"  {path}: {', '.join(missing)}")
    show_where()


def site() -> None:
    """Build the site from the stored outputs."""
    ensure_env()
    say("Building the site from the stored outputs")
    build()
    show_where()


def test() -> None:
    """Unit tests and doctests, every notebook against its outputs, the book's own checks."""
    ensure_env()
    pytest = (PYTHON, "-m", "pytest", "-q", "-ra")
    failed = []

    def part(title: str, code: int) -> None:
        if code:
            failed.append(title)

    say("Part 1 of 3: unit tests and doctests")
    unit = ("--ignore=tests/book", "--doctest-modules", "tests", "causalrec_utils")
    workers = ("-n", "auto", "--maxprocesses", "4")
    part("unit tests", run(*pytest, *workers, *unit, check=False))
    say("Part 2 of 3: notebooks against their stored outputs")
    fetch_assets()
    strict = ("--nbval", "--nbval-current-env", f"--nbval-cell-timeout={TIMEOUT}")
    part("notebooks", run(*pytest, *strict, *nb.notebooks(ROOT), check=False))
    say("Part 3 of 3: the book: structure, links, browser")
    part("site build", build(check=False))
    part("book checks", run(*pytest, "tests/book", check=False))
    say(f"FAILED: {', '.join(failed)}" if failed else "All parts passed")
    sys.exit(bool(failed))


def coverage() -> None:
    """The large Monte Carlo studies of interval coverage."""
    ensure_env()
    run(PYTHON, "-m", "pytest", "-q", "-ra", "-m", "coverage_suite", "-n", "auto", "tests")


def lint() -> None:
    """Style and types."""
    ensure_env()
    run(PYTHON, "-m", "ruff", "check", ".")
    run(PYTHON, "-m", "ruff", "format", "--check", ".")
    run(PYTHON, "-m", "mypy")


def lab() -> None:
    """Open the chapters in JupyterLab."""
    ensure_env()
    fetch_assets()
    run(PYTHON, "-m", "jupyterlab", "--ServerApp.root_dir", ROOT)


def rerun() -> None:
    """Run notebooks in place, from a fresh kernel each, and store their outputs."""
    ensure_env()
    fetch_assets()
    chosen = [Path(p).resolve() for p in sys.argv[2:]] or nb.notebooks(ROOT)
    run(PYTHON, ROOT / "tools" / "run_notebooks.py", "--timeout", TIMEOUT, *chosen)


def lock() -> None:
    """Write constraints.txt: the newest set that pyproject.toml allows, resolved from nothing."""
    folder = BUILD / "lock-venv"
    make_venv(folder)
    python = folder / PYTHON.relative_to(VENV)
    held_back = sys.argv[2:]  # such as torch==2.13.0
    run(python, "-m", "pip", "install", "-e", f"{ROOT}[{EXTRAS}]", *held_back)
    command = [str(python), "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    (ROOT / "constraints.txt").write_text(constraints(frozen.stdout), encoding="utf-8")
    shutil.rmtree(folder)
    print("constraints.txt written")


def constraints(frozen: str) -> str:
    """Pins from ``pip freeze``: no local paths, no build tags such as ``+cpu``."""
    head = "# The exact set that the book was run and tested with. Made by `make lock`.\n"
    lines = (line.partition("+")[0] for line in frozen.splitlines() if "==" in line)
    return head + "".join(f"{line}\n" for line in sorted(lines, key=str.lower))


def launch_branch() -> None:
    """Prepend an install cell to every notebook of this checkout (done by the publishing run)."""
    repository = os.environ.get("BOOK_REPOSITORY")
    if not repository:
        sys.exit("BOOK_REPOSITORY is not set: nobody could install from here")
    for path in nb.notebooks(ROOT):
        nb.write(path, nb.with_install_cell(nb.read(path), repository))


def clean() -> None:
    """Remove what the commands made. Downloaded data stays."""
    for folder in (BUILD, VENV):
        shutil.rmtree(folder, ignore_errors=True)


COMMANDS = {
    "book": book,
    "site": site,
    "test": test,
    "coverage": coverage,
    "lint": lint,
    "lab": lab,
    "run": rerun,
    "lock": lock,
    "launch-branch": launch_branch,
    "clean": clean,
}


def main() -> None:
    """Do what the command line asks."""
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever runs this may have an older one)
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    name = sys.argv[1] if len(sys.argv) > 1 else "help"
    if name not in COMMANDS:
        for key, command in COMMANDS.items():
            print(f"  {key:14}{(command.__doc__ or '').splitlines()[0]}")
        sys.exit(name != "help")
    COMMANDS[name]()


if __name__ == "__main__":
    main()
