"""The class frequencies of the training rows, whatever the features: what any other head must beat."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._head import ClassWeight
from headstart.heads._plain_head import PlainHead


class Majority(PlainHead):
    """Predicts the most frequent class, with the class frequencies as probabilities.

    Args:
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
    """

    name: ClassVar[str] = "majority"
    cost_rank: ClassVar[int] = 0
    accepts_sparse: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("prior_",)

    def __init__(self, *, class_weight: ClassWeight = None) -> None:
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Count the (n,) labels."""
        _, codes, weights = self._begin_fit(X, y, sample_weight, self.class_weight)
        totals = np.bincount(codes, weights=weights)
        self.prior_ = totals / totals.sum()
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) the same row for each of (n, d)."""
        n = self._rows(X).shape[0]
        return np.tile(self.prior_, (n, 1))

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn that a low score is no defect."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags
