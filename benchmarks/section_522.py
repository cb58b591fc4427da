"""Every estimator of an average effect in worlds with known answers, for section 5.2.2.

    python benchmarks/section_522.py --keep runs.jsonl            # 20 to 30 minutes of one core
    python benchmarks/section_522.py --keep runs.jsonl --learners CATE.md

Hundreds of draws of each world take longer than a chapter may, so the chapter reads what this
script wrote, and runs a few draws anew to see that they agree. Finished draws are kept in the
file, and not run again. ``--parts`` names what to run; what is written always holds all that is
kept.

average    `effects.ate` by each method in each world: error, coverage, width, processor time
choice     simple learners of effects by row on half of IHDP; on the other half PEHE, and the R-loss
           with folds in the order of the rows, and with mixed folds
bootstrap  percentile intervals of a T-learner for the effect of single rows, all and the largest
learners   medians that `benchmarks/cate_vs_econml.py` wrote into a Markdown table
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalrec_utils import Estimate, effects, metrics, simulate

TARGET = Path(__file__).resolve().parent.parent / "causalrec_utils" / "effects" / "recorded.json"
SHOWN = 3  # draws whose estimates are stored one by one

# name: function of `simulate`, and its options. The chapter makes the same worlds from the record.
WORLDS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": ("confounded", {"n": 1000}),
    "curved": (
        "confounded",
        {"n": 1000, "outcome_model": "nonlinear", "propensity_model": "nonlinear"},
    ),
    "poor overlap": ("confounded", {"n": 1000, "overlap": 0.3}),
    "few rows": ("confounded", {"n": 120}),
    "hidden cause": ("confounded", {"n": 1000, "hidden": 0.7}),
    "nudge": ("instrument", {"n": 1000}),
    "front door": ("front_door", {"n": 1000}),
    "panel": ("panel", {"n_users": 250}),
    "all in one": ("natural_experiment", {"n": 1000, "heterogeneity": 0.5}),
    "IHDP": ("ihdp", {}),
    "nudge acts itself": ("natural_experiment", {"n": 1000, "exclusion": 0.3}),
    "weak nudge": ("natural_experiment", {"n": 1000, "strength": 0.2}),
    "a way past": ("natural_experiment", {"n": 1000, "bypass": 0.3}),
    "trends differ": ("natural_experiment", {"n": 1000, "trend_gap": 0.5}),
}
BROKEN = ("nudge acts itself", "weak nudge", "a way past", "trends differ")
LINEAR = {"model_y": "linear", "model_t": "linear"}
# Where linear models are wrong, the default: linear or boosted trees, by held-out loss.
NOT_LINEAR = ("curved", "IHDP")
ESTIMATORS: dict[str, dict[str, Any]] = {
    "before/after": {"method": "difference_in_means", "cluster": "user"},
    "diff-in-diff": {"method": "did", "unit": "user", "time": "period"},
    "naive difference": {"method": "difference_in_means"},
    "regression": {"method": "regression"},
    "matching": {"method": "matching"},
    "IPW": {"method": "ipw"},
    "AIPW, linear": {"method": "aipw", **LINEAR},
    "AIPW": {"method": "aipw", "folds": 3},
    "DML": {"method": "dml", "folds": 3},
    "causal forest": {"method": "causal_forest", "folds": 3},
    "front door": {"method": "front_door", "mediator": "noticed"},
    "IV": {"method": "iv", "instrument": "nudge"},
}
OVER_TIME = ("before/after", "diff-in-diff")
DESIGNS = (*OVER_TIME, "front door", "IV")
FLEXIBLE = ("AIPW", "DML", "causal forest")


def able(world: str, estimator: str) -> bool:
    """Whether the table of this world has what the estimator needs."""
    kind = WORLDS[world][0]
    if world in BROKEN:
        return estimator in (*DESIGNS, "regression")
    if estimator in OVER_TIME:
        return kind in ("panel", "natural_experiment")
    if estimator == "front door":
        return kind in ("front_door", "natural_experiment")
    if estimator == "IV":
        return kind in ("instrument", "natural_experiment")
    return estimator != "AIPW, linear" or world in NOT_LINEAR


def over_time(world: simulate.World) -> pd.DataFrame:
    """A row for each user and period."""
    if "period" in world.data:
        return world.data
    d = world.data.rename_axis("user").reset_index()
    before = d.assign(satisfaction=d["before"], shown=0, period=0)
    both = pd.concat([before, d.assign(period=1)], ignore_index=True)
    return both.assign(post=both["period"], treated=np.tile(d["shown"], 2))


def one_row_each(world: simulate.World) -> tuple[pd.DataFrame, list[str]]:
    """A row for each unit, and what to adjust for; in the panel that is the outcome before."""
    if "period" not in world.data:
        return world.data, list(world.confounders)
    d = world.data.pivot_table(index=["user", "treated"], columns="post", values="satisfaction")
    d = d.rename(columns={0: "before", 1: "satisfaction"}).reset_index()
    return d.rename(columns={"treated": "shown"}), ["before"]


def options_of(estimator: str, world: str) -> dict[str, Any]:
    linear = estimator in FLEXIBLE and world not in NOT_LINEAR
    return ESTIMATORS[estimator] | (LINEAR if linear else {})


def estimate(world: simulate.World, estimator: str, name: str) -> Estimate:
    how = options_of(estimator, name)
    if estimator == "before/after":
        d = over_time(world).query("treated == 1")
        return effects.ate(d, "post", world.outcome, **how)
    if estimator == "diff-in-diff":
        return effects.ate(over_time(world), world.treatment, world.outcome, **how)
    d, confounders = one_row_each(world)
    return effects.ate(d, world.treatment, world.outcome, confounders, **how)


def own_truth(world: simulate.World, estimator: str) -> float:
    """The truth of the estimand that the estimator names."""
    target = {"before/after": "att", "diff-in-diff": "att", "IV": "late"}.get(estimator, "ate")
    return float(world.truth[target])


def average(name: str, estimator: str, seed: int) -> dict[str, Any]:
    maker, options = WORLDS[name]
    world = getattr(simulate, maker)(**options, seed=seed)
    start = time.process_time()
    try:
        e = estimate(world, estimator, name)
    except ValueError as error:  # an estimator that refuses is a result too
        return {"error": str(error)[:80]}
    seconds = time.process_time() - start
    return {
        "value": e.value,
        "stderr": e.stderr,
        "low": e.ci[0],
        "high": e.ci[1],
        "ate": world.ate,
        "own": own_truth(world, estimator),
        "seconds": seconds,
    }


def learners() -> dict[str, Any]:
    """Learners that fit in tenths of a second; tuned by nobody."""
    from econml.dml import LinearDML
    from econml.metalearners import SLearner, TLearner, XLearner
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    linear = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 7)))
    trees = HistGradientBoostingRegressor(max_iter=50, max_leaf_nodes=8, random_state=0)
    odds = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    dml = {"model_t": odds, "discrete_treatment": True, "random_state": 0}
    return {
        "S, trees": SLearner(overall_model=trees),
        "T, linear": TLearner(models=linear),
        "T, trees": TLearner(models=trees),
        "X, linear": XLearner(models=linear, propensity_model=odds),
        "X, trees": XLearner(models=trees, propensity_model=odds),
        "LinearDML": LinearDML(model_y=linear, **dml),
    }


def choice(seed: int) -> dict[str, Any]:
    """Fit on one half of the children; judge on the other, with and without the truth."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    world = simulate.ihdp(seed=seed)
    d, names = world.data, list(world.confounders)
    test = np.random.default_rng(seed).permutation(len(d)) % 2 == 0
    x, t, y = d[names].to_numpy(float), d["treated"].to_numpy(float), d["score"].to_numpy()
    trees = HistGradientBoostingRegressor(max_iter=50, max_leaf_nodes=8, random_state=0)
    odds = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    x1, t1, y1 = x[test], t[test], y[test]
    # The table is sorted by site. `cv=5` cuts in that order, and each arm by itself for the odds.
    ordered, mixed = 5, KFold(5, shuffle=True, random_state=0)
    e, e_ordered = (
        cross_val_predict(odds, x1, t1, cv=cv, method="predict_proba")[:, 1]
        for cv in (mixed, ordered)
    )
    left = {
        "r_loss_ordered": (y1 - cross_val_predict(trees, x1, y1, cv=ordered), t1 - e_ordered),
        "r_loss": (y1 - cross_val_predict(trees, x1, y1, cv=mixed), t1 - e),
    }
    out: dict[str, Any] = {loss: {} for loss in (*left, "pehe")}
    constant = np.full(len(t1), t1.mean())
    out["log_loss"] = {
        name: float(log_loss(t1, p))
        for name, p in (("ordered", e_ordered), ("mixed", e), ("constant", constant))
    }
    for name, learner in learners().items():
        effect = np.ravel(learner.fit(y[~test], t[~test], X=x[~test]).effect(x[test]))
        for loss, (left_y, left_t) in left.items():
            out[loss][name] = float(np.mean((left_y - left_t * effect) ** 2))
        out["pehe"][name] = float(metrics.pehe(effect, world.cate[test]))
    return out


def bootstrap(seed: int, repeats: int = 200) -> dict[str, Any]:
    """Share of rows whose effect lies in the interval; T-learners by resampling, in two worlds.

    In the curved world also the share among the twentieth of the rows with the largest effects.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    trees = HistGradientBoostingRegressor(
        max_iter=50, max_leaf_nodes=8, random_state=0, early_stopping=False
    )
    out = {}
    for kind in ("linear", "curved"):
        rng = np.random.default_rng(seed)
        maker, options = WORLDS[kind]
        world = getattr(simulate, maker)(**options, seed=seed)
        x = world.data[list(world.confounders)].to_numpy()
        t, y = world.data["shown"].to_numpy(), world.data["satisfaction"].to_numpy()
        largest = world.cate >= np.quantile(world.cate, 0.95)
        for name, model in (("straight line", LinearRegression()), ("trees", trees)):
            drawn = []
            for _ in range(repeats):
                rows = rng.integers(len(t), size=len(t))
                arms = [rows[t[rows] == arm] for arm in (0, 1)]
                low, high = (model.fit(x[a], y[a]).predict(x) for a in arms)
                drawn.append(high - low)
            ends = np.quantile(drawn, (0.025, 0.975), axis=0)
            held = (ends[0] <= world.cate) & (world.cate <= ends[1])
            out[f"{name}, {kind} world"] = float(held.mean())
            if kind == "curved":
                out[f"{name}, curved world, largest effects"] = float(held[largest].mean())
    return out


def jobs(parts: list[str]) -> Iterator[tuple[tuple, Callable[[], dict[str, Any]]]]:
    """Cheap ones first, so that a run that is cut short still has every row of the table."""

    def cells(want: Callable[[str, str], bool], first: int, last: int) -> Iterator:
        for world in WORLDS:
            for name in ESTIMATORS:
                if able(world, name) and want(world, name):
                    for seed in range(first, last):
                        key = ("average", world, name, seed)
                        yield key, lambda w=world, n=name, s=seed: average(w, n, s)

    def cheap(world: str, name: str) -> bool:
        return name not in FLEXIBLE

    def linear(world: str, name: str) -> bool:
        return name in ("AIPW", "DML") and world not in NOT_LINEAR

    def forest(world: str, name: str) -> bool:
        return name == "causal forest" and world not in NOT_LINEAR

    def flexible(world: str, name: str) -> bool:
        return name in FLEXIBLE and world in NOT_LINEAR

    if "average" in parts:
        yield from cells(cheap, 0, 100)
        yield from cells(linear, 0, 100)
    if "choice" in parts:
        yield from ((("choice", s), lambda s=s: choice(s)) for s in range(60))
    if "average" in parts:
        for first in range(0, 100, 25):
            yield from cells(flexible, first, first + 25)
            yield from cells(forest, first, first + 25)
    if "bootstrap" in parts:
        yield from ((("bootstrap", s), lambda s=s: bootstrap(s)) for s in range(15))
    if "average" in parts:
        yield from cells(cheap, 100, 200)


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One cell of the table. ``error`` is against the average effect of all, ``own`` is not."""
    good = pd.DataFrame([r for r in runs if "value" in r]).sort_values("seed")
    error = good["value"] - good["ate"]
    own = good["value"] - good["own"]

    def held(truth: pd.Series) -> int:
        return int(good["low"].le(truth).mul(good["high"].ge(truth)).sum())

    return {
        "draws": len(good),
        "refused": len(runs) - len(good),
        "bias": round(float(error.mean()), 4),
        "sd": round(float(error.std()), 4),
        "rmse": round(float(np.sqrt((error**2).mean())), 4),
        "covered": held(good["ate"]),
        "own_bias": round(float(own.mean()), 4),
        "own_covered": held(good["own"]),
        "own_median": round(float(own.median()), 4),
        "width": round(float((good["high"] - good["low"]).median()), 4),
        "seconds": round(float(good["seconds"].median()), 5),
        "first": good[["value", "stderr"]].head(SHOWN).round(6).to_numpy().tolist(),
    }


def read_learners(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The tables of a report of `cate_vs_econml.py`, by heading."""
    tables: dict[str, list[dict[str, Any]]] = {}
    title = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            title = line[3:]
        match = re.match(r"\| ([^|]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", line)
        if match:
            name, *numbers = match.groups()
            pehe, seconds, share = map(float, numbers)
            row = {"method": name, "pehe": pehe, "seconds": seconds, "share": share}
            tables.setdefault(title, []).append(row)
    return tables


def write(kept: list[dict[str, Any]], table: Path | None) -> None:
    old = json.loads(TARGET.read_text("utf-8")) if TARGET.exists() else {}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in kept:
        if run["key"][0] == "average":
            _, world, name, seed = run["key"]
            groups.setdefault((world, name), []).append(run | {"seed": seed})
    cells = [
        {"world": w, "estimator": n, **summary(groups[w, n])}
        for w in WORLDS
        for n in ESTIMATORS
        if (w, n) in groups
    ]
    record = {
        "worlds": {name: {"maker": m, "options": o} for name, (m, o) in WORLDS.items()},
        "broken": list(BROKEN),
        "estimators": ESTIMATORS,
        "linear": LINEAR,
        "average": cells,
        "choice": [
            {
                k: {n: round(v, 4) for n, v in run[k].items()}
                for k in ("r_loss_ordered", "r_loss", "pehe", "log_loss")
            }
            for run in kept
            if run["key"][0] == "choice"
        ],
        "bootstrap": [
            {name: v for name, v in run.items() if name != "key"}
            for run in kept
            if run["key"][0] == "bootstrap"
        ],
        "learners": read_learners(table) if table else old.get("learners", {}),
    }
    TARGET.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, required=True, help="file for finished draws")
    parser.add_argument("--parts", nargs="*", default=["average", "choice", "bootstrap"])
    parser.add_argument("--learners", type=Path, help="report of cate_vs_econml.py to take over")
    options = parser.parse_args()
    lines = options.keep.read_text().splitlines() if options.keep.exists() else []
    kept = [json.loads(line) for line in lines]
    done = {tuple(run["key"]) for run in kept}
    last = None
    for key, run in jobs(options.parts):
        if key in done:
            continue
        kept.append({"key": list(key), **run()})
        with options.keep.open("a") as file:
            file.write(json.dumps(kept[-1]) + "\n")
        if key[:-1] != last:
            last = key[:-1]
            print(time.strftime("%H:%M:%S"), *key, round(time.process_time()), flush=True)
    write(kept, options.learners)


if __name__ == "__main__":
    main()
