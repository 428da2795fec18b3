"""One number for every row, whatever the features: what any other regressor must beat."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._plain_regressor import PlainRegressor


class Constant(PlainRegressor):
    """Predicts the mean of the training numbers, or their median, which is best by absolute error.

    Args:
        statistic: "mean" or "median".
    """

    name: ClassVar[str] = "constant"
    cost_rank: ClassVar[int] = 0
    accepts_sparse: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("value_",)

    def __init__(self, statistic: str = "mean") -> None:
        self.statistic = statistic

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Take the statistic of the (n,) numbers."""
        if self.statistic not in ("mean", "median"):
            raise InputError(f"Constant needs statistic 'mean' or 'median', got {self.statistic!r}. Use one of them.")
        _, y, weights = self._begin_fit(X, y, sample_weight)
        self.value_ = float(weights @ y / weights.sum()) if self.statistic == "mean" else _median(y, weights)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) the same number for each of (n, d) rows."""
        return np.full(self._rows(X).shape[0], self.value_)

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn that a low score is no defect."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


def _median(y: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The middle of the numbers that leave at most half of the weight on either side."""
    order = np.argsort(y, kind="stable")
    below = np.cumsum(weights[order])
    half = 0.5 * below[-1]
    low = y[order[np.searchsorted(below, half * (1 - 1e-12))]]
    high = y[order[np.searchsorted(below, half * (1 + 1e-12))]]
    return float(0.5 * (low + high))
