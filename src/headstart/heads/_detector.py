"""What every anomaly detector shares: normal rows in, how strange a row is out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OutlierMixin
from sklearn.utils.validation import validate_data

from headstart.heads._feature_head import FeatureHead

STRANGEST_SHARE = 0.05
"""Of the rows that a detector learnt from, this share counts as outliers for scikit-learn's ``predict``."""


class Detector(OutlierMixin, FeatureHead):  # type: ignore[misc]
    """Learns from normal rows; (n, d) rows in, (n,) scores out, higher is stranger. Base of all heads that detect."""

    task: ClassVar[str] = "anomaly"

    offset_: float

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """(n,) how strange each row is, any unit."""
        raise NotImplementedError

    def outputs(self, X: Any, n_outputs: int) -> NDArray[np.float64]:
        """(n,) how strange each row is."""
        return self.anomaly_score(X)

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """(n,) how ordinary each row is: scikit-learn's sign."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """(n,) below 0 for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """(n,) -1 for outliers, 1 for the others."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _begin_fit(self, X: Any, y: Any) -> NDArray[Any]:
        """Check the input; return the normal rows: those whose ``y`` is 0, or all where there is no such mark."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], accept_sparse=self._sparse_format())
        is_normal = np.zeros(X.shape[0], dtype=bool) if y is None else np.asarray(y) == 0
        normal: NDArray[Any] = X[np.flatnonzero(is_normal)] if is_normal.any() else X
        return normal

    def _set_offset(self, scores: NDArray[np.float64]) -> None:
        """From the (n,) scores of the rows learnt from."""
        self.offset_ = float(-np.quantile(scores, 1 - STRANGEST_SHARE))
