"""What estimators share that hand over the plain model unless another one is proven better on the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from headstart.errors import InputError
from headstart.evaluation.model_outputs import domain_keyword
from headstart.strategies._comparison import Comparison
from headstart.strategies._evidence import Evidence
from headstart.strategies._mathematics.accelerator import from_tensor
from headstart.strategies._open_set import tell_unseen_classes
from headstart.strategies._target_rows import checked_target
from headstart.strategies.feature._rows import checked_rows

SOURCE_ONLY = "source_only"


def _has(method: str) -> Any:
    def is_there(self: PlainUnlessProven) -> bool:
        getattr(getattr(self, "model_", self.estimator), method)
        return True

    return available_if(is_there)


class PlainUnlessProven(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Fits the plain estimator to the source; a subclass decides in ``_decide`` whether another model predicts.

    Attributes:
        chosen_: name of what was handed over, or "source_only".
        adapted_: True where it is not the plain estimator.
        reason_: why, in one sentence.
        evidence_: an :class:`Evidence` for each that was compared.
        model_: what predicts.
        source_model_: the plain estimator, fitted to the source alone.
    """

    estimator: Any
    level: float
    n_folds: int
    random_state: int | None
    validators: Sequence[Any] = ()

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
        """Fit the source-only model and the others, and choose.

        Args:
            X: (n, d) source rows.
            y: (n,) or (n, n_outputs) their targets.
            X_target: (n_target, d) rows of the target domain, perhaps in an ``Unlabelled``; None leaves the plain
                estimator.
            y_target: (n_target,) objects, None where missing; or None.
            sample_domain: (n,) names of the sources, or None.
            sample_weight: (n,) weights of source rows, or None.

        Raises:
            InputError: settings, rows or labels are not usable.
        """
        self._check_settings()
        X, y = self._checked(X, y)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        given = {} if weights is None else {"sample_weight": weights}
        self.source_model_ = clone(self.estimator).fit(X, y, **given)
        self.scaling_: Any = None
        self._hand_over(SOURCE_ONLY, self.source_model_, "no target rows were given, so nothing was adapted")
        self.evidence_: tuple[Evidence, ...] = ()
        target = checked_target(self, X_target, y_target)
        if target is not None:
            data = self._comparison(X, y, target, weights, sample_domain)
            if not data.is_number and y.ndim == 1 and data.known.any():
                tell_unseen_classes(type(self).__name__, y, data.labels[data.known])
            self._decide(data)
        return self

    def predict(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n,) or (n, n_outputs) predictions for (n, d) rows of the target, or of the sources that are named."""
        rows = self._rows(X)
        return np.asarray(self.model_.predict(rows, **self._domain("predict", rows, sample_domain)))

    @_has("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, *, sample_domain: Any = None) -> Any:
        """(n, n_classes) probabilities of ``classes_``, calibrated for the target where there was one."""
        rows = self._rows(X)
        proba = self.model_.predict_proba(rows, **self._domain("predict_proba", rows, sample_domain))
        return proba if self.scaling_ is None else self.scaling_.transform(proba).astype(proba.dtype)

    @_has("decision_function")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any, *, sample_domain: Any = None) -> Any:
        """The handed-over model's decision values."""
        rows = self._rows(X)
        return self.model_.decision_function(rows, **self._domain("decision_function", rows, sample_domain))

    @_has("score")  # type: ignore[untyped-decorator]
    def score(self, X: Any, y: Any, *, sample_domain: Any = None, sample_weight: Any = None) -> float:
        """Accuracy of a classifier, R^2 of a regressor."""
        rows = self._rows(X)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(self.model_.score(rows, y, **given, **self._domain("score", rows, sample_domain)))

    @property
    def classes_(self) -> Any:
        """The handed-over classifier's classes."""
        return self.model_.classes_

    def _hand_over(self, name: str, model: Any, reason: str) -> None:
        self.chosen_, self.model_, self.reason_ = name, model, reason
        self.adapted_ = name != SOURCE_ONLY

    def _comparison(self, X: Any, y: Any, target: Any, weights: Any, sample_domain: Any) -> Comparison:
        rows, labels, known = target
        names = None if sample_domain is None else np.asarray(sample_domain).astype(str)
        if names is not None and names.shape != (X.shape[0],):
            what = f"{type(self).__name__} needs a domain for each of {X.shape[0]} rows, got shape {names.shape}"
            raise InputError(f"{what}. Name each.")
        return Comparison(
            estimator=self.estimator,
            source_model=self.source_model_,
            X=X,
            y=y,
            target=rows.astype(X.dtype, copy=False),
            labels=labels,
            known=known,
            sample_weight=weights,
            sample_domain=names,
            is_number=is_regressor(self.estimator),
            validators=_scorers(self.validators, rows),
            n_folds=self.n_folds,
            random_state=self.random_state,
        )

    def _check_settings(self) -> None:
        wrong = self._wrong_settings()
        if isinstance(self.level, str) or not 0 < self.level < 1:
            wrong.append(f"a level between 0 and 1, got {self.level!r}")
        if isinstance(self.n_folds, str) or not self.n_folds >= 2:
            wrong.append(f"n_folds of 2 or more, got {self.n_folds!r}")
        if wrong:
            raise InputError(f"{type(self).__name__} needs {'; '.join(wrong)}. Correct the settings.")

    def _wrong_settings(self) -> list[str]:
        """Of the subclass."""
        return []

    def _decide(self, data: Comparison) -> None:
        """Hand over another model where one is proven better, and set ``evidence_`` and ``reason_``."""
        raise NotImplementedError

    def _checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        kinds = {"dtype": [np.float64, np.float32], "accept_sparse": "csr", "ensure_all_finite": False}
        X, y = from_tensor(X), from_tensor(y)
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=is_regressor(self.estimator), **kinds)
        return checked_rows(X, type(self).__name__, "X", keeps_sparse=True), y

    def _rows(self, X: Any) -> Any:
        check_is_fitted(self, "model_")
        kinds = {"dtype": [np.float64, np.float32], "accept_sparse": "csr", "ensure_all_finite": False}
        X = validate_data(self, from_tensor(X), reset=False, **kinds)
        return checked_rows(X, type(self).__name__, "X", keeps_sparse=True)

    def _domain(self, method: str, rows: Any, sample_domain: Any) -> dict[str, Any]:
        if sample_domain is None:
            return {}
        return domain_keyword(self.model_, method, rows, is_target=False, sample_domain=sample_domain)

    def __sklearn_tags__(self) -> Any:
        """Those of the estimator."""
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """True once there is a model."""
        return hasattr(self, "model_")


def _scorers(validators: Sequence[Any], target: Any) -> dict[str, Any]:
    """Scorers by name."""
    from headstart.evaluation.validators.registry import make_validator

    return {
        getattr(each, "name", str(each)): make_validator(each, X_target=target) if isinstance(each, str) else each
        for each in validators
    }
