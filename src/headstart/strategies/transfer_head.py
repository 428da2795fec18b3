"""A fitted strategy on features in the place of a head."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class TransferHead:
    """Speaks as heads do of an estimator that learnt from other domains too.

    Args:
        estimator: fitted to codes.
        is_number: True where it predicts numbers.
    """

    name = "transfer_head"

    def __init__(self, estimator: Any, *, is_number: bool = False) -> None:
        self.estimator, self.is_number = estimator, is_number

    def outputs(self, X: Any, n_outputs: int) -> NDArray[np.float64]:
        """(n, n_outputs) probabilities of (n, d) rows, 0 for classes that training never saw; or (n,) numbers."""
        if self.is_number:
            return np.asarray(self.estimator.predict(X), dtype=np.float64)
        known = self.estimator.classes_.astype(np.int64)
        proba = np.zeros((X.shape[0], n_outputs))
        if hasattr(self.estimator, "predict_proba"):
            proba[:, known] = self.estimator.predict_proba(X)
        else:
            proba[np.arange(len(proba)), self.estimator.predict(X).astype(np.int64)] = 1.0
        return proba
