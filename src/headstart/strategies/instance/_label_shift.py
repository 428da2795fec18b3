"""What methods of label shift share: class probabilities of both domains by a model of the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.instance._cross_fitting import cross_fitted, default_classifier, proba_by_code
from headstart.strategies.instance._pair import Pair


@dataclass(frozen=True, eq=False)
class Posteriors:
    """Class probabilities by a classifier of source labels.

    Args:
        source: (n_source, k) by models that did not see the row.
        target: (n_target, k) by a model of all source rows.
        codes: (n_source,) class codes.
        classes: (k,) labels.
        prior: (k,) share of each class in the source.
    """

    source: NDArray[np.float64]
    target: NDArray[np.float64]
    codes: NDArray[np.int64]
    classes: NDArray[Any]
    prior: NDArray[np.float64]

    def confusion(self, *, is_soft: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(k, k) joint shares of predicted (row) and true class in the source, (k,) of predicted ones in the target."""
        k = len(self.classes)
        predicted = [proba if is_soft else np.eye(k)[proba.argmax(axis=1)] for proba in (self.source, self.target)]
        joint = predicted[0].T @ np.eye(k)[self.codes] / len(self.codes)
        return joint, predicted[1].mean(axis=0)


def fit_posteriors(who: str, pair: Pair, classifier: Any, *, n_folds: int, random_state: int | None) -> Posteriors:
    """Fit the classifier (None: logistic regression) to the source, cross-fitted there and whole for the target.

    Raises:
        InputError: source labels are missing, are no class labels, or are all the same.
    """
    from sklearn.base import clone

    codes, classes = pair.codes(who)
    chosen = default_classifier(pair.source, codes) if classifier is None else classifier
    k = len(classes)
    source = cross_fitted(chosen, pair.source, codes, k, n_folds=n_folds, random_state=random_state)
    target = proba_by_code(clone(chosen).fit(pair.source, codes), pair.target, k)
    return Posteriors(source, target, codes, classes, np.bincount(codes, minlength=k) / len(codes))
