"""Logistic regression over its whole penalty path, all folds in one pass over the features."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._head import ClassWeight
from headstart.heads._one_standard_error import within_one_standard_error
from headstart.heads._path_result import Folds, PathResult, rows_of, stratified_folds, within
from headstart.heads._penalty_path import PathPoint, solve_path
from headstart.heads._plain_head import PlainHead
from headstart.heads._scaling import BLOCK_ROWS, Scaling, fit_scaling, principal_axes, working_dtype
from headstart.heads._score_scale import softmax
from headstart.heads._softmax_loss import SoftmaxLoss

FINEST = 1e-6
"""Relative accuracy that float32 reaches with certainty: the final fit is brought as near, for little."""


class LogisticRegressionPath(PlainHead):
    """L2-penalised logistic regression, multinomial for three or more classes, its penalty chosen by cross-validation.

    On scaled features z it minimises what scikit-learn's ``LogisticRegression`` minimises,
    ``C * sum_i s_i * cross_entropy(y_i, W z_i + b) + 0.5 * |W|^2`` with ``b`` free, for each C to within ``tol`` of
    the optimum, proven by the duality gap. All folds share each pass over the features, which are rotated into their
    principal axes; each C starts where the path so far leads. Without ``C`` the strongest penalty within one
    standard error of the least out-of-fold log-loss is taken.

    Args:
        C: the inverse penalty; None chooses from ``Cs``.
        Cs: the candidates, or how many: log-spaced from 0.01 / d to 1000 / d, as the squared length of a
            row is at most d or so.
        cv: number of folds for choosing, or (training rows, validation rows) pairs.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        scaling: how features are scaled: "standard", "pareto" or "global"; see ``heads/_scaling.py``.
        tol: relative accuracy of each objective of the path; the final fit is solved closer.
        max_iter: passes over the features for each C.
        random_state: seed of the folds.

    Source: objective and warm starts as in Hastie, Tibshirani and Friedman, The Elements of Statistical Learning,
    section 4.4; the gap of Fenchel duality as in Yu, Huang and Lin, Machine Learning 85 (2011).
    """

    name: ClassVar[str] = "logistic"
    cost_rank: ClassVar[int] = 3
    state_names: ClassVar[tuple[str, ...]] = ("mean_", "scale_", "coef_", "intercept_", "C_", "gap_", "n_iter_")

    def __init__(
        self,
        C: float | None = None,
        *,
        Cs: int | Sequence[float] = 10,
        cv: int | Folds = 5,
        class_weight: ClassWeight = None,
        scaling: str = "pareto",
        tol: float = 1e-4,
        max_iter: int = 500,
        random_state: int | None = 0,
    ) -> None:
        self.C = C
        self.Cs = Cs
        self.cv = cv
        self.class_weight = class_weight
        self.scaling = scaling
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose C and fit to (n, d) rows and (n,) labels.

        Raises:
            InputError: fewer than two classes, or a setting that is not usable.
        """
        X, codes, weights = self._begin_fit(X, y, sample_weight)
        scaling = fit_scaling(X, weights, how=self.scaling)
        Z = scaling(X, working_dtype(X))
        axes, rows = _rotated(Z)
        Cs = self._candidates(X.shape[1])
        start, self.C_ = None, Cs[0]
        if len(Cs) > 1:
            folds = self._folds(codes, sample_weight)
            points, proba = self._solve_folds(rows, codes, weights, folds, Cs)
            chosen = _choose(proba, codes, weights, folds)
            self.C_, start = Cs[chosen], points[chosen].weights.mean(axis=0).reshape(1, -1)
        weights = weights * self._class_weights(self.class_weight, codes, weights)
        loss = SoftmaxLoss(rows, codes, weights[None], n_outputs=self._n_outputs)
        steps = [self.C_] if start is not None else _ramp(self.C_, X.shape[1])
        closer = min(self.tol, max(0.01 * self.tol, FINEST))
        point = list(solve_path(loss, steps, tol=closer, max_iter=self.max_iter, start=start))[-1]
        self._finish(point, axes, scaling)
        return self

    def fit_path(self, X: Any, y: Any, folds: Folds, sample_weight: Any = None) -> PathResult:
        """Cross-validate every C at once; the head itself stays as it was.

        Features are scaled once, without labels, by the rows that occur in a fold; no other row is read.
        A class that the training part of a fold lacks has probability 0 there.

        Args:
            X: (n, d) features.
            y: (n,) labels.
            folds: (training rows, validation rows) pairs.
            sample_weight: (n,) weights or None.
        """
        used = rows_of(folds, len(y))
        folds = within(folds, used)
        kept = None if sample_weight is None else np.asarray(sample_weight)[used]
        inner = type(self)(**self.get_params(deep=False))
        X, codes, weights = inner._begin_fit(np.asarray(X)[used], np.asarray(y)[used], _no_zero(kept))
        scaling = fit_scaling(X, weights, how=self.scaling)
        _, rows = _rotated(scaling(X, working_dtype(X)))
        Cs = self._candidates(X.shape[1])
        points, proba = inner._solve_folds(rows, codes, weights, folds, Cs)
        full = np.full((len(Cs), len(y), len(inner.classes_)), np.nan, dtype=np.float32)
        full[:, used] = proba
        gaps = np.stack([point.gap for point in points])
        return PathResult(tuple({"C": C} for C in Cs), full, inner.classes_, gaps)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) log-odds up to a constant, or (n,) log-odds of the second of two classes."""
        X = self._rows(X)
        scaling = Scaling(self.mean_, self.scale_)
        parts = [
            scaling(X[start : start + BLOCK_ROWS], np.float64) @ self.coef_.T + self.intercept_
            for start in range(0, len(X), BLOCK_ROWS)
        ]
        scores = np.concatenate(parts)
        return np.asarray(scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        scores = self.decision_function(X)
        return softmax(np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores)

    @property
    def _n_outputs(self) -> int:
        return 1 if len(self.classes_) == 2 else len(self.classes_)

    def _candidates(self, d: int) -> list[float]:
        if self.C is not None:
            Cs = np.array([self.C], dtype=np.float64)
        elif isinstance(self.Cs, (int, np.integer)):
            Cs = np.logspace(-2, 3, int(self.Cs)) / d
        else:
            Cs = np.unique(np.asarray(self.Cs, dtype=np.float64))
        if Cs.size == 0 or not (np.isfinite(Cs).all() and (Cs > 0).all()):
            raise InputError(f"{type(self).__name__} needs C and Cs above 0, got {self.C!r}, {self.Cs!r}. Raise them.")
        return [float(C) for C in Cs]

    def _folds(self, codes: NDArray[np.int64], sample_weight: Any) -> Folds:
        if isinstance(self.cv, (int, np.integer)):
            return stratified_folds(codes, n_folds=int(self.cv), random_state=self.random_state)
        folds = [(np.asarray(train), np.asarray(valid)) for train, valid in self.cv]
        if sample_weight is None or np.ndim(sample_weight) == 0:
            return folds
        positive = np.asarray(sample_weight) > 0
        kept = [(train[positive[train]], valid[positive[valid]]) for train, valid in folds]
        return within([fold for fold in kept if len(fold[1])], np.flatnonzero(positive))

    def _solve_folds(
        self,
        rows: NDArray[Any],
        codes: NDArray[np.int64],
        weights: NDArray[np.float64],
        folds: Folds,
        Cs: list[float],
    ) -> tuple[list[PathPoint], NDArray[np.float32]]:
        table = np.zeros((len(folds), len(codes)))  # (n_folds, n) weights in training
        for fold, (train, _) in enumerate(folds):
            if len(np.unique(codes[train])) > 1:
                table[fold, train] = weights[train]
                table[fold, train] *= self._class_weights(self.class_weight, codes[train], weights[train])
        loss = SoftmaxLoss(rows, codes, table, n_outputs=self._n_outputs)
        proba = np.full((len(Cs), len(codes), len(self.classes_)), np.nan, dtype=np.float32)
        points = []
        for setting, point in enumerate(solve_path(loss, Cs, tol=self.tol, max_iter=self.max_iter)):
            points.append(point)
            for fold, (_, valid) in enumerate(folds):
                scores = point.weights[fold].astype(rows.dtype) @ rows[valid].T
                chance = loss.probabilities(scores[None], [fold])[0].T
                proba[setting, valid] = np.hstack([1 - chance, chance]) if self._n_outputs == 1 else chance
        return points, proba

    def _finish(self, point: PathPoint, axes: NDArray[np.float64], scaling: Scaling) -> None:
        self.mean_, self.scale_ = scaling.mean, scaling.scale
        self.coef_ = point.weights[0, :, :-1] @ axes.T  # (n_outputs, d), for scaled features
        self.intercept_ = point.weights[0, :, -1]
        if len(self.intercept_) > 1:  # a common shift changes no probability
            self.intercept_ = self.intercept_ - self.intercept_.mean()
        self.gap_, self.n_iter_ = float(point.gap[0]), max(1, point.n_passes)
        if self.gap_ > self.tol and point.n_passes >= self.max_iter:
            from sklearn.exceptions import ConvergenceWarning

            what = f"LogisticRegressionPath reached a relative accuracy of {self.gap_:.1e} in {self.max_iter} passes"
            warnings.warn(f"{what}, not {self.tol:.1e}. Raise max_iter.", ConvergenceWarning, stacklevel=3)


def _rotated(Z: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    axes = principal_axes(Z)
    rows = np.ones((len(Z), axes.shape[1] + 1), dtype=Z.dtype)
    rows[:, :-1] = Z @ axes.astype(Z.dtype)
    return axes, rows


def _ramp(C: float, d: int) -> list[float]:
    """A few stronger penalties on the way to C: the path is a shorter way than the straight one."""
    first = 0.1 / d
    n_steps = int(np.ceil(np.log10(C / first))) if first < C else 0
    return [*np.geomspace(first, C, n_steps + 1)[:-1].tolist(), C] if n_steps else [C]


def _no_zero(weights: NDArray[Any] | None) -> NDArray[Any] | None:
    if weights is not None and not (weights > 0).all():
        raise InputError("fit_path needs positive sample weights, got others. Leave the rows out of the folds.")
    return weights


def _choose(proba: NDArray[np.float32], codes: NDArray[np.int64], weights: NDArray[np.float64], folds: Folds) -> int:
    """The first (strongest) setting within one standard error of the least out-of-fold log-loss."""
    scores = np.empty((len(proba), len(folds)))
    for fold, (_, valid) in enumerate(folds):
        own = np.clip(proba[:, valid, codes[valid]], 1e-7, 1)
        scores[:, fold] = np.log(own) @ weights[valid] / weights[valid].sum()
    return int(np.flatnonzero(within_one_standard_error(scores))[0])
