"""The mean confidence on target rows, after calibration on source rows."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

from headstart.evaluation.accuracy_estimates._sides import calibrated, source_side, target_side


@final
class AverageConfidence:
    """Accuracy is the mean probability of the predicted class, where calibration carries over.

    Args:
        is_calibrated: True fits a temperature to the source first.

    Source: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples, ICLR 2017.
    """

    name: ClassVar[str] = "average_confidence"
    needs_features: ClassVar[bool] = False

    def __init__(self, *, is_calibrated: bool = True) -> None:
        self.is_calibrated = is_calibrated

    def fit(
        self, source_proba: Any, y_source: Any, *, source_features: Any = None, target_features: Any = None
    ) -> Self:
        """Learn the temperature from (n, k) out-of-fold probabilities and (n,) codes.

        Raises:
            InputError: there are no rows, or the arguments cannot be.
        """
        proba, codes, _ = source_side("AverageConfidence", source_proba, y_source)
        self._n_classes, self._scaling = proba.shape[1], calibrated(proba, codes, self.is_calibrated)
        return self

    def estimate(self, target_proba: Any) -> float:
        """Accuracy, 0..1, on rows with (m, k) probabilities."""
        proba = self._scaling.transform(target_side("AverageConfidence", target_proba, self._n_classes))
        return float(proba.max(axis=1).mean())
