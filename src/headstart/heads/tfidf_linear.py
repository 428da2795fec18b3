"""Linear support vectors on weighted counts: the classic for texts."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._head import ClassWeight
from headstart.heads._held_out import held_out_factor, per_class
from headstart.heads._plain_head import PlainHead
from headstart.heads._score_scale import softmax
from headstart.heads._tfidf import Tfidf


class TfidfLinear(PlainHead):
    """Counts weighted by rarity, rows of unit length, one-against-the-rest linear support vectors.

    A count c weighs sign(c) log(1 + |c|) times log((1 + n) / (1 + n_with)) + 1. Probabilities are the softmax of the
    decision values times one factor, fitted on held-out rows. Columns that no training row has are passed over.

    Args:
        C: inverse penalty.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        n_folds: folds of the calibration.
        max_iter: passes of the solver.
        random_state: seed of the solver and the folds.

    Source: Joachims, Text Categorization with Support Vector Machines, ECML 1998; Salton and Buckley, Information
    Processing and Management 24 (1988).
    """

    name: ClassVar[str] = "tfidf_linear"
    cost_rank: ClassVar[int] = 5
    accepts_sparse: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("columns_", "rarity_", "coef_", "intercept_", "factor_")

    def __init__(
        self,
        C: float = 1.0,
        *,
        class_weight: ClassWeight = None,
        n_folds: int = 3,
        max_iter: int = 1000,
        random_state: int | None = 0,
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.n_folds = n_folds
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) counts, dense or sparse, and (n,) labels."""
        X, codes, weights = self._begin_fit(X, y, sample_weight)
        tfidf = Tfidf.of(X)
        self.columns_, self.rarity_ = tfidf.columns, tfidf.rarity
        Z = tfidf(X)

        def values_of(train: NDArray[np.int64], valid: NDArray[np.int64]) -> NDArray[np.float64]:
            coef, intercept, _ = self._solve(Z[train], codes[train], weights[train])
            return np.asarray(Z[valid] @ coef.T + intercept)

        self.factor_ = held_out_factor(values_of, codes, weights, n_folds=self.n_folds, random_state=self.random_state)
        self.coef_, self.intercept_, self.n_iter_ = self._solve(Z, codes, weights)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        X = self._rows(X)
        Z = Tfidf(self.columns_, self.rarity_)(X)
        return softmax(self.factor_ * (Z @ self.coef_.T + self.intercept_))

    def _solve(
        self, Z: Any, codes: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

        weights = weights * self._class_weights(self.class_weight, codes, weights)
        model = LinearSVC(C=self.C, max_iter=self.max_iter, random_state=self.random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter is a budget here
            model.fit(Z, codes, sample_weight=weights)
        coef = per_class(model.coef_[0]).T if len(model.coef_) == 1 else model.coef_
        intercept = per_class(model.intercept_)[0] if len(model.coef_) == 1 else model.intercept_
        return np.asarray(coef), np.asarray(intercept), int(np.max(model.n_iter_))
