"""Gradient-boosted trees, on principal components where the features are many."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._head import ClassWeight, Head
from headstart.heads._scaling import Scaling, fit_scaling, principal_axes, working_dtype
from headstart.heads._threads import threads_for


class Boosting(Head):
    """Histogram gradient boosting.

    Args:
        max_iter: trees for each class.
        learning_rate: share of each tree.
        max_features: more features than this are reduced to ``n_components`` principal components.
        n_components: number of components.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        random_state: seed of the binning.

    Source: Ke et al., LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 2017.
    """

    name: ClassVar[str] = "boosting"
    cost_rank: ClassVar[int] = 9
    is_slow: ClassVar[bool] = True

    def __init__(
        self,
        *,
        max_iter: int = 100,
        learning_rate: float = 0.1,
        max_features: int = 256,
        n_components: int = 64,
        class_weight: ClassWeight = None,
        random_state: int | None = 0,
    ) -> None:
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_features = max_features
        self.n_components = n_components
        self.class_weight = class_weight
        self.random_state = random_state

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_classes: int) -> float:
        """Rough seconds of one fit on two cores."""
        n_outputs = 1 if n_classes == 2 else n_classes
        return n_outputs * (0.2 + 1e-5 * n * min(d, 100) / 64) + 1e-7 * n * d

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) labels."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        X, codes, weights = self._begin_fit(X, y, sample_weight)
        scaling = fit_scaling(X, weights)
        self.mean_, self.scale_, self.axes_ = scaling.mean, scaling.scale, None
        if X.shape[1] > self.max_features:
            self.axes_ = principal_axes(scaling(X, working_dtype(X)))[:, : self.n_components].copy()
        self.trees_ = HistGradientBoostingClassifier(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            early_stopping=False,
            random_state=self.random_state,
        )
        weights = weights * self._class_weights(self.class_weight, codes, weights)
        rows = self._components(X)
        with threads_for(rows):
            # Weights cost scikit-learn ten times as long to bin the features, so equal ones are not passed on.
            self.trees_.fit(rows, codes, sample_weight=None if np.ptp(weights) == 0 else weights)
        self.n_iter_ = int(self.trees_.n_iter_)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        X = self._rows(X)
        rows = self._components(X)
        with threads_for(rows):
            return np.asarray(self.trees_.predict_proba(rows))

    def _components(self, X: NDArray[Any]) -> NDArray[Any]:
        if self.axes_ is None:
            return X
        return np.asarray(Scaling(self.mean_, self.scale_)(X, np.float64) @ self.axes_)
