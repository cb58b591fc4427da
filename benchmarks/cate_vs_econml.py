"""Effects by row beside econml's and causalml's learners: PEHE against known effects, and time.

    python benchmarks/cate_vs_econml.py --keep runs.jsonl                 # what CATE.md shows
    python benchmarks/cate_vs_econml.py --keep runs.jsonl --ihdp 0-4      # other draws of IHDP
    python benchmarks/cate_vs_econml.py --keep runs.jsonl --causalml /path/to/its/python

Peers are econml's learners, each with boosted trees and again with penalised linear models, and
causalml's with the same and its forest, where causalml can be imported, here or by the interpreter
that ``--causalml`` names. Every method gets the same rows, and is judged on the same rows. Time is
that of the processor, summed over threads, so that other work on the machine changes it little.
Finished runs are kept in the file, and not run again. ``--write`` stores the tables in
`benchmarks/CATE.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
OURS = ["auto", "s", "t", "x", "dr", "linear_dml", "causal_forest", "network"]
CONSTANT = "a constant (the true average)"
# One thread each for sums over matrices and trees; forests use all cores.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
Peer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def kinds() -> dict[str, tuple[Any, Any]]:
    """Models of the outcome and of the treatment."""
    from sklearn.ensemble import HistGradientBoostingClassifier as BoostedClassifier
    from sklearn.ensemble import HistGradientBoostingRegressor as Boosted
    from sklearn.linear_model import LassoCV, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def linear(model: Any) -> Any:
        return make_pipeline(StandardScaler(), model)

    return {
        "trees": (Boosted(random_state=0), BoostedClassifier(random_state=0)),
        "linear": (linear(LassoCV(random_state=0)), linear(LogisticRegression(max_iter=1000))),
    }


def econml_peers() -> dict[str, Peer]:
    from econml.dml import CausalForestDML, LinearDML
    from econml.dr import DRLearner
    from econml.metalearners import SLearner, TLearner, XLearner

    made: dict[str, Any] = {}
    for kind, (y, t) in kinds().items():
        nuisance = {"model_y": y, "model_t": t, "discrete_treatment": True, "random_state": 0}
        regression = {"model_regression": y, "model_final": y, "model_propensity": t}
        made |= {
            f"econml T, {kind}": TLearner(models=y),
            f"econml S, {kind}": SLearner(overall_model=y),
            f"econml X, {kind}": XLearner(models=y, propensity_model=t),
            f"econml DR, {kind}": DRLearner(**regression, random_state=0),
            f"econml LinearDML, {kind}": LinearDML(**nuisance),
            f"econml CausalForestDML, {kind}": CausalForestDML(**nuisance, n_estimators=200),
        }
    return {name: lambda y, t, x, m=m: m.fit(y, t, X=x).effect(x) for name, m in made.items()}


def causalml_peers() -> dict[str, Peer]:
    from causalml.inference.meta import (
        BaseDRRegressor,
        BaseRRegressor,
        BaseSRegressor,
        BaseTRegressor,
        BaseXRegressor,
    )
    from causalml.inference.tree import CausalRandomForestRegressor
    from sklearn.linear_model import LassoCV

    learners = {
        "S": BaseSRegressor,
        "T": BaseTRegressor,
        "X": BaseXRegressor,
        "DR": BaseDRRegressor,
    }

    def run(make: Any, **models: Any) -> Peer:
        return lambda y, t, x: make(**models).fit_predict(x, t.astype(int), y)

    made: dict[str, Peer] = {}
    for kind, (model, _) in kinds().items():
        made |= {f"causalml {n}, {kind}": run(m, learner=model) for n, m in learners.items()}
        # Its R-learner weights rows, which a pipeline does not take.
        effect = model if kind == "trees" else LassoCV(random_state=0)
        models = {"outcome_learner": model, "effect_learner": effect}
        made[f"causalml R, {kind}"] = run(BaseRRegressor, **models)

    def forest(y: np.ndarray, t: np.ndarray, x: np.ndarray) -> np.ndarray:
        model = CausalRandomForestRegressor(n_estimators=200, n_jobs=-1, random_state=0)
        model.fit(X=x, treatment=t.astype(int), y=y)
        return model.predict(x)

    return made | {"causalml causal forest": forest}


def our_methods() -> dict[str, Peer]:
    import pandas as pd

    from causalrec_utils import effects

    def run(method: str, y: np.ndarray, t: np.ndarray, x: np.ndarray) -> np.ndarray:
        names = [f"x{j}" for j in range(x.shape[1])]
        data = pd.DataFrame(x, columns=names).assign(t=t, y=y)
        return effects.cate(data, "t", "y", names, method=method, seed=0).effect(data)

    return {m: lambda y, t, x, m=m: run(m, y, t, x) for m in OURS}


LIBRARIES = {"ours": our_methods, "econml": econml_peers, "causalml": causalml_peers}


def work(library: str, path: str, chosen: str) -> None:
    """One world, all methods of a library (or those named): a line of JSON for each."""
    table = np.load(path)
    y, t, x = table["y"], table["t"], table["x"]
    methods = LIBRARIES[library]()
    small = slice(0, 300)
    for name, run in methods.items():
        if chosen and name not in chosen.split(";"):
            continue
        try:
            if name in ("auto", "econml S, linear", "causalml S, linear"):
                run(y[small], t[small], x[small])  # what is imported late is imported here
            start = time.process_time()
            effect = np.ravel(run(y, t, x))
            line = {"pehe": float(np.sqrt(np.mean((effect - table["effect"]) ** 2)))}
            line |= {"seconds": time.process_time() - start}
        except Exception as error:  # a peer that cannot run is a result too
            line = {"error": f"{type(error).__name__}: {error}"[:200]}
        print("RUN " + json.dumps({"method": name, **line}), flush=True)


def measure(worlds: dict[str, Any], python: dict[str, str], keep: Path, ours: str) -> list[dict]:
    """All runs that are not in the file yet; then everything in the file about these worlds."""
    done = [json.loads(line) for line in keep.read_text().splitlines()] if keep.exists() else []
    for label, make in worlds.items():
        for library, interpreter in python.items():
            if any(r["world"] == label and r["library"] == library for r in done):
                continue
            world = make()
            arrays = {
                "x": world.data[list(world.confounders)].to_numpy(float),
                "t": world.data[world.treatment].to_numpy(float),
                "y": world.data[world.outcome].to_numpy(float),
                "effect": world.cate,
            }
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "world.npz"
                np.savez(path, **arrays)
                chosen = ours if library == "ours" else ""
                command = [interpreter, __file__, "--worker", library, str(path), chosen]
                run = subprocess.run(
                    command, stdout=subprocess.PIPE, text=True, check=True, env=ENVIRONMENT
                )
            lines = [json.loads(s[4:]) for s in run.stdout.splitlines() if s.startswith("RUN ")]
            if library == "ours":
                lines.append({"method": CONSTANT, "pehe": float(world.cate.std()), "seconds": 0.0})
            lines = [{"world": label, "library": library, **line} for line in lines]
            done += lines
            with keep.open("a") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
            print(label, library, len(lines), "runs", flush=True)
    return [r for r in done if r["world"] in worlds]


def report(title: str, runs: list[dict]) -> str:
    """Medians over draws, and how far the default is from the best peer."""
    median = statistics.median
    good = [r for r in runs if "pehe" in r]
    names = dict.fromkeys(r["method"] for r in good)
    of = {n: [r for r in good if r["method"] == n] for n in names}
    rows = [
        (n, median(r["pehe"] for r in s), median(r["seconds"] for r in s)) for n, s in of.items()
    ]
    rows.sort(key=lambda r: r[1])
    auto = next(r for r in rows if r[0] == "auto")
    best = next(r for r in rows if r[0].startswith(("econml", "causalml")))
    mine = {r["world"]: r["pehe"] for r in of["auto"]}
    won = sum(mine[r["world"]] <= 1.05 * r["pehe"] for r in of[best[0]] if r["world"] in mine)
    lines = [
        f"## {title}",
        "",
        f"`effects.cate` by default (`auto`): PEHE {auto[1]:.3f}, which is {auto[1] / best[1]:.2f} "
        f"times that of the best peer here ({best[0]}, {best[1]:.3f}); within 5 % of it or better "
        f"in {won} of {len(mine)} worlds.",
        "",
        "| method | PEHE | processor seconds | as a share of `auto` |",
        "|---|---:|---:|---:|",
    ]
    lines += [f"| {n} | {e:.3f} | {s:.1f} | {s / auto[2]:.2f} |" for n, e, s in rows]
    failed = {r["method"]: r["error"] for r in runs if "error" in r}
    lines += ["", *(f"Failed: {n}: {why}" for n, why in failed.items())]
    return "\n".join(lines).rstrip() + "\n"


def seeds(text: str) -> list[int]:
    """``"0-4,9"`` is 0, 1, 2, 3, 4, 9."""
    parts = [p.split("-") for p in text.split(",") if p]
    return [s for p in parts for s in range(int(p[0]), int(p[-1]) + 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ihdp", type=seeds, default="100-119", help="seeds, such as 0-4,9")
    parser.add_argument("--large", type=seeds, default="11,12", help="seeds of the large worlds")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the large worlds")
    parser.add_argument("--keep", type=Path, required=True, help="file for finished runs")
    parser.add_argument("--ours", default="", help="only these of ours, with ; between them")
    parser.add_argument("--causalml", help="a Python that has causalml; by default this one")
    parser.add_argument("--note", type=Path, help="text to put in front of the tables")
    parser.add_argument("--write", action="store_true", help="write benchmarks/CATE.md")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    if "--worker" in sys.argv:
        return work(*sys.argv[sys.argv.index("--worker") + 1 :])
    options = parser.parse_args()
    from causalrec_utils import simulate

    python = {"ours": sys.executable, "econml": sys.executable}
    if options.causalml or find_spec("causalml"):
        python["causalml"] = options.causalml or sys.executable
    parts = [
        "# Heterogeneous effects beside econml and causalml\n",
        f"Written by `benchmarks/cate_vs_econml.py --write` on a machine with {os.cpu_count()} "
        f"cores, Python {platform.python_version()}. Peers are tuned by nobody: boosted trees of "
        "scikit-learn, or LassoCV and logistic regression; 200 trees in forests. The time of "
        "`auto` holds the comparison of all methods. Medians over worlds.\n",
    ]
    if "causalml" not in python:
        parts.append("causalml was not installed and is not in the tables.\n")
    if options.note:
        parts.append(options.note.read_text(encoding="utf-8"))
    if options.ihdp:
        worlds = {f"ihdp {s}": lambda s=s: simulate.ihdp(seed=s) for s in options.ihdp}
        title = f"IHDP, response surface B, {len(worlds)} draws, 747 rows"
        title += f" (seeds {', '.join(map(str, options.ihdp))})"
        parts.append(report(title, measure(worlds, python, options.keep, options.ours)))
    if options.large:
        n = options.rows
        large: dict[str, Any] = {
            f"{n} rows, {s}": lambda s=s: simulate.confounded(
                n, p=20, outcome_model="nonlinear", seed=s
            )
            for s in options.large
        }
        names = " and ".join(map(str, options.large))
        title = f"Nonlinear confounded worlds, {n:,} rows × 20 covariates (seeds {names})"
        parts.append(report(title, measure(large, python, options.keep, options.ours)))
    text = "\n".join(parts)
    print(text)
    if options.write:
        (ROOT / "benchmarks" / "CATE.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
