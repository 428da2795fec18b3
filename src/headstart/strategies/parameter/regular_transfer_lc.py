"""Least-squares classification that stays near the weights of a source."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from headstart.errors import InputError
from headstart.strategies.parameter._prior_ridge import pulled
from headstart.strategies.source_weights import SourceWeights


class RegularTransferLC(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression of 1 for the row's class and -1 for others toward the source's weights; the largest score wins.

    ``min sum_i s_i |y_i - W x_i - b|^2 + alpha |W - W_source|^2``, exact, from one decomposition. Classes are those of
    the same name in the source; new ones begin with 0. The source's scores should be of that scale, as a ridge
    classifier's or a support vector machine's are; for one of probabilities take ``RegularTransferLogistic``.

    Args:
        source: as in ``RegularTransferLR``, a classifier.
        alpha: the pull, at least 0; None chooses as ``RegularTransferLR`` does.
        ties_intercept: as in ``RegularTransferLR``.

    Attributes:
        classes_: (n_classes,) sorted.
        coef_: (n_classes, d), or (1, d) for two classes.
        intercept_: (n_classes,) or (1,).
        alpha_: the pull.
        adapted_: whether the source was used.

    Source: as ``RegularTransferLR``.
    """

    name: ClassVar[str] = "regular_transfer_lc"

    def __init__(self, source: Any = None, *, alpha: float | None = None, ties_intercept: bool | None = None) -> None:
        self.source = source
        self.alpha = alpha
        self.ties_intercept = ties_intercept

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from (n, d) target rows and (n,) labels.

        Raises:
            InputError: the source does not fit, there is one class only, or the pull is negative.
        """
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        if self.alpha is not None and not self.alpha >= 0:
            raise InputError(f"RegularTransferLC needs alpha of at least 0 or None, got {self.alpha!r}. Correct it.")
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError("RegularTransferLC needs at least 2 classes, got 1 class. Add examples of another class.")
        wanted = np.where(codes[:, None] == np.arange(len(self.classes_)), 1.0, -1.0)  # (n, n_classes)
        wanted = wanted[:, 1:] if len(self.classes_) == 2 else wanted
        prior = None if self.source is None else self._prior(X.shape[1])
        rows, ties = X.astype(np.float64), self.ties_intercept
        found = pulled(rows, wanted, weights, prior, alpha=self.alpha, ties_intercept=ties)
        self.alpha_, self.adapted_ = found.alpha, found.uses_source
        self.coef_, self.intercept_ = found.coef.astype(X.dtype), found.intercept.astype(X.dtype)
        return self

    def _prior(self, n_features: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        found = SourceWeights.of("RegularTransferLC", self.source, n_features)
        coef, intercept = found.for_classes("RegularTransferLC", self.classes_, of_two=1.0)
        if len(self.classes_) > 2:
            return coef, intercept
        return (coef[1:] - coef[:1]) / 2, (intercept[1:] - intercept[:1]) / 2

    def decision_function(self, X: Any) -> NDArray[Any]:
        """(n, n_classes) scores; (n,) of the second of two classes."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        scores = X @ self.coef_.T + self.intercept_
        return np.asarray(scores[:, 0] if len(self.classes_) == 2 else scores)

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) labels of the largest score."""
        scores = self.decision_function(X)
        codes = (scores > 0).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[codes])
