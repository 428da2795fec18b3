"""Ridge regression: every penalty from one eigendecomposition, judged by leaving each row out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._path_result import Folds, PathResult, rows_of, within
from headstart.heads._plain_regressor import PlainRegressor
from headstart.heads._ridge_solver import RidgeSolver, penalties
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling, principal_axes, working_dtype
from headstart.heads._target_scale import TargetScale


class RidgeRegression(PlainRegressor):
    """Least squares with an L2 penalty on scaled features, ``sum_i s_i (y_i - w z_i - b)^2 + alpha |w|^2``.

    ``y`` is brought to mean 0 and deviation 1 first. Without ``alpha`` the penalty with the least leave-one-out
    squared error is taken.

    Args:
        alpha: the penalty; None chooses from ``alphas``.
        alphas: the candidates, or how many: log-spaced from 10,000 d to d / 1,000.
        scaling: how features are scaled: "standard", "pareto" or "global"; see ``heads/_scaling.py``.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 3.4.1 and 7.10.1.
    """

    name: ClassVar[str] = "ridge_regression"
    cost_rank: ClassVar[int] = 3
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "coef_", "intercept_", "alpha_")

    def __init__(
        self, alpha: float | None = None, *, alphas: int | Sequence[float] = 15, scaling: str = "pareto"
    ) -> None:
        self.alpha = alpha
        self.alphas = alphas
        self.scaling = scaling

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose alpha and fit to (n, d) rows and (n,) numbers."""
        X, y, weights = self._begin_fit(X, y, sample_weight)
        scaling = fit_scaling(X, weights, how=self.scaling)
        Z = scaling(X, working_dtype(X))
        axes = principal_axes(Z)
        unit = TargetScale.of(y, weights)
        target = unit.into(y)
        solver = RidgeSolver.of(Z @ axes.astype(Z.dtype), target[:, None], weights)
        errors = []
        alphas = penalties(self.alpha, self.alphas, X.shape[1], who="RidgeRegression")
        for alpha in alphas:
            errors.append(float(weights @ np.square(target - solver.leave_one_out(alpha)[:, 0])))
        self.alpha_ = alphas[int(np.argmin(errors))]
        coef, intercept = solver.solution(self.alpha_)
        self.coef_ = (axes @ coef)[:, 0] * unit.scale  # (d,), for scaled features
        self.intercept_ = unit.mean + unit.scale * float(intercept[0])
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        return self

    def fit_path(self, X: Any, y: Any, folds: Folds, sample_weight: Any = None) -> PathResult:
        """Cross-validate every alpha at once; the head itself stays as it was.

        Features are scaled once, without labels, by the rows that occur in a fold; no other row is read.

        Args:
            X: (n, d) features.
            y: (n,) numbers.
            folds: (training rows, validation rows) pairs.
            sample_weight: (n,) positive weights or None.
        """
        used = rows_of(folds, len(y))
        given = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        inner = type(self)(**self.get_params(deep=False))
        X, numbers, weights = inner._begin_fit(np.asarray(X)[used], np.asarray(y)[used], given[used])
        scaling = fit_scaling(X, weights, how=self.scaling)
        Z = scaling(X, working_dtype(X))
        rows = Z @ principal_axes(Z).astype(Z.dtype)
        alphas = penalties(self.alpha, self.alphas, X.shape[1], who="RidgeRegression")
        predicted = np.full((len(alphas), len(y)), np.nan)
        for train, valid in within(folds, used):
            unit = TargetScale.of(numbers[train], weights[train])
            solver = RidgeSolver.of(rows[train], unit.into(numbers[train])[:, None], weights[train])
            for setting, alpha in enumerate(alphas):
                coef, intercept = solver.solution(alpha)
                predicted[setting, used[valid]] = unit.back((rows[valid] @ coef + intercept)[:, 0])
        settings = tuple({"alpha": alpha} for alpha in alphas)
        return PathResult(settings, predicted, None, np.zeros((len(alphas), len(folds))))

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        X, scaling = self._rows(X), Scaling(self.mean_, self.scale_)
        starts = range(0, len(X), BLOCK_ROWS)
        parts = [scaling(X[i : i + BLOCK_ROWS], np.float64) @ self.coef_ + self.intercept_ for i in starts]
        return np.concatenate(parts)
