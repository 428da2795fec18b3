"""The predictions of a source model as inputs of a target's model."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, has_fit_parameter, validate_data

from headstart.data.folds import folds
from headstart.errors import InputError
from headstart.strategies.parameter._source_predictions import FORMS, is_fitted, predictions

WHO = "StackedSource"


def _estimator_has(name: str) -> Any:
    def check(self: StackedSource) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return available_if(check)


class StackedSource(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Trains ``estimator`` on what a source model says of the target's rows, beside the rows or alone.

    A source that was trained elsewhere says it directly. One that is still to be fitted is fitted on these very rows;
    then each row is told by a model that has not seen it, because a model knows its own rows too well.

    Args:
        estimator: classifier or regressor of the target; a clone is fitted.
        source: a fitted model in a ``sklearn.frozen.FrozenEstimator``, whatever its classes; or one that is not
            fitted, for the target's own labels.
        keeps_inputs: True: the rows and the predictions; False: the map from predictions to targets alone.
        form: "log" or "plain": logarithms of probabilities, which a linear model maps better, or they themselves.
        n_folds: for a source that is fitted here.
        random_state: seed of the folds.

    Attributes:
        source_: the fitted source.
        estimator_: the fitted estimator.
        training_predictions_: (n, k) predictions that it was trained on.

    Source: Wolpert, Stacked generalization, Neural Networks 1992; phi(f_S(x)) -> y_T as the model-based interpolation
    of Pan and Yang, A survey on transfer learning, IEEE TKDE 2010.
    """

    name: ClassVar[str] = "stacked_source"

    def __init__(
        self,
        estimator: Any,
        source: Any,
        *,
        keeps_inputs: bool = True,
        form: str = "log",
        n_folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.source = source
        self.keeps_inputs = keeps_inputs
        self.form = form
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from (n, d) rows and (n,) targets.

        Raises:
            InputError: the source is fitted and not frozen, or a setting makes no sense.
        """
        if self.form not in FORMS or self.n_folds < 2:
            what = f"{WHO} needs a form of {', '.join(FORMS)} and n_folds of at least 2"
            raise InputError(f"{what}, got {self.form!r} and {self.n_folds!r}. Correct them.")
        is_frozen = isinstance(self.source, FrozenEstimator)
        if not is_frozen and is_fitted(self.source) and get_tags(self.source).requires_fit:
            raise InputError(
                f"{WHO} needs a fitted source in a FrozenEstimator, got {type(self.source).__name__}. Wrap it, so that "
                "cloning does not forget what it learnt; or pass one that is not fitted."
            )
        rows, y = self._checked(X, y)
        if is_classifier(self.estimator):
            check_classification_targets(y)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        if is_frozen:
            self.source_ = self.source
            told = predictions(WHO, self.source_, X, self.form)
        else:
            told = self._told_by_others(rows, y, weights)
            self.source_ = _fitted(self.source, rows, y, weights)
        self.training_predictions_ = told
        self.estimator_ = _fitted(self.estimator, self._joined(rows, told), y, weights, must=True)
        if hasattr(self.estimator_, "classes_"):
            self.classes_ = self.estimator_.classes_
        return self

    def _checked(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        tags = get_tags(self)
        has_many = bool(tags.target_tags.multi_output)
        sparse = "csr" if tags.input_tags.sparse else False
        checked: tuple[Any, NDArray[Any]] = validate_data(
            self, X, y, accept_sparse=sparse, dtype=[np.float64, np.float32], multi_output=has_many
        )
        return checked

    def _told_by_others(self, rows: Any, y: NDArray[Any], weights: NDArray[Any] | None) -> NDArray[np.float64]:
        """(n, k) predictions of models that have not seen the row."""
        if not is_classifier(self.source):
            codes, classes = np.zeros(len(y), dtype=np.int64), None
        else:
            classes, codes = np.unique(y, return_inverse=True)
        if len(y) < 2:
            raise InputError(f"{WHO} needs at least 2 rows for a source that is fitted here, got 1 sample. Add rows.")
        told: NDArray[np.float64] | None = None
        for train, valid in folds(codes, n_folds=self.n_folds, random_state=self.random_state):
            part = None if weights is None else weights[train]
            model = _fitted(self.source, rows[train], y[train], part)
            found = predictions(WHO, model, rows[valid], self.form)
            if classes is not None and len(model.classes_) < len(classes):
                lacking = sorted(set(classes.tolist()) - set(model.classes_.tolist()))
                raise InputError(
                    f"{WHO} needs at least 2 examples of each class, got 1 of {lacking[0]!r}. Add examples, or pass a "
                    "fitted source in a FrozenEstimator."
                )
            told = np.empty((len(y), found.shape[1])) if told is None else told
            told[valid] = found
        assert told is not None
        return told

    def _joined(self, rows: Any, told: NDArray[np.float64]) -> Any:
        """The rows and the predictions side by side, in the rows' type."""
        from scipy.sparse import hstack, issparse

        told = told.astype(rows.dtype)
        if not self.keeps_inputs:
            return told
        return hstack([rows, told]).tocsr() if issparse(rows) else np.column_stack([rows, told])

    def _inputs(self, X: Any) -> Any:
        check_is_fitted(self)
        sparse = "csr" if get_tags(self).input_tags.sparse else False
        rows = validate_data(self, X, accept_sparse=sparse, dtype=[np.float64, np.float32], reset=False)
        given = X if isinstance(self.source_, FrozenEstimator) else rows
        return self._joined(rows, predictions(WHO, self.source_, given, self.form))

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) labels or numbers."""
        inputs = self._inputs(X)
        return np.asarray(self.estimator_.predict(inputs))

    @_estimator_has("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """(n, n_classes) probabilities of ``classes_``."""
        inputs = self._inputs(X)
        return np.asarray(self.estimator_.predict_proba(inputs))

    @_estimator_has("decision_function")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> NDArray[Any]:
        """(n,) or (n, n_classes) scores."""
        inputs = self._inputs(X)
        return np.asarray(self.estimator_.decision_function(inputs))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The estimator's: accuracy, or the coefficient of determination."""
        inputs = self._inputs(X)
        return float(self.estimator_.score(inputs, y, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Those of the estimator: kind and targets; sparse rows are taken where both take them."""
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type, tags.target_tags = inner.estimator_type, inner.target_tags
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        tags.input_tags.sparse = inner.input_tags.sparse and get_tags(self.source).input_tags.sparse
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """True once the estimator is fitted."""
        return hasattr(self, "estimator_")


def _fitted(estimator: Any, X: Any, y: Any, weights: NDArray[Any] | None, *, must: bool = False) -> Any:
    """A fitted clone; ``must``: it has to take the weights, where there are some."""
    takes = has_fit_parameter(estimator, "sample_weight")
    if must and weights is not None and not takes:
        raise InputError(
            f"{WHO} needs an estimator that takes weights, got {type(estimator).__name__}. Leave them out."
        )
    return clone(estimator).fit(X, y, **({"sample_weight": weights} if weights is not None and takes else {}))
