"""Robust bias-aware classification: as unsure as the source leaves it, wherever the target goes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import from_tensor
from headstart.strategies.instance._cross_fitting import default_classifier
from headstart.strategies.instance._pair import check_pair
from headstart.strategies.instance._rows import as_rows, labelled_rows
from headstart.strategies.unlabelled import target_rows

Vector = NDArray[np.float64]


class RobustBiasAware(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts ``p(y | x)`` in proportion to ``exp(r(x) (w_y @ x + b_y))``, r the density of source over target.

    The least log-loss against the worst labels that agree with the source's statistics: where the source has few rows
    r is near 0 and so is every preference, so weights are conservative by construction. Where the target is as the
    source, and without ``X_target``, it is logistic regression.

    Args:
        C: inverse penalty of the weights, for features of deviation 1.
        classifier: tells target from source, with ``predict_proba``; None is logistic regression, cross-validated.
        most: r stays within 1 / most and most.
        max_iter: steps of the solver.

    Attributes:
        adapted_: whether target rows were used.
        coef_: (n_classes, d), for scaled features.
        intercept_: (n_classes,).
        ratios_: (n_source,) r of the source rows.

    Source: Liu and Ziebart, Robust Classification Under Sample Selection Bias, NIPS 2014.
    """

    name: ClassVar[str] = "robust_bias_aware"

    def __init__(self, C: float = 1.0, *, classifier: Any = None, most: float = 100.0, max_iter: int = 1000) -> None:
        self.C = C
        self.classifier = classifier
        self.most = most
        self.max_iter = max_iter

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        X_target: Any = None,
        y_target: Any = None,
        sample_domain: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Learn from (n, d) source rows, (n,) labels and (m, d) unlabelled target rows; ``y_target`` is not read.

        Raises:
            InputError: rows or labels are not usable.
        """
        X, y = validate_data(self, from_tensor(X), from_tensor(y), dtype=[np.float64, np.float32])
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError("RobustBiasAware needs at least 2 classes, got 1 class. Add examples of another class.")
        if not (self.C > 0 and self.most >= 1):
            raise InputError(f"RobustBiasAware needs C above 0 and most of at least 1, got {self.C!r}, {self.most!r}.")
        X_target, y_target = target_rows(X_target), target_rows(y_target)
        X, codes, weights = X[weights > 0], codes[weights > 0], weights[weights > 0]
        self.adapted_, self.domain_ = X_target is not None, None
        if X_target is not None:
            self._tell_apart(X, X_target)
            labelled_rows("RobustBiasAware", y_target, as_rows(X_target).shape[0])
        self.mean_ = np.average(X, axis=0, weights=weights)
        scale = np.sqrt(np.average((X - self.mean_) ** 2, axis=0, weights=weights))
        self.scale_ = np.where(scale > 1e-12 * np.abs(self.mean_), scale, np.inf)
        self.ratios_ = self._ratios(X)
        rows = (X - self.mean_) / self.scale_
        self._solve(np.column_stack([rows, np.ones(len(rows))]), codes, weights)
        return self

    def _tell_apart(self, X: NDArray[Any], X_target: Any) -> None:
        from sklearn.base import clone

        pair = check_pair("RobustBiasAware", X, X_target)
        rows = np.concatenate([pair.source, pair.target])
        codes = np.repeat(np.array([0, 1]), [pair.n_source, pair.n_target])
        self.prior_ = pair.n_target / pair.n_source
        chosen = default_classifier(rows, codes) if self.classifier is None else self.classifier
        self.domain_ = clone(chosen).fit(rows, codes)

    def _ratios(self, X: NDArray[Any]) -> Vector:
        """(n,) density of the source over that of the target."""
        if self.domain_ is None:
            return np.ones(len(X))
        proba = np.clip(np.asarray(self.domain_.predict_proba(X), dtype=np.float64), 1e-12, 1)
        return np.asarray(np.clip(proba[:, 0] / proba[:, 1] * self.prior_, 1 / self.most, self.most))

    def _solve(self, rows: Vector, codes: NDArray[np.int64], weights: Vector) -> None:
        from scipy.optimize import minimize

        shape = (len(self.classes_), rows.shape[1])
        found = minimize(
            lambda flat: robust_loss(flat.reshape(shape), rows, codes, weights, self.ratios_, self.C),
            np.zeros(shape[0] * shape[1]),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iter, "ftol": 1e-14, "gtol": 1e-8 * max(1.0, float(weights.sum()))},
        )
        table = found.x.reshape(shape)
        self.coef_, self.intercept_, self.n_iter_ = table[:, :-1], table[:, -1], int(max(1, found.nit))

    def predict_proba(self, X: Any, *, sample_domain: Any = None) -> Vector:
        """(n, n_classes) probabilities of ``classes_``."""
        from scipy.special import softmax

        check_is_fitted(self)
        X = validate_data(self, from_tensor(X), dtype=[np.float64, np.float32], reset=False)
        scores = (X - self.mean_) / self.scale_ @ self.coef_.T + self.intercept_
        return np.asarray(softmax(self._ratios(X)[:, None] * scores, axis=1))

    def predict(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n,) most probable labels."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[proba.argmax(axis=1)])

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, sample_domain: Any = None) -> float:
        """Accuracy."""
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    def __sklearn_is_fitted__(self) -> bool:
        """True once there are weights."""
        return hasattr(self, "coef_")


def robust_loss(
    table: Vector, rows: Vector, codes: NDArray[np.int64], weights: Vector, ratios: Vector, C: float
) -> tuple[float, Vector]:
    """``C sum_i s_i (log Z_i / r_i - score_i) + |W|^2 / 2`` and its flat gradient; convex in the table.

    ``score_i`` is that of the true class and ``Z_i`` the sum of ``exp(r_i score)``: a log-loss of tempered scores,
    weighted by 1 / r_i, the density of the target over the source.

    Args:
        table: (n_classes, d + 1) weights and, last, intercepts, which are not penalised.
        rows: (n, d + 1), the last column 1.
        codes: (n,) true classes.
        weights: (n,) s, non-negative.
        ratios: (n,) r, positive.
        C: inverse penalty.
    """
    from scipy.special import logsumexp, softmax

    tempered = ratios[:, None] * (rows @ table.T)  # (n, n_classes)
    each = np.arange(len(rows))
    losses = (logsumexp(tempered, axis=1) - tempered[each, codes]) / ratios
    residual = softmax(tempered, axis=1)
    residual[each, codes] -= 1
    gradient = C * (residual * weights[:, None]).T @ rows
    gradient[:, :-1] += table[:, :-1]
    value = C * float(weights @ losses) + float((table[:, :-1] ** 2).sum()) / 2
    return value, gradient.ravel()
