"""Average thresholded confidence: the share of target rows as sure as the source's right ones."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np

from headstart.errors import InputError
from headstart.evaluation.accuracy_estimates._sides import Float, calibrated, source_side, target_side

SCORES = ("max_confidence", "negative_entropy")


@final
class ATC:
    """A threshold that as many source rows miss as are wrong; accuracy is the share of target rows that reach it.

    Rows exactly at the threshold count by the share that makes the source come out right, so ties do no harm.

    Args:
        score: "max_confidence" or "negative_entropy".
        is_calibrated: True fits a temperature to the source first.

    Source: Garg et al., Leveraging Unlabeled Data to Predict Out-of-Distribution Performance, ICLR 2022.
    """

    name: ClassVar[str] = "atc"
    needs_features: ClassVar[bool] = False

    def __init__(self, score: str = "negative_entropy", *, is_calibrated: bool = True) -> None:
        if score not in SCORES:
            raise InputError(f"ATC needs a score out of {SCORES}, got {score!r}. Use one of them.")
        self.score = score
        self.is_calibrated = is_calibrated

    def fit(
        self, source_proba: Any, y_source: Any, *, source_features: Any = None, target_features: Any = None
    ) -> Self:
        """Find the threshold by (n, k) out-of-fold probabilities and (n,) codes.

        Raises:
            InputError: there are no rows, or the arguments cannot be.
        """
        proba, codes, _ = source_side("ATC", source_proba, y_source)
        self._n_classes, self._scaling = proba.shape[1], calibrated(proba, codes, self.is_calibrated)
        scores = self._scored(proba)
        n_right = int(np.sum(proba.argmax(axis=1) == codes))
        self.threshold_ = float(np.sort(scores)[len(codes) - max(n_right, 1)])
        n_above, n_at = int(np.sum(scores > self.threshold_)), int(np.sum(scores == self.threshold_))
        self._share_at = (n_right - n_above) / n_at
        return self

    def estimate(self, target_proba: Any) -> float:
        """Accuracy, 0..1, on rows with (m, k) probabilities."""
        scores = self._scored(target_side("ATC", target_proba, self._n_classes))
        return float(np.mean((scores > self.threshold_) + self._share_at * (scores == self.threshold_)))

    def _scored(self, proba: Float) -> Float:
        """(n,) larger is surer; rounded, so that equal rows are equal whatever the order of their sums."""
        proba = self._scaling.transform(proba)
        if self.score == "max_confidence":
            return np.asarray(np.round(proba.max(axis=1), 12))
        return np.asarray(np.round(np.sum(proba * np.log(np.clip(proba, 1e-300, None)), axis=1), 12))
