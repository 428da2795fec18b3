"""Linear discriminant analysis with a shrunken covariance: one prototype a class, distances in whitened features."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._head import ClassWeight
from headstart.heads._plain_head import PlainHead
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling, working_dtype
from headstart.heads._score_scale import softmax
from headstart.heads._shrinkage import shrinkage_by_moments


class Prototypes(PlainHead):
    """Nearest class mean in the metric of the shrunken within-class covariance; every solve is in float64.

    Args:
        shrinkage: share of the covariance replaced by a multiple of the identity: "auto" is the closed form of
            Ledoit and Wolf, 1 the nearest class mean, 0 the plain discriminant.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.

    Source: Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, Journal of
    Multivariate Analysis 88 (2004); Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 4.3.
    """

    name: ClassVar[str] = "prototypes"
    cost_rank: ClassVar[int] = 1
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "coef_", "intercept_", "prototypes_", "shrinkage_")

    def __init__(self, shrinkage: float | str = "auto", *, class_weight: ClassWeight = None) -> None:
        self.shrinkage = shrinkage
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) labels."""
        X, codes, weights = self._begin_fit(X, y, sample_weight, self.class_weight)
        scaling = fit_scaling(X, weights)
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        totals = np.bincount(codes, weights=weights)
        sums = np.zeros((len(totals), X.shape[1]))
        for part in _parts(len(X)):  # no array as long as the rows is made
            share = (codes[part] == np.arange(len(totals))[:, None]) * weights[part]
            sums += share @ X[part].astype(np.float64)
        self.prototypes_ = (sums / totals[:, None] - scaling.mean) / scaling.scale  # (n_classes, d)
        self.coef_, self.shrinkage_ = self._discriminant(X, codes, weights)
        self.intercept_ = np.log(totals / totals.sum()) - 0.5 * (self.coef_ * self.prototypes_).sum(axis=1)
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) log-probabilities up to a constant, or (n,) log-odds of the second of two classes."""
        X, scaling = self._rows(X), Scaling(self.mean_, self.scale_)
        starts = range(0, len(X), BLOCK_ROWS)
        parts = [scaling(X[i : i + BLOCK_ROWS], np.float64) @ self.coef_.T + self.intercept_ for i in starts]
        scores = np.concatenate(parts)
        return np.asarray(scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        scores = self.decision_function(X)
        return softmax(np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores)

    def _discriminant(
        self, X: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """(n_classes, d) prototypes times the inverse covariance of the rows about their prototypes."""
        scaling, dtype, total = Scaling(self.mean_, self.scale_), working_dtype(X), weights.sum()
        covariance, fourth = np.zeros((X.shape[1], X.shape[1])), 0.0
        for part in _parts(len(X)):
            Z = scaling(X[part], dtype)
            Z -= self.prototypes_.astype(dtype)[codes[part]]
            covariance += (Z * weights[part, None].astype(dtype)).T @ Z
            fourth += float(weights[part] @ np.square(np.einsum("ij,ij->i", Z, Z)))
        covariance /= total
        level = np.trace(covariance) / len(covariance)
        if self.shrinkage == 1:
            return self.prototypes_ / max(level, 1e-300), 1.0
        shrinkage = self._shrinkage(fourth / total, covariance, total)
        covariance *= 1 - shrinkage
        covariance[np.diag_indices_from(covariance)] += max(shrinkage * level, 1e-10 * level + 1e-300)
        return _solve(covariance, self.prototypes_.T).T, shrinkage

    def _shrinkage(self, fourth: float, covariance: NDArray[Any], total: float) -> float:
        if self.shrinkage == "auto":
            return shrinkage_by_moments(fourth, covariance, total)
        if isinstance(self.shrinkage, str) or not 0 <= self.shrinkage <= 1:
            raise InputError(f"Prototypes needs shrinkage 'auto' or from 0 to 1, got {self.shrinkage!r}. Use 'auto'.")
        return float(self.shrinkage)


def _parts(n: int) -> list[slice]:
    return [slice(start, start + BLOCK_ROWS) for start in range(0, n, BLOCK_ROWS)]


def _solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    try:
        return np.asarray(cho_solve(cho_factor(matrix, lower=True), right))
    except LinAlgError:  # no shrinkage and dependent features
        return np.asarray(np.linalg.pinv(matrix, hermitian=True) @ right)
