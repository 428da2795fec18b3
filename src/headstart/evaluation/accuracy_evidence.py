"""What several methods say about a model's accuracy on target rows, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.evaluation.accuracy_estimates._sides import source_side, target_side
from headstart.evaluation.accuracy_estimates.registry import ACCURACY_ESTIMATES

BY_PROBABILITIES = ("atc", "confidence_transport", "difference_of_confidences")
BY_FEATURES = "agreement"


@dataclass(frozen=True)
class FallOfAccuracy:
    """How the fall of accuracy that the methods see relates to the true one, over pairs of real domains.

    Args:
        slope: true fall per fall seen; above 1, as models stay surer than they are right.
        spread: half the interval's width per unit of disagreement.
        least: disagreement that is there even where all methods agree.
    """

    slope: float
    spread: float
    least: float = 0.1


@dataclass(frozen=True)
class AccuracyEvidence:
    """What the methods say of one pair of domains.

    Args:
        own: accuracy on the source, out of fold.
        said: method -> accuracy on the target.
        n_classes: how many classes there are.
        n_source: source rows.
        n_target: target rows.
    """

    own: float
    said: dict[str, float]
    n_classes: int
    n_source: int
    n_target: int

    @property
    def disagreement(self) -> float:
        """Between the highest and the lowest figure, the source's own among them."""
        return max(self.own, *self.said.values()) - min(self.own, *self.said.values())

    @property
    def pessimistic(self) -> float:
        """The least that transport, confidence and agreement say; without agreement half way from transport to ATC.

        >>> said = {"atc": 0.5, "confidence_transport": 0.75, "difference_of_confidences": 0.875}
        >>> AccuracyEvidence(0.9, said, 2, 100, 100).pessimistic
        0.625
        >>> AccuracyEvidence(0.9, said | {"agreement": 0.6875}, 2, 100, 100).pessimistic
        0.6875
        """
        transport, confidence = self.said["confidence_transport"], self.said["difference_of_confidences"]
        if BY_FEATURES in self.said:
            return min(transport, confidence, self.said[BY_FEATURES])
        return (transport + min(transport, confidence, self.said["atc"])) / 2

    def extrapolated(self, fall: FallOfAccuracy) -> float:
        """The source's accuracy less ``fall.slope`` times the fall to ``pessimistic``; at least about chance.

        >>> said = {"atc": 0.5, "confidence_transport": 0.5, "difference_of_confidences": 0.75}
        >>> AccuracyEvidence(0.75, said, 10, 100, 100).extrapolated(FallOfAccuracy(slope=1.5, spread=1.0))
        0.375
        """
        lowest = self.pessimistic
        if lowest >= self.own:
            return lowest
        return max(self.own - fall.slope * (self.own - lowest), min(1 / self.n_classes, lowest))

    def half_width(self, value: float, fall: FallOfAccuracy) -> float:
        """Of the interval around ``value``: by disagreement, and by the rows that happened to be drawn."""
        sampling = 4 * value * (1 - value) / self.n_target + 4 * self.own * (1 - self.own) / self.n_source
        return float(np.sqrt(fall.spread**2 * (fall.least**2 + self.disagreement**2) + sampling))


def accuracy_evidence(
    source_proba: Any,
    y_source: Any,
    target_proba: Any,
    *,
    source_features: Any = None,
    target_features: Any = None,
    random_state: int = 0,
) -> AccuracyEvidence:
    """Ask every method; agreement only where there are features.

    Args:
        source_proba: (n, k) probabilities of source rows, out of fold; rows of NaN are left out.
        y_source: (n,) codes.
        target_proba: (m, k) probabilities of target rows; rows of NaN are left out.
        source_features: (n, d), or None.
        target_features: (m, d), or None.
        random_state: the seed.

    Raises:
        InputError: there are no rows, or the arguments cannot be.
    """
    proba, codes, _ = source_side("estimate_accuracy", source_proba, y_source)
    target = target_side("estimate_accuracy", target_proba, proba.shape[1])
    said = {name: ACCURACY_ESTIMATES.make(name).fit(proba, codes).estimate(target) for name in BY_PROBABILITIES}
    if source_features is not None or target_features is not None:
        features = {"source_features": source_features, "target_features": target_features}
        method = ACCURACY_ESTIMATES.make(BY_FEATURES, random_state=random_state)
        said[BY_FEATURES] = method.fit(source_proba, y_source, **features).estimate(target_proba)
    own = float(np.mean(proba.argmax(axis=1) == codes))
    return AccuracyEvidence(own, said, proba.shape[1], len(codes), len(target))
