"""Average effects beside econml and dowhy with their default settings, on the same rows.

    python benchmarks/effects_vs_econml.py --keep runs.jsonl --write          # 10 k and 1 M rows
    python benchmarks/effects_vs_econml.py --keep runs.jsonl --rows 10000     # one size
    python benchmarks/effects_vs_econml.py --keep runs.jsonl --who ours       # without peers

Each run is a process of its own. Time is that of the one call that gives estimate and interval
(dowhy: the estimate alone, since its intervals are bootstraps of many minutes); imports and reading
the table are left out. It is the processor's time, summed over threads, so that other work on the
machine changes it little; the clock's time is shown beside it. Memory is the peak of the whole
process. Every pair runs in turn, ours and the peer's, and the ratio is that of the medians.
Finished runs are kept in a file and not run again. `--write` keeps the table in
`benchmarks/EFFECTS.md`.
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
CONFOUNDERS = [f"x{i}" for i in range(20)]
PAIRS = {
    "aipw": "econml LinearDRLearner",
    "dml": "econml LinearDML",
    "regression": "dowhy linear_regression",
    "ipw": "dowhy propensity_score_weighting",
    "matching": "dowhy propensity_score_matching",
}
# Threads that wait should sleep: on a busy machine spinning ones would be what is measured.
ENVIRONMENT = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
# Beyond this many rows the pair is not run: neighbours in 20 dimensions are slow for everybody.
LARGEST = {"matching": 10_000}


def make_table(rows: int, path: Path) -> None:
    """Exposure and outcome share a wave; the effect differs between people and has mean 1."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(7)
    x = rng.normal(size=(rows, 20))
    e = 1 / (1 + np.exp(-np.sin(2 * x[:, 0]) - 0.5 * x[:, 1]))
    t = (rng.random(rows) < e).astype(int)
    y = 2 * np.sin(2 * x[:, 0]) + x[:, 1] + x[:, 2] ** 2 + (1 + 0.5 * np.sign(x[:, 0])) * t
    table = pd.DataFrame(x, columns=CONFOUNDERS)
    table.assign(t=t, y=y + rng.normal(size=rows)).to_parquet(path)


def ours(data: Any, method: str) -> float:
    from causalrec_utils import effects

    return effects.ate(data, "t", "y", CONFOUNDERS, method=method).value


def peer(data: Any, method: str) -> float:
    if method in ("aipw", "dml"):
        from econml.dml import LinearDML
        from econml.dr import LinearDRLearner

        y, t, w = (data[c].to_numpy() for c in ("y", "t", CONFOUNDERS))
        if method == "dml":
            model = LinearDML(discrete_treatment=True, random_state=0).fit(y, t, W=w)
        else:
            model = LinearDRLearner(random_state=0).fit(y, t, W=w)
        model.ate_interval()
        return float(model.ate())
    from dowhy import CausalModel

    model = CausalModel(
        data.astype({"t": bool}), treatment="t", outcome="y", common_causes=CONFOUNDERS
    )
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    name = PAIRS[method].split()[1]
    return float(model.estimate_effect(estimand, method_name=f"backdoor.{name}").value)


def measure(who: str, path: Path, method: str, limit: float) -> dict[str, Any]:
    """Run this script as a worker; its peak memory is what the operating system says."""
    command = [sys.executable, __file__, "--worker", who, str(path), method]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, cwd=ROOT, env=ENVIRONMENT
        )
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {limit:.0f} s"}
    if run.returncode:
        lines = run.stderr.strip().splitlines() or [f"ended with code {run.returncode}"]
        return {"error": lines[-1][:100]}
    return json.loads(run.stdout.splitlines()[-1])


def work(who: str, path: str, method: str) -> None:
    import resource

    import pandas as pd

    data, call = pd.read_parquet(path), {"ours": ours, "peer": peer}[who]
    call(data.head(500), method)  # what is imported late is imported here
    start, clock = time.process_time(), time.perf_counter()
    value = call(data, method)
    seconds, clock = time.process_time() - start, time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"value": value, "seconds": seconds, "clock": clock, "gib": peak}))


def kept(path: Path, rows: int, method: str, who: str) -> list[dict[str, Any]]:
    """Finished runs of this kind."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [r for r in lines if (r["rows"], r["method"], r["who"]) == (rows, method, who)]


def cell(runs: list[dict[str, Any]]) -> tuple[str, float | None]:
    if not runs:
        return "not run", None
    errors = [r["error"] for r in runs if "error" in r]
    if errors:
        return str(errors[0]).replace("|", "/"), None
    names = ("seconds", "clock", "gib")
    seconds, clock, gib = (statistics.median(float(r[n]) for r in runs) for n in names)
    error = float(runs[0]["value"]) - 1
    times = f" × {len(runs)}" if len(runs) > 1 else ""
    return f"{seconds:.2f} s ({clock:.2f} s){times}, {gib:.2f} GiB, {error:+.3f}", seconds


def report(rows: list[list[str]]) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    head = [
        "# Average effects beside econml and dowhy",
        "",
        f"Written by `benchmarks/effects_vs_econml.py --write` on a machine with {os.cpu_count()} "
        f"cores and {memory:.0f} GiB of memory, Python {platform.python_version()}. 20 confounders,"
        " a wave in exposure and outcome, mean effect 1. Each cell: time of the call (processor, "
        "and in brackets by the clock, on a machine that did other work too), peak memory of the "
        "process, error of the estimate; × 3: medians of 3 runs. Both "
        "sides with default settings: econml chooses its own models; dowhy gives no interval here.",
        "",
        "| rows | method | causalrec_utils | peer | its result | times less processor time |",
        "|---:|---|---:|---|---:|---:|",
    ]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 1_000_000])
    parser.add_argument("--methods", nargs="*", default=list(PAIRS), choices=list(PAIRS))
    parser.add_argument("--who", nargs="*", default=["ours", "peer"], choices=["ours", "peer"])
    parser.add_argument("--repeats", type=int, default=3, help="once for 100 k rows and more")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one run")
    parser.add_argument("--keep", type=Path, help="file for finished runs")
    parser.add_argument("--write", action="store_true", help="write benchmarks/EFFECTS.md")
    if "--worker" in sys.argv:
        return work(*sys.argv[sys.argv.index("--worker") + 1 :])
    options = parser.parse_args()
    keep = options.keep or Path(tempfile.mkdtemp()) / "runs.jsonl"
    table = []
    for n in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.parquet"
            make_table(n, path)
            for method in options.methods:
                if n > LARGEST.get(method, n):
                    continue
                for _ in range(options.repeats if n < 10**5 else 1):
                    for who in options.who:
                        if len(kept(keep, n, method, who)) < (options.repeats if n < 10**5 else 1):
                            line = measure(who, path, method, options.limit)
                            line |= {"rows": n, "method": method, "who": who}
                            print(line, flush=True)
                            with keep.open("a") as file:
                                file.write(json.dumps(line) + "\n")
                runs = [kept(keep, n, method, who) for who in ("ours", "peer")]
                (own, a), (other, b) = map(cell, runs)
                ratio = f"{b / a:.1f}" if a and b else "–"
                table.append([f"{n:,}", method, own, PAIRS[method], other, ratio])
    text = report(table)
    print(text)
    if options.write:
        (ROOT / "benchmarks" / "EFFECTS.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
