"""What every head shares: labels in, labels out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from headstart.errors import InputError

ClassWeight = str | dict[Any, float] | None
"""None, "balanced", or the weight of each label (1 where unsaid)."""


class Head(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier on features: (n, d) rows in, (n, n_classes) probabilities out. Base of all heads.

    A head's file defines one subclass, whose ``name`` is the file's name.
    """

    name: ClassVar[str] = ""
    cost_rank: ClassVar[int] = 0
    """Smaller is simpler, and wins ties."""
    is_slow: ClassVar[bool] = False
    """True where a choice under a deadline should ask :meth:`fit_seconds` first."""

    accepts_sparse: ClassVar[bool] = False
    """True where rows may be a sparse matrix."""
    is_general: ClassVar[bool] = True
    """True where it is tried on any features unless other heads are named."""

    classes_: NDArray[Any]
    n_features_in_: int

    @classmethod
    def fit_seconds(cls, n: int, d: int, n_classes: int) -> float:
        """Rough seconds of one fit on two cores; 0 where it never matters."""
        return 0.0

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

    def _rows(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        sparse = self._sparse_format()
        rows: Any = validate_data(self, X, dtype=[np.float64, np.float32], reset=False, accept_sparse=sparse)
        return rows if self.accepts_sparse else np.asarray(rows)

    def _sparse_format(self) -> str | bool:
        return "csr" if self.accepts_sparse else False

    def __sklearn_tags__(self) -> Any:
        """Tells scikit-learn whether sparse rows are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.accepts_sparse
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """True once the classes are known."""
        return hasattr(self, "classes_")
