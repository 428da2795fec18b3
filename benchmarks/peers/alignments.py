"""Alignments by skada or adapt, on rows that lie in a file; CPU seconds of the fit and of both domains' images.

    python benchmarks/peers/alignments.py DATA.npz IMAGES.npz --package skada --method tca

DATA holds ``source`` and ``target`` (n, d) float32 and, for TCA, ``n_components`` and ``mu``. The kernel is Gaussian
with gamma 1 / d, which skada has built in. Every other setting is the package's own, but for the steps of exact
transport, which by default may end before the optimum.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings

import numpy as np

STEPS = 100_000_000


def by_skada(method, data):
    """Images of both domains; its adapters take both in one array."""
    from skada import CORALAdapter, OTMappingAdapter, TransferComponentAnalysisAdapter

    source, target = data["source"], data["target"]
    adapter = {
        "coral": lambda: CORALAdapter(),
        "transport": lambda: OTMappingAdapter(max_iter=STEPS),
        "tca": lambda: TransferComponentAnalysisAdapter(
            kernel="rbf", n_components=int(data["n_components"]), mu=float(data["mu"])
        ),
    }[method]()
    rows, domain = np.concatenate([source, target]), np.repeat([1, -1], [len(source), len(target)])
    clock = time.perf_counter(), time.process_time()
    images = adapter.fit(rows, sample_domain=domain).transform(rows, sample_domain=domain, allow_source=True)
    return images[: len(source)], images[len(source) :], clock


def by_adapt(method, data):
    """Images of both domains."""
    from adapt.feature_based import CORAL, TCA

    source, target = data["source"], data["target"]
    if method == "coral":
        model = CORAL(verbose=0, random_state=0)
    else:
        settings = {"n_components": int(data["n_components"]), "mu": float(data["mu"])}
        model = TCA(kernel="rbf", gamma=1 / source.shape[1], verbose=0, random_state=0, **settings)
    clock = time.perf_counter(), time.process_time()
    return model.fit_transform(source, target), model.transform(target, domain="tgt"), clock


def main():
    """Fit, save the images and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("images")
    parser.add_argument("--package", choices=["skada", "adapt"], required=True)
    parser.add_argument("--method", choices=["coral", "transport", "tca"], required=True)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    with np.load(args.data) as given:
        data = dict(given)
    source, target, (wall, cpu) = (by_skada if args.package == "skada" else by_adapt)(args.method, data)
    figures = {"cpu_seconds": time.process_time() - cpu, "seconds": time.perf_counter() - wall}
    np.savez(args.images, source=np.asarray(source, np.float64), target=np.asarray(target, np.float64))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
