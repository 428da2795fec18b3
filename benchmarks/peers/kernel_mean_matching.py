"""Kernel mean matching by skada or adapt, on rows that lie in a file; CPU seconds of the fit alone.

    python benchmarks/peers/kernel_mean_matching.py DATA.npz WEIGHTS.npy --package skada

DATA holds ``source`` and ``target`` (n, 128) float32, and ``gamma`` of the Gaussian kernel. Every other setting is the
package's own, but for adapt's ``max_size``: by default it solves blocks of 1,000 rows on their own.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np


def by_skada(source, target, gamma):
    """Weights of its adapter, which takes both domains in one array."""
    from skada import KMMReweightAdapter

    rows, domain = np.concatenate([source, target]), np.repeat([1, -1], [len(source), len(target)])
    clock = time.perf_counter(), time.process_time()
    adapter = KMMReweightAdapter(gamma=gamma).fit(rows, sample_domain=domain)
    return adapter.source_weights_, clock


def by_adapt(source, target, gamma, max_size):
    """Weights of its estimator."""
    from adapt.instance_based import KMM

    clock = time.perf_counter(), time.process_time()
    source, target = source.astype(np.float64), target.astype(np.float64)  # its solver takes no float32
    model = KMM(kernel="rbf", gamma=gamma, max_size=max_size, verbose=0, random_state=0)
    return model.fit_weights(source, target), clock


def main():
    """Fit, save the weights and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("weights")
    parser.add_argument("--package", choices=["skada", "adapt"], required=True)
    parser.add_argument("--max-size", type=int, default=1000)
    args = parser.parse_args()
    with np.load(args.data) as data:
        source, target, gamma = data["source"], data["target"], float(data["gamma"])
    if args.package == "skada":
        weights, (wall, cpu) = by_skada(source, target, gamma)
    else:
        weights, (wall, cpu) = by_adapt(source, target, gamma, args.max_size)
    figures = {"cpu_seconds": time.process_time() - cpu, "seconds": time.perf_counter() - wall}
    np.save(args.weights, np.asarray(weights, dtype=np.float64).ravel())
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
