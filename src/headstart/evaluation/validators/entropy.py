"""How sure a model is of the target rows."""

from __future__ import annotations

from typing import Any, ClassVar

from headstart.evaluation.model_outputs import probabilities
from headstart.evaluation.validators._entropies import entropies
from headstart.evaluation.validators._validator import Estimate, Validator


class Entropy(Validator):
    """Minus the mean entropy of the target's predicted probabilities, in nats.

    Best of all is a model that is sure of one class throughout, so guard it.

    Args:
        X_target: (n_target, d) rows of the target.

    Source: Morerio, Cavazza and Murino, Minimal-Entropy Correlation Alignment for Unsupervised Deep Domain Adaptation,
    ICLR 2018.
    """

    name: ClassVar[str] = "entropy"

    def __init__(self, X_target: Any) -> None:
        super().__init__(X_target)

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        return Estimate.of_rows(-entropies(probabilities(estimator, self.X_target, is_target=True)))
