"""Ridge regression in the space of a Gaussian kernel: width and penalty by leaving each row out, in closed form."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._eigen import symmetric_eigen
from headstart.heads._gaussian_kernel import BLOCK_ELEMENTS, gaussian, squared_distances
from headstart.heads._plain_regressor import PlainRegressor
from headstart.heads._scaling import Scaling, fit_scaling
from headstart.heads._target_scale import TargetScale

MOST_ROWS = 4000
"""More rows would need a kernel of over 128 MB and a decomposition of a minute."""
ALPHAS = np.logspace(1, -4, 11)
"""Penalties for a kernel whose diagonal is 1, the strongest first."""


class KernelRidge(PlainRegressor):
    """Least squares with an L2 penalty and the kernel ``exp(-gamma |z - z'|^2)`` on scaled features.

    The penalty, and the width where it is not given, are those of the least leave-one-out squared error, which one
    eigendecomposition of the kernel gives for all penalties.

    Args:
        gamma: width of the kernel times d; None chooses out of 0.25, 1 and 4.
        scaling: how features are scaled: "standard", "pareto" or "global"; see ``heads/_scaling.py``.

    Source: Saunders, Gammerman and Vovk, Ridge Regression Learning Algorithm in Dual Variables, ICML 1998; Rifkin and
    Lippert, Notes on Regularized Least Squares, MIT-CSAIL-TR-2007-025, for leave-one-out.
    """

    name: ClassVar[str] = "kernel_ridge"
    cost_rank: ClassVar[int] = 5
    is_slow: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "rows_", "dual_", "gamma_", "alpha_", "centre_")

    def __init__(self, gamma: float | None = None, *, scaling: str = "pareto") -> None:
        self.gamma = gamma
        self.scaling = scaling

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_outputs: int) -> float:
        """Rough seconds of one fit on two cores; endless where the kernel would be too large."""
        return 0.01 + 3e-9 * n**3 / 10 + 1e-9 * n * n * d if n <= MOST_ROWS else float("inf")

    def fit(self, X: Any, y: Any) -> Self:
        """Choose width and penalty; fit to (n, d) rows and (n,) numbers."""
        X, y, ones = self._begin_fit(X, y)
        scaling = fit_scaling(X, ones, how=self.scaling)
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        self.rows_ = scaling(X, np.float64)
        unit = TargetScale.of(y, ones)
        target = unit.into(y)
        distances = squared_distances(self.rows_, self.rows_)
        best = np.inf
        for gamma in (0.25, 1.0, 4.0) if self.gamma is None else (self.gamma,):
            kernel = np.exp(-gamma / X.shape[1] * distances)
            values, axes = symmetric_eigen(kernel)
            for alpha in ALPHAS:
                error, dual = _leave_one_out(np.maximum(values, 0), axes, target, float(alpha))
                if error < best:
                    best, self.gamma_, self.alpha_ = error, gamma / X.shape[1], float(alpha)
                    self.dual_ = dual * unit.scale
        self.centre_ = unit.mean
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n,) numbers."""
        X, scaling = self._rows(X), Scaling(self.mean_, self.scale_)
        height = max(1, BLOCK_ELEMENTS // max(len(self.rows_), X.shape[1]))
        parts = [
            gaussian(scaling(X[start : start + height], np.float64), self.rows_, self.gamma_) @ self.dual_
            for start in range(0, len(X), height)
        ]
        return np.concatenate(parts) + self.centre_


def _leave_one_out(
    values: NDArray[np.float64], axes: NDArray[np.float64], target: NDArray[np.float64], alpha: float
) -> tuple[float, NDArray[np.float64]]:
    """Sum of squared errors of each row from the fit to all others, and the (n,) dual weights of the fit to all."""
    shrunk = 1 / (values + alpha)
    dual = axes @ (shrunk * (axes.T @ target))
    diagonal = np.square(axes) @ shrunk  # of the inverse
    return float(np.square(dual / diagonal).sum()), dual
