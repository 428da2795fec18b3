"""Ridge regression on class indicators: every penalty from one eigendecomposition, judged by leaving each row out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores
from headstart.errors import InputError
from headstart.heads._eigen import symmetric_eigens
from headstart.heads._head import ClassWeight
from headstart.heads._path_result import Folds, PathResult, rows_of, within
from headstart.heads._plain_head import PlainHead
from headstart.heads._ridge_solver import Eigen, RidgeSolver, centred_gram, penalties
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling, principal_axes, working_dtype
from headstart.heads._score_scale import fit_score_scale, softmax


class RidgePath(PlainHead):
    """Least squares on one-hot labels with an L2 penalty, ``sum_i s_i |y_i - W z_i - b|^2 + alpha |W|^2``.

    Without ``alpha`` the penalty with the least leave-one-out log-loss is taken. Probabilities are the softmax of
    the decision values times one factor, fitted on the leave-one-out values.

    Args:
        alpha: the penalty; None chooses from ``alphas``.
        alphas: the candidates, or how many: log-spaced from 10,000 d to d / 1,000.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        scaling: how features are scaled: "standard", "pareto" or "global"; see ``heads/_scaling.py``.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 3.4.1 and 7.10.1; leave-one-out in
    closed form as in Rifkin and Lippert, Notes on Regularized Least Squares, MIT-CSAIL-TR-2007-025.
    """

    name: ClassVar[str] = "ridge"
    cost_rank: ClassVar[int] = 2
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "coef_", "intercept_", "factor_", "alpha_", "loss_")

    def __init__(
        self,
        alpha: float | None = None,
        *,
        alphas: int | Sequence[float] = 15,
        class_weight: ClassWeight = None,
        scaling: str = "pareto",
    ) -> None:
        self.alpha = alpha
        self.alphas = alphas
        self.class_weight = class_weight
        self.scaling = scaling

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose alpha and fit to (n, d) rows and (n,) labels."""
        X, codes, weights = self._begin_fit(X, y, sample_weight, self.class_weight)
        scaling = fit_scaling(X, weights, how=self.scaling)
        Z = scaling(X, working_dtype(X))
        axes = principal_axes(Z)
        rows = Z @ axes.astype(Z.dtype)
        solver = RidgeSolver.of(rows, _indicators(codes, len(self.classes_), rows.dtype), weights)
        fits = [
            (alpha, *_calibrated(solver, codes, alpha))
            for alpha in penalties(self.alpha, self.alphas, X.shape[1], who="RidgePath")
        ]
        self.alpha_, self.factor_, self.loss_ = min(fits, key=lambda fit: fit[2])
        coef, self.intercept_ = solver.solution(self.alpha_)
        self.coef_ = (axes @ coef).T  # (n_classes, d), for scaled features
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        return self

    def fit_path(self, X: Any, y: Any, folds: Folds, sample_weight: Any = None) -> PathResult:
        """Cross-validate every alpha at once; the head itself stays as it was.

        Features are scaled once, without labels, by the rows that occur in a fold; no other row is read.

        Args:
            X: (n, d) features.
            y: (n,) labels.
            folds: (training rows, validation rows) pairs.
            sample_weight: (n,) positive weights or None.
        """
        used = rows_of(folds, len(y))
        inner = type(self)(**self.get_params(deep=False))
        given = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if not (given[used] > 0).all():
            raise InputError("fit_path needs positive sample weights, got others. Leave the rows out of the folds.")
        X, codes, weights = inner._begin_fit(np.asarray(X)[used], np.asarray(y)[used], given[used])
        scaling = fit_scaling(X, weights, how=self.scaling)
        Z = scaling(X, working_dtype(X))
        rows = Z @ principal_axes(Z).astype(Z.dtype)
        alphas = penalties(self.alpha, self.alphas, X.shape[1], who="RidgePath")
        n_classes = len(inner.classes_)
        full = np.full((len(alphas), len(y), n_classes), np.nan, dtype=np.float32)
        for train, valid, weight, eigen in inner._fold_eigens(rows, codes, weights, within(folds, used)):
            target = _indicators(codes[train], n_classes, rows.dtype)
            solver = RidgeSolver.of(rows[train], target, weight, eigen)
            for setting, alpha in enumerate(alphas):
                coef, intercept = solver.solution(alpha)
                factor, _ = _calibrated(solver, codes[train], alpha)
                full[setting, used[valid]] = softmax(factor * (rows[valid] @ coef + intercept))
        settings = tuple({"alpha": alpha} for alpha in alphas)
        return PathResult(settings, full, inner.classes_, np.zeros((len(alphas), len(folds))))

    def _fold_eigens(
        self, rows: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[np.float64], folds: Folds
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], Eigen]]:
        """Training rows, validation rows, weights and decomposition of each fold; one fold a core at a time."""
        for first in range(0, len(folds), n_cores()):
            some = folds[first : first + n_cores()]
            adjusted = [
                weights[train] * self._class_weights(self.class_weight, codes[train], weights[train])
                for train, _ in some
            ]
            grams = [centred_gram(rows[train], weight) for (train, _), weight in zip(some, adjusted, strict=True)]
            for (train, valid), weight, eigen in zip(some, adjusted, symmetric_eigens(grams), strict=True):
                yield train, valid, weight, eigen

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) regression values, or (n,) their difference for two classes."""
        scores = self._values(X)
        return np.asarray(scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        values = self._values(X)
        return softmax(self.factor_ * values)

    def _values(self, X: Any) -> NDArray[np.float64]:
        X, scaling = self._rows(X), Scaling(self.mean_, self.scale_)
        starts = range(0, len(X), BLOCK_ROWS)
        parts = [scaling(X[i : i + BLOCK_ROWS], np.float64) @ self.coef_.T + self.intercept_ for i in starts]
        return np.concatenate(parts)


def _indicators(codes: NDArray[np.int64], n_classes: int, dtype: Any) -> NDArray[Any]:
    """(n, n_classes) 1 at each row's class."""
    table = np.zeros((len(codes), n_classes), dtype=dtype)
    table[np.arange(len(codes)), codes] = 1
    return table


def _calibrated(solver: RidgeSolver, codes: NDArray[np.int64], alpha: float) -> tuple[float, float]:
    return fit_score_scale(solver.leave_one_out(alpha), codes, solver.weights)
