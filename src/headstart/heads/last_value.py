"""Tomorrow as today: the forecast that any other has to beat."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._plain_regressor import PlainRegressor


class LastValue(PlainRegressor):
    """Predicts the first feature of a row, which for lags is the latest step of the series that is forecast.

    Source: the random walk without drift, as in Hyndman and Athanasopoulos, Forecasting: Principles and Practice,
    3rd edition (2021), section 5.2.
    """

    name: ClassVar[str] = "last_value"
    cost_rank: ClassVar[int] = 1
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("column_",)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Check (n, d) rows and (n,) numbers; there is nothing to learn."""
        self._begin_fit(X, y, sample_weight)
        self.column_ = 0
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        return np.asarray(self._rows(X)[:, self.column_], dtype=np.float64)

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn that a low score is no defect."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags
