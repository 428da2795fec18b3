"""What the classifiers share that adapt by themselves: the estimator contract, checked input, codes for labels."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import from_tensor
from headstart.strategies._open_set import tell_unseen_classes
from headstart.strategies.feature._codes import shared_codes
from headstart.strategies.feature._rows import checked_rows
from headstart.strategies.unlabelled import target_rows

Codes = NDArray[np.int64]
ONLY_SOURCE = "source"


class TransferClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Base of classifiers that take source rows with labels and target rows without.

    A method's file defines one subclass, whose ``name`` is the file's name, with ``_learn`` and ``_scores``.

    Attributes:
        adapted_: True where a target was used.
        classes_: (n_classes,) labels, sorted.
        target_labels_: (n_target,) the labels that the target rows of ``fit`` got, where there were any.
    """

    name: ClassVar[str] = ""

    classes_: NDArray[Any]
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
        """Learn from both domains; without ``X_target`` from the source alone.

        Args:
            X: (n, d) source rows.
            y: (n,) their labels.
            X_target: (n_target, d) rows of the target domain, perhaps in an ``Unlabelled``.
            y_target: (n_target,) objects, None where missing; or None.
            sample_domain: (n,) names of the sources, or None.
            sample_weight: (n,) weights of the source rows, or None.

        Raises:
            InputError: rows that are not finite, of different columns, empty, or labels that do not fit them.
        """
        who = type(self).__name__
        X, y = from_tensor(X), from_tensor(y)
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], ensure_all_finite=False)
        check_classification_targets(y)
        source = checked_rows(X, who, "X")
        target = self._target(target_rows(X_target), y_target)
        weights = _check_sample_weight(sample_weight, source, dtype=np.float64, ensure_non_negative=True)
        kept = weights > 0
        source, y, weights = (source, y, weights) if kept.all() else (source[kept], y[kept], weights[kept])
        others = source[:0] if target is None else target.astype(source.dtype, copy=False)
        self.classes_, codes, target_codes = shared_codes(y, y_target, source, others, who)
        self.source_domains_ = np.unique(
            [ONLY_SOURCE] if sample_domain is None else np.asarray(sample_domain).astype(str)
        )
        self.adapted_ = target is not None
        if target_codes is not None:
            tell_unseen_classes(who, self.classes_[codes], self.classes_[target_codes[target_codes >= 0]])
        self._learn(source, others if self.adapted_ else None, codes, target_codes, weights)
        return self

    def predict(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n,) labels of (n, d) rows, of the target unless ``sample_domain`` (n,) names a source."""
        best = self._all_scores(X, sample_domain).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def decision_function(self, X: Any, *, sample_domain: Any = None) -> NDArray[np.float64]:
        """(n, n_classes) scores, or (n,) their difference for two classes."""
        scores = self._all_scores(X, sample_domain)
        return np.asarray(scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores)

    def predict_proba(self, X: Any, *, sample_domain: Any = None) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``: the softmax of the scores."""
        from headstart.heads._score_scale import softmax

        return softmax(self._all_scores(X, sample_domain))

    def score(self, X: Any, y: Any, *, sample_domain: Any = None, sample_weight: Any = None) -> float:
        """Accuracy."""
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(y, self.predict(X, sample_domain=sample_domain), sample_weight=sample_weight))

    def _learn(
        self,
        source: NDArray[Any],
        target: NDArray[Any] | None,
        codes: Codes,
        target_codes: Codes | None,
        weights: NDArray[np.float64],
    ) -> None:
        raise NotImplementedError

    def _scores(self, X: NDArray[Any], is_source: bool) -> NDArray[np.float64]:
        """(n, n_classes) scores, the largest of which wins."""
        raise NotImplementedError

    def _all_scores(self, X: Any, sample_domain: Any) -> NDArray[np.float64]:
        check_is_fitted(self, "classes_")
        X = validate_data(self, from_tensor(X), dtype=[np.float64, np.float32], reset=False, ensure_all_finite=False)
        rows = checked_rows(X, type(self).__name__, "X")
        if sample_domain is None or not self.adapted_:
            return self._scores(rows, is_source=False)
        is_source = np.isin(np.asarray(sample_domain).astype(str), self.source_domains_)
        if is_source.shape != (len(rows),):
            got = is_source.shape
            raise InputError(
                f"{type(self).__name__} needs a domain for each of {len(rows)} rows, got {got}. Name each."
            )
        scores = np.empty((len(rows), len(self.classes_)))
        for side in (True, False):
            if (is_source == side).any():
                scores[is_source == side] = self._scores(rows[is_source == side], is_source=side)
        return scores

    def _target(self, X_target: Any, y_target: Any) -> Any:
        who = type(self).__name__
        if X_target is None:
            if y_target is not None:
                raise InputError(f"{who} needs X_target along with y_target, got None. Pass the rows of these labels.")
            return None
        if hasattr(X_target, "columns") and len(X_target.columns) == self.n_features_in_:
            validate_data(self, X_target, reset=False, skip_check_array=True)  # names, and their order
        rows = checked_rows(X_target, who, "X_target")
        if rows.shape[1] != self.n_features_in_:
            got = rows.shape[1]
            raise InputError(
                f"{who} needs {self.n_features_in_} columns in X_target as in X, got {got}. Name the same."
            )
        return rows

    def __sklearn_is_fitted__(self) -> bool:
        """True once the classes are known."""
        return hasattr(self, "classes_")
