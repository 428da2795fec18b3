"""Alignments against skada and adapt: CPU seconds of the fit and of both images, accuracy on the target.

    python benchmarks/alignments.py
    python benchmarks/alignments.py --methods coral,transport
    python benchmarks/alignments.py --small

The peers run in the interpreter that HEADSTART_WEIGHTINGS_PEER_PYTHON names, with packages skada and adapt; a peer is
ended after 600 CPU seconds. All sides get the same float32 rows of two planted domains; TCA the same kernel,
components and weight of the means; CORAL next to no shrinkage. Accuracy is that of logistic regression on the source's
image, centred and of mean variance 1. Kernel mean matching has its own rows in weightings.py.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from _sides import by_turns, middle, row, scratch, show, told

PEER = Path(__file__).parent / "peers" / "alignments.py"
DIM, N_CLASSES, N_COMPONENTS = 128, 10, 50
MOST_CPU_SECONDS = 600
CHILD = "--fit"
NAMES = {"coral": "CORAL", "transport": "exact optimal transport", "tca": "TCA, Gaussian kernel"}
TIMES_LESS = {"tca": 50, "transport": 3, "coral": None}
PACKAGES = {"tca": ("skada", "adapt"), "transport": ("skada",), "coral": ("skada", "adapt")}


def domains(n, seed=0):
    """``n`` rows and labels of a source, and of a target that is moved and stretched where no class shows."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((N_CLASSES, DIM), dtype=np.float32)
    centres[:, :16] = 1.2 * rng.standard_normal((N_CLASSES, 16))
    is_class = np.arange(DIM) < 24
    moved = np.where(is_class, 0.0, 0.6 * rng.standard_normal(DIM)).astype(np.float32)
    stretch = np.where(is_class, 1.0, 1.0 + rng.random(DIM)).astype(np.float32)
    noise = np.where(is_class, 0.7, 0.35).astype(np.float32)
    y, z = rng.integers(0, N_CLASSES, n), rng.integers(0, N_CLASSES, n)
    source, target = (noise * rng.standard_normal((n, DIM), dtype=np.float32) for _ in range(2))
    mixing = np.eye(DIM, dtype=np.float32)
    mixing[24:40, :16] = 0.4 * rng.standard_normal((16, 16))  # what is moved leaks into where classes show
    source = (source + centres[y]) @ mixing
    target = (target * stretch + moved + centres[z]) @ mixing
    return source, y, target, z


def alignment(method, n):
    """Our side: one method, its problem the same as the peers'."""
    from headstart.strategies.feature.coral import Coral
    from headstart.strategies.feature.optimal_transport import OptimalTransport
    from headstart.strategies.feature.tca import TCA

    if method == "tca":  # their weight multiplies means that they don't norm
        return TCA(N_COMPONENTS, kernel="rbf", gamma=1 / DIM, regularization=1 / (means_weight(n) * 2 / n))
    return Coral(1e-5) if method == "coral" else OptimalTransport()  # adapt adds as little; skada as much as it finds


def means_weight(n):
    """The peers' ``mu`` at which our penalty on the coefficients is 1."""
    return n / 2


def fit(method, data, out):
    """The child: our side on the rows of a file."""
    with np.load(data) as given:
        source, target = given["source"], given["target"]
    alignment("coral", 20).fit(source[:20], target[:20])  # imports are no part of either side's seconds
    wall, cpu = time.perf_counter(), time.process_time()
    found = alignment(method, len(source)).fit(source, target)
    images = {"source": found.transform_source(source), "target": found.transform_target(target)}
    figures = {"cpu_seconds": time.process_time() - cpu, "seconds": time.perf_counter() - wall}
    np.savez(out, **images)
    print(json.dumps(figures))


def child(command):
    """What a subprocess printed; without an end where it took more than the CPU seconds that a peer gets."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS + 60))

    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"cpu_seconds": MOST_CPU_SECONDS, "is_ended": True}
    if done.returncode:
        sys.exit(f"{command[1]} failed with exit code {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1]) | {"is_ended": False}


def is_right(images, y, z):
    """(n,) which target rows a linear model of the source's image gets right."""
    from sklearn.linear_model import LogisticRegression

    first, second = (np.asarray(images[side], dtype=np.float64) for side in ("source", "target"))
    mean, scale = first.mean(axis=0), np.sqrt(first.var(axis=0).mean())  # one scale: components keep their shares
    return LogisticRegression(max_iter=1000).fit((first - mean) / scale, y).predict((second - mean) / scale) == z


def against_peers(method, n, rounds, folder):
    """Runs of every side by turns, which rows each gets right, and the lines of the page."""
    source, y, target, z = domains(n)
    data, python = folder / f"{method}.npz", os.environ.get("HEADSTART_WEIGHTINGS_PEER_PYTHON")
    np.savez(data, source=source, target=target, n_components=N_COMPONENTS, mu=means_weight(n))
    names = ["ours", *(PACKAGES[method] if python else ())]
    outs = {name: folder / f"{method}-{name}.npz" for name in names}
    sides = {"ours": lambda: child([sys.executable, __file__, CHILD, method, str(data), str(outs["ours"])])}
    for name in names[1:]:
        words = [str(data), str(outs[name]), "--package", name, "--method", method]
        sides[name] = lambda words=words: child([python, str(PEER), *words])
    runs = by_turns(sides, rounds)
    plain = is_right({"source": source, "target": target}, y, z)
    right = {name: is_right(np.load(path), y, z) for name, path in outs.items() if path.exists()}
    lines = [_line(method, name, n, runs, right, plain.mean()) for name in names[1:]]
    return {"runs": runs, "accuracy": {name: float(each.mean()) for name, each in right.items()}}, lines


def _line(method, name, n, runs, right, plain):
    from headstart.evaluation.intervals import paired_difference

    seconds = {side: middle([run["cpu_seconds"] for run in runs[side]]) for side in ("ours", name)}
    ratio, is_as_good, paired = seconds[name] / seconds["ours"], True, "accuracy unknown: ended"
    if name in right:
        chances = [np.column_stack([~right[side], right[side]]).astype(float) for side in ("ours", name)]
        difference = paired_difference("accuracy", np.ones(n, dtype=np.int64), *chances)
        is_as_good, paired = difference.high >= 0, told(difference)
    least = TIMES_LESS[method]
    ours = f"{seconds['ours']:.3g} CPU s, accuracy {right['ours'].mean():.4f} (source only {plain:.4f}); {paired}"
    peer = f"{seconds[name]:.3g} CPU s, accuracy {right[name].mean():.4f}" if name in right else ""
    return row(
        f"{NAMES[method]}, {n:,} + {n:,} rows, d = {DIM}, against {name}",
        ours,
        peer or f"more than {seconds[name]:.3g} CPU s: ended",
        "for information" if least is None else f"{least}x less CPU, accuracy no worse",
        ratio=ratio,
        is_met=None if least is None else bool(ratio >= least and is_as_good),
    )


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a quick look: its figures prove nothing")
    parser.add_argument("--rounds", type=int, default=3, help="times that each side is measured")
    parser.add_argument("--methods", default=",".join(NAMES), help="names with commas between them")
    args = parser.parse_args()
    if unknown := sorted(set(args.methods.split(",")) - set(NAMES)):
        parser.error(f"no such method: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    n, found, lines = 500 if args.small else 4_000, {}, []
    with scratch() as folder:
        for method in args.methods.split(","):
            rounds = 1 if method == "tca" else args.rounds  # minutes of the peers' each
            found[method], rows = against_peers(method, n, rounds, folder)
            lines += rows
            print(json.dumps(rows), file=sys.stderr)
    has_peers = bool(os.environ.get("HEADSTART_WEIGHTINGS_PEER_PYTHON"))
    absent = {} if has_peers else {"skada and adapt": "HEADSTART_WEIGHTINGS_PEER_PYTHON names no interpreter"}
    show({"rounds": args.rounds, "absent": absent, **found, "rows": lines})


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        fit(*sys.argv[2:5])
    else:
        main()
