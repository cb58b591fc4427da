"""Off-policy evaluation beside Open Bandit Pipeline (obp 0.5.7): same rows, same estimators.

    python benchmarks/ope_vs_obp.py                    # 10 k, 1 M, 10 M rows, then 100 M in DuckDB
    python benchmarks/ope_vs_obp.py --rows 10000       # one size, no DuckDB part

Each run is a process of its own: it reads the log from disk, evaluates one target policy by IPS,
SNIPS and DR with intervals (obp: its bootstrap, by default 100 resamples), and ends.
Wall time and peak memory are those of the whole process, as the operating system accounts for them.
Two workloads: `given`, where predictions of an outcome model are given to both as the same numbers
(estimates must then agree to 1e-9), and `whole`, where each fits its own outcome model first.

obp lives in a virtual environment of its own, made on first use under `_build/`, since it needs an
older pandas. Results are written to `benchmarks/RESULTS.md` by `--write`.
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

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / "_build" / "obp-venv"
ACTIONS, SLOTS = 80, 3


def make_log(rows: int, folder: Path) -> None:
    """A log like Open Bandit's: 80 items, 3 slots, uniform logging, click rate near 0.5 %."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(7)
    rate = 0.002 + 0.006 * rng.random((ACTIONS, SLOTS))
    target = rng.dirichlet(np.full(ACTIONS, 0.5), size=SLOTS).T
    model = rate * np.exp(rng.normal(0, 0.3, rate.shape))
    action = rng.integers(ACTIONS, size=rows)
    position = rng.integers(SLOTS, size=rows)
    click = (rng.random(rows) < rate[action, position]).astype(np.int8)
    frame = {"action": action.astype(np.int16), "position": position.astype(np.int8)}
    table = pd.DataFrame({**frame, "reward": click})
    table["propensity"] = 1 / ACTIONS
    table.to_parquet(folder / "log.parquet")
    np.savez(folder / "tables.npz", target=target, model=model)


def ours(folder: Path, workload: str) -> dict[str, float]:
    import numpy as np
    import pandas as pd

    from causalrec_utils import ope
    from causalrec_utils.policies import TablePolicy

    log = pd.read_parquet(folder / "log.parquet")
    tables = np.load(folder / "tables.npz")
    policy = TablePolicy(pd.DataFrame(tables["target"], columns=range(SLOTS)))
    target = policy.prob(log["action"], position=log["position"])
    if workload == "given":
        slot = log["position"].to_numpy()
        q = tables["model"][log["action"], slot]
        v = (tables["target"] * tables["model"]).sum(axis=0)[slot]
    else:
        q, v = ope.outcome_model(log, policy, position="position")
    results = ope.evaluate(log, target, q_logged=q, v_target=v)
    return {name: e.value for name, e in results.items()}


def peer(folder: Path, workload: str) -> dict[str, float]:
    import numpy as np
    import pandas as pd
    from obp.ope import (
        DoublyRobust,
        InverseProbabilityWeighting,
        OffPolicyEvaluation,
        RegressionModel,
        SelfNormalizedInverseProbabilityWeighting,
    )
    from sklearn.linear_model import LogisticRegression

    log = pd.read_parquet(folder / "log.parquet")
    tables = np.load(folder / "tables.npz")
    n = len(log)
    feedback = {
        "n_rounds": n,
        "n_actions": ACTIONS,
        "action": log["action"].to_numpy(int),
        "position": log["position"].to_numpy(int),
        "reward": log["reward"].to_numpy(float),
        "pscore": log["propensity"].to_numpy(),
        "context": np.ones((n, 1)),
        "action_context": np.eye(ACTIONS),
    }
    action_dist = np.tile(tables["target"], (n, 1, 1))
    if workload == "given":
        rewards = np.tile(tables["model"], (n, 1, 1))
    else:
        regression = RegressionModel(
            n_actions=ACTIONS,
            len_list=SLOTS,
            action_context=np.eye(ACTIONS),
            base_model=LogisticRegression(max_iter=100),
        )
        rewards = regression.fit_predict(
            context=feedback["context"],
            action=feedback["action"],
            reward=feedback["reward"],
            position=feedback["position"],
            pscore=feedback["pscore"],
            action_dist=action_dist,
            n_folds=2,
            random_state=0,
        )
    evaluation = OffPolicyEvaluation(
        bandit_feedback=feedback,
        ope_estimators=[
            InverseProbabilityWeighting(),
            SelfNormalizedInverseProbabilityWeighting(),
            DoublyRobust(),
        ],
    )
    intervals = evaluation.estimate_intervals(
        action_dist=action_dist,
        estimated_rewards_by_reg_model=rewards,
        n_bootstrap_samples=100,
        random_state=0,
    )
    assert set(intervals) == {"ipw", "snipw", "dr"}
    values = evaluation.estimate_policy_values(
        action_dist=action_dist, estimated_rewards_by_reg_model=rewards
    )
    return {"ips": values["ipw"], "snips": values["snipw"], "dr": values["dr"]}


def duckdb_log(rows: int, path: Path) -> None:
    """Write a log of any size to Parquet, row group by row group, in constant memory."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as connection:
        connection.execute(
            f"""copy (
                select (hash(i) % 1000 < 5)::int8 as reward,
                       (1.0 / {ACTIONS})::double as propensity,
                       (hash(i + 1) % 1000)::double / 40000 as target,
                       (hash(i + 2) % 100)::double / 20000 as q,
                       (hash(i + 3) % 100)::double / 20000 as v
                from range({rows}) as t(i)
            ) to '{path}' (format parquet, row_group_size 200000)"""
        )


def database(path: Path) -> dict[str, float]:
    import ibis

    from causalrec_utils import ope

    connection = ibis.duckdb.connect(memory_limit="1GB", threads=2)
    log = connection.read_parquet(str(path))
    results = ope.evaluate(log, "target", q_logged="q", v_target="v")
    return {name: e.value for name, e in results.items()}


def measure(python: Path | str, *arguments: str) -> dict[str, object]:
    """Run this script as a worker and account for the whole process."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        worker = subprocess.Popen(
            [str(python), __file__, "--worker", *arguments], stdout=out, stderr=err, cwd=ROOT
        )
        _, status, usage = os.wait4(worker.pid, 0)
        seconds = time.perf_counter() - start
        worker.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed, complaint = out.read().strip(), err.read().strip()
    if worker.returncode:
        why = complaint.splitlines()[-1] if complaint else f"ended by signal {-worker.returncode}"
        return {"error": why, "seconds": seconds, "gib": usage.ru_maxrss / 2**20}
    values = json.loads(printed.splitlines()[-1])
    return {"values": values, "seconds": seconds, "gib": usage.ru_maxrss / 2**20}


def make_peer() -> Path:
    python = PEER / "bin" / "python"
    if not python.exists():
        print("making the environment of obp 0.5.7 ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        needs = "numpy==2.4.* pandas==2.3.* pyarrow scikit-learn scipy matplotlib seaborn tqdm"
        subprocess.run([*pip, *needs.split(), "pyyaml", "torch==2.13.0"], check=True)
        bare = ["--no-deps", "--ignore-requires-python", "obp==0.5.7", "pyieoe", "mypy-extensions"]
        subprocess.run([*pip, *bare], check=True)
    return python


def compare(rows: int, workload: str, repeats: int, peer_python: Path) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        make_log(rows, Path(folder))
        runs: dict[str, list[dict[str, object]]] = {"ours": [], "peer": []}
        for _ in range(repeats):
            for who, python in (("ours", sys.executable), ("peer", peer_python)):
                if any("error" in run for run in runs[who]):
                    continue
                runs[who].append(measure(python, who, folder, workload))
                print(rows, workload, who, runs[who][-1], flush=True)
    row: dict[str, object] = {"rows": rows, "workload": workload}
    for who, results in runs.items():
        row[f"{who}_seconds"] = statistics.median(r["seconds"] for r in results)
        row[f"{who}_gib"] = statistics.median(r["gib"] for r in results)
        row[f"{who}_error"] = next((r["error"] for r in results if "error" in r), None)
    if workload == "given" and not row["peer_error"]:
        a, b = runs["ours"][0]["values"], runs["peer"][0]["values"]
        row["difference"] = max(abs(a[k] - b[k]) for k in b)
        assert row["difference"] < 1e-9, f"estimates differ: {a} and {b}"
    return row


def beyond_memory(rows: int, repeats: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        duckdb_log(rows, path)
        runs = [measure(sys.executable, "database", str(path)) for _ in range(repeats)]
        print(rows, runs, flush=True)
        return {
            "rows": rows,
            "file_gib": path.stat().st_size / 2**30,
            "seconds": statistics.median(r["seconds"] for r in runs),
            "gib": statistics.median(r["gib"] for r in runs),
        }


def report(rows: list[dict[str, object]], stream: list[dict[str, object]]) -> str:
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    lines = [
        "# Benchmarks",
        "",
        "## Off-policy evaluation beside Open Bandit Pipeline",
        "",
        f"Written by `benchmarks/ope_vs_obp.py --write` on a machine with {cores} cores and "
        f"{memory / 2**30:.0f} GiB of memory, Python {platform.python_version()}. Whole processes, "
        "from start to end, reading the log included; medians. IPS, SNIPS and DR with intervals: "
        "normal ones here, 100 bootstrap resamples in obp. *given*: both get the same predictions "
        "of an outcome model; *whole*: each fits its own (obp: logistic regression; here: shrunken "
        "means), cross-fitted.",
        "",
        "| rows | workload | causalrec_utils | obp 0.5.7 | times faster | memory, share of obp's | "
        "largest difference of estimates |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for r in rows:
        own = f"{r['ours_seconds']:.2f} s, {r['ours_gib']:.2f} GiB"
        if r["peer_error"]:
            other = f"fails after {r['peer_seconds']:.0f} s at {r['peer_gib']:.1f} GiB"
            ratios = "– | –"
            other += f" ({r['peer_error']})".replace("|", "/")
        else:
            other = f"{r['peer_seconds']:.2f} s, {r['peer_gib']:.2f} GiB"
            faster = r["peer_seconds"] / r["ours_seconds"]
            ratios = f"{faster:.1f} | 1/{r['peer_gib'] / r['ours_gib']:.0f}"
        gap = f"{r['difference']:.1e}" if "difference" in r else "not comparable"
        lines.append(f"| {r['rows']:,} | {r['workload']} | {own} | {other} | {ratios} | {gap} |")
    if stream:
        lines += [
            "",
            "Beyond memory, one Parquet file evaluated in DuckDB with 2 threads, each a process of "
            "its own:",
            "",
            "| rows | file | time | peak memory |",
            "|---:|---:|---:|---:|",
            *(
                f"| {r['rows']:,} | {r['file_gib']:.2f} GiB | {r['seconds']:.1f} s "
                f"| {r['gib']:.2f} GiB |"
                for r in stream
            ),
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--stream", type=int, default=100_000_000, help="rows in DuckDB; 0: none")
    parser.add_argument("--peer-python", type=Path, help="an interpreter that has obp 0.5.7")
    parser.add_argument("--write", action="store_true", help="write benchmarks/RESULTS.md")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        who, folder, *rest = options.worker
        work = {"ours": ours, "peer": peer, "database": database}[who]
        print(json.dumps({k: float(v) for k, v in work(Path(folder), *rest).items()}))
        return
    python = options.peer_python or make_peer()
    rows = []
    for n in options.rows:
        for workload in ("given", "whole"):
            rows.append(compare(n, workload, options.repeats if n < 10**7 else 1, python))
    stream = []
    if options.stream and options.rows == parser.get_default("rows"):
        stream = [beyond_memory(n, options.repeats) for n in (options.stream // 10, options.stream)]
    text = report(rows, stream)
    print(text)
    if options.write:
        (ROOT / "benchmarks" / "RESULTS.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
