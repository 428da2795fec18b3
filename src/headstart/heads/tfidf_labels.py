"""Ridge regression on weighted counts, one label at a time: the classic for texts with several labels."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._path_result import stratified_folds
from headstart.heads._plain_labels import PlainLabels
from headstart.heads._platt import Platt, fit_platt
from headstart.heads._tfidf import Tfidf


class TfidfLabels(PlainLabels):
    """Counts weighted by rarity, rows of unit length, least squares on 0 and 1 for each label.

    Probabilities are logistic curves of the values, fitted on held-out rows.

    Args:
        alpha: the penalty.
        n_folds: folds of the curves.
        random_state: seed of the folds.

    Source: Salton and Buckley, Information Processing and Management 24 (1988); Platt, Probabilistic outputs for
    support vector machines (1999).
    """

    name: ClassVar[str] = "tfidf_labels"
    cost_rank: ClassVar[int] = 4
    accepts_sparse: ClassVar[bool] = True
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = (
        "columns_", "rarity_", "coef_", "intercept_", "slope_", "shift_", "n_labels_",
    )  # fmt: skip

    def __init__(self, alpha: float = 1.0, *, n_folds: int = 3, random_state: int | None = 0) -> None:
        self.alpha = alpha
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to (n, d) counts, dense or sparse, and (n, n_labels) of 0 and 1."""
        X, targets = self._begin_fit(X, y)
        tfidf = Tfidf.of(X)
        Z = tfidf(X)
        held_out = np.zeros_like(targets)
        same = np.zeros(len(targets), dtype=np.int64)
        for train, valid in stratified_folds(same, n_folds=self.n_folds, random_state=self.random_state):
            coef, intercept = self._solve(Z[train], targets[train])
            held_out[valid] = Z[valid] @ coef + intercept
        curve = fit_platt(held_out, targets)
        self.columns_, self.rarity_ = tfidf.columns, tfidf.rarity
        self.slope_, self.shift_ = curve.slope, curve.shift
        self.coef_, self.intercept_ = self._solve(Z, targets)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_labels) probability of each label."""
        X = self._rows(X)
        values = Tfidf(self.columns_, self.rarity_)(X) @ self.coef_ + self.intercept_
        return Platt(self.slope_, self.shift_)(values)

    def _solve(self, Z: Any, targets: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n_columns, n_labels) coefficients and (n_labels,) intercepts."""
        from sklearn.linear_model import Ridge

        if not Z.shape[1]:
            return np.zeros((0, targets.shape[1])), targets.mean(axis=0)
        model = Ridge(alpha=self.alpha, solver="sparse_cg", tol=1e-6).fit(Z, targets)
        coef = np.asarray(model.coef_, dtype=np.float64).reshape(targets.shape[1], -1).T
        return coef, np.asarray(model.intercept_, dtype=np.float64).reshape(-1)
