"""Replay of bandits beside mabwiser and contextualbandits: same log, same batches, one core.

    python benchmarks/policies_vs_peers.py             # prints a table
    python benchmarks/policies_vs_peers.py --write     # and writes benchmarks/POLICIES.md

Each policy of each library runs in a process of its own with one thread. The log is uniformly
random; in each batch the policy chooses, rows on which it chose the logged action are kept, and it
learns from them. Time is processor time of that loop alone: neither reading nor imports count, so
that a busy machine does not matter much. All three learn from the whole first batch before the loop
(mabwiser has to).

The peers live in a virtual environment of their own, made on first use under `_build/`.
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
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / "_build" / "bandits-venv"
PEERS = ("mabwiser==2.7.4", "contextualbandits==0.3.30")
ACTIONS, DIM = 10, 10
POLICIES = {  # whether they look at the context
    "epsilon-greedy": False,
    "softmax": False,
    "Thompson, Bernoulli": False,
    "Thompson, Gaussian": False,
    "LinUCB": True,
    "Thompson, linear": True,
}


def make_log(rows: int, path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(7)
    x = rng.normal(size=(rows, DIM))
    x[:, 0] = 1
    weights = rng.normal(0, 0.3, size=(ACTIONS, DIM))
    action = rng.integers(ACTIONS, size=rows)
    rate = 1 / (1 + np.exp(2.5 - (x * weights[action]).sum(axis=1)))
    np.savez(path, x=x, action=action, reward=(rng.random(rows) < rate).astype(int))


def ours(name: str, batch: int, a: Any, r: Any, x: Any) -> tuple[float, Any]:
    import numpy as np
    import pandas as pd

    from causalrec_utils import policies as p

    actions = range(ACTIONS)
    policy = {
        "epsilon-greedy": lambda: p.EpsilonGreedy(actions, epsilon=0.1),
        "softmax": lambda: p.Softmax(actions, temperature=0.05),
        "Thompson, Bernoulli": lambda: p.BernoulliThompson(actions),
        "Thompson, Gaussian": lambda: p.GaussianThompson(actions),
        "LinUCB": lambda: p.LinUCB(actions, dim=DIM, alpha=1.0),
        "Thompson, linear": lambda: p.LinearThompson(actions, dim=DIM),
    }[name]()
    names = [f"x{j}" for j in range(DIM)] if POLICIES[name] else []
    log = pd.DataFrame(x, columns=[f"x{j}" for j in range(DIM)]).assign(action=a, reward=r)
    p.replay(p.Uniform(actions), log.head(1000))  # what loads on first use is loaded
    policy.update(a[:batch], r[:batch], context=x[:batch] if names else None)
    log = log.iloc[batch:]
    start = time.process_time()
    found = p.replay(policy, log, context=names, batch=batch)
    return time.process_time() - start, np.asarray(found.matched) + batch


def loop(predict: Any, learn: Any, batch: int, a: Any, r: Any, x: Any) -> tuple[float, Any]:
    import numpy as np

    learn(a[:batch], r[:batch], x[:batch])
    start, kept = time.process_time(), []
    for at in range(batch, len(a), batch):
        rows = slice(at, at + batch)
        hit = at + np.flatnonzero(np.asarray(predict(x[rows])) == a[rows])
        kept.append(hit)
        if len(hit):
            learn(a[hit], r[hit], x[hit])
    return time.process_time() - start, np.concatenate(kept)


def mabwiser(name: str, batch: int, a: Any, r: Any, x: Any) -> tuple[float, Any]:
    from mabwiser.mab import MAB, LearningPolicy

    kind = {
        "epsilon-greedy": lambda: LearningPolicy.EpsilonGreedy(epsilon=0.1),
        "softmax": lambda: LearningPolicy.Softmax(tau=0.05),
        "Thompson, Bernoulli": lambda: LearningPolicy.ThompsonSampling(),
        "LinUCB": lambda: LearningPolicy.LinUCB(alpha=1.0, l2_lambda=1.0),
        "Thompson, linear": lambda: LearningPolicy.LinTS(alpha=1.0, l2_lambda=1.0),
    }[name]()
    bandit = MAB(list(range(ACTIONS)), kind, seed=0)
    state = {"fitted": False}

    def learn(actions: Any, rewards: Any, context: Any) -> None:
        fit = bandit.partial_fit if state["fitted"] else bandit.fit
        state["fitted"] = True
        fit(actions, rewards, context) if POLICIES[name] else fit(actions, rewards)

    return loop(bandit.predict, learn, batch, a, r, x)


def contextualbandits(name: str, batch: int, a: Any, r: Any, x: Any) -> tuple[float, Any]:
    from contextualbandits import online

    options: dict[str, Any] = {"nchoices": ACTIONS, "fit_intercept": False, "random_state": 1}
    bandit = {
        "LinUCB": lambda: online.LinUCB(alpha=1.0, lambda_=1.0, use_float=False, **options),
        "Thompson, linear": lambda: online.LinTS(lambda_=1.0, v_sq=1.0, **options),
    }[name]()
    return loop(
        bandit.predict, lambda u, y, z: bandit.partial_fit(z, u, y), batch, a, r.astype(float), x
    )


WHO = {"causalrec_utils": ours, "mabwiser": mabwiser, "contextualbandits": contextualbandits}
LACKS = {  # contextualbandits has contextual policies only
    "mabwiser": {"Thompson, Gaussian"},
    "contextualbandits": {name for name, contextual in POLICIES.items() if not contextual},
}


def worker(who: str, name: str, batch: int, rows: int, path: str, repeats: int) -> None:
    import hashlib

    import numpy as np

    with np.load(path) as log:
        a, r, x = log["action"][:rows], log["reward"][:rows], log["x"][:rows]
    runs = [WHO[who](name, batch, a, r, x) for _ in range(repeats)]
    seconds, matched = statistics.median(run[0] for run in runs), runs[0][1]
    digest = hashlib.sha256(np.asarray(matched, np.int64).tobytes()).hexdigest()
    rate = (rows - batch) / seconds
    print(json.dumps({"rate": rate, "mean": float(r[matched].mean()), "rows": digest}))


def measure(python: Path | str, *arguments: str) -> dict[str, Any]:
    threads = {f"{kind}_NUM_THREADS": "1" for kind in ("OMP", "OPENBLAS", "MKL")}
    run = subprocess.run(
        [str(python), __file__, "--worker", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | threads,
    )
    if run.returncode:
        return {"error": run.stderr.strip().splitlines()[-1]}
    return json.loads(run.stdout.strip().splitlines()[-1])


def make_peer() -> Path:
    python = PEER / "bin" / "python"
    if not python.exists():
        print(f"making the environment of {' and '.join(PEERS)} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PEERS], check=True)
    return python


def compare(path: Path, rows: dict[bool, int], repeats: int, peer: Path) -> list[dict[str, Any]]:
    table = []
    for name, contextual in POLICIES.items():
        for batch in (100, 1000):
            row: dict[str, Any] = {"policy": name, "batch": batch}
            for who in WHO:
                if name in LACKS.get(who, ()):
                    continue
                python = sys.executable if who == "causalrec_utils" else peer
                ask = (who, name, str(batch), str(rows[contextual]), str(path), str(repeats))
                row[who] = measure(python, *ask)
                print(name, batch, who, row[who], flush=True)
            table.append(row)
    return table


def report(table: list[dict[str, Any]], rows: dict[bool, int], repeats: int) -> str:
    lines = [
        "# Replay of bandits beside mabwiser and contextualbandits",
        "",
        f"Written by `benchmarks/policies_vs_peers.py --write`: {ACTIONS} actions, uniformly "
        f"random log of {rows[False]:,} rows (with a context of {DIM} features: {rows[True]:,}), "
        f"one thread, Python {platform.python_version()}, {' and '.join(PEERS)}. Thousands of "
        f"logged events per second of processor time, median of {repeats}; in brackets, how many "
        "times faster causalrec_utils is. *Same rows*: whether all matched exactly the same rows "
        "of the log, as they must where the policy is deterministic.",
        "",
        "| policy | batch | causalrec_utils | mabwiser | contextualbandits | same rows |",
        "|:---|---:|---:|---:|---:|:---|",
    ]
    for row in table:
        own = row["causalrec_utils"]
        cells = [row["policy"], f"{row['batch']:,}", f"{own['rate'] / 1000:,.0f}"]
        for who in ("mabwiser", "contextualbandits"):
            got = row.get(who)
            if got is None:
                cells.append("has none")
            elif "error" in got:
                cells.append(f"fails: {got['error']}".replace("|", "/"))
            else:
                cells.append(f"{got['rate'] / 1000:,.1f} ({own['rate'] / got['rate']:,.1f})")
        seen = {row[who]["rows"] for who in WHO if "rows" in row.get(who, {})}
        same = "yes" if len(seen) == 1 else "no"
        cells.append(same if row["policy"] == "LinUCB" else "random")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--context-rows", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has the peers")
    parser.add_argument("--write", action="store_true", help="write benchmarks/POLICIES.md")
    parser.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        who, name, batch, rows, path, repeats = options.worker
        worker(who, name, int(batch), int(rows), path, int(repeats))
        return
    rows_by_kind = {False: options.rows, True: options.context_rows}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.npz"
        make_log(max(rows_by_kind.values()), path)
        peer = options.peer_python or make_peer()
        table = compare(path, rows_by_kind, options.repeats, peer)
    text = report(table, rows_by_kind, options.repeats)
    print(text)
    if options.write:
        (ROOT / "benchmarks" / "POLICIES.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
