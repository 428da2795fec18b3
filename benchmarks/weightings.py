"""Kernel mean matching: CPU seconds against skada and adapt, and sizes that they do not reach.

    python benchmarks/weightings.py
    python benchmarks/weightings.py --small

The peers run in the interpreter that HEADSTART_WEIGHTINGS_PEER_PYTHON names, with packages skada and adapt. All sides
get the same float32 rows, bandwidth, bound (1,000) and slack. ``objective`` is each side's own weights in the exact
programme, relative to the best of all sides; the accuracy is that of logistic regression with these weights.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from _sides import arguments, by_turns, middle, rounded, row, scratch, show, told

PEER = Path(__file__).parent / "peers" / "kernel_mean_matching.py"
DIM, BOUND = 128, 1000.0
TIMES_LESS, MOST_SECONDS, MOST_BYTES = 10, 300, 4e9
CHILD, LARGE = "--fit", "--large"
PEERS = {"skada": ["--package", "skada"], "adapt": ["--package", "adapt", "--max-size", "1000000"]}


def domains(n, seed=0):
    """``n`` source and ``n`` target rows whose means and widths differ, and labels by a curved border."""
    rng = np.random.default_rng(seed)
    scales = (np.arange(1, DIM + 1) ** -0.5).astype(np.float32)
    source, target = (rng.standard_normal((n, DIM), dtype=np.float32) * scales for _ in range(2))
    target[:, :4] = 0.7 * target[:, :4] + 0.5
    return source, target, *(_labels(rows, rng) for rows in (source, target))


def _labels(rows, rng):
    return (rows[:, 0] ** 2 + rows[:, 1] + 0.3 * rng.standard_normal(len(rows)) > 0.6).astype(int)


def fit(data, out):
    """The child: our side on the rows of a file."""
    from headstart.strategies.instance.kmm import KMM

    with np.load(data) as given:
        source, target, gamma = given["source"], given["target"], float(given["gamma"])
    KMM(gamma).fit(source[:20], target[:20])  # imports are no part of either side's seconds
    wall, cpu = time.perf_counter(), time.process_time()
    found = KMM(gamma, bound=BOUND).fit(source, target)
    figures = {"cpu_seconds": time.process_time() - cpu, "seconds": time.perf_counter() - wall}
    np.save(out, found.weights_.astype(np.float64))
    print(json.dumps(figures))


def fit_large(n):
    """The child: our side on rows made here; peak memory counts everything."""
    from headstart.strategies.instance.kmm import KMM

    source, target, *_ = domains(n)
    wall, cpu = time.perf_counter(), time.process_time()
    found = KMM().fit(source, target)
    figures = {"cpu_seconds": time.process_time() - cpu, "seconds": time.perf_counter() - wall, "gap": found.gap_}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures |= {"peak_bytes": peak, "effective_sample_size": found.effective_sample_size_, "n_iter": found.n_iter_}
    print(json.dumps(figures))


def child(command):
    """What a subprocess printed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[1]} failed with exit code {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def judged(weights, data):
    """The exact objective of weights scaled at best, and which target rows the weighted model gets right."""
    from sklearn.linear_model import LogisticRegression

    from headstart.strategies._mathematics.kernel_means import kernel_mean
    from headstart.strategies._mathematics.kernels import Kernel

    source, target, y, z = data["source"], data["target"], data["y"], data["z"]
    kernel, exact = Kernel("rbf", float(data["gamma"])), source.astype(np.float64)
    bend = sum(
        weights[i : i + 1000] @ (kernel(exact[i : i + 1000], exact) @ weights) for i in range(0, len(exact), 1000)
    )
    pull = len(exact) * float(kernel_mean(kernel, exact, target.astype(np.float64)) @ weights)
    model = LogisticRegression(max_iter=1000).fit(source, y, sample_weight=weights)
    return -(pull**2) / (2 * bend), model.predict(target) == z  # the least over all multiples of the weights


def against_peers(n, rounds, folder):
    """Runs of every side by turns, and the rows of the page."""
    from headstart.strategies._mathematics.kernel_means import pooled_gaussian

    source, target, y, z = domains(n)
    gamma = pooled_gaussian("median", source, target).gamma
    data, python = folder / "rows.npz", os.environ.get("HEADSTART_WEIGHTINGS_PEER_PYTHON")
    np.savez(data, source=source, target=target, gamma=gamma)
    sides = {"ours": lambda: child([sys.executable, __file__, CHILD, str(data), str(folder / "ours.npy")])}
    if python:
        for name, words in PEERS.items():
            command = [python, str(PEER), str(data), str(folder / f"{name}.npy"), *words]
            sides[name] = lambda command=command: child(command)
    runs = by_turns(sides, rounds)
    known = {"source": source, "target": target, "gamma": gamma, "y": y, "z": z}
    reached = {name: judged(np.load(folder / f"{name}.npy"), known) for name in sides}
    best = min(objective for objective, _ in reached.values())
    excess = {name: (objective - best) / abs(best) for name, (objective, _) in reached.items()}
    lines = [_line(name, n, runs, reached, excess) for name in sides if name != "ours"]
    absent = {} if python else {"skada and adapt": "HEADSTART_WEIGHTINGS_PEER_PYTHON names no interpreter"}
    return {"runs": runs, "excess": excess, "absent": absent}, lines


def _line(name, n, runs, reached, excess):
    from headstart.evaluation.intervals import paired_difference

    seconds = {side: middle([run["cpu_seconds"] for run in runs[side]]) for side in ("ours", name)}
    right = {side: reached[side][1] for side in ("ours", name)}
    truth = np.ones(n, dtype=np.int64)
    chances = [np.column_stack([1.0 - right[side], right[side]]).astype(float) for side in ("ours", name)]
    difference = paired_difference("accuracy", truth, *chances)
    ratio = seconds[name] / seconds["ours"]
    texts = {
        side: f"{seconds[side]:.3g} CPU s, accuracy {right[side].mean():.4f}, objective +{excess[side]:.1e}"
        for side in ("ours", name)
    }
    return row(
        f"kernel mean matching, {n:,} + {n:,} rows, d = {DIM}, against {name}",
        f"{texts['ours']}; {told(difference)}",
        texts[name],
        f"{TIMES_LESS}x less CPU, accuracy no worse",
        ratio=ratio,
        is_met=bool(ratio >= TIMES_LESS and difference.high >= 0),
    )


def large(sizes):
    """Runs at sizes that the peers do not reach, and their line."""
    runs = {n: child([sys.executable, __file__, LARGE, str(n)]) for n in sizes}
    few, many = (runs[n]["cpu_seconds"] / n for n in (sizes[0], sizes[-1]))
    told_each = "; ".join(
        f"{n:,} + {n:,}: {run['seconds']:.3g} s, {run['peak_bytes'] / 1e9:.2f} GB, gap {run['gap']:.0e}"
        for n, run in runs.items()
    )
    is_met = all(run["seconds"] < MOST_SECONDS and run["peak_bytes"] < MOST_BYTES for run in runs.values())
    line = row(
        f"kernel mean matching of float32 rows, d = {DIM}",
        f"{told_each}; CPU a row {few * 1e6:.3g} and {many * 1e6:.3g} microseconds",
        "-",
        "under 5 minutes and 4 GB with the inputs; cost a row flat",
        ratio=few / many,
        is_met=is_met and many < 1.5 * few,
    )
    return runs, line


def main():
    """Measure and print."""
    args = arguments(__doc__, rounds=3)
    n, sizes = (500, (2_000, 4_000)) if args.small else (4_000, (50_000, 500_000))
    with scratch() as folder:
        result, lines = against_peers(n, args.rounds, folder)
    runs, line = large(sizes)
    large_runs = {str(n): {name: rounded(value) for name, value in run.items()} for n, run in runs.items()}
    show({"rounds": args.rounds, **result, "large": large_runs, "rows": [*lines, line]})


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        fit(sys.argv[2], sys.argv[3])
    elif sys.argv[1:2] == [LARGE]:
        fit_large(int(sys.argv[2]))
    else:
        main()
