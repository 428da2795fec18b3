"""What every classifier shares: labels in, labels out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import _check_sample_weight, validate_data

from headstart.errors import InputError
from headstart.heads._feature_head import FeatureHead

ClassWeight = str | dict[Any, float] | None
"""None, "balanced", or the weight of each label (1 where unsaid)."""


class Head(ClassifierMixin, FeatureHead):  # type: ignore[misc]
    """A classifier on features: (n, d) rows in, (n, n_classes) probabilities out. Base of all heads that classify."""

    classes_: NDArray[Any]

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) most probable label of each row."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[np.argmax(proba, axis=1)])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``; rows sum to 1."""
        raise NotImplementedError

    def proba_by_code(self, X: Any, n_classes: int) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of a head that was fitted on codes; 0 for a code it never saw."""
        proba = self.predict_proba(X)
        result = np.zeros((len(proba), n_classes))
        result[:, self.classes_.astype(np.int64)] = proba
        return result

    def outputs(self, X: Any, n_outputs: int) -> NDArray[np.float64]:
        """(n, n_outputs) probabilities of a head that was fitted on codes."""
        return self.proba_by_code(X, n_outputs)

    def _begin_fit(
        self, X: Any, y: Any, sample_weight: Any = None, class_weight: ClassWeight = None
    ) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64]]:
        """Check the input; set ``classes_``; return rows, codes and weights. Rows of weight 0 are left out."""
        from sklearn.utils.multiclass import check_classification_targets

        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], accept_sparse=self._sparse_format())
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weights.all():
            X, y, weights = X[weights > 0], y[weights > 0], weights[weights > 0]
        self.classes_, codes = np.unique(y, return_inverse=True)
        codes = codes.astype(np.int64)
        if len(self.classes_) < 2:
            what = f"{type(self).__name__} needs at least 2 classes, got {len(self.classes_)} class"
            raise InputError(f"{what}. Add examples of another class.")
        return X, codes, weights * self._class_weights(class_weight, codes, weights)

    def _class_weights(
        self, class_weight: ClassWeight, codes: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n,) weight of each row's class; "balanced" makes all classes among ``codes`` weigh the same."""
        if class_weight is None:
            return np.ones(len(codes))
        if isinstance(class_weight, dict):
            return np.array([float(class_weight.get(label, 1.0)) for label in self.classes_.tolist()])[codes]
        if class_weight != "balanced":
            what = f"{type(self).__name__} needs class_weight None, 'balanced' or a dict, got {class_weight!r}"
            raise InputError(f"{what}. Use one of them.")
        totals = np.bincount(codes, weights=weights)
        n_present = max(1, np.count_nonzero(totals))
        return np.asarray(weights.sum() / (n_present * np.maximum(totals, 1e-300)))[codes]

    def __sklearn_is_fitted__(self) -> bool:
        """True once the classes are known."""
        return hasattr(self, "classes_")
