"""A source classifier's answers to the target's question: all that is learnt is the map between the classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array, check_is_fitted, column_or_1d, validate_data

from headstart.errors import InputError
from headstart.strategies.parameter._label_maps import by_bayes, by_frequency, by_name, by_pairs, counted
from headstart.strategies.parameter._source_predictions import is_fitted, is_raw

METHODS = ("name", "pairs", "frequent", "bayesian", "expected")
WHO = "LabelMapping"


class LabelMapping(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """``p(target class | x) = sum_s M[s, target class] p_source(s | x)``; M is given, or counted on target rows.

    What M is:

    * "name": classes of the same name; "pairs": as ``pairs`` says. No labels are read but for the classes' names.
    * "frequent": one source class for each target class, greedily by how often the source says it there.
    * "bayesian": ``p(target | the source says s)``, counted with ``smoothing``.
    * "expected": ``p(target | s)`` with each row spread over the source's probabilities: the expected empirical
      predictor, whose mean log-likelihood on the rows is LEEP.

    Probability of source classes that stand for nothing is shared out among the others; where none is left, the rows'
    frequencies of the target's classes are the answer.

    Args:
        source: a fitted classifier with ``predict_proba``; frozen where scikit-learn clones it. It is given the
            examples as they come, texts and pictures too.
        method: one of the above.
        pairs: source class -> target class, several to one if need be.
        smoothing: is added to every count of "bayesian", at least 0.

    Attributes:
        classes_: (n_classes,) sorted.
        map_: (n_source, n_classes) M.
        frequencies_: (n_classes,) of the classes.
        leep_: for "expected", at most 0; the nearer to 0, the better the source knows the target's classes.

    Source: frequent: Chen, Yao, Chen, Zhang and Liu, Understanding and improving visual prompting: a label-mapping
    perspective, CVPR 2023; bayesian: Cai et al., Bayesian-guided label mapping for visual reprogramming, NeurIPS 2024;
    expected: Nguyen, Hassner, Seeger and Archambeau, LEEP, ICML 2020.
    """

    name: ClassVar[str] = "label_mapping"

    def __init__(
        self,
        source: Any,
        *,
        method: str = "bayesian",
        pairs: Mapping[Any, Any] | None = None,
        smoothing: float = 1.0,
    ) -> None:
        self.source = source
        self.method = method
        self.pairs = pairs
        self.smoothing = smoothing

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn the map from n target examples and (n,) labels.

        Raises:
            InputError: the source is not fitted or has no probabilities, no class finds another, or a setting makes no
                sense.
        """
        self._check_settings()
        X, y = self._checked(X, y)
        weights = _check_sample_weight(sample_weight, y.reshape(-1, 1), dtype=np.float64, ensure_non_negative=True)
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes, source_classes = len(self.classes_), np.asarray(_classes_of(self.source))
        self.frequencies_ = np.bincount(codes, weights, n_classes) / weights.sum()
        self.leep_: float | None = None
        if self.method in ("name", "pairs"):
            given = by_name(source_classes, self.classes_)
            if self.method == "pairs":
                given = by_pairs(WHO, source_classes, self.classes_, self.pairs or {})
            self.map_ = given
        else:
            self._count(self._proba(X), codes, weights)
        if not self.map_.any():
            got = f"{source_classes.tolist()[:5]} and {self.classes_.tolist()[:5]}"
            raise InputError(f"{WHO} needs classes that find each other, got {got}. Give pairs, or take 'bayesian'.")
        return self

    def _count(self, proba: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
        n_classes = len(self.classes_)
        counts = counted(proba, codes, weights, n_classes, whole=self.method != "expected")
        if self.method == "frequent":
            self.map_ = by_frequency(WHO, counts)
        else:
            self.map_ = by_bayes(counts, self.smoothing if self.method == "bayesian" else 0.0)
        if self.method == "expected":
            told = (proba @ self.map_)[np.arange(len(codes)), codes]
            is_heavy = weights > 0
            self.leep_ = float(np.average(np.log(told[is_heavy]), weights=weights[is_heavy]))

    def _check_settings(self) -> None:
        if not is_fitted(self.source):
            raise InputError(
                f"{WHO} needs a fitted source, got {type(self.source).__name__} that is none. Fit it; where "
                "scikit-learn clones (in cross-validation), wrap it in sklearn.frozen.FrozenEstimator."
            )
        if not (hasattr(self.source, "predict_proba") and _classes_of(self.source) is not None):
            raise InputError(
                f"{WHO} needs a classifier with predict_proba as source, got {type(self.source).__name__}."
            )
        if self.method not in METHODS or not self.smoothing >= 0 or (self.method == "pairs" and not self.pairs):
            what = f"{WHO} needs a method of {', '.join(METHODS)}, pairs for 'pairs', and smoothing of at least 0"
            raise InputError(f"{what}, got {self.method!r}, {self.pairs!r} and {self.smoothing!r}. Correct them.")

    def _checked(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        if is_raw(X):
            labels = column_or_1d(y)
            if len(labels) != len(X):
                raise InputError(f"{WHO} needs a label for each of {len(X)} examples, got {len(labels)}. Pass (n,).")
        else:
            checked, labels = validate_data(self, X, y, accept_sparse=self._takes_sparse(), dtype=None)
            check_array(checked, accept_sparse=True)
        check_classification_targets(labels)
        return X, labels

    def _proba(self, X: Any) -> NDArray[np.float64]:
        return np.asarray(self.source.predict_proba(X), dtype=np.float64)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        check_is_fitted(self)
        if not is_raw(X):
            rows = validate_data(self, X, accept_sparse=self._takes_sparse(), dtype=None, reset=False)
            check_array(rows, accept_sparse=True)
        mapped = self._proba(X) @ self.map_
        totals = mapped.sum(axis=1, keepdims=True)
        is_known = totals > 1e-12
        return np.where(is_known, mapped / np.where(is_known, totals, 1.0), self.frequencies_)

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) most probable labels."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[proba.argmax(axis=1)])

    def _takes_sparse(self) -> bool:
        return bool(get_tags(self).input_tags.sparse)

    def __sklearn_tags__(self) -> Any:
        """A classifier that takes sparse rows where the source does."""
        tags = super().__sklearn_tags__()
        if hasattr(self.source, "__sklearn_tags__"):
            tags.input_tags.sparse = get_tags(self.source).input_tags.sparse
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """True once there is a map."""
        return hasattr(self, "map_")


def _classes_of(source: Any) -> Any:
    """An estimator's classes, or a loaded model's."""
    return getattr(source, "classes_", getattr(source, "classes", None))
