"""Two domains of 50,000 and of 500,000 float32 rows each: CPU seconds, peak memory and cost a row of five methods.

    python benchmarks/large_domains.py
    python benchmarks/large_domains.py --methods kmm,tca
    python benchmarks/large_domains.py --small

Each method runs in a process of its own that makes the rows, fits, and maps both domains block by block (kernel mean
matching gives weights). Peak memory counts everything, the rows and the libraries too; JDA guesses with its own linear
classifier. The accuracies of a linear model on 20,000 target rows, without and with the method, are for information.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

from _sides import rounded, row, show

DIM, N_CLASSES, JUDGED = 128, 10, 20_000
BLOCK_ROWS = 50_000
MOST_SECONDS, MOST_BYTES, MOST_GROWTH = 300, 4e9, 1.5
CHILD = "--fit"
NAMES = {
    "coral": "CORAL",
    "tca": "TCA, linear kernel",
    "jda": "JDA, linear kernel and guesses",
    "minibatch_transport": "mini-batch transport",
    "kmm": "kernel mean matching",
}


def domains(n, seed=0):
    """``n`` float32 rows and labels of a source, and of a target that is moved where no class shows."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((N_CLASSES, DIM), dtype=np.float32)
    centres[:, :24] = 1.2 * rng.standard_normal((N_CLASSES, 24))
    moved = np.where(np.arange(DIM) < 24, 0, 0.5 * rng.standard_normal(DIM)).astype(np.float32)
    mixing = np.eye(DIM, dtype=np.float32)
    mixing[24:40, :24] = 0.3 * rng.standard_normal((16, 24))  # what is moved leaks into where classes show
    sides = []
    for shift in (0, moved):
        y = rng.integers(0, N_CLASSES, n)
        rows = rng.standard_normal((n, DIM), dtype=np.float32)
        for begin in range(0, n, BLOCK_ROWS):
            part = slice(begin, begin + BLOCK_ROWS)
            rows[part] = (rows[part] + centres[y[part]] + shift) @ mixing
        sides += [rows, y]
    return sides


def fit(name, n):
    """The child: one method on rows made here."""
    few = domains(300)
    adapt(method(name), *few[:3])  # imports are no part of the seconds
    source, y, target, z = domains(n)
    model = method(name)
    wall, cpu = time.perf_counter(), time.process_time()
    adapt(model, source, y, target)
    figures = {"cpu_seconds": time.process_time() - cpu, "seconds": time.perf_counter() - wall}
    figures["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures["rounds"] = getattr(model, "n_rounds_", None)
    some = slice(0, JUDGED)
    plain = judged(source[some], y[some], target[some], z[some])
    if name == "kmm":
        found = judged(source[some], y[some], target[some], z[some], model.weights_[some])
    else:
        images = model.transform_source(source[some]), model.transform_target(target[some])
        found = judged(images[0], y[some], images[1], z[some])
    print(json.dumps(figures | {"accuracy_plain": plain, "accuracy": found, "load": os.getloadavg()[0]}))


def method(name):
    """The method with its usual settings."""
    from headstart.strategies.feature.coral import Coral
    from headstart.strategies.feature.jda import JDA
    from headstart.strategies.feature.minibatch_transport import MiniBatchTransport
    from headstart.strategies.feature.tca import TCA
    from headstart.strategies.instance.kmm import KMM

    return {"coral": Coral, "tca": TCA, "jda": JDA, "minibatch_transport": MiniBatchTransport, "kmm": KMM}[name]()


def adapt(model, source, y, target):
    """Fit, and map every row of both domains, as one that trains in blocks would."""
    if not hasattr(model, "transform_source"):
        model.fit(source, target)
        return
    model.fit(source, target, y_source=y)
    for begin in range(0, len(source), BLOCK_ROWS):
        model.transform_source(source[begin : begin + BLOCK_ROWS])
        model.transform_target(target[begin : begin + BLOCK_ROWS])


def judged(rows, y, others, z, weights=None):
    """Accuracy on the target of shrunken linear discriminants."""
    from headstart.heads.prototypes import Prototypes

    model = Prototypes().fit(rows, y, sample_weight=weights)
    return float(np.mean(model.predict(others) == z))


def child(name, n):
    """What the process of one method printed."""
    done = subprocess.run([sys.executable, __file__, CHILD, name, str(n)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} at {n:,} failed with exit code {done.returncode}:\n{done.stderr[-3000:]}")
    return {key: rounded(value) if value else value for key, value in json.loads(done.stdout).items()}


def line(name, runs):
    """The row of the page, of sizes and their figures."""
    sizes = list(runs)
    few, many = (runs[n]["cpu_seconds"] / n * 1e6 for n in (sizes[0], sizes[-1]))
    each = "; ".join(
        f"{n:,} + {n:,}: {run['seconds']:.3g} s ({run['cpu_seconds']:.3g} CPU s), {run['peak_bytes'] / 1e9:.2f} GB"
        for n, run in runs.items()
    )
    accuracy = f"accuracy {runs[sizes[-1]]['accuracy']:.3f} (source only {runs[sizes[-1]]['accuracy_plain']:.3f})"
    is_met = all(run["seconds"] < MOST_SECONDS and run["peak_bytes"] < MOST_BYTES for run in runs.values())
    return row(
        f"{NAMES[name]}, float32 rows, d = {DIM}",
        f"{each}; CPU a row {few:.3g} and {many:.3g} microseconds; {accuracy}",
        "-",
        f"under 5 minutes and 4 GB with the inputs; cost a row flat (at most {MOST_GROWTH:g}x)",
        ratio=few / many,
        is_met=is_met and many < MOST_GROWTH * few,
    )


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a quick look: its figures prove nothing")
    parser.add_argument("--methods", default=",".join(NAMES), help="names with commas between them")
    args = parser.parse_args()
    if unknown := sorted(set(args.methods.split(",")) - set(NAMES)):
        parser.error(f"no such method: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    sizes = (2_000, 4_000) if args.small else (50_000, 500_000)
    found = {}
    for name in args.methods.split(","):
        found[name] = {n: child(name, n) for n in sizes}
        print(name, json.dumps(found[name]), file=sys.stderr)
    runs = {name: {str(n): run for n, run in each.items()} for name, each in found.items()}
    show({"runs": runs, "rows": [line(name, each) for name, each in found.items()]})


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        fit(sys.argv[2], int(sys.argv[3]))
    else:
        main()
