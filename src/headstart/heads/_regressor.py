"""What every regressor shares: numbers in, numbers out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import _check_sample_weight, validate_data

from headstart.heads._feature_head import FeatureHead


class Regressor(RegressorMixin, FeatureHead):  # type: ignore[misc]
    """A regressor on features: (n, d) rows in, (n,) numbers out. Base of all heads that regress."""

    task: ClassVar[str] = "regression"

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        raise NotImplementedError

    def outputs(self, X: Any, n_outputs: int) -> NDArray[np.float64]:
        """(n,) numbers."""
        return self.predict(X)

    def _begin_fit(
        self, X: Any, y: Any, sample_weight: Any = None
    ) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
        """Check the input; return rows, numbers and weights. Rows of weight 0 are left out."""
        X, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], accept_sparse=self._sparse_format(), y_numeric=True
        )
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weights.all():
            X, y, weights = X[weights > 0], y[weights > 0], weights[weights > 0]
        return X, np.asarray(y, dtype=np.float64), weights
