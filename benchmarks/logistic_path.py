"""The logistic path against scikit-learn's LogisticRegressionCV: same rows, grid and folds, both in one run.

    python benchmarks/logistic_path.py                # 20,000 x 1,280, 20 classes: minutes
    python benchmarks/logistic_path.py --scale 0.1    # a quick look

Prints one JSON object. ``objective_gap`` is the largest of (objective - optimum) / optimum over every penalty and
fold and the final fit, where the optimum is solved anew in float64 to a duality gap of 1e-7.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings

import numpy as np


def features(rows, dim, classes, *, seed=0):
    """Like pooled features of a frozen backbone: rectified, correlated, a few long axes, classes that overlap."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, rows)
    latent = rng.standard_normal((rows, dim))
    n_shared = min(64, dim)
    latent[:, :n_shared] += 0.35 * rng.standard_normal((classes, n_shared))[codes]
    latent *= np.arange(1, dim + 1) ** -0.6
    mixed = latent @ (rng.standard_normal((dim, dim)) / np.sqrt(dim))
    mixed += 0.3 * rng.standard_normal(dim) / np.sqrt(dim)
    return np.maximum(mixed, 0).astype(np.float32), codes


def objective(X, codes, weights, coef, intercept, C):
    """scikit-learn's: C * sum of losses + half the squared weights, in float64."""
    scores = X.astype(np.float64) @ coef.T + intercept
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    top = scores.max(axis=1)
    losses = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top - scores[np.arange(len(codes)), codes]
    return C * float(weights @ losses) + 0.5 * float((coef**2).sum())


class Clock:
    """Seconds on the wall and on the processors (of this process): a busy machine stretches the first."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def __call__(self):
        return {"wall": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu}


def our_side(X, codes, folds, Cs):
    """Seconds, and the head."""
    from headstart.heads.logistic import LogisticRegressionPath

    clock = Clock()
    head = LogisticRegressionPath(Cs=Cs, cv=folds, scaling="standard").fit(X, codes)
    return clock(), head


def their_side(Z, codes, folds, Cs, *, n_jobs):
    """Seconds, and the model: its default tolerance and number of iterations."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegressionCV

    model = LogisticRegressionCV(Cs=Cs, cv=folds, n_jobs=n_jobs, scoring="neg_log_loss", use_legacy_attributes=False)
    clock = Clock()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        model.fit(Z, codes)
    return clock(), model


def gaps(Z, codes, folds, Cs, head):
    """Largest relative distance from the optimum: over the path of every fold, and of the final fit;
    and how well the optimum itself is known."""
    from headstart.heads._penalty_path import solve_path
    from headstart.heads._scaling import principal_axes
    from headstart.heads._softmax_loss import SoftmaxLoss

    axes = principal_axes(Z)
    rows = np.hstack([Z @ axes.astype(np.float32), np.ones((len(Z), 1), dtype=np.float32)])
    weights = np.ones((len(folds) + 1, len(Z)))
    for fold, (_, valid) in enumerate(folds):
        weights[fold, valid] = 0
    n_outputs = 1 if codes.max() == 1 else int(codes.max()) + 1
    fast = SoftmaxLoss(rows, codes, weights[:-1], n_outputs=n_outputs)
    exact = SoftmaxLoss(rows.astype(np.float64), codes, weights, n_outputs=n_outputs)
    tight = solve_path(exact, Cs, tol=1e-7, max_iter=2000)
    worst, final, reference = 0.0, None, 0.0
    for ours, best in zip(solve_path(fast, Cs, tol=head.tol, max_iter=head.max_iter), tight, strict=True):
        optimum = best.objective - best.gap * best.objective
        reference = max(reference, float(best.gap.max()))
        for fold in range(len(folds)):
            w = ours.weights[fold]
            value = objective(rows[:, :-1], codes, weights[fold], w[:, :-1], w[:, -1], ours.C)
            worst = max(worst, value / optimum[fold] - 1)
        if np.isclose(best.C, head.C_):
            value = objective(Z, codes, weights[-1], head.coef_, head.intercept_, best.C)
            final = value / optimum[-1] - 1
    return worst, final, reference


def judge(proba, codes):
    """Accuracy and log-loss."""
    own = np.clip(proba[np.arange(len(codes)), codes], 1e-15, 1)
    return {"accuracy": float((proba.argmax(axis=1) == codes).mean()), "log_loss": float(-np.log(own).mean())}


def differences(ours, theirs, codes):
    """Ours less theirs on the same new rows, paired, with 95 % intervals; higher is better."""
    from headstart.evaluation.intervals import paired_difference

    found = {name: paired_difference(name, codes, ours, theirs) for name in ("accuracy", "neg_log_loss")}
    return {name: [d.value, d.low, d.high] for name, d in found.items()}


def main():
    """Run both sides and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=1_280)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0, help="share of rows and features")
    parser.add_argument("--n-jobs", type=int, default=None, help="of the other side")
    parser.add_argument("--no-gap", action="store_true", help="leave out the converged optimum")
    args = parser.parse_args()
    rows, dim = int(args.rows * args.scale), int(args.dim * args.scale)
    X, codes = features(rows + rows // 4, dim, args.classes)
    X, codes, X_new, codes_new = X[:rows], codes[:rows], X[rows:], codes[rows:]
    mean, scale = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    Z, Z_new = ((part - mean) / scale for part in (X, X_new))
    Z = Z.astype(np.float32)
    fold = np.random.default_rng(1).permutation(rows) % 5
    folds = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]
    Cs = np.logspace(-2, 3, 10) / dim
    our_seconds, head = our_side(X, codes, folds, Cs)
    result = {"rows": rows, "dim": dim, "classes": args.classes, "our_C": head.C_}
    result |= {"our_seconds": our_seconds["wall"], "our_cpu_seconds": our_seconds["cpu"]}
    ours = head.predict_proba(X_new)
    result["ours"] = judge(ours, codes_new)
    if not args.no_gap:
        found = gaps(Z, codes, folds, list(Cs), head)
        result |= dict(zip(("objective_gap", "objective_gap_final", "reference_gap"), found, strict=True))
    print(json.dumps(result), flush=True)
    their_seconds, model = their_side(Z, codes, folds, Cs, n_jobs=args.n_jobs)
    result |= {
        "their_seconds": their_seconds["wall"],
        "their_cpu_seconds": their_seconds["cpu"],
        "their_C": float(np.ravel(model.C_)[0]),
        "n_jobs": args.n_jobs,
    }
    theirs = model.predict_proba(Z_new.astype(np.float32))
    result["theirs"] = judge(theirs, codes_new)
    result["differences"] = differences(ours, theirs, codes_new)
    result["ratio"] = their_seconds["wall"] / our_seconds["wall"]
    result["ratio_cpu"] = their_seconds["cpu"] / our_seconds["cpu"]  # says nothing with --n-jobs
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
