"""How accurate the source's model will be on target rows without labels, with an interval that holds under shift."""

from __future__ import annotations

from typing import Any

from headstart.errors import UnknownNameError
from headstart.evaluation.accuracy_estimates.registry import ACCURACY_ESTIMATES
from headstart.evaluation.accuracy_evidence import BY_FEATURES, FallOfAccuracy, accuracy_evidence
from headstart.types import Score

COMBINED = "combined"
FALL = FallOfAccuracy(slope=1.27, spread=1.01)
"""By probabilities alone. Both are fitted by benchmarks/diagnose.py, which judges them by constants that were fitted
without the benchmark they are judged on."""
FALL_WITH_FEATURES = FallOfAccuracy(slope=1.12, spread=1.31)
"""Where agreement is asked too."""


def estimate_accuracy(
    source_proba: Any,
    y_source: Any,
    target_proba: Any,
    *,
    method: str = COMBINED,
    source_features: Any = None,
    target_features: Any = None,
    random_state: int = 0,
) -> Score:
    """Accuracy on the target without its labels.

    With s the accuracy on the source, out of fold, and e_j what transport, the difference of confidences and agreement
    say, ``combined`` is ``s - slope (s - e)`` with ``e = min e_j``. Without features there is no agreement, and e is
    the mean of what transport says and the least of transport, difference of confidences and ATC. It is e itself where
    e is above s, and never below one over the number of classes unless e is. The interval of any method is its value
    v +- h, cut to 0..1, with

        h^2 = spread^2 (least^2 + D^2) + 4 v (1 - v) / m + 4 s (1 - s) / n,   D = max(s, e_j) - min(s, e_j):

    the disagreement of all that were asked, ATC and the source's own figure among them, and the error of sampling m
    target and n source rows. Sampling alone, e.g. by bootstrap, would be far too narrow: it knows nothing of the shift.
    The interval is made to hold for nine in ten pairs of domains, not for nine in ten draws of rows; concept shift that
    leaves the features as they were is seen by no method, and where the classes' shares change transport says too
    little.

    Args:
        source_proba: (n, k) probabilities of source rows, out of fold; rows of NaN are left out.
        y_source: (n,) codes.
        target_proba: (m, k) probabilities of target rows by a model of the source; rows of NaN are left out.
        method: "combined", or a name that ``ACCURACY_ESTIMATES.names()`` gives.
        source_features: (n, d) features, which agreement and importance weighting take; or None.
        target_features: (m, d), or None.
        random_state: the seed.

    Raises:
        UnknownNameError: there is no such method.
        InputError: there are no rows, or the arguments cannot be.
    """
    known = (COMBINED, *ACCURACY_ESTIMATES.names())
    if method not in known:
        raise UnknownNameError("accuracy estimate", method, known)
    features = {"source_features": source_features, "target_features": target_features}
    evidence = accuracy_evidence(source_proba, y_source, target_proba, **features, random_state=random_state)
    fall = FALL_WITH_FEATURES if BY_FEATURES in evidence.said else FALL
    if method == COMBINED:
        value = evidence.extrapolated(fall)
    elif method in evidence.said:
        value = evidence.said[method]
    else:
        seeded = {"random_state": random_state} if ACCURACY_ESTIMATES.class_of(method).needs_features else {}
        made = ACCURACY_ESTIMATES.make(method, **seeded)
        value = made.fit(source_proba, y_source, **features).estimate(target_proba)
    half = evidence.half_width(value, fall)
    rule = f"estimated without target labels: {method}; made to hold for nine in ten pairs of domains"
    return Score(value, max(0.0, value - half), min(1.0, value + half), rule)
