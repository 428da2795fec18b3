"""Tomorrow as one season ago: the forecast of what repeats."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._plain_regressor import PlainRegressor


class SeasonalNaive(PlainRegressor):
    """Predicts the one feature that is nearest to the number, which for lags is the step one season ago.

    Nearest is by weighted mean absolute error over the training rows; ties go to the earlier column. The column that
    was taken is ``column_``: lag ``column_ + 1``.

    Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd edition (2021), section 5.2.
    """

    name: ClassVar[str] = "seasonal_naive"
    cost_rank: ClassVar[int] = 2
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("column_",)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose the column by (n, d) rows and (n,) numbers."""
        X, y, weights = self._begin_fit(X, y, sample_weight)
        self.column_ = int(np.argmin([weights @ np.abs(column - y) for column in X.T]))
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        return np.asarray(self._rows(X)[:, self.column_], dtype=np.float64)

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn that a low score is no defect."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags
