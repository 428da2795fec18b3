"""What estimators share that learn from labelled source rows and a few labelled target rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import from_tensor
from headstart.strategies._open_set import tell_unseen_classes
from headstart.strategies.instance._pair import check_pair
from headstart.strategies.instance._rows import as_rows, joined_labels, labelled_rows
from headstart.strategies.instance._sample_weight import weight_keyword
from headstart.strategies.unlabelled import target_rows


class LabelledTarget(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Base of estimators that wrap one and need target labels; without ``X_target`` they are the wrapped one.

    A method's file defines one subclass, whose ``name`` is the file's name, with ``_learn`` and ``_values``.

    Attributes:
        adapted_: whether target rows were used.
        classes_: (n_classes,) labels of a classifier, sorted.
        estimator_: the plain estimator, where there was no target.
    """

    name: ClassVar[str] = ""
    kind: ClassVar[str] = "classifier"
    """What is wrapped: "classifier" or "regressor"."""
    needs_weights: ClassVar[bool] = True
    """True where the wrapped estimator must take ``sample_weight``."""

    estimator: Any
    n_features_in_: int

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
        """Learn from the source and the labelled target rows.

        Args:
            X: (n_source, d) rows.
            y: (n_source,) targets.
            X_target: (n_target, d) rows, perhaps in an ``Unlabelled``; None fits the plain estimator.
            y_target: (n_target,) labels, None where missing; unlabelled rows are not read.
            sample_domain: (n_source,) names of several sources, which are taken together unless the method says else.
            sample_weight: (n_source,) non-negative.

        Raises:
            InputError: rows or labels are not usable, no target row is labelled, or the estimator is of another kind.
        """
        X_target, y_target = target_rows(X_target), target_rows(y_target)
        who, is_number = type(self).__name__, self.kind == "regressor"
        if is_regressor(self.estimator) != is_number:
            raise InputError(f"{who} needs a {self.kind}, got {type(self.estimator).__name__}. Wrap another one.")
        X, y = validate_data(self, from_tensor(X), from_tensor(y), dtype=[np.float64, np.float32], y_numeric=is_number)
        if not is_number:
            check_classification_targets(y)
            self.classes_ = np.unique(y)
        self.adapted_ = X_target is not None
        if X_target is None:
            given = {} if sample_weight is None else {str(self._keyword()): sample_weight}
            self.estimator_ = clone(self.estimator).fit(X, y, **given)
            return self
        if self.needs_weights:
            self._keyword()
        check_pair(who, X, X_target)
        known = labelled_rows(who, y_target, as_rows(X_target).shape[0])
        if not len(known):
            raise InputError(f"{who} needs labels of some target rows, got none. Pass y_target, None where missing.")
        if not is_number:
            tell_unseen_classes(who, y, np.asarray(y_target)[known])
        few = np.asarray(as_rows(X_target), dtype=X.dtype)[known]
        weights = np.asarray(_check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True))
        labels = joined_labels(y, np.asarray(y_target)[known])
        if not is_number:
            self.classes_, labels = np.unique(labels, return_inverse=True)
        self._learn(X, labels[: len(X)], few, labels[len(X) :], weights, sample_domain)
        return self

    def predict(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n,) predictions; rows of every domain are treated alike."""
        X = self._rows(X)
        if not self.adapted_:
            return np.asarray(self.estimator_.predict(X))
        values = self._values(X)
        return values if self.kind == "regressor" else np.asarray(self.classes_[values.argmax(axis=1)])

    @available_if(lambda self: self.kind == "classifier")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, *, sample_domain: Any = None) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``; rows sum to 1."""
        X = self._rows(X)
        if not self.adapted_:
            return np.asarray(self.estimator_.predict_proba(X))
        values = self._values(X)
        return np.asarray(values / values.sum(axis=1, keepdims=True))

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, sample_domain: Any = None) -> float:
        """Accuracy of a classifier, R2 of a regressor."""
        from sklearn.metrics import accuracy_score, r2_score

        judge = r2_score if self.kind == "regressor" else accuracy_score
        return float(judge(y, self.predict(X), sample_weight=sample_weight))

    def _learn(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        few: NDArray[Any],
        labels: NDArray[Any],
        weights: NDArray[np.float64],
        sample_domain: Any,
    ) -> None:
        """Learn from source rows, their codes (or numbers) and weights, and labelled target rows and theirs."""
        raise NotImplementedError

    def _values(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) numbers, or (n, n_classes) non-negative scores, none of whose rows is all 0."""
        raise NotImplementedError

    def _fresh(self, model: Any = None) -> Any:
        """An unfitted copy of the wrapped estimator, or of another."""
        return clone(self.estimator if model is None else model)

    def _keyword(self) -> str:
        found = weight_keyword(self.estimator)
        if found is None:
            what = f"{type(self).__name__} needs an estimator whose fit takes sample_weight"
            raise InputError(f"{what}, got {type(self.estimator).__name__}. Take another one.")
        return found

    def _rows(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        return np.asarray(validate_data(self, from_tensor(X), dtype=[np.float64, np.float32], reset=False))

    def __sklearn_is_fitted__(self) -> bool:
        """True once it knows whether it adapted."""
        return hasattr(self, "adapted_")

    def __sklearn_tags__(self) -> Any:
        """The kind of estimator."""
        tags, wrapped = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = self.kind
        if wrapped.classifier_tags is not None:
            tags.classifier_tags = replace(wrapped.classifier_tags, multi_label=False)
        tags.regressor_tags = wrapped.regressor_tags
        tags.target_tags.required = True
        return tags
