"""Gradient-boosted regression trees, on principal components where the features are many."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._regressor import Regressor
from headstart.heads._scaling import Scaling, fit_scaling, principal_axes, working_dtype
from headstart.heads._threads import threads_for


class BoostingRegression(Regressor):
    """Histogram gradient boosting of squared error.

    Args:
        max_iter: trees.
        learning_rate: share of each tree.
        max_features: more features than this are reduced to ``n_components`` principal components.
        n_components: number of components.
        random_state: seed of the binning.

    Source: Ke et al., LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 2017.
    """

    name: ClassVar[str] = "boosting_regression"
    cost_rank: ClassVar[int] = 7
    is_slow: ClassVar[bool] = True

    def __init__(
        self,
        *,
        max_iter: int = 100,
        learning_rate: float = 0.1,
        max_features: int = 256,
        n_components: int = 64,
        random_state: int | None = 0,
    ) -> None:
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_features = max_features
        self.n_components = n_components
        self.random_state = random_state

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_outputs: int) -> float:
        """Rough seconds of one fit on two cores."""
        return 0.2 + 1e-5 * n * min(d, 100) / 64 + 1e-7 * n * d

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) numbers."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        X, y, weights = self._begin_fit(X, y, sample_weight)
        scaling = fit_scaling(X, weights)
        self.mean_, self.scale_, self.axes_ = scaling.mean, scaling.scale, None
        if X.shape[1] > self.max_features:
            self.axes_ = principal_axes(scaling(X, working_dtype(X)))[:, : self.n_components].copy()
        self.trees_ = HistGradientBoostingRegressor(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            early_stopping=False,
            random_state=self.random_state,
        )
        rows = self._components(X)
        with threads_for(rows):
            # Weights cost scikit-learn ten times as long to bin the features, so equal ones are not passed on.
            self.trees_.fit(rows, y, sample_weight=None if np.ptp(weights) == 0 else weights)
        self.n_iter_ = int(self.trees_.n_iter_)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        X = self._rows(X)
        rows = self._components(X)
        with threads_for(rows):
            return np.asarray(self.trees_.predict(rows), dtype=np.float64)

    def _components(self, X: NDArray[Any]) -> NDArray[Any]:
        if self.axes_ is None:
            return X
        return np.asarray(Scaling(self.mean_, self.scale_)(X, np.float64) @ self.axes_)
