"""Ridge regression on weighted counts: the classic for numbers that texts carry."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._plain_regressor import PlainRegressor
from headstart.heads._target_scale import TargetScale
from headstart.heads._tfidf import Tfidf


class TfidfRidge(PlainRegressor):
    """Counts weighted by rarity, rows of unit length, least squares with an L2 penalty.

    Args:
        alpha: the penalty.

    Source: Salton and Buckley, Information Processing and Management 24 (1988); Hastie, Tibshirani and Friedman, The
    Elements of Statistical Learning, 3.4.1.
    """

    name: ClassVar[str] = "tfidf_ridge"
    cost_rank: ClassVar[int] = 8
    accepts_sparse: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("columns_", "rarity_", "coef_", "intercept_")

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) counts, dense or sparse, and (n,) numbers."""
        from sklearn.linear_model import Ridge

        X, y, weights = self._begin_fit(X, y, sample_weight)
        tfidf, unit = Tfidf.of(X), TargetScale.of(y, weights)
        self.columns_, self.rarity_ = tfidf.columns, tfidf.rarity
        if not len(tfidf.columns):  # no row has anything: the mean it is
            self.coef_, self.intercept_ = np.zeros(0), unit.mean
            return self
        model = Ridge(alpha=self.alpha, solver="sparse_cg", tol=1e-8)
        model.fit(tfidf(X), unit.into(y), sample_weight=weights)
        self.coef_ = unit.scale * np.asarray(model.coef_, dtype=np.float64)
        self.intercept_ = unit.mean + unit.scale * float(model.intercept_)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        X = self._rows(X)
        return np.asarray(Tfidf(self.columns_, self.rarity_)(X) @ self.coef_ + self.intercept_)
