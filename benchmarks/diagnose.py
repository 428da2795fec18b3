"""Predicted against true accuracy on a target without labels, over pairs of real domains.

    python benchmarks/diagnose.py
    python benchmarks/diagnose.py --small

Logistic regression learns from the source (penalty by cross-validation); labels of the target are read for the truth
alone. The constants of each benchmark's figures are fitted on the other benchmarks, all of which weigh the same; what
all benchmarks together give is printed beside the constants that stand in the product. "Naive" takes the source's own
accuracy, out of fold, for the target's. SURF histograms are z-scored per domain, as in the published protocol.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from _domain_pairs import domain_pairs
from _sides import arguments, row, show

SLOPES = np.arange(1.0, 3.01, 0.01)
SHARE_HELD = 0.93
"""Of the pairs that constants are fitted on, the share whose interval is to hold."""
MOST_ROWS = 2500
KINDS = ("with features", "probabilities alone")


@dataclass(frozen=True, eq=False)
class Judged:
    """One pair of domains: ``true`` accuracy on the target, and what the methods said, by kind of evidence."""

    benchmark: str
    name: str
    true: float
    evidence: dict
    weighted: float


def judged(pair):
    """Fit to the source, ask every method, and only then look at the target's labels."""
    from headstart.evaluation.accuracy_estimates.registry import ACCURACY_ESTIMATES
    from headstart.evaluation.accuracy_evidence import accuracy_evidence

    codes = np.unique(pair.y_source, return_inverse=True)[1]
    source, target, y_target = pair.source, pair.target, np.searchsorted(np.unique(pair.y_source), pair.y_target)
    keep, others = (_drawn(len(rows)) for rows in (source, target))
    source, codes, target, y_target = source[keep], codes[keep], target[others], y_target[others]
    P, Q = probabilities(source, codes, target)
    features = {"source_features": source, "target_features": target}
    evidence = {KINDS[0]: accuracy_evidence(P, codes, Q, **features), KINDS[1]: accuracy_evidence(P, codes, Q)}
    weighted = ACCURACY_ESTIMATES.make("importance_weighting").fit(P, codes, **features).estimate(Q)
    return Judged(pair.benchmark, pair.name, float(np.mean(Q.argmax(axis=1) == y_target)), evidence, weighted)


def probabilities(source, codes, target):
    """(n, k) out of fold, and (m, k) by the model of all source rows."""
    from headstart.evaluation._cross_fitting import spread_parts
    from headstart.heads.logistic import LogisticRegressionPath

    k = codes.max() + 1
    model = LogisticRegressionPath(C=LogisticRegressionPath().fit(source, codes).C_)
    P, part = np.zeros((len(source), k)), spread_parts(codes, 5, 0)
    for fold in range(5):
        P[part == fold] = model.fit(source[part != fold], codes[part != fold]).proba_by_code(source[part == fold], k)
    return P, model.fit(source, codes).proba_by_code(target, k)


def fitted(pairs, kind):
    """Constants of least mean absolute error, and the spread with which SHARE_HELD of the intervals hold."""
    from headstart.evaluation.accuracy_evidence import FallOfAccuracy

    weights = _balanced([pair.benchmark for pair in pairs])

    def errors(slope):
        fall = FallOfAccuracy(slope, 1.0)
        return np.array([pair.evidence[kind].extrapolated(fall) - pair.true for pair in pairs])

    slope = min(SLOPES, key=lambda s: weights @ np.abs(errors(s)))
    least = FallOfAccuracy(slope, 1.0).least
    needed = np.abs(errors(slope)) / np.hypot(least, [pair.evidence[kind].disagreement for pair in pairs])
    order = np.argsort(needed)
    place = np.searchsorted(np.cumsum(weights[order]), SHARE_HELD * weights.sum())
    return FallOfAccuracy(round(float(slope), 2), round(float(needed[order][place]), 2), least)


def left_out(pairs, kind):
    """(n,) estimates and whether their intervals hold, each by constants of the other benchmarks; and these."""
    values, holds, falls = np.zeros(len(pairs)), np.zeros(len(pairs), dtype=bool), {}
    for place, pair in enumerate(pairs):
        others = [other for other in pairs if other.benchmark != pair.benchmark]
        if pair.benchmark not in falls:
            falls[pair.benchmark] = fitted(others or pairs, kind)
        evidence, fall = pair.evidence[kind], falls[pair.benchmark]
        values[place] = evidence.extrapolated(fall)
        holds[place] = abs(values[place] - pair.true) <= evidence.half_width(values[place], fall)
    return values, holds, falls


def table(pairs, kind, is_small):
    """Rows for all pairs together and for each benchmark."""
    from headstart.evaluation.accuracy_estimate import FALL, FALL_WITH_FEATURES

    values, holds, falls = left_out(pairs, kind)
    true, own = np.array([p.true for p in pairs]), np.array([p.evidence[kind].own for p in pairs])
    names = np.array([p.benchmark for p in pairs])
    found = []
    for what, rows in {"all": names != "", **{name: names == name for name in dict.fromkeys(names)}}.items():
        error, naive = np.abs(values - true)[rows].mean(), np.abs(own - true)[rows].mean()
        is_judged = what == "all" and not is_small
        about = f"mean absolute error of the predicted accuracy, {kind}, {what}, {rows.sum()} pairs"
        target = "under half of naive" if is_judged else "for information"
        is_met = bool(error < naive / 2) if is_judged else None
        found.append(row(about, f"{error:.3f}", f"{naive:.3f} (naive)", target, ratio=error / naive, is_met=is_met))
        held = holds[rows].mean()
        about, target = f"share of intervals that hold, {kind}, {what}", "0.85" if is_judged else "for information"
        found.append(row(about, f"{held:.3f}", "none", target, is_met=bool(held >= 0.85) if is_judged else None))
    constants = "; ".join(f"without {name}: {_told(fall)}" for name, fall in falls.items())
    product = _told(FALL_WITH_FEATURES if kind == KINDS[0] else FALL)
    found.append(row(f"constants, {kind}", f"{_told(fitted(pairs, kind))}; {constants}", product, "for information"))
    return found


def methods(pairs):
    """Rows for each method alone."""
    found = []
    for name in (*pairs[0].evidence[KINDS[0]].said, "importance_weighting"):
        said = [p.weighted if name == "importance_weighting" else p.evidence[KINDS[0]].said[name] for p in pairs]
        off = np.array(said) - [p.true for p in pairs]
        ours = f"{np.abs(off).mean():.3f} (too high by {off.mean():.3f} on average)"
        found.append(row(f"mean absolute error of {name} alone, {len(pairs)} pairs", ours, "none", "for information"))
    return found


def each(pairs):
    """A line a pair: true, naive, predicted."""
    values, holds, _ = left_out(pairs, KINDS[0])
    return [
        f"{p.benchmark} {p.name}: true {p.true:.3f}, source {p.evidence[KINDS[0]].own:.3f}, predicted {value:.3f}"
        + ("" if held else " (interval missed)")
        for p, value, held in zip(pairs, values, holds, strict=True)
    ]


def _told(fall):
    return f"slope {fall.slope:g}, spread {fall.spread:g}"


def _balanced(names):
    counts = {name: names.count(name) for name in names}
    return np.array([1 / counts[name] for name in names])


def _drawn(n):
    return np.sort(np.random.default_rng(0).permutation(n)[:MOST_ROWS])


def main():
    """Measure and print."""
    args = arguments(__doc__, rounds=1)
    absent = {}
    pairs = [judged(pair) for pair in domain_pairs(args.small, absent)]
    rows = [line for kind in KINDS for line in table(pairs, kind, args.small)] + methods(pairs) if pairs else []
    show({"absent": absent, "pairs": each(pairs) if pairs else [], "rows": rows})


if __name__ == "__main__":
    main()
