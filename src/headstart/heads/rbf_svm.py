"""Support vectors with a Gaussian kernel and calibrated probabilities; the kernel is computed once."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._head import ClassWeight, Head
from headstart.heads._held_out import held_out_factor, per_class
from headstart.heads._scaling import Scaling, fit_scaling
from headstart.heads._score_scale import softmax

BLOCK_ELEMENTS = 8_000_000
"""Kernel values held at a time in prediction."""


class RBFSVM(Head):
    """Support vectors with the kernel ``exp(-gamma |z - z'|^2)`` on scaled features.

    Probabilities are the softmax of the one-against-the-rest decision values times one factor, fitted on held-out
    rows.

    Args:
        C: inverse penalty.
        gamma: width of the kernel; None is 1 / d.
        normalise: whether each scaled row is scaled to length sqrt(d).
        scaling: how features are scaled: "standard", "pareto" or "global"; see ``heads/_scaling.py``.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        n_folds: folds of the calibration.
        random_state: seed of the folds.

    Source: Chang and Lin, LIBSVM, ACM Transactions on Intelligent Systems and Technology 2 (2011).
    """

    name: ClassVar[str] = "rbf_svm"
    cost_rank: ClassVar[int] = 8
    is_slow: ClassVar[bool] = True

    def __init__(
        self,
        C: float = 3.0,
        *,
        gamma: float | None = None,
        normalise: bool = False,
        scaling: str = "pareto",
        class_weight: ClassWeight = None,
        n_folds: int = 3,
        random_state: int | None = 0,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.normalise = normalise
        self.scaling = scaling
        self.class_weight = class_weight
        self.n_folds = n_folds
        self.random_state = random_state

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_classes: int) -> float:
        """Rough seconds of one fit on two cores; endless where the kernel would not fit into 1 GB."""
        return 0.02 + 1e-7 * n**2 if n <= 11_000 else float("inf")

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) labels."""
        X, codes, weights = self._begin_fit(X, y, sample_weight)
        scaling = fit_scaling(X, weights, how=self.scaling)
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        self.gamma_ = 1 / X.shape[1] if self.gamma is None else self.gamma
        rows = self._scaled(X)
        kernel = self._kernel(rows, rows)
        self.factor_ = held_out_factor(
            lambda train, valid: _values(self._solve(kernel, codes, weights, train), kernel[np.ix_(valid, train)]),
            codes,
            weights,
            n_folds=self.n_folds,
            random_state=self.random_state,
        )
        self.machine_ = self._solve(kernel, codes, weights, np.arange(len(codes)))
        self.rows_ = rows
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        X = self._rows(X)
        height = max(1, BLOCK_ELEMENTS // max(len(self.rows_), X.shape[1]))
        parts = [
            _values(self.machine_, self._kernel(self._scaled(X[start : start + height]), self.rows_))
            for start in range(0, len(X), height)
        ]
        return softmax(self.factor_ * np.concatenate(parts))

    def _scaled(self, X: NDArray[Any]) -> NDArray[np.float64]:
        Z = Scaling(self.mean_, self.scale_)(X, np.float64)
        if self.normalise:
            length = np.sqrt(np.einsum("ij,ij->i", Z, Z) / Z.shape[1])
            Z /= np.where(length > 0, length, 1)[:, None]
        return Z

    def _kernel(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_left, n_right) kernel values."""
        product = -2 * (left @ right.T)
        product += np.einsum("ij,ij->i", left, left)[:, None]
        product += np.einsum("ij,ij->i", right, right)
        np.maximum(product, 0, out=product)
        product *= -self.gamma_
        return np.asarray(np.exp(product, out=product))

    def _solve(
        self, kernel: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> Any:
        from sklearn.svm import SVC

        codes, weights = codes[rows], weights[rows]
        weights = weights * self._class_weights(self.class_weight, codes, weights)
        machine = SVC(C=self.C, kernel="precomputed", cache_size=500)
        return machine.fit(kernel[np.ix_(rows, rows)], codes, sample_weight=weights)


def _values(machine: Any, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    return per_class(machine.decision_function(kernel))
