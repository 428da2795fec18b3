"""LightGBM's boosted regression trees, where it is installed."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads import _lightgbm
from headstart.heads._plain_regressor import PlainRegressor


class LightGBMRegression(PlainRegressor):
    """Gradient boosting of squared error with leaf-wise trees.

    Args:
        n_trees: rounds of boosting.
        learning_rate: share of each tree.
        num_leaves: of a tree.
        min_rows: of a leaf.
        random_state: seed.

    Source: Ke et al., LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 2017.
    """

    name: ClassVar[str] = "lightgbm_regression"
    cost_rank: ClassVar[int] = 9
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("model_", "mean_", "scale_")

    def __init__(
        self,
        *,
        n_trees: int = 100,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        min_rows: int = 10,
        random_state: int | None = 0,
    ) -> None:
        self.n_trees = n_trees
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_rows = min_rows
        self.random_state = random_state

    @classmethod
    def missing(cls) -> str:
        """Why it cannot be used here, or ""."""
        return _lightgbm.missing()

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) numbers.

        Raises:
            MissingExtraError: LightGBM is not installed.
        """
        X, y, weights = self._begin_fit(X, y, sample_weight)
        settings: dict[str, Any] = {
            "objective": "regression",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
        }
        settings |= {"min_data_in_leaf": self.min_rows}
        seed = 0 if self.random_state is None else self.random_state
        # LightGBM keeps targets in float32, so they go in around 0.
        self.mean_ = float(weights @ y / weights.sum())
        self.scale_ = float(np.sqrt(weights @ (y - self.mean_) ** 2 / weights.sum())) or 1.0
        scaled = (y - self.mean_) / self.scale_
        self.model_ = _lightgbm.grow(X, scaled, weights, settings, n_trees=self.n_trees, seed=seed)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        rows = self._rows(X)
        return self.mean_ + self.scale_ * _lightgbm.predict(self.model_, rows)
