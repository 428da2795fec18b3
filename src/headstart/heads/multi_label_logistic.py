"""Logistic regression, one label against none at a time, over the whole penalty path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._multi_label_head import LEAST, smoothed_shares
from headstart.heads._path_result import Folds, PathResult, rows_of, stratified_folds, within
from headstart.heads._penalty_path import solve_path
from headstart.heads._plain_labels import PlainLabels
from headstart.heads._platt import sigmoid
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling, principal_axes, working_dtype
from headstart.heads._softmax_loss import SoftmaxLoss


class MultiLabelLogistic(PlainLabels):
    """L2-penalised logistic regression for each label by itself; one penalty for all, by cross-validation.

    Each label minimises ``C * sum_i cross_entropy(y_i, w z_i + b) + 0.5 |w|^2`` on scaled features. A label that
    all or none of the training rows have gets its smoothed share.

    Args:
        C: the inverse penalty; None chooses from ``Cs`` by the least out-of-fold log-loss over all labels.
        Cs: the candidates, or how many: log-spaced from 0.01 / d to 100 / d.
        cv: number of folds for choosing.
        scaling: how features are scaled: "standard", "pareto" or "global"; see ``heads/_scaling.py``.
        tol: relative accuracy of each objective.
        max_iter: passes over the features for each C.
        random_state: seed of the folds.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, section 4.4; Boutell et al.,
    Learning multi-label scene classification, Pattern Recognition 37 (2004), for one label at a time.
    """

    name: ClassVar[str] = "multi_label_logistic"
    cost_rank: ClassVar[int] = 2
    is_slow: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "coef_", "intercept_", "C_", "n_labels_")

    def __init__(
        self,
        C: float | None = None,
        *,
        Cs: int | Sequence[float] = 7,
        cv: int = 3,
        scaling: str = "pareto",
        tol: float = 1e-4,
        max_iter: int = 300,
        random_state: int | None = 0,
    ) -> None:
        self.C = C
        self.Cs = Cs
        self.cv = cv
        self.scaling = scaling
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_outputs: int) -> float:
        """Rough seconds of one label path's share of a fold on two cores, for all labels."""
        return n_outputs * (0.01 + 2e-8 * n * d)

    def fit(self, X: Any, y: Any) -> Self:
        """Choose C and fit to (n, d) rows and (n, n_labels) of 0 and 1."""
        X, targets = self._begin_fit(X, y)
        scaling = fit_scaling(X, np.ones(len(X)), how=self.scaling)
        Z = scaling(X, working_dtype(X))
        axes = principal_axes(Z)
        rows = _with_ones(Z @ axes.astype(Z.dtype))
        Cs = self._candidates(X.shape[1])
        self.C_ = Cs[0]
        if len(Cs) > 1:
            same = np.zeros(len(targets), dtype=np.int64)
            folds = stratified_folds(same, n_folds=self.cv, random_state=self.random_state)
            proba = np.clip(self._out_of_fold(rows, targets, folds, Cs), LEAST, 1 - LEAST)
            gains = np.where(targets > 0, np.log(proba), np.log1p(-proba)).mean(axis=(1, 2))
            self.C_ = Cs[int(np.argmax(gains))]
        weights = np.stack([self._last(rows, targets[:, label], Cs) for label in range(self.n_labels_)], axis=1)
        self.coef_, self.intercept_ = axes @ weights[:-1], weights[-1].copy()  # (d, n_labels), for scaled features
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        return self

    def fit_path(self, X: Any, y: Any, folds: Folds) -> PathResult:
        """Cross-validate every C at once; the head itself stays as it was.

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
        Cs = self._candidates(X.shape[1])
        proba = np.full((len(Cs), len(y), targets.shape[1]), np.nan)
        rows = _with_ones(Z @ principal_axes(Z).astype(Z.dtype))
        proba[:, used] = self._out_of_fold(rows, targets, within(folds, used), Cs)
        return PathResult(tuple({"C": C} for C in Cs), proba, None, np.full((len(Cs), len(folds)), self.tol))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_labels) probability of each label."""
        X, scaling = self._rows(X), Scaling(self.mean_, self.scale_)
        starts = range(0, len(X), BLOCK_ROWS)
        parts = [scaling(X[i : i + BLOCK_ROWS], np.float64) @ self.coef_ + self.intercept_ for i in starts]
        return sigmoid(np.concatenate(parts))

    def _candidates(self, d: int) -> list[float]:
        if self.C is not None:
            Cs = np.array([self.C], dtype=np.float64)
        elif isinstance(self.Cs, (int, np.integer)):
            Cs = np.logspace(-2, 2, int(self.Cs)) / d
        else:
            Cs = np.unique(np.asarray(self.Cs, dtype=np.float64))
        if Cs.size == 0 or not (np.isfinite(Cs).all() and (Cs > 0).all()):
            raise InputError(f"MultiLabelLogistic needs C and Cs above 0, got {self.C!r}, {self.Cs!r}. Raise them.")
        return [float(C) for C in Cs]

    def _out_of_fold(
        self, rows: NDArray[Any], targets: NDArray[np.float64], folds: Folds, Cs: list[float]
    ) -> NDArray[np.float64]:
        """(n_settings, n, n_labels) probabilities; NaN for rows in no validation part."""
        proba = np.full((len(Cs), *targets.shape), np.nan)
        for label in range(targets.shape[1]):
            codes = targets[:, label].astype(np.int64)
            table = np.zeros((len(folds), len(codes)))  # (n_folds, n) weights in training
            for fold, (train, valid) in enumerate(folds):
                table[fold, train] = float(len(np.unique(codes[train])) > 1)
                if not table[fold].any():
                    proba[:, valid, label] = smoothed_shares(targets[train][:, [label]])
            loss = SoftmaxLoss(rows, codes, table, n_outputs=1)
            for setting, point in enumerate(solve_path(loss, Cs, tol=self.tol, max_iter=self.max_iter)):
                for fold, (_, valid) in enumerate(folds):
                    if table[fold].any():
                        scores = rows[valid] @ point.weights[fold, 0].astype(rows.dtype)
                        proba[setting, valid, label] = sigmoid(scores.astype(np.float64))
        return proba

    def _last(self, rows: NDArray[Any], target: NDArray[np.float64], Cs: list[float]) -> NDArray[np.float64]:
        """(r + 1,) weights of one label at the chosen C, the intercept last, by way of the stronger penalties."""
        codes = target.astype(np.int64)
        if len(np.unique(codes)) < 2:
            share = float(smoothed_shares(target[:, None])[0])
            return np.append(np.zeros(rows.shape[1] - 1), np.log(share / (1 - share)))
        loss = SoftmaxLoss(rows, codes, np.ones((1, len(codes))), n_outputs=1)
        steps = [C for C in Cs if C < self.C_] + [self.C_]
        *_, point = solve_path(loss, steps, tol=self.tol, max_iter=self.max_iter)
        return np.asarray(point.weights[0, 0], dtype=np.float64)


def _with_ones(rows: NDArray[Any]) -> NDArray[Any]:
    return np.hstack([rows, np.ones((len(rows), 1), dtype=rows.dtype)])
