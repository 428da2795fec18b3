"""Any classifier or regressor, trained where an alignment brings source and target together."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, has_fit_parameter, validate_data

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import from_tensor
from headstart.strategies._open_set import tell_unseen_classes
from headstart.strategies.feature._codes import known_labels
from headstart.strategies.feature._row_parts import joined, placed
from headstart.strategies.feature._rows import checked_rows
from headstart.strategies.unlabelled import target_rows

ONLY_SOURCE = "source"
"""Name of the source where ``fit`` was given none."""


def _estimator_has(name: str) -> Any:
    def check(self: Aligned) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return available_if(check)


class Aligned(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Trains ``estimator`` on aligned source rows, and on aligned target rows whose labels are passed.

    Without ``X_target`` it is the plain estimator. ``predict`` takes its rows for target rows unless
    ``sample_domain`` names a source.

    Args:
        estimator: a classifier or regressor; a clone is fitted.
        alignment: has ``fit(X_source, X_target, *, y_source, y_target)``, ``transform_source`` and
            ``transform_target``; a clone is fitted.

    Attributes:
        adapted_: True where a target was used.
        alignment_: the fitted alignment, or None.
        estimator_: the fitted estimator.
        source_domains_: names of the sources.
    """

    def __init__(self, estimator: Any, alignment: Any) -> None:
        self.estimator = estimator
        self.alignment = alignment

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
        """Align, then fit.

        Args:
            X: (n, d) source rows.
            y: (n,) or (n, n_outputs) their targets.
            X_target: (n_target, d) rows of the target domain, perhaps in an ``Unlabelled``; None leaves all as it is.
            y_target: (n_target,) objects, None where missing; or None.
            sample_domain: (n,) names of the sources, all aligned with the target together; or None.
            sample_weight: (n,) weights for the estimator, or None.

        Raises:
            InputError: rows that are not finite, of different columns, empty, or labels that do not fit them.
        """
        X, y = self._checked(X, y)
        target = self._target(target_rows(X_target), y_target)
        self.source_domains_ = np.unique([ONLY_SOURCE] if sample_domain is None else _names(sample_domain, X))
        self.adapted_ = target is not None
        self.alignment_: Any = None
        weights = None if sample_weight is None else self._weights(sample_weight, X)
        if target is not None:
            self.alignment_ = clone(self.alignment)
            X = _source_image(self.alignment_, X, target, y_source=y, y_target=y_target)
            X, y, weights = self._with_labelled(X, y, weights, target, y_target)
        extra = {} if weights is None else {"sample_weight": weights}
        self.estimator_ = clone(self.estimator).fit(X, y, **extra)
        return self

    def predict(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n,) or (n, n_outputs) predictions for (n, d) rows; of a source where ``sample_domain`` (n,) names one."""
        rows = self._image(X, sample_domain)
        return np.asarray(self.estimator_.predict(rows))

    @_estimator_has("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, *, sample_domain: Any = None) -> Any:
        """(n, n_classes) probabilities of ``classes_``, as the estimator gives them."""
        rows = self._image(X, sample_domain)
        return self.estimator_.predict_proba(rows)

    @_estimator_has("decision_function")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any, *, sample_domain: Any = None) -> Any:
        """The estimator's decision values."""
        rows = self._image(X, sample_domain)
        return self.estimator_.decision_function(rows)

    @_estimator_has("score")  # type: ignore[untyped-decorator]
    def score(self, X: Any, y: Any, *, sample_domain: Any = None, sample_weight: Any = None) -> float:
        """The estimator's score: accuracy of a classifier, R^2 of a regressor."""
        extra = {} if sample_weight is None else {"sample_weight": sample_weight}
        rows = self._image(X, sample_domain)
        return float(self.estimator_.score(rows, y, **extra))

    @property
    def classes_(self) -> Any:
        """The estimator's classes."""
        return self.estimator_.classes_

    def _checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        X, y = validate_data(
            self,
            from_tensor(X),
            from_tensor(y),
            dtype=[np.float64, np.float32],
            accept_sparse="csr",
            multi_output=True,
            y_numeric=is_regressor(self.estimator),
            ensure_all_finite=False,
        )
        return checked_rows(X, type(self).__name__, "X", keeps_sparse=True), y

    def _target(self, X_target: Any, y_target: Any) -> Any:
        """The checked target rows, or None."""
        who = type(self).__name__
        if X_target is None:
            if y_target is not None:
                raise InputError(f"{who} needs X_target along with y_target, got None. Pass the rows of these labels.")
            return None
        shape = getattr(X_target, "shape", (0, 0))
        if len(shape) == 2 and shape[0] > 0 and shape[1] != self.n_features_in_:
            raise InputError(
                f"{who} needs {self.n_features_in_} columns in X_target as in X, got {shape[1]}. Name the same."
            )
        if hasattr(X_target, "columns"):
            validate_data(self, X_target, reset=False, skip_check_array=True)  # names, and their order
        rows = checked_rows(X_target, who, "X_target", keeps_sparse=True)
        if rows.shape[1] != self.n_features_in_:
            got = rows.shape[1]
            raise InputError(
                f"{who} needs {self.n_features_in_} columns in X_target as in X, got {got}. Name the same."
            )
        known_labels(y_target, rows.shape[0], who)
        return rows

    def _weights(self, sample_weight: Any, X: Any) -> Any:
        if not has_fit_parameter(self.estimator, "sample_weight"):
            what = f"Aligned needs an estimator that takes sample_weight, got {type(self.estimator).__name__}"
            raise InputError(f"{what}. Leave the weights out or take another one.")
        return _check_sample_weight(sample_weight, X)

    def _with_labelled(self, X: Any, y: Any, weights: Any, target: Any, y_target: Any) -> tuple[Any, Any, Any]:
        """Source rows, and after them the target rows whose label is known, each of weight 1."""
        labels, known = known_labels(y_target, target.shape[0], type(self).__name__)
        if not known.any():
            return X, y, weights
        if not is_regressor(self.estimator):
            tell_unseen_classes(type(self).__name__, y, labels[known])
        rows = joined([X, self.alignment_.transform_target(target[known])])
        given = np.array(labels[known].tolist(), dtype=object if y.dtype == object else None)
        if weights is not None:
            weights = np.concatenate([weights, np.ones(int(known.sum()), dtype=weights.dtype)])
        return rows, np.concatenate([y, given]), weights

    def _image(self, X: Any, sample_domain: Any) -> Any:
        check_is_fitted(self, "estimator_")
        kinds = {"dtype": [np.float64, np.float32], "accept_sparse": "csr", "ensure_all_finite": False}
        X = validate_data(self, from_tensor(X), reset=False, **kinds)
        X = checked_rows(X, type(self).__name__, "X", keeps_sparse=True)
        if self.alignment_ is None:
            return X
        is_source = np.zeros(X.shape[0], dtype=bool)
        if sample_domain is not None:
            is_source = np.isin(_names(sample_domain, X), self.source_domains_)
        if not is_source.any():
            return self.alignment_.transform_target(X)
        if is_source.all():
            return self.alignment_.transform_source(X)
        parts = self.alignment_.transform_source(X[is_source]), self.alignment_.transform_target(X[~is_source])
        return placed(parts, is_source)

    def __sklearn_tags__(self) -> Any:
        """Those of the estimator: kind, outputs; sparse rows are taken."""
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """True once the estimator is fitted."""
        return hasattr(self, "estimator_")


def _names(sample_domain: Any, X: Any) -> NDArray[Any]:
    names = np.asarray(sample_domain).astype(str)
    if names.shape != (X.shape[0],):
        raise InputError(f"Aligned needs a domain for each of {X.shape[0]} rows, got shape {names.shape}. Name each.")
    return names


def _source_image(alignment: Any, X: Any, target: Any, *, y_source: Any, y_target: Any) -> Any:
    """Fit, and map the source rows: exactly where the alignment knows how."""
    if hasattr(alignment, "fit_transform_source"):
        return alignment.fit_transform_source(X, target, y_source=y_source, y_target=y_target)
    return alignment.fit(X, target, y_source=y_source, y_target=y_target).transform_source(X)
