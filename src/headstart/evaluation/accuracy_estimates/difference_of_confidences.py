"""The source's accuracy less what confidence falls by."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np

from headstart.evaluation.accuracy_estimates._sides import calibrated, source_side, target_side


@final
class DifferenceOfConfidences:
    """Accuracy on the source, out of fold, minus (mean confidence there - mean confidence on the target).

    Args:
        is_calibrated: True fits a temperature to the source first.

    Source: Guillory et al., Predicting with Confidence on Unseen Distributions, ICCV 2021.
    """

    name: ClassVar[str] = "difference_of_confidences"
    needs_features: ClassVar[bool] = False

    def __init__(self, *, is_calibrated: bool = True) -> None:
        self.is_calibrated = is_calibrated

    def fit(
        self, source_proba: Any, y_source: Any, *, source_features: Any = None, target_features: Any = None
    ) -> Self:
        """Learn from (n, k) out-of-fold probabilities and (n,) codes.

        Raises:
            InputError: there are no rows, or the arguments cannot be.
        """
        proba, codes, _ = source_side("DifferenceOfConfidences", source_proba, y_source)
        self._n_classes, self._scaling = proba.shape[1], calibrated(proba, codes, self.is_calibrated)
        confidence = self._scaling.transform(proba).max(axis=1).mean()
        self._excess = float(np.mean(proba.argmax(axis=1) == codes) - confidence)
        return self

    def estimate(self, target_proba: Any) -> float:
        """Accuracy, 0..1, on rows with (m, k) probabilities."""
        proba = self._scaling.transform(target_side("DifferenceOfConfidences", target_proba, self._n_classes))
        return float(np.clip(proba.max(axis=1).mean() + self._excess, 0.0, 1.0))
