"""Ridge regression on 0 and 1 for every label at once, judged by leaving each row out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._multi_label_head import LEAST
from headstart.heads._path_result import Folds, PathResult, rows_of, within
from headstart.heads._plain_labels import PlainLabels
from headstart.heads._platt import Platt, fit_platt
from headstart.heads._ridge_solver import RidgeSolver, penalties
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling, principal_axes, working_dtype


class MultiLabelRidge(PlainLabels):
    """Least squares with an L2 penalty on 0 and 1, all labels from one eigendecomposition.

    Probabilities are a logistic curve of each label's values, fitted on the leave-one-out values. Without ``alpha``
    the penalty with the least leave-one-out log-loss over all labels is taken.

    Args:
        alpha: the penalty; None chooses from ``alphas``.
        alphas: the candidates, or how many: log-spaced from 10,000 d to d / 1,000.
        scaling: how features are scaled: "standard", "pareto" or "global"; see ``heads/_scaling.py``.

    Source: Rifkin and Lippert, Notes on Regularized Least Squares, MIT-CSAIL-TR-2007-025; Platt, Probabilistic
    outputs for support vector machines (1999).
    """

    name: ClassVar[str] = "multi_label_ridge"
    cost_rank: ClassVar[int] = 1
    state_names: ClassVar[tuple[str, ...]] = (
        "mean_", "scale_", "coef_", "intercept_", "slope_", "shift_", "alpha_", "n_labels_",
    )  # fmt: skip

    def __init__(
        self, alpha: float | None = None, *, alphas: int | Sequence[float] = 12, scaling: str = "pareto"
    ) -> None:
        self.alpha = alpha
        self.alphas = alphas
        self.scaling = scaling

    def fit(self, X: Any, y: Any) -> Self:
        """Choose alpha and fit to (n, d) rows and (n, n_labels) of 0 and 1."""
        X, targets = self._begin_fit(X, y)
        ones = np.ones(len(targets))
        scaling = fit_scaling(X, ones, how=self.scaling)
        Z = scaling(X, working_dtype(X))
        axes = principal_axes(Z)
        solver = RidgeSolver.of(Z @ axes.astype(Z.dtype), targets, ones)
        alphas = penalties(self.alpha, self.alphas, X.shape[1], who="MultiLabelRidge")
        curves = [_curve(solver, targets, alpha) for alpha in alphas]
        best = int(np.argmin([loss for _, loss in curves]))
        self.alpha_, curve = alphas[best], curves[best][0]
        coef, self.intercept_ = solver.solution(self.alpha_)
        self.coef_ = axes @ coef  # (d, n_labels), for scaled features
        self.slope_, self.shift_ = curve.slope, curve.shift
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        return self

    def fit_path(self, X: Any, y: Any, folds: Folds) -> PathResult:
        """Cross-validate every alpha at once; the head itself stays as it was.

        Features are scaled once, without labels, by the rows that occur in a fold; no other row is read.

        Args:
            X: (n, d) features.
            y: (n, n_labels) of 0 and 1.
            folds: (training rows, validation rows) pairs.
        """
        used = rows_of(folds, len(y))
        inner = type(self)(**self.get_params(deep=False))
        X, targets = inner._begin_fit(np.asarray(X)[used], np.asarray(y)[used])
        scaling = fit_scaling(X, np.ones(len(X)), how=self.scaling)
        Z = scaling(X, working_dtype(X))
        rows = Z @ principal_axes(Z).astype(Z.dtype)
        alphas = penalties(self.alpha, self.alphas, X.shape[1], who="MultiLabelRidge")
        proba = np.full((len(alphas), len(y), targets.shape[1]), np.nan)
        for train, valid in within(folds, used):
            solver = RidgeSolver.of(rows[train], targets[train], np.ones(len(train)))
            for setting, alpha in enumerate(alphas):
                coef, intercept = solver.solution(alpha)
                curve, _ = _curve(solver, targets[train], alpha)
                proba[setting, used[valid]] = curve((rows[valid] @ coef + intercept).astype(np.float64))
        settings = tuple({"alpha": alpha} for alpha in alphas)
        return PathResult(settings, proba, None, np.zeros((len(alphas), len(folds))))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_labels) probability of each label."""
        X, scaling = self._rows(X), Scaling(self.mean_, self.scale_)
        starts = range(0, len(X), BLOCK_ROWS)
        parts = [scaling(X[i : i + BLOCK_ROWS], np.float64) @ self.coef_ + self.intercept_ for i in starts]
        return Platt(self.slope_, self.shift_)(np.concatenate(parts))


def _curve(solver: RidgeSolver, targets: NDArray[np.float64], alpha: float) -> tuple[Platt, float]:
    """The logistic curves of the leave-one-out values, and the mean log-loss that they have there."""
    values = solver.leave_one_out(alpha).astype(np.float64)
    curve = fit_platt(values, targets)
    chance = np.clip(curve(values), LEAST, 1 - LEAST)
    return curve, float(-np.mean(np.where(targets > 0, np.log(chance), np.log1p(-chance))))
