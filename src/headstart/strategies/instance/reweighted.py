"""Any estimator, trained on source rows that are weighted to look like the target."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import from_tensor
from headstart.strategies._open_set import tell_unseen_classes
from headstart.strategies.instance._rows import as_rows, joined_labels, labelled_rows, n_rows, stacked
from headstart.strategies.instance._sample_weight import weight_keyword
from headstart.strategies.instance._weight_summary import WeightSummary, bounded, summarise
from headstart.strategies.unlabelled import target_rows


class WeightsCollapsedWarning(UserWarning):
    """A few rows carry nearly all of the weight."""


def _has(method: str) -> Any:
    def is_there(self: Reweighted) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return available_if(is_there)


class Reweighted(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Fits ``weighting`` to both domains and ``estimator`` to the weighted source.

    A classifier or a regressor, as the wrapped one is. Labelled target rows, where there are any, are learnt from as
    well. Without ``X_target`` it is the plain estimator. The weights multiply ``sample_weight``.

    Args:
        estimator: whose ``fit`` takes ``sample_weight``; or any, with ``resample``.
        weighting: what gives the weights, e.g. ``KMM()``.
        max_weight: largest weight, in means; what is cut off goes to the other rows. None is no limit.
        resample: True draws source rows in proportion to their weights instead of passing weights on.
        random_state: seed of that draw.

    Attributes:
        estimator_: fitted.
        weighting_: fitted; None without target rows.
        adapted_: whether target rows were used.
        weights_: (n_source,) mean 1, after clipping.
        effective_sample_size_: how many equal rows carry as much.
        summary_: that, the clipped rows and a histogram.
        domain_weights_: mean weight of each source that ``sample_domain`` named.
    """

    weights_: NDArray[Any]
    summary_: WeightSummary

    def __init__(
        self,
        estimator: Any,
        weighting: Any,
        *,
        max_weight: float | None = None,
        resample: bool = False,
        random_state: int | None = 0,
    ) -> None:
        self.estimator = estimator
        self.weighting = weighting
        self.max_weight = max_weight
        self.resample = resample
        self.random_state = random_state

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
        """Weigh the source and fit.

        Args:
            X: (n_source, d) rows.
            y: (n_source,) targets.
            X_target: (n_target, d) rows, perhaps in an ``Unlabelled``; None fits the plain estimator.
            y_target: (n_target,) labels, None where missing.
            sample_domain: (n_source,) names of several sources; they are weighted together.
            sample_weight: (n_source,) non-negative.

        Raises:
            InputError: rows or labels are not usable, or the estimator takes no weights.
        """
        X, y, X_target, y_target = from_tensor(X), from_tensor(y), target_rows(X_target), target_rows(y_target)
        self.adapted_, self.weighting_ = X_target is not None, None
        if X_target is None:
            weights = np.ones(n_rows(X))
            self._tell(weights, 0, sample_domain)
            keywords = {} if sample_weight is None else {self._keyword(): sample_weight}
            self.estimator_ = clone(self.estimator).fit(X, y, **keywords)
            return self
        keyword = "" if self.resample else self._keyword()
        if y is None:
            raise InputError("Reweighted requires y to be passed, but the target y is None. Pass the source's targets.")
        X, X_target = as_rows(X), as_rows(X_target)
        self.weighting_ = clone(self.weighting).fit(X, X_target, y_source=y, y_target=y_target)
        weights, n_clipped = self.weighting_.weights_, self.weighting_.n_clipped_
        if self.max_weight is not None:
            cut, n_clipped = bounded(weights.astype(np.float64), float(self.max_weight))
            weights = cut.astype(weights.dtype)
        self._tell(weights, n_clipped, sample_domain)
        self._fit_weighted(X, y, X_target, y_target, sample_weight, keyword)
        return self

    def _fit_weighted(self, X: Any, y: Any, X_target: Any, y_target: Any, sample_weight: Any, keyword: str) -> None:
        given = 1.0 if sample_weight is None else _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        weights = self.weights_ * given
        known = labelled_rows(type(self).__name__, y_target, n_rows(X_target))
        if len(known):
            if get_tags(self.estimator).estimator_type == "classifier":
                tell_unseen_classes(type(self).__name__, y, np.asarray(y_target)[known])
            X = stacked(X, _safe_indexing(X_target, known))
            y = joined_labels(y, np.asarray(y_target)[known])
            each = float(getattr(self.weighting_, "target_weight_", 1.0))
            weights = np.concatenate([weights, np.full(len(known), each, dtype=weights.dtype)])
        if self.resample:
            rows = self._drawn(weights.astype(np.float64), np.asarray(y))
            self.estimator_ = clone(self.estimator).fit(_safe_indexing(X, rows), _safe_indexing(y, rows))
        else:
            self.estimator_ = clone(self.estimator).fit(X, y, **{keyword: weights})

    def _drawn(self, weights: NDArray[np.float64], y: NDArray[Any]) -> NDArray[np.int64]:
        """Systematic draw: a row of weight w comes floor(w) or ceil(w) times; of each class at least its heaviest."""
        ends = np.cumsum(weights) / weights.sum() * len(weights)
        places = np.arange(len(weights)) + np.random.default_rng(self.random_state).uniform()
        rows = np.searchsorted(ends, places, side="right").clip(0, len(weights) - 1)
        if get_tags(self.estimator).estimator_type == "classifier" and y.ndim == 1:
            missing = [label for label in np.unique(y) if label not in set(y[rows].tolist())]
            heaviest = [np.flatnonzero(y == label)[weights[y == label].argmax()] for label in missing]
            rows = np.concatenate([rows, np.array(heaviest, dtype=rows.dtype)])
        return np.sort(rows).astype(np.int64)

    def _keyword(self) -> str:
        found = weight_keyword(self.estimator)
        if found is None:
            what = f"Reweighted needs an estimator whose fit takes sample_weight, got {type(self.estimator).__name__}"
            raise InputError(f"{what}. Pass resample=True, or another estimator.")
        return found

    def _tell(self, weights: NDArray[Any], n_clipped: int, sample_domain: Any) -> None:
        self.weights_, self.summary_ = weights, summarise(weights, n_clipped=n_clipped)
        self.effective_sample_size_ = self.summary_.effective_sample_size
        self.domain_weights_: dict[Any, float] = {}
        if sample_domain is not None:
            domains = np.asarray(sample_domain)
            if domains.shape != (len(weights),):
                what = f"Reweighted needs sample_domain of {len(weights)} names, one a row, got shape {domains.shape}"
                raise InputError(f"{what}. Name the domain of each source row.")
            names = np.unique(domains).tolist()
            self.domain_weights_ = {name: float(weights[domains == name].mean()) for name in names}
        if self.summary_.is_collapsed:
            told = f"Reweighted needs weights on many rows, got {self.summary_}"
            warnings.warn(f"{told}. Set max_weight, scale the features, or do not adapt.", WeightsCollapsedWarning, 3)

    def predict(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n,) predictions; rows of every domain are treated alike."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict(from_tensor(X)))

    @_has("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n, n_classes) probabilities of ``classes_``."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict_proba(from_tensor(X)))

    @_has("decision_function")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n,) or (n, n_classes) scores of the wrapped estimator."""
        check_is_fitted(self)
        return np.asarray(self.estimator_.decision_function(from_tensor(X)))

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, sample_domain: Any = None) -> float:
        """The wrapped estimator's score: accuracy, or R2."""
        check_is_fitted(self)
        keywords = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(self.estimator_.score(from_tensor(X), y, **keywords))

    @property
    def classes_(self) -> Any:
        """(n_classes,) labels of a classifier."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Columns seen in fit."""
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> Any:
        """(d,) names of the columns of a data frame."""
        return self.estimator_.feature_names_in_

    def __sklearn_is_fitted__(self) -> bool:
        """True once the wrapped estimator is fitted."""
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        """Those of the wrapped estimator."""
        tags, wrapped = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = wrapped.estimator_type
        tags.classifier_tags, tags.regressor_tags = wrapped.classifier_tags, wrapped.regressor_tags
        tags.target_tags = wrapped.target_tags
        tags.input_tags.sparse = wrapped.input_tags.sparse
        return tags
