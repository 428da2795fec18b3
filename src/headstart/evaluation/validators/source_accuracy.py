"""The plain score on source rows, which knows nothing of the target."""

from __future__ import annotations

from typing import Any, ClassVar

from headstart.evaluation._given_labels import given_labels
from headstart.evaluation.model_outputs import is_classifier
from headstart.evaluation.validators._source_losses import source_losses
from headstart.evaluation.validators._validator import Estimate, Validator


class SourceAccuracy(Validator):
    """Share of source rows that get their label; of a regressor, minus its mean squared error.

    Args:
        X_target: not read; the same as the others take.
    """

    name: ClassVar[str] = "source_accuracy"

    def __init__(self, X_target: Any) -> None:
        super().__init__(X_target)

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        labels = given_labels(self.name, X, y)
        losses = source_losses("auto", estimator, X, labels, sample_domain)
        return Estimate.of_rows(1 - losses if is_classifier(estimator) else -losses)
