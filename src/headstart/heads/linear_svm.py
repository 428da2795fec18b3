"""Linear support vectors with calibrated probabilities."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads._head import ClassWeight, Head
from headstart.heads._held_out import held_out_factor, per_class
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling
from headstart.heads._score_scale import softmax


class LinearSVM(Head):
    """One-against-the-rest linear support vectors on scaled features.

    Probabilities are the softmax of the decision values times one factor, fitted on held-out rows.

    Args:
        C: inverse penalty, for rows of unit length.
        normalise: whether each scaled row is scaled to unit length, or all by 1 / sqrt(d).
        scaling: how features are scaled: "standard", "pareto" or "global"; see ``heads/_scaling.py``.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        n_folds: folds of the calibration.
        max_iter: passes of the solver.
        random_state: seed of the solver and the folds.

    Source: Fan et al., LIBLINEAR, Journal of Machine Learning Research 9 (2008).
    """

    name: ClassVar[str] = "linear_svm"
    cost_rank: ClassVar[int] = 4
    is_slow: ClassVar[bool] = True

    def __init__(
        self,
        C: float = 1.0,
        *,
        normalise: bool = True,
        scaling: str = "pareto",
        class_weight: ClassWeight = None,
        n_folds: int = 3,
        max_iter: int = 1000,
        random_state: int | None = 0,
    ) -> None:
        self.C = C
        self.normalise = normalise
        self.scaling = scaling
        self.class_weight = class_weight
        self.n_folds = n_folds
        self.max_iter = max_iter
        self.random_state = random_state

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_classes: int) -> float:
        """Rough seconds of one fit on two cores."""
        return 0.02 + 3e-7 * n * d * (1 if n_classes == 2 else n_classes)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) labels."""
        X, codes, weights = self._begin_fit(X, y, sample_weight)
        scaling = fit_scaling(X, weights, how=self.scaling)
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        Z = self._unit(X)
        self.factor_ = held_out_factor(
            lambda train, valid: Z[valid] @ (solved := self._solve(Z, codes, weights, train))[0].T + solved[1],
            codes,
            weights,
            n_folds=self.n_folds,
            random_state=self.random_state,
        )
        self.coef_, self.intercept_, self.n_iter_ = self._solve(Z, codes, weights, np.arange(len(codes)))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        X = self._rows(X)
        starts = range(0, len(X), BLOCK_ROWS)
        values = [self._unit(X[i : i + BLOCK_ROWS]) @ self.coef_.T + self.intercept_ for i in starts]
        return softmax(self.factor_ * np.concatenate(values))

    def _unit(self, X: NDArray[Any]) -> NDArray[np.float64]:
        Z = Scaling(self.mean_, self.scale_)(X, np.float64)
        length: Any = np.sqrt(Z.shape[1])
        if self.normalise:
            length = np.sqrt(np.einsum("ij,ij->i", Z, Z))[:, None]
            length[length == 0] = 1
        Z /= length
        return Z

    def _solve(
        self, Z: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

        codes, weights = codes[rows], weights[rows]
        weights = weights * self._class_weights(self.class_weight, codes, weights)
        model = LinearSVC(C=self.C, max_iter=self.max_iter, random_state=self.random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter is a budget here
            model.fit(Z[rows], codes, sample_weight=weights)
        coef = per_class(model.coef_[0]).T if len(model.coef_) == 1 else model.coef_
        intercept = per_class(model.intercept_)[0] if len(model.coef_) == 1 else model.intercept_
        return np.asarray(coef), np.asarray(intercept), int(np.max(model.n_iter_))
